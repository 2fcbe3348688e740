"""Who is asking, and whether they may.

An operation declares its IAM action (`css:cluster:create`); what the actor's roles allow is in
policies (policy.py). A project in the path that is not the actor's own is refused before any
resource is looked up, so that nothing of another project can be seen, not even that it exists.

Identity (`iam:`) is managed with what the actor holds on a domain, never with what they hold on a
project: whoever may do anything in a project must not thereby administer the whole domain. A
token for a project may be used for it all the same, as its holder could have one for the domain
at any time.

Delegated actors, temporary keys and agencies, read identity and never change it: what they make
would outlast the delegation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from searchplane.domain.ids import DomainId, ProjectId, UserId
from searchplane.domain.policy import Circumstances, Policy, permits
from searchplane.errors import Forbidden

IDENTITY = "iam"
PASSWORD = "password"  # noqa: S105 - the kind of credential
TOKEN = "token"  # noqa: S105 - the kind of credential

READING = ("get", "list", "check")
"""How the verb of an action begins that changes nothing."""

ENDING_TOKENS = "iam:tokens:revoke"
"""The one change of identity that a delegated actor may make: to have less."""


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
class Assumed:
    """Who is behind an actor that uses an agency: a user of the trusted domain."""

    user_id: UserId
    user_name: str
    domain_id: DomainId
    domain_name: str


@dataclass(frozen=True)
class Actor:
    """A proven identity; `roles` are internal names such as `te_admin`.

    `policies` are those of the roles on the scope, `home_policies` those of the roles on the
    actor's own domain. `credential` is "password", "token" or the id of an access key. `limit`
    is what the credential itself allows at most, whatever the roles do.
    """

    user_id: UserId
    user_name: str
    domain_id: DomainId
    domain_name: str
    scope: Scope
    roles: tuple[str, ...]
    policies: tuple[Policy, ...] = ()
    home_policies: tuple[Policy, ...] = ()
    credential: str = TOKEN
    delegated: bool = False
    limit: Policy | None = None
    assumed_by: Assumed | None = None

    @property
    def person(self) -> UserId:
        """The user behind the actor: who acts through an agency, else the actor."""
        return self.assumed_by.user_id if self.assumed_by is not None else self.user_id

    @property
    def managed_domain(self) -> DomainId:
        """The domain whose identity the actor's roles are about: that of the scope, or their own.

        Objects of any other domain do not exist for this actor.
        """
        return self.scope.id if isinstance(self.scope, DomainScope) else self.domain_id

    @property
    def managing_policies(self) -> tuple[Policy, ...]:
        """What the actor may do in the managed domain."""
        return self.policies if isinstance(self.scope, DomainScope) else self.home_policies


@dataclass(frozen=True)
class Asked:
    """What conditions and resources of policies can depend on besides the actor.

    `parameters` are the values of the names in the path.
    """

    now: datetime
    source: str = ""
    region: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)


def authorise(actor: Actor, action: str, project_in_path: str | None, asked: Asked) -> None:
    """Refuse unless the actor may do `action` on the project named in the path.

    Raises Forbidden APIGW.0302 (another project, or no project scope) or CSS.0051 (the action is
    not allowed by any role, or a policy denies it).
    """
    if project_in_path is not None:
        if not isinstance(actor.scope, ProjectScope):
            raise Forbidden(
                "APIGW.0302",
                "the credential is for no project; a token scoped to the project is right",
            )
        if actor.scope.id != project_in_path:
            raise Forbidden(
                "APIGW.0302", "the credential is for another project than the path names"
            )
    refuse_delegated(actor, action)
    if not allows(actor, action, asked):
        raise Forbidden("CSS.0051", f"no role of the user allows {action}, or a policy denies it")


def allows(actor: Actor, action: str, asked: Asked) -> bool:
    """Whether the actor's policies allow the action, in these circumstances."""
    of_identity = action.startswith(f"{IDENTITY}:")
    policies = actor.managing_policies if of_identity else actor.policies
    bounds = (policies,) if actor.limit is None else (policies, (actor.limit,))
    seen = partial(_circumstances, actor, action, asked)
    return all(permits(bound, action, seen) for bound in bounds)


def refuse_delegated(actor: Actor, action: str) -> None:
    """Refuse a delegated actor that would change identity, even their own.

    Raises Forbidden CSS.0051. Also for operations that need no role.
    """
    service, _, rest = action.partition(":")
    if not actor.delegated or service != IDENTITY or action == ENDING_TOKENS:
        return
    if not rest.partition(":")[2].startswith(READING):
        raise Forbidden(
            "CSS.0051", f"temporary keys and agencies cannot change identity ({action})"
        )


def authorise_own(actor: Actor, action: str, asked: Asked) -> None:
    """Refuse what is about the actor's own identity and needs no role, where the credential
    itself does not allow it. Raises Forbidden CSS.0051."""
    refuse_delegated(actor, action)
    if actor.limit is None:
        return
    if not permits((actor.limit,), action, partial(_circumstances, actor, action, asked)):
        raise Forbidden("CSS.0051", f"the policy of the temporary key does not allow {action}")


def _circumstances(actor: Actor, action: str, asked: Asked) -> Circumstances:
    service, kind, _ = (*action.split(":"), "", "")[:3]
    values = {
        "g:CurrentTime": asked.now.isoformat(),
        "g:DomainId": actor.domain_id,
        "g:DomainName": actor.domain_name,
        "g:MFAPresent": "false",
        "g:ServiceName": service,
        "g:SourceIp": asked.source,
        "g:UserId": actor.user_id,
        "g:UserName": actor.user_name,
    }
    if isinstance(actor.scope, ProjectScope):
        values["g:ProjectName"] = actor.scope.name
    names = [name for name in asked.parameters if name != "project_id"]
    kind = names[0].removesuffix("_id") if names else kind
    found = asked.parameters[names[0]] if names else ""
    resource = f"{service}:{asked.region}:{actor.managed_domain}:{kind}:{found}"
    return Circumstances(values, resource)
