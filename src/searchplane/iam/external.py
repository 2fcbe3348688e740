"""Identity that a company has already: tokens of its Keystone, and nobody known here.

Who may do what is decided from what Keystone says of a token: its project, and its roles through
the setting keystone_roles. Nothing else of a request says who is asking, whatever a client sends.

Keystone's yes is believed for keystone_cache_seconds and never past the token's end; its no is
not remembered. When it cannot be asked the answer is 503, and what was believed before is used
no longer than it would have been: never open.

How many may wait for Keystone is in waiting.py, what is believed in believed.py.
"""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import CancelledError
from contextlib import contextmanager
from datetime import datetime
from typing import NoReturn

from anyio.from_thread import BlockingPortal, start_blocking_portal

from searchplane.domain.access import Actor, DomainScope, ProjectScope, Scope
from searchplane.domain.roles import Role
from searchplane.errors import Transient, Unauthenticated
from searchplane.iam.believed import Believed, Clock
from searchplane.iam.keystone import Keystone, Trouble
from searchplane.iam.keystone_account import account, role_map
from searchplane.iam.keystone_answers import Vouched
from searchplane.iam.presented import Presented
from searchplane.iam.waiting import Queue
from searchplane.settings import Settings
from searchplane.store.database import Database
from searchplane.store.foreign_projects import number_of

log = logging.getLogger(__name__)

MAX_TOKEN_LENGTH = 16 * 1024


class ExternalIdentity:
    """Fulfils `Authenticator` with a Keystone; safe to share between threads."""

    def __init__(
        self,
        ask: Callable[[str], Vouched | None],
        database: Database,
        settings: Settings,
        clock: Clock = time.monotonic,
    ) -> None:
        """`ask` is Keystone's word on a token; it raises Trouble."""
        self._ask = ask
        self._database = database
        self._auth_url = settings.auth_url
        self._roles = role_map(settings)
        self._clock = clock
        self._believed = Believed(settings.keystone_cache_seconds, clock)
        self._queue = Queue(clock)
        self._diary = _Diary(clock)

    def authenticate(self, presented: Presented, now: datetime) -> Actor:
        token = self._token(presented)
        key = hashlib.sha256(token.encode("ascii")).digest()
        return self._believed.get(key, now) or self._look_up(key, token, now)

    def _token(self, presented: Presented) -> str:
        if "authorization" in presented.headers:
            self._refuse(
                "access keys and other Authorization headers are not taken here; send a token of "
                f"Keystone at {self._auth_url} in X-Auth-Token"
            )
        token = presented.headers.get("x-auth-token", "").strip()
        if not token:
            self._refuse("the X-Auth-Token header is missing")
        if len(token) > MAX_TOKEN_LENGTH or not (token.isascii() and token.isprintable()):
            self._refuse("the X-Auth-Token header holds no token of Keystone")
        return token

    def _look_up(self, key: bytes, token: str, now: datetime) -> Actor:
        asked = self._clock()
        vouched = self._asked(token)
        if vouched is None:
            self._refuse("Keystone does not know the token; it may have expired or been revoked")
        if vouched.expires <= now:
            self._refuse(f"the token expired at {vouched.expires.isoformat()}")
        actor = self._actor(vouched, now)
        self._believed.put(key, actor, vouched.expires, asked)
        return actor

    def _asked(self, token: str) -> Vouched | None:
        try:
            with self._queue.place():
                vouched = self._ask(token)
        except Trouble as trouble:
            self._diary.tell(str(trouble))
            raise Transient(
                f"Keystone at {self._auth_url} cannot be asked about the token at the moment; "
                "the service's log says why"
            ) from None
        self._diary.tell(None)
        return vouched

    def _actor(self, vouched: Vouched, now: datetime) -> Actor:
        scope = self._scope(vouched, now)
        roles = tuple(_held(self._roles, vouched.roles, scope))
        return Actor(
            user_id=vouched.user_id,
            user_name=vouched.user_name,
            domain_id=vouched.user_domain.id,
            domain_name=vouched.user_domain.name,
            scope=scope,
            roles=tuple(role.name for role in roles),
            policies=tuple(role.policy for role in roles),
            delegated=True,  # what identity there is here is not Keystone's users' to change
        )

    def _scope(self, vouched: Vouched, now: datetime) -> Scope:
        project, domain = vouched.project, vouched.domain
        if project is not None:
            return ProjectScope(project.id, project.name, number_of(self._database, project, now))
        return None if domain is None else DomainScope(domain.id, domain.name)

    def _refuse(self, why: str) -> NoReturn:
        raise Unauthenticated("APIGW.0301", why, challenge=f'Keystone uri="{self._auth_url}"')


@contextmanager
def open_external(settings: Settings, database: Database) -> Iterator[ExternalIdentity]:
    """Keystone is asked from an event loop in a thread of its own, which ends with the block.

    Raises Permanent when a setting is missing or wrong. Keystone need not answer yet.
    """
    chosen = account(settings)
    with (
        start_blocking_portal(name="keystone") as portal,
        portal.wrap_async_context_manager(Keystone.open(chosen)) as keystone,
    ):
        try:
            yield ExternalIdentity(_asker(portal, keystone), database, settings)
        finally:
            portal.call(keystone.stop)


def _asker(portal: BlockingPortal, keystone: Keystone) -> Callable[[str], Vouched | None]:
    def ask(token: str) -> Vouched | None:
        try:
            return portal.call(keystone.check, token)
        except (RuntimeError, CancelledError):  # the portal's way to say that it has closed
            raise Trouble("the service is ending") from None

    return ask


def _held(known: Mapping[str, Role], theirs: tuple[str, ...], scope: Scope) -> Iterator[Role]:
    """Our roles for Keystone's, once each; those that cannot be held on such a scope are none."""
    mapped = {role.id: role for name in theirs if (role := known.get(name.lower())) is not None}
    for role in mapped.values():
        on_domain = isinstance(scope, DomainScope) and role.type.fits_domains()
        if on_domain or isinstance(scope, ProjectScope):
            yield role


class _Diary:
    """Says once what is wrong with Keystone, again each minute, and when it is over."""

    AGAIN_SECONDS = 60.0

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._last: str | None = None
        self._told = 0.0

    def tell(self, trouble: str | None) -> None:
        now = self._clock()
        with self._lock:
            old = trouble == self._last and (
                trouble is None or now - self._told < self.AGAIN_SECONDS
            )
            if old:
                return
            self._last, self._told = trouble, now
        if trouble is None:
            log.info("Keystone answers again")
        else:
            log.warning("requests are answered with 503: %s", trouble)
