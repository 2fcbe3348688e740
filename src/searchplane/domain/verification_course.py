"""The course of one verification, from the scratch cluster's own record and a fresh look.

    the scratch cluster is made -> the snapshot is restored -> each index is read -> compared
                                                            -> failed             -> over

What must hold in the end:

- an index to which nothing was written while the snapshot was taken has exactly the documents that
  were counted then; of another, no more came or went than the engine counted writes;
- what an earlier verification read is the same now.

That the files are whole is checked by the engine, which reads all of them to restore. A damaged one
is a restore that fails, and so a verification that fails.

Whatever happens ends with the scratch cluster being deleted. What could not be found out (it could
not be started, there was no time) is no verdict on the snapshot, and an earlier failure stays one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from searchplane.domain.cluster import Cluster
from searchplane.domain.ids import RestoreId
from searchplane.domain.index_patterns import SECURITY_INDEX
from searchplane.domain.plan import SOON, WATCHING, Phase, Plan
from searchplane.domain.scratch import IndexRead, Verification
from searchplane.domain.snapshots import (
    IndexKept,
    Restore,
    RestoreFailure,
    Snapshot,
    TargetIndex,
    Verified,
)
from searchplane.domain.verification_steps import (
    EndVerification,
    ReadIndex,
    RestoreScratch,
    VerificationStep,
)
from searchplane.domain.wording import hours

LONGEST = timedelta(hours=48)
"""How long a verification may take, whatever it waits for."""
IN_VAIN = "; tried again in vain: "
NAMED = 3
"""Broken indices that a sentence names."""
WHOLE = frozenset({Phase.STEADY, Phase.BALANCE})
"""A yellow scratch cluster is one that is there: it has but one node."""


@dataclass(frozen=True)
class Case:
    """What the store holds of a scratch cluster's verification. `next_id` is for its restore."""

    verification: Verification
    snapshot: Snapshot | None
    restore: Restore | None
    next_id: RestoreId


def verify(found: Plan, cluster: Cluster, case: Case, now: datetime) -> Plan:
    """The plan of a scratch cluster: that of any cluster, with what verifies the snapshot."""
    if cluster.paused or found.phase is Phase.DELETE:
        return found
    if case.restore is not None and _is_void(case.restore, cluster):
        case = replace(case, restore=None)
    ended = _ended(found, case, now)
    if ended is not None:
        said = ended.verified.sentence if ended.verified else "there is nothing left to verify"
        return _with(found, ended, said)
    if cluster.action is not None or found.phase not in WHOLE or case.snapshot is None:
        return replace(found, after=min(found.after, WATCHING))
    return _next(found, case, case.snapshot, cluster, now)


def _is_void(restore: Restore, cluster: Cluster) -> bool:
    """Whether it failed for the sake of the scratch cluster: a node has started since it began, and
    an engine forgets what it restores when it ends. Then it is begun anew."""
    has_failed = restore.ended is not None and not restore.succeeded
    starts = [node.last_start for node in cluster.nodes if node.last_start is not None]
    return has_failed and any(start > restore.started for start in starts)


def _ended(found: Plan, case: Case, now: datetime) -> EndVerification | None:
    """Why it is over before all was read."""
    snapshot = case.snapshot
    if snapshot is None or not snapshot.is_restorable:
        return EndVerification(None)
    if found.failure is not None:
        return _unknown(snapshot, f"the scratch cluster has failed: {found.sentence}", now)
    if now - case.verification.started > LONGEST:
        return _unknown(snapshot, f"given up after {hours(LONGEST)}: {found.sentence}", now)
    if case.restore is not None and case.restore.ended and not case.restore.succeeded:
        return _not_restored(snapshot, case.restore, now)
    return None


def _not_restored(snapshot: Snapshot, restore: Restore, now: datetime) -> EndVerification:
    """What had no time, or no chance, says nothing of the snapshot."""
    reason = restore.reason or "the engine does not say why"
    if restore.failure is RestoreFailure.GIVEN_UP:
        return _unknown(snapshot, reason, now)
    digests = snapshot.verified.digests if snapshot.verified is not None else ()
    return EndVerification(Verified(now, False, f"it cannot be restored: {reason}", digests))


def _next(found: Plan, case: Case, snapshot: Snapshot, cluster: Cluster, now: datetime) -> Plan:
    """One that is whole, with nothing at work in it."""
    if case.restore is None:
        step = RestoreScratch(_restore(cluster, snapshot, case.next_id, now))
        return _with(found, step, f"restoring the snapshot {snapshot.name}")
    if case.restore.ended is None:
        return found
    done = {one.name for one in case.verification.read}
    left = [one.name for one in case.restore.targets if one.name not in done]
    if left:
        said = f"{len(done)} of {len(case.restore.targets)} indices read; reading {left[0]}"
        return replace(_with(found, ReadIndex(left[0]), said), after=WATCHING)
    verified = verdict(snapshot, case.verification.read, now)
    return _with(found, EndVerification(verified), verified.sentence)


