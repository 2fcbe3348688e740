"""`searchplane cluster pause`, `resume`, `skip-predicate`, `rebuild`: the words of an operator."""

from __future__ import annotations

import click

from searchplane.cli.client import Api
from searchplane.cli.login import Login

DOES = {
    "pause": "Nothing is done to {name} until it is resumed: dead nodes stay dead, and what was "
    "being done waits. It is still looked at, and a delete is carried out.",
    "resume": "What was being done to {name} goes on.",
}


def pause(login: Login, id_or_name: str) -> None:
    _send(login, id_or_name, "pause")


def resume(login: Login, id_or_name: str) -> None:
    _send(login, id_or_name, "resume")


def skip(login: Login, id_or_name: str, predicate: str) -> None:
    with Api(login) as api:
        shown = api.find(id_or_name)
        answer = api.operate(shown.id, "skip-predicate", predicate=predicate)
    click.echo(
        f"{', '.join(answer['skipped'])} of {shown.name} will not be asked until its action is "
        "over; searches and writes may fail meanwhile, and no data on a disk is lost by it."
    )


def rebuild(login: Login, id_or_name: str, snapshot_id: str | None) -> None:
    with Api(login) as api:
        shown = api.find(id_or_name)
        answer = api.operate(shown.id, "rebuild", snapshotId=snapshot_id)
    click.echo(f"{shown.name}: {answer['said']}.")
    click.echo(f"searchplane cluster wait {shown.name} waits until it is done.")


def _send(login: Login, id_or_name: str, what: str) -> None:
    with Api(login) as api:
        shown = api.find(id_or_name)
        api.operate(shown.id, what)
    click.echo(DOES[what].format(name=shown.name))
