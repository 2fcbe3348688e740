"""`searchplane snapshot`: what the API says of snapshots, as tables or as it is, and its orders."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import click

from searchplane.cli import snapshot_watch
from searchplane.cli.login import Login
from searchplane.cli.snapshot_client import SnapshotApi, SnapshotShown
from searchplane.cli.snapshot_watch import Look, watch
from searchplane.cli.tables import print_json, print_table

VERDICTS = {True: "yes", False: "NO", None: "not found out"}
WIDTH = 13


def show_all(login: Login, cluster: str | None, *, limit: int, as_json: bool) -> None:
    """The newest of the project, or of one cluster, which may be gone."""
    wanted = {} if cluster is None else {"cluster": cluster}
    with SnapshotApi(login) as api:
        total, found = api.snapshots(limit, **wanted)
    if as_json:
        print_json([one.json for one in found])
    elif not found:
        click.echo("There are no snapshots.")
    else:
        head = ("id", "name", "cluster", "status", "taken", "verified")
        print_table(head, [_row(one) for one in found])
        if total > len(found):
            click.echo(f"These are the newest {len(found)} of {total}; --limit shows more.")


def show_one(login: Login, id_or_name: str, *, as_json: bool) -> None:
    with SnapshotApi(login) as api:
        one = api.find_snapshot(id_or_name)
    if as_json:
        print_json(one.json)
        return
    for name, value in _fields(one):
        click.echo(f"{name:<{WIDTH}}{value}")
    if one.json["contents"]:
        click.echo()
        print_table(("index", "documents"), [_index(each) for each in one.json["contents"]])


def create(
    login: Login,
    cluster: str,
    name: str | None,
    body: Mapping[str, str],
    *,
    wait: bool,
    timeout: float | None,
    as_json: bool,
) -> int:
    """Ask for a snapshot; the command's exit code."""
    chosen = name or f"manual-{datetime.now(UTC):%Y%m%d-%H%M%S}"
    with SnapshotApi(login) as api:
        target = api.find(cluster)
        made = api.take(target.id, {"name": chosen, **body})
        if not wait:
            _say(made, f"{chosen} is being taken of {target.name}: {made['id']}", as_json=as_json)
            return 0
        look = snapshot_watch.taken(api, str(made["id"]), target.id)
        still = f"{chosen} is still being taken"
        code = watch("snapshot", look, still, timeout=timeout, silent=as_json)
        return _end(api, str(made["id"]), code, as_json=as_json)


def restore(
    login: Login,
    id_or_name: str,
    into: str | None,
    body: Mapping[str, Any],
    *,
    wait: bool,
    timeout: float | None,
) -> int:
    """Ask for a restore, into its own cluster if no other is named."""
    with SnapshotApi(login) as api:
        one = api.find_snapshot(id_or_name)
        target = api.find(into or one.cluster_id)
        api.restore(one, {"target_cluster": target.id, **body})
        if not wait:
            click.echo(f"{one.name} is being restored into {target.name}.")
            return 0
        look = snapshot_watch.restored(api, one.id, target.id)
        still = f"{one.name} is still being restored into {target.name}"
        return watch("restore", look, still, timeout=timeout, silent=False)


def delete(login: Login, id_or_name: str, *, wait: bool, timeout: float | None) -> int:
    with SnapshotApi(login) as api:
        one = api.find_snapshot(id_or_name)
        api.remove(one)
        if not wait:
            click.echo(f"{one.name} is being deleted.")
            return 0
        look = snapshot_watch.removed(api, one.id)
        still = f"{one.name} is still being deleted"
        return watch("delete", look, still, timeout=timeout, silent=False)


def verify(
    login: Login, id_or_name: str, *, wait: bool, timeout: float | None, as_json: bool
) -> int:
    """Ask for a verification; with `wait` the exit code tells whether it succeeded."""
    with SnapshotApi(login) as api:
        one = api.find_snapshot(id_or_name)
        made = api.verify(one)
        if not wait:
            said = f"{one.name} is being verified in {made['clusterName']}: {made['clusterId']}"
            _say(made, said, as_json=as_json)
            return 0
        look: Look = snapshot_watch.verified(api, one.id, str(made["clusterId"]))
        still = f"{one.name} is still being verified"
        code = watch("verify", look, still, timeout=timeout, silent=as_json)
        return _end(api, one.id, code, as_json=as_json)


def _say(made: Mapping[str, Any], said: str, *, as_json: bool) -> None:
    if as_json:
        print_json(made)
    else:
        click.echo(said)


def _end(api: SnapshotApi, snapshot_id: str, code: int, *, as_json: bool) -> int:
    one = api.snapshot(snapshot_id) if as_json else None
    if one is not None:
        print_json(one.json)
    return code


def _row(one: SnapshotShown) -> tuple[str, ...]:
    return (
        one.id,
        one.name,
        str(one.json["clusterName"]),
        _status(one),
        _time(one.json["created"]),
        _verified(one),
    )


def _status(one: SnapshotShown) -> str:
    """The word that clients wait for, and what else is going on with it."""
    total = one.json["bytesTotal"]
    is_building = one.status == "BUILDING" and total
    more = f" {100 * one.json['bytesDone'] // total}%" if is_building else ""
    if one.is_leaving:
        more = ", being deleted"
    elif one.json["restoreStatus"] == "restoring":
        more = ", being restored"
    return f"{one.status}{more}"


def _verified(one: SnapshotShown) -> str:
    if one.verified_in:
        return "now"
    found = one.verified
    return f"{VERDICTS[found['succeeded']]}, {_time(found['at'])}" if found else "-"


def _fields(one: SnapshotShown) -> list[tuple[str, str]]:
    shown = one.json
    gone = "" if shown["clusterExists"] else ", gone"
    bucket = f"{shown['bucketName']}{', attached to restore from' if shown['readOnly'] else ''}"
    fields = [
        ("id", one.id),
        ("name", one.name),
        ("cluster", f"{shown['clusterName']} ({one.cluster_id}{gone})"),
        ("status", _status(one)),
        ("method", _method(shown)),
        ("engine", str(shown["engine"])),
        ("bucket", bucket),
        ("taken", _time(shown["created"])),
        ("shards", f"{shown['totalShards']}, {shown['failedShards']} failed"),
        ("copied", f"{_megabytes(shown['bytesDone'])} of {_megabytes(shown['bytesTotal'])} MB"),
        ("verified", _verified(one)),
    ]
    more = (
        ("description", shown["description"]),
        ("failed", shown["reason"]),
        ("compared", one.verified["sentence"] if one.verified else None),
        ("scratch", one.verified_in),
    )
    return fields + [(name, str(value)) for name, value in more if value]


def _method(shown: Mapping[str, Any]) -> str:
    if shown["backupMethod"] == "manual":
        return "by hand"
    return f"automatic, {shown['backupFrequency']}, {shown['backupKeepDay']} are kept"


def _index(index: Mapping[str, Any]) -> tuple[str, str]:
    return str(index["name"]), "-" if index["documents"] is None else str(index["documents"])


def _megabytes(number: int) -> str:
    return f"{number / 1e6:.1f}"


def _time(shown: str) -> str:
    return shown.replace("T", " ")
