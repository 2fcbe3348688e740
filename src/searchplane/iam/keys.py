"""The folder of the keys that tokens are made with, laid out as Keystone's.

Each file is named by a number. The highest is the primary key: tokens are made with it. 0 is the
staged key, the next primary: it is read already, so that a second service that shares the folder
knows it before its first token appears. Those between were primary once and are read until the
last of their tokens has expired. Rotating is: staged becomes the new highest, a new 0 is made,
the lowest of those between goes.
"""

from __future__ import annotations

from pathlib import Path

from cryptography.fernet import Fernet, MultiFernet

from searchplane.errors import Permanent
from searchplane.iam.files import read_private, write_private

STAGED = 0
FIRST_PRIMARY = 1


def open_keys(folder: Path) -> MultiFernet:
    """The keys in `folder`, primary first; what is missing of a first set is made.

    Raises Permanent when a key file is not a key.
    """
    _complete(folder)
    numbers = sorted(_numbers(folder), reverse=True)
    return MultiFernet([_key(folder / str(number)) for number in numbers])


def _complete(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
    except OSError as error:
        raise Permanent(f"{folder} cannot be made private: {error.strerror}") from error
    # The primary first: a crash in between leaves a set that works and is completed next time.
    present = _numbers(folder)
    if not present - {STAGED}:
        write_private(folder / str(FIRST_PRIMARY), Fernet.generate_key())
    if STAGED not in present:
        write_private(folder / str(STAGED), Fernet.generate_key())


def _numbers(folder: Path) -> set[int]:
    try:
        return {int(path.name) for path in folder.iterdir() if path.name.isdecimal()}
    except OSError as error:
        raise Permanent(f"{folder} cannot be read: {error.strerror}") from error


def _key(path: Path) -> Fernet:
    try:
        return Fernet((read_private(path) or b"").strip())
    except ValueError:
        raise Permanent(
            f"{path} is not a key (32 bytes in URL-safe base64); restore it from a backup, or "
            "remove it: tokens made with it are then refused"
        ) from None
