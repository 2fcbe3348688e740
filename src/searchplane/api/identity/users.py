"""Users, in Keystone's shape and in the public cloud's own (OS-USER), which shows more of one."""

from __future__ import annotations

from searchplane.api.identity.declaring import (
    EMPTY,
    FORBIDDEN,
    NOT_FOUND,
    TAKEN,
    WRONG,
    asked,
    identity_operation,
)
from searchplane.api.identity.lists import ListQuery, links, part
from searchplane.api.identity.people import (
    GroupsAnswer,
    NewUserBody,
    OwnPasswordBody,
    PeopleAnswer,
    PersonAnswer,
    UserChangeBody,
    group_reply,
    person,
)
from searchplane.api.identity.places import project_shown
from searchplane.api.identity.replies import ProjectsAnswer, page_links
from searchplane.api.operation import Answer, Call, Pool
from searchplane.errors import Refused, Unauthenticated
from searchplane.iam import users
from searchplane.store.identity import Reference

PATH = "/v3/users"
ONE_PATH = "/v3/users/{user_id}"
DETAILED_PATH = "/v3.0/OS-USER/users"
ONE_DETAILED_PATH = "/v3.0/OS-USER/users/{user_id}"


def list_users(call: Call) -> Answer:
    query: ListQuery = call.query
    found = users.listed(
        call.services.database,
        call.user,
        query.domain_id,
        name=query.name,
        enabled=query.enabled,
        part=part(query),
    )
    shown = [person(_base(call), user) for user in found.items]
    return Answer(body=PeopleAnswer(users=shown, links=links(call, PATH, found, shown)))


def create_user(call: Call) -> Answer:
    return _created(call, with_phone=False)


def create_detailed_user(call: Call) -> Answer:
    return _created(call, with_phone=True)


def show_user(call: Call) -> Answer:
    return _shown(call, with_phone=False)


def show_detailed_user(call: Call) -> Answer:
    return _shown(call, with_phone=True)


def update_user(call: Call) -> Answer:
    return _updated(call, with_phone=False)


def update_detailed_user(call: Call) -> Answer:
    return _updated(call, with_phone=True)


def delete_user(call: Call) -> Answer:
    users.delete(call.services.database, call.user, call.path["user_id"])
    return Answer()


def change_password(call: Call) -> Answer:
    """One's own password; the present one is proven like in a login, and guesses count as such."""
    body: OwnPasswordBody = call.body
    users.demand_own(call.user, call.path["user_id"])
    _prove(call, body.user.original_password.get_secret_value())
    new = body.user.password.get_secret_value()
    users.change_own_password(call.services.database, call.user, new, call.now)
    return Answer()


def list_groups(call: Call) -> Answer:
    user_id = call.path["user_id"]
    found = users.groups_of(call.services.database, call.user, user_id, asked(call))
    shown = [group_reply(_base(call), group) for group in found]
    return Answer(
        body=GroupsAnswer(groups=shown, links=page_links(_base(call), f"{PATH}/{user_id}/groups"))
    )


def list_projects(call: Call) -> Answer:
    user_id = call.path["user_id"]
    found = users.projects_of(call.services.database, call.user, user_id, asked(call))
    shown = [project_shown(_base(call), project) for project in found]
    return Answer(
        body=ProjectsAnswer(
            projects=shown, links=page_links(_base(call), f"{PATH}/{user_id}/projects")
        )
    )


def _base(call: Call) -> str:
    return call.services.settings.base_url


def _created(call: Call, *, with_phone: bool) -> Answer:
    body: NewUserBody = call.body
    user = users.create(call.services.database, call.user, body.user.wanted(), call.now)
    return Answer(body=PersonAnswer(user=person(_base(call), user, with_phone=with_phone)))


def _shown(call: Call, *, with_phone: bool) -> Answer:
    user = users.show(call.services.database, call.user, call.path["user_id"], asked(call))
    return Answer(body=PersonAnswer(user=person(_base(call), user, with_phone=with_phone)))


def _updated(call: Call, *, with_phone: bool) -> Answer:
    body: UserChangeBody = call.body
    user = users.change(
        call.services.database, call.user, call.path["user_id"], body.user.change(), call.now
    )
    return Answer(body=PersonAnswer(user=person(_base(call), user, with_phone=with_phone)))


