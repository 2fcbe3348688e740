"""What roles and grants look like in requests and answers."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from searchplane.api.fields import Boolean, Integer, Reply, Request
from searchplane.api.identity.lists import Count
from searchplane.api.identity.replies import NamedReply, PageLinks, SelfLink
from searchplane.api.identity.requests import NO_NUL, Name
from searchplane.domain.policy_documents import write_document
from searchplane.domain.roles import Role
from searchplane.iam.grants import Names
from searchplane.iam.roles import RoleChange
from searchplane.store.roles import Grant, Holder, Reach

Sentence = Annotated[str, Field(max_length=4096, pattern=NO_NUL)]

Document = Annotated[
    Any, Field(description="Version 1.1 and 1 to 8 statements of at most 6144 characters.")
]


class RoleFields(Request):
    """A custom policy; what is absent or null stays."""

    display_name: Name | None = None
    type: Name | None = None
    description: Sentence | None = None
    policy: Document = None

    def wish(self) -> RoleChange:
        return RoleChange(self.display_name, self.type, self.description, self.policy)


class NewRoleFields(RoleFields):
    display_name: Name
    type: Name
    policy: Document


class RoleBody(Request):
    role: NewRoleFields


class RoleChangeBody(Request):
    role: RoleFields


class CustomRolesQuery(Request):
    page: Annotated[Integer, Field(ge=1, le=1_000_000)] | None = None
    per_page: Count | None = None


class RolesQuery(CustomRolesQuery):
    """`domain_id`: only the custom policies of that domain."""

    name: Name | None = None
    display_name: Name | None = None
    domain_id: Name | None = None
    catalog: Name | None = None
    type: Name | None = None


class RoleReply(Reply):
    """`domain_id` is null for what the system has, `flag` absent for its older roles."""

    id: str
    name: str
    display_name: str
    type: str
    catalog: str
    description: str
    description_cn: str
    domain_id: str | None
    policy: dict[str, Any]
    links: SelfLink
    flag: str | None = None


class RoleAnswer(Reply):
    role: RoleReply


class RolesAnswer(Reply):
    roles: list[RoleReply]
    total_number: int
    links: PageLinks


class CustomRolesAnswer(RolesAnswer):
    pass


class GrantedAnswer(Reply):
    """The roles of one holder on one thing."""

    roles: list[RoleReply]
    links: PageLinks


class IdReply(Reply):
    """Name and domain are there when names were asked for."""

    id: str
    name: str | None = None
    domain: NamedReply | None = None


class PlaceReply(Reply):
    """`inherited_to`: all projects of the domain, not the domain."""

    project: IdReply | None = None
    domain: IdReply | None = None
    inherited_to: str | None = Field(default=None, alias="OS-INHERIT:inherited_to")


class AssignmentLinks(Reply):
    assignment: str


class AssignmentReply(Reply):
    role: IdReply
    scope: PlaceReply
    user: IdReply | None = None
    group: IdReply | None = None
    agency: IdReply | None = None
    links: AssignmentLinks | None = None
    is_inherited: bool | None = None


class AssignmentsAnswer(Reply):
    role_assignments: list[AssignmentReply]
    links: PageLinks


class PermissionsAnswer(Reply):
    total_num: int
    role_assignments: list[AssignmentReply]


class AssignmentsQuery(Request):
    """Keystone's filters. Names with dots stand for the object's field."""

    user_id: Name | None = Field(default=None, alias="user.id")
    group_id: Name | None = Field(default=None, alias="group.id")
    role_id: Name | None = Field(default=None, alias="role.id")
    project_id: Name | None = Field(default=None, alias="scope.project.id")
    domain_id: Name | None = Field(default=None, alias="scope.domain.id")
    include_names: str | None = Field(
        default=None,
        alias="include_names",
        description="Present and not `false`: tell names and domains beside the ids.",
    )


class PermissionsQuery(Request):
    """The public cloud's filters."""

    domain_id: Name | None = None
    role_id: Name | None = None
    subject: Holder | None = None
    user_id: Name | None = Field(default=None, alias="subject.user_id")
    group_id: Name | None = Field(default=None, alias="subject.group_id")
    agency_id: Name | None = Field(default=None, alias="subject.agency_id")
    scope: Reach | None = None
    project_id: Name | None = Field(default=None, alias="scope.project_id")
    scope_domain_id: Name | None = Field(default=None, alias="scope.domain_id")
    is_inherited: Boolean | None = None
    page: Annotated[Integer, Field(ge=1, le=1_000_000)] | None = None
    per_page: Count | None = None


