"""`searchplane quickstart`: the Getting Started, for real, and a service to go on with.

It serves like `serve` and is its own first client: everything about the cluster goes through the
public HTTP API, as a program of the user's would do it. When it ends, its nodes end too; a later
run finds the cluster by its name and brings it back.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import click
import httpx

from searchplane.app import Service, open_service
from searchplane.cli.client import Api, ClusterShown
from searchplane.cli.down import stop_all
from searchplane.cli.leaving import have_ended, leave, own_workers
from searchplane.cli.login import Login, login_of
from searchplane.cli.serving import Listeners, bind_all, run_loop, serve, stop_on_signals
from searchplane.cli.view import View, open_view
from searchplane.domain.cluster import ActionKind
from searchplane.domain.engines import DEFAULT_DATASTORE, engine_for
from searchplane.domain.observed import InstallFailed, Installing
from searchplane.errors import Permanent, Transient
from searchplane.iam.bootstrap import ADMIN_FILE, CLOUD, CLOUDS_FILE, read_admin_file
from searchplane.settings import DriverKind, IamMode, Settings

STOP_SECONDS = 50.0
"""For the nodes to end; with the service's own end it stays below a minute."""
POLL_SECONDS = 0.15
ABORTED = 130
HEALING_SECONDS = 60.0
"""How long a cluster that is found failed may take to show that it heals."""
ENGINE = engine_for(DEFAULT_DATASTORE, secured=False)
EXAMPLE = '{"title": "It searches"}'


def getting_started(name: str) -> dict[str, Any]:
    """The body of the public Getting Started, word for word but for the name."""
    return {
        "cluster": {
            "name": name,
            "backupStrategy": {"period": "16:00 GMT+08:00", "prefix": "snapshot", "keepday": 7},
            "instanceNum": 3,
            "instance": {
                "flavorRef": "ess.spec-2u16g",
                "volume": {"volume_type": "COMMON", "size": 100},
                "nics": {
                    "vpcId": "fccd753c-91c3-40e2-852f-5ddf76d1a1b2",
                    "netId": "af1c65ae-c494-4e24-acd8-81d6b355c9f1",
                    "securityGroupId": "7e3fed21-1a44-4101-ab29-34e57124f614",
                },
            },
        }
    }


def run(settings: Settings, name: str) -> None:
    """Stay until SIGTERM or Ctrl-C. Raises what made it fail, after the nodes have stopped."""
    if settings.iam_mode is IamMode.KEYSTONE:
        raise Permanent(
            "quickstart is a client of its own with the local admin, and there is none with "
            "SEARCHPLANE_IAM_MODE=keystone; `searchplane serve` and a client with its own login "
            "are right"
        )
    with bind_all(settings) as (bound, listeners):
        is_green = run_loop(_session(bound, listeners, name))
    if not is_green:
        raise click.Abort


async def _session(settings: Settings, listeners: Listeners, name: str) -> bool:
    """Whether the cluster became green before somebody ended it."""
    stopping, green, workers = asyncio.Event(), asyncio.Event(), own_workers()
    reconciler_at_work = asyncio.Event()
    with open_service(settings) as service, stop_on_signals(stopping):
        _end_with_the_terminal(stopping)
        work = asyncio.create_task(
            _make_and_stay(service, listeners, name, green, reconciler_at_work)
        )
        asked = asyncio.create_task(stopping.wait())
        try:
            await asyncio.wait([work, asked], return_when=asyncio.FIRST_COMPLETED)
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
        finally:
            asked.cancel()
            await _stop(settings)
        if not work.cancelled():
            work.result()
        if reconciler_at_work.is_set() or not have_ended(workers):
            leave(0 if green.is_set() else ABORTED)
    return green.is_set()


def _end_with_the_terminal(stopping: asyncio.Event) -> None:
    """Nobody is left to press Ctrl-C, and there is nowhere to print to. nohup prevents it."""

    def hang_up() -> None:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for output in (sys.stdout, sys.stderr):
            os.dup2(nowhere, output.fileno())
        stopping.set()

    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, hang_up)


async def _make_and_stay(
    service: Service,
    listeners: Listeners,
    name: str,
    green: asyncio.Event,
    reconciler_at_work: asyncio.Event,
) -> None:
    """Ends by being cancelled, or with an error."""
    started = datetime.now(UTC)
    with open_view() as view:
        _log_to(view)
        async with _served(service, listeners, reconciler_at_work) as serving:
            view.says("service", f"{service.settings.base_url} serves {service.settings.data}")
            await _install(service, view)
            with Api(_login(service.settings)) as api:
                shown = await _cluster(api, name, view, service.settings, started)
            green.set()
            view.finish()
            _summary(shown, service.settings, datetime.now(UTC) - started)
            await asyncio.shield(serving)


@asynccontextmanager
async def _served(
    service: Service, listeners: Listeners, reconciler_at_work: asyncio.Event
) -> AsyncIterator[asyncio.Task[bool]]:
    """`reconciler_at_work` is set at the end if the reconciler could not end."""
    ending = asyncio.Event()
    serving = asyncio.create_task(serve(service, listeners, ending))
    try:
        yield serving
    finally:
        ending.set()
        if not await serving:
            reconciler_at_work.set()


