"""HTTP/1.1 as a client may speak it to us: a fast parser, and bounds on what it is fed.

The problem: the parser knows no limit. A head, a trailer or a row of requests without end would
fill the memory, a head that never ends would keep a connection for ever, and what it lets pass may
be read in two ways by two servers in a row.

The design: the parser is fed as before, and what it has reported tells how much it holds. Beyond a
bound the request is refused in the service's own error shape and the connection ends, in a way
that the answer still arrives. A connection that waits for its client (for a head, a body, the next
request) may be given up for a new one when there are too many; one that waits for us never is.

It will not look into requests beyond their framing: tokens and bodies are for api/.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

from searchplane.api.pipeline import RawAnswer
from searchplane.api.web import WHOLE_ANSWER
from searchplane.errors import Refused, Throttled

KILOBYTE = 1024
MAX_URL_BYTES = 32 * KILOBYTE
MAX_HEAD_BYTES = 128 * KILOBYTE
"""All headers of a request, or all trailers of a body; with the URL's, the public gateway's own."""
MAX_HEADERS = 256
MAX_PIPELINED = 64
"""Requests that a client may send ahead of their answers."""

HEAD_SECONDS = 15.0
"""For a whole head, from its first byte, or from the connection's beginning for the first one."""
LINGER_SECONDS = 2.0
"""How long bytes are still read, and thrown away, after a last answer: to close a connection with
bytes unread would take the answer back."""


@dataclass
class Edge:
    """What the connections of one listener share.

    `refuse` makes the answer for a request that never reaches the application. `at_once` gives the
    answer to a request of this scope and without a body, if it is in memory. `waiting` are those
    that wait for their clients, the longest wait first.
    """

    refuse: Callable[[Refused], RawAnswer]
    max_connections: int
    at_once: Callable[[Any], RawAnswer | None]
    waiting: dict[BoundedProtocol, None] = field(default_factory=dict)

    def give_up_one(self) -> bool:
        """End the connection whose client is waited for longest; False if there is none."""
        longest = next(iter(self.waiting), None)
        if longest is None:
            return False
        longest.drop()
        return True


class _Unfit(Exception):
    """Stops the parser: the request is refused with this."""

    def __init__(self, refusal: Refused) -> None:
        self.refusal = refusal


