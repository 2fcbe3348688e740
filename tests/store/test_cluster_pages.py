"""Pages of clusters: what is remembered is what is stored, whoever has changed it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.support.cluster_examples import NOW, numbered

from searchplane.domain.ids import ProjectId
from searchplane.store import cluster_pages, clusters
from searchplane.store.cluster_pages import ClusterPages, Listed
from searchplane.store.database import Database

MINE, THEIRS = ProjectId("project-1"), ProjectId("project-2")


@pytest.fixture
def stored(database: Database) -> Database:
    """Four clusters of the first project."""
    with database.write() as connection:
        for number in (2, 4, 1, 3):
            clusters.add(connection, numbered(number))
    return database


@pytest.fixture
def elsewhere(stored: Database) -> Iterator[Database]:
    """The same database, opened by another process."""
    other = Database(stored.url)
    yield other
    other.close()


def whole(pages: ClusterPages) -> list[Listed]:
    return pages.page(MINE, datastore_type=None, start=1, limit=10)[1]


@pytest.mark.parametrize(
    ("start", "limit", "found"),
    [(1, 2, [4, 3]), (3, 2, [2, 1]), (4, 10, [1]), (5, 10, []), (10**6, 1, [])],
)
def test_pages_are_counted_from_one_newest_first(
    stored: Database, start: int, limit: int, found: list[int]
) -> None:
    total, page = ClusterPages(stored).page(MINE, datastore_type=None, start=start, limit=limit)
    assert total == 4
    assert [one.cluster for one in page] == [numbered(number) for number in found]


def test_another_project_sees_nothing(stored: Database) -> None:
    pages = ClusterPages(stored)
    for start in (1, 2):
        assert pages.page(THEIRS, datastore_type=None, start=start, limit=9) == (0, [])


@pytest.mark.parametrize(("kind", "found"), [("elasticsearch", 4), ("opensearch", 0)])
def test_one_type_can_be_asked_for(stored: Database, kind: str, found: int) -> None:
    total, page = ClusterPages(stored).page(MINE, datastore_type=kind, start=1, limit=2)
    assert (total, len(page)) == (found, min(found, 2))


def test_what_has_not_changed_is_the_same_object(stored: Database) -> None:
    pages = ClusterPages(stored)
    for before, after in zip(whole(pages), whole(pages), strict=True):
        assert after is before


def test_a_change_by_another_process_is_seen(stored: Database, elsewhere: Database) -> None:
    pages = ClusterPages(stored)
    before = whole(pages)
    after = replace(before[0].cluster, sentence="on its way", progress=70)
    with elsewhere.write() as connection:
        assert clusters.record(connection, before[0].cluster, after)
    changed, *others = whole(pages)
    assert changed.cluster == after
    assert [one is two for one, two in zip(others, before[1:], strict=True)] == [True] * 3


def test_a_change_of_one_node_is_seen(stored: Database, elsewhere: Database) -> None:
    pages = ClusterPages(stored)
    node = whole(pages)[0].cluster.nodes[2]
    with elsewhere.write() as connection:
        clusters.record_node(connection, replace(node, address="127.1.2.3", last_start=NOW))
    assert whole(pages)[0].cluster.nodes[2].address == "127.1.2.3"


def test_what_is_gone_and_what_is_new_are_seen(stored: Database, elsewhere: Database) -> None:
    pages = ClusterPages(stored)
    newest = whole(pages)[0].cluster
    with elsewhere.write() as connection:
        assert clusters.forget(connection, newest)
        clusters.add(connection, numbered(9, created=NOW + timedelta(days=1)))
    assert [one.cluster.id for one in whole(pages)] == [f"cluster-{n}" for n in (9, 3, 2, 1)]


def test_what_is_kept_is_bounded(stored: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster_pages, "MOST", 2)
    pages = ClusterPages(stored)
    assert len(whole(pages)) == 4
    assert len(pages._known) == 2
    assert len(whole(pages)) == 4


def asks(pages: ClusterPages) -> bool:
    return pages.is_at_hand(MINE, datastore_type=None, start=1, limit=10)


def test_a_page_is_at_hand_until_anything_is_committed_by_anybody(
    stored: Database, elsewhere: Database
) -> None:
    if stored.is_shared:
        pytest.skip("only a database in this machine tells cheaply that nothing was committed")
    pages = ClusterPages(stored)
    assert not asks(pages)
    before = whole(pages)
    assert asks(pages)
    assert whole(pages) is before
    with elsewhere.write() as connection:
        assert clusters.forget(connection, before[0].cluster)
    assert not asks(pages)
    assert len(whole(pages)) == 3
    assert asks(pages)
    with stored.write() as connection:
        clusters.add(connection, numbered(9))
    assert not asks(pages)


def test_a_change_while_the_page_is_read_makes_it_old(
    stored: Database, elsewhere: Database
) -> None:
    if stored.is_shared:
        pytest.skip("only a database in this machine tells cheaply that nothing was committed")
    pages = ClusterPages(stored)
    asks(pages)
    with elsewhere.write() as connection:
        clusters.add(connection, numbered(9))
    assert len(whole(pages)) == 5
    assert not asks(pages)
