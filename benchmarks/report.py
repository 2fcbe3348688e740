"""What a benchmark gives back, and the page made of it."""

from __future__ import annotations

import platform
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil

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
    """The page, and the same on the terminal."""
    lines = [
        "# Benchmarks",
        "",
        "Made by `python -m benchmarks`. Every figure stands beside a floor measured in the same "
        "run; ratios are what to compare between machines.",
        "",
        f"Machine: {machine()}. Run: {datetime.now(UTC):%Y-%m-%d %H:%M} UTC.",
        "",
        "| figure | value | floor | ratio | asked for | met |",
        "|---|---|---|---|---|---|",
    ]
    for one in figures:
        met = {True: "yes", False: "**no**", None: ""}[one.met]
        cells = (one.name, one.value, one.floor, one.ratio, one.bound, met)
        lines.append(f"| {' | '.join(cells)} |")
    text = "\n".join(lines) + "\n"
    REPORT.write_text(text)
    print(text)


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
