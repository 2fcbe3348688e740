"""`searchplane cluster events` and `wait`: what is being done to a cluster, as it happens."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict

import click

from searchplane.cli.client import Api, ClusterShown, Event
from searchplane.cli.cluster import MEANINGS, progress
from searchplane.cli.login import Login
from searchplane.cli.tables import print_json
from searchplane.cli.view import View, open_view
from searchplane.errors import NotFound

POLL_SECONDS = 0.5
SUCCEEDED, FAILED, TIMED_OUT = 0, 1, 2


def show(login: Login, id_or_name: str, *, follow: bool, as_json: bool) -> None:
    """Print the events; `follow` goes on as they come, one JSON object a line if `as_json`."""
    with Api(login) as api:
        cluster_id = api.find(id_or_name).id
        events = api.events(cluster_id)
        if not follow and as_json:
            print_json([asdict(event) for event in events])
            return
        _print(events, as_json=as_json)
        while follow:
            time.sleep(POLL_SECONDS)
            try:
                new = api.events(cluster_id, events[-1].id if events else 0)
            except NotFound:
                return  # the cluster is gone, and its events with it
            _print(new, as_json=as_json)
            events = new or events


def wait(login: Login, id_or_name: str, timeout: float | None) -> int:
    """Show the sentences as they change until nothing is at work; the command's exit code."""
    deadline = None if timeout is None else time.monotonic() + timeout
    with Api(login) as api:
        shown = api.find(id_or_name)
        with open_view() as view:
            return _wait(api, shown, view, deadline)


def _wait(api: Api, shown: ClusterShown, view: View, deadline: float | None) -> int:
    while True:
        view.says(f"{shown.status} {MEANINGS.get(shown.status, '')}", progress(shown))
        if shown.status == "303" and shown.failure is not None:
            view.note(f"{shown.name} failed: {shown.failure}")
            return FAILED
        if shown.status == "200" and not shown.actions:
            view.note(f"{shown.name} is available: {shown.endpoint}")
            return SUCCEEDED
        if deadline is not None and time.monotonic() >= deadline:
            view.note(f"{shown.name} is not there yet, and the time is over")
            return TIMED_OUT
        time.sleep(POLL_SECONDS)
        try:
            shown = api.cluster(shown.id)
        except NotFound:
            view.note(f"{shown.name} is gone")
            return FAILED


def _print(events: Sequence[Event], *, as_json: bool) -> None:
    for event in events:
        if as_json:
            click.echo(json.dumps(asdict(event)))
        else:
            click.echo(f"{event.at[:19].replace('T', ' ')}  {event.phase:<8}  {event.sentence}")
