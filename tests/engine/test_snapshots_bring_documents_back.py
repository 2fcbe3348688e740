"""Real engines take snapshots and give back exactly what was there, through the loop's own port."""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import tempfile
import uuid
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import pytest
from engine_nodes import (
    RUN_AS,
    RunningNode,
    killed_and_started,
    launched,
    wait_until_answers,
    wait_until_joined,
)
from secured_cluster import secured_cluster
from tests.support.snapshot_examples import LABELLED

from searchplane.domain.cluster import SnapshotSettings
from searchplane.domain.engines import (
    ELASTICSEARCH_7_10_2,
    OPENSEARCH_1_3_6,
    OPENSEARCH_2_19_1,
    Engine,
)
from searchplane.domain.ids import SnapshotId
from searchplane.domain.index_patterns import matching
from searchplane.domain.observed import Target
from searchplane.domain.snapshots import Repository, Snapshot, SnapshotStatus, TargetIndex
from searchplane.domain.snapshots_seen import OWN_REPOSITORY, IndexSeen, SnapshotSeen, label_of
from searchplane.engine.repositories import FolderBuckets
from searchplane.engine.service import Distributions
from searchplane.engine.snapshots import Snapshots
from searchplane.engine.throwaway import free_address
from searchplane.errors import Permanent, Transient

pytestmark = pytest.mark.engine

Seen = TypeVar("Seen")

PATIENCE_SECONDS = 60
FAST = SnapshotSettings("bucket", max_snapshot_rate="0", max_restore_rate="-1")
SLOW = replace(FAST, max_restore_rate="10KB")
PORT = Snapshots(FolderBuckets())


@dataclass(frozen=True)
class Place:
    """A node, and a repository of its own."""

    node: RunningNode
    engine: Engine
    repository: Repository

    @property
    def target(self) -> Target:
        return Target((self.node.client.base_url.host,))

    def write(self, index: str, *ids: str) -> None:
        for one in ids:
            self.node.ask("PUT", f"/{index}/_doc/{one}", {"title": f"text of {one}", "n": 1.50})

    def write_much(self, index: str) -> None:
        """A few hundred KB that cannot be made smaller."""
        text = secrets.token_hex(300_000)
        self.node.ask("PUT", f"/{index}", {"settings": {"number_of_replicas": 0}})
        self.node.ask(
            "PUT",
            f"/{index}/_doc/1?refresh=true",
            {
                "title": text[:30_000],
                "t": [text[place : place + 9000] for place in range(0, len(text), 9000)],
            },
        )

    def ids(self, index: str) -> set[str]:
        self.node.ask("POST", f"/{index}/_refresh")
        found = self.node.ask("POST", f"/{index}/_search?size=1000").json()
        return {hit["_id"] for hit in found["hits"]["hits"]}

    def delete_all(self) -> None:
        self.node.ask("DELETE", "/*?expand_wildcards=all")


@pytest.fixture(scope="module")
def nodes(distributions: Distributions) -> Iterator[Callable[[Engine], RunningNode]]:
    """One node of each engine that is asked for; all share a bucket root."""
    root, started = Path(tempfile.mkdtemp(prefix="searchplane-test-buckets-")), {}
    if RUN_AS:
        os.chown(root, *RUN_AS)
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, root)

        def node_of(engine: Engine) -> RunningNode:
            if engine not in started:
                installation = distributions.install(engine, secured=False)
                node = launched(installation, 0, [free_address()], root)
                started[engine] = stack.enter_context(node)
                wait_until_joined(started[engine], 1)
            return started[engine]

        yield node_of


@pytest.fixture(params=[ELASTICSEARCH_7_10_2, OPENSEARCH_2_19_1], ids=str)
def place(request: pytest.FixtureRequest, nodes: Callable[[Engine], RunningNode]) -> Place:
    engine: Engine = request.param
    made = Place(nodes(engine), engine, Repository("bucket", f"bucket/base/{uuid.uuid4()}"))
    made.delete_all()
    return made


def named(place: Place, name: str, **changes: str) -> Snapshot:
    wanted = replace(LABELLED, id=SnapshotId(str(uuid.uuid4())), name=name, engine=place.engine)
    return replace(wanted, repository=place.repository, **changes)  # type: ignore[arg-type]


async def registered(place: Place, settings: SnapshotSettings = FAST) -> None:
    args = (place.target, OWN_REPOSITORY, place.repository, settings)
    await PORT.register(*args, read_only=False)


