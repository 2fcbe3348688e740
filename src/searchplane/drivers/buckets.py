"""Folders of elsewhere that a project may read snapshots from, as buckets among its own.

An attached bucket is a link in the project's bucket root, since engines reach nothing outside of
it. The root belongs to the user of the project's nodes, who can put anything there; so work is done
relative to the opened root, a link is only ever made or compared and never followed, and what the
bucket holds is looked for where the operator said it lies. Below that no link is followed either.

A repository lies in a folder that is called like the cluster that wrote it, below a base path; that
it is one, only its files tell.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from searchplane.errors import Permanent

CLUSTER_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")
DEEPEST = 256
"""Folders inside each other; a base path has no more."""


def attach(root: Path, name: str, path: Path) -> None:
    """Have `path` appear as `name` in the bucket root; a link to anything else gives way.

    Raises Permanent when something that is no link has the name, OSError.
    """
    with _opened(root) as folder:
        if _target(name, folder) not in (None, str(path)):
            os.unlink(name, dir_fd=folder)
        try:
            os.symlink(path, name, dir_fd=folder)
        except FileExistsError:
            if _target(name, folder) != str(path):
                raise Permanent(
                    f"the project has a bucket {name} already; another name is right"
                ) from None


def detach(root: Path, name: str) -> None:
    """Take the link away; what is no link is a bucket of the project's own, and stays."""
    if not root.is_dir():
        return
    with _opened(root) as folder:
        if _target(name, folder) is not None:
            os.unlink(name, dir_fd=folder)


def detach_others(root: Path, kept: Collection[str]) -> None:
    """Take away all links but these: what an attach or a detach that was cut off has left."""
    if not root.is_dir():
        return
    with _opened(root) as folder:
        with os.scandir(folder) as entries:
            links = [one.name for one in entries if one.is_symlink()]
        for name in links:
            if name not in kept:
                os.unlink(name, dir_fd=folder)


def repositories(path: Path, bucket: str) -> tuple[str, ...]:
    """Where in the bucket that lies at `path` there are repositories: locations below the project's
    buckets. Raises OSError if a folder cannot be read."""
    found, waiting = [], [(path, bucket)]
    while waiting:
        folder, location = waiting.pop()
        with os.scandir(folder) as entries:
            there = list(entries)
        if CLUSTER_ID.match(folder.name) and any(one.is_file() for one in there):
            found.append(location)
        elif location.count("/") < DEEPEST:
            folders = [one.name for one in there if one.is_dir(follow_symlinks=False)]
            waiting += [(folder / name, f"{location}/{name}") for name in folders]
    return tuple(sorted(found))


def _target(name: str, folder: int) -> str | None:
    """Where the link leads; None for anything else, and where there is nothing."""
    try:
        return os.readlink(name, dir_fd=folder)
    except OSError:
        return None


@contextmanager
def _opened(root: Path) -> Iterator[int]:
    handle = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        yield handle
    finally:
        os.close(handle)
