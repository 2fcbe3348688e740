"""Keystone's answers, read with no more trust than any client's request."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, StringConstraints, ValidationError

from searchplane.domain.ids import DomainId, ProjectId, UserId
from searchplane.store.foreign_projects import ForeignDomain, ForeignProject

_Id = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z_.-]{1,64}$")]
_Name = Annotated[str, StringConstraints(min_length=1, max_length=64)]
_LongName = Annotated[str, StringConstraints(min_length=1, max_length=255)]
"""What Keystone allows: 64 characters for domains and projects, 255 for users and roles."""


@dataclass(frozen=True)
class Vouched:
    """What Keystone says a token stands for; no project and no domain: it is unscoped, or for the
    system. `roles` are Keystone's names."""

    expires: datetime
    user_id: UserId
    user_name: str
    user_domain: ForeignDomain
    project: ForeignProject | None
    domain: ForeignDomain | None
    roles: tuple[str, ...]


class _Domain(BaseModel):
    id: _Id
    name: _Name

    def read(self) -> ForeignDomain:
        return ForeignDomain(DomainId(self.id), self.name)


class _Project(_Domain):
    domain: _Domain


class _User(BaseModel):
    id: _Id
    name: _LongName
    domain: _Domain


class _Role(BaseModel):
    name: _LongName


class _Token(BaseModel):
    expires_at: AwareDatetime
    user: _User
    project: _Project | None = None
    domain: _Domain | None = None
    roles: list[_Role] = []


class _TokenAnswer(BaseModel):
    token: _Token


def vouched(content: bytes) -> Vouched | None:
    """What the answer says of a token; None when it does not describe one."""
    try:
        token = _TokenAnswer.model_validate_json(content).token
    except ValidationError:
        return None
    return Vouched(
        expires=token.expires_at.astimezone(UTC),
        user_id=UserId(token.user.id),
        user_name=token.user.name,
        user_domain=token.user.domain.read(),
        project=None if token.project is None else _project(token.project),
        domain=None if token.domain is None else token.domain.read(),
        roles=tuple(role.name for role in token.roles),
    )


def is_not_found(content: bytes) -> bool:
    """Whether a 404 is Keystone's own: a proxy's says nothing about the token."""
    return bool(_at(_parsed(content), "error", "code") == HTTPStatus.NOT_FOUND)


def has_service(content: bytes, kind: str) -> bool:
    """Whether the catalogue in a token's description has an endpoint of this type."""
    entries = _at(_parsed(content), "token", "catalog")
    if not isinstance(entries, list):
        return False
    return any(_at(one, "type") == kind and _at(one, "endpoints") for one in entries)


def _project(project: _Project) -> ForeignProject:
    return ForeignProject(ProjectId(project.id), project.name, project.domain.read())


def _parsed(content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None


def _at(value: Any, *names: str) -> Any:
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value
