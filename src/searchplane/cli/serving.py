"""A service in the foreground: listeners, signals, and letting go within five seconds.

The sockets are bound before anything else, so that a busy port costs nothing, and they are ours:
nodes do not inherit them, so after a kill -9 the port is free at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import uvicorn
from litestar import Litestar

from searchplane.app import LoopThread, Service
from searchplane.errors import Permanent
from searchplane.settings import Settings, split_listen

GRACE_SECONDS = 2
"""How long requests at work may take once the service is asked to end."""
KEEP_ALIVE_SECONDS = 75
BACKLOG = 2048


def bind(listen: str) -> socket.socket:
    """A listening socket. Raises Permanent with a sentence when the place is taken or wrong."""
    host, port = split_listen(listen)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
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


async def serve(service: Service, listeners: Listeners, stopping: asyncio.Event) -> None:
    """Answer requests and tend clusters until `stopping` is set; then end in good order."""
    loop = LoopThread(service)
    await asyncio.to_thread(loop.start)
    servers = [(_server(service.api()), listeners.api)]
    if listeners.ops is not None:
        servers.append((_server(service.ops()), listeners.ops))
    running: list[asyncio.Task[Any]] = [
        asyncio.create_task(server.serve([place])) for server, place in servers
    ]
    waiting: asyncio.Task[Any] = asyncio.create_task(stopping.wait())
    try:
        await asyncio.wait([waiting, *running], return_when=asyncio.FIRST_COMPLETED)
        for server, _place in servers:
            server.should_exit = True
        await asyncio.gather(*running)
    finally:
        waiting.cancel()
        await asyncio.to_thread(loop.stop)


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


def _server(application: Litestar) -> uvicorn.Server:
    return _Server(
        uvicorn.Config(
            application,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=GRACE_SECONDS,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            ws="none",
            lifespan="on",
        )
    )
