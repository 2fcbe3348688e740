"""The token keys of a running service, as the folder has them now.

The folder is looked at once a second at most, and when a token cannot be read; so a rotation by
command or by another service counts without a restart. What was unsealed with one set of keys is
remembered under that set's generation and dies with it.

With `rotate_after` the keys are rotated here, by whichever service first finds them due. A
rotation that fails (a full disk) is logged and tried again; tokens go on with the keys there are.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

from cryptography.fernet import MultiFernet

from searchplane.errors import SearchplaneError
from searchplane.iam.keys import Use, list_keys, open_keys, read_keys, retire, rotate

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
HURRIED_LOOK_SECONDS = 0.05
"""Between two looks because of tokens that cannot be read: anybody can send those."""
UPKEEP_SECONDS = 60.0
"""Between two looks whether a key is due to be rotated or retired."""


@dataclass(frozen=True)
class Keys:
    """One set of keys; each newer set has a higher generation."""

    generation: int
    fernet: MultiFernet


class KeySource(Protocol):
    """Where tokens get their keys from."""

    def current(self) -> Keys:
        """The keys as of at most a second ago."""

    def looked_again(self) -> Keys:
        """The keys as of now, as far as that can be asked for that often."""


class KeyRing:
    """Safe to share between threads."""

    def __init__(
        self,
        folder: Path,
        lifetime: timedelta,
        rotate_after: timedelta | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder = folder
        self._lifetime = lifetime
        self._rotate_after = rotate_after
        self._clock = clock
        self._lock = threading.Lock()
        self._keys = Keys(1, open_keys(folder))
        self._seen = self._stamp()
        self._looked = clock()
        self._next_upkeep = clock()

    def current(self) -> Keys:
        if self._clock() - self._looked >= LOOK_SECONDS:
            self._look(LOOK_SECONDS)
        return self._keys

    def looked_again(self) -> Keys:
        if self._clock() - self._looked >= HURRIED_LOOK_SECONDS:
            self._look(HURRIED_LOOK_SECONDS)
        return self._keys

    def _look(self, seconds: float) -> None:
        with self._lock:
            now = self._clock()
            if now - self._looked < seconds:
                return  # another thread has just looked
            self._looked = now
            try:
                if now >= self._next_upkeep:
                    self._next_upkeep = now + UPKEEP_SECONDS
                    self._keep_up(datetime.now(UTC))
                seen = self._stamp()
                if seen != self._seen:
                    fernet = read_keys(self._folder)
                    self._keys = Keys(self._keys.generation + 1, fernet)
                    self._seen = seen
            except (SearchplaneError, OSError) as error:
                log.warning("the token keys stay as they are: %s", error)

    def _keep_up(self, now: datetime) -> None:
        keys = list_keys(self._folder, self._lifetime)
        primary = next(key for key in keys if key.use is Use.PRIMARY)
        if self._rotate_after is not None and now - primary.since >= self._rotate_after:
            number = rotate(self._folder, self._lifetime, now, self._rotate_after)
            log.info("token keys rotated: number %d is the primary key now", number)
        elif any(key.needed_until is not None and key.needed_until <= now for key in keys):
            retire(self._folder, self._lifetime, now)

    def _stamp(self) -> tuple[tuple[str, int, int], ...]:
        """Changes with every change of a key: a new one is a new file."""
        found = []
        for path in sorted(self._folder.iterdir()):
            if path.name.isdecimal():
                status = path.stat()
                found.append((path.name, status.st_ino, status.st_mtime_ns))
        return tuple(found)