class BoundedProtocol(HttpToolsProtocol):
    """One connection."""

    def __init__(self, *, edge: Edge, **given: Any) -> None:
        super().__init__(**given)
        self._edge = edge
        self._deadline: asyncio.TimerHandle | None = None
        self._head_begun = False
        self._in_trailer = False
        self._head_bytes = 0
        self._head_lines = 0
        self._unfinished = 0
        """Bytes that were fed since the parser last finished a part: what it may hold."""
        self._at_work: RequestResponseCycle | None = None
        self._is_feeding = False
        self._begun: tuple[RequestResponseCycle, Any] | None = None
        """A request that the parser has found just now, and the application it is for."""
        self._deaf = False
        """Nothing that still comes is a request."""
        self._leaving = False

    # The connection

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._parting = _Parting(self)
        full = len(self.connections) > self._edge.max_connections
        if full and not self._edge.give_up_one():
            self._refuse(Throttled("APIGW.0308", "too many connections at once", retry_after=1))
            return
        self._edge.waiting[self] = None
        self._deadline = self.loop.call_later(HEAD_SECONDS, self._too_slow)

    def connection_lost(self, exc: Exception | None) -> None:
        self._edge.waiting.pop(self, None)
        self._no_deadline()
        self._unset_keepalive_if_required()
        super().connection_lost(exc)

    def drop(self) -> None:
        """End it now, whatever the client is doing."""
        self._edge.waiting.pop(self, None)
        self.transport.abort()

    def data_received(self, data: bytes) -> None:
        if self._deaf:
            return
        self._feed(data)
        begun, self._begun = self._begun, None
        if begun is not None:
            self._begin(*begun)

    def _feed(self, data: bytes) -> None:
        self._unfinished += len(data)
        self._is_feeding = True
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._is_last()  # no protocol is offered: it is answered as what it is without
        except httptools.HttpParserError as error:
            self._refuse(_refusal(error))
            return
        finally:
            self._is_feeding = False
        if self._unfinished > MAX_HEAD_BYTES + MAX_URL_BYTES:
            self._refuse(_too_long("the head of the request", MAX_HEAD_BYTES))
        elif self._head_begun and self._deadline is None:
            self._deadline = self.loop.call_later(HEAD_SECONDS, self._too_slow)

    def timeout_keep_alive_handler(self) -> None:
        """Nothing has come for long; what is still to be sent is not wanted either."""
        if self.transport.get_write_buffer_size():
            self.drop()
        else:
            super().timeout_keep_alive_handler()

    # What the parser has found

    def on_message_begin(self) -> None:
        self._unset_keepalive_if_required()
        self._head_begun, self._in_trailer = True, False
        self._head_bytes = self._head_lines = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        if len(self.url) > MAX_URL_BYTES:
            raise _Unfit(Refused("APIGW.0203", f"the URL is longer than {MAX_URL_BYTES} bytes"))

    def on_header(self, name: bytes, value: bytes) -> None:
        self._head_bytes += len(name) + len(value)
        self._head_lines += 1
        if self._head_bytes > MAX_HEAD_BYTES:
            raise _Unfit(_too_long("the headers together", MAX_HEAD_BYTES))
        if self._head_lines > MAX_HEADERS:
            raise _Unfit(Refused("APIGW.0202", f"there are more than {MAX_HEADERS} headers"))
        if not self._in_trailer:  # a trailer may not pose as a header that was checked
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._unfinished = 0
        self._head_begun, self._in_trailer = False, True
        self._no_deadline()
        _check_framing(self.parser.get_http_version(), self.headers)
        if len(self.pipeline) >= MAX_PIPELINED:
            raise _Unfit(Refused("APIGW.0602", f"{MAX_PIPELINED} requests wait for answers"))
        super().on_headers_complete()
        self.cycle.transport = self._parting  # type: ignore[assignment]

    def on_body(self, body: bytes) -> None:
        self._unfinished = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._unfinished = 0
        self._edge.waiting.pop(self, None)
        super().on_message_complete()

    # Answers

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._at_work = cycle
        if self._is_feeding:
            self._begun = cycle, app
        else:
            self._start_task(cycle, app)

    def _begin(self, cycle: RequestResponseCycle, app: Any) -> None:
        """Answer at once, or begin a task. Only the first request of what has come in is answered
        so: those sent ahead take turns with the requests of others."""
        if not (cycle.more_body or cycle.body or cycle.disconnected or cycle.flow.write_paused):
            answer = self._edge.at_once(cycle.scope)
            if answer is not None:
                self._write(cycle, answer)
                return
        self._start_task(cycle, app)

    def _start_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        answer: Any = partial(self._answer, cycle)
        cycle.scope["extensions"] = {WHOLE_ANSWER: answer}
        super()._start_asgi_task(cycle, app)

    async def _answer(self, cycle: RequestResponseCycle, answer: RawAnswer) -> None:
        if cycle.flow.write_paused and not cycle.disconnected:
            await cycle.flow.drain()
        if not cycle.disconnected:
            self._write(cycle, answer)

    def _write(self, cycle: RequestResponseCycle, answer: RawAnswer) -> None:
        """A whole answer at once: what the server's own `send` does in two, for half the price."""
        if "Connection" in answer.headers:
            cycle.keep_alive = False
        head = self._head_of(answer, is_last=not cycle.keep_alive)
        cycle.response_started, cycle.waiting_for_100_continue = True, False
        cycle.transport.write(head if cycle.scope["method"] == "HEAD" else head + answer.body)
        cycle.response_complete = True
        cycle.message_event.set()
        if not cycle.keep_alive:
            cycle.transport.close()
        cycle.on_response()

    def on_response_complete(self) -> None:
        if self._at_work is not None and self._at_work.more_body:
            self.leave()  # the rest of a body that nobody reads must not be taken for a request
        if self._leaving:
            return
        super().on_response_complete()
        if self.timeout_keep_alive_task is not None:
            self._edge.waiting[self] = None

    def leave(self) -> None:
        """Close once the answer has arrived, though the client may still be sending."""
        if self._leaving or self.transport.is_closing():
            return
        self._leaving = self._deaf = True
        self._edge.waiting[self] = None
        self._no_deadline()
        self._unset_keepalive_if_required()
        self.flow.resume_reading()
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self._deadline = self.loop.call_later(LINGER_SECONDS, self.drop)

    def _refuse(self, refusal: Refused) -> None:
        """Answer instead of the application, unless it is answering; then nothing more is read."""
        at_work = self._at_work
        answering = at_work is not None and not at_work.response_complete
        if answering and (at_work is not self.cycle or not self.cycle.more_body):
            self._is_last()
        elif answering and self.cycle.response_started:
            self.drop()
        else:
            if answering:
                self.cycle.disconnected = True
                self.cycle.message_event.set()
            answer = self._edge.refuse(refusal)
            self.transport.write(self._head_of(answer, is_last=True) + answer.body)
            self.leave()

    def _is_last(self) -> None:
        """Close when the request at work is answered; later ones are not begun."""
        self._deaf = True
        self.pipeline.clear()
        if self._at_work is not None:
            self._at_work.keep_alive = False

    def _head_of(self, answer: RawAnswer, *, is_last: bool) -> bytes:
        fixed = [name + b": " + value for name, value in self.server_state.default_headers]
        lines = [f"{name}: {value}" for name, value in answer.headers.items()]
        if answer.status != HTTPStatus.NO_CONTENT:
            lines.append(f"Content-Length: {len(answer.body)}")
        if is_last and "Connection" not in answer.headers:
            lines.append("Connection: close")
        text = "\r\n".join(lines)
        if text.count("\n") != len(lines) - 1 or text.count("\r") != len(lines) - 1:
            raise ValueError("a header of an answer has a line end in it")
        given = text.encode("latin-1")
        return STATUS_LINE[answer.status] + b"\r\n".join([*fixed, given, b"", b""])

    def _too_slow(self) -> None:
        self._deadline = None
        if self._head_begun:
            late = f"the head of the request did not arrive within {HEAD_SECONDS:.0f} s"
            self._refuse(Refused("APIGW.0204", late))
        else:
            self.drop()

    def _no_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


