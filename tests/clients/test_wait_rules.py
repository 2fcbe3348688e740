"""The rules by which clients wait, written down and run against the service.

Each client is a small function of what it reads (api/semantics.md, section 3): it says whether to
wait, that all is done, or that it failed. A poll must never say done too early, nor ever failed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from enum import Enum, auto
from typing import Any

import httpx
import pytest
from tests.support.live_service import Live, live_service, until, wait_for
from tests.support.running import getting_started

from searchplane.drivers.base import NodeRef


class Says(Enum):
    WAIT = auto()
    DONE = auto()
    FAILED = auto()


Rule = Callable[[httpx.Response], Says]


def otcextensions(answer: httpx.Response) -> Says:
    """wait_for_cluster: status as a number, then actions and progress exactly empty."""
    shown = answer.json()
    if shown.get("failed_reasons"):
        return Says.FAILED
    if int(shown["status"]) == 100:
        return Says.WAIT
    idle = shown["actions"] == [] and shown["actionProgress"] == {}
    return Says.DONE if idle else Says.WAIT


def gopher(answer: httpx.Response) -> Says:
    """Status alone; any value it does not know is a failure, and so is a wrong JSON type."""
    shown = answer.json()
    strict = all(isinstance(one, str) for one in shown["actionProgress"].values())
    known = {"100": Says.WAIT, "200": Says.DONE}
    return known.get(shown["status"], Says.FAILED) if strict else Says.FAILED


def terraform(answer: httpx.Response) -> Says:
    """huaweicloud_css_cluster: status first, then idle with every instance available."""
    shown = answer.json()
    if shown["status"] == "100":
        return Says.WAIT
    if shown["status"] != "200":
        return Says.FAILED
    instances = [one["status"] for one in shown["instances"]]
    ready = not shown["actions"] and instances and set(instances) == {"200"}
    return Says.DONE if ready else Says.WAIT


def terraform_delete(answer: httpx.Response) -> Says:
    """404, or 403 with CSS.0015, is gone."""
    if answer.status_code == 404:
        return Says.DONE
    if answer.status_code == 403:
        return Says.DONE if answer.json()["errCode"] == "CSS.0015" else Says.FAILED
    return Says.WAIT if answer.status_code == 200 else Says.FAILED


def otc_delete(answer: httpx.Response) -> Says:
    """The OTC provider and otcextensions understand 404 alone."""
    if answer.status_code == 404:
        return Says.DONE
    return Says.WAIT if answer.status_code == 200 else Says.FAILED


CREATE: list[Rule] = [otcextensions, gopher, terraform]
DELETE: list[Rule] = [terraform_delete, otc_delete]


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live_service(tmp_path_factory.mktemp("waiting")) as service:
        yield service


@pytest.fixture
async def css(live: Live) -> AsyncIterator[httpx.AsyncClient]:
    async with live.client(live.token()) as http:
        yield http


async def create(css: httpx.AsyncClient, name: str) -> str:
    answer = await css.post("/clusters", json=getting_started(name))
    return answer.json()["cluster"]["id"]


async def polled(css: httpx.AsyncClient, cluster_id: str, rule: Rule) -> tuple[list[Says], Any]:
    """What the rule says at every poll, as fast as can be, up to its end; and the last answer."""
    said: list[Says] = []

    async def ends() -> bool:
        said.append(rule(answers[-1]))
        answers.append(await css.get(f"/clusters/{cluster_id}"))
        return said[-1] is not Says.WAIT

    answers = [await css.get(f"/clusters/{cluster_id}")]
    await until(ends, f"{rule.__name__} waits for ever")
    return said, answers[-2]


@pytest.mark.parametrize("rule", CREATE)
async def test_a_create_is_waited_for_and_done_only_when_it_is(
    css: httpx.AsyncClient, rule: Rule
) -> None:
    said, last = await polled(css, await create(css, f"by-{rule.__name__}"), rule)
    assert said[0] is Says.WAIT, "the first poll already saw the end"
    assert said[-1] is Says.DONE
    assert last.json()["endpoint"].count(":9200") == 3


@pytest.mark.parametrize("rule", DELETE)
async def test_a_delete_is_waited_for_and_done_only_when_it_is(
    live: Live, css: httpx.AsyncClient, rule: Rule
) -> None:
    cluster_id = await create(css, f"by-{rule.__name__.replace('_', '-')}")
    await wait_for(css, cluster_id, status="200")
    assert (await css.delete(f"/clusters/{cluster_id}")).status_code == 200
    said, _last = await polled(css, cluster_id, rule)
    assert said[-1] is Says.DONE
    assert not [ref for ref in await live.driver.nodes() if ref.cluster_id == cluster_id]


async def test_no_client_takes_a_node_that_comes_back_for_a_failure(
    live: Live, css: httpx.AsyncClient
) -> None:
    cluster_id = await create(css, "recovers")
    shown = await wait_for(css, cluster_id, status="200", actions=[])
    for node in shown["instances"]:
        live.driver.hold_join(NodeRef(shown["id"], node["id"]))
        live.driver.kill(NodeRef(shown["id"], node["id"]))
    await wait_for(css, cluster_id, actions=["RECOVERING"])
    answer = await css.get(f"/clusters/{cluster_id}")
    assert [rule(answer) for rule in (otcextensions, terraform)] == [Says.WAIT, Says.WAIT]
    assert gopher(answer) is not Says.FAILED
    for node in shown["instances"]:
        live.driver.heal(NodeRef(shown["id"], node["id"]))
    for rule in CREATE:
        assert (await polled(css, cluster_id, rule))[0][-1] is Says.DONE


async def test_many_clients_wait_at_once(css: httpx.AsyncClient) -> None:
    made = [await create(css, f"many-{number}") for number in range(5)]
    ends = await asyncio.gather(*(polled(css, one, terraform) for one in made))
    assert {said[-1] for said, _last in ends} == {Says.DONE}
