"""Secrets at rest are sealed with a key that can be rotated, shared and missed."""

from __future__ import annotations

import re
import shutil
import stat
from pathlib import Path

import pytest

from searchplane.errors import Permanent
from searchplane.iam.sealing import Seals

PLAIN = "-----BEGIN PRIVATE KEY-----"


def test_what_is_sealed_can_be_read_again_and_shows_nothing(tmp_path: Path) -> None:
    seals = Seals.open(tmp_path)
    sealed = seals.seal(PLAIN)
    assert PLAIN not in sealed
    assert sealed != seals.seal(PLAIN)
    assert sealed.startswith(seals.current)
    assert seals.unseal(sealed) == Seals.open(tmp_path).unseal(sealed) == PLAIN


def test_the_keys_are_for_their_owner_only(tmp_path: Path) -> None:
    (tmp_path / "seals").mkdir(mode=0o755)
    Seals.open(tmp_path)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.rglob("*")}
    assert modes == {"seals": 0o700, "1": 0o600}


def test_plain_values_of_earlier_releases_are_given_back(tmp_path: Path) -> None:
    assert Seals.open(tmp_path).unseal(PLAIN) == PLAIN


def test_after_a_rotation_new_seals_have_the_new_key_and_old_ones_are_read(tmp_path: Path) -> None:
    seals, other = Seals.open(tmp_path), Seals.open(tmp_path)
    old = seals.seal(PLAIN)
    seals.rotate()
    new = seals.seal(PLAIN)
    assert new.startswith(seals.current)
    assert not old.startswith(seals.current)
    assert seals.unseal(old) == PLAIN
    assert other.unseal(new) == PLAIN, "another process finds the new key"
    (tmp_path / "seals" / "1").unlink()
    with pytest.raises(Permanent, match=old.split(":")[1]):
        Seals.open(tmp_path).unseal(old)


def test_another_process_seals_with_the_new_key_at_once(tmp_path: Path) -> None:
    seals, other = Seals.open(tmp_path), Seals.open(tmp_path)
    assert (seals.rotate(), other.rotate()) == (2, 3)
    assert seals.seal(PLAIN).startswith(other.current)


def test_a_lost_key_is_named_and_never_replaced_in_silence(tmp_path: Path) -> None:
    sealed = Seals.open(tmp_path).seal(PLAIN)
    shutil.rmtree(tmp_path / "seals")
    with pytest.raises(Permanent, match=f"key {sealed.split(':')[1]}.*restore") as refused:
        Seals.open(tmp_path).unseal(sealed)
    assert sealed not in str(refused.value)


def test_a_file_that_is_no_key_is_refused_without_showing_it(tmp_path: Path) -> None:
    Seals.open(tmp_path)
    (tmp_path / "seals" / "1").write_text("not a key")
    with pytest.raises(Permanent, match=re.escape(f"{tmp_path}/seals is not a key")) as refused:
        Seals.open(tmp_path)
    assert "not a key" not in str(refused.value).replace("is not a key", "")


@pytest.mark.parametrize("foreign", ["", PLAIN, "sealed", "sealed::", "sealed:00:x", "sealed:\x00"])
def test_what_anybody_may_have_sent_is_only_read_when_it_was_sealed_here(
    tmp_path: Path, foreign: str
) -> None:
    seals = Seals.open(tmp_path)
    assert seals.unseal_foreign(foreign) is None
    assert seals.unseal_foreign(f"{seals.current}{foreign}") is None
    sealed = seals.seal(PLAIN)
    assert seals.unseal_foreign(sealed) == PLAIN
    assert seals.unseal_foreign(sealed[:-1]) is None
    assert seals.unseal_foreign(f"{sealed}\u00e9") is None


def test_the_first_of_two_processes_makes_the_key(tmp_path: Path) -> None:
    first = Seals.open(tmp_path)
    assert Seals.open(tmp_path).current == first.current
    assert [path.name for path in (tmp_path / "seals").iterdir()] == ["1"]
