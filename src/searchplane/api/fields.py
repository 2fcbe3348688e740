"""Types of request fields, lenient exactly as far as clients in the field need it.

Both spellings of a name are read (`displayName`, `display_name`), numbers and booleans also as
strings. That is done here, once; whatever is read is in the OpenAPI schema too.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic.alias_generators import to_camel

_INTEGER = re.compile(r"-?[0-9]{1,19}\Z")


_OFFICIAL = {"public_ip_req": "publicIPReq"}
"""Names that the public API spells otherwise than by the rule."""


def second(moment: datetime) -> str:
    """UTC without a zone, to the second, as the public API writes a moment."""
    return moment.isoformat(timespec="seconds")[:19]  # strftime takes ten times as long


def camel(name: str) -> str:
    """The public API's own spelling of a request field."""
    return _OFFICIAL.get(name) or to_camel(name)


DEFERRED = True
"""Models are compiled when first used, a few milliseconds each: all at once would be a tenth of the
time that a start takes, and most are never used by a service."""


class Request(BaseModel):
    """A request body or part of one: unknown fields are ignored, both spellings are read."""

    model_config = ConfigDict(
        extra="ignore",
        alias_generator=camel,
        populate_by_name=True,
        frozen=True,
        defer_build=DEFERRED,
    )


class Reply(BaseModel):
    """An answer or part of one: the official spelling, set by alias where it is not Python's."""

    model_config = ConfigDict(populate_by_name=True, frozen=True, defer_build=DEFERRED)


def _integer(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("a whole number is right")  # noqa: TRY004 - pydantic wants ValueError
    if isinstance(value, str):
        if not _INTEGER.match(value):
            raise ValueError("a whole number of at most 19 digits is right")
        return int(value)
    return value


def _boolean(value: Any) -> Any:
    if isinstance(value, str):
        lowered = value.lower()
        if lowered in ("true", "false"):
            return lowered == "true"
        raise ValueError('true or false is right (the strings "true" and "false" are read too)')
    if not isinstance(value, bool):
        raise ValueError("true or false is right")  # noqa: TRY004 - pydantic wants ValueError
    return value


def _text(value: Any) -> Any:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value


Integer = Annotated[
    int,
    BeforeValidator(_integer),
    WithJsonSchema(
        {"anyOf": [{"type": "integer"}, {"type": "string", "pattern": r"^-?[0-9]{1,19}$"}]}
    ),
]
"""A whole number, also as a string of digits."""

Boolean = Annotated[
    bool,
    BeforeValidator(_boolean),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "boolean"},
                {"type": "string", "pattern": "^([Tt][Rr][Uu][Ee]|[Ff][Aa][Ll][Ss][Ee])$"},
            ]
        }
    ),
]
"""True or false, also as a string (the OTC Terraform provider sends "true")."""

Text = Annotated[str, Field(max_length=4096)]
"""A string no longer than anything the API has a use for."""

TextOrNumber = Annotated[
    str,
    BeforeValidator(_text),
    WithJsonSchema({"anyOf": [{"type": "string", "maxLength": 4096}, {"type": "integer"}]}),
]
"""A string that the public examples also show as a bare number (`"enterprise_project_id": 0`)."""
