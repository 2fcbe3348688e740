"""The file a backup is: a compressed tar of a manifest and the parts that it names.

The manifest comes first and holds the size and SHA-256 of every part, so whoever reads it knows
what must follow before anything is written. The file may come from anywhere: nothing in it chooses
a path. Only plain files of names this version knows are read, in the order of the manifest, into
files that are made here; a link, a folder, a path or a byte too many ends the reading. (The tar
module's own extraction, and its filters, are not used.)
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import tarfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, BinaryIO

from pydantic import TypeAdapter, ValidationError

from searchplane.backup.parts import Part, is_part
from searchplane.errors import Permanent

FORMAT = 1
MANIFEST = "manifest.json"
MANIFEST_BYTES = 1_000_000
CHUNK = 1 << 20
LEVEL = 6
"""Of the compression."""

Tell = Callable[[str, int, int], None]
"""Told what is being done (copy, write, read, fill), how much of it is, and of how much."""


@dataclass(frozen=True)
class Manifest:
    """`searchplane` is the version that made it, `revision` that of the database's schema, `place`
    the data folder and its machine."""

    format: int
    searchplane: str
    revision: str
    made: datetime
    place: str
    parts: tuple[Part, ...]

    @property
    def size(self) -> int:
        """Bytes of all parts together."""
        return sum(part.size for part in self.parts)


_MANIFEST = TypeAdapter(Manifest)


def describe(folder: Path, name: str) -> Part:
    """The part of that name, which lies in `folder`."""
    path = folder / name
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    found = path.stat()
    return Part(name, found.st_size, digest, found.st_mtime)


def write(out: BinaryIO, manifest: Manifest, folder: Path, tell: Tell) -> None:
    """Write the manifest, and its parts as they lie in `folder`."""
    content, done = _MANIFEST.dump_json(manifest, indent=1), 0
    with (
        gzip.GzipFile(fileobj=out, mode="wb", compresslevel=LEVEL, filename="") as packed,
        tarfile.open(fileobj=packed, mode="w|", format=tarfile.PAX_FORMAT) as tar,
    ):
        tar.addfile(_entry(MANIFEST, len(content)), io.BytesIO(content))
        for part in manifest.parts:
            with (folder / part.name).open("rb") as file:
                counted = _Counted(file, lambda size: tell("write", size, manifest.size), done)
                tar.addfile(_entry(part.name, part.size), counted)
            done += part.size


def read(source: BinaryIO, folder: Path, check: Callable[[Manifest], None], tell: Tell) -> Manifest:
    """Read all parts into `folder`, which is empty and private.

    `check` sees the manifest before anything is written and may refuse. Raises Permanent when it
    is not a whole backup, or not what its manifest says.
    """
    try:
        with (
            gzip.GzipFile(fileobj=source, mode="rb") as packed,
            tarfile.open(fileobj=packed, mode="r|") as tar,
        ):
            manifest = _manifest(tar)
            check(manifest)
            _read_parts(tar, manifest, folder, tell)
    except (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise Permanent(f"it is not a whole backup of searchplane: {error}") from error
    return manifest


class _Counted(io.RawIOBase):
    """Reads a file and tells how many bytes that makes, with those that were read before."""

    def __init__(self, file: IO[bytes], tell: Callable[[int], None], done: int) -> None:
        super().__init__()
        self._file, self._tell, self._done = file, tell, done

    def read(self, size: int = -1) -> bytes:
        content = self._file.read(size)
        self._done += len(content)
        self._tell(self._done)
        return content


def _entry(name: str, size: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = size, 0o600
    return entry


def _manifest(tar: tarfile.TarFile) -> Manifest:
    entry = tar.next()
    if entry is None or entry.name != MANIFEST or not entry.isreg():
        raise Permanent(f"it is not a backup of searchplane: {MANIFEST} does not come first")
    if entry.size > MANIFEST_BYTES:
        raise Permanent(f"its {MANIFEST} has {entry.size} bytes; {MANIFEST_BYTES} are the most")
    file = tar.extractfile(entry)
    content = file.read() if file is not None else b""
    try:
        manifest = _MANIFEST.validate_json(content)
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, wrong["loc"]))
        raise Permanent(f"its {MANIFEST} cannot be read: {place}: {wrong['msg']}") from None
    _check_names(manifest)
    return manifest


def _check_names(manifest: Manifest) -> None:
    if manifest.format != FORMAT:
        raise Permanent(
            f"it has format {manifest.format}, and this version reads {FORMAT}; searchplane "
            f"{manifest.searchplane} made it and can restore it"
        )
    names = [part.name for part in manifest.parts]
    unknown = next((name for name in names if not is_part(name)), None)
    if unknown is not None or len(set(names)) < len(names):
        raise Permanent(f"its manifest has {unknown or 'a part twice'!r}, which is no part of ours")


def _read_parts(tar: tarfile.TarFile, manifest: Manifest, folder: Path, tell: Tell) -> None:
    done = 0
    for part in manifest.parts:
        entry = tar.next()
        if entry is None or entry.name != part.name or not entry.isreg():
            found = "nothing" if entry is None else repr(entry.name)
            raise Permanent(f"it is not a whole backup: {part.name} is right, {found} is there")
        file = tar.extractfile(entry)
        if file is None or entry.size != part.size or entry.sparse is not None:
            raise Permanent(f"it is damaged: {part.name} has another size than its manifest says")
        counted = _Counted(file, lambda size: tell("read", size, manifest.size), done)
        _read_part(counted.read, part, folder / part.name)
        done += part.size
    if tar.next() is not None:
        raise Permanent("it is not a backup: there is more in it than its manifest says")


def _read_part(more: Callable[[int], bytes], part: Part, path: Path) -> None:
    digest, size = hashlib.sha256(), 0
    path.parent.mkdir(mode=0o700, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        while chunk := more(CHUNK):
            digest.update(chunk)
            size += len(chunk)
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    if (size, digest.hexdigest()) != (part.size, part.sha256):
        raise Permanent(f"it is damaged: {part.name} is not what its manifest says")
    os.utime(path, (part.modified, part.modified))
