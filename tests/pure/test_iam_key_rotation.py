"""Token keys under a running service: replaced, noticed, and retired when nobody needs them."""

from __future__ import annotations

import os
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from searchplane.domain.ids import UserId
from searchplane.errors import Transient
from searchplane.iam import key_ring
from searchplane.iam.key_ring import HURRIED_LOOK_SECONDS, LOOK_SECONDS, UPKEEP_SECONDS, KeyRing
from searchplane.iam.keys import NOTICED, Use, list_keys, open_keys, retire, rotate
from searchplane.iam.tokens import Claims, Method, Tokens, new_audit_id

LIFETIME = timedelta(hours=24)
NOW = datetime.now(UTC).replace(microsecond=0)


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


def service(folder: Path, clock: Clock, rotate_after: timedelta | None = None) -> Tokens:
    """The tokens of one process."""
    return Tokens(KeyRing(folder, LIFETIME, rotate_after, clock))


def claims() -> Claims:
    now = datetime.now(UTC)
    return Claims(UserId(new_audit_id()), Method.PASSWORD, now, now + LIFETIME, new_audit_id())


def numbers(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_staged_key_becomes_the_primary_and_a_new_one_is_staged(tmp_path: Path) -> None:
    open_keys(tmp_path)
    staged = (tmp_path / "0").read_bytes()
    assert rotate(tmp_path, LIFETIME, NOW) == 2
    assert numbers(tmp_path) == ["0", "1", "2"]
    assert (tmp_path / "2").read_bytes() == staged
    assert (tmp_path / "0").read_bytes() != staged
    assert (tmp_path / "2").stat().st_mode & 0o777 == 0o600


def test_a_key_is_kept_as_long_as_its_tokens_can_live(tmp_path: Path) -> None:
    open_keys(tmp_path)
    rotate(tmp_path, LIFETIME, NOW)
    last = NOW + LIFETIME + NOTICED
    assert retire(tmp_path, LIFETIME, last - timedelta(seconds=1)) == 0
    assert retire(tmp_path, LIFETIME, last) == 1
    assert numbers(tmp_path) == ["0", "2"]


def test_many_rotations_in_a_day_keep_every_key_that_is_needed(tmp_path: Path) -> None:
    open_keys(tmp_path)
    for hour in range(30):
        rotate(tmp_path, LIFETIME, NOW + timedelta(hours=hour))
    kept = [key.number for key in list_keys(tmp_path, LIFETIME) if key.use is Use.OLD]
    assert kept == list(range(30, 5, -1))


def test_the_list_says_what_each_key_is_for(tmp_path: Path) -> None:
    open_keys(tmp_path)
    rotate(tmp_path, LIFETIME, NOW)
    primary, old, staged = list_keys(tmp_path, LIFETIME)
    assert (primary.number, primary.use, primary.since) == (2, Use.PRIMARY, NOW)
    assert (old.number, old.use, old.needed_until) == (1, Use.OLD, NOW + LIFETIME + NOTICED)
    assert (staged.number, staged.use) == (0, Use.STAGED)


def test_a_rotation_that_is_cut_short_leaves_a_whole_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sealed = open_keys(tmp_path).encrypt(b"x")
    writes: list[Path] = []

    def write_once(path: Path, content: bytes) -> None:
        if writes:
            raise Transient("the disk is full")
        writes.append(path)
        path.write_bytes(content)

    monkeypatch.setattr("searchplane.iam.keys.write_private", write_once)
    with pytest.raises(Transient):
        rotate(tmp_path, LIFETIME, NOW)
    monkeypatch.undo()
    assert open_keys(tmp_path).decrypt(sealed) == b"x"
    assert rotate(tmp_path, LIFETIME, NOW) == 3


def test_two_rotations_at_once_are_one_after_the_other(tmp_path: Path) -> None:
    open_keys(tmp_path)
    threads = [threading.Thread(target=rotate, args=(tmp_path, LIFETIME, NOW)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert numbers(tmp_path) == ["0", "1", "2", "3", "4", "5"]


def test_of_those_who_find_it_due_at_once_one_rotates(tmp_path: Path) -> None:
    open_keys(tmp_path)
    later = NOW + timedelta(days=30)
    assert rotate(tmp_path, LIFETIME, later, due=timedelta(days=7)) == 2
    assert rotate(tmp_path, LIFETIME, later, due=timedelta(days=7)) == 2


def test_old_tokens_stay_valid_and_new_ones_are_read_by_every_process(
    tmp_path: Path, clock: Clock
) -> None:
    here, there = service(tmp_path, clock), service(tmp_path, clock)
    old = here.seal(claims())
    rotate(tmp_path, LIFETIME, NOW)
    clock.seconds += LOOK_SECONDS
    new = here.seal(claims())
    clock.seconds -= LOOK_SECONDS  # the other process has not looked yet
    for tokens in (here, there):
        assert tokens.read(old.value) == old.claims
        assert tokens.read(new.value) == new.claims


def test_a_process_that_missed_two_rotations_looks_when_a_token_is_unreadable(
    tmp_path: Path, clock: Clock
) -> None:
    there = service(tmp_path, clock)
    rotate(tmp_path, LIFETIME, NOW)
    rotate(tmp_path, LIFETIME, NOW)
    new = service(tmp_path, clock).seal(claims())
    assert there.read(new.value) is None
    clock.seconds += HURRIED_LOOK_SECONDS
    assert there.read(new.value) == new.claims


def test_a_remembered_token_does_not_outlive_its_key(tmp_path: Path, clock: Clock) -> None:
    tokens = service(tmp_path, clock)
    old = tokens.seal(claims())
    assert tokens.read(old.value) == old.claims
    before = tokens.generation
    rotate(tmp_path, LIFETIME, NOW - LIFETIME * 2)
    retire(tmp_path, LIFETIME, NOW)
    clock.seconds += LOOK_SECONDS
    assert tokens.read(old.value) is None
    assert tokens.generation > before


def test_by_schedule_the_running_service_rotates(tmp_path: Path, clock: Clock) -> None:
    tokens = service(tmp_path, clock, rotate_after=timedelta(days=7))
    old = tokens.seal(claims())
    assert numbers(tmp_path) == ["0", "1"]
    past = NOW.timestamp() - 8 * 24 * 3600
    os.utime(tmp_path / "1", (past, past))
    clock.seconds += UPKEEP_SECONDS
    assert tokens.read(old.value) == old.claims
    assert numbers(tmp_path) == ["0", "1", "2"]


def test_a_running_service_retires_keys(tmp_path: Path, clock: Clock) -> None:
    tokens = service(tmp_path, clock)
    rotate(tmp_path, LIFETIME, NOW - LIFETIME * 2)
    clock.seconds += UPKEEP_SECONDS
    tokens.seal(claims())
    assert numbers(tmp_path) == ["0", "2"]


def test_a_folder_that_cannot_be_read_changes_nothing(
    tmp_path: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "keys"
    tokens = service(folder, clock)
    token = tokens.seal(claims())
    folder.rename(tmp_path / "away")
    clock.seconds += LOOK_SECONDS
    assert tokens.read(token.value) == token.claims
    assert "the token keys stay as they are" in caplog.text


def test_the_folder_is_looked_at_once_a_second(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    ring = KeyRing(tmp_path, LIFETIME, None, clock)
    looks: list[int] = []
    stamp = ring._stamp
    monkeypatch.setattr(ring, "_stamp", lambda: looks.append(1) or stamp())
    for _ in range(100):
        clock.seconds += 0.02
        ring.current()
    assert len(looks) == pytest.approx(2, abs=1)
    assert key_ring.LOOK_SECONDS == 1.0
