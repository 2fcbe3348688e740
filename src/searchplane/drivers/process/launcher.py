"""The last thing that runs before a node: it locks, records and becomes the engine.

Started by spawn.py as `python -I -S launcher.py FOLDER UID GID COMMAND...`, as a process of its
own, so that a control plane that is killed at any moment loses nothing: either this program got
far enough to hold the lock and to have written who it is, or no node runs. It then executes the
engine in its own place; the process number, and with it the record, stays true, and the lock is
inherited and lives exactly as long as the engine does.

Privileges go first: everything inside the node's folder is done as the node's own user, so that
nothing a tenant's engine leaves there can make a root process write elsewhere.

On descriptor 3 is a pipe that closes when the engine takes over. A failure is written to it as
`<errno> <sentence>`; the exit code says which kind it was. Only the standard library is imported,
all of it before privileges are dropped: the node's user may not be able to read this Python.
"""

# Importing pathlib would take longer than all that is done here.
# ruff: noqa: PTH105, PTH123, PTH208

from __future__ import annotations

import errno
import fcntl
import json
import os
import resource
import signal
import sys
import time

LOCK_FILE = "node.lock"
RECORD_FILE = "node.json"
CONSOLE_LOG = "console.log"

STATUS_FD = 3
EXIT_FAILED = 71
EXIT_LOCKED = 75

STAY = -1
"""Given as user and group: go on as the user who started this."""

FILE_HANDLES = 65535
"""What both engines ask for at start-up; root may raise its own limit to it."""

OOM_SCORE = "300"
"""A node is started again by the control plane, which should be the last to be killed."""

LOCK_PATIENCE = 0.5
"""Seconds. An observer holds the lock for some microseconds to see whether it is free."""


class Locked(OSError):
    """Another process holds the node's lock."""


def main(arguments: list[str]) -> int:
    """Become the engine; returns an exit code only if that failed."""
    close_inherited()
    os.set_inheritable(STATUS_FD, False)
    folder, uid, gid, *command = arguments
    try:
        raise_limits()
        drop_privileges(int(uid), int(gid))
        os.chdir(folder)
        take_lock()
        write_record()
        redirect_output()
        for ignored_by_python in (signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(ignored_by_python, signal.SIG_DFL)
        os.execve(command[0], command, os.environ)  # noqa: S606 - becoming the engine is the job
    except Locked as locked:
        report(locked)
        return EXIT_LOCKED
    except OSError as error:
        report(error)
        return EXIT_FAILED


def close_inherited() -> None:
    """A listener of the control plane must not stay open in a node that outlives it."""
    for name in os.listdir("/proc/self/fd"):
        if int(name) > STATUS_FD:
            try:
                os.close(int(name))
            except OSError:
                continue  # the handle with which the list was read


def raise_limits() -> None:
    """Give the engine all file handles there are, and offer it to the kernel before others."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if os.geteuid() == 0 and hard != resource.RLIM_INFINITY:
        hard = max(hard, FILE_HANDLES)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (OSError, ValueError):  # a container may forbid raising the hard limit even to root
        soft_limit_to_hard()
    try:
        write_file("/proc/self/oom_score_adj", OOM_SCORE)
    except OSError:
        return  # the node runs without it, too


def soft_limit_to_hard() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def drop_privileges(uid: int, gid: int) -> None:
    os.umask(0o077)
    if uid == STAY:
        return
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)


def take_lock() -> None:
    """Lock the node for as long as this process, and what it becomes, lives."""
    handle = os.open(LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    os.set_inheritable(handle, True)
    give_up = time.monotonic() + LOCK_PATIENCE
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > give_up:
                raise Locked(errno.EWOULDBLOCK, "another process holds the lock") from None
            time.sleep(0.02)
        else:
            return


def write_record() -> None:
    """Say who runs here, and how long each log already was, so that old errors are told apart."""
    record = {
        "pid": os.getpid(),
        "start": start_time(read_file("/proc/self/stat")),
        "boot": read_file("/proc/sys/kernel/random/boot_id").strip(),
        "logs": log_sizes(),
    }
    temporary = f"{RECORD_FILE}.{os.getpid()}"
    write_file(temporary, json.dumps(record))
    os.replace(temporary, RECORD_FILE)


def start_time(stat: str) -> int:
    """Field 22 of a stat file, in clock ticks since boot; field 2 may hold spaces and brackets."""
    return int(stat.rpartition(")")[2].split()[19])


def log_sizes() -> dict[str, int]:
    """Sizes in bytes by file name; the console log is left out, it starts empty each time."""
    with os.scandir("logs") as entries:
        return {
            entry.name: entry.stat(follow_symlinks=False).st_size
            for entry in entries
            if entry.name != CONSOLE_LOG
        }


def redirect_output() -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_NOFOLLOW
    console = os.open(f"logs/{CONSOLE_LOG}", flags, 0o600)
    os.dup2(console, 1)
    os.dup2(console, 2)
    os.close(console)


def read_file(path: str) -> str:
    with open(path, encoding="utf-8") as file:
        return file.read()


def write_file(path: str, text: str) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def report(error: OSError) -> None:
    where = f"{error.filename}: " if error.filename else ""
    sentence = f"{error.errno or 0} {where}{error.strerror}"
    try:
        os.write(STATUS_FD, sentence.encode())
    except BrokenPipeError:
        return  # the control plane is gone; the next one finds the node stopped


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
