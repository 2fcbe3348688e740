"""Who may do what: no rule that allows means no, and another project is never looked into."""

from __future__ import annotations

import pytest

from searchplane.domain.access import Actor, DomainScope, ProjectScope, Scope, allows, authorise
from searchplane.domain.ids import DomainId, ProjectId, UserId
from searchplane.errors import Forbidden

MINE = ProjectScope(ProjectId("mine"), "local", 1)
DOMAIN = DomainScope(DomainId("domain"), "local")


def actor(*roles: str, scope: Scope = MINE) -> Actor:
    return Actor(UserId("ann"), "ann", DomainId("domain"), "local", scope, roles)


@pytest.mark.parametrize(
    ("roles", "action", "allowed"),
    [
        (("te_admin",), "css:cluster:delete", True),
        (("te_admin",), "iam:users:create", True),
        (("css_adm",), "css:cluster:create", True),
        (("css_adm",), "CSS:Cluster:Create", True),
        (("css_adm",), "iam:users:list", False),
        (("secu_admin",), "iam:users:create", True),
        (("secu_admin",), "css:cluster:list", False),
        (("readonly",), "css:cluster:get", True),
        (("readonly",), "css:cluster:list", True),
        (("readonly",), "css:cluster:create", False),
        (("readonly",), "css:cluster:delete", False),
        (("readonly", "css_adm"), "css:cluster:delete", True),
        (("no_such_role",), "css:cluster:get", False),
        (("*",), "css:cluster:get", False),
        ((), "css:cluster:get", False),
    ],
)
def test_what_a_role_allows(roles: tuple[str, ...], action: str, allowed: bool) -> None:
    assert allows(roles, action) is allowed


def test_the_own_project_with_a_role_that_allows() -> None:
    authorise(actor("css_adm"), "css:cluster:create", "mine")


def test_an_action_without_a_project_needs_only_the_role() -> None:
    authorise(actor("css_adm", scope=DOMAIN), "css:cluster:create", None)


@pytest.mark.parametrize(
    ("roles", "scope", "code", "says"),
    [
        (("te_admin",), ProjectScope(ProjectId("other"), "x", 2), "APIGW.0302", "another project"),
        (("te_admin",), DOMAIN, "APIGW.0302", "no project scope"),
        (("te_admin",), None, "APIGW.0302", "no project scope"),
        (("readonly",), MINE, "CSS.0051", "css:cluster:create"),
        ((), ProjectScope(ProjectId("other"), "x", 2), "APIGW.0302", "another project"),
    ],
)
def test_everybody_else_is_refused(
    roles: tuple[str, ...], scope: Scope, code: str, says: str
) -> None:
    with pytest.raises(Forbidden, match=says) as caught:
        authorise(actor(*roles, scope=scope), "css:cluster:create", "mine")
    assert caught.value.code == code