def _with(found: Plan, step: VerificationStep, said: str) -> Plan:
    """Steps that the cluster itself needs come first."""
    return replace(found, phase=Phase.VERIFY, steps=(*found.steps, step), sentence=said, after=SOON)


def _restore(cluster: Cluster, snapshot: Snapshot, new_id: RestoreId, now: datetime) -> Restore:
    """All that is in it, also over what the engine itself has made in the scratch cluster."""
    return Restore(
        id=new_id,
        snapshot_id=snapshot.id,
        cluster_id=cluster.id,
        targets=tuple(TargetIndex(one.name, one.name) for one in restorable(snapshot)),
        replaces=True,
        started=now,
    )


def _unknown(snapshot: Snapshot, reason: str, now: datetime) -> EndVerification:
    return EndVerification(in_vain(snapshot.verified, reason, now))


def in_vain(before: Verified | None, reason: str, now: datetime) -> Verified:
    """What stands beside a snapshot that could not be verified: an earlier verdict stays."""
    if before is None or before.succeeded is None:
        digests = before.digests if before is not None else ()
        return Verified(now, None, f"not verified: {reason}", digests)
    found = before.sentence.partition(IN_VAIN)[0]
    return replace(before, sentence=f"{found}{IN_VAIN}{reason}")


def verdict(snapshot: Snapshot, read: tuple[IndexRead, ...], now: datetime) -> Verified:
    """What the comparison comes to."""
    broken = [*_broken(snapshot, {one.name: one for one in read})]
    before = snapshot.verified
    if broken:
        rest = f" and {len(broken) - NAMED} more" if len(broken) > NAMED else ""
        digests = before.digests if before is not None else ()
        return Verified(now, False, f"{'; '.join(broken[:NAMED])}{rest}", digests)
    digests = tuple(sorted((one.name, one.digest) for one in read))
    return Verified(now, True, _good(snapshot, read), digests)


def _broken(snapshot: Snapshot, read: dict[str, IndexRead]) -> Iterator[str]:
    digests = dict(snapshot.verified.digests) if snapshot.verified is not None else {}
    for kept in restorable(snapshot):
        index = read.get(kept.name)
        if index is None:
            yield f"{kept.name} is missing"
        elif index.error is not None:
            yield f"{kept.name} cannot be read: {index.error}"
        elif not may_have(kept, index.documents):
            yield f"{kept.name} has {index.documents} documents, {_counted(kept)} were counted"
        elif digests.get(kept.name, index.digest) != index.digest:
            yield f"{kept.name} is not what it was when it was verified before"


def may_have(kept: IndexKept, documents: int) -> bool:
    """Whether a restored index may have so many documents.

    A write adds or removes one document at most; both counts of writes were read before their
    documents, so the later documents are no bound. What was not counted may have any number.
    """
    before, after = kept.documents, kept.documents_after
    if kept.exact or before is None or after is None:
        return before is None or after is None or documents == before
    if kept.writes is None or kept.writes_after is None:
        return True
    return abs(documents - before) <= kept.writes_after - kept.writes


def _counted(kept: IndexKept) -> str:
    if kept.exact:
        return f"{kept.documents}"
    return f"{kept.documents} before and {kept.documents_after} after it was taken"


def restorable(snapshot: Snapshot) -> tuple[IndexKept, ...]:
    """What any restore may bring; the index of the security plugin is not of it."""
    return tuple(one for one in snapshot.contents if one.name != SECURITY_INDEX)


def _good(snapshot: Snapshot, read: tuple[IndexRead, ...]) -> str:
    kept = restorable(snapshot)
    exact = sum(one.exact for one in kept)
    bare = sum(one.documents is None for one in kept)
    meanwhile = len(kept) - exact - bare
    documents = sum(one.documents for one in read)
    said = [f"{_indices(len(read))} with {documents} documents restored and read"]
    if exact:
        said.append(f"{_indices(exact)} with exactly what was counted")
    if meanwhile:
        said.append(f"{_indices(meanwhile)} within what was written meanwhile")
    if bare:
        said.append(f"{_indices(bare)} that nobody had counted")
    if snapshot.verified is not None and snapshot.verified.digests:
        said.append("nothing has changed since it was verified before")
    return ", ".join(said)


def _indices(number: int) -> str:
    return f"{number} indices" if number != 1 else "1 index"
