"""Verifying snapshots, pass by pass: the scratch cluster comes, is compared and goes, whatever is
cut off, fails, or is damaged in the bucket."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import count

import pytest
from sqlalchemy import select
from tests.support.backed_world import DAILY, FAR, SETTINGS, BackedWorld
from tests.support.cluster_examples import refused
from tests.support.paper_world import ID, Clock

from searchplane.domain.cluster import ActionKind, Cluster
from searchplane.domain.ids import ClusterId, ProjectId, SnapshotId
from searchplane.domain.layout import HostLimits
from searchplane.domain.observed import HostCapacity
from searchplane.domain.restoring import Wish as RestoreWish
from searchplane.domain.snapshot_work import BEGINS_WITHIN
from searchplane.domain.snapshots import Renaming, RestoreStatus, Snapshot, Verified
from searchplane.domain.verification_course import LONGEST
from searchplane.drivers.base import NodeRef
from searchplane.observability.metrics import Metrics
from searchplane.reconciler.one_pass import OnePass
from searchplane.reconciler.verifications import Verifications
from searchplane.settings import DriverKind, Settings
from searchplane.store import capacity, clusters, scratch
from searchplane.store.schema import projects
from searchplane.store.scratch import NO_NETWORK, Makings

HOST = HostCapacity(64_000, 64_000, 10**12, observed=Clock.at)
WEEKLY = timedelta(days=7)
LIMITS = HostLimits(max_heap_mb=512, processors=2)


class Killed(BaseException):
    """The service ends here, as by a SIGKILL."""


def makings(world: BackedWorld, **settings: int) -> Makings:
    usual = Settings(data=world.folder, driver=DriverKind.FAKE, **settings)
    return Makings(usual, LIMITS, world.secrets, "of a password nobody knows")


def begin(world: BackedWorld, name: str = "first", **settings: int) -> ClusterId:
    """As the handler does it; gives the scratch cluster's id."""
    with world.database.write() as connection:
        capacity.record(connection, replace(HOST, observed=Clock.at))
        made = scratch.make(
            connection, makings(world, **settings), world.row(name), 1, Clock.at, said="verify"
        )
    return made.id


def taken(world: BackedWorld, name: str = "first") -> Snapshot:
    world.take(name)
    world.settle()
    return world.row(name)


def there(world: BackedWorld, cluster_id: ClusterId) -> Cluster | None:
    with world.database.read() as connection:
        return clusters.find(connection, cluster_id)


def until_gone(world: BackedWorld, cluster_id: ClusterId, name: str = "first") -> Verified:
    """Passes until the scratch cluster is gone; gives what came of it."""
    for _ in range(FAR):
        if world.once(cluster_id) is None:
            found = world.row(name).verified
            assert found is not None
            assert world.runner.run(world.driver.nodes()) == (NodeRef(ID, world.there.nodes[0].id),)
            return found
    raise AssertionError(f"never over: {there(world, cluster_id)}")


def damage(world: BackedWorld, name: str, old: str, new: str) -> None:
    """Change what lies in the bucket, behind everybody's back."""
    (path,) = [path for path in world.bucket.rglob("*") if path.stem == name and path.is_file()]
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_what_can_be_restored_is_verified_and_nothing_is_left(backed: BackedWorld) -> None:
    taken(backed)
    scratch_id = begin(backed)
    made = there(backed, scratch_id)
    assert made is not None
    assert made.spec.name.startswith("verify-")
    said = set()
    while not (record := there(backed, scratch_id)) or not record.is_being(ActionKind.DELETING):
        backed.once(scratch_id)
        said.add(there(backed, scratch_id).sentence)  # type: ignore[union-attr]
    assert any("indices read; reading" in one for one in said), said
    assert any("restoring" in one for one in said), said
    found = until_gone(backed, scratch_id)
    assert found.succeeded
    assert found.sentence.startswith("2 indices with 4 documents restored and read")
    assert [name for name, _ in found.digests] == ["books", "logs"]
    assert any("snapshot first is verified: 2 indices" in one for one in backed.told())
    backed.alike()
    assert until_gone(backed, begin(backed)).sentence.endswith("since it was verified before")


@pytest.mark.parametrize("breaks", [None, "checksum failed"])
def test_users_are_not_shown_the_restore_of_a_verification(
    backed: BackedWorld, breaks: str | None
) -> None:
    taken(backed)
    backed.driver.snapshots.restores_fail = breaks
    until_gone(backed, begin(backed))
    assert backed.row("first").restore_status is RestoreStatus.NONE


