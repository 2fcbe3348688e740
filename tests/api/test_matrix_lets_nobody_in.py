"""Every operation against everybody who must not be let in: nobody is.

The cases are made from the declarations. Not proven is a credential that is missing, malformed,
expired, revoked, of a disabled user, or changed in any byte; not allowed is another project's,
another domain's, one whose roles lack the action, and a delegated one that would change identity.
"""

from __future__ import annotations

import string
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from tests.support.live_service import live_service
from tests.support.matrix import (
    UNKNOWN,
    World,
    ask,
    cases,
    codes_of,
    fresh,
    populated,
    right_body,
)

from searchplane.api.operation import Operation
from searchplane.api.routes import OPERATIONS
from searchplane.domain.access import READING

MALFORMED = {
    "empty": b"",
    "spaces": b"   ",
    "short": b"x",
    "not ascii": "\u00e9".encode("latin-1") * 40,
    "a jwt": b"eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9.",
    "of the alphabet": b"gAAAAAB" + b"A" * 197,
    "long": b"A" * 30_000,
}
SMUGGLED = {
    "X-User-Id": "admin",
    "X-Roles": "te_admin,secu_admin",
    "X-Identity-Status": "Confirmed",
    "X-Project-Id": UNKNOWN,
    "X-Is-Admin-Project": "True",
    "X-Domain-Id": UNKNOWN,
}
"""Headers with which a middleware tells a service who is asking; a client's say nothing."""

SAMPLED = (0, 7, 40, 101, 160, 202)
"""Positions of a token that are changed for every operation; all are for one."""

ALPHABET = string.ascii_letters + string.digits + "-_"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    with pytest.MonkeyPatch.context() as patch:
        for budget in ("STRANGERS_AT_ONCE", "CALLER_AT_ONCE"):  # they are many here
            patch.setattr(f"searchplane.store.trail_budgets.{budget}", 1_000_000)
        with live_service(tmp_path_factory.mktemp("matrix")) as live:
            yield await populated(live)


def needs_a_credential(operation: Operation) -> bool:
    return operation.action is not None


def is_in_a_project(operation: Operation) -> bool:
    return "{project_id}" in operation.paths[0]


def needs_a_role(operation: Operation) -> bool:
    return operation.action is not None and not operation.self_service


def names_something(operation: Operation) -> bool:
    """Whether an identity operation is about a thing of this domain that its path names."""
    return operation.paths[0].startswith("/v3") and "{" in operation.paths[0]


def changes_identity(operation: Operation) -> bool:
    if operation.action is None or operation.id == "revokeToken":
        return False
    service, _, verb = operation.action.split(":")
    return service == "iam" and not verb.startswith(READING)


def tampered(token: str, position: int) -> str:
    """The token with another character of its alphabet at that position."""
    other = ALPHABET[(ALPHABET.index(token[position]) + 1) % len(ALPHABET)]
    return token[:position] + other + token[position + 1 :]


async def refused(
    world: World, operation: Operation, path: str, status: int, code: str, **how: object
) -> None:
    """Asked for what there is and for what there is not, the answer is the same."""
    for changed in ({}, {name: UNKNOWN for name in world.samples if name != "project_id"}):
        url = world.url(path, **changed)
        body = right_body(operation)
        answer = await ask(world, operation, url, json=body, **how)  # type: ignore[arg-type]
        assert answer.status_code == status, answer.text
        if operation.method != "HEAD":
            assert answer.json()["error_code"] == code


@pytest.mark.parametrize(("operation", "path"), cases(needs_a_credential))
async def test_who_asks_is_not_proven(world: World, operation: Operation, path: str) -> None:
    for who in (None, "expired", "revoked", "disabled"):
        await refused(world, operation, path, 401, "APIGW.0301", who=who, audited=who is None)
    smuggled = {"who": None, "extra": SMUGGLED, "audited": False}
    await refused(world, operation, path, 401, "APIGW.0301", **smuggled)


@pytest.mark.parametrize(("operation", "path"), cases(needs_a_credential))
async def test_what_is_no_token_proves_nothing(
    world: World, operation: Operation, path: str
) -> None:
    right = world.tokens["right"]
    changed = {f"tampered at {at}": tampered(right, at).encode() for at in SAMPLED}
    longer = {"longer": f"{right}A".encode(), "shorter": right[:-1].encode()}
    url, body = world.url(path), right_body(operation)
    for kind, value in (MALFORMED | changed | longer).items():
        extra = {"X-Auth-Token": value}
        answer = await ask(
            world,
            operation,
            url,
            json=body,
            who=None,
            extra=extra,
            audited=False,  # type: ignore[arg-type]
        )
        assert answer.status_code == 401, kind


