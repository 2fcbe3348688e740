"""A service in the foreground: listeners, signals, and letting go within five seconds.

The sockets are bound before anything else, so that a busy port costs nothing, and they are ours:
nodes do not inherit them, so after a kill -9 the port is free at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import resource
import signal
import socket
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar, cast

import uvicorn
import uvloop
from litestar import Litestar

from searchplane.api.pipeline import refuse_unread
from searchplane.app import Front, LoopThread, Service
from searchplane.cli.protocol import BoundedProtocol, Edge
from searchplane.errors import Permanent, Transient
from searchplane.settings import Settings, split_listen

T = TypeVar("T")

GRACE_SECONDS = 2
"""How long requests at work may take once the service is asked to end."""
KEEP_ALIVE_SECONDS = 75
BACKLOG = 1024
"""Connections that wait to be taken."""
UNREAD_SECONDS = 60
"""How long a client may leave an answer unread before the kernel gives the connection up."""
OTHER_FILES = 256
"""Open files kept for all that is not a connection: the database, logs, nodes."""


def run_loop(work: Coroutine[Any, Any, T]) -> T:
    """Run the service's own event loop until `work` is done."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)


def bind(listen: str) -> socket.socket:
    """A listening socket. Raises Permanent with a sentence when the place is taken or wrong."""
    host, port = split_listen(listen)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # Connections inherit both. TCP_NODELAY is the event loop's own habit.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNREAD_SECONDS * 1000)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise Permanent(
            f"cannot listen on {listen}: {error.strerror}; another --listen HOST:PORT is right"
        ) from error
    listener.listen(BACKLOG)
    return listener


def bound_to(listener: socket.socket, listen: str) -> str:
    """HOST:PORT with the port that was really given, when port 0 was asked for."""
    host, _colon, _port = listen.rpartition(":")
    return f"{host}:{listener.getsockname()[1]}"


@dataclass(frozen=True)
class Listeners:
    """The API's socket, and the operators' if they have one of their own."""

    api: socket.socket
    ops: socket.socket | None = None


@contextlib.contextmanager
def bind_all(settings: Settings) -> Iterator[tuple[Settings, Listeners]]:
    """The listeners of these settings, and the settings with the ports that were really given."""
    with contextlib.closing(bind(settings.listen)) as api, contextlib.ExitStack() as more:
        ops = None
        if settings.ops_listen is not None:
            ops = more.enter_context(contextlib.closing(bind(settings.ops_listen)))
        listen = bound_to(api, settings.listen)
        yield settings.model_copy(update={"listen": listen}), Listeners(api, ops)


async def serve(service: Front, listeners: Listeners, stopping: asyncio.Event) -> bool:
    """Answer requests and tend clusters until `stopping` is set; then end in good order.

    False when the reconciler has work that cannot be cut off: the caller leaves with the folder's
    lock in hand (leaving.py). Raises Transient when the reconciler ends by itself.
    """
    loop_ended = asyncio.Event()
    loop = LoopThread(service, _from_thread(loop_ended)) if isinstance(service, Service) else None
    if loop is not None:
        await asyncio.to_thread(loop.start)
    try:
        await _answer(service, listeners, (stopping, loop_ended))
        if loop_ended.is_set() and not stopping.is_set():
            raise Transient(
                "the reconciler ended by itself, the log says why; nodes go on, and the next start "
                "tends them again"
            )
    finally:
        # Not in a worker: all of them may hang. Nothing else is left for this event loop to do.
        ended = loop is None or loop.stop()
    return ended


def _from_thread(event: asyncio.Event) -> Callable[[], None]:
    """Sets an event of this event loop from any thread."""
    here = asyncio.get_running_loop()

    def set_it() -> None:
        with contextlib.suppress(RuntimeError):  # nobody waits any more
            here.call_soon_threadsafe(event.set)

    return set_it


async def _answer(service: Front, listeners: Listeners, ends: tuple[asyncio.Event, ...]) -> None:
    """Until one of `ends` is set, or a server cannot go on."""
    servers = [(_server(service, service.api()), listeners.api)]
    if listeners.ops is not None:
        servers.append((_server(service, service.ops()), listeners.ops))
    running: list[asyncio.Task[Any]] = [
        asyncio.create_task(server.serve([place])) for server, place in servers
    ]
    waiting: list[asyncio.Task[Any]] = [asyncio.create_task(end.wait()) for end in ends]
    try:
        await asyncio.wait([*waiting, *running], return_when=asyncio.FIRST_COMPLETED)
        for server, _place in servers:
            server.should_exit = True
        await asyncio.gather(*running)
    finally:
        for task in waiting:
            task.cancel()


@contextlib.contextmanager
def stop_on_signals(stopping: asyncio.Event) -> Iterator[None]:
    """SIGTERM and Ctrl-C set `stopping`."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


class _Server(uvicorn.Server):
    """Signals are ours: the second server must not take them from the first."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _server(service: Front, application: Litestar) -> uvicorn.Server:
    edge = Edge(
        refuse=partial(refuse_unread, service.services),
        max_connections=min(service.settings.max_connections, _most_connections()),
    )
    return _Server(
        uvicorn.Config(
            application,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=GRACE_SECONDS,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            http=cast(type[asyncio.Protocol], partial(BoundedProtocol, edge=edge)),
            backlog=BACKLOG,
            ws="none",
            lifespan="on",
        )
    )


def _most_connections() -> int:
    """What the system's bound on open files leaves; raised first to the most that is allowed."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return max(1, hard - OTHER_FILES)
