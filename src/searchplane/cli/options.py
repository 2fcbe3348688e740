"""Options that many commands have, and the settings that they and the environment make."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

    from searchplane.settings import Settings

data_option = click.option(
    "--data", type=click.Path(path_type=Path), metavar="DIR", help="The data folder."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
limit_option = click.option(
    "--limit",
    type=click.IntRange(1, 1_000_000),
    default=100,
    show_default=True,
    help="The newest so many.",
)


def settings_of(given: dict[str, Any]) -> Settings:
    """The settings with what was given on the command line; a wrong one is one sentence."""
    from pydantic import ValidationError

    from searchplane.settings import Settings

    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        raise _wrong_setting(error.errors(include_url=False)[0], given) from None


def _wrong_setting(wrong: ErrorDetails, given: dict[str, Any]) -> click.ClickException:
    """One sentence: the option or variable, its value and what is right."""
    name, value = str(wrong["loc"][0]), wrong["input"]
    text = wrong["msg"].removeprefix("Value error, ")
    if given.get(name) is not None:
        return click.UsageError(f"--{name.replace('_', '-')}: {text}")
    hidden = _is_secret(name) or "@" in str(value)  # an address may hold a password
    shown = "not as it must be" if hidden else repr(value)
    return click.ClickException(f"SEARCHPLANE_{name.upper()} is {shown}: {text}")


def _is_secret(name: str) -> bool:
    from pydantic import SecretStr

    from searchplane.settings import Settings

    field = Settings.model_fields.get(name)
    return field is not None and SecretStr in (field.annotation, *get_args(field.annotation))
