"""Process records, user numbers, addresses and what an errno means to a person."""

from __future__ import annotations

import errno
import json
from itertools import islice
from pathlib import Path

import pytest

from searchplane.domain.ids import NodeId
from searchplane.drivers.process.addresses import ATTEMPTS, candidates, choose
from searchplane.drivers.process.failures import explained
from searchplane.drivers.process.identity import MalformedRecord, ProcessRecord, parse_record
from searchplane.drivers.process.launcher import start_time
from searchplane.drivers.process.users import Owner, TenantUsers
from searchplane.errors import Permanent, SearchplaneError, Transient

GOOD = {"pid": 7, "start": 99, "boot": "b", "logs": {"server.log": 12}}


def test_a_record_is_read_back() -> None:
    assert parse_record(json.dumps(GOOD)) == ProcessRecord(7, 99, "b", {"server.log": 12})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "7",
        "null",
        "[]",
        json.dumps({**GOOD, "pid": "seven"}),
        json.dumps({**GOOD, "pid": 0}),
        json.dumps({**GOOD, "pid": -1}),
        json.dumps({**GOOD, "pid": 2**40}),
        json.dumps({**GOOD, "start": float("inf")}),
        "[" * 100_000,
        json.dumps({**GOOD, "logs": []}),
        json.dumps({key: value for key, value in GOOD.items() if key != "start"}),
    ],
)
def test_a_malformed_record_is_refused(text: str) -> None:
    with pytest.raises(MalformedRecord, match="not a process record"):
        parse_record(text)


@pytest.mark.parametrize("name", ["java", "a b", "x) (y", ") R 1 2 3"])
def test_the_start_time_is_field_22_whatever_the_program_is_called(name: str) -> None:
    fields = " ".join(str(number) for number in range(4, 53))
    assert start_time(f"123 ({name}) S {fields}") == 22


@pytest.mark.parametrize(
    ("number", "kind", "words"),
    [
        (errno.ENOSPC, Transient, "No space is left on the disk of /data/n1"),
        (errno.EDQUOT, Transient, "No space is left on the disk of /data/n1"),
        (errno.EACCES, Permanent, "writing in /data/n1 is not permitted"),
        (errno.EROFS, Permanent, "writing in /data/n1 is not permitted"),
        (errno.EINVAL, Permanent, "numbers of the nodes' users must be mapped"),
        (errno.EIO, Transient, "writing in /data/n1 failed: oh \\(file\\)"),
    ],
)
def test_an_errno_becomes_a_sentence_that_names_the_folder(
    number: int, kind: type[SearchplaneError], words: str
) -> None:
    with pytest.raises(kind, match=words), explained("writing", Path("/data/n1")):
        raise OSError(number, "oh", "file")


def test_a_project_has_the_same_user_always_and_no_other_has_it() -> None:
    users = TenantUsers(100, 102)
    assert [users.owner(tenant) for tenant in range(3)] == [Owner(n, n) for n in (100, 101, 102)]


@pytest.mark.parametrize("tenant", [-1, 3])
def test_a_project_outside_the_range_has_no_user(tenant: int) -> None:
    with pytest.raises(Permanent, match="range 100 to 102 holds 3 projects"):
        TenantUsers(100, 102).owner(tenant)


def test_addresses_follow_from_the_id_and_leave_the_low_blocks_free() -> None:
    first = list(islice(candidates(NodeId("n1")), 1000))
    assert first == list(islice(candidates(NodeId("n1")), 1000))
    assert first[:10] != list(islice(candidates(NodeId("n2")), 10))
    for address in first:
        one, two, three, four = map(int, address.split("."))
        assert (one, 16 <= two <= 255, 0 <= three <= 255, 1 <= four <= 254) == (
            127, True, True, True,
        )  # fmt: skip


def test_a_busy_address_is_passed_over() -> None:
    wanted = list(islice(candidates(NodeId("n1")), 3))
    assert choose(NodeId("n1"), lambda address: address == wanted[2]) == wanted[2]


def test_ports_that_are_taken_everywhere_are_said() -> None:
    tried: list[str] = []

    def busy(address: str) -> bool:
        tried.append(address)
        return False

    with pytest.raises(Transient, match=r"0\.0\.0\.0"):
        choose(NodeId("n1"), busy)
    assert len(tried) == ATTEMPTS
