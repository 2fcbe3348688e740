"""The declaration of an operation: everything that is known about it stands in one place.

Routes, validation, permission check, OpenAPI, the documentation table and the test matrix are all
read from here. A handler is a plain function from a `Call` to an `Answer`. It runs in a worker
thread and may use SQL; one that hashes a password is in a pool of its own, so that a third of a
second of computing is waited for by its like alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from searchplane.domain.access import Actor, ProjectScope
from searchplane.domain.audit import Who
from searchplane.errors import Forbidden
from searchplane.iam.sessions import Session

if TYPE_CHECKING:
    from searchplane.api.services import Services


class Envelope(Enum):
    """The shape of error bodies: the service's own, the identity service's, and that of the
    identity service's extensions (`/v3.0/OS-...`)."""

    CSS = "css"
    IDENTITY = "identity"
    EXTENSION = "extension"

    @property
    def is_identity(self) -> bool:
        """Whether identity's own codes are used."""
        return self is not Envelope.CSS


class Pool(Enum):
    """Which worker threads run the handler.

    Logins and creations may hash a password. Each kind has few threads and a bounded queue of its
    own: neither holds up the other, and neither holds up what is quick.
    """

    QUICK = "quick"
    LOGIN = "login"
    CREATION = "creation"


@dataclass(frozen=True)
class Answer:
    """What a handler gives back: a model, or raw `content` with its own type, or nothing."""

    body: BaseModel | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = None
    content_type: str = "application/json"
    status: int | None = None
    """Where it is not the operation's own."""
    proved: Actor | None = None
    """Who a login turned out to be, for the audit trail."""


def rendered(body: BaseModel) -> bytes:
    """A body as it is sent; members that were not set are absent."""
    return body.model_dump_json(by_alias=True, exclude_unset=True).encode()


@dataclass(frozen=True)
class Call:
    """One request, checked: credentials proven, action allowed, body and query valid."""

    services: Services
    now: datetime
    path: Mapping[str, str]
    headers: Mapping[str, str] = field(repr=False)
    """Names in lower case. They hold tokens, so they are not shown."""
    source: str
    """The address of the client."""
    recalled: Mapping[str, Session] = field(default_factory=dict, repr=False)
    """What the request's tokens stand for, where that was in memory."""
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
    besides: tuple[str, ...] = ()
    """IAM actions that it needs as well, as it does what they stand for."""
    preview: type[BaseModel] | None = None
    """What it answers instead when it is only to say what it would do (`?dry_run=true`)."""
    status: int = 200
    errors: tuple[str, ...] = ()
    envelope: Envelope = Envelope.CSS
    pool: Pool = Pool.QUICK
    is_quick: Callable[[bytes], bool] | None = None
    """Whether a request with this body needs no pool of its own, seen without much work."""
    at_hand: Callable[[Services, str, str], bool] | None = None
    """Given the project and the query: whether the answer is in memory, once the request's tokens
    are. Then it is given at once, as handing it to a worker costs more than the work."""
    raw_answer: str | None = None
    """The content type of an answer that is not JSON."""
    answer_headers: tuple[str, ...] = ()
    request_headers: tuple[str, ...] = ()
    self_service: bool = False
    """About the caller's own identity: any valid credential may, whatever its scope and roles."""
    resource: str | None = None
    """The name in the path of what it is about; None: all that the path names but the project."""
    claims: Callable[[Any], Who] | None = None
    """Who a login's body says it is from; for the audit trail, where the login is refused."""

    def pool_for(self, body: bytes) -> Pool:
        """Which worker threads carry out a request with this body."""
        if self.is_quick is not None and self.is_quick(body):
            return Pool.QUICK
        return self.pool

    @property
    def is_change(self) -> bool:
        """Whether it may change something, or is a login: the audit trail tells of it always."""
        return self.method not in ("GET", "HEAD")
