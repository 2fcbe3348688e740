"""The memory that nodes may take is the container's where there is a limit."""

from __future__ import annotations

from pathlib import Path

from searchplane.drivers.process.host import Memory, within_limit

MACHINE = Memory(total=24_000, available=20_000)


def group(folder: Path, limit: str, used: int, cached: int) -> Path:
    (folder / "memory.max").write_text(f"{limit}\n")
    (folder / "memory.current").write_text(f"{used}\n")
    (folder / "memory.stat").write_text(f"anon 5\ninactive_file {cached}\n")
    return folder


def test_without_a_group_it_is_the_machine_s(tmp_path: Path) -> None:
    assert within_limit(MACHINE, tmp_path) == MACHINE


def test_a_group_without_limit_changes_nothing(tmp_path: Path) -> None:
    assert within_limit(MACHINE, group(tmp_path, "max", 900, 10)) == MACHINE


def test_a_limit_counts_and_cached_files_give_way(tmp_path: Path) -> None:
    assert within_limit(MACHINE, group(tmp_path, "4000", 3000, 500)) == Memory(4000, 1500)


def test_a_limit_above_the_machine_changes_nothing(tmp_path: Path) -> None:
    assert within_limit(MACHINE, group(tmp_path, "99000", 0, 0)) == MACHINE


def test_a_group_over_its_limit_has_nothing_left(tmp_path: Path) -> None:
    assert within_limit(MACHINE, group(tmp_path, "4000", 4100, 0)).available == 0
