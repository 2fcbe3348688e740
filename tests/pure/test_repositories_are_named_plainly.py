"""What an engine calls a repository never means another one, or all of them."""

from __future__ import annotations

import pytest

from searchplane.domain.ids import ClusterId
from searchplane.domain.snapshots_seen import OWN_REPOSITORY, repository_name

MINE = ClusterId("1c4aae71-62d7-49b4-85e3-829e18294632")


def test_ones_own_and_that_of_another_cluster() -> None:
    other = ClusterId("07145fee-d8e8-4d0c-acc6-deccbe606ee0")
    assert repository_name(MINE, MINE) == OWN_REPOSITORY
    assert repository_name(MINE, other) == "repo_07145fee"


@pytest.mark.parametrize("folder", ["*", "auto", "auto/*", "../../..", "a,b", "_all", "", "Ä" * 9])
def test_a_folder_of_an_attached_bucket_may_be_called_anything(folder: str) -> None:
    name = repository_name(MINE, ClusterId(folder))
    assert name.removeprefix("repo_").isalnum()
    assert name not in (OWN_REPOSITORY, repository_name(MINE, ClusterId(folder + "x")))
