"""What a benchmark gives back, and the page made of it."""

from __future__ import annotations

import platform
import re
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil

HEAD = (
    "| figure | value | floor | ratio | asked for | met | run |",
    "|---|---|---|---|---|---|---|",
)

REPORT = Path(__file__).parent / "REPORT.md"


@dataclass(frozen=True)
class Figure:
    """`bound` is what was asked for, in words; `met` None when nothing was asked for."""

    name: str
    value: str
    floor: str = ""
    ratio: str = ""
    bound: str = ""
    met: bool | None = None


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def spread(values: Sequence[float], unit: str = "s") -> str:
    """Median, with the least and the most."""
    return f"{median(values):.2f} {unit} ({min(values):.2f} to {max(values):.2f})"


def against(name: str, ours: Sequence[float], floor: Sequence[float], most: float) -> Figure:
    """Seconds of ours beside those of the engine driven by hand; `most` bounds their ratio."""
    ratio = median(ours) / median(floor)
    return Figure(
        name,
        spread(ours),
        f"by hand {spread(floor)}",
        f"{ratio:.2f}",
        f"at most {most}",
        ratio <= most,
    )


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` of the values lie (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def machine() -> str:
    memory = psutil.virtual_memory().total / 2**30
    return (
        f"{psutil.cpu_count()} cores ({_processor()}), {memory:.0f} GiB, "
        f"{platform.system()} {platform.release()}, Python {platform.python_version()}"
    )


def write(figures: Sequence[Figure]) -> None:
    """Put the figures on the page, each in place of its last one; and all on the terminal."""
    now = f"{datetime.now(UTC):%Y-%m-%d %H:%M}"
    rows = {_key(row): row for row in _rows()}
    rows |= {_key(row): row for row in (_row(one, now) for one in figures)}
    lines = [
        "# Benchmarks",
        "",
        "Made by `python -m benchmarks`. Every figure stands beside a floor measured in the same "
        "run; ratios are what to compare between machines.",
        "",
        f"Machine: {machine()}. Times are UTC.",
        "",
        *HEAD,
        *rows.values(),
    ]
    text = "\n".join(lines) + "\n"
    REPORT.write_text(text)
    print(text)


def _row(one: Figure, run: str) -> str:
    met = {True: "yes", False: "**no**", None: ""}[one.met]
    cells = (one.name, one.value, one.floor, one.ratio, one.bound, met, run)
    return f"| {' | '.join(cells)} |"


def _rows() -> list[str]:
    """The rows of earlier runs."""
    lines = REPORT.read_text().splitlines() if REPORT.exists() else []
    return lines[lines.index(HEAD[0]) + len(HEAD) :] if HEAD[0] in lines else []


def _key(row: str) -> str:
    """A figure's name without its numbers, which differ from run to run."""
    return re.sub(r"\d+", "N", row.split(" | ", maxsplit=1)[0])


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
