"""What names, descriptions and expressions of indices may be in requests about snapshots.

Source: api/semantics.md, section 4.6. The engines read more expressions than are accepted here:
where no part with * came before, they pass over a part that takes away without a word.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from searchplane.domain.index_patterns import ALL_INDICES
from searchplane.domain.violation import UNPRINTABLE, Violation

MAX_EXPRESSION = 1024
MAX_DESCRIPTION = 256
_NAME = re.compile(r"[a-z][a-z0-9_-]{3,63}\Z")
_NOT_IN_DESCRIPTIONS = re.compile(r"""[!<>=&"']""")
_NOT_IN_EXPRESSIONS = re.compile(r'["\\<|>/?\s]')


def name_violations(name: str) -> Iterator[Violation]:
    if not _NAME.match(name):
        yield Violation(
            "CSS.5057",
            "name",
            name,
            "4 to 64 lower-case letters, digits, - and _ are right, the first a letter",
        )


def description_violations(text: str) -> Iterator[Violation]:
    if len(text) > MAX_DESCRIPTION or UNPRINTABLE.search(text) or _NOT_IN_DESCRIPTIONS.search(text):
        yield Violation(
            "CSS.5056",
            "description",
            text,
            f"at most {MAX_DESCRIPTION} printable characters are right, none of !<>=&\"'",
        )


def expression_of(given: str | None) -> str:
    """The expression that is meant: none, or an empty one, is everything."""
    return given if given and given != "_all" else ALL_INDICES


def expression_violations(expression: str, field: str = "indices") -> Iterator[Violation]:
    """`logs-*,items,-logs-old`: parts add indices, those with a leading - take away again."""
    if (
        len(expression) > MAX_EXPRESSION
        or _NOT_IN_EXPRESSIONS.search(expression)
        or UNPRINTABLE.search(expression)
        or expression != expression.lower()
    ):
        yield Violation(
            "CSS.5038",
            field,
            expression,
            f"at most {MAX_EXPRESSION} characters are right, no upper-case letters, no spaces and "
            'none of "\\<|>/?',
        )
        return
    yield from _parts(expression.split(","), field, expression)


def _parts(parts: list[str], field: str, expression: str) -> Iterator[Violation]:
    if any(part in ("", "-") for part in parts):
        yield Violation("CSS.5038", field, expression, "names between commas are right")
        return
    seen_star = False
    for part in parts:
        if part.startswith("-") and not seen_star:
            right = f"{part} must come after a part with *, of which it takes away"
            yield Violation("CSS.5038", field, expression, right)
            return
        seen_star = seen_star or "*" in part
