"""Whether the nodes of a cluster have strength to spare, before some of them are taken away for
good or to be restarted (api/semantics.md, sections 4.2, 4.3 and 4.10).

Judged is what the nodes themselves do, never what else the machine does: on a shared machine the
load average and the CPU of the whole are other people's too. So "load" is how many CPUs a node's
threads used between two looks, held against those it has; what waits for a CPU waits in the queues,
which are judged apart. What was not seen lately is not safe.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from searchplane.domain.cluster import Cluster, Node
from searchplane.domain.observed import NodeLoad
from searchplane.domain.violation import Violation

MOST_SEARCHES = 1000
MOST_WRITES = 200
MOST_CPU_PERCENT = 90
MOST_LOAD_PERCENT = 80
FRESH = timedelta(minutes=2)
"""How long a look counts; an idle cluster is looked at every half minute."""


def too_much(cluster: Cluster, now: datetime, code: str = "CSS.5090") -> Iterator[Violation]:
    """One violation that tells each limit a node has reached, and which nobody has looked at."""
    said = [*_said(cluster, now)]
    if said:
        said.append("cluster_load_check false goes on all the same")
        yield Violation.said(code, "; ".join(said))


def _said(cluster: Cluster, now: datetime) -> Iterator[str]:
    seen = cluster.load
    if seen is None or now - seen.at > FRESH:
        yield _not_known("the nodes")
        return
    for node in cluster.nodes:
        load = seen.nodes.get(node.name)
        if load is None:
            yield _not_known(node.name)
        else:
            yield from _of_node(node, load)


def _of_node(node: Node, load: NodeLoad) -> Iterator[str]:
    used = round(100 * load.cpus / node.processors)
    found = (
        ("searches wait in the queue of", load.search_queue, MOST_SEARCHES, ""),
        ("writes wait in the queue of", load.write_queue, MOST_WRITES, ""),
        ("of the machine's CPU are taken by", load.cpu_percent, MOST_CPU_PERCENT, " %"),
        ("of its vCPUs are busy on", used, MOST_LOAD_PERCENT, " %"),
    )
    for what, figure, most, unit in found:
        if figure >= most:
            yield f"{figure}{unit} {what} {node.name}: less than {most}{unit} is right"


def _not_known(whose: str) -> str:
    minutes = FRESH // timedelta(minutes=1)
    return f"the load of {whose} was not seen in the last {minutes} minutes"
