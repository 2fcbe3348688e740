"""A world in which every operation can be asked for rightly, and everybody who must not be let in.

An operation that is added finds its values here by the names in its path; one whose body is needed
gets it in BODIES. A test holds that none is forgotten.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from tests.support.audit_examples import told
from tests.support.changeable import CHANGES, with_ids
from tests.support.live_service import PASSWORD, Live, until
from tests.support.running import by_role, getting_started
from tests.support.snapshot_examples import listed

from searchplane.api.codes import CODES
from searchplane.api.openapi import error_codes
from searchplane.api.operation import Operation
from searchplane.api.routes import OPERATIONS
from searchplane.domain.audit import outcome_of
from searchplane.domain.ids import DomainId, ProjectId, UserId
from searchplane.iam.passwords import hash_password
from searchplane.iam.sessions import ScopeRequest
from searchplane.iam.tokens import new_audit_id
from searchplane.store.identity import Directory, Domain, Reference, Target, User

UNKNOWN = "00000000-0000-0000-0000-000000000000"
BASE = "http://127.0.0.1:9480"
SECURED = {"authorityEnable": True, "httpsEnable": True, "adminPwd": "Fresh-Pear-27"}
READS = {"Version": "1.1", "Statement": [{"Effect": "Allow", "Action": ["css:*:list*"]}]}

_numbers = itertools.count()


def fresh(name: str) -> str:
    """A name that nothing has yet."""
    return f"{name}-{next(_numbers)}"


BODIES: dict[str, Callable[[], Any]] = {
    "CreateCluster": lambda: getting_started(fresh("matrix"), nodes=1),
    "CreateClusterV2": lambda: by_role(fresh("matrix")),
    "createToken": lambda: login("admin", "local"),
    "createUser": lambda: {"user": {"name": fresh("user")}},
    "createDetailedUser": lambda: {"user": {"name": fresh("user")}},
    "updateUser": lambda: {"user": {"description": "x"}},
    "updateDetailedUser": lambda: {"user": {"email": "a@b.c"}},
    "changePassword": lambda: {
        "user": {"password": "Fresh-Pear-27", "original_password": PASSWORD}
    },
    "createGroup": lambda: {"group": {"name": fresh("group")}},
    "updateGroup": lambda: {"group": {"description": "x"}},
    "createProject": lambda: {"project": {"name": fresh("local_project")}},
    "updateProject": lambda: {"project": {"description": "x"}},
    "setProjectStatus": lambda: {"project": {"status": "normal"}},
    "createDomain": lambda: {"domain": {"name": fresh("domain")}},
    "updateDomain": lambda: {"domain": {"description": "x"}},
    "createCustomPolicy": lambda: {
        "role": {"display_name": fresh("policy"), "type": "XA", "policy": READS}
    },
    "updateCustomPolicy": lambda: {"role": {"description": "x"}},
    "createAgency": lambda: {"agency": {"name": fresh("agency"), "trust_domain_name": "blue"}},
    "CreateAgency": lambda: {"type": "obs", "domain_id": "x", "domain_name": "local"},
    "updateAgency": lambda: {"agency": {"description": "x"}},
    "updateLoginPolicy": lambda: {"login_policy": {"lockout_duration": 20}},
    "updatePasswordPolicy": lambda: {"password_policy": {"minimum_password_length": 9}},
    "createAccessKey": lambda: {"credential": {"description": "x"}},
    "updateAccessKey": lambda: {"credential": {"description": "x"}},
    "createTemporaryAccessKey": lambda: {
        "auth": {"identity": {"methods": ["token"], "token": {"duration_seconds": 900}}}
    },
} | CHANGES
"""The body of an operation that needs one, by its id."""


def login(user: str, domain: str) -> Any:
    who = {"name": user, "password": PASSWORD, "domain": {"name": domain}}
    return {"auth": {"identity": {"methods": ["password"], "password": {"user": who}}}}


def right_body(operation: Operation, **changed: str) -> Any:
    if operation.body is None:
        return None
    body = BODIES[operation.id]()
    if operation.id == "createAccessKey" and changed:
        body["credential"]["user_id"] = changed["user_id"]
    if operation.id == "CreateAgency" and changed:
        body["domain_id"] = changed["domain_id"]
    return with_ids(operation, body, changed)


@dataclass
class World:
    """A service with one secured cluster, and the tokens of everybody who may ask, or may not.

    `samples` are values for the names in paths.
    """

    live: Live
    tokens: dict[str, str] = field(default_factory=dict)
    samples: dict[str, str] = field(default_factory=dict)
    http: httpx.AsyncClient = field(init=False, repr=False)
    """Nobody's, for all requests: to make one costs as much as some requests do."""

    def __post_init__(self) -> None:
        self.http = self.live.client(None)

    def url(self, path: str, **changed: str) -> str:
        values = self.samples | changed
        if "/OS-ROLE/" in path and "role_id" not in changed:
            values["role_id"] = values["policy_id"]
        return f"{BASE}{path.format(**values)}"

    async def admin(self, method: str, path: str, body: Any = None) -> httpx.Response:
        """A request of the first administrator, which succeeds."""
        headers = {"X-Auth-Token": self.tokens["right"]}
        answer = await self.http.request(method, f"{BASE}{path}", json=body, headers=headers)
        assert answer.status_code < 300, answer.text
        return answer

    async def make(self, path: str, operation_id: str, **more: Any) -> str:
        """The id of a new object, made with the body of the operation that makes them."""
        ((kind, fields),) = BODIES[operation_id]().items()
        answer = (await self.admin("POST", path, {kind: fields | more})).json()[kind]
        return str(answer.get("id") or answer["access"])

    async def objects(self) -> dict[str, str]:
        """New objects of every kind, for names in paths."""
        user = await self.make("/v3/users", "createUser")
        return {
            "user_id": user,
            "group_id": await self.make("/v3/groups", "createGroup"),
            "tenant_id": await self.make("/v3/projects", "createProject"),
            "role_id": "readonly",
            "policy_id": await self.make("/v3.0/OS-ROLE/roles", "createCustomPolicy"),
            "agency_id": await self.make("/v3.0/OS-AGENCY/agencies", "createAgency"),
            "access_key": await self.make(
                "/v3.0/OS-CREDENTIAL/credentials", "createAccessKey", user_id=user
            ),
        }


