"""Whether a folder of elsewhere can be a bucket that is read: all of it, nothing else, and no more.

A tenant may tell their engine to register any place below the bucket root, and to write there. So
that an attached bucket is only read is not left to the engine: the user of the nodes must not be
able to write in it. And engines follow links: one that leads out of the folder would show them
more of the machine than was attached.

By the modes of folders and files; access lists are not looked at.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from searchplane.errors import Permanent

PASS, WRITE, READ = 0o1, 0o2, 0o4


def check_contained(path: Path) -> None:
    """Raises Permanent for a link that leads out of the folder, OSError if it cannot be read."""
    base = path.resolve()
    for place, folders, files in os.walk(path, onerror=_raise):
        for name in sorted((*folders, *files)):
            there = Path(place) / name
            if there.is_symlink() and not there.resolve().is_relative_to(base):
                raise Permanent(
                    f"{there} is a link to {there.resolve()}, and so leads out of {path}: a folder "
                    "without such links is right"
                )


def check_only_read(path: Path, uid: int, gid: int) -> None:
    """Raises Permanent with what to do where this user cannot read all of it, or can write
    anything of it; OSError if it cannot be looked at."""
    for folder in reversed(path.parents):
        if not _allows(folder.lstat(), uid, gid, PASS):
            raise Permanent(f"{_closed(folder, uid)}; right is: chmod o+x {folder}")
    for place, folders, files in os.walk(path, onerror=_raise):
        folders.sort()
        _check(Path(place), READ | PASS, path, uid, gid)
        for name in sorted(files):
            _check(Path(place) / name, READ, path, uid, gid)


def _check(there: Path, wanted: int, path: Path, uid: int, gid: int) -> None:
    found = there.lstat()
    if stat.S_ISLNK(found.st_mode):
        return  # what it leads to is looked at by itself
    if not _allows(found, uid, gid, wanted):
        raise Permanent(f"{_closed(there, uid)}; right is: {_to_read(found, path, uid, gid)}")
    if _allows(found, uid, gid, WRITE) and not _is_mounted_to_read(there):
        raise Permanent(
            f"{there} can be written by the user of the project's nodes, {uid}, and so by whoever "
            f"may tell an engine where to write; right is: {_not_to_write(found, path, uid, gid)}"
        )


def _closed(there: Path, uid: int) -> str:
    return f"{there} is closed to the user of the project's nodes, {uid}"


def _to_read(found: os.stat_result, path: Path, uid: int, gid: int) -> str:
    if found.st_uid == uid:
        return f"chmod -R u+rX {path}"
    return f"chgrp -R {gid} {path} && chmod -R g+rX,g-w {path}"


def _not_to_write(found: os.stat_result, path: Path, uid: int, gid: int) -> str:
    """What belongs to the user of a tenant's nodes goes to somebody else: an owner can open it
    again. Nodes that are not run as root have no user but that of the service."""
    if found.st_uid != uid:
        return f"chmod -R {'g-w' if found.st_gid == gid else 'o-w'} {path}"
    return f"chown -R root {path}" if os.geteuid() == 0 else f"chmod -R u-w {path}"


def _allows(found: os.stat_result, uid: int, gid: int, wanted: int) -> bool:
    shift = 6 if found.st_uid == uid else 3 if found.st_gid == gid else 0
    return uid == 0 or (found.st_mode >> shift) & wanted == wanted


def _is_mounted_to_read(there: Path) -> bool:
    return bool(os.statvfs(there).f_flag & os.ST_RDONLY)


def _raise(error: OSError) -> None:
    raise error
