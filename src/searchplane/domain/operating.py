"""What an operator may do about a change that does not go on as it should.

A paused cluster is observed and nothing is done to it, so that somebody may work on it by hand; a
delete is carried out all the same. A predicate that refuses the next step of a change may be set
aside, until that change is over, if no data can be lost by it.
"""

from __future__ import annotations

from dataclasses import replace

from searchplane.domain import safety
from searchplane.domain.change import Change
from searchplane.domain.cluster import ActionKind, Cluster
from searchplane.errors import Refused


def pause(cluster: Cluster) -> Change:
    """Nothing is done to the cluster until it is resumed. Again is nothing more."""
    if cluster.is_being(ActionKind.DELETING):
        raise Refused("CSS.5090", "the cluster is being deleted, which goes on to its end")
    return Change(cluster, replace(cluster, paused=True), "pause: look on and do nothing")


def resume(cluster: Cluster) -> Change:
    """What was being done goes on. Nothing counts as late for the time of the pause."""
    after = replace(cluster, paused=False, unhealthy_since=None)
    return Change(cluster, after, "resume: go on with what was being done")


def set_aside(cluster: Cluster, predicate: str) -> Change:
    """Do not ask this predicate until the action that runs, or else the next one, is over."""
    if predicate not in safety.SKIPPABLE:
        right = ", ".join(sorted(safety.SKIPPABLE))
        known = {one.__name__ for one in safety.ALL}
        why = "it guards data and votes, and is never set aside; " if predicate in known else ""
        raise Refused("CSS.0001", f"predicate is {predicate[:64]!r}: {why}one of {right} is right")
    after = replace(cluster, skipped=cluster.skipped | {predicate})
    return Change(cluster, after, f"set the predicate {predicate} aside until the action is over")