async def populated(live: Live) -> World:
    """The world with everybody's tokens and an object of every kind."""
    theirs = live.add_project("local_theirs")
    live.add_user("eve", theirs, "te_admin")
    live.add_user("nobody", live.project_id, "te_agency")
    live.add_user("gone", live.project_id, "te_admin")
    domain_id = live.admin.domain_id
    world = World(live, samples={"project_id": live.project_id, "domain_id": domain_id})
    abroad = foreign_administrator(live, "blue")
    world.tokens.update(
        {
            "right": live.token(),
            "expired": live.token(age=timedelta(hours=25)),
            "revoked": live.token(),
            "disabled": live.token("gone"),
            "other project": live.token("eve", theirs),
            "no role": live.token("nobody"),
            "domain": token_for(live, "admin", domain_id, Target.DOMAIN),
            "unscoped": token_for(live, "admin", domain_id, None),
            "other domain": token_for(live, "mallory", abroad.domain.id, Target.DOMAIN),
        }
    )
    world.samples.update(await world.objects())
    await _end(world)
    await _delegate(world)
    await _cluster(world)
    return world


async def _end(world: World) -> None:
    """Revoke the token that is called so, and disable the user of the other."""
    headers = {
        "X-Auth-Token": world.tokens["right"],
        "X-Subject-Token": world.tokens["revoked"],
    }
    async with world.live.client(None) as http:
        answer = await http.delete(f"{BASE}/v3/auth/tokens", headers=headers)
        assert answer.status_code == 204
    (gone,) = (await world.admin("GET", "/v3/users?name=gone")).json()["users"]
    await world.admin("PATCH", f"/v3/users/{gone['id']}", {"user": {"enabled": False}})


async def _delegate(world: World) -> None:
    """A token of the other domain's administrator, through an agency that may do everything."""
    agency = await world.make("/v3.0/OS-AGENCY/agencies", "createAgency", name="helpers")
    domain = world.samples["domain_id"]
    for role in ("te_admin", "secu_admin", "te_agency"):
        path = f"/v3.0/OS-AGENCY/domains/{domain}/agencies/{agency}/roles/{role}"
        await world.admin("PUT", path)
    wanted = {"domain_id": domain, "agency_name": "helpers"}
    auth = {
        "identity": {"methods": ["assume_role"], "assume_role": wanted},
        "scope": {"domain": {"id": domain}},
    }
    headers = {"X-Auth-Token": world.tokens["other domain"]}
    async with world.live.client(None) as http:
        answer = await http.post(f"{BASE}/v3/auth/tokens", json={"auth": auth}, headers=headers)
    assert answer.status_code == 201, answer.text
    world.tokens["delegated"] = answer.headers["X-Subject-Token"]


