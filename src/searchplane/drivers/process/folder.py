"""One node's folder: its four parts, its configuration files, its end.

The folder belongs to the node's user, and the service may be root. So nothing here follows a link
in it: every step down is opened without following, and work is done relative to what was opened.
Files are replaced whole by a rename. They are not flushed to disk: after a power failure the next
`ensure` compares every byte again, and what cannot be rendered again is the engine's to flush.
"""

from __future__ import annotations

import os
import secrets
import shutil
import stat
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath

from searchplane.drivers.process.launcher import LOCK_FILE
from searchplane.drivers.process.users import Owner
from searchplane.errors import Permanent

CONFIG = "config"
PARTS = (CONFIG, "data", "logs", "tmp")
KEYSTORES = ("elasticsearch.keystore", "opensearch.keystore")
"""Written by the engine beside its configuration, with `.tmp` appended while it does."""

REMOVING = ".removing"
"""Ending of a folder that is on its way out; nothing is ever started in one."""

_OPEN = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW


def is_complete(folder: Path) -> bool:
    """Whether `make` has reached its last line here before."""
    return (folder / LOCK_FILE).exists() and all((folder / part).is_dir() for part in PARTS)


def make(folder: Path, owner: Owner | None) -> None:
    """Make the node's folder with its parts and its lock file, all of them the owner's alone."""
    with _inside(folder.name, owner, above=None, within=folder.parent) as node:
        for part in PARTS:
            with _inside(part, owner, above=node):
                pass
        _own(os.open(LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600, dir_fd=node), owner)


def sync_files(folder: Path, files: Mapping[str, bytes], owner: Owner | None) -> bool:
    """Make config/ hold exactly `files` and the engine's keystore; returns whether it changed."""
    wanted = {_checked(name): content for name, content in files.items()}
    folders = {str(parent) for path in wanted for parent in path.parents}
    with _opened(folder / CONFIG) as config:
        changed = _prune(config, PurePosixPath(), {str(path) for path in wanted}, folders)
        for path, content in wanted.items():
            changed |= _put(config, path, content, owner)
    return changed


def used_bytes(folder: Path) -> int | None:
    """The sizes of all files below, together; None if the folder is not there or cannot be read.

    Links are not followed, and what goes away meanwhile does not count.
    """
    if not folder.is_dir() or folder.is_symlink():
        return None
    total, waiting = 0, [str(folder)]
    while waiting:
        with suppress(OSError), os.scandir(waiting.pop()) as found:
            for entry in found:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                else:
                    with suppress(OSError):
                        total += entry.stat(follow_symlinks=False).st_size
    return total


def aside(folder: Path) -> Path:
    """Where the folder is while it is being removed."""
    return folder.with_name(folder.name + REMOVING)


def set_aside(folder: Path) -> Path:
    """Give the folder the name under which only its removal goes on; returns that path."""
    return folder.rename(aside(folder))


def remove(folder: Path) -> None:
    """Delete a folder that was set aside, and the cluster's folder if it was the last there."""
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        pass
    except RecursionError:  # the node's user nested folders by the thousand; rm does not recurse
        subprocess.run(["/bin/rm", "-rf", "--", str(folder)], check=False)
    with suppress(OSError):  # other nodes of the cluster are still there, or it is gone already
        folder.parent.rmdir()


def _checked(name: str) -> PurePosixPath:
    path = PurePosixPath(name)
    if path.is_absolute() or not path.parts or ".." in path.parts:
        raise Permanent(f"files has {name!r}; a path below the node's config folder is needed")
    return path


def _prune(config: int, at: PurePosixPath, wanted: set[str], folders: set[str]) -> bool:
    changed = False
    with os.scandir(config) as found:
        entries = list(found)
    for entry in entries:
        path = str(at / entry.name)
        if entry.is_dir(follow_symlinks=False) and path in folders:
            with _opened(entry.name, config) as inner:
                changed |= _prune(inner, at / entry.name, wanted, folders)
        elif entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.name, dir_fd=config)
            changed = True
        elif path not in wanted and not path.startswith(KEYSTORES):
            with suppress(FileNotFoundError):  # the engine's own temporary file
                os.unlink(entry.name, dir_fd=config)
            changed = True
    return changed


def _put(config: int, path: PurePosixPath, content: bytes, owner: Owner | None) -> bool:
    if len(path.parts) > 1:
        with _inside(path.parts[0], owner, above=config) as inner:
            return _put(inner, PurePosixPath(*path.parts[1:]), content, owner)
    if _content(path.name, config, len(content) + 1) == content:
        return False
    temporary = f".{path.name}.{secrets.token_hex(4)}"
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=config)
    with os.fdopen(handle, "wb") as file:
        if owner is not None:
            os.fchown(handle, owner.uid, owner.gid)
        file.write(content)
    os.replace(temporary, path.name, src_dir_fd=config, dst_dir_fd=config)
    return True


def _content(name: str, within: int, most: int) -> bytes | None:
    """What the file holds, `most` bytes of it; None for anything that is not a plain file."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        handle = os.open(name, flags, dir_fd=within)
    except FileNotFoundError:
        return None
    except OSError:  # a link: it is replaced, not followed
        return None
    with os.fdopen(handle, "rb") as file:
        return file.read(most) if stat.S_ISREG(os.fstat(handle).st_mode) else None


@contextmanager
def _opened(name: str | Path, within: int | None = None) -> Iterator[int]:
    handle = os.open(name, _OPEN, dir_fd=within)
    try:
        yield handle
    finally:
        os.close(handle)


@contextmanager
def _inside(
    name: str, owner: Owner | None, *, above: int | None, within: Path | None = None
) -> Iterator[int]:
    """Make a folder if it is missing, see that it is the owner's alone, and open it."""
    place: str | Path = name if within is None else within / name
    with suppress(FileExistsError):
        os.mkdir(place, 0o700, dir_fd=above)
    with _opened(place, above) as handle:
        os.fchmod(handle, 0o700)
        if owner is not None:
            os.fchown(handle, owner.uid, owner.gid)
        yield handle


def _own(handle: int, owner: Owner | None) -> None:
    try:
        if owner is not None:
            os.fchown(handle, owner.uid, owner.gid)
    finally:
        os.close(handle)
