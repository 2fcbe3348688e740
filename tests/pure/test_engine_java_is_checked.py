"""A Java the operator names is used only when it can run the engines."""

from __future__ import annotations

from pathlib import Path

import pytest

from searchplane.engine.runtime import named_java
from searchplane.errors import Permanent


def java_that_says(folder: Path, words: str) -> Path:
    binary = folder / "bin" / "java"
    binary.parent.mkdir()
    binary.write_text(f"#!/bin/sh\necho '{words}' >&2\n")
    binary.chmod(0o755)
    return folder


@pytest.mark.parametrize(
    ("version", "major"), [("11.0.22", 11), ("17.0.15", 17), ("21", 21), ("21.0.8", 21)]
)
def test_java_11_to_21_is_taken(tmp_path: Path, version: str, major: int) -> None:
    java = named_java(java_that_says(tmp_path, f'openjdk version "{version}" LTS'), None)
    assert (java.major, java.home) == (major, tmp_path)


@pytest.mark.parametrize("version", ["1.8.0_402", "10.0.1", "22", "24.0.1"])
def test_another_java_is_refused_with_its_version(tmp_path: Path, version: str) -> None:
    home = java_that_says(tmp_path, f'openjdk version "{version}"')
    with pytest.raises(Permanent, match=r"Java 11 to 21") as refused:
        named_java(home, None)
    assert version in str(refused.value)


def test_what_is_no_java_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Permanent, match="cannot be run"):
        named_java(tmp_path / "nothing", None)
    with pytest.raises(Permanent, match="says 'hello'"):
        named_java(java_that_says(tmp_path, "hello"), None)
