"""Where buckets are: the store behind them, and how an engine is told of a repository in one.

Folders are the default: a repository is a folder below the project's bucket root, which is the
nodes' only `path.repo`. The engine resolves a relative location there by itself, so the control
plane need not know where that is, and no other project's folder can be named.

An S3-compatible store needs a plugin of the engine's (engine/plugins.py), and settings of its
client on every node; its keys go into the engine's keystore. Its buckets are made by whoever runs
the store. A bucket that was attached is a folder all the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urlsplit

from searchplane.domain.cluster import SnapshotSettings
from searchplane.domain.snapshots import Repository

CLIENT = "searchplane"
"""What nodes call the store's client: users may have a `default` of their own."""

UNLIMITED = "0b"
"""What the public API's 0 and -1 mean."""


class BucketStore(Protocol):
    """Puts repositories somewhere."""

    def place(self, repository: Repository) -> tuple[str, Mapping[str, str]]:
        """The engine's repository type, and the settings that say where it is."""

    def node_settings(self) -> Mapping[str, str | bool]:
        """What every node must be started with."""

    def node_secrets(self) -> Mapping[str, str]:
        """What every node must have in its keystore."""


@dataclass(frozen=True)
class FolderBuckets:
    """Each bucket is a folder on the machine."""

    def place(self, repository: Repository) -> tuple[str, Mapping[str, str]]:
        return "fs", {"location": repository.location}

    def node_settings(self) -> Mapping[str, str | bool]:
        return {}

    def node_secrets(self) -> Mapping[str, str]:
        return {}


FOLDER_BUCKETS = FolderBuckets()


@dataclass(frozen=True)
class S3Buckets:
    """The buckets of an S3-compatible store at `endpoint`, an address such as https://s3.example.org.

    With `path_style` a bucket's name is in the path and not in the host.
    """

    endpoint: str
    access_key: str
    secret_key: str = field(repr=False)
    region: str | None = None
    path_style: bool = True

    def place(self, repository: Repository) -> tuple[str, Mapping[str, str]]:
        if repository.read_only:
            return FOLDER_BUCKETS.place(repository)
        _bucket, _slash, path = repository.location.partition("/")
        return "s3", {"bucket": repository.bucket, "base_path": path, "client": CLIENT}

    def node_settings(self) -> Mapping[str, str | bool]:
        address = urlsplit(self.endpoint)
        region = {_client("region"): self.region} if self.region else {}
        return {
            _client("endpoint"): address.netloc,
            _client("protocol"): address.scheme,
            _client("path_style_access"): self.path_style,
            **region,
        }

    def node_secrets(self) -> Mapping[str, str]:
        return {_client("access_key"): self.access_key, _client("secret_key"): self.secret_key}


def registration(
    store: BucketStore,
    repository: Repository,
    settings: SnapshotSettings | None,
    *,
    read_only: bool,
) -> dict[str, Any]:
    """What the engine is told; all values are texts, as it answers them."""
    kind, place = store.place(repository)
    return {"type": kind, "settings": {**place, **_rates(settings), **_access(read_only)}}


def _client(setting: str) -> str:
    return f"s3.client.{CLIENT}.{setting}"


def _access(read_only: bool) -> dict[str, str]:
    return {"readonly": "true"} if read_only else {}


def _rates(settings: SnapshotSettings | None) -> dict[str, str]:
    if settings is None:
        return {}
    given = {
        "max_snapshot_bytes_per_sec": settings.max_snapshot_rate,
        "max_restore_bytes_per_sec": settings.max_restore_rate,
    }
    return {name: _rate(value) for name, value in given.items() if value is not None}


def _rate(value: str) -> str:
    """The engine knows b, kb ... and k, m ... in small letters."""
    return UNLIMITED if value in ("0", "-1") else value.lower()
