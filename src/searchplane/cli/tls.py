"""TLS of the API's listener: TLS 1.2 and later, and certificates that change without a restart.

One context serves all connections. When its files change it is given the new certificate: what is
open goes on with the old one, what comes gets the new one. Files that do not fit are refused with a
line in the log, and the old certificate stays.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from searchplane.cli.authority import ensure_server_file
from searchplane.errors import Permanent, SearchplaneError
from searchplane.settings import Settings

log = logging.getLogger(__name__)

LOOK_SECONDS = 5.0
"""Between two looks at the files."""

STRICT_TRANSPORT = ("Strict-Transport-Security", "max-age=31536000")
"""A browser that has once been here over TLS does not come without it."""

_Stamp = tuple[tuple[int, int, int], ...]


class ServerTls:
    """Only the event loop uses it, so no handshake sees half a change."""

    def __init__(self, certificate: Path, key: Path, renew: Callable[[], object]) -> None:
        """`renew` is called before each look, to make files anew that are ours to make."""
        self._files = (certificate, key)
        self._renew = renew
        self._problem = ""
        self._seen = self._stamp()
        self._fit()
        self.context = _context()
        self.context.load_cert_chain(*self._files)

    def look(self) -> bool:
        """Take the files as they are now; whether they are others than before."""
        try:
            self._renew()
            stamp = self._stamp()
            if stamp == self._seen:
                return False
            self._seen = stamp
            self._fit()
        except SearchplaneError as error:
            if str(error) != self._problem:  # once, however often it is looked at
                log.warning("the certificate in use stays: %s", error)
            self._problem = str(error)
            return False
        self._problem = ""
        self.context.load_cert_chain(*self._files)
        log.warning("the certificate in %s is in use now", self._files[0])
        return True

    async def watch(self, at_once: asyncio.Event) -> None:
        """Look now and then, and when `at_once` is set; ends by being cancelled."""
        while True:
            try:
                await asyncio.wait_for(at_once.wait(), LOOK_SECONDS)
                at_once.clear()
            except TimeoutError:
                pass
            self.look()

    def _fit(self) -> None:
        """Raises Permanent unless a server could use the files."""
        try:
            _context().load_cert_chain(*self._files)
        except (OSError, ValueError) as error:  # an SSLError is an OSError
            certificate, key = self._files
            raise Permanent(
                f"{certificate} and {key} cannot be used for TLS ({error}); a certificate with its "
                "chain and the key it was made for, both PEM and without a passphrase, are right"
            ) from error

    def _stamp(self) -> _Stamp:
        try:
            found = [path.stat() for path in self._files]
        except OSError as error:
            raise Permanent(f"{error.filename} cannot be read: {error.strerror}") from error
        return tuple((one.st_mtime_ns, one.st_size, one.st_ino) for one in found)


def open_tls(settings: Settings) -> ServerTls | None:
    """What these settings ask for; None without TLS. Raises Permanent when it cannot be had."""
    if settings.tls_cert is not None and settings.tls_key is not None:
        return ServerTls(settings.tls_cert, settings.tls_key, lambda: None)
    if not settings.tls:
        return None

    def renew() -> Path:
        return ensure_server_file(settings, datetime.now(UTC))

    own = renew()
    return ServerTls(own, own, renew)


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(["http/1.1"])
    return context
