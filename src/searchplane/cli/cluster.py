"""`searchplane cluster list` and `show`: what the API says of clusters, as tables or as it is."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import click

from searchplane.cli.client import Api, ClusterShown
from searchplane.cli.login import Login
from searchplane.cli.tables import print_json, print_table
from searchplane.domain.cluster import BackupStrategy
from searchplane.domain.schedule import next_due

MEANINGS = {"100": "working", "200": "available", "303": "failed"}


def show_all(login: Login, *, as_json: bool) -> None:
    with Api(login) as api:
        found = api.clusters()
    if as_json:
        print_json([one.json for one in found])
    elif not found:
        click.echo("The project has no clusters.")
    else:
        head = ("id", "name", "status", "engine", "nodes", "endpoint")
        print_table(head, [_row(one) for one in found])


def show_one(login: Login, id_or_name: str, *, as_json: bool) -> None:
    with Api(login) as api:
        shown = api.find(id_or_name)
        policy = None if as_json else api.policy(shown.id)
    if as_json:
        print_json(shown.json)
        return
    snapshots = [("snapshots", _snapshots(policy))] if policy is not None else []
    for name, value in [*_fields(shown), *snapshots]:
        click.echo(f"{name:<10}{value}")
    click.echo()
    print_table(("node", "type", "status", "ip", "flavor", "zone"), _nodes(shown))


def status_text(shown: ClusterShown) -> str:
    """The number that clients wait for, its meaning, and what is at work."""
    actions = ", ".join(f"{name} {_percent(shown, name)}".strip() for name in shown.actions)
    return f"{shown.status} {MEANINGS.get(shown.status, '')}{f', {actions}' if actions else ''}"


def progress(shown: ClusterShown) -> str:
    """What is being done now, and how far that is, where the cluster serves meanwhile."""
    sentence = shown.sentence or shown.name
    far = [percent for name in shown.actions if (percent := _percent(shown, name))]
    return " ".join([*far[:1], sentence]) if shown.status == "200" else sentence


def _percent(shown: ClusterShown, action: str) -> str:
    return str(shown.json.get("actionProgress", {}).get(action, ""))


def _row(shown: ClusterShown) -> tuple[str, ...]:
    return (
        shown.id,
        shown.name,
        status_text(shown),
        _engine(shown),
        str(len(shown.instances)),
        shown.endpoint or "-",
    )


def _fields(shown: ClusterShown) -> list[tuple[str, str]]:
    fields = [
        ("id", shown.id),
        ("name", shown.name),
        ("status", status_text(shown)),
        ("engine", _engine(shown)),
        ("security", _security(shown.json)),
        ("endpoint", shown.endpoint or "-"),
        ("created", str(shown.json.get("created", "-"))),
    ]
    if shown.sentence:
        fields.append(("now", shown.sentence))
    fields += _operator(shown.json)
    if shown.failure is not None:
        fields.append(("failed", shown.failure))
    return fields


def _operator(cluster: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What holds a change up, and what an operator has said about it."""
    fields = []
    if cluster.get("refusedBy"):
        because = cluster.get("refusedBecause") or ""
        fields.append(("refused", f"by {cluster['refusedBy']}: {because}"))
    if cluster.get("paused"):
        fields.append(("paused", "yes, nothing is done to it until it is resumed"))
    if cluster.get("skipped"):
        fields.append(("set aside", ", ".join(cluster["skipped"])))
    return fields


def _snapshots(policy: Mapping[str, Any]) -> str:
    """When they are taken by themselves, and where they go."""
    bucket = policy.get("bucket")
    if not bucket:
        return "off"
    if policy["enable"] != "true":
        return f"by hand, in bucket {bucket}"
    wanted = BackupStrategy(
        str(policy["period"]),
        str(policy["prefix"]),
        int(policy["keepday"]),
        str(policy["frequency"]),
    )
    following = next_due(wanted, datetime.now(UTC))
    return (
        f"{wanted.frequency} at {wanted.period}, the next at {following:%Y-%m-%d %H:%M} UTC, "
        f"{wanted.keepday} are kept, in bucket {bucket}"
    )


def _engine(shown: ClusterShown) -> str:
    datastore = shown.json["datastore"]
    return f"{datastore['type']} {datastore['version']}"


def _security(cluster: Mapping[str, Any]) -> str:
    if not cluster.get("authorityEnable"):
        return "off"
    return "on, with TLS" if cluster.get("httpsEnable") else "on, without TLS"


def _nodes(shown: ClusterShown) -> list[tuple[str, ...]]:
    return [
        (
            str(node["name"]),
            str(node["type"]),
            f"{node['status']} {MEANINGS.get(str(node['status']), '')}",
            str(node.get("ip") or "-"),
            str(node.get("specCode", "-")),
            str(node.get("azCode", "-")),
        )
        for node in shown.instances
    ]
