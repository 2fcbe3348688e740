"""`searchplane snapshot` against a service of its own, over HTTP."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.cli.services import Ran, Run, Served

from searchplane.domain.ids import ClusterId

Do = Callable[..., Ran]


@pytest.fixture(scope="module")
def cluster_id(service: Served) -> Iterator[str]:
    """A cluster called ES-Test with documents in one index; snapshots are on."""
    made = service.create("ES-Test")
    deadline = time.monotonic() + 30
    with service.client() as client:
        while client.get(f"/clusters/{made}").json()["status"] != "200":
            assert time.monotonic() < deadline
            time.sleep(0.05)
    service.driver.add_index(ClusterId(made), "logs", shards=1, replicas=0)
    service.driver.snapshots.write(ClusterId(made), "logs", "one", "two", "three")
    yield made


@pytest.fixture
def do(service: Served, run: Run) -> Do:
    """A command as the first user, with the exit code it must have."""

    def do(*words: str | Path, code: int = 0) -> Ran:
        ran = run("snapshot", *words, "--data", service.data)
        assert ran.code == code, ran
        return ran

    return do


@pytest.fixture
def slow(service: Served) -> Iterator[None]:
    service.driver.snapshots.slowness = 6
    yield
    service.driver.snapshots.slowness = 1


def test_a_snapshot_from_creation_to_end(cluster_id: str, do: Do) -> None:
    taken = do("create", "ES-Test", "--name", "first", "--description", "before", "--wait")
    assert "first is there: indices 1, shards 1, documents 3" in taken.out
    listed = do("list").out
    assert listed.splitlines()[0].split() == [
        "ID",
        "NAME",
        "CLUSTER",
        "STATUS",
        "TAKEN",
        "VERIFIED",
    ]
    assert "first" in do("list", "ES-Test").out
    assert do("list", "another").out == "There are no snapshots.\n"
    shown = do("show", "first").out
    for line in ("status       COMPLETED", "description  before", "logs   3", "verified     -"):
        assert line in shown, shown
    (found,) = json.loads(do("list", "--json").out)
    assert json.loads(do("show", found["id"], "--json").out) == found
    assert "it is deleted" in do("delete", "first", "--wait").out
    assert do("list").out == "There are no snapshots.\n"


def test_what_was_written_over_is_back_after_a_restore(
    service: Served, cluster_id: str, do: Do
) -> None:
    made = json.loads(do("create", cluster_id, "--wait", "--json").out)
    assert made["name"].startswith("manual-")
    service.driver.snapshots.write(ClusterId(cluster_id), "logs", "four")
    refused = do("restore", made["name"], "--wait", code=1)
    assert "the cluster has logs already" in refused.out
    restored = do("restore", made["name"], "--replace", "--wait")
    assert "logs restored" in restored.out
    assert len(service.driver.snapshots.documents(ClusterId(cluster_id), "logs")) == 3
    renamed = ("--rename-pattern", "(.+)", "--rename-replacement", "old-$1")
    assert "old-logs restored" in do("restore", made["name"], *renamed, "--wait").out
    do("delete", made["id"], "--wait")


def test_a_verification_says_what_was_compared(service: Served, cluster_id: str, do: Do) -> None:
    made = json.loads(do("create", "ES-Test", "--indices", "logs", "--wait", "--json").out)
    begun = do("verify", made["name"]).out
    assert begun.startswith(f"{made['name']} is being verified in verify-{made['id'][:8]}: ")
    again = do("verify", made["name"], code=1)
    assert "CSS.0029" in again.err
    assert "now" in do("list").out
    scratch = begun.rsplit(maxsplit=1)[1]
    with service.client() as client:
        while client.get(f"/clusters/{scratch}").status_code != 404:
            time.sleep(0.05)
    shown = do("show", made["name"]).out
    assert "1 index with 3 documents restored and read" in shown
    assert "verified     yes, 20" in shown
    found = json.loads(do("verify", made["name"], "--wait", "--json").out)
    assert found["verified"]["succeeded"] is True
    assert found["verifiedIn"] is None
    do("delete", made["name"], "--wait")


@pytest.mark.usefixtures("slow")
def test_progress_is_shown_as_it_goes(cluster_id: str, run: Run, service: Served, do: Do) -> None:
    do("create", "ES-Test", "--name", "slow")
    waited = run("cluster", "wait", "ES-Test", "--data", service.data)
    assert waited.code == 0
    assert "taking snapshot slow: " in waited.out
    assert re.search(r"[1-9][0-9]*% taking snapshot slow: \d of \d shards, .* of ", waited.out)
    do("delete", "slow", "--wait")


@pytest.mark.usefixtures("slow")
def test_the_work_goes_on_when_the_watching_ends(
    service: Served, cluster_id: str, do: Do, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.driver.snapshots.slowness = 20
    with monkeypatch.context() as patch:
        patch.setattr(time, "sleep", interrupt)
        ended = do("create", "ES-Test", "--name", "patient", "--wait", code=130)
    assert "patient is still being taken; only the watching has ended" in ended.out
    late = do("create", "ES-Test", "--name", "later", "--wait", "--timeout", "0", code=1)
    assert "CSS.3004" in late.err
    do("list")
    over = do("delete", "patient", "--wait", code=1)
    assert "CSS.0029" in over.err
    service.driver.snapshots.slowness = 1


def interrupt(_seconds: float) -> None:
    raise KeyboardInterrupt


def test_a_time_limit_ends_the_watching(service: Served, cluster_id: str, run: Run, do: Do) -> None:
    run("cluster", "wait", "ES-Test", "--data", service.data)
    service.driver.snapshots.slowness = 6
    ended = do("create", "ES-Test", "--name", "timed", "--wait", "--timeout", "0", code=2)
    service.driver.snapshots.slowness = 1
    assert "the time is over, and timed is still being taken" in ended.out
    newest = do("list", "--limit", "1").out
    assert ("timed" in newest, "patient" in newest) == (True, False)
    assert "These are the newest 1 of " in newest
    run("cluster", "wait", "ES-Test", "--data", service.data)


def test_a_snapshot_that_fails_says_why(service: Served, cluster_id: str, do: Do) -> None:
    service.driver.snapshots.snapshots_fail = "no space is left"
    failed = do("create", "ES-Test", "--name", "failing", "--wait", code=1)
    service.driver.snapshots.snapshots_fail = None
    assert "FAILED: no space is left" in failed.out
    assert "failed       no space is left" in do("show", "failing").out


def test_what_is_not_there_is_one_sentence(cluster_id: str, do: Do) -> None:
    assert (
        "no snapshot of this project has the id or name 'nothing'"
        in do("show", "nothing", code=1).err
    )
    assert "no cluster of this project" in do("create", "nothing", code=1).err