def test_the_end_of_a_users_restore_is_shown_while_a_verification_goes_on(
    backed: BackedWorld,
) -> None:
    taken(backed)
    scratch_id = begin(backed)
    while (record := there(backed, scratch_id)) and not record.is_being(ActionKind.RESTORING):
        backed.once(scratch_id)
    backed.restore("first", RestoreWish("*", Renaming("(.+)", "copy-of-$1")))
    assert backed.row("first").restore_status is RestoreStatus.RESTORING
    backed.settle()
    assert backed.row("first").restore_status is RestoreStatus.SUCCESS
    assert until_gone(backed, scratch_id).succeeded
    assert backed.row("first").restore_status is RestoreStatus.SUCCESS


def test_what_was_written_while_it_was_taken_is_allowed_for(backed: BackedWorld) -> None:
    backed.driver.snapshots.slowness = 3
    backed.take("first")
    backed.once()
    backed.write("logs", "written meanwhile", "and once more")
    backed.settle()
    found = until_gone(backed, begin(backed))
    assert found.succeeded
    assert "1 index within what was written meanwhile" in found.sentence


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('"the first of logs",', "", "logs has 1 documents, 2 were counted"),
        ('"logs"', '"lost"', "logs is not in the snapshot"),
    ],
)
def test_a_snapshot_that_was_damaged_is_found_out(
    backed: BackedWorld, old: str, new: str, says: str
) -> None:
    taken(backed)
    damage(backed, "first", old, new)
    found = until_gone(backed, begin(backed))
    assert found.succeeded is False
    assert says in found.sentence
    assert any("cannot be restored as it was" in one for one in backed.told())


def test_other_documents_than_at_the_verification_before_are_found_out(
    backed: BackedWorld,
) -> None:
    taken(backed)
    assert until_gone(backed, begin(backed)).succeeded
    damage(backed, "first", "the first of logs", "another in logs")
    found = until_gone(backed, begin(backed))
    assert (found.succeeded, found.sentence) == (
        False,
        "logs is not what it was when it was verified before",
    )


def test_a_restore_that_fails_is_a_verification_that_fails(backed: BackedWorld) -> None:
    taken(backed)
    backed.driver.snapshots.restores_fail = "checksum failed (hardware problem?)"
    found = until_gone(backed, begin(backed))
    assert found.succeeded is False
    assert found.sentence.startswith("it cannot be restored: ")
    assert "checksum failed" in found.sentence


def test_a_verification_goes_on_after_a_kill_at_any_step(backed: BackedWorld) -> None:
    taken(backed)
    for survived in count(1):
        left = survived

        def checkpoint(_name: str) -> None:
            nonlocal left
            left -= 1
            if left == 0:
                raise Killed

        scratch_id = begin(backed)
        while (record := there(backed, scratch_id)) and record.is_being(ActionKind.CREATING):
            backed.once(scratch_id)
        backed.restart_service(checkpoint)
        try:
            found = until_gone(backed, scratch_id)
        except Killed:
            backed.restart_service()
            if there(backed, scratch_id) is not None:
                found = until_gone(backed, scratch_id)
        else:
            assert survived > 15
            break
        assert found.succeeded, f"killed at step {survived}: {found.sentence}"
        assert there(backed, scratch_id) is None
    backed.alike()


def test_a_scratch_cluster_that_dies_comes_back_and_goes_on(backed: BackedWorld) -> None:
    taken(backed)
    backed.driver.snapshots.slowness = 5
    scratch_id = begin(backed)
    while (record := there(backed, scratch_id)) and not record.is_being(ActionKind.RESTORING):
        backed.once(scratch_id)
    backed.once(scratch_id)
    assert record is not None
    backed.driver.kill(NodeRef(scratch_id, record.nodes[0].id))
    assert until_gone(backed, scratch_id).succeeded


def test_what_cannot_be_found_out_is_no_verdict(backed: BackedWorld) -> None:
    taken(backed)
    backed.driver.snapshots.slowness = 10**6
    scratch_id = begin(backed)
    for _ in range(5):
        backed.once(scratch_id)
    Clock.at += LONGEST + timedelta(hours=1)
    found = until_gone(backed, scratch_id)
    assert found.succeeded is None
    assert "given up after 48 hours" in found.sentence


