"""How things of the identity API are shown: a table, one thing's fields, or JSON as it came."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from searchplane.cli.tables import GAP, print_json, print_table

WIDTH = 13
"""Of the names of fields, at least, with the gap."""


def show_many(
    items: Sequence[Mapping[str, Any]], columns: Sequence[str], *, as_json: bool, none: str
) -> None:
    """A table with these fields of each, or the sentence `none` when there is nothing."""
    if as_json:
        print_json(items)
    elif not items:
        click.echo(none)
    else:
        print_table([_title(name) for name in columns], [_row(one, columns) for one in items])


def show_one(item: Mapping[str, Any], fields: Sequence[str], *, as_json: bool) -> None:
    """One line for each field that there is."""
    if as_json:
        print_json(item)
        return
    shown = [name for name in fields if name in item]
    width = max([WIDTH, *(len(_title(name)) + len(GAP) for name in shown)])
    for name in shown:
        click.echo(f"{_title(name):<{width}}{_text(item[name])}".rstrip())


def _row(item: Mapping[str, Any], columns: Sequence[str]) -> list[str]:
    return [_text(item.get(name)) for name in columns]


def _title(name: str) -> str:
    return name.removesuffix("_id").replace("_", " ")


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "-" if value in (None, "") else str(value)
