"""`searchplane backup`: the control plane's state in one file, while the service runs or not."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import click

from searchplane.backup.archive import Tell
from searchplane.backup.making import back_up, new_file
from searchplane.cli.local import local_database, operators_line
from searchplane.cli.view import View, open_view
from searchplane.errors import Permanent
from searchplane.settings import Settings
from searchplane.store import audit

OPERATION = "controlPlaneBackup"
"""The operation of the line in the audit trail."""
STREAM = "-"
LONG_SECONDS = 2.0
"""Of one thing, after which it is said how far it is."""
SHARE = 10
"""Per cent between two sentences of that."""
DOES = {
    "copy": "copying the database",
    "write": "writing the file",
    "read": "reading and checking the file",
    "fill": "filling the database",
}


def run(settings: Settings, file: str) -> None:
    """Write the backup; `-` is standard output. Raises Permanent or Transient with a sentence."""
    with local_database(settings) as database:
        if file == STREAM:
            _check_stream()
            made = back_up(settings, database, sys.stdout.buffer, lambda *_: None)
        else:
            with open_view() as view, new_file(Path(file)) as out:
                made = back_up(settings, database, out, telling(view))
        with database.write() as connection:
            audit.append(connection, [operators_line(OPERATION, file)])
    click.echo(
        f"{'Standard output' if file == STREAM else file} holds the state of {made.place} as of "
        f"{made.made:%Y-%m-%d %H:%M:%S} UTC, keys and passwords too: keep it where nobody else "
        "reads. Nodes and buckets are not in it.",
        err=file == STREAM,
    )


def telling(view: View) -> Tell:
    """Shows what is done, and how far it is where that takes long."""
    began: dict[str, float] = {}

    def tell(phase: str, done: int, total: int) -> None:
        seconds = time.monotonic() - began.setdefault(phase, time.monotonic())
        sentence = DOES[phase]
        if seconds >= LONG_SECONDS and total:
            sentence += f", {100 * done // total // SHARE * SHARE} %"
        view.says(phase, sentence)

    return tell


def _check_stream() -> None:
    if sys.stdout.isatty():
        raise Permanent("a backup is not for a terminal: redirect it, or name a FILE")
