"""What a person sees while something takes its time: phases, the sentence of each, seconds so far.

On a terminal each phase is a row that stays, with the newest sentence and, while bytes are being
counted, a bar. Anywhere else each sentence is a line, without control codes, for logs and pipes.
"""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Protocol, Self

import click
from rich.console import Console
from rich.progress import (
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
)
from rich.progress_bar import ProgressBar
from rich.table import Column
from rich.text import Text

MEGABYTE = 1e6
BAR_WIDTH = 24
PHASE_WIDTH = 8
PLAIN_STEP = 0.1
"""The share of a download after which plain output says how far it is."""


class View(Protocol):
    """Entered before the first word and left before anything else is printed."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def says(self, phase: str, sentence: str) -> None:
        """The newest sentence; another phase ends the one before."""

    def counts(self, phase: str, sentence: str, done: int, total: int) -> None:
        """The same with bytes done and in all; a total of 0 says nothing about bytes."""

    def note(self, line: str) -> None:
        """A line beside the phases."""

    def finish(self) -> None:
        """The phase that is shown has reached its end; lines may be printed below."""


def open_view() -> View:
    """The view that fits standard output."""
    console = Console(highlight=False)
    if sys.stdout.isatty() and console.is_terminal and not console.is_dumb_terminal:
        return LiveView(console)
    return PlainView()


class PlainView:
    """One line for each new sentence."""

    def __init__(self) -> None:
        self._start = time.monotonic()
        self._last = ("", "")
        self._share = -1.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Every line is out already."""

    def says(self, phase: str, sentence: str) -> None:
        if (phase, sentence) != self._last:
            self._last = (phase, sentence)
            self.note(f"{phase}: {sentence}")

    def counts(self, phase: str, sentence: str, done: int, total: int) -> None:
        if not total:
            self.says(phase, sentence)
            return
        share = done / total
        if share - self._share >= PLAIN_STEP or share < self._share or share == 1:
            self._share = share
            self.says(phase, f"fetched {_megabytes(done, total)}")

    def note(self, line: str) -> None:
        click.echo(f"[{time.monotonic() - self._start:6.1f} s] {line}")

    def finish(self) -> None:
        """Every line is out already."""


class SilentView:
    """Nothing, for programs that read what comes at the end."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Nothing was said."""

    def says(self, phase: str, sentence: str) -> None:
        """Not shown."""

    def counts(self, phase: str, sentence: str, done: int, total: int) -> None:
        """Not shown."""

    def note(self, line: str) -> None:
        """Not shown."""

    def finish(self) -> None:
        """Nothing was said."""


class LiveView:
    """Rows that change in place."""

    def __init__(self, console: Console) -> None:
        self._rows = Progress(
            _Mark(),
            TextColumn(
                "{task.fields[phase]}",
                markup=False,
                style="bold",
                table_column=Column(min_width=PHASE_WIDTH),
            ),
            TextColumn(
                "{task.description}",
                markup=False,
                table_column=Column(ratio=1, no_wrap=True, overflow="ellipsis"),
            ),
            _Bytes(),
            _Seconds(),
            console=console,
            expand=True,
        )
        self._phase = ""
        self._row: TaskID | None = None

    def __enter__(self) -> Self:
        self._rows.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None and self._row is not None:
            self._rows.update(self._row, failed=True)
        self.finish()

    def says(self, phase: str, sentence: str) -> None:
        self.counts(phase, sentence, 0, 0)

    def counts(self, phase: str, sentence: str, done: int, total: int) -> None:
        if phase != self._phase or self._row is None:
            self._end_row()
            self._phase = phase
            self._row = self._rows.add_task("", total=None, phase=phase, failed=False)
        shown = f"{_megabytes(done, total)}, {sentence}" if total else sentence
        self._rows.update(self._row, description=shown, completed=done, total=total or None)

    def note(self, line: str) -> None:
        self._rows.console.print(line, markup=False)

    def finish(self) -> None:
        self._end_row()
        self._rows.stop()

    def _end_row(self) -> None:
        if self._row is not None:
            self._rows.update(self._row, completed=1, total=1)
            self._row, self._phase = None, ""


class _Mark(SpinnerColumn):
    """Turning, done or failed."""

    def __init__(self) -> None:
        super().__init__(finished_text="[green]✓[/]")

    def render(self, task: Task) -> Text:
        if task.fields["failed"]:
            return Text("✗", style="red")
        shown = super().render(task)
        return shown if isinstance(shown, Text) else Text()


class _Bytes(ProgressColumn):
    """A bar and figures while bytes are counted, else nothing."""

    def render(self, task: Task) -> ProgressBar | Text:
        if task.finished or not task.total:
            return Text()
        return ProgressBar(total=task.total, completed=task.completed, width=BAR_WIDTH)


class _Seconds(ProgressColumn):
    """How long the phase has taken."""

    max_refresh = 0.1

    def render(self, task: Task) -> Text:
        seconds = task.finished_time if task.finished else task.elapsed
        return Text(f"{seconds or 0:6.1f} s", style="cyan")


def _megabytes(done: int, total: int) -> str:
    return f"{done / MEGABYTE:.0f} of {total / MEGABYTE:.0f} MB"