def _prove(call: Call, password: str) -> None:
    me = Reference(id=call.user.user_id)
    try:
        call.services.identity.check_password(me, password, call.source, call.now)
    except Unauthenticated:
        # Not 401: a client would take its token for the cause, and try again with a new one.
        raise Refused("1103", "user.original_password is not the present password") from None


_NEW_PASSWORD = ("1108", "1118")
_MAKE = (NOT_FOUND, TAKEN, EMPTY, "1118")
_CHANGE = (FORBIDDEN, NOT_FOUND, TAKEN, EMPTY, WRONG, "1107", *_NEW_PASSWORD)

OPERATIONS = (
    identity_operation(
        "listUsers",
        "GET",
        PATH,
        list_users,
        summary="List the users of a domain",
        action="iam:users:listUsers",
        query=ListQuery,
        answer=PeopleAnswer,
        errors=(NOT_FOUND,),
    ),
    identity_operation(
        "createUser",
        "POST",
        PATH,
        create_user,
        summary="Create a user",
        action="iam:users:createUser",
        body=NewUserBody,
        answer=PersonAnswer,
        status=201,
        errors=_MAKE,
        pool=Pool.LOGIN,
    ),
    identity_operation(
        "showUser",
        "GET",
        ONE_PATH,
        show_user,
        summary="Show a user",
        action="iam:users:getUser",
        self_service=True,
        answer=PersonAnswer,
        errors=(FORBIDDEN, NOT_FOUND),
    ),
    identity_operation(
        "updateUser",
        "PATCH",
        ONE_PATH,
        update_user,
        summary="Change a user, or set their password",
        action="iam:users:updateUser",
        body=UserChangeBody,
        answer=PersonAnswer,
        errors=_CHANGE,
        pool=Pool.LOGIN,
    ),
    identity_operation(
        "deleteUser",
        "DELETE",
        ONE_PATH,
        delete_user,
        summary="Delete a user with roles, memberships and keys",
        action="iam:users:deleteUser",
        errors=(FORBIDDEN, NOT_FOUND, "1107"),
    ),
    identity_operation(
        "changePassword",
        "POST",
        f"{ONE_PATH}/password",
        change_password,
        summary="Change one's own password",
        action="iam:users:changePassword",
        self_service=True,
        body=OwnPasswordBody,
        status=204,
        errors=(FORBIDDEN, NOT_FOUND, EMPTY, "1103", *_NEW_PASSWORD),
        pool=Pool.LOGIN,
    ),
    identity_operation(
        "listGroupsOfUser",
        "GET",
        f"{ONE_PATH}/groups",
        list_groups,
        summary="List the groups a user is in",
        action="iam:groups:listGroupsForUser",
        self_service=True,
        answer=GroupsAnswer,
        errors=(FORBIDDEN, NOT_FOUND),
    ),
    identity_operation(
        "listProjectsOfUser",
        "GET",
        f"{ONE_PATH}/projects",
        list_projects,
        summary="List the projects a user has a role on",
        action="iam:projects:listProjectsForUser",
        self_service=True,
        answer=ProjectsAnswer,
        errors=(FORBIDDEN, NOT_FOUND),
    ),
    identity_operation(
        "createDetailedUser",
        "POST",
        DETAILED_PATH,
        create_detailed_user,
        summary="Create a user with telephone number",
        action="iam:users:createUser",
        body=NewUserBody,
        answer=PersonAnswer,
        status=201,
        errors=_MAKE,
        pool=Pool.LOGIN,
    ),
    identity_operation(
        "showDetailedUser",
        "GET",
        ONE_DETAILED_PATH,
        show_detailed_user,
        summary="Show a user with telephone number",
        action="iam:users:getUser",
        self_service=True,
        answer=PersonAnswer,
        errors=(FORBIDDEN, NOT_FOUND),
    ),
    identity_operation(
        "updateDetailedUser",
        "PUT",
        ONE_DETAILED_PATH,
        update_detailed_user,
        summary="Change a user, with telephone number",
        action="iam:users:updateUser",
        body=UserChangeBody,
        answer=PersonAnswer,
        errors=_CHANGE,
        pool=Pool.LOGIN,
    ),
)
