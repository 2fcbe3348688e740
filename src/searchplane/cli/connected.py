"""What every client of the commands has in common: a login, a token that is renewed, and answers
that are not what was asked for as errors with the service's own code and message."""

from __future__ import annotations

import ssl
from abc import ABC, abstractmethod
from collections.abc import Mapping
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import httpx

from searchplane.cli.login import Login
from searchplane.errors import NotFound, Permanent, Refused, Transient

TIMEOUT = 30.0


class Connected(ABC):
    """A login and the address it leads to. Methods raise Refused (with the API's code), NotFound,
    Transient."""

    def __init__(self, login: Login) -> None:
        self._login = login
        host = urlsplit(login.auth_url).hostname or ""
        # A company's proxy leads out of the house, not to this machine.
        is_local = host in ("localhost", "::1") or host.startswith("127.")
        self._http = httpx.Client(
            timeout=TIMEOUT, trust_env=not is_local, verify=_verification(login)
        )
        self._token = ""
        self.service = ""
        """The service's address for the project, known once logged in."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._http.close()

    @abstractmethod
    def log_in(self) -> None:
        """Get a token, and set it and the service's address."""

    def _ask(self, method: str, path: str, json: Any = None, **query: str | int) -> Any:
        """What the answer holds; None when it holds nothing."""
        if not self.service:
            self.log_in()
        answer = self._send(method, self.service + path, json=json, query=query, check=False)
        if answer.status_code == HTTPStatus.UNAUTHORIZED:  # the token has expired meanwhile
            self.log_in()
            answer = self._send(method, self.service + path, json=json, query=query, check=False)
        content = _checked(answer).content
        return answer.json() if content else None

    def _send(
        self,
        method: str,
        url: str,
        *,
        json: Any,
        query: Mapping[str, str | int] | None = None,
        check: bool = True,
    ) -> httpx.Response:
        headers = {"X-Auth-Token": self._token} if self._token else {}
        try:
            answer = self._http.request(method, url, json=json, params=query, headers=headers)
        except httpx.UnsupportedProtocol as error:
            raise Permanent(f"{url!r} is no address; http://HOST:PORT/v3 is right") from error
        except httpx.TransportError as error:
            raise Transient(f"{url} does not answer ({error}); does the service run?") from error
        return _checked(answer) if check else answer


def _verification(login: Login) -> ssl.SSLContext | bool:
    if login.ca is None:
        return True
    try:
        return ssl.create_default_context(cafile=str(login.ca))
    except OSError as error:
        raise Permanent(f"{login.ca} cannot be used to verify the service: {error}") from error


def identity_url(login: Login) -> str:
    """The identity API's third version; others write its address without it."""
    address = login.auth_url.rstrip("/")
    return address if address.endswith("/v3") else f"{address}/v3"


def _checked(answer: httpx.Response) -> httpx.Response:
    """The answer if it is a success; otherwise raises what the service said of it."""
    if answer.is_success:
        return answer
    try:
        body = answer.json()
    except ValueError:
        body = {}
    body = body if isinstance(body, dict) else {}
    foreign = body.get("error")  # of an identity service that is not ours
    said = foreign.get("message") if isinstance(foreign, dict) else None
    code = str(body.get("error_code") or f"HTTP {answer.status_code}")
    message = str(body.get("error_msg") or said or answer.reason_phrase)
    kind = NotFound if answer.status_code == HTTPStatus.NOT_FOUND else Refused
    raise kind(code, f"{code}: {message}")
