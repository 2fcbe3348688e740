"""New names for indices that are restored: a regular expression and what takes its place.

Names are made here, at acceptance, and the engine is told each of them: so it is known before
anything is done whether two would get the same, and no expression of a user is ever run by an
engine. RE2 reads the expressions that Java and RE2 have in common (no back references, no looking
around), and takes time only in proportion to expression and name, whatever they are.

The replacement is Java's: `$0` is what was found, `$1` the first group.
"""

from __future__ import annotations

import re
from functools import partial
from typing import Any

import re2

from searchplane.domain.snapshots import Renaming
from searchplane.domain.violation import UNPRINTABLE, shown
from searchplane.errors import Refused

LONGEST = 1024
MOST_MEMORY = 1 << 16
"""Bytes for an expression; what needs more would take long on every name."""
LONGEST_NAME = 255
_REFERENCE = re.compile(r"\$(?:([0-9]+)|)")
_NOT_IN_NAMES = re.compile(r'[\\/*?"<>|\s,#:]')


def renaming_of(pattern: str | None, replacement: str | None) -> Renaming | None:
    """Both or neither; an empty replacement takes away what is found.

    Raises Refused CSS.0001, or CSS.5038 with what is wrong with one of them.
    """
    if not pattern and not replacement:
        return None
    if not pattern or replacement is None:
        raise Refused("CSS.0001", "rename_pattern and rename_replacement: both or neither is right")
    wanted = Renaming(pattern, replacement)
    _Names(wanted)
    return wanted


def renamed(names: list[str], wanted: Renaming) -> list[str]:
    """Their new names, in order. Raises Refused CSS.5038 for one that no index can have."""
    found = [*map(_Names(wanted).of, names)]
    for name, new in zip(names, found, strict=True):
        if not is_name(new):
            raise Refused(
                "CSS.5038",
                f"rename_replacement is {shown(wanted.replacement)}, which makes "
                f"{shown(new)} of {shown(name)}: no index can be called that",
            )
    return found


def is_name(name: str) -> bool:
    """Whether an index may be called that, by the engines' own rule."""
    return (
        0 < len(name.encode()) <= LONGEST_NAME
        and name == name.lower()
        and name not in (".", "..")
        and not name.startswith(("-", "_", "+"))
        and not _NOT_IN_NAMES.search(name)
        and not UNPRINTABLE.search(name)
    )


class _Names:
    """One renaming, ready to be used."""

    def __init__(self, wanted: Renaming) -> None:
        self._pattern = _compiled(wanted.pattern)
        self._parts = _parsed(wanted.replacement, self._pattern.groups)

    def of(self, name: str) -> str:
        return str(self._pattern.sub(partial(_filled, self._parts), name))


def _filled(parts: list[str | int], match: Any) -> str:
    """A group that took no part in the match is nothing."""
    return "".join(part if isinstance(part, str) else match[part] or "" for part in parts)


def _compiled(pattern: str) -> Any:
    options = re2.Options()
    options.max_mem = MOST_MEMORY
    options.log_errors = False
    if len(pattern) > LONGEST:
        raise _wrong("rename_pattern", pattern, f"at most {LONGEST} characters are right")
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        why = error.args[0].decode(errors="replace")
        right = "a regular expression without back references and looking around is right"
        raise _wrong("rename_pattern", pattern, f"{right} ({why})") from None


def _parsed(replacement: str, groups: int) -> list[str | int]:
    """Texts, and numbers of groups."""
    if len(replacement) > LONGEST or "\\" in replacement:
        right = f"at most {LONGEST} characters are right, none of them \\"
        raise _wrong("rename_replacement", replacement, right)
    parts: list[str | int] = []
    end = 0
    for found in _REFERENCE.finditer(replacement):
        number, used = _group(found.group(1) or "", groups)
        if number is None:
            right = f"after $ the number of a group, 0 to {groups}, is right"
            raise _wrong("rename_replacement", replacement, right)
        parts += [replacement[end : found.start()], number]
        end = found.start() + 1 + used
    return [*parts, replacement[end:]]


def _group(digits: str, groups: int) -> tuple[int | None, int]:
    """The group that the digits begin with, and how many of them: as many as name one there is."""
    if not digits or int(digits[0]) > groups:
        return None, 0
    used = 1
    while used < len(digits) and int(digits[: used + 1]) <= groups:
        used += 1
    return int(digits[:used]), used


def _wrong(field: str, given: str, right: str) -> Refused:
    return Refused("CSS.5038", f"{field} is {shown(given)}: {right}")
