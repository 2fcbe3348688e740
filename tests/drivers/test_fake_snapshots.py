"""The fake engine keeps what the loop relies on: snapshots outlive clusters, kills leave halves."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from driver_rigs import FakeRig, new_spec, placed
from tests.support.snapshot_examples import KEPT

from searchplane.domain.engines import OPENSEARCH_1_3_6, OPENSEARCH_2_19_1, Engine
from searchplane.domain.ids import ClusterId, SnapshotId
from searchplane.domain.observed import Target
from searchplane.domain.snapshots import SnapshotStatus, TargetIndex
from searchplane.domain.snapshots_seen import OWN_REPOSITORY, label_of
from searchplane.drivers.base import NodeRef, Storage
from searchplane.drivers.fake import FakeDriver
from searchplane.drivers.fake.engine import lost
from searchplane.errors import Permanent, Transient

BOOKS = (TargetIndex("books", "books"),)


@dataclass(frozen=True)
class Rig:
    """A cluster of one node with a repository, or one that reads another's."""

    driver: FakeDriver
    ref: NodeRef
    target: Target

    @property
    def cluster(self) -> ClusterId:
        return self.ref.cluster_id

    async def taken(self, name: str, **changes: object) -> SnapshotStatus:
        wanted = replace(KEPT, name=name, id=SnapshotId(name), **changes)  # type: ignore[arg-type]
        await self.driver.snapshots.begin_snapshot(self.target, OWN_REPOSITORY, wanted)
        while True:
            seen = await self.driver.snapshots.look(self.target, OWN_REPOSITORY, (name,))
            if seen.snapshots[name].status is not SnapshotStatus.BUILDING:
                return seen.snapshots[name].status

    async def restore(self, name: str, repository: str = OWN_REPOSITORY) -> None:
        await self.driver.snapshots.begin_restore(
            self.target, repository, name, BOOKS, partial=False
        )


async def cluster(
    driver: FakeDriver, root: Path, name: str = "c1", engine: Engine = OPENSEARCH_2_19_1
) -> Rig:
    files = {"opensearch.yml": f"path.repo: ['{root}']".encode()}
    spec = await placed(driver, replace(new_spec(name), engine=engine, files=files))
    await driver.ensure(spec)
    return Rig(driver, spec.ref, Target((spec.address,)))


@pytest.fixture
async def rig(fake_rig: FakeRig, tmp_path: Path) -> Rig:
    made = await cluster(fake_rig.driver(), tmp_path)
    snapshots = made.driver.snapshots
    await snapshots.register(made.target, OWN_REPOSITORY, KEPT.repository, read_only=False)
    made.driver.add_index(made.cluster, "books", shards=2, replicas=0)
    snapshots.write(made.cluster, "books", "one", "two")
    return made


async def test_documents_of_the_moment_are_back_in_another_cluster(
    rig: Rig, tmp_path: Path
) -> None:
    assert await rig.taken("first") is SnapshotStatus.COMPLETED
    rig.driver.snapshots.write(rig.cluster, "books", "three")
    await rig.driver.stop(rig.ref)
    await rig.driver.remove(rig.ref, Storage.DROP)
    other = await cluster(rig.driver, tmp_path, "c2")
    snapshots = other.driver.snapshots
    await snapshots.register(other.target, "repo_c1", KEPT.repository, read_only=True)
    (seen,) = (await snapshots.look(other.target, "repo_c1")).snapshots.values()
    assert seen.label == label_of(replace(KEPT, name="first", id=SnapshotId("first")))
    await other.restore("first", "repo_c1")
    looks = [await snapshots.look_at_indices(other.target, ("books",)) for _ in range(2)]
    assert [look["books"].restoring for look in looks] == [2, 0]
    assert looks[-1]["books"].is_restored
    assert snapshots.documents(other.cluster, "books") == ("one", "two")
    with pytest.raises(Permanent, match="read-only"):
        await snapshots.delete_snapshot(other.target, "repo_c1", "first")


async def test_an_older_engine_refuses_what_a_newer_one_took(rig: Rig, tmp_path: Path) -> None:
    await rig.taken("first")
    old = await cluster(rig.driver, tmp_path, "c2", OPENSEARCH_1_3_6)
    await rig.driver.snapshots.register(old.target, "repo_c1", KEPT.repository, read_only=True)
    with pytest.raises(Permanent, match=r"of version 2\.19\.1, which is later"):
        await old.restore("first", "repo_c1")


