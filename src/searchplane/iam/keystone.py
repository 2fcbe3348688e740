"""What an external Keystone says of a token, asked with an account of our own.

One question is `GET /v3/auth/tokens`: our own token in X-Auth-Token, the user's in
X-Subject-Token. Our own comes from a password login, made again when Keystone answers 401.

Keystone is a stranger as far as its answers go: each has a bound in size and in time, all parts
of a question together; redirects are not followed, since the next host would be given two
tokens; an answer about another token, which a cache on the way could give, is none. Whatever is
not clearly yes or no raises Trouble. Proxies of the environment are not used: a token goes to the
address in the settings alone.

The header that would admit tokens of application credentials with access rules is not sent, as
the rules are not looked at here: Keystone then does not vouch for such tokens.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import httpx

from searchplane.errors import Transient
from searchplane.iam.keystone_account import Account
from searchplane.iam.keystone_answers import Vouched, has_service, is_not_found, vouched

CALLS_AT_ONCE = 8
MAX_ANSWER_BYTES = 1024 * 1024
"""A token without its catalogue has a few thousand."""

PAUSE_SECONDS = 5.0
"""Between two logins of which the first was refused: Keystone may lock the account otherwise."""

SUBJECT = "X-Subject-Token"
SERVICE_TYPE = "css"


class Trouble(Transient):
    """Keystone did not give a clear answer; the sentence is for the operator, not for users."""


class Denied(Trouble):
    """Keystone does not let our account do its work."""


@dataclass(frozen=True)
class Answer:
    status: int
    subject: str
    content: bytes


class Keystone:
    """One Keystone, for one event loop."""

    def __init__(self, account: Account, client: httpx.AsyncClient) -> None:
        self._account = account
        self._client = client
        self._flights: dict[str, asyncio.Task[Vouched | None]] = {}
        self._logging_in = asyncio.Lock()
        self._own_token = ""
        self._refused: tuple[float, str] | None = None
        self._is_stopped = False

    @classmethod
    @asynccontextmanager
    async def open(cls, account: Account) -> AsyncIterator[Keystone]:
        limits = httpx.Limits(max_connections=CALLS_AT_ONCE, keepalive_expiry=15)
        verify = account.trust if account.trust is not None else True
        # httpx gives this time to every part of a request; the whole has it in `_in_time`.
        async with httpx.AsyncClient(
            verify=verify, limits=limits, timeout=account.timeout_seconds, trust_env=False
        ) as client:
            yield cls(account, client)

    async def check(self, token: str) -> Vouched | None:
        """What the token stands for; None when Keystone does not know it. Raises Trouble.

        Those who ask about the same token at the same time get one answer.
        """
        if self._is_stopped:
            raise Trouble("the service is ending")
        flight = self._flights.get(token)
        if flight is None:
            flight = asyncio.create_task(self._timed(token))
            self._flights[token] = flight
            flight.add_done_callback(lambda _: self._flights.pop(token, None))
        return await asyncio.shield(flight)

    async def stop(self) -> None:
        """Ask no more; those who wait for an answer are cut off."""
        self._is_stopped = True
        for flight in self._flights.values():
            flight.cancel()

    async def knows_service(self) -> bool:
        """Whether the catalogue of our own token lists the search service. Raises Trouble.

        It logs in for it, and asks about its own token, so that everything is tried once.
        """
        async with self._in_time():
            answer = await self._log_in()
            self._own_token = answer.subject
            if await self._ask(answer.subject) is None:
                raise Trouble(f"{self._account} does not know the token that it gave a moment ago")
            return has_service(answer.content, SERVICE_TYPE)

    async def _timed(self, token: str) -> Vouched | None:
        async with self._in_time():
            return await self._ask(token)

    @asynccontextmanager
    async def _in_time(self) -> AsyncIterator[None]:
        seconds = self._account.timeout_seconds
        try:
            async with asyncio.timeout(seconds):
                yield
        except TimeoutError:
            raise Trouble(f"{self._account} did not answer within {seconds:g} s") from None

    async def _ask(self, token: str) -> Vouched | None:
        own = await self._token()
        answer = await self._about(token, own)
        if answer.status == HTTPStatus.UNAUTHORIZED:  # our own has expired or was revoked
            answer = await self._about(token, await self._token(instead_of=own))
        if answer.status == HTTPStatus.NOT_FOUND and is_not_found(answer.content):
            return None
        if answer.status == HTTPStatus.FORBIDDEN:
            raise Denied(
                f"{self._account} does not let {self._account.user!r} check tokens; it needs the "
                "role `service` or `admin` on its project"
            )
        if answer.status != HTTPStatus.OK:
            raise Trouble(self._unexpected(answer))
        if answer.subject != token:
            raise Trouble(f"{self._account} answered about another token than was asked about")
        return vouched(answer.content) or self._not_a_token()

    def _not_a_token(self) -> Vouched:
        raise Trouble(f"{self._account} answered with something that is no token's description")

    async def _about(self, token: str, own: str) -> Answer:
        return await self._send("GET", {"X-Auth-Token": own, SUBJECT: token}, "?nocatalog=1")

    async def _token(self, instead_of: str = "") -> str:
        """Our own token, a new one unless somebody else has got one meanwhile."""
        async with self._logging_in:
            if self._own_token == instead_of:
                self._own_token = (await self._log_in()).subject
            return self._own_token

    async def _log_in(self) -> Answer:
        if self._refused is not None and time.monotonic() < self._refused[0]:
            raise Denied(self._refused[1])
        answer = await self._send("POST", {}, "", json=self._account.login_body())
        if answer.status == HTTPStatus.CREATED and answer.subject:
            self._refused = None
            return answer
        if answer.status == HTTPStatus.UNAUTHORIZED:
            sentence = (
                f"{self._account} refuses the login of {self._account.user!r}; its password "
                "(SEARCHPLANE_KEYSTONE_PASSWORD), its domain or its role on the project is wrong"
            )
            self._refused = (time.monotonic() + PAUSE_SECONDS, sentence)
            raise Denied(sentence)
        raise Trouble(self._unexpected(answer))

    def _unexpected(self, answer: Answer) -> str:
        if answer.status // 100 == 3:
            return (
                f"{self._account} answered with a redirect ({answer.status}), which is not "
                "followed; SEARCHPLANE_KEYSTONE_URL must be the address it leads to"
            )
        return f"{self._account} answered with {answer.status}, which is not what a Keystone says"

    async def _send(
        self, method: str, headers: dict[str, str], query: str, json: Any = None
    ) -> Answer:
        """One request. It is sent again when a kept connection proves to be closed."""
        for is_last in (False, True):
            try:
                return await self._once(method, headers, query, json)
            except (httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError) as error:
                if is_last:
                    raise self._no_answer(error) from None
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                raise self._no_answer(error) from None
        raise AssertionError("the last attempt returns or raises")

    def _no_answer(self, error: Exception) -> Trouble:
        # Other errors may repeat what was sent, and that is secret.
        why = f" ({error})" if isinstance(error, httpx.NetworkError) and str(error) else ""
        return Trouble(f"{self._account} does not answer: {type(error).__name__}{why}")

    async def _once(self, method: str, headers: dict[str, str], query: str, json: Any) -> Answer:
        url = f"{self._account.url}/auth/tokens{query}"
        plain = {"Accept": "application/json", "Accept-Encoding": "identity"}
        async with self._client.stream(method, url, headers=plain | headers, json=json) as answer:
            content = b""
            async for part in answer.aiter_raw():
                content += part
                if len(content) > MAX_ANSWER_BYTES:
                    raise Trouble(f"{self._account} gives more than {MAX_ANSWER_BYTES} bytes")
            return Answer(answer.status_code, answer.headers.get(SUBJECT, ""), content)
