"""What growing, shrinking and restarting refuse: every rule with its code, previewed or not."""

from __future__ import annotations

import itertools
from typing import Any

import httpx
import pytest
from tests.support.live_service import Live, wait_for
from tests.support.running import by_role

from searchplane.domain.cluster import Role
from searchplane.domain.engines import Datastore
from searchplane.domain.flavors import flavor_id

STORE = Datastore("opensearch", "2.19.1")
MASTERS = flavor_id(STORE, Role.MASTER, "ess.spec-2u16g")
CLIENTS = flavor_id(STORE, Role.CLIENT, "ess.spec-2u16g")
_numbers = itertools.count()
Body = dict[str, Any] | None


@pytest.fixture(scope="module")
def held(live: Live) -> dict[str, str]:
    """Clusters that refuse things, by their make-up; none of them is ever changed."""
    return {}


async def cluster(live: Live, css: httpx.AsyncClient, **groups: int) -> str:
    url = f"http://127.0.0.1:9480/v2.0/{live.project_id}/clusters"
    answer = await css.post(url, json=by_role(f"grow-{next(_numbers)}", **groups))
    made = str(answer.json()["cluster"]["id"])
    await wait_for(css, made, status="200", actions=[])
    return made


def url(live: Live, made: str, path: str) -> str:
    base = f"http://127.0.0.1:9480/{{}}/{live.project_id}/clusters/{made}"
    if path == "role/shrink":
        return f"{base.format('v1.0/extend')}/{path}"
    version = "v2.0" if path in ("v2/restart", "rolling-restart") else "v1.0"
    return f"{base.format(version)}/{path.removeprefix('v2/')}"


def grow(kind: str, nodes: int = 0, disk: int = 0) -> dict[str, Any]:
    return {"grow": [{"type": kind, "nodesize": nodes, "disksize": disk}]}


def shrink(kind: str, nodes: int) -> dict[str, Any]:
    return {"shrink": [{"type": kind, "reducedNodeNum": nodes}]}


def new(flavor: str, nodes: int, volume: str = "COMMON") -> dict[str, Any]:
    return {"type": {"flavor_ref": flavor, "node_size": nodes, "volume_type": volume}}


PLAIN = {"ess": 3}
MIXED = {"ess": 3, "ess_master": 3, "ess_client": 1}
REFUSED: list[tuple[dict[str, int], str, Body, str]] = [
    (PLAIN, "extend", {"grow": {"modifySize": 0}}, "CSS.5047"),
    (PLAIN, "extend", {"grow": {"modifySize": 30}}, "CSS.5047"),
    (MIXED, "extend", {"grow": {"modifySize": 1}}, "CSS.5140"),
    (PLAIN, "role_extend", {"grow": []}, "CSS.0001"),
    (PLAIN, "role_extend", grow("ess"), "CSS.5047"),
    (PLAIN, "role_extend", grow("ess", -1), "CSS.5047"),
    (PLAIN, "role_extend", grow("ess", 0, 30), "CSS.5033"),
    (PLAIN, "role_extend", grow("ess", 0, 1200), "CSS.5009"),
    (PLAIN, "role_extend", grow("ess-cold", 1), "CSS.0076"),
    (PLAIN, "role_extend", grow("x", 1), "CSS.0076"),
    (PLAIN, "role_extend", {"grow": grow("ess", 1)["grow"] * 2}, "CSS.5038"),
    (MIXED, "role_extend", grow("ess-master", 1), "CSS.5134"),
    (MIXED, "role_extend", grow("ess-master", 0, 20), "CSS.5095"),
    (MIXED, "role_extend", grow("ess-client", 32), "CSS.5047"),
    (PLAIN, "type/ess-master/independent", new(MASTERS, 2), "CSS.5134"),
    (PLAIN, "type/ess-client/independent", new(CLIENTS, 33), "CSS.5047"),
    (PLAIN, "type/ess-client/independent", new(MASTERS, 1), "CSS.5007"),
    (PLAIN, "type/ess-client/independent", new(CLIENTS, 1, "SSD"), "CSS.5008"),
    (PLAIN, "type/ess-cold/independent", new(CLIENTS, 1), "CSS.5007"),
    (MIXED, "type/ess-master/independent", new(MASTERS, 3), "CSS.5090"),
    (PLAIN, "role/shrink", shrink("ess", 0), "CSS.5047"),
    (PLAIN, "role/shrink", shrink("ess", 2), "CSS.5047"),
    (PLAIN, "role/shrink", shrink("ess-cold", 1), "CSS.0076"),
    (MIXED, "role/shrink", shrink("ess-master", 2), "CSS.5134"),
    (PLAIN, "node/offline", {"shrinkNodes": ["x"]}, "CSS.5042"),
    (PLAIN, "node/offline", {"shrink_nodes": []}, "CSS.5042"),
    (PLAIN, "instance/x/replace", None, "CSS.5042"),
    (PLAIN, "v2/restart", {"type": "node", "value": "x"}, "CSS.5042"),
    (PLAIN, "v2/restart", {"type": "role", "value": "ess,ess-cold"}, "CSS.5073"),
    (PLAIN, "v2/restart", {"type": "x", "value": "ess"}, "CSS.5073"),
    (PLAIN, "rolling-restart", {"type": "role", "value": "x"}, "CSS.5073"),
]


@pytest.mark.parametrize(("groups", "path", "body", "code"), REFUSED)
async def test_a_broken_rule_has_its_code_and_changes_nothing(
    live: Live,
    css: httpx.AsyncClient,
    held: dict[str, str],
    groups: dict[str, int],
    path: str,
    body: Body,
    code: str,
) -> None:
    made = held.get(str(groups)) or held.setdefault(str(groups), await cluster(live, css, **groups))
    before = (await css.get(f"/clusters/{made}")).json()
    method = "PUT" if path.endswith("replace") else "POST"
    for dry in ("", "?dry_run=true"):
        answer = await css.request(method, url(live, made, path) + dry, json=body)
        assert (answer.status_code, answer.json()["errCode"]) == (400, code), answer.text
    assert (await css.get(f"/clusters/{made}")).json() == before


async def test_clients_are_not_named_before_one_of_them_can_answer(
    live: Live, css: httpx.AsyncClient
) -> None:
    made = await cluster(live, css, ess=3)
    before = (await css.get(f"/clusters/{made}")).json()
    answer = await css.post(url(live, made, "type/ess-client/independent"), json=new(CLIENTS, 1))
    assert answer.status_code == 200, answer.text
    shown = before
    while shown["endpoint"] == before["endpoint"]:
        shown = (await css.get(f"/clusters/{made}")).json()
    (client,) = (one for one in shown["instances"] if one["type"] == "ess-client")
    assert (client["status"], shown["endpoint"]) == ("200", f"{client['ip']}:9200")
