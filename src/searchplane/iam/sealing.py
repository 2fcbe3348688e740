"""Secrets at rest: what the database holds of a secret is sealed with a key of the data folder.

So a copy of the database alone, or a dump of it, gives nobody a cluster's private keys or a user's
secret key. It does not protect from whoever can read the data folder, who has both.

The keys are files named by number, the highest seals. A sealed text begins with its key's
fingerprint, so the right key is known and a lost one is named instead of guessed at. Rotating adds
a key, with which everything stored is sealed anew (store/sealed.py). A key that another process
made is found when the next text is sealed, or the first one that was sealed with it is read.

Older files are kept: temporary keys in the hands of clients are sealed with them for a day.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken

from searchplane.errors import Permanent
from searchplane.iam.files import create_private, read_private

FOLDER = "seals"
MARK = "sealed"
FIRST = 1


@dataclass(frozen=True)
class _Keys:
    """All keys by fingerprint, and which of them seals: the one with the highest number."""

    newest: str
    highest: int
    by_fingerprint: Mapping[str, Fernet] = field(repr=False)


class Seals:
    """Seals and unseals texts; safe to share between threads."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._keys = _read(folder)

    @classmethod
    def open(cls, data: Path) -> Seals:
        """With the keys of a data folder; the first one is made when there is none.

        Raises Permanent when a file there is no key.
        """
        folder = data / FOLDER
        _make_private(folder)
        if not _numbers(folder):
            create_private(folder / str(FIRST), Fernet.generate_key())
        return cls(folder)

    @property
    def current(self) -> str:
        """What every text begins with that is sealed with the newest key."""
        return f"{MARK}:{self._keys.newest}:"

    def seal(self, plain: str) -> str:
        keys = self._newest()
        token = keys.by_fingerprint[keys.newest].encrypt(plain.encode())
        return f"{MARK}:{keys.newest}:{token.decode('ascii')}"

    def unseal(self, stored: str) -> str:
        """What was sealed; a text that is not sealed is from an earlier release and given back.

        Raises Permanent when its key is gone.
        """
        if not stored.startswith(f"{MARK}:"):
            return stored
        plain = self.unseal_foreign(stored)
        if plain is None:
            raise Permanent(
                f"a secret was sealed with key {stored.split(':')[1]:.16}, which is not in "
                f"{self._folder}; restore that folder from a backup"
            )
        return plain

    def unseal_foreign(self, text: str) -> str | None:
        """What was sealed, of a text that may be anybody's; None if it is not one of ours."""
        mark, _colon, rest = text.partition(":")
        fingerprint, _colon, token = rest.partition(":")
        key = self._find(fingerprint) if mark == MARK else None
        if key is None:
            return None
        try:
            # Base64 readers skip what they do not know; a text must have one spelling only.
            if base64.urlsafe_b64encode(base64.urlsafe_b64decode(token)).decode("ascii") != token:
                return None
            return key.decrypt(token).decode()
        except (InvalidToken, ValueError):
            return None

    def rotate(self) -> int:
        """Make a new key, with which all processes seal from now on; its number."""
        number = max(_numbers(self._folder)) + 1
        while not create_private(self._folder / str(number), Fernet.generate_key()):
            number += 1  # somebody else rotates too
        self._keys = _read(self._folder)
        return number

    def _newest(self) -> _Keys:
        """The keys, read again when there is a newer one."""
        if _numbers(self._folder)[-1:] != [self._keys.highest]:
            self._keys = _read(self._folder)
        return self._keys

    def _find(self, fingerprint: str) -> Fernet | None:
        known = self._keys.by_fingerprint.get(fingerprint)
        if known is None:
            self._keys = _read(self._folder)
            known = self._keys.by_fingerprint.get(fingerprint)
        return known


def _make_private(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
    except OSError as error:
        raise Permanent(f"{folder} cannot be made private: {error.strerror}") from error


def _numbers(folder: Path) -> list[int]:
    try:
        return sorted(int(path.name) for path in folder.iterdir() if path.name.isdecimal())
    except OSError as error:
        raise Permanent(f"{folder} cannot be read: {error.strerror}") from error


def _read(folder: Path) -> _Keys:
    numbers = _numbers(folder)
    contents = [(read_private(folder / str(number)) or b"").strip() for number in numbers]
    if not contents:
        raise Permanent(f"{folder} has no key any more; restore it from a backup")
    keys = {_fingerprint(content): _key(folder, content) for content in contents}
    return _Keys(_fingerprint(contents[-1]), numbers[-1], keys)


def _fingerprint(key: bytes) -> str:
    return hashlib.sha256(key).hexdigest()[:16]


def _key(folder: Path, content: bytes) -> Fernet:
    try:
        return Fernet(content)
    except ValueError:
        raise Permanent(
            f"a file in {folder} is not a key (32 bytes in URL-safe base64); restore it from a "
            "backup"
        ) from None
