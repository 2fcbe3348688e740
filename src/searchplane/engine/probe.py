"""One look at a cluster: what does its elected master say?

The problem: the loop looks several times a second while a cluster is being built and the machine
is busy starting it, so a look must be cheap; and what cannot be seen must be `Unknown` with a
sentence, never a guess.

The design: nodes are asked in turn, the one that answered last time first; the first that answers
for an elected master wins. That is two requests, sent together, on connections that are kept. A
question waits a second for a master, so that the look that asks just before the election sees it.

A secured node counts as a member only once it can log users in: the control plane's certificate is
let in some seconds earlier, and a cluster must not look finished while its users still get 503.
Nodes that have not been seen ready are therefore asked that first, by the one question that
needs no login and writes no error to the node's log.

The master goes on naming a node that has ended until it has noticed, which on a busy machine is
longer than ending and starting it again takes. Whoever was not ready at the last look is therefore
asked itself: a node opens its REST port after it has joined.

It will not change anything in the cluster, nor decide what a view permits.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace

import httpx

from searchplane.domain.observed import EngineView, NodeLoad, Target, Unknown
from searchplane.engine.answers import (
    ALIVE_PATH,
    HEALTH_PATH,
    READY_PATH,
    STATE_PATH,
    Trouble,
    joined_hosts,
    no_answer,
    read,
    sentence,
    trouble_of,
)
from searchplane.engine.load import LOAD_PATH, Worked, read_load, read_worked
from searchplane.engine.placement import PLACEMENT_PATHS, read_placement
from searchplane.engine.rest import Clock, node_url, open_client, utc_now

LONGEST_LOOK_SECONDS = 9.0
IDLE_SECONDS = 120.0
"""A client that no look has used for this long is closed: its cluster is gone or has changed."""

_READY_SECONDS = 1.0  # asked of all at once: a hung node must not hold up the others


@dataclass
class _Cluster:
    """What is kept between looks; `ready` are addresses where users can log in, `worked` is what
    nodes had done at the last look at their load."""

    client: httpx.AsyncClient
    used: float
    last_answered: str | None = None
    ready: set[str] = field(default_factory=set)
    worked: Mapping[str, Worked] = field(default_factory=dict)


class Probe:
    """Not for use by several event loops at once. `transport` is replaced in tests."""

    def __init__(
        self,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        clock: Clock = utc_now,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._transport = transport
        self._clock = clock
        self._monotonic = monotonic
        self._clusters: dict[Target, _Cluster] = {}

    async def view(
        self, target: Target, *, placement: bool = False, unsure: Collection[str] = ()
    ) -> EngineView | Unknown:
        """What the cluster says of itself; Unknown, with a sentence, if no node can tell.

        With `placement`, also where its shards are and who has a vote. Nodes at an `unsure`
        address were not ready at the last look.
        """
        if not target.addresses:
            return Unknown("no node has an address yet")
        await self._close_idle()
        cluster = self._cluster(target)
        try:
            async with asyncio.timeout(LONGEST_LOOK_SECONDS):
                return await _look(cluster, target, placement, frozenset(unsure))
        except TimeoutError:
            count = len(target.addresses)
            return Unknown(f"no complete answer of {count} nodes in {LONGEST_LOOK_SECONDS:.0f} s")

    async def load(self, target: Target) -> Mapping[str, NodeLoad] | Unknown:
        """What the nodes have to do that answer in time, as the first says that can."""
        cluster = self._cluster(target)
        troubles: list[Trouble] = []
        for address in sorted(target.addresses, key=lambda each: each != cluster.last_answered):
            answer = await _get(cluster.client, address, node_url(target, address) + LOAD_PATH)
            if not isinstance(answer, Trouble):
                return _loaded(cluster, address, answer)
            troubles.append(answer)
        return Unknown(sentence(troubles))

    async def close(self) -> None:
        """Close every connection."""
        clusters, self._clusters = self._clusters, {}
        for cluster in clusters.values():
            await cluster.client.aclose()

    def _cluster(self, target: Target) -> _Cluster:
        now = self._monotonic()
        if target not in self._clusters:
            client = open_client(target, transport=self._transport, clock=self._clock)
            self._clusters[target] = _Cluster(client, now)
        self._clusters[target].used = now
        return self._clusters[target]

    async def _close_idle(self) -> None:
        oldest = self._monotonic() - IDLE_SECONDS
        idle = [target for target, cluster in self._clusters.items() if cluster.used < oldest]
        for target in idle:
            await self._clusters.pop(target).client.aclose()


async def _look(
    cluster: _Cluster, target: Target, placement: bool, unsure: frozenset[str]
) -> EngineView | Unknown:
    troubles = await _not_ready(cluster, target, unsure)
    not_ready = frozenset(troubles)
    for address in sorted(target.addresses, key=lambda each: each != cluster.last_answered):
        if address in not_ready:
            continue
        answer = await _ask(cluster, target, address, not_ready)
        if isinstance(answer, EngineView):
            cluster.last_answered = address
            return await _placed(cluster, target, address, answer) if placement else answer
        cluster.ready.discard(address)
        troubles[address] = answer
    return Unknown(sentence(troubles.values()))


async def _not_ready(
    cluster: _Cluster, target: Target, unsure: frozenset[str]
) -> dict[str, Trouble]:
    """The nodes that do not answer, or on which users cannot log in, and why."""
    cluster.ready.difference_update(unsure)
    asked = [
        address
        for address in target.addresses
        if address in unsure or (target.identity and address not in cluster.ready)
    ]
    answers = await asyncio.gather(*(_ready(cluster, target, address) for address in asked))
    troubles = {each.address: each for each in answers if isinstance(each, Trouble)}
    cluster.ready.update(set(asked) - troubles.keys())
    return troubles


async def _ready(cluster: _Cluster, target: Target, address: str) -> httpx.Response | Trouble:
    url = node_url(target, address) + (READY_PATH if target.identity else ALIVE_PATH)
    return await _get(cluster.client, address, url, httpx.Timeout(_READY_SECONDS))


async def _ask(
    cluster: _Cluster, target: Target, address: str, not_ready: frozenset[str]
) -> EngineView | Trouble:
    url = node_url(target, address)
    state, health = await asyncio.gather(
        _get(cluster.client, address, url + STATE_PATH),
        _get(cluster.client, address, url + HEALTH_PATH),
    )
    if isinstance(state, Trouble):
        return state
    if isinstance(health, Trouble):
        return health
    view = read(address, state, health, not_ready)
    if isinstance(view, EngineView):
        # A node that left comes back as a new process, which has to be seen ready again.
        cluster.ready.intersection_update(joined_hosts(state))
    return view


async def _placed(cluster: _Cluster, target: Target, address: str, view: EngineView) -> EngineView:
    """The view with where its shards are, or with why that cannot be told."""
    url = node_url(target, address)
    answers = await asyncio.gather(
        *(_get(cluster.client, address, url + path) for path in PLACEMENT_PATHS)
    )
    readable: list[httpx.Response] = []
    for answer in answers:
        if isinstance(answer, Trouble):
            return replace(view, shards=Unknown(sentence([answer])))
        readable.append(answer)
    try:
        shards = read_placement(*(answer.json() for answer in readable))
    except (AttributeError, KeyError, TypeError, ValueError):
        shards = None
    unclear = Unknown(f"{address} answers with what no engine would say")
    return replace(view, shards=shards or unclear)


def _loaded(
    cluster: _Cluster, address: str, answer: httpx.Response
) -> Mapping[str, NodeLoad] | Unknown:
    try:
        found = read_load(answer.json(), cluster.worked)
        cluster.worked = read_worked(answer.json())
    except (AttributeError, KeyError, TypeError, ValueError):
        return Unknown(f"{address} answers with what no engine would say")
    return found


async def _get(
    client: httpx.AsyncClient, address: str, url: str, limit: httpx.Timeout | None = None
) -> httpx.Response | Trouble:
    """An answer, or why there is none as a value: a silent node is no reason to stop looking."""
    try:
        answer = await client.get(url, timeout=limit or httpx.USE_CLIENT_DEFAULT)
    except (httpx.HTTPError, ssl.SSLError) as error:
        # With TLS 1.3 a node refuses our certificate after the handshake; httpx lets that through.
        return no_answer(address, error)
    return trouble_of(address, answer) or answer
