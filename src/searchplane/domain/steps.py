"""The steps a plan is made of. Each may be repeated, and says by itself what is to be true then."""

from __future__ import annotations

from dataclasses import dataclass

from searchplane.domain.ids import NodeId
from searchplane.domain.snapshot_steps import SnapshotStep
from searchplane.domain.verification_steps import VerificationStep


@dataclass(frozen=True)
class PlaceNode:
    """Choose the node's address and store it."""

    node_id: NodeId


@dataclass(frozen=True)
class IssueCertificates:
    """Make the certificates that are missing or will end soon, and store them."""


@dataclass(frozen=True)
class LoadCertificate:
    """Have a running node use the certificate that is stored for it, and store that it does."""

    node_id: NodeId


@dataclass(frozen=True)
class SetPassword:
    """Tell the engine the hash of the admin's password that is stored."""


@dataclass(frozen=True)
class DropSecurityData:
    """Have the engine forget the users and rights of the security mode."""


@dataclass(frozen=True)
class NextEngine:
    """Store that the next engine of the action is wanted, and that every node is to change."""


@dataclass(frozen=True)
class StartNode:
    """Make the node's storage and configuration and start its process; with `keeps_vote` as the
    master that it was, though dedicated masters are to take over."""

    node_id: NodeId
    keeps_vote: bool = False


@dataclass(frozen=True)
class EndBootstrap:
    """Take the bootstrap setting out of the nodes' configuration, then store that it is out."""


@dataclass(frozen=True)
class ExcludeFromAllocation:
    """Have shards moved away from exactly these addresses, and from no others any longer."""

    addresses: frozenset[str]


@dataclass(frozen=True)
class ExcludeFromVoting:
    """Have exactly these nodes, by name, give up their votes, and no others any longer."""

    names: frozenset[str]


@dataclass(frozen=True)
class MarkEmptied:
    """Store that a look saw the node without shards, or with shards again."""

    node_id: NodeId
    emptied: bool = True


@dataclass(frozen=True)
class HaltNode:
    """Ask the node's process to end in good order; its data stays."""

    node_id: NodeId


@dataclass(frozen=True)
class RenewNode:
    """Store that the node's old storage is gone: from now on it is a new, empty node."""

    node_id: NodeId


@dataclass(frozen=True)
class ForgetNode:
    """Take the node out of the record; nothing of it exists any longer."""

    node_id: NodeId


@dataclass(frozen=True)
class CompleteAction:
    """The wanted state is reached: nothing of the action is left."""


@dataclass(frozen=True)
class GiveUp:
    """End an action that could not be carried out: nodes that were to go stay."""


@dataclass(frozen=True)
class FormAnew:
    """Store that the cluster has never formed and its nodes were never started."""


@dataclass(frozen=True)
class BringBack:
    """Store that a snapshot is to be restored into the cluster that was formed anew, if there is
    one; its action is over otherwise."""


@dataclass(frozen=True)
class StopNode:
    """End the node's process at once; its data is not wanted any longer."""

    node_id: NodeId


@dataclass(frozen=True)
class RemoveNode:
    """Remove the node's storage."""

    node_id: NodeId


@dataclass(frozen=True)
class ForgetCluster:
    """Remove the record; nothing of the cluster exists any longer."""


Step = (
    PlaceNode
    | IssueCertificates
    | LoadCertificate
    | SetPassword
    | DropSecurityData
    | NextEngine
    | StartNode
    | EndBootstrap
    | ExcludeFromAllocation
    | ExcludeFromVoting
    | MarkEmptied
    | HaltNode
    | RenewNode
    | ForgetNode
    | CompleteAction
    | GiveUp
    | FormAnew
    | BringBack
    | StopNode
    | RemoveNode
    | ForgetCluster
    | SnapshotStep
    | VerificationStep
)

OF_ONE_NODE = (
    PlaceNode,
    StartNode,
    LoadCertificate,
    MarkEmptied,
    HaltNode,
    RenewNode,
    ForgetNode,
    StopNode,
    RemoveNode,
)
"""One of these that fails holds up no other node."""
