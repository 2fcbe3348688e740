"""Every change to a cluster of real nodes while clients write and search: no document is lost.

One cluster goes through several operations in a row. What may fail meanwhile depends on the
operation: nothing, where nodes go and come one after the other and indices have replicas.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.chaos.real_nodes import Watched, health, made, processes, waited_for
from tests.support.running import running_service
from tests.support.writers import Endpoints, Tally, endpoints_of, make_index, missing, traffic

pytestmark = [pytest.mark.engine, pytest.mark.chaos, pytest.mark.timeout(900)]

CHANGE_SECONDS = 300.0


@dataclass
class Driven:
    """A cluster under traffic; `acknowledged` is kept from operation to operation."""

    cluster: Watched
    endpoints: Endpoints
    acknowledged: dict[str, dict[str, Any]] = field(default_factory=dict)
    patience: float = CHANGE_SECONDS

    @property
    def path(self) -> str:
        return f"/clusters/{self.cluster.cluster_id}"

    def instances(self) -> list[dict[str, Any]]:
        return self.cluster.shown()["instances"]

    def during(self, operation: Callable[[], None]) -> Tally:
        """Write and search from before the operation until it is done, and a little longer."""
        began = time.monotonic()
        with traffic(self.endpoints) as seen:
            waited_for(lambda: seen.acknowledged and seen.searched, "nothing was written")
            operation()
            self.is_done()
            until = len(seen.searched) + 20
            waited_for(lambda: len(seen.searched) > until, "nothing is found any longer")
        self.acknowledged |= seen.acknowledged
        tally = seen.tally(self.endpoints())
        print(f"{operation.__name__}: {time.monotonic() - began:.1f} s, {tally}")  # noqa: T201 - shown when it fails
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
        with httpx.Client(base_url=endpoint, timeout=60, trust_env=False) as http:
            told = http.get("/_cluster/settings").raise_for_status().json()
            votes = http.get(
                "/_cluster/state/metadata",
                params={"filter_path": "metadata.cluster_coordination.voting_config_exclusions"},
            ).raise_for_status()
        assert told == {"persistent": {}, "transient": {}}
        assert "node_name" not in votes.text
        folders = [*(self.cluster.service.data / "nodes").resolve().glob("*/*")]
        assert {folder.name for folder in folders} == {one["id"] for one in self.instances()}

    def nothing_is_lost(self) -> None:
        """Whatever was acknowledged at any time is on every node."""
        for endpoint in self.endpoints():
            assert not missing(endpoint, self.acknowledged)


@contextmanager
def driven(data: Path, nodes: int = 3) -> Iterator[Driven]:
    with running_service(data, {}) as service, service.project_client() as css:
        cluster = made(service, css, nodes)
        cluster.available()
        endpoints = endpoints_of(css, cluster.cluster_id)
        make_index(endpoints()[0])
        yield Driven(cluster, endpoints)


class Operations:
    """What is done to a cluster, by the public API."""

    def __init__(self, to: Driven) -> None:
        self._to = to

    def extend(self) -> None:
        self._to.ask("POST", "/extend", {"grow": {"modifySize": 1}})

    def shrink(self) -> None:
        body = {"shrink": [{"type": "ess", "reducedNodeNum": 1}]}
        self._to.ask("POST", "/role/shrink", body, version="v1.0/extend")

    def offline(self) -> None:
        """The elected master, which is the hardest to part with."""
        body = {"shrinkNodes": [self._master()["id"]]}
        self._to.ask("POST", "/node/offline", body)

    def replace(self) -> None:
        self._to.ask("PUT", f"/instance/{self._to.instances()[0]['id']}/replace")

    def replace_master(self) -> None:
        self._to.ask("PUT", f"/instance/{self._master()['id']}/replace")

    def roll(self) -> None:
        body = {"type": "role", "value": "all"}
        self._to.ask("POST", "/rolling-restart", body, version="v2.0")

    def restart(self) -> None:
        self._to.ask("POST", "/restart")

    def restart_one(self) -> None:
        body = {"type": "node", "value": self._to.instances()[0]["id"]}
        self._to.ask("POST", "/restart", body, version="v2.0")

    def replace_dead(self) -> None:
        """kill -9 of a node, and at once it is asked to be made anew."""
        chosen = self._to.instances()[1]
        (process,) = (
            one
            for one in processes(self._to.cluster.service.data)
            if any(f"/{chosen['id']}/" in word for word in one.cmdline())
        )
        process.kill()
        self._to.ask("PUT", f"/instance/{chosen['id']}/replace")

    def _master(self) -> dict[str, Any]:
        answer = httpx.get(f"{self._to.endpoints()[0]}/_cat/master", params={"format": "json"})
        name = answer.raise_for_status().json()[0]["node"]
        return next(one for one in self._to.instances() if one["name"] == name)


def serves_all_the_time(driven: Driven, operation: Callable[[], None]) -> None:
    tally = driven.during(operation)
    assert tally.lost == 0
    assert tally.has_no_failures, tally.reasons


def loses_nothing(driven: Driven, operation: Callable[[], None]) -> None:
    assert driven.during(operation).lost == 0


def test_one_node_more_one_less_and_each_restarted(data: Path) -> None:
    with driven(data) as cluster:
        do = Operations(cluster)
        serves_all_the_time(cluster, do.extend)
        serves_all_the_time(cluster, do.offline)
        serves_all_the_time(cluster, do.roll)
        serves_all_the_time(cluster, do.replace_master)
        cluster.nothing_is_lost()
        assert len(cluster.instances()) == 3


@pytest.mark.nightly
@pytest.mark.timeout(3600)
def test_all_of_them_one_after_the_other(data: Path) -> None:
    with driven(data) as cluster:
        do = Operations(cluster)
        for operation in (do.extend, do.shrink, do.replace, do.extend, do.offline, do.roll):
            serves_all_the_time(cluster, operation)
        for operation in (do.restart, do.restart_one, do.replace_dead):
            loses_nothing(cluster, operation)
        cluster.nothing_is_lost()