async def taken(place: Place, snapshot: Snapshot) -> SnapshotSeen:
    await registered(place)
    await PORT.begin_snapshot(place.target, OWN_REPOSITORY, snapshot)
    return await over(place.target, OWN_REPOSITORY, snapshot.name)


async def over(target: Target, repository: str, name: str) -> SnapshotSeen:
    async def seen() -> SnapshotSeen | None:
        one = (await PORT.look(target, repository, (name,))).snapshots[name]
        return one if one.status is not SnapshotStatus.BUILDING else None

    return await until(seen)


async def restored(target: Target, names: tuple[str, ...]) -> Mapping[str, IndexSeen]:
    async def seen() -> Mapping[str, IndexSeen] | None:
        found = await PORT.look_at_indices(target, names)
        done = set(found) == set(names) and all(one.is_restored for one in found.values())
        return found if done else None

    return await until(seen)


async def until(look: Callable[[], Awaitable[Seen | None]]) -> Seen:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (seen := await look()) is None:  # noqa: ASYNC110 - another process's doing
            await asyncio.sleep(0.05)
        return seen


async def test_what_was_written_before_is_there_and_what_came_after_is_not(place: Place) -> None:
    place.write("books", "before-1", "before-2")
    place.write("still", "kept")
    place.node.ask("PUT", "/.kibana_1", {"settings": {"index.hidden": True}})
    snapshot = named(place, "first", description="ä" * 20)
    await registered(place, replace(FAST, max_snapshot_rate="1kb"))
    counted = await PORT.count(place.target, ("*",))
    await PORT.begin_snapshot(place.target, OWN_REPOSITORY, snapshot)
    place.write("books", "during")
    await PORT.begin_snapshot(place.target, OWN_REPOSITORY, snapshot)  # as after a kill
    seen = await over(place.target, OWN_REPOSITORY, "first")
    place.write("books", "after")

    assert seen.label == label_of(snapshot)
    assert seen.indices == (".kibana_1", "books", "still")
    assert (seen.status, seen.shards_done, seen.reason) == (SnapshotStatus.COMPLETED, 3, None)
    assert seen.bytes_done == seen.bytes_total > 0
    assert seen.ended is not None
    again = await PORT.count(place.target, ("*",))
    assert again["still"] == counted["still"]
    assert again["books"].writes > counted["books"].writes
    assert (counted["books"].documents, again["books"].documents) == (2, 4)

    source = await PORT.contents(place.target, "still")
    targets = (TargetIndex("books", "copy-of-$1"), TargetIndex("still", "copy-of-still"))
    await PORT.begin_restore(place.target, OWN_REPOSITORY, "first", targets, partial=False)
    await restored(place.target, ("copy-of-$1", "copy-of-still"))
    assert {"before-1", "before-2"} <= place.ids("copy-of-$1")
    assert "after" not in place.ids("copy-of-$1")
    assert await PORT.contents(place.target, "copy-of-still") == source


async def test_an_index_is_restored_over_and_deleted_documents_are_back(place: Place) -> None:
    place.write("books", "1", "2")
    snapshot = named(place, "kept-1")
    await taken(place, snapshot)
    was = await PORT.contents(place.target, "books")
    place.node.ask("DELETE", "/books/_doc/1?refresh=true")
    place.write("books", "3")
    before = await PORT.look_at_indices(place.target, ("books", "missing"))
    assert before.keys() == {"books"}
    mine = {"books": before["books"].identity}
    targets = (TargetIndex("books", "books"),)

    with pytest.raises(Permanent, match="an open index with same name already exists"):
        await PORT.begin_restore(place.target, OWN_REPOSITORY, "kept-1", targets, partial=False)
    await PORT.close_indices(place.target, {"books": "another"})
    assert (await PORT.look_at_indices(place.target, ("books",)))["books"].is_open
    await PORT.close_indices(place.target, mine)
    await PORT.close_indices(place.target, mine)
    closed = (await PORT.look_at_indices(place.target, ("books",)))["books"]
    assert (closed.is_open, closed.identity) == (False, mine["books"])
    await PORT.begin_restore(place.target, OWN_REPOSITORY, "kept-1", targets, partial=False)
    after = (await restored(place.target, ("books",)))["books"]
    assert after.identity != mine["books"]
    assert after.bytes_done == after.bytes_total > 0
    assert await PORT.contents(place.target, "books") == was


