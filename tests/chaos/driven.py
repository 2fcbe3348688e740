"""A cluster of real nodes that is changed by the public API, under traffic or not."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import psutil
from tests.chaos.real_nodes import Watched, health, made, processes, waited_for
from tests.support.running import RunningService, getting_started, running_service
from tests.support.writers import (
    BUSY,
    Endpoints,
    Pace,
    Tally,
    endpoints_of,
    make_index,
    missing,
    traffic,
)

from searchplane.domain.cluster import Role
from searchplane.domain.engines import DEFAULT_DATASTORE
from searchplane.domain.flavors import flavor_id

CHANGE_SECONDS = 300.0
MIXED_SECONDS = 900.0
"""The same for a cluster of several types: as many nodes share the machine."""
SMALL_HEAP_MB = "256"
FORCED = {"cluster_load_check": False}
"""Nodes on a small machine under traffic are busy, and what is asked of them is to be done."""
SHOWN = 5
"""Of the last attempts that failed, in a message."""


Serve = Callable[[str], Watched]


@dataclass
class Driven:
    """A cluster under traffic; `acknowledged` is kept from operation to operation. `serve` starts
    another service on the same data folder."""

    cluster: Watched
    endpoints: Endpoints
    acknowledged: dict[str, dict[str, Any]] = field(default_factory=dict)
    patience: float = CHANGE_SECONDS
    serve: Serve | None = None

    @property
    def path(self) -> str:
        return f"/clusters/{self.cluster.cluster_id}"

    def instances(self) -> list[dict[str, Any]]:
        return self.cluster.shown()["instances"]

    def process(self, node_id: str) -> psutil.Process:
        """The node's process, which must run."""
        (found,) = (
            one
            for one in processes(self.cluster.service.data)
            if any(f"/{node_id}" in word for word in one.cmdline())
        )
        return found

    def kill_service(self) -> None:
        """kill -9 of the control plane; nodes go on running."""
        self.cluster.service.process.kill()
        self.cluster.service.process.wait()

    def serve_again(self) -> None:
        assert self.serve is not None, "nobody said how"
        self.cluster = self.serve(self.cluster.cluster_id)

    def during(self, operation: Callable[[], None], pace: Pace = BUSY) -> Tally:
        """Write and search from before the operation until it is done, and a little longer."""
        began = time.monotonic()
        with traffic(self.endpoints, pace=pace) as seen:
            waited_for(lambda: seen.acknowledged and seen.searched, "nothing was written")
            operation()
            try:
                self.is_done()
            except AssertionError as error:
                failed = [*seen.failed_writes[-SHOWN:], *seen.failed_searches[-SHOWN:]]
                raise AssertionError(f"{operation.__name__}: {error}; failed: {failed}") from None
            until = len(seen.searched) + 20
            waited_for(lambda: len(seen.searched) > until, "nothing is found any longer")
        self.acknowledged |= seen.acknowledged
        tally = seen.tally(self.endpoints())
        few = replace(tally, reasons=tally.reasons[-SHOWN:])
        print(f"{operation.__name__}: {time.monotonic() - began:.1f} s, {few}")  # noqa: T201 - shown when it fails
        return tally

    def ask(self, method: str, path: str, body: object = None, *, version: str = "v1.0") -> None:
        url = str(self.cluster.css.base_url).rstrip("/").replace("v1.0", version)
        answer = self.cluster.css.request(method, f"{url}{self.path}{path}", json=body)
        assert answer.is_success, answer.text
        assert self.cluster.shown()["actions"] != []

    def is_done(self) -> None:
        """Available, green, nothing told to the engine, as many processes as nodes."""

        def look() -> bool:
            shown = self.cluster.shown()
            assert shown["status"] == "200", shown
            done = not shown["actions"]
            return done and all(one["status"] == "200" for one in shown["instances"])

        waited_for(look, "the change is not done", self.patience)
        count = len(self.instances())
        assert len(processes(self.cluster.service.data)) == count
        self.nothing_is_left(count)

    def nothing_is_left(self, count: int) -> None:
        endpoint = self.endpoints()[0]
        seen = health(endpoint, wait_for_status="green", timeout="60s")
        assert (seen["status"], seen["number_of_nodes"]) == ("green", count)
        assert left_in_engine(endpoint) == []
        folders = [*(self.cluster.service.data / "nodes").resolve().glob("*/*")]
        assert {folder.name for folder in folders} == {one["id"] for one in self.instances()}

    def nothing_is_lost(self) -> None:
        """Whatever was acknowledged at any time is on every node."""
        for endpoint in self.endpoints():
            assert not missing(endpoint, self.acknowledged)


def left_in_engine(endpoint: str) -> list[str]:
    """Settings and voting exclusions that the engine was told and nobody took back."""
    exclusions = "metadata.cluster_coordination.voting_config_exclusions"
    with httpx.Client(base_url=endpoint, timeout=60, trust_env=False) as http:
        told = http.get("/_cluster/settings?flat_settings=true").raise_for_status().json()
        query = {"filter_path": f"{exclusions}.node_name"}
        votes = http.get("/_cluster/state/metadata", params=query).raise_for_status().json()
    settings = [name for kind in ("persistent", "transient") for name in told[kind]]
    return [*settings, *([str(votes)] if votes else [])]