async def _install(service: Service, view: View) -> None:
    """Have the engine before the cluster is asked for, so that its download can be followed."""
    while True:
        match await service.ports.ensure_distribution(ENGINE, secured=False):
            case Installing(sentence, done, total):
                view.counts("engine", sentence, done, total)
            case InstallFailed(reason):
                raise Transient(f"{reason}. What was fetched is kept; the same command goes on")
            case _:
                view.says("engine", f"{ENGINE} is installed")
                return
        await asyncio.sleep(POLL_SECONDS)


async def _cluster(
    api: Api, name: str, view: View, settings: Settings, started: datetime
) -> ClusterShown:
    """The cluster of this name, made if there is none, once it is green."""
    view.says("log in", f"POST {settings.base_url}/v3/auth/tokens")
    await asyncio.to_thread(api.log_in)
    found = await _found(api, name, view)
    if found is not None:
        view.says("cluster", f"{name} exists already: {found.id}")
        events = await asyncio.to_thread(api.events, found.id)
        before = [event.id for event in events if event.at < started.isoformat()]
        return await _watch(api, found.id, view, settings, after=max(before, default=0))
    view.says("create", f"POST {api.service}/clusters")
    cluster_id = await asyncio.to_thread(api.create, getting_started(name))
    return await _watch(api, cluster_id, view, settings, after=0)


async def _found(api: Api, name: str, view: View) -> ClusterShown | None:
    """The cluster of this name; one that is being deleted is waited for until it is gone."""
    while True:
        found = [one for one in await asyncio.to_thread(api.clusters) if one.name == name]
        lasting = [one for one in found if ActionKind.DELETING.value not in one.actions]
        if lasting or not found:
            return lasting[0] if lasting else None
        view.says("delete", found[0].sentence)
        await asyncio.sleep(POLL_SECONDS)


async def _watch(
    api: Api, cluster_id: str, view: View, settings: Settings, *, after: int
) -> ClusterShown:
    """Show what happens to the cluster until it is green; Permanent when it failed for good."""
    patience = time.monotonic() + (HEALING_SECONDS if after else 0)
    while True:
        shown = await asyncio.to_thread(api.cluster, cluster_id)
        for event in await asyncio.to_thread(api.events, cluster_id, after):
            view.says(event.phase, event.sentence)
            after = event.id
        if shown.is_settled and await _answers(shown, settings):
            return shown
        if shown.failure is not None and time.monotonic() > patience:
            raise Permanent(f"{shown.name} failed: {shown.failure}")
        await asyncio.sleep(POLL_SECONDS)


async def _answers(shown: ClusterShown, settings: Settings) -> bool:
    """Whether the endpoint itself says that all nodes are there.

    The record of a service that has just started may be older than the end of its nodes.
    """
    if settings.driver is DriverKind.FAKE or shown.json.get("authorityEnable"):
        return True
    try:
        async with httpx.AsyncClient(trust_env=False, timeout=5) as client:
            answer = await client.get(f"http://{shown.endpoints[0]}/_cluster/health")
            health = answer.raise_for_status().json()
    except httpx.HTTPError:
        return False
    return bool(health["status"] != "red" and health["number_of_nodes"] == len(shown.instances))


async def _stop(settings: Settings) -> None:
    with open_view() as view:
        stopped = await stop_all(settings, view, STOP_SECONDS)
    if stopped:
        click.echo(
            f"The data in {settings.data} is kept; the same command brings the cluster back."
        )


def _login(settings: Settings) -> Login:
    found = read_admin_file(settings.data / ADMIN_FILE)
    if found is None:
        raise Permanent(
            f"{settings.data / ADMIN_FILE} is gone, and with it the password that quickstart "
            "needs; put it back, or give another --data DIR"
        )
    return login_of(found)


def _summary(shown: ClusterShown, settings: Settings, took: timedelta) -> None:
    address = f"{shown.scheme}://{shown.endpoints[0]}"
    datastore = shown.json["datastore"]
    click.echo(
        f"""
{shown.name} is green: {len(shown.instances)} nodes of {datastore["type"]} {datastore["version"]}, \
{took.total_seconds():.1f} s after the start.

  endpoint     {shown.endpoint}
  index        curl -H 'Content-Type: application/json' -d '{EXAMPLE}' \
'{address}/example/_doc?refresh=true'
  search       curl '{address}/_search?q=searches&pretty'
  API          {settings.base_url}, described at {settings.base_url}/openapi.json
  credentials  {settings.data / ADMIN_FILE}
  openstack    OS_CLIENT_CONFIG_FILE={settings.data / CLOUDS_FILE} \
openstack --os-cloud {CLOUD} css cluster list

Ctrl-C stops the nodes and keeps their data."""
    )


class _Notes(logging.Handler):
    """Warnings as lines beside the phases."""

    def __init__(self, view: View) -> None:
        super().__init__(logging.WARNING)
        self._view = view

    def emit(self, record: logging.LogRecord) -> None:
        self._view.note(self.format(record))


def _log_to(view: View) -> None:
    logging.basicConfig(
        level=logging.WARNING,
        handlers=[_Notes(view)],
        format="%(levelname)s: %(message)s",
        force=True,
    )
