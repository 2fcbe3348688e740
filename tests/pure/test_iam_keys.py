"""Token keys on disk: made once, private, and ready to be rotated."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.fernet import Fernet, InvalidToken

from searchplane.errors import Permanent
from searchplane.iam.keys import open_keys


def test_the_first_start_makes_a_primary_and_a_staged_key(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    open_keys(folder)
    assert sorted(path.name for path in folder.iterdir()) == ["0", "1"]


def test_only_the_owner_can_read_them(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    open_keys(folder)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}


def test_the_next_start_reads_what_the_first_sealed(tmp_path: Path) -> None:
    sealed = open_keys(tmp_path / "keys").encrypt(b"x")
    assert open_keys(tmp_path / "keys").decrypt(sealed) == b"x"


@pytest.mark.parametrize("lost", ["0", "1"])
def test_a_first_start_that_was_cut_short_is_completed(tmp_path: Path, lost: str) -> None:
    open_keys(tmp_path)
    (tmp_path / lost).unlink()
    open_keys(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0", "1"]


def test_the_highest_number_seals_and_all_are_read(tmp_path: Path) -> None:
    old = open_keys(tmp_path).encrypt(b"old")
    newest, staged = Fernet.generate_key(), (tmp_path / "0").read_bytes()
    (tmp_path / "10").write_bytes(newest)
    keys = open_keys(tmp_path)
    assert Fernet(newest).decrypt(keys.encrypt(b"new")) == b"new"
    assert keys.decrypt(old) == b"old"
    assert keys.decrypt(Fernet(staged).encrypt(b"next")) == b"next"


def test_a_retired_key_is_not_read(tmp_path: Path) -> None:
    old = open_keys(tmp_path).encrypt(b"old")
    (tmp_path / "2").write_bytes(Fernet.generate_key())
    (tmp_path / "1").unlink()
    with pytest.raises(InvalidToken):
        open_keys(tmp_path).decrypt(old)


@pytest.mark.parametrize("content", [b"", b"not a key"])
def test_a_damaged_key_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "3").write_bytes(content)
    with pytest.raises(Permanent, match="3 is not a key"):
        open_keys(tmp_path)
