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

from searchplane.app import attach_bucket, detach_bucket
from searchplane.cli.client import Api
from searchplane.cli.local import find_project, local_database, operators_line
from searchplane.cli.login import Login
from searchplane.cli.tables import print_json, print_table
from searchplane.domain import attaching
from searchplane.domain.snapshots import Snapshot
from searchplane.errors import Permanent
from searchplane.settings import Settings
from searchplane.store import audit, buckets, clusters, restores, snapshots

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
        with database.read() as connection:
            found = find_project(connection, project)
            known = buckets.find(connection, found.id, wanted)
        bucket = attaching.attach(known, found.id, wanted, str(place), datetime.now(UTC))
        holds = asyncio.run(attach_bucket(settings, found.number, wanted, place))
        with database.write() as connection:
            if buckets.find(connection, found.id, wanted) is None:
                buckets.add(connection, bucket)
            clusters.look_again(connection, found.id)
            audit.append(connection, [operators_line(ATTACH, wanted, found.id)])
    click.echo(f"{place} is the bucket {wanted} of {found.name}, to read from.")
    if holds:
        click.echo(
            f"It holds the snapshots of {holds} cluster{'s' if holds > 1 else ''}, which are "
            "listed once the project has an available cluster: searchplane snapshot list"
        )
    else:
        click.echo("No cluster has written snapshots there; is it the folder of a bucket?")


def detach(settings: Settings, name: str, project: str) -> None:
    """Let go of an attached bucket; its snapshots are in the list no longer."""
    with local_database(settings) as database:
        with database.write() as connection:
            found = find_project(connection, project)
            inside = _inside(snapshots.of_project(connection, found.id), name)
            running = [one for held in inside for one in restores.running_of(connection, held.id)]
            attaching.check_detachable(buckets.find(connection, found.id, name), name, running)
            for held in inside:
                snapshots.forget(connection, held.id)
            buckets.remove(connection, found.id, name)
            clusters.look_again(connection, found.id)
            audit.append(connection, [operators_line(DETACH, name, found.id)])
        asyncio.run(detach_bucket(settings, found.number, name))
    click.echo(f"The bucket {name} is no bucket of {found.name} any more; its folder is untouched.")


def _row(bucket: Mapping[str, Any]) -> tuple[str, ...]:
    use = "attached, to read from" if bucket["readOnly"] else "its clusters write to it"
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
