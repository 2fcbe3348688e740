"""The pinned versions are those that pyproject.toml allows, and none is missing."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
NEEDED = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["test"]]
PINNED = {
    canonicalize_name(name): version
    for name, _, version in (
        line.partition("==")
        for line in (ROOT / "constraints.txt").read_text().splitlines()
        if line and not line.startswith("#")
    )
}


@pytest.mark.parametrize("needed", NEEDED)
def test_every_requirement_is_pinned_to_a_version_it_allows(needed: str) -> None:
    requirement = Requirement(needed)
    version = PINNED[canonicalize_name(requirement.name)]
    assert requirement.specifier.contains(version), f"{needed} does not allow {version}"


def test_nothing_but_versions_is_pinned() -> None:
    """No address of an index or a folder of somebody's machine."""
    assert all(version and not set(version) & set("@/:") for version in PINNED.values())