async def test_a_kill_of_all_nodes_leaves_a_half_snapshot_until_it_is_cleaned(
    rig: Rig, tmp_path: Path
) -> None:
    snapshots = rig.driver.snapshots
    await snapshots.begin_snapshot(rig.target, OWN_REPOSITORY, KEPT)
    rig.driver.kill(rig.ref)
    again = await cluster_again(rig)
    assert not (await snapshots.look(again.target, OWN_REPOSITORY)).snapshots
    assert len(halves(tmp_path)) == 1
    await snapshots.clean(again.target, OWN_REPOSITORY)
    assert not halves(tmp_path)


def halves(root: Path) -> list[Path]:
    return list(root.rglob("*.half"))


async def test_a_kill_of_all_nodes_loses_a_restore(rig: Rig) -> None:
    """A new index is lost; one that was restored over has its old documents again."""
    snapshots = rig.driver.snapshots
    await rig.taken("first")
    snapshots.write(rig.cluster, "books", "three")
    before = (await snapshots.look_at_indices(rig.target, ("books",)))["books"]
    await snapshots.close_indices(rig.target, {"books": before.identity})
    await rig.restore("first")
    both = [TargetIndex("books", "books-2")]
    await snapshots.begin_restore(rig.target, OWN_REPOSITORY, "first", both, partial=False)
    rig.driver.kill(rig.ref)
    again = await cluster_again(rig)
    seen = await snapshots.look_at_indices(again.target, ("books", "books-2"))
    assert (seen["books"].emptied, seen["books"].is_restored) == (2, False)
    assert seen["books"].identity != before.identity
    assert snapshots.documents(rig.cluster, "books") == ("one", "two", "three")
    assert (seen["books-2"].failed, seen["books-2"].reason) == (2, "all nodes ended")
    assert not lost(rig.driver.engine(rig.cluster))


async def cluster_again(rig: Rig) -> Rig:
    """The same node, started anew."""
    spec = replace(new_spec("c1"), ref=rig.ref, address=rig.target.addresses[0])
    await rig.driver.ensure(spec)
    return rig


async def test_one_is_started_only_once_and_not_under_anothers_name(rig: Rig) -> None:
    await rig.taken("first")
    await rig.taken("first")
    other = replace(KEPT, name="first", id=SnapshotId("another"))
    with pytest.raises(Permanent, match="another snapshot that is called first"):
        await rig.driver.snapshots.begin_snapshot(rig.target, OWN_REPOSITORY, other)


async def test_what_was_wished_for_goes_wrong(rig: Rig) -> None:
    snapshots = rig.driver.snapshots
    snapshots.snapshots_fail = "the disk is full"
    assert await rig.taken("bad") is SnapshotStatus.FAILED
    snapshots.snapshots_fail = None
    await rig.taken("good")
    snapshots.restores_fail = "damaged"
    seen = await snapshots.look_at_indices(rig.target, ("books",))
    await snapshots.delete_indices(rig.target, {"books": seen["books"].identity})
    await rig.restore("good")
    for _ in range(3):
        seen = await snapshots.look_at_indices(rig.target, ("books",))
    assert (seen["books"].failed, seen["books"].reason) == (2, "damaged")
    snapshots.busy = "not now"
    with pytest.raises(Transient, match="not now"):
        await rig.restore("good")
    snapshots.busy, snapshots.refuses = None, "never"
    with pytest.raises(Permanent, match="never"):
        await rig.restore("good")


async def test_a_shard_fails_whose_node_ended_meanwhile(fake_rig: FakeRig, tmp_path: Path) -> None:
    driver = fake_rig.driver()
    files = {"opensearch.yml": f"path.repo: ['{tmp_path}']".encode()}
    specs = [
        await placed(driver, replace(new_spec("c1"), name=f"es-{number}", files=files))
        for number in range(3)
    ]
    for spec in specs:
        await driver.ensure(spec)
    rig = Rig(driver, specs[0].ref, Target(tuple(spec.address for spec in specs)))
    place = (rig.target, OWN_REPOSITORY, KEPT.repository)
    await driver.snapshots.register(*place, read_only=False)
    driver.add_index(rig.cluster, "books", shards=3, replicas=0)
    await driver.snapshots.begin_snapshot(rig.target, OWN_REPOSITORY, KEPT)
    driver.kill(specs[1].ref)
    await driver.snapshots.look(rig.target, OWN_REPOSITORY)
    (seen,) = (await driver.snapshots.look(rig.target, OWN_REPOSITORY)).snapshots.values()
    assert (seen.status, seen.shards_failed) == (SnapshotStatus.PART_FAILED, 1)
    assert (seen.shards_done, seen.shards_total) == (2, 3)
