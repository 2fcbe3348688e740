"""Conditions of a policy's statement: an operator, a key, and the values it is held against.

What cannot be told (a project's name in a request without a project, an address that is none)
is neither true nor false; policy.py takes it as whatever lets nobody in. Operators and keys are
those of the public policy grammar that mean something here; others are refused when a policy is
stored.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from fnmatch import fnmatchcase
from typing import Any

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Kind(Enum):
    """What a key's value is; an operator fits keys of one kind."""

    TEXT = "a text"
    TIME = "a time such as 2026-01-31T08:00:00Z"
    ADDRESS = "an address or network such as 10.0.0.0/8"
    BOOLEAN = "true or false"


KEYS: Mapping[str, Kind] = {
    "g:CurrentTime": Kind.TIME,
    "g:DomainId": Kind.TEXT,
    "g:DomainName": Kind.TEXT,
    "g:MFAPresent": Kind.BOOLEAN,
    "g:ProjectName": Kind.TEXT,
    "g:ServiceName": Kind.TEXT,
    "g:SourceIp": Kind.ADDRESS,
    "g:UserId": Kind.TEXT,
    "g:UserName": Kind.TEXT,
}
"""Keys as they are spelt; they are read without case."""

SPELLING: Mapping[str, str] = {key.lower(): key for key in KEYS}


@dataclass(frozen=True)
class Condition:
    """Both `operator` and `key` as spelt here; one of `values` is enough, or none of them may be
    met where the operator says "not"."""

    operator: str
    key: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Operator:
    """`fits(given, value)` compares what `read_given` and `read` make of the two texts."""

    kind: Kind
    fits: Callable[[Any, Any], bool]
    negated: bool = False


def like(text: str, pattern: str) -> bool:
    """Whether the text fits a pattern in which only `*` is special."""
    return fnmatchcase(text, pattern.replace("[", "[[]").replace("?", "[?]"))


def _text_operators() -> dict[str, Operator]:
    plain: dict[str, Callable[[Any, Any], bool]] = {
        "Equals": lambda given, value: given == value,
        "EqualsIgnoreCase": lambda given, value: given.lower() == value.lower(),
        "Like": like,
        "LikeIgnoreCase": lambda given, value: like(given.lower(), value.lower()),
        "StartWith": lambda given, value: given.startswith(value),
        "EndWith": lambda given, value: given.endswith(value),
    }
    positive = {f"String{name}": Operator(Kind.TEXT, fits) for name, fits in plain.items()}
    return positive | {
        f"StringNot{name}": Operator(Kind.TEXT, fits, negated=True) for name, fits in plain.items()
    }


OPERATORS: Mapping[str, Operator] = {
    **_text_operators(),
    "DateLessThan": Operator(Kind.TIME, lambda given, value: given < value),
    "DateLessThanEquals": Operator(Kind.TIME, lambda given, value: given <= value),
    "DateGreaterThan": Operator(Kind.TIME, lambda given, value: given > value),
    "DateGreaterThanEquals": Operator(Kind.TIME, lambda given, value: given >= value),
    "IpAddress": Operator(Kind.ADDRESS, lambda given, value: given in value),
    "NotIpAddress": Operator(Kind.ADDRESS, lambda given, value: given in value, negated=True),
    "Bool": Operator(Kind.BOOLEAN, lambda given, value: given == value),
}


def holds(condition: Condition, given: Mapping[str, str]) -> bool | None:
    """Whether the condition is met by the request's values, named by KEYS; None: cannot be told."""
    operator, text = OPERATORS.get(condition.operator), given.get(condition.key)
    if operator is None or text is None or KEYS.get(condition.key) is not operator.kind:
        return None
    try:
        value = _address(text) if operator.kind is Kind.ADDRESS else read(operator.kind, text)
        met = any(operator.fits(value, read(operator.kind, one)) for one in condition.values)
    except ValueError:
        return None
    return met is not operator.negated


def read(kind: Kind, text: str) -> Any:
    """A condition's value. Raises ValueError when it is not of that kind."""
    match kind:
        case Kind.TIME:
            return _time(text)
        case Kind.ADDRESS:
            return ipaddress.ip_network(text, strict=False)
        case Kind.BOOLEAN:
            return _boolean(text)
        case _:
            return text


def _time(text: str) -> datetime:
    when = datetime.fromisoformat(text)
    if when.tzinfo is None:
        raise ValueError("a time without its zone")
    return when


def _boolean(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError("neither true nor false")
    return text.lower() == "true"


def _address(text: str) -> Address:
    """A client's address; one of IPv4 that came over a socket of IPv6 is of IPv4."""
    address = ipaddress.ip_address(text)
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped or address
