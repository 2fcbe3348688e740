"""Granting: which role a user, group or agency has on a project, a domain, or all its projects.

Every pair of holder and thing has the same four operations: grant, check, revoke, and list what is
granted. They are made here from one table, which says the official path of each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from searchplane.api.identity.declaring import FORBIDDEN, NOT_FOUND, WRONG, identity_operation
from searchplane.api.identity.replies import page_links
from searchplane.api.identity.role_shapes import (
    AssignmentsAnswer,
    AssignmentsQuery,
    GrantedAnswer,
    PermissionsAnswer,
    PermissionsQuery,
    assignment_reply,
    permission_reply,
    role_reply,
)
from searchplane.api.operation import Answer, Call, Operation
from searchplane.iam import grants
from searchplane.iam.grants import GrantFilter
from searchplane.store.roles import Grant, Holder, Reach

ROLES_PATH = "/v3/roles"
ASSIGNMENTS_PATH = "/v3/role_assignments"
PERMISSIONS_PATH = "/v3.0/OS-PERMISSION/role-assignments"


@dataclass(frozen=True)
class Pair:
    """A kind of holder and a kind of thing; `base` is the official path up to the roles.

    A project is `tenant_id` in the path: `project_id` names the project that a request is made
    in, and these are made in a domain.
    """

    holder: Holder
    reach: Reach
    base: str
    suffix: str = ""

    @property
    def name(self) -> str:
        """Such as GroupOnProject, as the public cloud's actions have it."""
        where = {
            Reach.PROJECT: "OnProject",
            Reach.DOMAIN: "OnDomain",
            Reach.INHERITED: "OnAllProjects",
        }
        return f"{self.holder.value.title()}{where[self.reach]}"

    @property
    def said(self) -> str:
        where = {
            Reach.PROJECT: "on a project",
            Reach.DOMAIN: "on the domain",
            Reach.INHERITED: "on all projects of the domain",
        }
        return f"{self.holder.value} {where[self.reach]}"

    def grant(self, call: Call) -> Grant:
        thing = "tenant_id" if self.reach is Reach.PROJECT else "domain_id"
        return Grant(
            holder=self.holder,
            holder_id=call.path[f"{self.holder.value}_id"],
            reach=self.reach,
            reach_id=call.path[thing],
            role=call.path.get("role_id", ""),
        )


_PROJECT, _DOMAIN = "projects/{tenant_id}", "domains/{domain_id}"
_USER, _GROUP, _AGENCY = "users/{user_id}", "groups/{group_id}", "agencies/{agency_id}"
_TO_ALL = "/inherited_to_projects"

PAIRS = (
    Pair(Holder.GROUP, Reach.PROJECT, f"/v3/{_PROJECT}/{_GROUP}"),
    Pair(Holder.GROUP, Reach.DOMAIN, f"/v3/{_DOMAIN}/{_GROUP}"),
    Pair(Holder.GROUP, Reach.INHERITED, f"/v3/OS-INHERIT/{_DOMAIN}/{_GROUP}", _TO_ALL),
    Pair(Holder.USER, Reach.PROJECT, f"/v3/{_PROJECT}/{_USER}"),
    Pair(Holder.USER, Reach.DOMAIN, f"/v3/{_DOMAIN}/{_USER}"),
    Pair(Holder.AGENCY, Reach.PROJECT, f"/v3.0/OS-AGENCY/{_PROJECT}/{_AGENCY}"),
    Pair(Holder.AGENCY, Reach.DOMAIN, f"/v3.0/OS-AGENCY/{_DOMAIN}/{_AGENCY}"),
    Pair(Holder.AGENCY, Reach.INHERITED, f"/v3.0/OS-INHERIT/{_DOMAIN}/{_AGENCY}", _TO_ALL),
)


def list_assignments(call: Call) -> Answer:
    """Keystone's list: every grant in the domain."""
    query: AssignmentsQuery = call.query
    database = call.services.database
    found = grants.listed(database, call.user, None, _keystone_filter(query))
    with_names = query.include_names not in (None, "false", "False", "0")
    names = grants.names(database, call.user) if with_names else None
    base_url = call.services.settings.base_url
    return Answer(
        body=AssignmentsAnswer(
            role_assignments=[assignment_reply(base_url, grant, names) for grant in found],
            links=page_links(base_url, ASSIGNMENTS_PATH),
        )
    )


