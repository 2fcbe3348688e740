"""What was looked up lately, for as long as nothing of identity has changed.

Each entry carries the number of the identity tables (store/identity_version.py) that was read
before it was looked up, and counts only while the number is still that one. So nothing here
outlives a change: a disabled user is refused at the next call, in every process. A refusal is
never remembered; it raises and leaves no entry. Time is not looked at: what ends by itself, such
as a token, is for the caller to check.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")

MOST = 4096


class Remembered(Generic[Key, Value]):
    """The newest `most` values; safe to share between threads."""

    def __init__(self, read_version: Callable[[], int], most: int = MOST) -> None:
        self._read_version = read_version
        self._most = most
        self._entries: OrderedDict[Key, tuple[int, Value]] = OrderedDict()
        self._lock = threading.Lock()

    def all_of(self, keys: Iterable[Key]) -> dict[Key, Value] | None:
        """The values of all keys, as they are at this moment; None when one is not remembered."""
        version = self._read_version()
        found: dict[Key, Value] = {}
        for key in keys:
            entry = self._entries.get(key)
            if entry is None or entry[0] != version:
                return None
            found[key] = entry[1]
        return found

    def known(self, version: int, key: Key) -> Value | None:
        """The value that is remembered as of this number."""
        entry = self._entries.get(key)
        return entry[1] if entry is not None and entry[0] == version else None

    def get(self, key: Key, look_up: Callable[[], Value]) -> Value:
        """The value as it is now: the remembered one, or what `look_up` gives or raises."""
        # Read before the look: a change meanwhile makes the entry old.
        return self.as_of(self._read_version(), key, look_up)

    def as_of(self, version: int, key: Key, look_up: Callable[[], Value]) -> Value:
        """As `get`, for a number read in the transaction in which `look_up` looks."""
        with self._lock:
            found = self._entries.get(key)
            if found is not None and found[0] == version:
                self._entries.move_to_end(key)
                return found[1]
        value = look_up()
        with self._lock:
            self._entries[key] = (version, value)
            self._entries.move_to_end(key)
            if len(self._entries) > self._most:
                self._entries.popitem(last=False)
        return value