async def test_an_index_of_other_shards_is_deleted_first(place: Place) -> None:
    place.node.ask("PUT", "/books", {"settings": {"number_of_shards": 2}})
    place.write("books", "1")
    await taken(place, named(place, "kept-1"))
    place.node.ask("DELETE", "/books")
    place.node.ask("PUT", "/books", {"settings": {"number_of_shards": 1}})
    seen = await PORT.look_at_indices(place.target, ("books",))
    mine = {"books": seen["books"].identity}
    await PORT.close_indices(place.target, mine)
    targets = (TargetIndex("books", "books"),)

    with pytest.raises(Permanent, match=r"refused by the engine: cannot restore .*\[1\] shards"):
        await PORT.begin_restore(place.target, OWN_REPOSITORY, "kept-1", targets, partial=False)
    replaced = (TargetIndex("books", "books", mine["books"]),)
    await PORT.begin_restore(place.target, OWN_REPOSITORY, "kept-1", replaced, partial=False)
    await restored(place.target, ("books",))
    assert place.ids("books") == {"1"}
    seen = await PORT.look_at_indices(place.target, ("books",))
    for _ in range(2):
        await PORT.delete_indices(place.target, {"books": seen["books"].identity})
    assert not await PORT.look_at_indices(place.target, ("books",))


async def test_restores_touch_only_their_own_indices(place: Place) -> None:
    """Not one that was not named, nor an alias, nor any for what the snapshot does not hold."""
    place.node.ask("PUT", "/books", {"settings": {"number_of_shards": 2}})
    place.write("books", "1")
    place.node.ask("PUT", "/books/_alias/current")
    await taken(place, named(place, "kept-1"))
    place.node.ask("DELETE", "/books")
    place.write("books", "2")
    place.write("still", "1")
    before = await PORT.look_at_indices(place.target, ("books", "still"))
    mine = {"books": before["books"].identity}
    await PORT.close_indices(place.target, mine)
    over = TargetIndex("books", "books", mine["books"])

    with pytest.raises(Permanent, match="the snapshot kept-1 holds no gone"):
        await PORT.begin_restore(
            place.target,
            OWN_REPOSITORY,
            "kept-1",
            (over, TargetIndex("gone", "new")),
            partial=False,
        )
    with pytest.raises(Permanent, match="the snapshot kept-2 is not in its bucket"):
        await PORT.begin_restore(place.target, OWN_REPOSITORY, "kept-2", (over,), partial=False)
    await PORT.open_indices(place.target, mine)
    await until(_is_decided(place, "books"))
    assert place.ids("books") == {"2"}

    fresh = (TargetIndex("books", "never-seen-before"),)
    await PORT.begin_restore(place.target, OWN_REPOSITORY, "kept-1", fresh, partial=False)
    await restored(place.target, ("never-seen-before",))
    assert place.ids("never-seen-before") == {"1"}
    assert place.node.ask("GET", "/_alias").json()["never-seen-before"]["aliases"] == {}
    after = await PORT.look_at_indices(place.target, ("books", "still"))
    assert {name: one.identity for name, one in after.items()} == {
        name: one.identity for name, one in before.items()
    }
    assert (place.ids("books"), place.ids("still")) == ({"2"}, {"1"})


async def test_snapshots_are_listed_and_removed(place: Place) -> None:
    place.write("books", "1")
    first, second = named(place, "first"), named(place, "second", indices="no-such-index")
    await taken(place, first)
    nothing = await taken(place, second)
    assert (nothing.indices, nothing.shards_total) == ((), 0)
    with pytest.raises(Permanent, match="another snapshot that is called first"):
        await PORT.begin_snapshot(place.target, OWN_REPOSITORY, named(place, "first"))
    listed = (await PORT.look(place.target, OWN_REPOSITORY)).snapshots
    labels = {name: one.label for name, one in listed.items()}
    assert labels == {"first": label_of(first), "second": label_of(second)}
    some = await PORT.look(place.target, OWN_REPOSITORY, ("second", "third"))
    assert some.snapshots.keys() == {"second"}
    for _ in range(2):
        await PORT.delete_snapshot(place.target, OWN_REPOSITORY, "first")
    await PORT.clean(place.target, OWN_REPOSITORY)
    left = await PORT.look(place.target, OWN_REPOSITORY)
    assert left.snapshots.keys() == {"second"}