async def test_a_token_that_is_changed_in_any_byte_proves_nothing(world: World) -> None:
    (operation,) = (one for one in OPERATIONS if one.id == "ListClustersDetails")
    url, token = world.url(operation.paths[0]), world.tokens["right"]
    kinds = {
        "another character": lambda at: tampered(token, at),
        "one left out": lambda at: token[:at] + token[at + 1 :],
        "one twice": lambda at: token[:at] + token[at] + token[at:],
        "a stranger put in": lambda at: f"{token[:at]}.{token[at:]}",
        "none of the alphabet": lambda at: f"{token[:at]}.{token[at + 1 :]}",
    }
    async with world.live.client(None) as http:
        assert (await http.get(url, headers={"X-Auth-Token": token})).status_code == 200
        for at in range(len(token)):
            for kind, change in kinds.items():
                answer = await http.get(url, headers={"X-Auth-Token": change(at)})
                assert answer.status_code == 401, (kind, at)


@pytest.mark.parametrize(("operation", "path"), cases(is_in_a_project))
async def test_the_token_is_not_for_the_project(
    world: World, operation: Operation, path: str
) -> None:
    for who in ("other project", "other domain", "domain", "unscoped", "delegated"):
        await refused(world, operation, path, 403, "APIGW.0302", who=who, audited=who == "domain")
    url = world.url(path, project_id=UNKNOWN)
    answer = await ask(world, operation, url, json=right_body(operation), audited=False)
    assert (answer.status_code, answer.json()["error_code"]) == (403, "APIGW.0302")


@pytest.mark.parametrize(("operation", "path"), cases(needs_a_role))
async def test_no_role_has_the_action(world: World, operation: Operation, path: str) -> None:
    code = codes_of(operation, "CSS.0051", "IAM.0002")
    await refused(world, operation, path, 403, code, who="no role")
    if not is_in_a_project(operation):
        await refused(world, operation, path, 403, code, who="unscoped", audited=False)


@pytest.mark.parametrize(("operation", "path"), cases(lambda one: bool(one.besides)))
async def test_every_action_that_it_needs_must_be_allowed(
    world: World, operation: Operation, path: str
) -> None:
    assert operation.action is not None
    needed = (operation.action, *operation.besides)
    for number, lacking in enumerate(needed):
        allowed = [one for one in needed if one != lacking]
        who = f"{operation.id} {number}"
        world.tokens[who] = await bound(world, fresh("bound"), allowed)
        await refused(world, operation, path, 403, "CSS.0051", who=who)


async def bound(world: World, name: str, allowed: list[str]) -> str:
    """The token of a new user who may do this and nothing else."""
    document = {"Version": "1.1", "Statement": [{"Effect": "Allow", "Action": allowed}]}
    path = "/v3.0/OS-ROLE/roles"
    role = await world.make(path, "createCustomPolicy", policy=document)
    world.live.add_user(name, world.live.project_id, role)
    return world.live.token(name)


@pytest.mark.parametrize(("operation", "path"), cases(changes_identity))
async def test_a_delegated_actor_changes_no_identity(
    world: World, operation: Operation, path: str
) -> None:
    code = "APIGW.0302" if is_in_a_project(operation) else "IAM.0002"  # its token is for a domain
    await refused(world, operation, path, 403, code, who="delegated")


@pytest.mark.parametrize(("operation", "path"), cases(names_something))
@pytest.mark.parametrize("who", ["other domain", "no role", "other project"])
async def test_what_is_of_another_domain_or_user_is_out_of_reach(
    world: World, operation: Operation, path: str, who: str
) -> None:
    """The administrator of another domain is told that it does not exist."""
    url, body = world.url(path), right_body(operation)
    if operation.id == "showRole":  # the sample is everybody's
        url = world.url(path, role_id=world.samples["policy_id"])
    answer = await ask(world, operation, url, json=body, who=who, audited=False)
    if operation.id == "changePassword":  # everybody's own, and nobody else's
        assert answer.status_code == 403
    elif who == "other domain":
        assert answer.status_code == 404, answer.text
    elif operation.id not in OF_EVERYBODY:
        assert answer.status_code in (403, 404), answer.text


OF_EVERYBODY = frozenset({"showDomain", "showLoginPolicy", "showPasswordPolicy", "showProject"})
"""What every user of the domain may look at."""


@pytest.mark.parametrize(
    ("operation", "path"),
    cases(
        lambda one: (
            one.method == "GET" and one.paths[0].startswith("/v3") and "{" not in one.paths[0]
        )
    ),
)
async def test_lists_show_nothing_of_another_domain(
    world: World, operation: Operation, path: str
) -> None:
    url = world.url(path)
    for who in ("other domain", "other project", "no role"):
        subject = world.tokens[who]
        answer = await ask(world, operation, url, who=who, subject=subject, audited=False)
        hidden = {"user_id", "group_id", "tenant_id", "policy_id", "agency_id", "access_key"}
        if who == "other domain":
            hidden |= {"project_id", "domain_id"}
        for name in hidden:
            assert world.samples[name] not in answer.text, name
