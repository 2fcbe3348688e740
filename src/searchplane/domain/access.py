"""Who is asking, and whether they may.

An operation declares its IAM action (`css:cluster:create`); a role allows actions by pattern. No
rule that allows means no. A project in the path that is not the actor's own is refused before any
resource is looked up, so that nothing of another project can be seen, not even that it exists.
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase

from searchplane.domain.ids import DomainId, ProjectId, UserId
from searchplane.errors import Forbidden


@dataclass(frozen=True)
class ProjectScope:
    """The actor's token is for one project. `number` is small and unique in this service."""

    id: ProjectId
    name: str
    number: int


@dataclass(frozen=True)
class DomainScope:
    """The actor's token is for the whole domain (account)."""

    id: DomainId
    name: str


Scope = ProjectScope | DomainScope | None


@dataclass(frozen=True)
class Actor:
    """A proven identity; `roles` are internal names such as `te_admin`."""

    user_id: UserId
    user_name: str
    domain_id: DomainId
    domain_name: str
    scope: Scope
    roles: tuple[str, ...]


ROLE_ACTIONS: dict[str, tuple[str, ...]] = {
    "te_admin": ("*",),
    "secu_admin": ("iam:*",),
    "css_adm": ("css:*",),
    "readonly": ("*:*:get*", "*:*:list*"),
}
"""What each built-in role allows; names as the public cloud uses them (api/iam.md, roles)."""


def allows(roles: tuple[str, ...], action: str) -> bool:
    """Whether one of `roles` allows `action`; actions are compared without case."""
    wanted = action.lower()
    return any(
        fnmatchcase(wanted, pattern.lower())
        for role in roles
        for pattern in ROLE_ACTIONS.get(role, ())
    )


def authorise(actor: Actor, action: str, project_in_path: str | None) -> None:
    """Refuse unless the actor may do `action` on the project named in the path.

    Raises Forbidden APIGW.0302 (another project, or no project scope) or CSS.0051 (the action is
    not allowed by any role).
    """
    if project_in_path is not None:
        if not isinstance(actor.scope, ProjectScope):
            raise Forbidden(
                "APIGW.0302", "the token has no project scope; ask for one scoped to the project"
            )
        if actor.scope.id != project_in_path:
            raise Forbidden("APIGW.0302", "the token is for another project than the path names")
    if not allows(actor.roles, action):
        raise Forbidden("CSS.0051", f"no role of the user allows {action}")