def role_reply(base_url: str, path: str, role: Role) -> RoleReply:
    """A role with its link below `path`."""
    document = write_document(role.policy)
    if role.depends:
        document["Depends"] = [
            {"catalog": catalog, "display_name": name} for catalog, name in role.depends
        ]
    flag = {"flag": "fine_grained"} if role.fine_grained else {}
    return RoleReply(
        id=role.id,
        name=role.name,
        display_name=role.display_name,
        type=role.type.value,
        catalog=role.catalog,
        description=role.description,
        description_cn="",
        domain_id=role.domain_id,
        policy=document,
        links=SelfLink(self=f"{base_url}{path}/{role.id}"),
        **flag,
    )


def assignment_reply(base_url: str, grant: Grant, names: Names | None) -> AssignmentReply:
    """A grant in Keystone's shape, with names if there are any to tell."""
    links = AssignmentLinks(assignment=f"{base_url}{grant_path(grant)}")
    return AssignmentReply(
        role=_id(grant.role, names, inside=False),
        scope=_place(grant, names),
        links=links,
        **_holder(grant, names),
    )


def permission_reply(grant: Grant) -> AssignmentReply:
    """A grant in the public cloud's shape."""
    inherited = grant.reach is Reach.INHERITED
    return AssignmentReply(
        role=IdReply(id=grant.role),
        scope=_place(grant, None),
        is_inherited=inherited,
        **_holder(grant, None),
    )


def grant_path(grant: Grant) -> str:
    """Where the grant is shown and taken back."""
    kind = "projects" if grant.reach is Reach.PROJECT else "domains"
    holders = {Holder.USER: "users", Holder.GROUP: "groups", Holder.AGENCY: "agencies"}
    path = f"{kind}/{grant.reach_id}/{holders[grant.holder]}/{grant.holder_id}/roles/{grant.role}"
    if grant.reach is Reach.INHERITED:
        version = "v3.0" if grant.holder is Holder.AGENCY else "v3"
        return f"/{version}/OS-INHERIT/{path}/inherited_to_projects"
    return f"/v3.0/OS-AGENCY/{path}" if grant.holder is Holder.AGENCY else f"/v3/{path}"


def _holder(grant: Grant, names: Names | None) -> dict[str, Any]:
    return {grant.holder.value: _id(grant.holder_id, names)}


def _place(grant: Grant, names: Names | None) -> PlaceReply:
    if grant.reach is Reach.PROJECT:
        return PlaceReply(project=_id(grant.reach_id, names))
    where = _id(grant.reach_id, names, inside=False)
    if grant.reach is Reach.INHERITED:
        return PlaceReply.model_validate({"domain": where, "OS-INHERIT:inherited_to": "projects"})
    return PlaceReply(domain=where)


def _id(identity: str, names: Names | None, *, inside: bool = True) -> IdReply:
    """`inside`: it is of a domain, which is told with its name."""
    if names is None:
        return IdReply(id=identity)
    named = names.names.get(identity, identity)
    if not inside:
        return IdReply(id=identity, name=named)
    home = NamedReply(id=names.domain_id, name=names.names[names.domain_id])
    return IdReply(id=identity, name=named, domain=home)
