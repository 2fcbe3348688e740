"""Roles and custom policies, in the shapes of Keystone and of the public cloud's extension."""

from __future__ import annotations

from typing import Any

from searchplane.api.identity.declaring import (
    EMPTY,
    FORBIDDEN,
    NOT_FOUND,
    TAKEN,
    identity_operation,
)
from searchplane.api.identity.replies import page_links
from searchplane.api.identity.role_shapes import (
    CustomRolesAnswer,
    CustomRolesQuery,
    RoleAnswer,
    RoleBody,
    RoleChangeBody,
    RolesAnswer,
    RolesQuery,
    role_reply,
)
from searchplane.api.operation import Answer, Call, Operation
from searchplane.domain.roles import Role
from searchplane.iam import roles
from searchplane.iam.roles import RoleFilter

PATH = "/v3/roles"
ONE_PATH = "/v3/roles/{role_id}"
CUSTOM_PATH = "/v3.0/OS-ROLE/roles"
ONE_CUSTOM_PATH = "/v3.0/OS-ROLE/roles/{role_id}"

DOCUMENT_ERRORS = (
    *("IAM.1001", "IAM.1002", "IAM.1003", "IAM.1009", "IAM.1018"),
    *("IAM.1020", "IAM.1021", "IAM.1024", "IAM.1025", "IAM.1027", "IAM.1028", "IAM.1029"),
    *("IAM.1030", "IAM.1031", "IAM.1033", "IAM.1034", "IAM.1035"),
    *("IAM.1040", "IAM.1041", "IAM.1042", "IAM.1047", "IAM.1049"),
    *("IAM.1050", "IAM.1051", "IAM.1052", "IAM.1053", "IAM.1054", "IAM.1055", "IAM.1056"),
    *("IAM.1057", "IAM.1059"),
)
"""What can be wrong with a custom policy (domain/policy_documents.py, iam/roles.py)."""


def list_roles(call: Call) -> Answer:
    query: RolesQuery = call.query
    found = roles.listed(call.services.database, call.user, query.domain_id, _filter(query))
    shown = [role_reply(_base(call), PATH, role) for role in _part(query, found)]
    return Answer(
        body=RolesAnswer(roles=shown, total_number=len(found), links=page_links(_base(call), PATH))
    )


def show_role(call: Call) -> Answer:
    role = roles.show(call.services.database, call.user, call.path["role_id"])
    return Answer(body=RoleAnswer(role=role_reply(_base(call), PATH, role)))


def list_custom(call: Call) -> Answer:
    query: CustomRolesQuery = call.query
    own = call.user.managed_domain
    found = roles.listed(call.services.database, call.user, own, RoleFilter())
    shown = [role_reply(_base(call), CUSTOM_PATH, role) for role in _part(query, found)]
    return Answer(
        body=CustomRolesAnswer(
            roles=shown, total_number=len(found), links=page_links(_base(call), CUSTOM_PATH)
        )
    )


def show_custom(call: Call) -> Answer:
    return _custom(call, roles.show_custom(call.services.database, call.user, _role_id(call)))


def create_custom(call: Call) -> Answer:
    body: RoleBody = call.body
    return _custom(
        call, roles.create(call.services.database, call.user, body.role.wish(), call.now)
    )


def update_custom(call: Call) -> Answer:
    body: RoleChangeBody = call.body
    changed = roles.change(
        call.services.database, call.user, _role_id(call), body.role.wish(), call.now
    )
    return _custom(call, changed)


def delete_custom(call: Call) -> Answer:
    roles.delete(call.services.database, call.user, _role_id(call))
    return Answer()


def _custom(call: Call, role: Role) -> Answer:
    return Answer(body=RoleAnswer(role=role_reply(_base(call), CUSTOM_PATH, role)))


def _filter(query: RolesQuery) -> RoleFilter:
    return RoleFilter(
        name=query.name, display_name=query.display_name, catalog=query.catalog, type=query.type
    )


def _part(query: CustomRolesQuery, found: tuple[Role, ...]) -> tuple[Role, ...]:
    if query.page is None and query.per_page is None:
        return found
    size = query.per_page or len(found)
    start = ((query.page or 1) - 1) * size
    return found[start : start + size]


def _role_id(call: Call) -> str:
    return call.path["role_id"]


def _base(call: Call) -> str:
    return call.services.settings.base_url


def _about_custom(operation_id: str, method: str, handler: Any, **more: Any) -> Operation:
    path = ONE_CUSTOM_PATH if method != "POST" else CUSTOM_PATH
    return identity_operation(operation_id, method, path, handler, **more)


OPERATIONS = (
    identity_operation(
        "listRoles",
        "GET",
        PATH,
        list_roles,
        summary="List the system roles and the domain's custom policies",
        action="iam:roles:listRoles",
        query=RolesQuery,
        answer=RolesAnswer,
        errors=(NOT_FOUND,),
    ),
    identity_operation(
        "showRole",
        "GET",
        ONE_PATH,
        show_role,
        summary="Show a system role or a custom policy",
        action="iam:roles:getRole",
        answer=RoleAnswer,
        errors=(NOT_FOUND,),
    ),
    identity_operation(
        "listCustomPolicies",
        "GET",
        CUSTOM_PATH,
        list_custom,
        summary="List the domain's custom policies",
        action="iam:roles:listRoles",
        query=CustomRolesQuery,
        answer=CustomRolesAnswer,
    ),
    _about_custom(
        "createCustomPolicy",
        "POST",
        create_custom,
        summary="Create a custom policy",
        action="iam:roles:createRole",
        body=RoleBody,
        answer=RoleAnswer,
        status=201,
        errors=(FORBIDDEN, TAKEN, EMPTY, *DOCUMENT_ERRORS),
    ),
    _about_custom(
        "showCustomPolicy",
        "GET",
        show_custom,
        summary="Show a custom policy",
        action="iam:roles:getRole",
        answer=RoleAnswer,
        errors=(NOT_FOUND,),
    ),
    _about_custom(
        "updateCustomPolicy",
        "PATCH",
        update_custom,
        summary="Change a custom policy; it counts at the next request of all who hold it",
        action="iam:roles:updateRole",
        body=RoleChangeBody,
        answer=RoleAnswer,
        errors=(FORBIDDEN, NOT_FOUND, TAKEN, EMPTY, *DOCUMENT_ERRORS),
    ),
    _about_custom(
        "deleteCustomPolicy",
        "DELETE",
        delete_custom,
        summary="Delete a custom policy and every grant of it",
        action="iam:roles:deleteRole",
        status=200,
        errors=(FORBIDDEN, NOT_FOUND),
    ),
)
