"""What users, groups, projects and domains may be called.

More lenient than the public cloud where names from an OpenStack installation need it, stricter
where a name would deceive: no control characters, no outer spaces.
"""

from __future__ import annotations

from collections.abc import Iterator

from searchplane.domain.violation import Violation

WRONG = "IAM.0073"
MAX_NAME = 64
MAX_DESCRIPTION = 255


def name_violations(field: str, name: str) -> Iterator[Violation]:
    printable = name.isprintable() and name == name.strip()
    if not (1 <= len(name) <= MAX_NAME and printable):
        right = f"1 to {MAX_NAME} printable characters without outer spaces are right"
        yield Violation(WRONG, field, name, right)


def project_name_violations(name: str, region: str) -> Iterator[Violation]:
    """A project's name begins with its region's, as regions are found by it."""
    yield from name_violations("project.name", name)
    if not name.startswith(f"{region}_") or len(name) == len(region) + 1:
        yield Violation(WRONG, "project.name", name, f"a name that begins with {region}_ is right")


def description_violations(field: str, text: str) -> Iterator[Violation]:
    if len(text) > MAX_DESCRIPTION or "\0" in text:
        yield Violation(WRONG, field, text, f"at most {MAX_DESCRIPTION} characters are right")
