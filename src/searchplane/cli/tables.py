"""Tables for people: aligned columns, never cut off, the same in a terminal, a pipe and a log."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import click

GAP = "  "


def print_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """`head` in capitals, then one line for each row; the last column is not padded."""
    lines = [[name.upper() for name in head], *rows]
    widths = [max(len(line[place]) for line in lines) for place in range(len(head))]
    widths[-1] = 0
    for line in lines:
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        click.echo(GAP.join(cells).rstrip())


def print_json(value: Any) -> None:
    click.echo(json.dumps(value, indent=2))
