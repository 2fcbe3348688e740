"""After a disaster, on paper: from the folder of a bucket alone, and from a backup and buckets."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.cli.services import PATIENCE_SECONDS, Run, Served, fake, served

from searchplane.domain.cluster import Action, ActionKind
from searchplane.domain.ids import ClusterId
from searchplane.store import clusters

BOOKS = ("one book", "another book", "größe ☃")


@pytest.fixture(autouse=True)
def paper(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands work with the fake driver, as the services here do."""
    monkeypatch.setenv("SEARCHPLANE_DRIVER", "fake")


def until(is_so: Callable[[], bool], otherwise: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.02)


def ask(service: Served, method: str, path: str, body: Any = None) -> Any:
    with service.client() as client:
        answer = client.request(method, path, json=body)
    assert answer.status_code < 300, answer.text
    return answer.json() if answer.content else None


def idle(service: Served, cluster_id: str) -> None:
    def is_idle() -> bool:
        shown = ask(service, "GET", f"/clusters/{cluster_id}")
        return bool(shown["status"] == "200" and not shown["actions"])

    until(is_idle, "the cluster is not available")


def cluster_with_books(service: Served, *books: str) -> str:
    made = service.create("ES-Test")
    idle(service, made)
    service.driver.add_index(ClusterId(made), "books", shards=2, replicas=1)
    service.driver.snapshots.write(ClusterId(made), "books", *books)
    return made


def taken(service: Served, cluster_id: str, name: str) -> str:
    """The id of a new snapshot, once it is complete."""
    made = ask(service, "POST", f"/clusters/{cluster_id}/index_snapshot", {"name": name})
    idle(service, cluster_id)
    assert [one["status"] for one in listed(service, cluster_id) if one["name"] == name] == [
        "COMPLETED"
    ]
    return str(made["backup"]["id"])


