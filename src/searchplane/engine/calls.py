"""One question or order at a time to a cluster's nodes, and what their refusals mean.

Nodes are asked in turn until one has an answer; every node passes on to the master what only the
master can do. A refusal is Permanent where the same order would be refused again, and Transient
where the engine is merely busy, or does not say. Engines answer 500 for both, so the kind of the
error decides.

It will not retry, and it will not read what a good answer says.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx

from searchplane.domain.observed import Target
from searchplane.engine.rest import Clock, node_url, open_client, utc_now
from searchplane.errors import Permanent, Transient

LONGEST_LIST = 3000
"""Characters of names in a URL; the engine reads lines of up to 4096."""

PATIENCE = 20.0
"""Seconds for one node's answer; what the engine has begun by then goes on."""

LONGEST_CAUSE = 300
"""Characters of an engine's error in a sentence."""
_BUSY = frozenset({401, 403, 408, 409, 429})
"""What is answered while security is being set up, or there is too much to do."""

_FOR_GOOD = frozenset({"repository_exception", "snapshot_restore_exception"})
"""Answered with 500, and just as right the next time."""

_STALE = ("concurrent modification", "do not match its expected state")
"""In the reason where somebody else has written to the repository: the engine does not look
again before it is registered anew."""


CHANGED = "the repository was changed by another cluster; it is read anew"


class Declined(Permanent):
    """The engine will not do it; `kind` is its own name of the error."""

    def __init__(self, sentence: str, kind: str) -> None:
        super().__init__(sentence)
        self.kind = kind


class Stale(Transient):
    """What the engine knows of a repository is not so any longer."""


class Ask:
    """Asks the nodes of one cluster. `doing` is what an error says was tried."""

    def __init__(self, client: httpx.AsyncClient, target: Target) -> None:
        self._client = client
        self._target = target

    async def __call__(self, doing: str, method: str, path: str, body: object = None) -> Any:
        """The first answer there is. Raises Declined, Stale or another Transient."""
        said = "no node has an address"
        for address in self._target.addresses:
            url = node_url(self._target, address) + path
            try:
                answer = await self._client.request(method, url, json=body, timeout=PATIENCE)
            except (httpx.HTTPError, ssl.SSLError) as error:
                said = f"{address} does not answer ({type(error).__name__})"
                continue
            if answer.is_success:
                return answer.json()
            kind, reason = _error(answer)
            if any(text in reason for text in _STALE):
                raise Stale(f"{doing} failed: {CHANGED}")
            if _is_for_good(answer.status_code, kind):
                raise Declined(f"{doing} was refused by the engine: {reason}", kind)
            said = f"{address} answers {answer.status_code}: {reason}"
        raise Transient(f"{doing} failed: {said}")


class Calls:
    """Opens connections for what is done at a time. `transport` is replaced in tests."""

    def __init__(
        self, *, transport: httpx.AsyncBaseTransport | None = None, clock: Clock = utc_now
    ) -> None:
        self._transport = transport
        self._clock = clock

    @asynccontextmanager
    async def to(self, target: Target) -> AsyncIterator[Ask]:
        async with open_client(target, transport=self._transport, clock=self._clock) as client:
            yield Ask(client, target)


def cause_of(text: str) -> str:
    """The innermost cause of an engine's error; those around it only say where it was met."""
    return text.rstrip("; ").rpartition("nested: ")[2][:LONGEST_CAUSE]


def _is_for_good(status: int, kind: str) -> bool:
    return kind in _FOR_GOOD or (400 <= status < 500 and status not in _BUSY)


def _error(answer: httpx.Response) -> tuple[str, str]:
    """The engine's name of the error, and its reason. Of a repository the cause says more; other
    causes are of the machine and none of a user's business."""
    try:
        error: Mapping[str, Any] = answer.json()["error"]
        kind, cause = str(error["type"]), error.get("caused_by", error)
        told = cause if cause["type"] in _FOR_GOOD else error
        return kind, _bare(str(told["reason"]))
    except (AttributeError, KeyError, TypeError, ValueError):
        return "", answer.text[:200]


def _bare(reason: str) -> str:
    """Without `[repository:snapshot/uuid] `, which says nothing to a user."""
    prefix, bracket, rest = reason.partition("] ")
    return rest if bracket and prefix.startswith("[repo_") else reason