async def _cluster(world: World) -> None:
    async with world.live.client(world.tokens["right"]) as css:
        body = getting_started("matrix", nodes=1)
        body["cluster"] |= SECURED
        made = (await css.post("/clusters", json=body)).json()["cluster"]["id"]

        async def is_available() -> bool:
            return bool((await css.get(f"/clusters/{made}")).json()["status"] == "200")

        await until(is_available, "the cluster is not available")
        flavors = (await css.get("/flavors")).json()["versions"][0]["flavors"]
        nodes = (await css.get(f"/clusters/{made}")).json()["instances"]
    world.samples |= {
        "cluster_id": made,
        "flavor_id": flavors[0]["flavor_id"],
        "datastore_id": "cf7e2c8f-096c-4fcf-b174-1ebe060679fb",
        "instance_id": nodes[0]["id"],
        "type": "ess-client",
        "types": "ess",
        "inst_type": "all",
        "upgrade_type": "same",
        "action_id": UNKNOWN,
        "snapshot_id": listed(world.live, made),
        "resource_type": "css-cluster",
        "key": "tag",
    }


def foreign_administrator(live: Live, domain_name: str) -> User:
    """`mallory`, who may do everything in another domain and in its project."""
    home = Domain(DomainId(new_audit_id()), domain_name, enabled=True)
    user = User(UserId(new_audit_id()), "mallory", True, home, hash_password(PASSWORD))
    now, everything = datetime.now(UTC), ("te_admin", "secu_admin", "te_agency")
    with live.service.services.database.write() as connection:
        directory = Directory(connection)
        directory.add_domain(home, now)
        directory.add_project(ProjectId(new_audit_id()), "local_blue", home.id, now)
        directory.add_user(user, now)
        directory.add_roles(user.id, Target.DOMAIN, home.id, everything)
    return user


def token_for(live: Live, user: str, domain_id: str, target: Target | None) -> str:
    """A token for the user's domain, or for nothing."""
    who = Reference(name=user, domain=Reference(id=domain_id))
    scope = ScopeRequest(target, Reference(id=domain_id)) if target else None
    issued = live.service.services.identity.login(who, PASSWORD, scope, datetime.now(UTC))
    return issued.token.value


def cases(fits: Callable[[Operation], bool] = lambda _: True) -> list[Any]:
    """Every spelling of every operation that fits."""
    return [
        pytest.param(operation, path, id=f"{operation.id} {path}")
        for operation in OPERATIONS
        for path in operation.paths
        if fits(operation)
    ]


async def ask(
    world: World,
    operation: Operation,
    url: str,
    *,
    who: str | None = "right",
    subject: str | None = None,
    audited: bool = True,
    extra: dict[str, str] | None = None,
    **how: Any,
) -> httpx.Response:
    """A request in somebody's name, whose answer is looked at in every respect."""
    headers = {} if who is None else {"X-Auth-Token": world.tokens[who]}
    if "X-Subject-Token" in operation.request_headers:
        headers["X-Subject-Token"] = subject or world.tokens["right"]
    headers |= extra or {}
    answer = await world.http.request(operation.method, url, headers=headers, **how)
    check(operation, answer)
    if audited:
        check_audit(world, operation, answer)
    return answer


def check_audit(world: World, operation: Operation, answer: httpx.Response) -> None:
    """A change, a login and whoever is refused have one line in the audit trail, a read none."""
    services = world.live.service.services
    assert services.audit.flush(30)
    lines = told(services.database, answer.headers["X-Request-Id"])
    if operation.method in ("GET", "HEAD") and answer.status_code not in (401, 403, 429):
        assert lines == []
        return
    (line,) = lines
    assert (line.operation, line.action) == (operation.id, operation.action or "")
    assert (line.status, line.outcome) == (answer.status_code, outcome_of(answer.status_code))
    assert line.source == "127.0.0.1"
    if answer.status_code < 400:
        assert line.who.user_id
    elif operation.method != "HEAD":
        assert line.code == answer.json()["error_code"]


def check(operation: Operation, answer: httpx.Response) -> None:
    """What holds for every answer of an operation, whatever was asked."""
    assert answer.headers["X-Request-Id"]
    assert answer.status_code < 500, answer.text
    if answer.status_code < 400 or operation.method == "HEAD":
        return
    code = answer.json()["error_code"]
    assert code in error_codes(operation), f"{operation.id} does not declare {code}"
    assert CODES[code].status == answer.status_code


def codes_of(operation: Operation, css: str, identity: str) -> str:
    """The code as the operation's envelope spells it."""
    return identity if operation.envelope.is_identity else css
