"""What an answer about the nodes' load means. Pure, like engine/answers.py.

It will not guess: an answer that is not understood gives nothing. A node that does not answer in
time is left out by the engine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from searchplane.domain.observed import NodeLoad

LOAD_PATH = (
    "/_nodes/stats/process,jvm,thread_pool?timeout=1s"
    "&filter_path=nodes.*.name,nodes.*.jvm.uptime_in_millis"
    ",nodes.*.process.cpu.percent,nodes.*.process.cpu.total_in_millis"
    ",nodes.*.thread_pool.search.queue,nodes.*.thread_pool.write.queue"
)


@dataclass(frozen=True)
class Worked:
    """How long a node's process has run, and used CPUs, in milliseconds."""

    up: int
    cpu: int


NOT_YET = Worked(0, 0)


def read_worked(answer: Mapping[str, Any]) -> dict[str, Worked]:
    """By the node's name. Raises AttributeError, KeyError, TypeError or ValueError."""
    return {
        str(node["name"]): Worked(
            int(node["jvm"]["uptime_in_millis"]), int(node["process"]["cpu"]["total_in_millis"])
        )
        for node in answer["nodes"].values()
    }


def read_load(answer: Mapping[str, Any], before: Mapping[str, Worked]) -> dict[str, NodeLoad]:
    """By the node's name, `before` being the last look; without one, since the node was started.

    Raises AttributeError, KeyError, TypeError or ValueError for what no engine would say.
    """
    worked = read_worked(answer)
    return {
        name: NodeLoad(
            search_queue=int(node["thread_pool"]["search"]["queue"]),
            write_queue=int(node["thread_pool"]["write"]["queue"]),
            cpu_percent=max(0, int(node["process"]["cpu"]["percent"])),
            cpus=_cpus(before.get(name, NOT_YET), worked[name]),
        )
        for node in answer["nodes"].values()
        for name in (str(node["name"]),)
    }


def _cpus(before: Worked, now: Worked) -> float:
    """CPUs used on average; a process that is younger than the last look is another one."""
    since = before if before.up < now.up else NOT_YET
    return max(0.0, (now.cpu - since.cpu) / max(1, now.up - since.up))
