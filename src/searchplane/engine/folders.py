"""Folders of the engine cache: readable by every node's user, complete or not there at all.

A folder of the cache is filled beside its place and then renamed, so a crash leaves a staging
folder and never a half one. A manifest in it names every file with its SHA-256; it is checked
before the folder is used for the first time in a process, since disks and people change files.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

MANIFEST = "manifest.json"
STAGING = ".new-"


def make_folder(path: Path) -> Path:
    """Create a folder, and its parents, that others may read whatever our umask is."""
    missing = [one for one in (path, *path.parents) if not one.exists()]
    for one in reversed(missing):
        one.mkdir(exist_ok=True)
        one.chmod(0o755)
    return path


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def exclusive(lock_file: Path) -> Iterator[None]:
    """Hold a lock that other processes and threads wait for; it ends with its holder."""
    make_folder(lock_file.parent)
    # Ours alone, even when it is there already: whoever can open it can hold it for ever.
    with os.fdopen(os.open(lock_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), "w") as file:
        os.fchmod(file.fileno(), 0o600)
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Give an empty folder to fill; when that went well it takes the place of `target`.

    A process that runs from the old folder keeps the files it has open.
    """
    make_folder(target.parent)
    for leftover in target.parent.glob(f"{STAGING}{target.name}-*"):
        shutil.rmtree(leftover)
    staging = Path(tempfile.mkdtemp(dir=target.parent, prefix=f"{STAGING}{target.name}-"))
    try:
        filled = make_folder(staging / "filled")
        yield filled
        if target.exists():
            target.rename(staging / "old")
        filled.rename(target)
    finally:
        shutil.rmtree(staging)


def seal(folder: Path, identity: str, hashes: dict[str, str] | None = None) -> None:
    """Make everything readable to all and write the manifest.

    `identity` says what the folder was made from; `hashes` are those known already, by relative
    path. Files that are links into the store of artifacts keep the mode they have there.
    """
    known = hashes or {}
    files = {}
    for path in sorted(folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
        if path.is_file():
            name = path.relative_to(folder).as_posix()
            files[name] = known.get(name) or sha256(path)
    manifest = folder / MANIFEST
    manifest.write_text(json.dumps({"identity": identity, "files": files}, indent=1))
    manifest.chmod(0o644)


def sealed(folder: Path, identity: str) -> bool:
    """Whether the folder was made from `identity`; its files are not looked at."""
    return _manifest(folder).get("identity") == identity


def intact(folder: Path, identity: str) -> bool:
    """Whether the folder was made from `identity` and every file still is what it was."""
    manifest = _manifest(folder)
    return manifest.get("identity") == identity and all(
        (folder / name).is_file() and sha256(folder / name) == expected
        for name, expected in manifest["files"].items()
    )


def _manifest(folder: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads((folder / MANIFEST).read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
    return content
