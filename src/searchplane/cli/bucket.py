"""`searchplane bucket list`, `attach` and `detach`: the buckets of a project.

Attaching is the operator's: the folder lies on the service's own machine. It works through the
database, whether the service runs or not, and the next pass over a cluster of the project lists
the snapshots that it holds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from searchplane.cli.client import Api
from searchplane.cli.local import find_project, local_database, operators_line
from searchplane.cli.login import Login
from searchplane.cli.tables import print_json, print_table
from searchplane.domain import attaching
from searchplane.domain.ids import ProjectId
from searchplane.domain.snapshots import Bucket, Snapshot
from searchplane.errors import Permanent, Transient
from searchplane.hosting import attach_bucket, detach_bucket
from searchplane.settings import Settings
from searchplane.store import audit, buckets, clusters, restores, snapshots
from searchplane.store.database import Transaction

ATTACH, DETACH = "bucketAttach", "bucketDetach"
"""The operations of the lines in the audit trail."""


def show(login: Login, *, as_json: bool) -> None:
    """Print one line for each bucket of the project."""
    with Api(login) as api:
        found = api.buckets()
    if as_json:
        print_json(found)
    elif not found:
        click.echo("The project has no buckets yet; its first snapshot makes one.")
    else:
        print_table(("bucket", "use", "snapshots", "created"), [_row(one) for one in found])


def attach(settings: Settings, path: Path, project: str, name: str | None) -> None:
    """Attach the folder. Raises Refused, or Permanent with what to do."""
    place = path.resolve()
    _check_folder(settings, place)
    wanted = name or place.name
    with local_database(settings) as database:
        with database.write() as connection:
            found = find_project(connection, project)
            bucket, is_new = _recorded(connection, found.id, wanted, place)
        try:
            holds = asyncio.run(attach_bucket(settings, found.number, wanted, place))
        except (Transient, Permanent):
            if is_new:
                with database.write() as connection:
                    buckets.remove(connection, found.id, wanted)
            raise
        with database.write() as connection:
            buckets.tell(connection, bucket, None)
            clusters.look_again(connection, found.id)
    click.echo(f"{place} is the bucket {wanted} of {found.name}, to read from.")
    if holds:
        click.echo(
            f"It holds the snapshots of {holds} cluster{'s' if holds > 1 else ''}, which are "
            "listed once the project has an available cluster: searchplane snapshot list"
        )
    else:
        click.echo("No cluster has written snapshots there; is it the folder of a bucket?")


def detach(settings: Settings, name: str, project: str) -> None:
    """Let go of an attached bucket; its snapshots are in the list no longer.

    A link that is left as this was cut off goes with the next pass over a cluster of the project.
    """
    with local_database(settings) as database:
        with database.write() as connection:
            found = find_project(connection, project)
            inside = _inside(snapshots.of_project(connection, found.id), name)
            held = [said for one in inside if (said := restores.held(connection, one.id))]
            attaching.check_detachable(buckets.find(connection, found.id, name), name, held)
            for one in inside:
                snapshots.forget(connection, one.id)
            buckets.remove(connection, found.id, name)
            clusters.look_again(connection, found.id)
            audit.append(connection, [operators_line(DETACH, name, found.id)])
        asyncio.run(detach_bucket(settings, found.number, name))
    click.echo(f"The bucket {name} is no bucket of {found.name} any more; its folder is untouched.")


def _recorded(
    connection: Transaction, project_id: ProjectId, name: str, place: Path
) -> tuple[Bucket, bool]:
    """The bucket's row, and whether it is new. A row is there before the link and after it: what is
    cut off between the two is put right by the next pass (reconciler/attached.py)."""
    there = buckets.of_project(connection, project_id)
    bucket = attaching.attach(there, project_id, name, str(place), datetime.now(UTC))
    is_new = all(one.name != name for one in there)
    if is_new:
        buckets.add(connection, bucket)
    audit.append(connection, [operators_line(ATTACH, name, project_id)])
    return bucket, is_new


def _row(bucket: Mapping[str, Any]) -> tuple[str, ...]:
    use = "attached, to read from" if bucket["readOnly"] else "its clusters write to it"
    if bucket["problem"]:
        use = f"attached, and cannot be read: {bucket['problem']}"
    return str(bucket["name"]), use, str(bucket["snapshots"]), str(bucket["created"])


def _inside(held: list[Snapshot], name: str) -> list[Snapshot]:
    return [one for one in held if one.repository.bucket == name and one.repository.read_only]


def _check_folder(settings: Settings, place: Path) -> None:
    if not place.is_dir():
        raise Permanent(f"{place} is not a folder")
    own = (settings.data / "buckets").resolve()
    if place.is_relative_to(own) or own.is_relative_to(place):
        raise Permanent(
            f"{place} holds buckets of this service, which has them already; a folder of elsewhere "
            "is right"
        )