def made_of(service: RunningService, css: httpx.Client, roles: Mapping[str, int]) -> Watched:
    """Ask for a cluster of these types of nodes; it is not waited for."""
    network = getting_started()["cluster"]["instance"]["nics"]
    groups = [
        {
            "type": role,
            "flavorRef": "ess.spec-2u16g",
            "instanceNum": count,
            "volume": {"volume_type": "COMMON", "size": 40},
        }
        for role, count in roles.items()
    ]
    cluster = {
        "name": "Mixed",
        "datastore": {"type": "elasticsearch", "version": "7.10.2"},
        "roles": groups,
        "nics": network,
    }
    url = str(css.base_url).rstrip("/").replace("v1.0", "v2.0") + "/clusters"
    answer = css.post(url, json={"cluster": cluster})
    assert answer.is_success, answer.text
    return Watched(service, css, answer.json()["cluster"]["id"])


@contextmanager
def driven(data: Path, roles: Mapping[str, int] | None = None) -> Iterator[Driven]:
    """Three nodes, or so many of each type with as little memory as they run with."""
    environment = {} if roles is None else {"SEARCHPLANE_MAX_HEAP_MB": SMALL_HEAP_MB}
    with ExitStack() as at_end:

        def opened() -> tuple[RunningService, httpx.Client]:
            service = at_end.enter_context(running_service(data, environment))
            return service, at_end.enter_context(service.project_client())

        def endpoints() -> Sequence[str]:
            watched = found.cluster
            return endpoints_of(watched.css, watched.cluster_id)()

        service, css = opened()
        cluster = made(service, css, 3) if roles is None else made_of(service, css, roles)
        cluster.available()
        found = Driven(
            cluster,
            endpoints,
            patience=CHANGE_SECONDS if roles is None else MIXED_SECONDS,
            serve=lambda one: Watched(*opened(), one),
        )
        make_index(endpoints()[0])
        yield found


class Operations:
    """What is done to a cluster, by the public API."""

    def __init__(self, to: Driven) -> None:
        self._to = to

    def extend(self) -> None:
        self._to.ask("POST", "/extend", {"grow": {"modifySize": 1}})

    def extend_by_role(self) -> None:
        self._to.ask("POST", "/role_extend", {"grow": [{"type": "ess", "nodesize": 1}]})

    def shrink(self) -> None:
        body = {"shrink": [{"type": "ess", "reducedNodeNum": 1}], **FORCED}
        self._to.ask("POST", "/role/shrink", body, version="v1.0/extend")

    def shrink_clients_and_data(self) -> None:
        fewer = [{"type": role, "reducedNodeNum": 1} for role in ("ess-client", "ess")]
        self._to.ask("POST", "/role/shrink", {"shrink": fewer, **FORCED}, version="v1.0/extend")

    def independent_clients(self) -> None:
        """Clients for a cluster that has none."""
        flavor = flavor_id(DEFAULT_DATASTORE, Role.CLIENT, "ess.spec-2u16g")
        body = {"type": {"flavor_ref": flavor, "node_size": 2}}
        self._to.ask("POST", "/type/ess-client/independent", body)

    def independent_masters(self) -> None:
        """Masters for a cluster whose data nodes are its masters until then."""
        flavor = flavor_id(DEFAULT_DATASTORE, Role.MASTER, "ess.spec-2u16g")
        body = {"type": {"flavor_ref": flavor, "node_size": 3}}
        self._to.ask("POST", "/type/ess-master/independent", body)

    def flavor_of_data_nodes(self) -> None:
        wanted = flavor_id(DEFAULT_DATASTORE, Role.DATA, "ess.spec-4u16g")
        self._to.ask("POST", "/ess/flavor", {"new_flavor_id": wanted, **FORCED})

    def offline_data(self) -> None:
        self._to.ask("POST", "/node/offline", {"shrinkNodes": [self._holder()["id"]]})

    def offline(self) -> None:
        """The elected master, which is the hardest to part with."""
        body = {"shrinkNodes": [self.master()["id"]]}
        self._to.ask("POST", "/node/offline", body)

    def replace(self) -> None:
        self._to.ask("PUT", f"/instance/{self._holder()['id']}/replace")

    def replace_master(self) -> None:
        self._to.ask("PUT", f"/instance/{self.master()['id']}/replace")

    def roll(self) -> None:
        body = {"type": "role", "value": "all"}
        self._to.ask("POST", "/rolling-restart", body, version="v2.0")

    def restart(self) -> None:
        self._to.ask("POST", "/restart")

    def restart_one(self) -> None:
        body = {"type": "node", "value": self._holder()["id"]}
        self._to.ask("POST", "/restart", body, version="v2.0")

    def replace_dead(self) -> None:
        """kill -9 of a node, and at once it is asked to be made anew."""
        chosen = self._holder()["id"]
        self._to.process(chosen).kill()
        self._to.ask("PUT", f"/instance/{chosen}/replace")

    def master(self) -> dict[str, Any]:
        """The elected one."""
        answer = httpx.get(f"{self._to.endpoints()[0]}/_cat/master", params={"format": "json"})
        name = answer.raise_for_status().json()[0]["node"]
        return next(one for one in self._to.instances() if one["name"] == name)

    def _holder(self) -> dict[str, Any]:
        """A node that holds data."""
        return next(one for one in self._to.instances() if one["type"] == "ess")
