"""Which cluster's engine works in a repository: one function, for requests and for passes.

Two engines that write to one repository ruin it, and an engine cannot be trusted with what a newer
one has written. So it is the cluster of the repository while that has a record, be it that it is
being deleted: its nodes may still be at work. Its heir begins once the record is gone, which is
when its nodes have ended. The heir is a cluster of the project that runs at least the newest engine
that ever wrote there; one that has begun with something there stays the heir.

Which engines wrote is told by the rows of the repository. A row that goes would take that with it,
so those that stay are touched: they keep the newest engine that has deleted beside them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from searchplane.domain.cluster import ActionKind, Cluster
from searchplane.domain.engines import ENGINES, Engine
from searchplane.domain.snapshots import Snapshot
from searchplane.domain.upgrades import may_read, running


def worker_for(
    snapshot: Snapshot, siblings: Iterable[Snapshot], clusters: Iterable[Cluster]
) -> Cluster | None:
    """Who deletes the snapshot, and looks after all of its repository; None if nobody may.

    `siblings` are all snapshots of its cluster, `clusters` those of the project.
    """
    rows = [one for one in siblings if one.repository == snapshot.repository]
    fit = _Fit(newest_writer((snapshot, *rows)))
    known = {one.id: one for one in clusters}
    at_work = sorted({row.worker for row in rows if row.worker is not None})
    holders = [known[one] for one in at_work if one in known and fit.may_hold(known[one])]
    holder = known.get(snapshot.cluster_id) or next(iter(holders), None)
    heir = min(filter(fit.may_begin, known.values()), key=_rank, default=None)
    if holder is None or (heir is None and _is_going(holder)):
        return heir
    return holder


def newest_writer(rows: Iterable[Snapshot]) -> Engine:
    """The newest engine that is known to have written to the repository of these."""
    engines = [engine for row in rows for engine in (row.engine, row.touched) if engine is not None]
    return max(engines, key=_age)


def touched(rows: Iterable[Snapshot], engine: Engine) -> Sequence[Snapshot]:
    """Those of a repository's rows that do not tell yet that so new an engine writes there, as they
    are then."""
    return [
        replace(row, touched=engine) for row in rows if _age(engine) > _age(newest_writer([row]))
    ]


class _Fit:
    """Who may write where `newest` has."""

    def __init__(self, newest: Engine) -> None:
        self._newest = newest

    def may_hold(self, cluster: Cluster) -> bool:
        return may_read(running(cluster), self._newest)

    def may_begin(self, cluster: Cluster) -> bool:
        is_lasting = cluster.spec.verifies is None and not _is_going(cluster)
        return is_lasting and cluster.bootstrapped and self.may_hold(cluster)


def _is_going(cluster: Cluster) -> bool:
    return cluster.is_being(ActionKind.DELETING)


def _rank(cluster: Cluster) -> tuple[object, ...]:
    return cluster.failure is not None, cluster.created, cluster.id


def _age(engine: Engine) -> int:
    """Grows with the engine; one that is not known here is newer than all."""
    return ENGINES.index(engine) if engine in ENGINES else len(ENGINES)
