"""Start the launcher and learn whether it became the engine.

posix_spawn and not subprocess: the node outlives this process and is nobody's `Popen` object; it
is found again by its record, and by its number only as long as it is our child.
"""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from searchplane.drivers.process import launcher
from searchplane.drivers.process.failures import explain
from searchplane.drivers.process.users import Owner
from searchplane.errors import Transient

PATIENCE = 20.0
"""Seconds until a launcher that says nothing is given up for this pass; it takes 30 ms."""

_NULL = os.devnull


def spawn(
    folder: Path, owner: Owner | None, command: Sequence[str], environment: Mapping[str, str]
) -> int | None:
    """Start a node; returns its process number once the engine's program has taken over.

    None means that the node's lock is held: it runs already. Raises Transient or Permanent with
    what the launcher reported.
    """
    reader, writer = os.pipe()
    try:
        pid = _start(_arguments(folder, owner, command), environment, writer)
    finally:
        os.close(writer)
    try:
        report = _wait(reader, folder)
    finally:
        os.close(reader)
    if not report:
        return pid
    _, status = os.waitpid(pid, 0)
    if os.waitstatus_to_exitcode(status) == launcher.EXIT_LOCKED:
        return None
    number, _, cause = report.partition(" ")
    user = os.geteuid() if owner is None else owner.uid
    raise explain(int(number), f"Starting {Path(command[0]).name} as user {user}", folder, cause)


def _arguments(folder: Path, owner: Owner | None, command: Sequence[str]) -> list[str]:
    uid, gid = (launcher.STAY, launcher.STAY) if owner is None else (owner.uid, owner.gid)
    program = [sys.executable, "-I", "-S", launcher.__file__]
    return [*program, str(folder), str(uid), str(gid), *command]


def _start(arguments: list[str], environment: Mapping[str, str], status: int) -> int:
    return os.posix_spawn(
        arguments[0],
        arguments,
        environment,
        file_actions=[
            (os.POSIX_SPAWN_DUP2, status, launcher.STATUS_FD),
            (os.POSIX_SPAWN_OPEN, 0, _NULL, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, _NULL, os.O_WRONLY, 0),
            (os.POSIX_SPAWN_OPEN, 2, _NULL, os.O_WRONLY, 0),
        ],
        setsid=True,
        setsigmask=[],
    )


def _wait(reader: int, folder: Path) -> str:
    """What the launcher had to say until its end of the pipe closed: nothing is good news."""
    said = b""
    pipe = select.poll()  # select() cannot take a descriptor above 1023
    pipe.register(reader, select.POLLIN | select.POLLHUP)
    while True:
        if not pipe.poll(PATIENCE * 1000):
            raise Transient(f"Starting a process in {folder} took more than {PATIENCE:.0f} seconds")
        part = os.read(reader, 4096)
        if not part:
            return said.decode(errors="replace")
        said += part