def listed(service: Served, cluster_id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ask(service, "GET", f"/clusters/{cluster_id}/index_snapshots")[
        "backups"
    ]
    return found


def documents(service: Served, cluster_id: str) -> list[str]:
    return sorted(service.driver.snapshots.documents(ClusterId(cluster_id), "books"))


def bucket_of(data: Path) -> Path:
    (bucket,) = (data / "buckets").glob("*/*")
    return bucket


def test_documents_come_back_from_the_folder_of_a_bucket_alone(tmp_path: Path, run: Run) -> None:
    with served(fake(tmp_path / "first")) as service:
        old = cluster_with_books(service, *BOOKS)
        snapshot = taken(service, old, "before-the-fire")
    elsewhere = shutil.copytree(bucket_of(tmp_path / "first"), tmp_path / "elsewhere")
    shutil.rmtree(tmp_path / "first")
    with served(fake(tmp_path / "second")) as service:
        new = service.create("ES-New")
        idle(service, new)
        attached = run("bucket", "attach", elsewhere, "--project", "local", "--data", service.data)
        assert "It holds the snapshots of 1 cluster" in attached.out, attached.err
        until(lambda: bool(inside(service)), "the bucket's snapshots are not listed")
        assert inside(service) == [("elsewhere", True, 1)]
        path = f"/clusters/{old}/index_snapshot/{snapshot}"
        ask(service, "POST", f"{path}/restore", {"targetCluster": new})
        idle(service, new)
        assert documents(service, new) == sorted(BOOKS)
        with service.client() as client:
            assert client.delete(path).status_code >= 400  # nothing in it is ours to delete
        table = run("bucket", "list", "--data", service.data).out
        assert "attached, to read from" in table
        told = run("bucket", "list", "--json", "--data", service.data).out
        assert '"problem": null' in told
        words = ("bucket", "detach", "elsewhere", "--project", "local", "--data", service.data)
        recorded(service, new, Action(ActionKind.CREATING, datetime.now(UTC), id=snapshot))
        assert "is what the cluster ES-New is formed anew from" in run(*words).err
        recorded(service, new, None)
        assert "its folder is untouched" in run(*words).out
        assert all(not read_only for _name, read_only, _count in inside(service))
        assert not list((service.data / "buckets").glob("*/elsewhere"))
    assert any(elsewhere.rglob("*.json"))
    lines = run("audit", "--data", tmp_path / "second").out
    assert "bucketAttach" in lines
    assert "bucketDetach" in lines


def recorded(service: Served, cluster_id: str, action: Action | None) -> None:
    """That this is being done to a cluster that is paused."""
    with service.service.services.database.write() as connection:
        there = clusters.find(connection, ClusterId(cluster_id))
        assert there is not None
        clusters.change(connection, there, replace(there, paused=True, action=action))


def inside(service: Served) -> list[tuple[str, bool, int]]:
    """Buckets that hold listed snapshots: name, whether attached, how many."""
    found = ask(service, "GET", "/buckets")["buckets"]
    return [(one["name"], one["readOnly"], one["snapshots"]) for one in found if one["snapshots"]]


def test_a_cluster_of_which_nothing_is_left_is_rebuilt_from_its_newest_snapshot(
    tmp_path: Path, run: Run
) -> None:
    """The newest one is younger than the backup: it is found in the bucket."""
    with served(fake(tmp_path / "first")) as service:
        made = cluster_with_books(service, *BOOKS[:1])
        taken(service, made, "older")
        assert run("backup", tmp_path / "kept", "--data", service.data).code == 0
        service.driver.snapshots.write(ClusterId(made), "books", *BOOKS[1:])
        taken(service, made, "newer")
    assert run("restore", tmp_path / "kept", "--data", tmp_path / "second").code == 0
    (tmp_path / "first" / "buckets").rename(tmp_path / "second" / "buckets")
    shutil.rmtree(tmp_path / "first")
    with served(fake(tmp_path / "second")) as service:

        def sentence() -> str:
            return str(ask(service, "GET", f"/clusters/{made}")["sentence"])

        until(lambda: "cluster rebuild ES-Test" in sentence(), "the loss is not said")
        assert service.driver.members(ClusterId(made)).known == {}
        assert "may_begin_again" in run("cluster", "show", "ES-Test", "--data", service.data).out
        ran = run("cluster", "rebuild", "ES-Test", "--data", service.data)
        assert "form it anew and restore its newest snapshot" in ran.out, ran.err
        idle(service, made)
        assert documents(service, made) == sorted(BOOKS)
        assert {one["name"] for one in listed(service, made)} >= {"older", "newer"}
        events = run("cluster", "events", "ES-Test", "--data", service.data).out
        assert "formed anew; restore books of the snapshot newer of ES-Test" in events
        again = run("cluster", "rebuild", "ES-Test", "--data", service.data)
        assert again.code == 1
        assert "it is not known that nothing of the cluster is left" in again.err


def test_without_its_bucket_it_is_rebuilt_empty_and_says_so(tmp_path: Path, run: Run) -> None:
    with served(fake(tmp_path / "first")) as service:
        made = cluster_with_books(service, *BOOKS)
        snapshot = taken(service, made, "gone-with-its-bucket")
        run("backup", tmp_path / "kept", "--data", service.data)
    run("restore", tmp_path / "kept", "--data", tmp_path / "second")
    with served(fake(tmp_path / "second")) as service:
        until(
            lambda: "rebuild" in ask(service, "GET", f"/clusters/{made}")["sentence"],
            "the loss is not said",
        )
        wrong = run("cluster", "rebuild", made, "--snapshot", "none", "--data", service.data)
        assert "the project has no such snapshot" in wrong.err
        run("cluster", "rebuild", made, "--data", service.data)
        idle(service, made)
        events = run("cluster", "events", made, "--data", service.data).out
        assert "snapshot gone-with-its-bucket is not in the repository" in events
        # The bucket may only not be mounted, so the snapshot is not given up for lost.
        (kept,) = (one for one in listed(service, made) if one["id"] == snapshot)
        assert (kept["status"], kept["restoreStatus"]) == ("COMPLETED", "failed")


def test_a_bucket_that_cannot_be_attached_is_a_sentence(tmp_path: Path, run: Run) -> None:
    with served(fake(tmp_path / "data")) as service:

        def attach(folder: Path, *more: str) -> str:
            words = ("--project", "local", "--data", service.data, *more)
            return run("bucket", "attach", folder, *words).err

        (tmp_path / "kept").mkdir()
        (tmp_path / "other").mkdir()
        assert attach(tmp_path / "kept") == ""
        assert attach(tmp_path / "kept") == ""
        assert "the project has one that lies in" in attach(tmp_path / "other", "--name", "kept")
        assert "is not a folder" in attach(tmp_path / "none")
        assert "holds buckets of this service" in attach(service.data / "buckets")
        assert "3 to 63 lower-case letters" in attach(tmp_path / "other", "--name", "../up")
        (tmp_path / "kept" / "below").mkdir()
        assert "which is attached already, lies in" in attach(tmp_path / "kept" / "below")
        (tmp_path / "other" / "out").symlink_to(tmp_path / "kept")
        assert "leads out of" in attach(tmp_path / "other")
        assert "other" not in run("bucket", "list", "--data", service.data).out
        wrong = run("bucket", "detach", "other", "--project", "none", "--data", service.data)
        assert "no project has the id or name 'none'" in wrong.err
        wrong = run("bucket", "detach", "other", "--project", "local", "--data", service.data)
        assert "the project has none of it attached" in wrong.err
