"""What the control plane's state is made of, and where each part of it lies.

Everything but the database is a small file. A key's time is its file's (iam/keys.py), so times are
kept. Certificates that an operator gave by name (`--tls-cert`) are the operator's to keep.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from searchplane.iam.bootstrap import ADMIN_FILE, CLOUDS_FILE
from searchplane.iam.sealing import FOLDER as SEALS
from searchplane.settings import Settings
from searchplane.store.sqlite import FILE
from searchplane.tenure import FOLDER_ID

DATABASE = "database"
CA = "tls/ca.crt"
"""The one part that is nobody's secret."""

RENEWED = frozenset({ADMIN_FILE, CLOUDS_FILE, "tls/server.pem"})
"""Parts that a start of the service brings up to date: its address, a certificate that ends."""

_KEYS, _TLS = "keys", "tls"
_SINGLE = (FOLDER_ID, ADMIN_FILE, CLOUDS_FILE)
_TLS_FILES = ("ca.crt", "ca.key", "server.pem")
_NAME = re.compile(
    rf"{DATABASE}|{'|'.join(map(re.escape, _SINGLE))}|({_KEYS}|{SEALS})/[0-9]{{1,9}}"
    rf"|{_TLS}/({'|'.join(map(re.escape, _TLS_FILES))})"
)


@dataclass(frozen=True)
class Part:
    """One file: its size in bytes, its SHA-256 in hexadecimal, and when it was last changed."""

    name: str
    size: int
    sha256: str
    modified: float


def is_part(name: str) -> bool:
    """Whether this version knows such a part, and so where it belongs."""
    return _NAME.fullmatch(name) is not None


def place_of(name: str, settings: Settings) -> Path:
    """Where the part lies in a service of these settings."""
    folder, _slash, file = name.rpartition("/")
    match folder:
        case "keys":
            return settings.key_folder / file
        case "seals":
            return settings.seals_parent / SEALS / file
        case "tls":
            return settings.own_ca_file.with_name(file)
        case _:
            return settings.data / (FILE if file == DATABASE else file)


def small_parts(settings: Settings) -> Iterator[tuple[str, Path]]:
    """Every part that is there now, but the database."""
    names = [*_SINGLE, *(f"{_TLS}/{file}" for file in _TLS_FILES)]
    for folder in (_KEYS, SEALS):
        numbers = _numbers(place_of(f"{folder}/0", settings).parent)
        names += [f"{folder}/{number}" for number in numbers]
    for name in names:
        path = place_of(name, settings)
        if path.is_file():
            yield name, path


def _numbers(folder: Path) -> list[str]:
    found = folder.iterdir() if folder.is_dir() else ()
    return sorted(one.name for one in found if one.name.isdecimal())
