"""Who may do what: no rule that allows means no, and another project is never looked into."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from searchplane.domain.access import (
    Actor,
    Asked,
    DomainScope,
    ProjectScope,
    Scope,
    allows,
    authorise,
    refuse_delegated,
)
from searchplane.domain.ids import DomainId, ProjectId, UserId
from searchplane.domain.policy import Effect, Policy, Statement
from searchplane.domain.roles import SYSTEM_ROLES
from searchplane.errors import Forbidden

MINE = ProjectScope(ProjectId("mine"), "local", 1)
DOMAIN = DomainScope(DomainId("domain"), "local")
NOW = Asked(datetime(2026, 1, 1, tzinfo=UTC))


def actor(*roles: str, scope: Scope = MINE, home: tuple[str, ...] = ()) -> Actor:
    return Actor(
        UserId("ann"),
        "ann",
        DomainId("domain"),
        "local",
        scope,
        roles,
        policies=tuple(SYSTEM_ROLES[role].policy for role in roles),
        home_policies=tuple(SYSTEM_ROLES[role].policy for role in home),
    )


@pytest.mark.parametrize(
    ("roles", "action", "allowed"),
    [
        (("te_admin",), "css:cluster:delete", True),
        (("te_admin",), "iam:users:listUsers", True),
        (("te_admin",), "iam:users:createUser", False),
        (("te_admin",), "iam:permissions:grantRoleToGroupOnDomain", False),
        (("css_adm",), "css:cluster:create", True),
        (("css_adm",), "css:Cluster:Create", True),
        (("css_adm",), "CSS:cluster:create", False),
        (("css_adm",), "iam:users:list", False),
        (("system_all_153",), "css:cluster:create", True),
        (("system_all_154",), "css:cluster:create", False),
        (("system_all_154",), "css:cluster:list", True),
        (("system_all_154",), "css:snapshot:getSnapshotPolicy", True),
        (("secu_admin",), "iam:users:create", True),
        (("secu_admin",), "css:cluster:list", False),
        (("readonly",), "css:cluster:get", True),
        (("readonly",), "css:cluster:list", True),
        (("readonly",), "css:cluster:create", False),
        (("readonly",), "css:cluster:delete", False),
        (("readonly",), "iam:users:listUsers", False),
        (("readonly", "css_adm"), "css:cluster:delete", True),
        (("te_agency",), "css:cluster:get", False),
        (("te_agency",), "iam:tokens:assume", True),
        ((), "css:cluster:get", False),
    ],
)
def test_what_a_role_allows(roles: tuple[str, ...], action: str, allowed: bool) -> None:
    assert allows(actor(*roles, scope=DOMAIN), action, NOW) is allowed


def test_a_denial_wins_over_every_role() -> None:
    denial = Policy((Statement(Effect.DENY, ("css:cluster:delete",)),))
    bound = replace(actor("te_admin"), policies=(SYSTEM_ROLES["te_admin"].policy, denial))
    assert not allows(bound, "css:cluster:delete", NOW)
    assert allows(bound, "css:cluster:create", NOW)


def test_roles_on_a_project_say_nothing_about_identity() -> None:
    everything = Policy((Statement(Effect.ALLOW, ("*:*:*",)),))
    mighty = replace(actor("te_admin", "secu_admin"), policies=(everything,))
    assert not allows(mighty, "iam:users:createUser", NOW)
    assert not allows(mighty, "iam:users:listUsers", NOW)


def test_identity_is_managed_with_a_project_s_token_too() -> None:
    assert allows(actor("readonly", home=("secu_admin",)), "iam:users:createUser", NOW)
    assert not allows(actor("readonly", home=("secu_admin",)), "css:cluster:create", NOW)


def test_roles_at_home_do_not_count_on_another_domain() -> None:
    abroad = actor("te_admin", scope=DomainScope(DomainId("abroad"), "x"), home=("secu_admin",))
    assert abroad.managed_domain == "abroad"
    assert not allows(abroad, "iam:users:createUser", NOW)


@pytest.mark.parametrize(
    "action",
    [
        "iam:credentials:createCredential",
        "iam:users:updateUser",
        "iam:users:changePassword",
        "iam:permissions:grantRoleToGroupOnDomain",
        "iam:roles:createRole",
        "iam:agencies:createAgency",
        "iam:tokens:assume",
    ],
)
def test_delegated_actors_do_not_change_identity(action: str) -> None:
    key = replace(actor("secu_admin", scope=DOMAIN), delegated=True)
    with pytest.raises(Forbidden, match="temporary keys and agencies"):
        refuse_delegated(key, action)
    with pytest.raises(Forbidden, match="temporary keys and agencies"):
        authorise(key, action, None, NOW)
    authorise(replace(key, delegated=False), action, None, NOW)


@pytest.mark.parametrize("action", ["iam:users:listUsers", "iam:roles:getRole", "iam:tokens:get"])
def test_delegated_actors_read_identity(action: str) -> None:
    authorise(replace(actor("secu_admin", scope=DOMAIN), delegated=True), action, None, NOW)


def test_delegated_actors_use_the_search_service() -> None:
    authorise(replace(actor("css_adm"), delegated=True), "css:cluster:create", "mine", NOW)


def test_the_own_project_with_a_role_that_allows() -> None:
    authorise(actor("css_adm"), "css:cluster:create", "mine", NOW)


def test_an_action_without_a_project_needs_only_the_role() -> None:
    authorise(actor("css_adm", scope=DOMAIN), "css:cluster:create", None, NOW)


@pytest.mark.parametrize(
    ("roles", "scope", "code", "says"),
    [
        (
            ("te_admin",),
            ProjectScope(ProjectId("other"), "x", 2),
            "APIGW.0302",
            "the credential is for another project",
        ),
        (("te_admin",), DOMAIN, "APIGW.0302", "the credential is for no project"),
        (("te_admin",), None, "APIGW.0302", "the credential is for no project"),
        (("readonly",), MINE, "CSS.0051", "css:cluster:create"),
        (
            (),
            ProjectScope(ProjectId("other"), "x", 2),
            "APIGW.0302",
            "the credential is for another project",
        ),
    ],
)
def test_everybody_else_is_refused(
    roles: tuple[str, ...], scope: Scope, code: str, says: str
) -> None:
    with pytest.raises(Forbidden, match=says) as caught:
        authorise(actor(*roles, scope=scope), "css:cluster:create", "mine", NOW)
    assert caught.value.code == code
