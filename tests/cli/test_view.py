"""What a person sees: rows on a terminal, plain lines anywhere else."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console

from searchplane.cli.view import LiveView, PlainView, open_view


@pytest.fixture
def screen() -> Console:
    return Console(file=StringIO(), force_terminal=True, width=100, color_system=None)


def shown(screen: Console) -> list[str]:
    """The lines that stay: what comes after the last time the cursor went up."""
    assert isinstance(screen.file, StringIO)
    frames = screen.file.getvalue().split("\x1b[1A\x1b[2K")
    return [line.rstrip() for line in frames[-1].replace("\x1b[?25h", "").splitlines()]


def test_a_sentence_is_a_line_once(capsys: pytest.CaptureFixture[str]) -> None:
    with PlainView() as view:
        for sentence in ("one joined", "one joined", "two joined"):
            view.says("form", sentence)
    assert [line.partition("] ")[2] for line in capsys.readouterr().out.splitlines()] == [
        "form: one joined",
        "form: two joined",
    ]


def test_bytes_are_told_in_steps_and_to_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    with PlainView() as view:
        for done in range(0, 50_000_001, 1_000_000):
            view.counts("engine", "a.jar", done, 50_000_000)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) <= 12
    assert lines[-1].endswith("engine: fetched 50 of 50 MB")


def test_a_phase_that_ended_stays_as_a_row_with_its_last_sentence(screen: Console) -> None:
    with LiveView(screen) as view:
        view.says("start", "starting")
        view.says("start", "started [bold]")
        view.says("form", "all joined")
    text = "\n".join(shown(screen))
    assert "✓ start    started [bold]" in text
    assert "✓ form     all joined" in text
    assert "starting" not in text


def test_a_download_has_its_figures(screen: Console) -> None:
    with LiveView(screen) as view:
        view.counts("engine", "a.jar", 12_000_000, 60_000_000)
    assert "12 of 60 MB, a.jar" in "\n".join(shown(screen))


def test_a_failed_phase_is_marked(screen: Console) -> None:
    with pytest.raises(ValueError, match="no"), LiveView(screen) as view:
        view.says("form", "waiting")
        raise ValueError("no")
    assert "✗ form     waiting" in "\n".join(shown(screen))


def test_output_that_is_no_terminal_gets_plain_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert isinstance(open_view(), PlainView)
