"""A master that dies before dedicated masters have taken over is started as the master it was.

Data nodes give up their votes by a restart, and only where enough others vote (`a_quorum_stays`).
One that dies on its own comes back, too; were it started as what it is to be, without a vote, a
power failure would leave a cluster in which nobody may be elected any more: the old masters are
none, and the new ones, that never joined, know nothing of it. A vote too many harms nobody, and
its restart is made up for as soon as that is safe.
"""

from __future__ import annotations

from searchplane.domain.cluster import Cluster, Node
from searchplane.domain.observed import EngineView, Observation, ShardsView, Stopped
from searchplane.domain.safety import masters


def keeps_vote(cluster: Cluster, node: Node, observation: Observation) -> bool:
    """Whether the node, which does not run, is needed with its vote yet, or nobody can tell.

    One whose storage is gone has lost its vote with it.
    """
    if not cluster.gives_up_vote(node) or not isinstance(observation.nodes[node.id], Stopped):
        return False
    engine = observation.engine
    if not isinstance(engine, EngineView) or not isinstance(engine.shards, ShardsView):
        return True
    dedicated = {one.name for one in masters(cluster.nodes)}
    others = {one.name for one in cluster.nodes if one.id != node.id and cluster.gives_up_vote(one)}
    shards = engine.shards
    staying = (dedicated | others) & shards.voters & engine.members
    have_joined = dedicated <= engine.members
    return not have_joined or 2 * len(staying) <= max(shards.votes, len(shards.voters))
