"""A cluster of which nothing is left: it is said so, and formed anew only when an operator asks.

A cluster that had formed and of which no node has storage any more could be started again at once:
empty, green, and with nobody noticing that its data is gone. The folders may merely be elsewhere,
on a disk that is not mounted or on the machine a backup of the control plane came from. So nothing
is started, and the sentence says what can be done (`may_begin_again`).

When an operator gives the data up, the cluster is formed a second time with its name, id and nodes,
and what the newest snapshot of all its indices holds is restored into it. Folders that come back
before the first node was started are taken instead, as if nobody had asked. Where anything of the
cluster is left it is not formed anew: one folder may hold what all the others have lost.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from searchplane.domain import restoring
from searchplane.domain.change import Change, as_new, begun, completed, given_up, with_nodes
from searchplane.domain.cluster import Action, ActionKind, Anew, Cluster, Refusal
from searchplane.domain.ids import RestoreId
from searchplane.domain.index_patterns import ALL_INDICES
from searchplane.domain.observed import Observation, Running, Unknown
from searchplane.domain.predicates import may_begin_again, may_form_anew
from searchplane.domain.restoring import Wish, check_restorable
from searchplane.domain.snapshots import Snapshot
from searchplane.domain.snapshotting import is_full
from searchplane.domain.steps import FormAnew, GiveUp, Step
from searchplane.domain.upgrades import may_read, running
from searchplane.domain.wording import count
from searchplane.errors import Refused


@dataclass(frozen=True)
class Lost:
    """What is said, and done, about a cluster of which nothing is left."""

    said: str
    steps: tuple[Step, ...] = ()
    refusal: Refusal | None = None


def lost(cluster: Cluster, observation: Observation) -> Lost | None:
    """None for a cluster that had not formed yet, or that has anything left and nobody gave up."""
    states = observation.nodes.values()
    if not cluster.bootstrapped or all(isinstance(state, Running) for state in states):
        return None
    if cluster.action is not None and cluster.action.anew is Anew.WANTED:
        return _form_anew(cluster, observation)
    objection = may_begin_again(cluster, observation)
    if objection is None:
        return None
    return Lost(objection, refusal=Refusal(may_begin_again.__name__, objection))


def rebuild(cluster: Cluster, snapshot: Snapshot | None, now: datetime) -> Change:
    """Form the cluster anew, then restore all of this snapshot, or of its newest one.

    Raises Refused CSS.5090 unless the last look saw that nothing of the cluster is left, CSS.5140
    if its engine cannot read the snapshot, and as `check_restorable`.
    """
    _check_lost(cluster)
    if snapshot is not None:
        check_restorable(snapshot)
        if not may_read(running(cluster), snapshot.engine):
            raise Refused(
                "CSS.5140",
                f"the cluster runs {running(cluster)} and the snapshot was taken by "
                f"{snapshot.engine}: the same or a later version can read it",
            )
    chosen = snapshot.id if snapshot is not None else None
    action = Action(ActionKind.CREATING, now, id=chosen, anew=Anew.WANTED)
    name = f"the snapshot {snapshot.name}" if snapshot else "its newest snapshot of all indices"
    said = f"rebuild: give up what its nodes held, form it anew and restore {name}"
    return Change(cluster, begun(cluster, action), said)


def formed_anew(cluster: Cluster) -> Cluster:
    """The record of the cluster as if it had just been asked for."""
    if cluster.action is None:
        raise ValueError("nobody asked for it")
    fresh = with_nodes(given_up(cluster), as_new)
    return replace(
        fresh, bootstrapped=False, action=replace(cluster.action, anew=Anew.FORMING), indices=None
    )


def newest(cluster: Cluster, snapshots: Iterable[Snapshot]) -> Snapshot | None:
    """The newest whole snapshot of all indices that the cluster's engine can read."""
    fit = [one for one in snapshots if is_full(one) and may_read(running(cluster), one.engine)]
    return max(fit, key=lambda one: (one.created, one.id), default=None)


def bring_back(
    cluster: Cluster, snapshot: Snapshot | None, restore_id: RestoreId, now: datetime
) -> Change:
    """The restore into the cluster that has formed anew; without one, its action is over."""
    idle, wish = completed(cluster), Wish(ALL_INDICES)
    if snapshot is None:
        none = "there is no whole snapshot of all its indices"
        return Change(idle, idle, f"formed anew, empty: {none}")
    try:
        chosen = restoring.targets(snapshot, wish)
        found = restoring.restore(idle, snapshot, wish, chosen, restore_id=restore_id, now=now)
    except Refused as error:
        return Change(idle, idle, f"formed anew, empty: {error.detail}")
    return replace(found, said=f"formed anew; {found.said}")


def _form_anew(cluster: Cluster, observation: Observation) -> Lost:
    objection = may_form_anew(cluster, observation)
    if objection is None:
        return Lost(f"forming {count(len(cluster.nodes))} anew, empty", (FormAnew(),))
    refusal = Refusal(may_form_anew.__name__, objection)
    if any(isinstance(state, Unknown) for state in observation.nodes.values()):
        return Lost(objection, refusal=refusal)
    return Lost(f"not formed anew: {objection}", (GiveUp(),), refusal)


def _check_lost(cluster: Cluster) -> None:
    action, refusal = cluster.action, cluster.refusal
    if cluster.paused:
        raise Refused("CSS.5090", "the cluster is paused by an operator: resume it first")
    if action is not None and (action.kind is ActionKind.DELETING or action.anew is not Anew.NO):
        raise Refused("CSS.5090", f"the cluster is {action.kind.value}: {cluster.sentence}")
    if refusal is None or refusal.predicate != may_begin_again.__name__:
        raise Refused(
            "CSS.5090",
            f"it is not known that nothing of the cluster is left: {cluster.sentence}; only a "
            "cluster of which no node has storage is formed anew",
        )