def test_a_restore_that_had_no_chance_is_no_verdict_either(backed: BackedWorld) -> None:
    taken(backed)
    scratch_id = begin(backed)
    while (record := there(backed, scratch_id)) and not record.is_being(ActionKind.RESTORING):
        backed.once(scratch_id)
    backed.driver.snapshots.busy = "no node takes it now"
    backed.once(scratch_id)
    backed.once(scratch_id, seconds=BEGINS_WITHIN.total_seconds() + 10)
    backed.driver.snapshots.busy = None
    found = until_gone(backed, scratch_id)
    assert found.succeeded is None
    assert found.sentence.startswith("not verified: the cluster could not begin")


def test_one_whose_snapshot_is_gone_goes_too(backed: BackedWorld) -> None:
    taken(backed)
    scratch_id = begin(backed)
    backed.remove("first")
    backed.settle()
    for _ in range(FAR):
        if backed.once(scratch_id) is None:
            return
    raise AssertionError("the scratch cluster stays")


def due_weekly(world: BackedWorld, **settings: int) -> None:
    """From now on verifications are due by themselves."""
    usual = makings(world, **settings)
    begins = Verifications(world.ports, WEEKLY, usual.settings, LIMITS, lambda _: "hash")
    world.one_pass = OnePass(world.ports, 600.0, Metrics(), begins)


def scratch_ids(world: BackedWorld) -> list[ClusterId]:
    with world.database.read() as connection:
        found = scratch.at_work(connection, world.there.project_id)
    return [one.id for one in found.values()]


def a_day(world: BackedWorld) -> str:
    """A day later, with its automatic snapshot; gives the name of that."""
    Clock.at += timedelta(days=1)
    with world.database.write() as connection:
        capacity.record(connection, replace(HOST, observed=Clock.at))
    world.settle()
    world.once(seconds=40)
    return max(world.rows().values(), key=lambda one: one.created).name


def test_the_newest_automatic_one_is_verified_every_week(backed: BackedWorld) -> None:
    backed.set_up(SETTINGS, DAILY)
    due_weekly(backed)
    verified = []
    for day in range(16):
        name = a_day(backed)
        for scratch_id in scratch_ids(backed):
            assert until_gone(backed, scratch_id, name).succeeded
            verified.append(day)
    assert verified == [0, 7, 14]


def test_one_for_which_there_is_no_room_is_told_and_tried_in_its_turn(
    backed: BackedWorld,
) -> None:
    backed.set_up(SETTINGS, DAILY)
    due_weekly(backed, quota_clusters=1)
    found = backed.row(a_day(backed)).verified
    assert found is not None
    assert found.succeeded is None
    assert found.sentence.startswith("not verified: clusters: 1 asked for")
    assert backed.row(a_day(backed)).verified is None


def test_it_is_refused_while_one_runs_and_where_there_is_no_room(backed: BackedWorld) -> None:
    taken(backed)
    assert refused(lambda: begin(backed, quota_clusters=1)).code == "CSS.1112"
    scratch_id = begin(backed)
    assert refused(lambda: begin(backed)).code == "CSS.0029"
    until_gone(backed, scratch_id)


def test_what_a_user_calls_a_cluster_makes_it_no_scratch_cluster(backed: BackedWorld) -> None:
    snapshot = taken(backed)
    spec = replace(backed.there.spec, name=f"verify-{snapshot.id[:8]}")
    backed.store(backed.there, replace(backed.there, spec=spec))
    scratch_id = begin(backed)
    assert scratch_ids(backed) == [scratch_id]
    made = there(backed, scratch_id)
    assert made is not None
    assert made.spec.name not in ("", spec.name)
    assert until_gone(backed, scratch_id).succeeded


def test_one_from_another_project_tells_nothing_of_its_cluster(backed: BackedWorld) -> None:
    theirs = taken(backed)
    with backed.database.write() as connection:
        every = select(projects.c.id).where(projects.c.id != theirs.project_id)
        other = ProjectId(connection.execute(every).scalars().one())
        capacity.record(connection, replace(HOST, observed=Clock.at))
        attached = replace(theirs, id=SnapshotId("copy"), project_id=other)
        made = scratch.make(connection, makings(backed), attached, 2, Clock.at, said="verify")
    assert made.spec.network == NO_NETWORK