def list_permissions(call: Call) -> Answer:
    """The public cloud's list: every grant in the domain."""
    query: PermissionsQuery = call.query
    found = grants.listed(call.services.database, call.user, query.domain_id, _filter(query))
    size = query.per_page or len(found)
    start = ((query.page or 1) - 1) * size
    return Answer(
        body=PermissionsAnswer(
            total_num=len(found),
            role_assignments=[permission_reply(grant) for grant in found[start : start + size]],
        )
    )


def _keystone_filter(query: AssignmentsQuery) -> GrantFilter:
    holder = Holder.USER if query.user_id else Holder.GROUP if query.group_id else None
    reach = Reach.PROJECT if query.project_id else Reach.DOMAIN if query.domain_id else None
    return GrantFilter(
        holder=holder,
        holder_id=query.user_id or query.group_id,
        reach=reach,
        reach_id=query.project_id or query.domain_id,
        role=query.role_id,
    )


def _filter(query: PermissionsQuery) -> GrantFilter:
    holders = {
        Holder.USER: query.user_id,
        Holder.GROUP: query.group_id,
        Holder.AGENCY: query.agency_id,
    }
    named = next((holder for holder, holder_id in holders.items() if holder_id), None)
    holder = named or query.subject
    return GrantFilter(
        holder=holder,
        holder_id=holders[named] if named else None,
        reach=query.scope or (Reach.PROJECT if query.project_id else None),
        reach_id=query.project_id or query.scope_domain_id,
        role=query.role_id,
        inherited=query.is_inherited,
    )


def _change(pair: Pair, change: Callable[..., None]) -> Callable[[Call], Answer]:
    def handler(call: Call) -> Answer:
        change(call.services.database, call.user, pair.grant(call))
        return Answer()

    return handler


def _list(pair: Pair) -> Callable[[Call], Answer]:
    def handler(call: Call) -> Answer:
        grant, base_url = pair.grant(call), call.services.settings.base_url
        found = grants.held(call.services.database, call.user, grant)
        path = f"{pair.base}/roles{pair.suffix}".format(**call.path)
        return Answer(
            body=GrantedAnswer(
                roles=[role_reply(base_url, ROLES_PATH, role) for role in found],
                links=page_links(base_url, path),
            )
        )

    return handler


def _operations(pair: Pair) -> Iterator[Operation]:
    one = f"{pair.base}/roles/{{role_id}}{pair.suffix}"
    yield identity_operation(
        f"listRolesFor{pair.name}",
        "GET",
        f"{pair.base}/roles{pair.suffix}",
        _list(pair),
        summary=f"List the roles of a {pair.said}",
        action=f"iam:permissions:listRolesFor{pair.name}",
        answer=GrantedAnswer,
        errors=(NOT_FOUND,),
    )
    yield identity_operation(
        f"checkRoleFor{pair.name}",
        "HEAD",
        one,
        _change(pair, grants.check),
        summary=f"Check whether a {pair.said} has a role",
        action=f"iam:permissions:checkRoleFor{pair.name}",
        errors=(NOT_FOUND,),
    )
    yield identity_operation(
        f"grantRoleTo{pair.name}",
        "PUT",
        one,
        _change(pair, grants.give),
        summary=f"Grant a role to a {pair.said}",
        action=f"iam:permissions:grantRoleTo{pair.name}",
        status=204,
        errors=(FORBIDDEN, NOT_FOUND, WRONG),
    )
    yield identity_operation(
        f"revokeRoleFrom{pair.name}",
        "DELETE",
        one,
        _change(pair, grants.take),
        summary=f"Take a role from a {pair.said}",
        action=f"iam:permissions:revokeRoleFrom{pair.name}",
        errors=(FORBIDDEN, NOT_FOUND, "1107"),
    )


OPERATIONS = (
    *(operation for pair in PAIRS for operation in _operations(pair)),
    identity_operation(
        "listRoleAssignments",
        "GET",
        ASSIGNMENTS_PATH,
        list_assignments,
        summary="List who has which role on what, in Keystone's shape",
        action="iam:permissions:listRoleAssignments",
        query=AssignmentsQuery,
        answer=AssignmentsAnswer,
    ),
    identity_operation(
        "listPermissions",
        "GET",
        PERMISSIONS_PATH,
        list_permissions,
        summary="List who has which role on what",
        action="iam:permissions:listRoleAssignments",
        query=PermissionsQuery,
        answer=PermissionsAnswer,
        errors=(NOT_FOUND,),
    ),
)
