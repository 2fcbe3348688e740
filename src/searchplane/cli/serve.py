"""`searchplane serve`: the control plane in the foreground."""

from __future__ import annotations

import asyncio

from searchplane.app import open_service
from searchplane.cli.serving import Listeners, bind, bound_to, serve, stop_on_signals
from searchplane.observability.logging import configure
from searchplane.settings import Settings


def run(settings: Settings) -> None:
    """Serve until SIGTERM or Ctrl-C. Nodes go on; the next serve finds them again."""
    configure(settings.log_level)
    listeners = Listeners(
        bind(settings.listen), bind(settings.ops_listen) if settings.ops_listen else None
    )
    listen = bound_to(listeners.api, settings.listen)
    try:
        asyncio.run(_run(settings.model_copy(update={"listen": listen}), listeners))
    finally:
        listeners.close()


async def _run(settings: Settings, listeners: Listeners) -> None:
    stopping = asyncio.Event()
    with open_service(settings) as service, stop_on_signals(stopping):
        print(f"searchplane serves {settings.base_url} from {settings.data}", flush=True)  # noqa: T201
        await serve(service, listeners, stopping)
