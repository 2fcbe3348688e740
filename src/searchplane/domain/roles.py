"""Roles: what can be granted. The system's own are data here; custom policies are in the store.

Names, display names and types are the public cloud's. A type says where a role is granted: AX on
the domain, XA on projects, AA on both. A system role's id is its name.

One thing is narrower than one might expect of a "tenant administrator": identity is changed by
the security administrator alone, as in the public cloud; else whoever administers the resources
of a domain could make themselves anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from searchplane.domain.access import IDENTITY, READING
from searchplane.domain.conditions import like
from searchplane.domain.ids import DomainId
from searchplane.domain.policy import Effect, Policy, Statement


class RoleType(StrEnum):
    """Where a role can be granted."""

    DOMAIN = "AX"
    PROJECT = "XA"
    BOTH = "AA"

    def fits_projects(self) -> bool:
        return self is not RoleType.DOMAIN

    def fits_domains(self) -> bool:
        return self is not RoleType.PROJECT


@dataclass(frozen=True)
class Role:
    """`domain_id` is the owner of a custom policy, None for what the system has.

    `depends` are display names by catalog, told to users and not followed.
    """

    id: str
    name: str
    display_name: str
    type: RoleType
    catalog: str
    description: str
    domain_id: DomainId | None
    policy: Policy
    fine_grained: bool = True
    depends: tuple[tuple[str, str], ...] = ()


ASSUME = "iam:tokens:assume"
"""The action of acting for another domain through an agency."""

AGENT_OPERATOR = "te_agency"

_SEARCH_NEEDS = (
    *(f"vpc:securityGroups:{verb}" for verb in ("get", "create", "delete")),
    *(f"vpc:securityGroupRules:{verb}" for verb in ("get", "create", "delete")),
    "vpc:vpcs:list",
    "vpc:privateIps:list",
    *(f"vpc:ports:{verb}" for verb in ("get", "create", "update", "delete")),
    "vpc:quotas:list",
    "vpc:subnets:get",
    "ecs:cloudServerFlavors:get",
    "ecs:serverInterfaces:use",
    "ecs:cloudServers:addNics",
    "ecs:quotas:get",
    "evs:types:get",
    "evs:quotas:get",
)
"""What the public cloud's CSS FullAccess allows besides; there is no such service here."""

_SEARCH_READS = tuple(
    action for action in _SEARCH_NEEDS if action.rpartition(":")[2] in ("get", "list")
)


def _allow(*actions: str, all_but: bool = False) -> Statement:
    return Statement(Effect.ALLOW, actions, all_but)


def _system(
    name: str,
    display_name: str,
    kind: RoleType,
    description: str,
    *statements: Statement,
    catalog: str = "BASE",
    fine_grained: bool = False,
    depends: tuple[tuple[str, str], ...] = (),
) -> Role:
    return Role(
        id=name,
        name=name,
        display_name=display_name,
        type=kind,
        catalog=catalog,
        description=description,
        domain_id=None,
        policy=Policy(statements),
        fine_grained=fine_grained,
        depends=depends,
    )


_ALL = (
    _system(
        "te_admin",
        "Tenant Administrator",
        RoleType.BOTH,
        "Everything except changing identity",
        _allow("iam:*:*", all_but=True),
        _allow("iam:*:get*", "iam:*:list*"),
    ),
    _system(
        "readonly",
        "Tenant Guest",
        RoleType.BOTH,
        "Reading everything except identity",
        _allow("css:*:get*", "css:*:list*"),  # the only other service there is
    ),
    _system(
        "secu_admin",
        "Security Administrator",
        RoleType.DOMAIN,
        "Users, groups, permissions, agencies and credentials of the domain",
        _allow("iam:*:*"),
    ),
    _system(
        AGENT_OPERATOR,
        "Agent Operator",
        RoleType.DOMAIN,
        "Acting for domains that trust this one, through their agencies",
        _allow(ASSUME),
    ),
    _system(
        "css_adm",
        "CSS Administrator",
        RoleType.PROJECT,
        "Everything of the search service",
        _allow("css:*:*"),
        catalog="CSS",
        depends=(
            ("BASE", "Tenant Guest"),
            ("BASE", "Server Administrator"),
            ("BASE", "IAM ReadOnlyAccess"),
        ),
    ),
    _system(
        "system_all_153",
        "CSS FullAccess",
        RoleType.PROJECT,
        "Everything of the search service",
        _allow("css:*:*", *_SEARCH_NEEDS),
        catalog="CSS",
        fine_grained=True,
    ),
    _system(
        "system_all_154",
        "CSS ReadOnlyAccess",
        RoleType.PROJECT,
        "Reading everything of the search service",
        _allow("css:*:get*", "css:*:list*", *_SEARCH_READS),
        catalog="CSS",
        fine_grained=True,
    ),
)

SYSTEM_ROLES: Mapping[str, Role] = {role.id: role for role in _ALL}

SECURITY_ADMIN = SYSTEM_ROLES["secu_admin"]
"""Whoever holds it on a domain may do everything with the domain's identity."""


def gives_identity(policy: Policy) -> bool:
    """Whether the policy could let its holder change identity, and so help themselves to more."""
    return any(
        not _spares_identity(statement)
        if statement.all_but
        else any(map(_changes_identity, statement.actions))
        for statement in policy.statements
        if statement.effect is Effect.ALLOW
    )


def _spares_identity(statement: Statement) -> bool:
    return any(pattern in ("iam:*:*", "*:*:*") for pattern in statement.actions)


def _changes_identity(pattern: str) -> bool:
    service, _, rest = pattern.partition(":")
    verb = rest.rpartition(":")[2].lower()
    return like(IDENTITY, service) and not verb.startswith(READING)
