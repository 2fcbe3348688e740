"""A restore ends well where the files are good, whatever it is to make; of what the snapshot does
not hold it names the index, and has touched nothing."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from tests.support.backed_world import BackedWorld

from searchplane.domain.observed import Target
from searchplane.domain.restoring import Wish
from searchplane.domain.snapshots import Renaming
from searchplane.drivers.fake.snapshots import FakeSnapshots


def damaged(world: BackedWorld, old: str, new: str) -> None:
    """Change what lies in the bucket, behind everybody's back."""
    (path,) = world.bucket.rglob("first.json")
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


@pytest.fixture
def closed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The indices that are closed."""
    names: list[str] = []
    real = FakeSnapshots.close_indices

    async def close(port: FakeSnapshots, target: Target, identities: Mapping[str, str]) -> None:
        names.extend(identities)
        await real(port, target, identities)

    monkeypatch.setattr(FakeSnapshots, "close_indices", close)
    return names


def test_an_index_that_was_never_there_is_made(backed: BackedWorld) -> None:
    backed.take("first")
    backed.settle()
    made = backed.restore("first", Wish("logs", Renaming("logs", "never-seen-before")))
    backed.settle()
    assert backed.restored(made).succeeded
    assert backed.documents("never-seen-before") == backed.documents("logs")


@pytest.mark.parametrize("replaces", [True, False])
def test_what_the_snapshot_does_not_hold_is_named_and_nothing_touched(
    backed: BackedWorld, closed: list[str], replaces: bool
) -> None:
    backed.take("first")
    backed.settle()
    damaged(backed, '"logs"', '"lost"')
    backed.write("books", "written since")
    rename = None if replaces else Renaming("(.+)", "$1-back")
    asked = backed.restore("first", Wish("*", rename, replaces))
    backed.settle()
    found = backed.restored(asked)
    assert (found.succeeded, found.ended is not None) == (False, True)
    assert "logs" in str(found.reason)
    assert closed == []
    assert backed.names() == {"books", "logs"}
    assert "written since" in backed.documents("books")
    assert backed.row("first").restore_status == "failed"
    assert any("the restore has failed" in said and "logs" in said for said in backed.told())


def test_a_snapshot_whose_files_are_gone_closes_nothing(
    backed: BackedWorld, closed: list[str]
) -> None:
    backed.take("first")
    backed.settle()
    (path,) = backed.bucket.rglob("first.json")
    path.unlink()
    asked = backed.restore("first", Wish("*", replaces=True))
    backed.settle()
    assert backed.restored(asked).reason == "the snapshot first is not in its bucket"
    assert closed == []
