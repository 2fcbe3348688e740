"""One listener's HTTP server, with every bound it keeps."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import socket
from collections.abc import Iterator
from functools import partial
from typing import cast

import uvicorn

from searchplane.api.pipeline import refuse_unread
from searchplane.api.web import Application
from searchplane.app import Front
from searchplane.cli.greeting import HANDSHAKES, TlsListener
from searchplane.cli.protocol import BoundedProtocol, Edge
from searchplane.cli.tls import STRICT_TRANSPORT, ServerTls

GRACE_SECONDS = 2
"""How long requests at work may take once the service is asked to end."""
KEEP_ALIVE_SECONDS = 75
BACKLOG = 1024
"""Connections that wait to be taken."""
OTHER_FILES = 256
"""Open files kept for all that is not a connection: the database, logs, nodes."""


class Server(uvicorn.Server):
    """Signals are ours: the second server must not take them from the first."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """As the original, with bounds on what TLS may take."""
        await self.lifespan.startup()
        self.servers = [await self._listen(one) for one in sockets or ()]
        self.started = True

    async def _listen(self, listener: socket.socket) -> asyncio.Server:
        if self.config.ssl is not None:
            return cast(asyncio.Server, TlsListener(listener, self._connection, self.config.ssl))
        loop = asyncio.get_running_loop()
        return await loop.create_server(self._connection, sock=listener, backlog=BACKLOG)

    def _connection(self) -> asyncio.Protocol:
        return self.config.http_protocol_class(  # type: ignore[call-arg]
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )


def server(front: Front, application: Application, tls: ServerTls | None = None) -> Server:
    """A server for the application; over TLS if that is given."""
    edge = Edge(
        refuse=partial(refuse_unread, front.services),
        at_once=application.at_once,
        max_connections=min(front.settings.max_connections, _most_connections()),
    )
    config = uvicorn.Config(
        application,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # it would believe whoever connects from this machine
        headers=[STRICT_TRANSPORT] if tls is not None else [],
        timeout_graceful_shutdown=GRACE_SECONDS,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        http=cast(type[asyncio.Protocol], partial(BoundedProtocol, edge=edge)),
        ws="none",
        lifespan="on",
    )
    config.load()
    config.ssl = tls.context if tls is not None else None
    return Server(config)


def _most_connections() -> int:
    """What the system's bound on open files leaves; raised first to the most that is allowed."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return max(1, hard - OTHER_FILES - HANDSHAKES)
