"""The query of a request, read in one way for every operation.

A name has two spellings, so a value can come twice without any name standing there twice. Which of
them was meant nobody knows, and `?dry_run=true&dry_run=false` must not be a delete: what is given
twice is refused. So is asking an operation for a dry run that has none: it would act.
"""

from __future__ import annotations

from collections import Counter
from urllib.parse import parse_qsl

from pydantic import BaseModel, ValidationError

from searchplane.api import problems
from searchplane.api.fields import camel
from searchplane.api.operation import Operation
from searchplane.errors import Refused

DRY_RUN = "dry_run"


def read(operation: Operation, query: str) -> BaseModel | None:
    """The operation's query; None where it has none. Raises Refused CSS.0001."""
    pairs = parse_qsl(query, keep_blank_values=True) if query else []
    model = operation.query
    if operation.is_change and (model is None or DRY_RUN not in model.model_fields):
        _check_acts(operation, pairs)
    if model is None:
        return None
    if pairs:
        _check_once(model, pairs)
    try:
        return model.model_validate(dict(pairs))
    except ValidationError as error:
        raise problems.invalid(error, "query") from None


def _check_once(model: type[BaseModel], pairs: list[tuple[str, str]]) -> None:
    names = {name: name for name in model.model_fields}
    names |= {field.alias: name for name, field in model.model_fields.items() if field.alias}
    given = Counter(names[name] for name, _ in pairs if name in names)
    twice = [name for name, times in given.items() if times > 1]
    if twice:
        raise Refused("CSS.0001", f"{twice[0]} is given {given[twice[0]]} times: once is right")


def _check_acts(operation: Operation, pairs: list[tuple[str, str]]) -> None:
    for name, value in pairs:
        if name in (DRY_RUN, camel(DRY_RUN)) and value.lower() != "false":
            raise Refused(
                "CSS.0001",
                f"{name} is {value[:64]!r}: {operation.id} cannot say what it would do, it does "
                "it; the request without it is right",
            )
