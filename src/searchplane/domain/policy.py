"""Policies: which statements allow or deny an action, and what follows from all of them.

No statement that allows means no; one that denies means no whatever others allow. A statement
whose condition cannot be told does not allow, and does deny. The grammar of documents is in
policy_documents.py.

Every request asks, so what does not depend on the request (which statements speak of an action)
is remembered for the policies and the action together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property, lru_cache

from searchplane.domain.conditions import Condition, holds, like

REMEMBERED = 8192
"""Pairs of policies and action whose standing is kept."""


AGENCIES = "/iam/agencies/"
"""How the public grammar names an agency as a resource."""


class Effect(StrEnum):
    ALLOW = "Allow"
    DENY = "Deny"


@dataclass(frozen=True)
class Statement:
    """`actions` are `service:type:verb` patterns; with `all_but`, those it does not speak of.

    `resources` are `service:region:domain:type:id` patterns, or `/iam/agencies/<id>`; none: all.
    """

    effect: Effect
    actions: tuple[str, ...]
    all_but: bool = False
    resources: tuple[str, ...] = ()
    conditions: tuple[Condition, ...] = ()

    def speaks_of(self, action: str) -> bool:
        return any(_fits(action, pattern) for pattern in self.actions) is not self.all_but

    def is_plain(self) -> bool:
        """Whether it holds for every resource and in all circumstances."""
        return not (self.resources or self.conditions)


@dataclass(frozen=True)
class Policy:
    """Compared by what it says; the hash is kept, as every request asks for it."""

    statements: tuple[Statement, ...]

    @cached_property
    def _hash(self) -> int:
        return hash(self.statements)

    def __hash__(self) -> int:
        return self._hash


@dataclass(frozen=True)
class Circumstances:
    """A request as far as statements depend on it.

    `values` are those of the condition keys that are known, `resource` is the `service:region:
    domain:type:id` it is about; the id is empty where there is none, as in a list.
    """

    values: Mapping[str, str]
    resource: str


@dataclass(frozen=True)
class _Standing:
    """What is settled for every request, and the statements that need to look at it."""

    allowed: bool
    denied: bool
    others: tuple[Statement, ...]


def permits(
    policies: tuple[Policy, ...], action: str, circumstances: Callable[[], Circumstances]
) -> bool:
    """Whether the policies together allow the action; `circumstances` is asked only if needed."""
    standing = _standing(policies, action)
    if standing.denied:
        return False
    if not standing.others:
        return standing.allowed
    seen = circumstances()
    applying = {one.effect for one in standing.others if _applies(one, seen)}
    return Effect.DENY not in applying and (standing.allowed or Effect.ALLOW in applying)


def could_permit(policies: tuple[Policy, ...], action: str) -> bool:
    """Whether there are circumstances in which the policies allow the action."""
    standing = _standing(policies, action)
    possible = standing.allowed or any(one.effect is Effect.ALLOW for one in standing.others)
    return possible and not standing.denied


@lru_cache(REMEMBERED)
def _standing(policies: tuple[Policy, ...], action: str) -> _Standing:
    found = [
        statement
        for policy in policies
        for statement in policy.statements
        if statement.speaks_of(action)
    ]
    plain = {statement.effect for statement in found if statement.is_plain()}
    return _Standing(
        allowed=Effect.ALLOW in plain,
        denied=Effect.DENY in plain,
        others=tuple(statement for statement in found if not statement.is_plain()),
    )


def _fits(action: str, pattern: str) -> bool:
    """Segment by segment; the service's case counts, that of type and verb does not."""
    service, _, rest = action.partition(":")
    wanted_service, _, wanted = pattern.partition(":")
    parts, wanted_parts = rest.lower().split(":"), wanted.lower().split(":")
    return (
        like(service, wanted_service)
        and len(parts) == len(wanted_parts)
        and all(map(like, parts, wanted_parts))
    )


def _applies(statement: Statement, seen: Circumstances) -> bool:
    if statement.resources and not any(_is_about(seen, one) for one in statement.resources):
        return False
    met = [holds(condition, seen.values) for condition in statement.conditions]
    if False in met:
        return False
    return None not in met or statement.effect is Effect.DENY


def _is_about(seen: Circumstances, pattern: str) -> bool:
    if pattern == "*":
        return True
    if pattern.startswith(AGENCIES):
        pattern = f"iam:*:*:agency:{pattern.removeprefix(AGENCIES)}"
    parts, wanted = seen.resource.split(":", 4), pattern.split(":", 4)
    return len(parts) == len(wanted) and all(
        like(part.lower(), one.lower()) for part, one in zip(parts, wanted, strict=True)
    )
