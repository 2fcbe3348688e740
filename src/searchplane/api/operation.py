"""The declaration of an operation: everything that is known about it stands in one place.

Routes, validation, permission check, OpenAPI, the documentation table and the test matrix are all
read from here. A handler is a plain function from a `Call` to an `Answer`; it runs in a worker
thread and may use SQL and hashing, but holds no connection to anything that runs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from searchplane.domain.access import Actor, ProjectScope
from searchplane.errors import Forbidden

if TYPE_CHECKING:
    from searchplane.api.services import Services


class Envelope(Enum):
    """The shape of error bodies: the service's own, or the identity service's."""

    CSS = "css"
    IDENTITY = "identity"


class Pool(Enum):
    """Which worker threads run the handler: hashing must not hold up the rest."""

    QUICK = "quick"
    HASHING = "hashing"


@dataclass(frozen=True)
class Answer:
    """What a handler gives back: a model, or raw `content` with its own type, or nothing."""

    body: BaseModel | None = None
    status: int | None = None
    """None means the operation's own status."""
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = None
    content_type: str = "application/json"


@dataclass(frozen=True)
class Call:
    """One request, checked: credentials proven, action allowed, body and query valid."""

    services: Services
    request_id: str
    now: datetime
    path: Mapping[str, str]
    headers: Mapping[str, str] = field(repr=False)
    """Names in lower case. They hold tokens, so they are not shown."""
    actor: Actor | None = None
    query: Any = None
    body: Any = field(default=None, repr=False)

    @property
    def user(self) -> Actor:
        """The actor of an operation that needs a credential."""
        if self.actor is None:
            raise Forbidden("APIGW.0302", "this operation needs a credential")
        return self.actor

    @property
    def project(self) -> ProjectScope:
        """The project the token is for; equal to the one in the path, which was checked."""
        scope = self.user.scope
        if not isinstance(scope, ProjectScope):
            raise Forbidden("APIGW.0302", "the token has no project scope")
        return scope


@dataclass(frozen=True)
class Operation:
    """One operation of the public API.

    `paths` has the official path first, then older spellings clients still use. `action` is the
    IAM action; None means that no credential is needed. `errors` are the codes a caller can get
    beyond those that every operation may give (api/codes.py: COMMON).
    """

    id: str
    method: str
    paths: tuple[str, ...]
    handler: Callable[[Call], Answer]
    summary: str
    action: str | None
    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    answer: type[BaseModel] | None = None
    status: int = 200
    errors: tuple[str, ...] = ()
    envelope: Envelope = Envelope.CSS
    pool: Pool = Pool.QUICK
    statuses: tuple[int, ...] = ()
    """Statuses beyond `status` and those of the error codes (identity errors have no code)."""
    raw_answer: str | None = None
    """The content type of an answer that is not JSON."""
    answer_headers: tuple[str, ...] = ()
    request_headers: tuple[str, ...] = ()
    self_service: bool = False
    """About the caller's own identity: any valid credential may, whatever its scope and roles."""
    any_scope: bool = False
    """The actor's scope may be any; False means the project in the path, where there is one."""