async def test_a_snapshot_at_work_can_be_taken_back(place: Place) -> None:
    place.write_much("books")
    snapshot = named(place, "slow")
    await registered(place, replace(FAST, max_snapshot_rate="50kb"))
    await PORT.begin_snapshot(place.target, OWN_REPOSITORY, snapshot)
    seen = (await PORT.look(place.target, OWN_REPOSITORY, ("slow",))).snapshots["slow"]
    assert (seen.status, seen.label) == (SnapshotStatus.BUILDING, label_of(snapshot))
    await registered(place, FAST)  # too early for the new rate, and no reason to fail
    with pytest.raises(Transient, match="other is removed when slow has been taken"):
        await PORT.delete_snapshot(place.target, OWN_REPOSITORY, "other")
    await PORT.delete_snapshot(place.target, OWN_REPOSITORY, "slow")
    assert not (await PORT.look(place.target, OWN_REPOSITORY)).snapshots
    await registered(place, FAST)


async def test_a_data_stream_comes_back_as_one(nodes: Callable[[Engine], RunningNode]) -> None:
    repository = Repository("bucket", f"bucket/{uuid.uuid4()}")
    place = Place(nodes(OPENSEARCH_2_19_1), OPENSEARCH_2_19_1, repository)
    place.delete_all()
    template = {"index_patterns": ["events-*"], "data_stream": {}}
    place.node.ask("PUT", "/_index_template/events", template)
    event = {"@timestamp": "2026-11-24T12:00:00Z"}
    place.node.ask("POST", "/events-app/_doc?refresh=true", event)
    place.node.ask("POST", "/events-app/_rollover")
    place.node.ask("POST", "/events-app/_doc?refresh=true", event)
    seen = await taken(place, named(place, "first"))
    assert seen.indices == (".ds-events-app-000001", ".ds-events-app-000002")
    place.node.ask("DELETE", "/_data_stream/events-app")
    targets = tuple(TargetIndex(index, index) for index in seen.indices)
    await PORT.begin_restore(place.target, OWN_REPOSITORY, "first", targets, partial=False)
    await restored(place.target, seen.indices)
    (stream,) = place.node.ask("GET", "/_data_stream").json()["data_streams"]
    assert [index["index_name"] for index in stream["indices"]] == list(seen.indices)
    place.node.ask("POST", "/events-app/_doc?refresh=true", event)
    assert place.node.ask("GET", "/events-app/_count").json()["count"] == 3
    place.node.ask("DELETE", "/_data_stream/events-app")
    place.node.ask("DELETE", "/_index_template/events")


async def test_another_cluster_may_write_to_the_repository_in_between(
    place: Place, nodes: Callable[[Engine], RunningNode]
) -> None:
    """What this cluster knew of it is not so any longer, and it has to look again."""
    other = Place(nodes(OPENSEARCH_2_19_1), OPENSEARCH_2_19_1, place.repository)
    place.write("books", "1")
    await taken(place, named(place, "first"))
    args = (other.target, "repo_other", place.repository)
    await PORT.register(*args, read_only=False)
    await PORT.delete_snapshot(other.target, "repo_other", "first")

    with pytest.raises(Transient, match="changed by another cluster"):
        await PORT.look(place.target, OWN_REPOSITORY)
    await registered(place)
    assert not (await PORT.look(place.target, OWN_REPOSITORY)).snapshots
    await taken(place, named(place, "second"))
    await PORT.register(*args, read_only=False)
    assert (await PORT.look(other.target, "repo_other")).snapshots.keys() == {"second"}


@pytest.mark.parametrize(
    "newer",
    [pytest.param(OPENSEARCH_1_3_6, marks=pytest.mark.nightly), OPENSEARCH_2_19_1],
    ids=str,
)
async def test_a_newer_engine_restores_what_elasticsearch_took(
    newer: Engine, nodes: Callable[[Engine], RunningNode]
) -> None:
    repository = Repository("bucket", f"bucket/{uuid.uuid4()}")
    old = Place(nodes(ELASTICSEARCH_7_10_2), ELASTICSEARCH_7_10_2, repository)
    new = Place(nodes(newer), newer, replace(repository, read_only=True))
    for one in (old, new):
        one.delete_all()
    old.node.ask("PUT", "/logs/_doc/1?routing=far&refresh=true", {"b": 1.50, "a": {"y": 1, "x": 2}})
    old.write("logs", *map(str, range(2, 50)))
    await taken(old, named(old, "moved"))
    was = await PORT.contents(old.target, "logs")
    assert was.documents == 49

    await PORT.register(new.target, "repo_old", new.repository, read_only=False)
    with pytest.raises(Permanent, match="readonly"):
        await PORT.delete_snapshot(new.target, "repo_old", "moved")
    targets = (TargetIndex("logs", "logs"),)
    await PORT.begin_restore(new.target, "repo_old", "moved", targets, partial=False)
    await restored(new.target, ("logs",))
    assert await PORT.contents(new.target, "logs") == was
    new.node.ask("DELETE", "/logs/_doc/2?refresh=true")
    new.write("logs", "50")
    changed = await PORT.contents(new.target, "logs")
    assert (changed.documents, changed.digest == was.digest) == (49, False)


