"""kill -9 of a random node, of the whole control plane, or of both, at a random moment of a random
change.

Whatever is killed, the change comes to its end, every document is there, and nothing is left over:
no exclusion, no folder, no process. Clients write meanwhile, and what was acknowledged counts.
One cluster goes through all rounds, each a change and its kill. CI does a few, the nightly mode two
hundred; SEARCHPLANE_CHAOS_ROUNDS sets how many.
SEARCHPLANE_CHAOS_SEED repeats the choices; it is printed with each round.
"""

from __future__ import annotations

import itertools
import os
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from tests.chaos.driven import Driven, Operations, driven
from tests.chaos.real_nodes import document_ids, index_documents, processes
from tests.support.rotation import SEED
from tests.support.writers import LIGHT

pytestmark = [pytest.mark.engine, pytest.mark.chaos, pytest.mark.timeout(900)]

ROUNDS = 2
NIGHTLY_ROUNDS = int(os.environ.get("SEARCHPLANE_CHAOS_ROUNDS", "200"))
LONGEST_WAIT = 12.0
"""Seconds from the request to the kill; a change of three idle nodes takes 10 to 30."""
DOCUMENTS = 300
MOST = 4
MISSED_SECONDS = 20
"""How long the engine waits for a node that ended before it copies its shards. Usually a minute: a
round in which the node to go is the one that is killed would be spent waiting for that alone. A
node that starts again is back earlier."""
NODE, SERVICE, BOTH = "a node", "the service", "the service and a node"
VICTIMS = (NODE, SERVICE, BOTH)


def chosen(chance: random.Random, cluster: Driven) -> Callable[[], None]:
    """A change that leaves three or four nodes."""
    do = Operations(cluster)
    count = len(cluster.instances())
    scaling = [do.extend] if count < MOST else [do.shrink, do.offline]
    return chance.choice([*scaling, *scaling, do.replace, do.replace_master, do.roll, do.restart])


def one_round(chance: random.Random, cluster: Driven, victim: str) -> None:
    """A change that is hit while clients write and search."""
    operation = chosen(chance, cluster)
    wait = chance.uniform(0.0, LONGEST_WAIT)
    print(f"{operation.__name__}, {victim} killed after {wait:.1f} s; SEED={SEED}")  # noqa: T201 - shown when it fails

    def hit() -> None:
        operation()
        time.sleep(wait)  # the moment is the point of it
        if victim != NODE:
            cluster.kill_service()
        if victim != SERVICE:
            kill_one(chance, cluster)
        if victim != NODE:
            cluster.serve_again()

    tally = cluster.during(hit, LIGHT)
    assert tally.lost == 0, tally


def wait_less(endpoint: str) -> None:
    setting = {"index.unassigned.node_left.delayed_timeout": f"{MISSED_SECONDS}s"}
    httpx.put(f"{endpoint}/_all/_settings", json=setting, timeout=60).raise_for_status()


def victims(chance: random.Random) -> Iterator[str]:
    """Each as often as the others, so that a few rounds have more than one kind."""
    while True:
        yield from chance.sample(VICTIMS, len(VICTIMS))


def kill_one(chance: random.Random, cluster: Driven) -> None:
    alive = processes(cluster.cluster.service.data)
    if alive:  # all of them may be stopped at this moment
        chance.choice(sorted(alive, key=lambda one: one.pid)).kill()


def rounds(data: Path, count: int, seed: str) -> None:
    chance = random.Random(seed)  # noqa: S311 - a choice, not a secret
    with driven(data) as cluster:
        documents = index_documents(cluster.endpoints()[0], DOCUMENTS, replicas=1)
        wait_less(cluster.endpoints()[0])
        for victim in itertools.islice(victims(chance), count):
            one_round(chance, cluster, victim)
            for endpoint in cluster.endpoints():
                assert document_ids(endpoint) == documents
        cluster.nothing_is_lost()


def test_a_few_that_change_with_the_day(data: Path) -> None:
    rounds(data, ROUNDS, SEED)


@pytest.mark.nightly
@pytest.mark.timeout(6 * 3600)
def test_two_hundred_or_as_many_as_are_set(data: Path) -> None:
    rounds(data, NIGHTLY_ROUNDS, f"{SEED} nightly")
