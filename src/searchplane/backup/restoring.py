"""`searchplane restore`: a service again, from a backup, in a folder that holds none.

All of the file is read and checked beside its places first: hashes, schema, whether the keys open
what the database holds. Then the small files are put in their places and the database comes last,
since a folder with a database is a service's. So a restore that was cut off can be done again:
what lies there already must be what the backup holds, and nothing that differs is written over.

Folders of nodes may be there before or come later. A record knows whether its cluster has formed,
and what has is never begun anew by itself (`may_begin_again`). A cluster that was only being
created when the backup was made may have formed since, so it is paused until an operator has
looked.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import BinaryIO

from searchplane.backup import archive
from searchplane.backup.archive import Manifest, Tell
from searchplane.backup.parts import CA, DATABASE, RENEWED, place_of
from searchplane.domain.audit import AuditLine
from searchplane.domain.cluster import ActionKind, Cluster
from searchplane.domain.operating import pause
from searchplane.errors import Permanent
from searchplane.iam.files import write_private
from searchplane.iam.sealing import FOLDER as SEALS
from searchplane.iam.sealing import Seals
from searchplane.lock import FolderLock
from searchplane.settings import Settings
from searchplane.store import audit, clusters, events
from searchplane.store.copying import copy_in, damage_of
from searchplane.store.database import Database, Transaction, open_database
from searchplane.store.migrate import NEWEST, is_known, migrate, revision
from searchplane.store.sealed import check_opens
from searchplane.store.sqlite import FILE
from searchplane.tenure import FOLDER_ID

STAGING = ".restoring"
BESIDES = ("", "-wal", "-shm", "-journal")
"""Endings of the files of a SQLite database; a journal without one would be read into the next."""
SPARE_BYTES = 50_000_000
"""That must stay free on the disk."""


@dataclass(frozen=True)
class Restored:
    """What was restored: every cluster of it, and of those the ones that are paused now."""

    manifest: Manifest
    clusters: tuple[Cluster, ...]
    paused: tuple[Cluster, ...]


def restore(settings: Settings, source: BinaryIO, line: AuditLine, tell: Tell) -> Restored:
    """Put a backup in place; `line` tells the audit trail of it. The data folder exists.

    Raises Permanent when it is not a whole backup, is of a newer version, or something is in its
    place, and Transient when the database does not answer.
    """
    with FolderLock(settings.data), _staging(settings.data) as folder:
        _check_vacant(settings)
        manifest = archive.read(source, folder, partial(_check, settings), tell)
        small = [part.name for part in manifest.parts if part.name != DATABASE]
        _check_places(settings, folder, small)
        copy = Database(f"sqlite:///{folder / DATABASE}")
        try:
            restored = _prepare(copy, folder, manifest, line)
            for name in small:
                _put(folder / name, place_of(name, settings), public=name == CA)
            _fill_server(settings, copy, tell)
        finally:
            copy.close()
        if settings.database_url is None:
            _put_database(folder / DATABASE, place_of(DATABASE, settings))
    return restored


@contextmanager
def _staging(data: Path) -> Iterator[Path]:
    """An empty private folder; the caller holds the data folder's lock."""
    folder = data / STAGING
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _check_vacant(settings: Settings) -> None:
    if settings.database_url is not None:
        database = open_database(settings)
        try:
            with database.read() as connection:
                found = revision(connection)
        finally:
            database.close()
        if found is not None:
            raise Permanent(
                "the database at SEARCHPLANE_DATABASE_URL is a service's already; an empty one is "
                "right"
            )
        return
    for ending in BESIDES:
        path = settings.data / f"{FILE}{ending}"
        if os.path.lexists(path):
            raise Permanent(
                f"{settings.data} holds a service already: {path.name} is there; another --data "
                "DIR is right, or move the file away if it is not wanted any more"
            )


