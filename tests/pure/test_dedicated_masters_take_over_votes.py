"""Old masters keep their votes until dedicated masters have taken over, which can find them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml
from sqlalchemy import text
from tests.support.change_examples import UP, engine, of_roles, only, seen, shards
from tests.support.cluster_examples import look

from searchplane.domain import changes
from searchplane.domain.change import as_new, with_nodes
from searchplane.domain.cluster import Cluster, Role
from searchplane.domain.observed import Absent, EngineView, NodeState, Observation, Stopped, Unknown
from searchplane.domain.steps import HaltNode
from searchplane.domain.votes import keeps_vote
from searchplane.reconciler.compose import composer
from searchplane.store.database import Database, private_sqlite
from searchplane.store.migrate import migrate

KEPT = Path(__file__).parent.parent / "fixtures" / "data-0.1.0" / "searchplane.db"
ROLES = (Role.DATA, Role.DATA, Role.DATA, Role.MASTER, Role.MASTER, Role.MASTER)
TAKING_OVER = with_nodes(of_roles(*ROLES), only(1, 2, 3, votes=True))
TAKEN_OVER = of_roles(*ROLES)
LAST = with_nodes(TAKEN_OVER, only(1, votes=True))
LED_BY_OLD = engine(2, 3, placed=shards((2, 3), votes=3))
LED_BY_ALL = engine(2, 3, 4, 5, 6, placed=shards((2, 3, 4, 5, 6), votes=5))
NO_LEADER = Unknown("no master is elected")


def without_1(engine_says: EngineView | Unknown, state: NodeState | None = None) -> Observation:
    return look(state or Stopped(), UP, UP, UP, UP, UP, engine=engine_says)


@pytest.mark.parametrize(
    ("record", "observation"),
    [
        (TAKING_OVER, without_1(NO_LEADER)),
        (TAKING_OVER, without_1(LED_BY_OLD)),
        (TAKING_OVER, without_1(engine(2, 3, 4, 5, placed=shards((2, 3, 4, 5), votes=5)))),
        (TAKING_OVER, without_1(engine(2, 3, 4, 5, 6, placed=shards((2, 3, 4), votes=6)))),
        (TAKING_OVER, without_1(engine(2, 3, 4, 5, 6, placed=Unknown("no answer")))),
        (LAST, without_1(engine(2, 3, 4, 5, 6, placed=shards((4,), votes=2)))),
    ],
)
def test_a_vote_that_may_be_missed_is_kept(record: Cluster, observation: Observation) -> None:
    assert keeps_vote(record, record.nodes[0], observation)


@pytest.mark.parametrize(
    ("record", "observation"),
    [
        (TAKING_OVER, without_1(LED_BY_ALL)),
        (TAKING_OVER, without_1(NO_LEADER, Absent())),  # its vote went with its storage
        (TAKEN_OVER, without_1(NO_LEADER)),
        (of_roles(Role.DATA, votes=True), look(Stopped(), engine=NO_LEADER)),
    ],
)
def test_nobody_gets_a_vote_that_is_not_needed(record: Cluster, observation: Observation) -> None:
    assert not keeps_vote(record, record.nodes[0], observation)


def test_one_that_kept_its_vote_is_restarted_when_it_is_safe() -> None:
    voters = shards((1, 4, 5, 6))
    everybody = seen(*[UP] * 6, engine_says=engine(4, 1, 2, 3, 5, 6, placed=voters))
    assert changes.left(LAST, everybody).steps == (HaltNode(LAST.nodes[0].id),)
    assert changes.left(TAKEN_OVER, everybody).is_nothing
    too_early = seen(*[UP] * 6, engine_says=engine(1, 2, 3, 4, 5, 6, placed=shards((1,))))
    (refusal,) = changes.left(LAST, too_early).refusals
    assert refusal.predicate == "a_quorum_stays"


def settings(record: Cluster, number: int) -> dict[str, object]:
    made = composer(lambda _: Path("/buckets"))(record, record.nodes[number - 1], {})
    (found,) = (made.files[one] for one in made.files if one.endswith(".yml"))
    said: dict[str, object] = yaml.safe_load(found)
    return said


def test_new_masters_are_told_where_those_are_that_vote_now() -> None:
    """A master that is elected looks for nobody: who is new has to find it."""
    old, new = [f"127.20.0.{one}" for one in (1, 2, 3)], [f"127.20.0.{one}" for one in (4, 5, 6)]
    for number in (1, 4):
        assert settings(TAKING_OVER, number)["discovery.seed_hosts"] == new + old
        assert settings(TAKEN_OVER, number)["discovery.seed_hosts"] == new


@pytest.mark.parametrize(("record", "is_master"), [(TAKING_OVER, True), (TAKEN_OVER, False)])
def test_who_has_a_vote_is_started_with_it(record: Cluster, is_master: bool) -> None:
    roles = settings(record, 1)["node.roles"]
    assert isinstance(roles, list)
    assert ("master" in roles) is is_master


def test_a_node_made_anew_has_no_vote() -> None:
    assert not as_new(TAKING_OVER.nodes[0]).votes


@pytest.mark.parametrize("has_dedicated", [False, True])
def test_nodes_of_an_earlier_release_have_the_votes_they_had(
    tmp_path: Path, has_dedicated: bool
) -> None:
    shutil.copy(KEPT, tmp_path)
    database = Database(private_sqlite(tmp_path))
    if has_dedicated:
        change = "UPDATE nodes SET role = 'ess-master' WHERE position = 0"
        with database.write() as connection:
            connection.execute(text(change))
    migrate(database)
    with database.read() as connection:
        found = connection.execute(text("SELECT role, votes FROM nodes")).all()
    database.close()
    eligible = "ess-master" if has_dedicated else "ess"
    assert found
    assert all(bool(votes) is (role == eligible) for role, votes in found)
