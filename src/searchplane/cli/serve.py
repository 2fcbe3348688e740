"""`searchplane serve`: the control plane in the foreground."""

from __future__ import annotations

import asyncio

import click

from searchplane.app import open_front, open_service
from searchplane.cli.leaving import have_ended, leave, own_workers
from searchplane.cli.serving import (
    Listeners,
    bind_all,
    reload_on_hangup,
    run_loop,
    serve,
    stop_on_signals,
)
from searchplane.observability.logging import configure
from searchplane.settings import Settings


def run(settings: Settings) -> None:
    """Serve until SIGTERM or Ctrl-C. Nodes go on; the next serve finds them again."""
    configure(settings.log_level)
    with bind_all(settings) as (bound, listeners):
        run_loop(_run(bound, listeners))


async def _run(settings: Settings, listeners: Listeners) -> None:
    stopping, reloading, workers = asyncio.Event(), asyncio.Event(), own_workers()
    opened = open_front(settings) if settings.api_only else open_service(settings)
    with opened as service, stop_on_signals(stopping), reload_on_hangup(reloading):
        click.echo(f"searchplane serves {settings.base_url} from {settings.data}")
        if settings.ca_file is not None:
            click.echo(f"its certificate is verified with {settings.ca_file}")
        if not (await serve(service, listeners, stopping, reloading) and have_ended(workers)):
            leave(0)
