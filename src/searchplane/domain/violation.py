"""A broken rule, and how several of them are told at once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from searchplane.errors import Refused

UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
"""Control characters, and those that make a text look like another: what turns the direction of
writing, and line ends that are none to a terminal."""

MAX_SHOWN = 64
"""Characters of a wrong value that a message repeats."""


@dataclass(frozen=True)
class Violation:
    """`field` as the user writes it, the value `given` (None: not shown), and what is right."""

    code: str
    field: str
    given: object
    right: str

    @classmethod
    def said(cls, code: str, sentence: str) -> Violation:
        """A violation whose sentence is complete already."""
        return cls(code, "", None, sentence)

    def __str__(self) -> str:
        if not self.field:
            return self.right
        if self.given is None:
            return f"{self.field}: {self.right}"
        return f"{self.field} is {shown(self.given)}: {self.right}"


def shown(given: object) -> str:
    """What was given, as a sentence quotes it: cut where it is long."""
    quoted = repr(given)
    return quoted if len(quoted) <= MAX_SHOWN else f"{quoted[:MAX_SHOWN]}..."


def refuse(violations: Sequence[Violation]) -> None:
    """Raise Refused with all sentences and the first code, if there is any violation."""
    if violations:
        raise Refused(violations[0].code, "; ".join(str(one) for one in violations))
