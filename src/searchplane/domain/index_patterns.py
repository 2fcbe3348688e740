"""Which indices an expression names: a comma list with `*`, a leading - takes names away again.

The index of the security plugin is never meant: restored, it would give a cluster the users and
passwords of another.
"""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase

ALL_INDICES = "*"
SECURITY_INDEX = ".opendistro_security"


def patterns(expression: str) -> tuple[str, ...]:
    """What a snapshot's engine is asked for; an empty expression is all."""
    named = tuple(part.strip() for part in expression.split(",") if part.strip()) or (ALL_INDICES,)
    wanted = tuple(part for part in named if part != SECURITY_INDEX)
    return (*wanted, f"-{SECURITY_INDEX}")


def matching(names: Iterable[str], expression: str) -> tuple[str, ...]:
    """Those of the names, in order."""
    known, found = sorted(names), set[str]()
    for pattern in patterns(expression):
        takes_away = pattern.startswith("-")
        hits = {name for name in known if _is_meant(name, pattern.removeprefix("-"))}
        found = found - hits if takes_away else found | hits
    return tuple(name for name in known if name in found)


def _is_meant(name: str, pattern: str) -> bool:
    """Only * stands for something; [ and ? are not in names."""
    return fnmatchcase(name, pattern.replace("[", "[[]").replace("?", "[?]"))
