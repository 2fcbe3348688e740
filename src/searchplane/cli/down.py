"""`searchplane down`: stop every node of a data folder and keep its data.

A service that runs would start the nodes again, so it is asked to end first. With its lock in
hand nobody else can start any.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from pathlib import Path

import click

from searchplane.cli.view import View, open_view
from searchplane.errors import Permanent, Transient
from searchplane.hosting import stop_nodes
from searchplane.lock import FolderLock, holder
from searchplane.settings import Settings

SECONDS = 58.0
"""For all of it; the promise is 60."""
POLL_SECONDS = 0.1


def run(settings: Settings) -> None:
    """Raises Permanent or Transient with a sentence; that there is nothing to stop is fine."""
    data, deadline = settings.data, time.monotonic() + SECONDS
    if not data.is_dir():
        click.echo(f"{data} does not exist: nothing to stop")
        return
    with open_view() as view, _taken_over(data, deadline, view):
        stopped = asyncio.run(stop_all(settings, view, deadline - time.monotonic()))
    ended = f"{_nodes(stopped)} stopped" if stopped else "no node ran"
    click.echo(f"{ended}; the data is kept, and searchplane serve --data {data} brings it back")


async def stop_all(settings: Settings, view: View, seconds: float) -> int:
    """Stop all nodes and show how far that is; how many ran. The caller holds the lock."""
    at_first: int | None = None

    def tell(running: int) -> None:
        nonlocal at_first
        at_first = running if at_first is None else at_first
        if at_first:
            view.says("stop", f"{at_first - running} of {_nodes(at_first)} stopped")

    await stop_nodes(settings, tell, seconds)
    return at_first or 0


def _taken_over(data: Path, deadline: float, view: View) -> FolderLock:
    """The folder's lock, after whoever had it was asked to end."""
    asked: int | None = None
    while True:
        pid = holder(data)
        if pid is not None and pid != asked:
            view.says("service", f"process {pid} serves {data}; it is asked to end")
            _ask_to_end(pid, data)
            asked = pid
        try:
            return FolderLock(data)
        except Permanent as error:
            if time.monotonic() >= deadline:
                raise Transient(f"{error}; it did not end within {SECONDS:.0f} s") from error
        time.sleep(POLL_SECONDS)


def _ask_to_end(pid: int, data: Path) -> None:
    """The handle stays with the process that has the number now; so it is asked for again after."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        if holder(data) == pid:
            signal.pidfd_send_signal(handle, signal.SIGTERM)
    except ProcessLookupError:
        return
    except PermissionError as error:
        raise Permanent(
            f"process {pid} belongs to another user; as that user, or as root, is right"
        ) from error
    finally:
        os.close(handle)


def _nodes(count: int) -> str:
    return f"{count} node{'' if count == 1 else 's'}"