def _check(settings: Settings, manifest: Manifest) -> None:
    """Whether such a backup can be restored here; nothing is written yet."""
    if not is_known(manifest.revision):
        raise Permanent(
            f"it was made by searchplane {manifest.searchplane} with schema {manifest.revision}, "
            f"and this version knows up to {NEWEST}; that version or a newer one can restore it"
        )
    names = {part.name for part in manifest.parts}
    for needed in (DATABASE, "keys/", f"{SEALS}/"):
        if not any(name.startswith(needed) for name in names):
            raise Permanent(f"it is not a whole backup: {needed} is missing")
    free = shutil.disk_usage(settings.data).free
    if manifest.size + SPARE_BYTES > free:
        raise Permanent(
            f"{settings.data} has {free // 10**6} MB of free disk, and the backup needs "
            f"{(manifest.size + SPARE_BYTES) // 10**6} MB"
        )


def _check_places(settings: Settings, folder: Path, names: list[str]) -> None:
    """In the folder of the same service, what its every start writes anew may differ."""
    is_own = FOLDER_ID in names and _is_same(folder / FOLDER_ID, place_of(FOLDER_ID, settings))
    for name in names:
        place = place_of(name, settings)
        if is_own and name in RENEWED:
            continue
        if os.path.lexists(place) and not _is_same(folder / name, place):
            raise Permanent(
                f"{place} is there and is not the backup's; move it away if it is not wanted any "
                "more"
            )


def _is_same(one: Path, other: Path) -> bool:
    return other.is_file() and one.read_bytes() == other.read_bytes()


def _prepare(copy: Database, folder: Path, manifest: Manifest, line: AuditLine) -> Restored:
    """Check the copied database, bring it to this version and note what must be noted."""
    with copy.read() as connection:
        _check_sound(connection, manifest)
        check_opens(connection, Seals.open(folder))
    migrate(copy)
    with copy.write() as connection:
        found = clusters.find_all(connection, list(clusters.all_ids(connection)))
        paused = tuple(one for one in found.values() if _may_have_formed_since(one))
        for cluster in paused:
            _pause(connection, cluster)
        audit.append(connection, [line])
    return Restored(manifest, tuple(found.values()), paused)


def _check_sound(connection: Transaction, manifest: Manifest) -> None:
    damage = damage_of(connection)
    if damage is not None:
        raise Permanent(f"its database is damaged: {damage}")
    if revision(connection) != manifest.revision:
        raise Permanent("its database has another schema than its manifest says")


def _may_have_formed_since(cluster: Cluster) -> bool:
    """A scratch cluster holds nothing that is not in its snapshot."""
    is_new = cluster.is_being(ActionKind.CREATING) and not cluster.bootstrapped
    return is_new and cluster.spec.verifies is None


def _pause(connection: Transaction, cluster: Cluster) -> None:
    after = pause(cluster).after
    clusters.change(connection, cluster, after)
    sentence = (
        "paused: it was being created when the backup was made that is restored now, and may have "
        "formed since; resume it once it is clear that none of its nodes is elsewhere"
    )
    events.add(connection, cluster.id, datetime.now(UTC), events.ACCEPTED, sentence)


def _fill_server(settings: Settings, copy: Database, tell: Tell) -> None:
    if settings.database_url is None:
        return
    database = open_database(settings)
    try:
        copy_in(copy, database, partial(tell, "fill"))
    finally:
        database.close()


def _put(source: Path, place: Path, *, public: bool = False) -> None:
    """Have the small file in its place, whole and with its time, on whichever disk that is."""
    passable = 0o711 if public else 0o700
    place.parent.mkdir(mode=passable, parents=True, exist_ok=True)
    write_private(place, source.read_bytes())
    modified = source.stat().st_mtime
    os.utime(place, (modified, modified))
    if public:
        place.chmod(0o644)


def _put_database(source: Path, place: Path) -> None:
    """The last step, and one that is done or not; the copy is on the disk already."""
    source.rename(place)
    handle = os.open(place.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
