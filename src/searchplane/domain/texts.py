"""What names, descriptions and ids of a cluster may be; for creation and for changes.

Source: api/semantics.md, sections 1.1 and 4.5.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from searchplane.domain.violation import UNPRINTABLE, Violation

MAX_DESCRIPTION = 128
MAX_ID = 64
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{3,31}\Z")
_NAME_WITH_DOTS = re.compile(r"[A-Za-z][A-Za-z0-9._-]{3,31}\Z")


def name_violations(name: str, field: str, *, dotted: bool) -> Iterator[Violation]:
    """`dotted`: a dot is allowed, as in the newer form of the request and for a new name."""
    if not (_NAME_WITH_DOTS if dotted else _NAME).match(name):
        marks = "dots, - and _" if dotted else "- and _"
        right = f"4 to 32 letters, digits, {marks} are right, the first a letter"
        yield Violation("CSS.5049", field, name, right)


def description_violations(text: str, field: str) -> Iterator[Violation]:
    yield from text_violations(text, field, MAX_DESCRIPTION)


def text_violations(text: str, field: str, most: int) -> Iterator[Violation]:
    if len(text) > most or UNPRINTABLE.search(text):
        yield Violation("CSS.5056", field, text, f"at most {most} printable characters")


def id_violations(code: str, value: str, field: str) -> Iterator[Violation]:
    """Ids of networks are the caller's: any that can be kept and shown will do."""
    if not value.strip() or len(value) > MAX_ID or UNPRINTABLE.search(value):
        yield Violation(code, field, value, f"an id of 1 to {MAX_ID} characters is right")
