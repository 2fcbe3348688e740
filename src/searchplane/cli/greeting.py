"""A TLS listener that bounds the handshakes under way.

Until its handshake is done a connection is nobody's: the HTTP server does not know it and its bound
on connections does not count it, yet it has an open file and the memory of TLS. Whoever connects
and says nothing could have all files that the process may open. So connections are taken here, one
after the other, and beyond a bound the handshake that has taken longest ends for the new one; a
client that answers is done long before.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
from collections.abc import Callable

log = logging.getLogger(__name__)

HANDSHAKE_SECONDS = 10.0
TLS_END_SECONDS = 2.0
"""How long a client may take to agree to the end of a TLS connection."""
HANDSHAKES = 256
"""At once."""
PAUSE_SECONDS = 0.5
"""Before the next try when the system has no file or memory left for a connection."""


class TlsListener:
    """To the HTTP server it is a server of asyncio: something to close, and to wait for."""

    def __init__(
        self,
        listener: socket.socket,
        make_protocol: Callable[[], asyncio.Protocol],
        context: ssl.SSLContext,
    ) -> None:
        listener.setblocking(False)
        self._listener = listener
        self._make_protocol = make_protocol
        self._context = context
        self._greeting: dict[asyncio.Task[None], None] = {}
        self._taking = asyncio.create_task(self._take())

    def close(self) -> None:
        for task in (self._taking, *self._greeting):
            task.cancel()
        self._listener.close()

    async def wait_closed(self) -> None:
        await asyncio.gather(self._taking, *self._greeting, return_exceptions=True)

    async def _take(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, _address = await loop.sock_accept(self._listener)
            except OSError as error:
                log.warning("no connection can be taken: %s", error)
                await asyncio.sleep(PAUSE_SECONDS)
                continue
            task = asyncio.create_task(self._greet(connection))
            self._greeting[task] = None
            task.add_done_callback(self._greeting.pop)
            if len(self._greeting) > HANDSHAKES:
                next(iter(self._greeting)).cancel()

    async def _greet(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError):  # whoever does not speak TLS to the end is gone
            await asyncio.get_running_loop().connect_accepted_socket(
                self._make_protocol,
                connection,
                ssl=self._context,
                ssl_handshake_timeout=HANDSHAKE_SECONDS,
                ssl_shutdown_timeout=TLS_END_SECONDS,
            )
