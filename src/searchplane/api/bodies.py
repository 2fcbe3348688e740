"""Request bodies: how much is read, for how long, and how much memory all of them may take.

A body is memory that a client chooses. A small one is read from anybody. A large one, or one whose
size is not told beforehand, is read only once the credential has been checked (web.py), and all
large ones at once have a bound, so that they cannot push out the service itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from searchplane.api.pipeline import MAX_BODY_BYTES
from searchplane.errors import Refused, SearchplaneError, Throttled

SMALL_BYTES = 64 * 1024
SMALL_SECONDS = 20.0
LARGE_SECONDS = 60.0
"""How long a client may take to send its body."""

ROOM_BYTES = 8 * MAX_BODY_BYTES
"""For all large bodies that are being read or worked on."""

Take = Callable[[int], None]


class Disconnected(SearchplaneError):
    """The client is gone; nobody waits for an answer."""


def announced(headers: Mapping[str, str]) -> int | None:
    """The size of the body to come, 0 without one; None when the client does not tell it.

    Raises Refused when it is larger than any body may be.
    """
    if "transfer-encoding" in headers:
        return None
    size = int(headers.get("content-length") or 0)  # the parser lets digits pass only
    if size > MAX_BODY_BYTES:
        raise too_large(MAX_BODY_BYTES)
    return size


def is_large(size: int | None) -> bool:
    return size is None or size > SMALL_BYTES


def too_large(most: int, whose: str = "the body") -> Refused:
    return Refused("APIGW.0201", f"{whose} is larger than {most} bytes")


async def read_small(receive: Any) -> bytes:
    """Raises Refused when it is not small or takes too long, Disconnected."""
    return await _read(receive, SMALL_BYTES, SMALL_SECONDS, _no_bound)


async def read_large(receive: Any, take: Take) -> bytes:
    """Asks for memory with `take` before it keeps anything. Raises what read_small raises."""
    return await _read(receive, MAX_BODY_BYTES, LARGE_SECONDS, take)


class Room:
    """Memory that large bodies share; only the HTTP loop uses it."""

    def __init__(self, most: int = ROOM_BYTES) -> None:
        self._most = most
        self._taken = 0

    @contextmanager
    def share(self) -> Iterator[Take]:
        """What is taken of it is given back at the end of the block."""
        mine = 0

        def take(size: int) -> None:
            nonlocal mine
            if self._taken + size > self._most:
                raise Throttled("APIGW.0308", "too many large bodies at once", retry_after=5)
            self._taken += size
            mine += size

        try:
            yield take
        finally:
            self._taken -= mine


async def _read(receive: Any, most: int, seconds: float, take: Take) -> bytes:
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(seconds):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Disconnected
                chunk = message.get("body", b"")
                size += len(chunk)
                if size > most:
                    raise too_large(most)
                take(len(chunk))
                chunks.append(chunk)
                if not message.get("more_body"):
                    return b"".join(chunks)
    except TimeoutError:
        late = f"the body did not arrive within {seconds:.0f} s"
        raise Refused("APIGW.0204", late) from None


def _no_bound(_size: int) -> None:
    pass