@pytest.mark.nightly
@pytest.mark.parametrize("engine", [ELASTICSEARCH_7_10_2, OPENSEARCH_2_19_1], ids=str)
async def test_a_restore_whose_engine_was_killed_is_not_taken_for_done(
    engine: Engine, distributions: Distributions
) -> None:
    """What was to be restored over comes back as it was: open, green, and wrong."""
    installation = distributions.install(engine, secured=False)
    with launched(installation, 0, [free_address()]) as node:
        wait_until_joined(node, 1)
        place = Place(node, engine, Repository("bucket", "bucket/base"))
        place.write_much("books")
        await taken(place, named(place, "kept-1"))
        await registered(place, SLOW)
        before = await PORT.look_at_indices(place.target, ("books",))
        await PORT.close_indices(place.target, {"books": before["books"].identity})
        both = (TargetIndex("books", "books"), TargetIndex("books", "books-2"))
        await PORT.begin_restore(place.target, OWN_REPOSITORY, "kept-1", both, partial=False)
        at_work = await PORT.look_at_indices(place.target, ("books", "books-2"))
        assert [one.restoring for one in at_work.values()] == [1, 1]
        with killed_and_started(node) as again:
            wait_until_answers(again)
            after = await until(_is_decided(place, "books", "books-2"))
    assert after["books"].identity != before["books"].identity
    assert (after["books"].started, after["books"].emptied) == (1, 1)
    assert not after["books"].is_restored
    assert (after["books-2"].failed, after["books-2"].is_restored) == (1, False)


def _is_decided(
    place: Place, *names: str
) -> Callable[[], Awaitable[Mapping[str, IndexSeen] | None]]:
    """A look at the indices once each of them serves or will not."""

    async def seen() -> Mapping[str, IndexSeen] | None:
        found = await PORT.look_at_indices(place.target, names)
        return found if all(one.started or one.failed for one in found.values()) else None

    return seen


async def test_a_secured_cluster_keeps_its_users_out_of_snapshots(
    distributions: Distributions,
) -> None:
    repository = Repository("bucket", "bucket/secured")
    async with secured_cluster(distributions, 1, https=True) as cluster:
        target = cluster.target
        async with cluster.user() as admin:
            await admin.put(cluster.url("/books/_doc/1?refresh=true"), json={"title": "hello"})
        was = await PORT.contents(target, "books")
        await PORT.register(target, OWN_REPOSITORY, repository, FAST, read_only=False)
        snapshot = replace(LABELLED, name="kept-1", repository=repository, indices=".open*,*")
        await PORT.begin_snapshot(target, OWN_REPOSITORY, snapshot)
        assert (await over(target, OWN_REPOSITORY, "kept-1")).indices == ("books",)
        targets = (TargetIndex("books", "back"),)
        await PORT.begin_restore(target, OWN_REPOSITORY, "kept-1", targets, partial=False)
        await restored(target, ("back",))
        assert await PORT.contents(target, "back") == was
        assert (await PORT.count(target, ("*",)))["back"].documents == 1


async def test_the_engine_means_the_same_by_an_expression_as_a_restore_will(place: Place) -> None:
    names = ("items", "logs-1", "logs-2", ".kibana_1")
    for name in names:
        place.write(name, "1")
    wanted = ("logs-*", "*,-logs-*", "logs-*,-logs-1,items", "*,-logs-*,logs-1", ".kib*", "gone-*")
    for number, expression in enumerate(wanted):
        seen = await taken(place, named(place, f"of-{number}", indices=expression))
        assert seen.status is SnapshotStatus.COMPLETED
        assert seen.indices == matching(names, expression), expression
