"""The floor of changes: the engine driven by hand, with the same safety checks, by its REST API.

It knows where every node is and what it does, so it asks only what a careful operator would: is
everything started and nothing moving before the next step, are the shards gone (twice) and the
vote before a node goes. It asks often, so hardly any time is lost between two steps.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx

from benchmarks.floor import node_command, node_folder, start_process
from searchplane.engine.calm import calm
from searchplane.engine.distributions import Installation
from searchplane.engine.placement import EXCLUDED_SETTING

POLL_SECONDS = 0.05
DEADLINE_SECONDS = 300.0
CALM_HEALTH = (
    "relocating_shards",
    "initializing_shards",
    "number_of_pending_tasks",
    "number_of_in_flight_fetch",
    "delayed_unassigned_shards",
)


class ByHand:
    """Nodes by number; `addresses` has a place for those that come later."""

    def __init__(self, installation: Installation, addresses: list[str], stack: ExitStack) -> None:
        self.addresses = addresses
        self._installation = installation
        self._stack = stack
        self._folders: dict[int, Path] = {}
        self._processes: dict[int, subprocess.Popen[bytes]] = {}
        self._http = stack.enter_context(httpx.Client(timeout=30, trust_env=False))

    def url(self, number: int) -> str:
        return f"http://{self.addresses[number]}:9200"

    def form(self, count: int) -> None:
        for number in range(count):
            self._start(number, bootstrap=count)
        self._whole(count)

    def add(self) -> None:
        self._start(len(self._processes))
        self._whole(len(self._processes))

    def roll(self) -> None:
        """One after the other, the elected master last."""
        master = self._get(0, "/_cat/master?format=json")[0]["node"]
        for number in sorted(self._processes, key=lambda one: self._name(one) == master):
            self._calm()
            self._stop(number)
            self._start(number)
            self._whole(len(self._processes))

    def replace(self, number: int) -> None:
        """Emptied, without its vote, made anew."""
        other = 0 if number else 1
        self._exclude(other, self.addresses[number])
        for _ in range(2):
            self._wait(lambda: not self._shards_on(other, self._name(number)))
        name = self._name(number)
        self._send("POST", other, f"/_cluster/voting_config_exclusions?node_names={name}")
        self._wait(lambda: not self._has_vote(other, name))
        self._stop(number)
        self._wait(lambda: name not in self._members(other))
        shutil.rmtree(self._folders.pop(number))
        self._start(number)
        self._send("DELETE", other, "/_cluster/voting_config_exclusions?wait_for_removal=false")
        self._exclude(other, None)
        self._whole(len(self._processes))

    def _start(self, number: int, bootstrap: int = 0) -> None:
        if number not in self._folders:
            self._folders[number] = self._stack.enter_context(
                node_folder(number, self.addresses, self._installation, bootstrap)
            )
        folder = self._folders[number]
        process = start_process(node_command(self._installation, folder), folder)
        self._stack.callback(_end, process)
        self._processes[number] = process
        calm(process.pid)

    def _stop(self, number: int) -> None:
        process = self._processes[number]
        process.send_signal(signal.SIGTERM)
        process.wait(60)

    def _whole(self, count: int) -> None:
        query = f"/_cluster/health?wait_for_nodes={count}&wait_for_status=green&timeout=50ms"
        for number in self._processes:
            self._wait(lambda number=number: self._answers(number, query))  # type: ignore[misc]

    def _calm(self) -> None:
        def is_calm() -> bool:
            health = self._get(0, "/_cluster/health")
            return health["status"] == "green" and not any(health[one] for one in CALM_HEALTH)

        self._wait(is_calm)

    def _answers(self, number: int, path: str) -> bool:
        try:
            return self._http.get(self.url(number) + path).is_success
        except httpx.TransportError:
            return False

    def _shards_on(self, asked: int, name: str) -> bool:
        shards = self._get(asked, "/_cat/shards?format=json")
        return any(name in (one["node"] or "") for one in shards)

    def _has_vote(self, asked: int, name: str) -> bool:
        path = (
            "/_cluster/state/nodes,metadata?filter_path=nodes.*.name,"
            "metadata.cluster_coordination.last_committed_config"
        )
        state = self._get(asked, path)
        voters = state["metadata"]["cluster_coordination"]["last_committed_config"]
        return any(state["nodes"].get(one, {}).get("name") == name for one in voters)

    def _members(self, asked: int) -> set[str]:
        found = self._get(asked, "/_cat/nodes?format=json&h=name")
        return {one["name"] for one in found}

    def _exclude(self, asked: int, address: str | None) -> None:
        body = {"persistent": {EXCLUDED_SETTING: address}}
        self._send("PUT", asked, "/_cluster/settings", body)

    def _get(self, number: int, path: str) -> Any:
        return self._http.get(self.url(number) + path).raise_for_status().json()

    def _send(self, method: str, number: int, path: str, body: object = None) -> None:
        self._http.request(method, self.url(number) + path, json=body).raise_for_status()

    def _name(self, number: int) -> str:
        return f"floor-{number}"

    def _wait(self, holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not holds():
            if time.monotonic() > deadline:
                raise RuntimeError("the cluster driven by hand does not get on")
            time.sleep(POLL_SECONDS)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


@contextmanager
def by_hand(installation: Installation, addresses: list[str], count: int) -> Iterator[ByHand]:
    """`count` nodes that have formed a green cluster; killed at the end."""
    with ExitStack() as stack:
        cluster = ByHand(installation, addresses, stack)
        cluster.form(count)
        yield cluster
