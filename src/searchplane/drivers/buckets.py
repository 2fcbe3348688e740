"""Finding repositories in a folder that holds a bucket.

A repository lies in a folder that is called like the cluster that wrote it, below its bucket and
a base path; that it is one, only its files tell.
"""

from __future__ import annotations

import asyncio
import os
import re
from pathlib import Path

from searchplane.errors import Transient

CLUSTER_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")


async def repositories(root: Path, bucket: str) -> tuple[str, ...]:
    """Their locations below `root`. Raises Transient if a folder cannot be read."""
    try:
        return await asyncio.to_thread(lambda: tuple(sorted(_below(root, bucket))))
    except OSError as error:
        raise Transient(f"bucket {bucket} cannot be read: {error.strerror}") from error


def _below(root: Path, location: str) -> list[str]:
    """Links are followed only to the bucket itself: others could lead anywhere."""
    with os.scandir(root / location) as entries:
        found = list(entries)
    if CLUSTER_ID.match(location.rpartition("/")[2]) and any(one.is_file() for one in found):
        return [location]
    folders = [one.name for one in found if one.is_dir(follow_symlinks=False)]
    return [one for name in folders for one in _below(root, f"{location}/{name}")]