class _Parting:
    """The transport as the answer to a request sees it: to close it is to part in peace."""

    def __init__(self, protocol: BoundedProtocol) -> None:
        self._protocol = protocol
        self.write = protocol.transport.write
        self.is_closing = protocol.transport.is_closing

    def close(self) -> None:
        self._protocol.leave()


def _check_framing(version: str, headers: list[tuple[bytes, bytes]]) -> None:
    """Refuse what two servers in a row may read as two different requests."""
    if version not in ("1.0", "1.1"):
        raise _Unfit(Refused("APIGW.0602", f"HTTP/{version} is not spoken here; HTTP/1.1 is"))
    hosts = encodings = 0
    for name, value in headers:
        if name == b"host":
            hosts += 1
        elif name == b"transfer-encoding":
            encodings += 1
            if version == "1.0" or value.lower() != b"chunked":
                raise _Unfit(Refused("APIGW.0602", "the only Transfer-Encoding read is chunked"))
    if hosts > 1 or (hosts == 0 and version == "1.1"):
        raise _Unfit(Refused("APIGW.0602", f"{hosts} Host headers were sent; one is right"))
    if encodings > 1:
        raise _Unfit(Refused("APIGW.0602", "Transfer-Encoding is sent twice"))


def _refusal(error: httptools.HttpParserError) -> Refused:
    cause = error.__context__
    if isinstance(cause, _Unfit):
        return cause.refusal
    return Refused("APIGW.0602", "this is not HTTP/1.1 as RFC 9112 has it")


def _too_long(what: str, limit: int) -> Refused:
    return Refused("APIGW.0202", f"{what} may have {limit} bytes")
