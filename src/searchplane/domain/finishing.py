"""What comes last in an action, when all nodes are what they should be.

Nothing of it is remembered as done: the action itself goes with the last step, so a pass that was
cut off in between does the few steps again, and each of them may be repeated.
"""

from __future__ import annotations

from searchplane.domain.cluster import ActionKind, Anew, Cluster
from searchplane.domain.steps import (
    BringBack,
    CompleteAction,
    DropSecurityData,
    NextEngine,
    SetPassword,
    Step,
)


def goes_on(cluster: Cluster) -> bool:
    """Whether all nodes are to be started on another engine yet, or a snapshot is to come back."""
    action = cluster.action
    return action is not None and (bool(action.hops) or action.anew is Anew.FORMING)


def last_steps(cluster: Cluster) -> tuple[Step, ...]:
    """Empty where nothing was asked for, or snapshots are: they end their actions themselves."""
    action = cluster.action
    if action is None or action.kind in (ActionKind.SNAPSHOTTING, ActionKind.RESTORING):
        return ()
    if action.anew is Anew.FORMING:
        return (BringBack(),)
    if goes_on(cluster):
        return (NextEngine(),)
    if action.kind is ActionKind.RESETTING_PASSWORD:
        return (SetPassword(), CompleteAction())
    if action.kind is ActionKind.CHANGING_MODE and not cluster.spec.security.authority:
        return (DropSecurityData(), CompleteAction())
    return (CompleteAction(),)
