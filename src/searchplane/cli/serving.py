"""A service in the foreground: listeners, signals, and letting go within five seconds.

The sockets are bound before anything else, so that a busy port costs nothing, and they are ours:
nodes do not inherit them, so after a kill -9 the port is free at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import uvloop

from searchplane.addresses import split_listen
from searchplane.app import Front, LoopThread, Service, make_data_folder
from searchplane.cli import collecting
from searchplane.cli.server import BACKLOG, Server, server
from searchplane.cli.tls import ServerTls, open_tls
from searchplane.errors import Permanent, Transient
from searchplane.settings import Settings

T = TypeVar("T")

UNREAD_SECONDS = 60
"""How long a client may leave an answer unread before the kernel gives the connection up."""


SWITCH_SECONDS = 0.001
"""How long a thread that computes may keep the others waiting, a fifth of Python's own. A creation
gives the interpreter up at every statement of SQL, and the reconciler computes beside it."""


def run_loop(work: Coroutine[Any, Any, T]) -> T:
    """Run the service's own event loop until `work` is done."""
    sys.setswitchinterval(SWITCH_SECONDS)
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
    """The API's socket, its TLS if any, and the operators' socket if they have one of their own."""

    api: socket.socket
    ops: socket.socket | None = None
    tls: ServerTls | None = None


@contextlib.contextmanager
def bind_all(settings: Settings) -> Iterator[tuple[Settings, Listeners]]:
    """The listeners of these settings, and the settings with the ports that were really given.

    With TLS the certificate is there before the files that tell clients what to trust.
    """
    with contextlib.closing(bind(settings.listen)) as api, contextlib.ExitStack() as more:
        ops = None
        if settings.ops_listen is not None:
            ops = more.enter_context(contextlib.closing(bind(settings.ops_listen)))
        bound = settings.model_copy(update={"listen": bound_to(api, settings.listen)})
        make_data_folder(settings.data)
        yield bound, Listeners(api, ops, open_tls(bound))


async def serve(
    service: Front,
    listeners: Listeners,
    stopping: asyncio.Event,
    reloading: asyncio.Event | None = None,
) -> bool:
    """Answer requests and tend clusters until `stopping` is set; then end in good order.

    `reloading` lets the certificate be looked at now; it is looked at every few seconds anyway.

    False when the reconciler has work that cannot be cut off: the caller leaves with the folder's
    lock in hand (leaving.py). Raises Transient when the reconciler ends by itself.
    """
    loop_ended = asyncio.Event()
    loop = LoopThread(service, _from_thread(loop_ended)) if isinstance(service, Service) else None
    if loop is not None:
        await asyncio.to_thread(loop.start)
    try:
        servers = [(server(service, service.api(), listeners.tls), listeners.api)]
        if listeners.ops is not None:
            servers.append((server(service, service.ops()), listeners.ops))
        collecting.resume()
        async with _watched(listeners.tls, reloading or asyncio.Event()):
            await _answer(servers, (stopping, loop_ended))
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


@contextlib.asynccontextmanager
async def _watched(tls: ServerTls | None, at_once: asyncio.Event) -> AsyncIterator[None]:
    watching = asyncio.create_task(tls.watch(at_once)) if tls is not None else None
    try:
        yield
    finally:
        if watching is not None:
            watching.cancel()


async def _answer(
    servers: Sequence[tuple[Server, socket.socket]], ends: tuple[asyncio.Event, ...]
) -> None:
    """Until one of `ends` is set, or a server cannot go on."""
    running: list[asyncio.Task[Any]] = [
        asyncio.create_task(one.serve([place])) for one, place in servers
    ]
    waiting: list[asyncio.Task[Any]] = [asyncio.create_task(end.wait()) for end in ends]
    try:
        await asyncio.wait([*waiting, *running], return_when=asyncio.FIRST_COMPLETED)
        for one, _place in servers:
            one.should_exit = True
        await asyncio.gather(*running)
    finally:
        for task in waiting:
            task.cancel()


@contextlib.contextmanager
def stop_on_signals(stopping: asyncio.Event) -> Iterator[None]:
    """SIGTERM and Ctrl-C set `stopping`."""
    with _on_signals(stopping, signal.SIGTERM, signal.SIGINT):
        yield


@contextlib.contextmanager
def reload_on_hangup(reloading: asyncio.Event) -> Iterator[None]:
    """SIGHUP sets `reloading`."""
    with _on_signals(reloading, signal.SIGHUP):
        yield


@contextlib.contextmanager
def _on_signals(event: asyncio.Event, *numbers: signal.Signals) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    for number in numbers:
        loop.add_signal_handler(number, event.set)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)
