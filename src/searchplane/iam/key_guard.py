"""Wrong signatures in a row, and what follows from them.

The public API locks an access key for five minutes after more than five wrong signatures in a row.
A secret key has 238 bits, so the lock keeps nobody from guessing it; but clients know it, and it
stops a client that was set up wrongly from hammering. It must not become a way to lock others out:
whoever knows a key's public half could keep it locked for ever. So an address whose newest
signature with the key was right is not held up by the lock. A client at work goes on while
somebody elsewhere sends rubbish; one whose own newest signature is wrong waits like the public
API says.

Counted is in this process, without a write for each wrong signature; the lock itself is stored, so
that all processes and the next start know it.
"""

from __future__ import annotations

import threading
from collections import OrderedDict

MOST_WRONG = 5
"""Wrong signatures in a row that are borne; the public API's number."""

TRUSTED = 4096
"""Pairs of key and address that are remembered."""


class KeyGuard:
    """Safe to share between threads. `source` is the address of a client."""

    def __init__(self) -> None:
        self._wrong: dict[str, int] = {}
        self._trusted: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._lock = threading.Lock()

    def right(self, access: str, source: str) -> None:
        """A signature was right."""
        pair = (access, source)
        with self._lock:
            self._wrong.pop(access, None)
            self._trusted[pair] = None
            self._trusted.move_to_end(pair)
            if len(self._trusted) > TRUSTED:
                self._trusted.popitem(last=False)

    def wrong(self, access: str, source: str) -> bool:
        """A signature with an existing key was wrong; whether the key is to be locked now."""
        with self._lock:
            self._trusted.pop((access, source), None)
            count = self._wrong.get(access, 0) + 1
            if count > MOST_WRONG:
                self._wrong.pop(access, None)
                return True
            self._wrong[access] = count
            return False

    def trusts(self, access: str, source: str) -> bool:
        """Whether the address's newest signature with the key was right."""
        with self._lock:
            return (access, source) in self._trusted
