"""Groups and their members, in the shapes of Keystone and of the public cloud, which are one."""

from __future__ import annotations

from searchplane.api.identity.declaring import (
    EMPTY,
    FORBIDDEN,
    NOT_FOUND,
    TAKEN,
    WRONG,
    identity_operation,
)
from searchplane.api.identity.lists import ListQuery, links, part
from searchplane.api.identity.people import (
    GroupAnswer,
    GroupChangeBody,
    GroupsAnswer,
    NewGroupBody,
    PeopleAnswer,
    group_reply,
    person,
)
from searchplane.api.identity.replies import page_links
from searchplane.api.operation import Answer, Call
from searchplane.iam import groups

PATH = "/v3/groups"
ONE_PATH = "/v3/groups/{group_id}"
MEMBERS_PATH = "/v3/groups/{group_id}/users"
MEMBER_PATH = "/v3/groups/{group_id}/users/{user_id}"


def list_groups(call: Call) -> Answer:
    query: ListQuery = call.query
    found = groups.listed(
        call.services.database, call.user, query.domain_id, name=query.name, part=part(query)
    )
    shown = [group_reply(_base(call), group) for group in found.items]
    return Answer(body=GroupsAnswer(groups=shown, links=links(call, PATH, found, shown)))


def create_group(call: Call) -> Answer:
    body: NewGroupBody = call.body
    group = groups.create(
        call.services.database,
        call.user,
        name=body.group.name,
        description=body.group.description or "",
        domain_id=body.group.domain_id,
        now=call.now,
    )
    return Answer(body=GroupAnswer(group=group_reply(_base(call), group)))


def show_group(call: Call) -> Answer:
    group = groups.show(call.services.database, call.user, call.path["group_id"])
    return Answer(body=GroupAnswer(group=group_reply(_base(call), group)))


def update_group(call: Call) -> Answer:
    body: GroupChangeBody = call.body
    group = groups.change(
        call.services.database,
        call.user,
        call.path["group_id"],
        body.group.name,
        body.group.description,
    )
    return Answer(body=GroupAnswer(group=group_reply(_base(call), group)))


def delete_group(call: Call) -> Answer:
    groups.delete(call.services.database, call.user, call.path["group_id"])
    return Answer()


def list_members(call: Call) -> Answer:
    group_id = call.path["group_id"]
    found = groups.members(call.services.database, call.user, group_id)
    shown = [person(_base(call), user) for user in found]
    return Answer(
        body=PeopleAnswer(users=shown, links=page_links(_base(call), f"{PATH}/{group_id}/users"))
    )


def check_member(call: Call) -> Answer:
    groups.check_member(call.services.database, call.user, *_both(call))
    return Answer()


def add_member(call: Call) -> Answer:
    groups.add_member(call.services.database, call.user, *_both(call))
    return Answer()


def remove_member(call: Call) -> Answer:
    groups.remove_member(call.services.database, call.user, *_both(call))
    return Answer()


def _both(call: Call) -> tuple[str, str]:
    return call.path["group_id"], call.path["user_id"]


def _base(call: Call) -> str:
    return call.services.settings.base_url


OPERATIONS = (
    identity_operation(
        "listGroups",
        "GET",
        PATH,
        list_groups,
        summary="List the groups of a domain",
        action="iam:groups:listGroups",
        query=ListQuery,
        answer=GroupsAnswer,
        errors=(NOT_FOUND,),
    ),
    identity_operation(
        "createGroup",
        "POST",
        PATH,
        create_group,
        summary="Create a group",
        action="iam:groups:createGroup",
        body=NewGroupBody,
        answer=GroupAnswer,
        status=201,
        errors=(NOT_FOUND, TAKEN, EMPTY),
    ),
    identity_operation(
        "showGroup",
        "GET",
        ONE_PATH,
        show_group,
        summary="Show a group",
        action="iam:groups:getGroup",
        answer=GroupAnswer,
        errors=(NOT_FOUND,),
    ),
    identity_operation(
        "updateGroup",
        "PATCH",
        ONE_PATH,
        update_group,
        summary="Change a group",
        action="iam:groups:updateGroup",
        body=GroupChangeBody,
        answer=GroupAnswer,
        errors=(NOT_FOUND, TAKEN, EMPTY, WRONG),
    ),
    identity_operation(
        "deleteGroup",
        "DELETE",
        ONE_PATH,
        delete_group,
        summary="Delete a group; its members lose what it gave them",
        action="iam:groups:deleteGroup",
        errors=(NOT_FOUND, "1107"),
    ),
    identity_operation(
        "listUsersOfGroup",
        "GET",
        MEMBERS_PATH,
        list_members,
        summary="List the users of a group",
        action="iam:users:listUsersForGroup",
        answer=PeopleAnswer,
        errors=(NOT_FOUND,),
    ),
    identity_operation(
        "checkUserInGroup",
        "HEAD",
        MEMBER_PATH,
        check_member,
        summary="Check whether a user is in a group",
        action="iam:permissions:checkUserInGroup",
        errors=(NOT_FOUND,),
    ),
    identity_operation(
        "addUserToGroup",
        "PUT",
        MEMBER_PATH,
        add_member,
        summary="Put a user into a group",
        action="iam:permissions:addUserToGroup",
        status=204,
        errors=(FORBIDDEN, NOT_FOUND),
    ),
    identity_operation(
        "removeUserFromGroup",
        "DELETE",
        MEMBER_PATH,
        remove_member,
        summary="Take a user out of a group",
        action="iam:permissions:removeUserFromGroup",
        errors=(NOT_FOUND, "1107"),
    ),
)
