"""Another project's token sees nothing of a cluster, not even that it exists."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from tests.support.live_service import Live, live_service
from tests.support.running import getting_started

PATHS = [
    ("GET", "/clusters/{id}"),
    ("DELETE", "/clusters/{id}"),
    ("GET", "/clusters/{id}/events"),
    ("GET", "/clusters/{id}/sslCert"),
]


@dataclass(frozen=True)
class Others:
    """Two projects: `mine` has a cluster, `theirs` has none and its user does not know mine."""

    mine: httpx.AsyncClient
    theirs: httpx.AsyncClient
    into_mine: httpx.AsyncClient
    """Their token on my project's paths."""
    cluster_id: str


@pytest.fixture(scope="module")
def eve(untended: Live) -> str:
    """The id of a project of another user."""
    project_id = untended.add_project("local_theirs")
    untended.add_user("eve", project_id, "te_admin")
    return project_id


@pytest.fixture
async def others(untended: Live, eve: str) -> AsyncIterator[Others]:
    token = untended.token("eve", eve)
    async with (
        untended.client(untended.token()) as mine,
        untended.client(token, eve) as theirs,
        untended.client(token) as into_mine,
    ):
        await mine.post("/clusters", json=getting_started("mine"))
        cluster_id = (await mine.get("/clusters")).json()["clusters"][0]["id"]
        yield Others(mine, theirs, into_mine, cluster_id)


@pytest.mark.parametrize(("method", "path"), PATHS)
async def test_under_the_own_project_it_is_unknown(others: Others, method: str, path: str) -> None:
    answer = await others.theirs.request(method, path.format(id=others.cluster_id))
    assert answer.status_code == 404
    assert answer.json()["errCode"] == "CSS.0015"
    unknown = await others.theirs.request(method, path.format(id="x" * 36))
    there, missing = (one.json()["externalMessage"] for one in (answer, unknown))
    assert there.replace(others.cluster_id, "") == missing.replace("x" * 36, "")


@pytest.mark.parametrize(("method", "path"), [*PATHS, ("GET", "/clusters"), ("POST", "/clusters")])
async def test_the_other_project_is_closed(others: Others, method: str, path: str) -> None:
    body = getting_started("intruder") if method == "POST" else None
    for cluster_id in (others.cluster_id, "x" * 36):
        answer = await others.into_mine.request(method, path.format(id=cluster_id), json=body)
        assert answer.status_code == 403
        assert answer.json()["errCode"] == "APIGW.0302"
        assert "mine" not in answer.text


async def test_lists_hold_the_own_clusters_only(others: Others) -> None:
    assert (await others.theirs.get("/clusters")).json() == {"totalSize": 0, "clusters": []}
    assert (await others.mine.get("/clusters")).json()["totalSize"] == 1


async def test_a_name_may_be_used_in_every_project(others: Others) -> None:
    answer = await others.theirs.post("/clusters", json=getting_started("mine"))
    assert answer.status_code == 200
    cluster_id = answer.json()["cluster"]["id"]
    assert (await others.mine.get(f"/clusters/{cluster_id}")).status_code == 404
    shown = (await others.theirs.get("/clusters")).json()
    assert [one["id"] for one in shown["clusters"]] == [cluster_id]


async def test_their_delete_changed_nothing(others: Others) -> None:
    shown = (await others.mine.get(f"/clusters/{others.cluster_id}")).json()
    assert shown["actions"] == ["CREATING"]


async def test_huaweis_403_for_an_unknown_cluster_is_a_setting(tmp_path: Path) -> None:
    with live_service(tmp_path, tended=False, unknown_cluster_status=403) as live:
        async with live.client(live.token()) as css:
            answer = await css.get("/clusters/unknown")
    assert answer.status_code == 403
    assert answer.json()["errCode"] == "CSS.0015"
