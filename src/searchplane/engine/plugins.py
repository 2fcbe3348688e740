"""A plugin that an operator brings, since nobody publishes it as an artifact: S3 repositories.

Its makers offer one archive for each version of the engine, and an engine takes none of another
version. A folder of such archives is a setting; the engines that have one there are installed with
it, in homes of their own, so that services with and without it can share a cache.
"""

from __future__ import annotations

from pathlib import Path

from searchplane.domain.engines import Engine
from searchplane.engine.folders import sha256
from searchplane.errors import Permanent

NAME = "repository-s3"


def archive(folder: Path | None, engine: Engine) -> Path | None:
    """The plugin's archive for this engine; None where the setting is not made.

    Raises Permanent where it is and the archive is missing: nodes could not reach their buckets.
    """
    if folder is None:
        return None
    path = folder / f"{NAME}-{engine.version}.zip"
    if not path.is_file():
        raise Permanent(
            f"s3_plugins is {folder}, where {path.name} is missing; {engine} cannot keep snapshots "
            f"in s3_endpoint without it"
        )
    return path


def mark(path: Path | None) -> str:
    """What a home's identity has of the plugin in it."""
    return "" if path is None else f"-{NAME}-{sha256(path)}"
