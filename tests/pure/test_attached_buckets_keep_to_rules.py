"""Which folders may become a project's bucket under which name, and when one may be let go."""

from __future__ import annotations

import pytest
from tests.support.cluster_examples import NOW, refused

from searchplane.domain.attaching import attach, check_detachable
from searchplane.domain.ids import ProjectId
from searchplane.domain.snapshots import Bucket

PROJECT = ProjectId("project-1")
OWN = Bucket(PROJECT, "backups", NOW)
ATTACHED = Bucket(PROJECT, "backups", NOW, "/mnt/kept")


def test_a_new_one_is_read_only() -> None:
    made = attach([], PROJECT, "backups", "/mnt/kept", NOW)
    assert made == ATTACHED
    assert made.read_only


def test_the_same_again_is_nothing_new() -> None:
    assert attach([ATTACHED], PROJECT, "backups", "/mnt/kept", NOW) is ATTACHED


@pytest.mark.parametrize(
    ("known", "sentence"),
    [(OWN, "one that is written by its clusters"), (ATTACHED, "one that lies in /mnt/kept")],
)
def test_a_name_stands_for_one_bucket(known: Bucket, sentence: str) -> None:
    error = refused(lambda: attach([known], PROJECT, "backups", "/mnt/other", NOW))
    assert error.code == "CSS.5038"
    assert sentence in error.detail


@pytest.mark.parametrize("name", ["", "ab", "Backups", "../up", "a/b", ".hidden", "a..b", "x" * 64])
def test_a_name_is_that_of_a_bucket(name: str) -> None:
    assert refused(lambda: attach([], PROJECT, name, "/mnt/kept", NOW)).code == "CSS.5038"


@pytest.mark.parametrize("path", ["/mnt/kept", "/mnt/kept/below", "/mnt", "/"])
def test_what_is_in_a_folder_is_in_one_bucket(path: str) -> None:
    error = refused(lambda: attach([ATTACHED], PROJECT, "more", path, NOW))
    assert error.code == "CSS.5038"
    assert "bucket backups, which is attached already, lies in /mnt/kept" in error.detail
    beside = "/mnt/kept-2"
    assert attach([OWN, ATTACHED], PROJECT, "more", beside, NOW).path == beside


@pytest.mark.parametrize("known", [None, OWN])
def test_only_what_is_attached_is_detached(known: Bucket | None) -> None:
    assert refused(lambda: check_detachable(known, "backups", ())).code == "CSS.5038"
    assert check_detachable(ATTACHED, "backups", ()) is ATTACHED


def test_a_bucket_that_is_read_now_stays() -> None:
    error = refused(lambda: check_detachable(ATTACHED, "backups", ["is being restored"]))
    assert error.code == "CSS.5090"
    assert "is being restored" in error.detail
