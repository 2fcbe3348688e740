"""What is served beside the operations: no credential is asked for and no audit line is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from searchplane.api.pipeline import RawAnswer, new_request_id


@dataclass(frozen=True)
class Visit:
    """Who asks: the address of the connection, and the headers by name in lower case."""

    peer: str
    headers: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True)
class Page:
    """A path, and what makes the answer to GET, in a worker thread; None: there is no such path."""

    path: str
    answer: Callable[[Visit], RawAnswer | None]


def shown(body: bytes, content_type: str, status: int = 200) -> RawAnswer:
    """An answer with a request id of its own, as every answer has."""
    headers = {"X-Request-Id": new_request_id(), "Content-Type": content_type}
    return RawAnswer(status, headers, body)
