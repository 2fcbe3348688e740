"""The HTTP client with which the control plane talks to one cluster.

Three kinds of clusters: plain, TLS with a client certificate, and users without TLS, where a
signed token stands in for the certificate (engine/security.py says why). The client trusts the
cluster's own authority and nothing else, checks the node's address, and ignores proxy settings of
the environment: nodes are reached directly.

It will not retry or interpret answers; that is for those who know what they asked.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable, Generator
from datetime import UTC, datetime

import httpx

from searchplane.domain.observed import ClientIdentity, Target
from searchplane.domain.ports import REST_PORT
from searchplane.engine.security import TOKEN_LIFE, control_token

TIMEOUT_SECONDS = 3.0
"""For each of connecting, sending and waiting; a node that is merely busy starting is faster."""

_LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=64, keepalive_expiry=60)

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    return datetime.now(UTC)


def open_client(
    target: Target, *, transport: httpx.AsyncBaseTransport | None = None, clock: Clock = utc_now
) -> httpx.AsyncClient:
    """A client for the nodes of `target`; whoever opens it closes it."""
    identity = target.identity
    token = _ControlToken(identity, clock) if identity and not target.https else None
    return httpx.AsyncClient(
        verify=tls_context(identity),
        auth=token,
        transport=transport,
        timeout=TIMEOUT_SECONDS,
        limits=_LIMITS,
        trust_env=False,
    )


def node_url(target: Target, address: str) -> str:
    """The root of a node's REST interface, without a slash at its end."""
    host = f"[{address}]" if ":" in address else address
    return f"{'https' if target.https else 'http'}://{host}:{REST_PORT}"


def tls_context(identity: ClientIdentity | None) -> ssl.SSLContext:
    """Trusts the cluster's authority only; without an identity it trusts nobody."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if identity is not None:
        context.load_verify_locations(cadata=identity.authority_pem)
        _load_pair(context, identity)
    return context


def _load_pair(context: ssl.SSLContext, identity: ClientIdentity) -> None:
    # OpenSSL takes a certificate from a path only. A memory file has one, touches no disk and
    # is gone when the descriptor is closed.
    descriptor = os.memfd_create("searchplane-identity", os.MFD_CLOEXEC)
    with os.fdopen(descriptor, "w") as memory:
        memory.write(identity.certificate_pem + identity.key_pem)
        memory.flush()
        context.load_cert_chain(f"/proc/self/fd/{descriptor}")


class _ControlToken(httpx.Auth):
    """Signs a token when the last one has used half of its life, not for every request."""

    def __init__(self, identity: ClientIdentity, clock: Clock) -> None:
        self._identity = identity
        self._clock = clock
        self._token = ""
        self._renew_at = datetime.min.replace(tzinfo=UTC)

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        now = self._clock()
        if now >= self._renew_at:
            self._token = control_token(self._identity, now)
            self._renew_at = now + TOKEN_LIFE / 2
        request.headers["Authorization"] = f"Bearer {self._token}"
        yield request
