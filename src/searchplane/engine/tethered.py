"""Become another program that is killed when the process that started this one ends.

It is run as a script, as `tethered.py USER GROUP PROGRAM ARGUMENT...` (numbers; -1 keeps the
caller's). A throw-away node is started through it, so that not even `kill -9` of the service
leaves one behind. It imports nothing of ours: the program runs in a fresh interpreter.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    user, group = int(arguments[0]), int(arguments[1])
    if user >= 0:
        os.setgroups([])
        os.setgid(group)
        os.setuid(user)
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    os.execv(arguments[2], arguments[2:])  # noqa: S606 - becoming it is the point


if __name__ == "__main__":
    main(sys.argv[1:])
