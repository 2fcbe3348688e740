"""What would be right where a field of a request does not fit its type, in our own words.

The validation library's texts name its own types ("a valid dictionary or instance of ..."), which
whoever sends JSON does not know. Rules of ours raise ValueError with a text that is complete.
"""

from __future__ import annotations

from pydantic_core import ErrorDetails

_OBJECT = "an object is right"
_LIST = "a list is right"

_RIGHT = {
    "model_type": _OBJECT,
    "model_attributes_type": _OBJECT,
    "dict_type": _OBJECT,
    "list_type": _LIST,
    "tuple_type": _LIST,
    "string_type": "a string is right",
    "int_type": "a whole number is right",
    "int_from_float": "a whole number is right",
    "literal_error": "{expected} is right",
    "enum": "{expected} is right",
    "greater_than_equal": "{ge} or more is right",
    "less_than_equal": "{le} or less is right",
    "greater_than": "more than {gt} is right",
    "less_than": "less than {lt} is right",
    "string_too_short": "at least {min_length} characters are right",
    "string_too_long": "at most {max_length} characters are right",
    "too_short": "at least {min_length} of them are right",
    "too_long": "at most {max_length} of them are right",
    "string_pattern_mismatch": "what fits {pattern} is right",
}
"""By the library's name of what is wrong; its context fills the gaps."""


def right(item: ErrorDetails) -> str:
    """The end of a sentence that names the field and its value."""
    known = _RIGHT.get(item["type"])
    if known is not None:
        return known.format(**item.get("ctx", {}))
    return item["msg"].removeprefix("Value error, ")
