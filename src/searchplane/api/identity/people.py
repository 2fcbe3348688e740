"""What users and groups look like in requests and answers.

What this service does not have is answered as the constant it amounts to: passwords do not
expire, and nobody has to change one at the first login.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, SecretStr

from searchplane.api.fields import Boolean, Reply, Request
from searchplane.api.identity.replies import PageLinks, SelfLink
from searchplane.api.identity.requests import NO_NUL, Name
from searchplane.iam.passwords import MAX_LENGTH
from searchplane.iam.users import NewUser, UserChange
from searchplane.store.groups import Group
from searchplane.store.users import UserRecord

Described = Annotated[str, Field(max_length=4096, pattern=NO_NUL)]
Password = Annotated[SecretStr, Field(min_length=1, max_length=MAX_LENGTH)]


class UserFields(Request):
    """A user as administrators change one; what is absent or null stays."""

    name: Name | None = None
    password: Password | None = None
    enabled: Boolean | None = None
    description: Described | None = None
    email: Annotated[str, Field(max_length=255, pattern=NO_NUL)] | None = None
    areacode: Annotated[str, Field(max_length=8, pattern=r"^\+?[0-9]*$")] | None = None
    phone: Annotated[str, Field(max_length=20, pattern=r"^[0-9 ]*$")] | None = None

    def change(self) -> UserChange:
        return UserChange(
            name=self.name,
            password=self.secret(),
            enabled=self.enabled,
            description=self.description,
            email=self.email,
            phone=self.number(),
        )

    def secret(self) -> str | None:
        return self.password.get_secret_value() if self.password is not None else None

    def number(self) -> str | None:
        if self.phone is None:
            return None
        return f"{self.areacode or ''}-{self.phone}" if self.phone else ""


class NewUserFields(UserFields):
    """A new user; the domain is the caller's when none is named."""

    name: Name
    domain_id: Name | None = None

    def wanted(self) -> NewUser:
        return NewUser(
            name=self.name,
            domain_id=self.domain_id,
            password=self.secret(),
            enabled=self.enabled is not False,
            description=self.description or "",
            email=self.email or "",
            phone=self.number() or "",
        )


class NewUserBody(Request):
    user: NewUserFields


class UserChangeBody(Request):
    user: UserFields


class OwnPasswordFields(Request):
    password: Password
    original_password: Password


class OwnPasswordBody(Request):
    user: OwnPasswordFields


class GroupFields(Request):
    name: Name | None = None
    description: Described | None = None


class NewGroupFields(GroupFields):
    name: Name
    domain_id: Name | None = None


class NewGroupBody(Request):
    group: NewGroupFields


class GroupChangeBody(Request):
    group: GroupFields


class PersonReply(Reply):
    """A user; `password_expires_at` is null, as passwords do not expire."""

    id: str
    name: str
    domain_id: str
    enabled: bool
    description: str
    email: str
    password_expires_at: None
    pwd_status: bool
    create_time: str
    areacode: str | None = None
    phone: str | None = None
    access_mode: str | None = None
    links: SelfLink


class PersonAnswer(Reply):
    user: PersonReply


class PeopleAnswer(Reply):
    users: list[PersonReply]
    links: PageLinks


class GroupReply(Reply):
    id: str
    name: str
    domain_id: str
    description: str
    create_time: int
    links: SelfLink


class GroupAnswer(Reply):
    group: GroupReply


class GroupsAnswer(Reply):
    groups: list[GroupReply]
    links: PageLinks


def person(base_url: str, user: UserRecord, *, with_phone: bool = False) -> PersonReply:
    """`with_phone`: the OS-USER shape, which has more of a user."""
    area, _, number = user.phone.rpartition("-")
    more = {"areacode": area, "phone": number, "access_mode": "default"} if with_phone else {}
    return PersonReply(
        id=user.id,
        name=user.name,
        domain_id=user.domain_id,
        enabled=user.enabled,
        description=user.description,
        email=user.email,
        password_expires_at=None,
        pwd_status=True,
        create_time=user.created.strftime("%Y-%m-%d %H:%M:%S.0"),
        links=SelfLink(self=f"{base_url}/v3/users/{user.id}"),
        **more,
    )


def group_reply(base_url: str, group: Group) -> GroupReply:
    return GroupReply(
        id=group.id,
        name=group.name,
        domain_id=group.domain_id,
        description=group.description,
        create_time=int(group.created.timestamp() * 1000),
        links=SelfLink(self=f"{base_url}/v3/groups/{group.id}"),
    )
