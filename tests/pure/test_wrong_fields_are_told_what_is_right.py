"""A refusal names the field, what was given, and what would be right, without a word of Python."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field, ValidationError

from searchplane.api import problems
from searchplane.api.fields import Boolean, Integer, Request


class Part(Request):
    size: Integer = 1


class Whole(Request):
    part: Part | None = None
    parts: list[Part] | None = None
    method: Literal["auto", "manual"] | None = None
    name: Annotated[str, Field(min_length=2, max_length=4, pattern="^[a-z]*$")] | None = None
    names: Annotated[list[str], Field(min_length=1, max_length=2)] | None = None
    count: Annotated[Integer, Field(ge=1, le=9)] | None = None
    free: Annotated[Integer, Field(gt=0, lt=3)] | None = None
    on: Boolean | None = None
    labels: dict[str, str] | None = None


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"part": []}, "part is a list: an object is right"),
        ({"part": {"size": "x"}}, "part.size is 'x': a whole number of at most 19 digits is right"),
        ({"part": {"size": 1.5}}, "part.size is 1.5: a whole number is right"),
        ({"part": {"size": True}}, "part.size is True: a whole number is right"),
        ({"part": {"size": None}}, "part.size is None: a whole number is right"),
        ({"parts": {}}, "parts is an object: a list is right"),
        ({"method": "x"}, "method is 'x': 'auto' or 'manual' is right"),
        ({"name": 5}, "name is 5: a string is right"),
        ({"name": "x"}, "name is 'x': at least 2 characters are right"),
        ({"name": "xxxxx"}, "name is 'xxxxx': at most 4 characters are right"),
        ({"name": "XX"}, "name is 'XX': what fits ^[a-z]*$ is right"),
        ({"names": []}, "names is a list: at least 1 of them are right"),
        ({"names": list("abc")}, "names is a list: at most 2 of them are right"),
        ({"count": 0}, "count is 0: 1 or more is right"),
        ({"count": "10"}, "count is '10': 9 or less is right"),
        ({"free": 0}, "free is 0: more than 0 is right"),
        ({"free": 3}, "free is 3: less than 3 is right"),
        ({"on": 1}, "on is 1: true or false is right"),
        ({"labels": 1}, "labels is 1: an object is right"),
    ],
)
def test_the_field_its_value_and_what_is_right(body: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValidationError) as raised:
        Whole.model_validate_json(json.dumps(body))
    assert problems.invalid(raised.value, "the body").detail == sentence
