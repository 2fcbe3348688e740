"""Passwords of users on the command line: typed, from a file or a pipe, or made here; never a word
of the command, which every user of the machine can see."""

from __future__ import annotations

import secrets
import sys
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from string import ascii_lowercase, ascii_uppercase, digits

import click

from searchplane.errors import Permanent

RANDOM_BYTES = 24
_KINDS = (ascii_uppercase, ascii_lowercase, digits, "-_")


@dataclass(frozen=True)
class Source:
    """Where a password comes from; neither: it is typed, or read from standard input."""

    file: Path | None = None
    generate: bool = False

    def read(self) -> str:
        """Raises Permanent when there is none."""
        if self.generate:
            return generated()
        if self.file is not None:
            return _first_line(self.file.read_text(), str(self.file))
        if sys.stdin.isatty():
            return str(click.prompt("Password", hide_input=True, confirmation_prompt=True))
        return _first_line(sys.stdin.readline(), "standard input")


def generated() -> str:
    """A random password that fits every policy a domain can have."""
    while True:
        password = secrets.token_urlsafe(RANDOM_BYTES)
        repeats = any(one == two for one, two in pairwise(password))
        if _kinds(password) == len(_KINDS) and not repeats:
            return password


def _kinds(password: str) -> int:
    return sum(any(char in kind for char in password) for kind in _KINDS)


def _first_line(text: str, where: str) -> str:
    line = text.split("\n", 1)[0].rstrip("\r")
    if not line:
        raise Permanent(f"there is no password in {where}; its first line is read")
    return line
