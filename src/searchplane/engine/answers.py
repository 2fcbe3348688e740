"""What a node's answers mean: a view of the cluster, or why there is none, in a sentence.

Pure: engine/probe.py asks, this reads. The same words come from Elasticsearch 7.10 to OpenSearch
2.19, except that "no master" is worded in two ways.

It will not guess: an answer that is not understood is trouble, never an empty view.
"""

from __future__ import annotations

import ssl
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import httpx

from searchplane.domain.observed import EngineView, Health

STATE_PATH = (
    "/_cluster/state/master_node,nodes?master_timeout=1s"
    "&filter_path=cluster_uuid,master_node,nodes.*.name,nodes.*.transport_address,nodes.*.version"
)
"""The master answers; a node that knows none waits a second for an election."""

HEALTH_PATH = (
    "/_cluster/health?master_timeout=1s&timeout=1s"
    "&filter_path=status,initializing_shards,relocating_shards,unassigned_shards"
    ",delayed_unassigned_shards,number_of_pending_tasks,number_of_in_flight_fetch"
)

READY_PATH = "/_plugins/_security/health"
"""Whether users can log in: needs no login itself, and a "not yet" leaves no error in the log."""

ALIVE_PATH = "/"
"""Of a plain node: it answers as soon as it has joined."""

_PENDING = ("delayed_unassigned_shards", "number_of_pending_tasks", "number_of_in_flight_fetch")

_NOT_RECOVERED = "_na_"  # the cluster_uuid before the elected master has read its own state


class Kind(IntEnum):
    """Why a node gave no view, the more telling the higher."""

    SILENT = 0
    STRANGE = 1
    UNTRUSTED = 2
    DENIED = 3
    NO_MASTER = 4
    NOT_RECOVERED = 5
    NOT_READY = 6


_SENTENCES = {
    Kind.SILENT: "no node of {all} answers on port 9200",
    Kind.STRANGE: "{address}:9200 answers {status} with what no engine would say",
    Kind.UNTRUSTED: "the certificate of {address} is not one of this cluster's authority",
    Kind.DENIED: "{address} refuses the control plane's credential",
    Kind.NO_MASTER: "{some} of {all} nodes answer but have not elected a master yet",
    Kind.NOT_RECOVERED: "the elected master has not recovered the cluster's state yet",
    Kind.NOT_READY: "OpenSearch Security is not initialized yet",
}


@dataclass(frozen=True)
class Trouble:
    """Why one node gave no view; `status` is its HTTP status, 0 without an answer."""

    kind: Kind
    address: str
    status: int = 0


def sentence(troubles: Collection[Trouble]) -> str:
    """The most telling of the troubles, one per node, in words."""
    worst = max(troubles, key=lambda each: each.kind)
    some = sum(each.kind is worst.kind for each in troubles)
    return _SENTENCES[worst.kind].format(
        address=worst.address, status=worst.status, some=some, all=len(troubles)
    )


def no_answer(address: str, error: httpx.HTTPError | ssl.SSLError) -> Trouble:
    """Nothing came back: nobody listens, too slow, or one side does not trust the other."""
    text = str(error)
    if "CERTIFICATE_VERIFY_FAILED" in text:
        return Trouble(Kind.UNTRUSTED, address)
    refused = "_ALERT_" in text and "CERTIFICATE" in text
    return Trouble(Kind.DENIED if refused else Kind.SILENT, address)


def trouble_of(address: str, answer: httpx.Response) -> Trouble | None:
    """What is wrong with an answer; None if its body can be read."""
    if answer.status_code == httpx.codes.OK:
        return None
    return Trouble(_refusal(answer), address, answer.status_code)


def read(
    address: str,
    state: httpx.Response,
    health: httpx.Response,
    not_ready: Collection[str] = (),
) -> EngineView | Trouble:
    """The view in a node's two answers. Nodes at a `not_ready` address do not count as members."""
    try:
        view = _view(state.json(), health.json(), not_ready)
    except (AttributeError, KeyError, TypeError, ValueError):
        return Trouble(Kind.STRANGE, address, state.status_code)
    if view.cluster_uuid == _NOT_RECOVERED:
        return Trouble(Kind.NOT_RECOVERED, address, state.status_code)
    return view


def joined_hosts(state: httpx.Response) -> frozenset[str]:
    """The hosts of all nodes in an answer that `read` understood, ready or not."""
    return frozenset(_hosts(state.json()).values())


def _refusal(answer: httpx.Response) -> Kind:
    if answer.status_code in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}:
        return Kind.DENIED
    text = answer.text.lower()
    if "not initialized" in text:
        return Kind.NOT_READY
    return Kind.NO_MASTER if "not_discovered" in text else Kind.STRANGE


def _view(
    state: Mapping[str, Any], health: Mapping[str, Any], not_ready: Collection[str]
) -> EngineView:
    joined = _hosts(state)
    return EngineView(
        cluster_uuid=str(state["cluster_uuid"]),
        master=state["nodes"][state["master_node"]]["name"],
        members=frozenset(name for name, host in joined.items() if host not in not_ready),
        health=Health(health["status"]),
        initializing=int(health["initializing_shards"]),
        relocating=int(health["relocating_shards"]),
        unassigned=int(health["unassigned_shards"]),
        versions={
            str(node["name"]): str(node.get("version", "")) for node in state["nodes"].values()
        },
        pending=sum(int(health.get(name, 0)) for name in _PENDING),
    )


def _hosts(state: Mapping[str, Any]) -> dict[str, str]:
    """The host of every node that has joined, by the node's name."""
    nodes: Sequence[Mapping[str, str]] = list(state["nodes"].values())
    return {node["name"]: _host(node["transport_address"]) for node in nodes}


def _host(transport_address: str) -> str:
    return transport_address.rpartition(":")[0].strip("[]")
