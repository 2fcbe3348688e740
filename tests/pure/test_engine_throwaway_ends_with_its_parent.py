"""Not even a killed service leaves a throw-away node behind."""

from __future__ import annotations

import os
import subprocess
import sys

import psutil

from searchplane.engine import tethered

PARENT = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-I", *sys.argv[1:]])
print(child.pid, flush=True)
child.wait()
"""


def test_the_child_of_a_killed_parent_is_killed() -> None:
    tether = (tethered.__file__, "-1", "-1", "/bin/sleep", "600")
    with subprocess.Popen(
        (sys.executable, "-c", PARENT, *tether), stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        _wait_until_it_sleeps(child)
        parent.kill()

    gone, _alive = psutil.wait_procs([child], timeout=10)
    if not gone:
        child.kill()
    assert gone, "the child outlived its parent"


def test_it_runs_as_the_user_it_is_told() -> None:
    user = 52001 if os.geteuid() == 0 else os.geteuid()
    group = 52002 if os.geteuid() == 0 else -1
    wanted = (str(user if os.geteuid() == 0 else -1), str(group))
    command = (sys.executable, "-I", tethered.__file__, *wanted, "/usr/bin/id", "-u")
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(user)


def _wait_until_it_sleeps(child: psutil.Process) -> None:
    """Until the child has become the program, it can be killed too early to prove anything."""
    while child.name() != "sleep":
        assert child.is_running()
