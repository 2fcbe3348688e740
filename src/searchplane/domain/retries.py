"""Trying a failed task again, or giving it up (api/semantics.md, section 4.10).

A failed task is not forgotten by the loop, which goes on trying. A retry only takes away what
makes it wait. Giving up leaves nodes that were not taken yet as they are; how far there is a way
back depends on what was done: another zone is only a label, but what an engine has opened an
older one cannot open.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from searchplane.domain.change import Change, begun, with_nodes
from searchplane.domain.cluster import Action, ActionKind, Cluster, Fate, Node
from searchplane.domain.tasks import Mode, Outcome, Task, finished, outcome
from searchplane.domain.upgrades import running
from searchplane.domain.zones import with_zones_of_nodes
from searchplane.errors import Refused


def retry(cluster: Cluster, task: Task, now: datetime) -> Change:
    """`PUT upgrade/{id}/retry`: nodes that do not come up are started again at once."""
    action = _of_failed(cluster, task)
    fresh = with_nodes(cluster, lambda node: node if node.ready else _afresh(node))
    again = replace(task, attempts=task.attempts + 1)
    said = f"try again to {_said(task)}"
    return Change(cluster, begun(fresh, replace(action, started=now)), said, task=again)


def give_up(cluster: Cluster, task: Task, now: datetime) -> Change:
    """The same with `retry_mode=abort`."""
    _of_failed(cluster, task)
    back = _stay_in_zones(cluster, task) if task.mode is Mode.AZ_MIGRATION else _stay(cluster, now)
    over = finished(task, Outcome.FAILED, now)
    return Change(cluster, replace(back, failure=None), f"do not {_said(task)}", task=over)


def _of_failed(cluster: Cluster, task: Task) -> Action:
    action = cluster.action
    state = outcome(task, cluster)
    if action is None or action.id != task.id or state is not Outcome.FAILED:
        shown = state.value if task.ended is None else "over"
        raise Refused(
            "CSS.0078", f"the task {task.id} is {shown}: only a failed one may be retried"
        )
    return action


def _said(task: Task) -> str:
    return "upgrade" if task.mode is Mode.UPGRADING else "move nodes to other zones"


def _afresh(node: Node) -> Node:
    return replace(node, starts=0, last_start=None, last_error=None)


def _unmarked(node: Node) -> Node:
    return replace(node, restarts_wanted=node.restarts_done)


def _stay(cluster: Cluster, now: datetime) -> Cluster:
    """Back to the old engine where no node has come up on the new one: those that were started on
    it start again empty, as the others have what they hold. Otherwise nodes of both engines stay,
    and the same upgrade may be asked for again."""
    new, old = cluster.spec.engine, running(cluster)
    ended = replace(with_nodes(cluster, _unmarked), action=None, refusal=None, progress=0)
    opened = [node for node in cluster.nodes if node.engine == new]
    if new == old or any(node.ready for node in opened):
        return ended
    back = replace(ended, spec=replace(cluster.spec, engine=old))
    if not opened:
        return back
    ids = {node.id for node in opened}
    emptied = with_nodes(
        back, lambda node: replace(_afresh(node), fate=Fate.REPLACE) if node.id in ids else node
    )
    return begun(emptied, Action(ActionKind.REPLACING, now))


def _stay_in_zones(cluster: Cluster, task: Task) -> Cluster:
    origins = dict(task.origins)

    def stay(node: Node) -> Node:
        is_left = node.is_stale and node.name in origins
        return _unmarked(replace(node, zone=origins[node.name]) if is_left else node)

    ended = replace(with_nodes(cluster, stay), action=None, refusal=None, progress=0)
    return with_zones_of_nodes(ended, ())
