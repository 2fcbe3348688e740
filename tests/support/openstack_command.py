"""The `openstack` command, unmodified, without its start.

A start costs three seconds of a core, nearly all of it for reading every plugin, and tests give
some seventy commands. So one process reads them once, and forks for each command: what runs there
is the program's own entry point, with an environment, a folder, output and an exit code of its own.
Forking is sound because nothing else runs in that process. That the installed program itself starts
is seen where it is started by its path (`test_external_keystone.py`).
"""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from importlib.metadata import distributions
from itertools import chain
from pathlib import Path

LONGEST_SECONDS = 240.0

_forks = multiprocessing.get_context("fork")


def openstack_command(
    folder: Path, environment: Mapping[str, str], *words: str
) -> subprocess.CompletedProcess[str]:
    """Give a command in a folder; it sees `OS_...` of this environment and no other."""
    mine = {name: value for name, value in os.environ.items() if not name.startswith("OS_")}
    return _process().submit(_run, folder, mine | dict(environment), words).result()


@cache
def _process() -> ProcessPoolExecutor:
    """It ends with this one."""
    alone = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(1, mp_context=alone, initializer=_read_plugins)


def _read_plugins() -> None:
    os.chdir(tempfile.gettempdir())  # the place of a clouds.yaml is looked for when it is imported
    for one in chain.from_iterable(found.entry_points for found in distributions()):
        if one.group.startswith(("openstack.", "cliff.formatter")):
            one.load()


def _run(
    folder: Path, environment: Mapping[str, str], words: tuple[str, ...]
) -> subprocess.CompletedProcess[str]:
    assert threading.active_count() == 1, "a lock of another thread would be held for ever"
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        streams = output.fileno(), errors.fileno()
        command = _forks.Process(target=_be, args=(folder, environment, words, *streams))
        command.start()
        command.join(LONGEST_SECONDS)
        if command.is_alive():
            command.kill()
            command.join()
        for one in (output, errors):
            one.seek(0)
        code = command.exitcode
        assert code is not None
        return subprocess.CompletedProcess(words, code, output.read(), errors.read())


def _be(
    folder: Path, environment: Mapping[str, str], words: tuple[str, ...], output: int, errors: int
) -> None:
    from openstackclient.shell import main

    os.dup2(output, 1)
    os.dup2(errors, 2)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["openstack", *words]
    sys.exit(main(list(words)))
