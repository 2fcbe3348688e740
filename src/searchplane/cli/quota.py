"""`searchplane quota show` and `set`: what a project may have, through the database."""

from __future__ import annotations

from collections.abc import Mapping

import click

from searchplane.cli.local import find_project, local_database, operators_line
from searchplane.cli.tables import print_json, print_table
from searchplane.domain.quota import Amounts, Limits, Resource
from searchplane.settings import Settings
from searchplane.store import audit, quotas

DEFAULT, UNLIMITED = "default", "unlimited"
MOST = 2**31 - 1
HEAD = ("resource", "used", "limit", "set")
SET = "quotaSet"
"""The operation of the line in the audit trail."""


def show(settings: Settings, project: str, *, as_json: bool) -> None:
    """Print one line for each resource."""
    with local_database(settings) as database, database.read() as connection:
        found = find_project(connection, project).id
        own = quotas.own_limits(connection, found)
        used = quotas.used(connection, found)
        limits = quotas.limits(connection, found, quotas.defaults(settings))
    _print(used, limits, frozenset(own), as_json=as_json)


def change(
    settings: Settings, project: str, given: Mapping[str, str | None], *, as_json: bool
) -> None:
    """Set what was given, tell the audit trail, and show what holds now."""
    wanted = {Resource(name): text for name, text in given.items() if text is not None}
    if not wanted:
        raise click.UsageError("nothing is to be set: --clusters N or another of the options")
    limits = {one: _limit(one, text) for one, text in wanted.items() if text != DEFAULT}
    said = ",".join(f"{one}={text}" for one, text in wanted.items())
    with local_database(settings) as database, database.write() as connection:
        found = find_project(connection, project).id
        quotas.drop(connection, found, *wanted)
        quotas.put(connection, found, limits)
        audit.append(connection, [operators_line(SET, said, found)])
    show(settings, found, as_json=as_json)


def _limit(one: Resource, text: str) -> int | None:
    if text == UNLIMITED:
        return None
    if not (text.isascii() and text.isdigit() and int(text) <= MOST):
        option = one.replace("_", "-")
        raise click.UsageError(
            f"--{option} is {text!r}: a number up to {MOST}, `{UNLIMITED}` or `{DEFAULT}` is right"
        )
    return int(text)


def _print(used: Amounts, limits: Limits, own: frozenset[Resource], *, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                one.value: {
                    "used": used.of(one),
                    "limit": limits.of(one),
                    "default": one not in own,
                }
                for one in Resource
            }
        )
        return
    rows = [
        (
            one.value,
            str(used.of(one)),
            UNLIMITED if limits.of(one) is None else str(limits.of(one)),
            "for this project" if one in own else "by default",
        )
        for one in Resource
    ]
    print_table(HEAD, rows)
