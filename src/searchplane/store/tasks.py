"""Tasks of clusters, running and over (domain/tasks.py). The newest of each kind are kept."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Connection, Select, delete, func, insert, select, update

from searchplane.domain.ids import ClusterId
from searchplane.domain.tasks import Mode, Outcome, Task, finished
from searchplane.store.schema import tasks

KEPT = 50
"""Tasks of a kind that a cluster keeps."""

_TASK = TypeAdapter(Task)


def save(connection: Connection, task: Task) -> None:
    """Store a task that begins or has changed, and forget those that are too old to be kept."""
    if connection.execute(update(tasks).where(tasks.c.id == task.id).values(_json(task))).rowcount:
        return
    row = {"id": task.id, "cluster_id": task.cluster_id, "mode": task.mode.value}
    connection.execute(insert(tasks).values(row | {"started": task.started, **_json(task)}))
    kept = select(tasks.c.id).where(*_of(task.cluster_id, task.mode))
    kept = kept.order_by(tasks.c.started.desc(), tasks.c.id).limit(KEPT)
    connection.execute(
        delete(tasks).where(
            *_of(task.cluster_id, task.mode),
            tasks.c.id.not_in([*connection.execute(kept).scalars()]),
        )
    )


def end(connection: Connection, task_id: str, outcome: Outcome, now: datetime) -> None:
    """A task that runs is over; one that is not kept is none."""
    found = _one(connection, select(tasks.c.task_json).where(tasks.c.id == task_id))
    if found is not None and found.outcome is None:
        save(connection, finished(found, outcome, now))


def find(connection: Connection, cluster_id: str, task_id: str) -> Task | None:
    """The task if it is the cluster's."""
    mine = (tasks.c.id == task_id, tasks.c.cluster_id == cluster_id)
    return _one(connection, select(tasks.c.task_json).where(*mine))


def page(
    connection: Connection, cluster_id: ClusterId, mode: Mode, *, start: int, limit: int
) -> tuple[int, list[Task]]:
    """How many there are, and `limit` of them from the 1-based `start`, newest first."""
    mine = _of(cluster_id, mode)
    total = connection.execute(select(func.count()).select_from(tasks).where(*mine)).scalar_one()
    wanted = (
        select(tasks.c.task_json)
        .where(*mine)
        .order_by(tasks.c.started.desc(), tasks.c.id)
        .offset(start - 1)
        .limit(limit)
    )
    return total, [_TASK.validate_python(one) for one in connection.execute(wanted).scalars()]


def _of(cluster_id: ClusterId, mode: Mode) -> tuple[Any, Any]:
    return tasks.c.cluster_id == cluster_id, tasks.c.mode == mode.value


def _one(connection: Connection, wanted: Select[Any]) -> Task | None:
    found = connection.execute(wanted).scalar_one_or_none()
    return None if found is None else _TASK.validate_python(found)


def _json(task: Task) -> dict[str, Any]:
    return {"task_json": _TASK.dump_python(task, mode="json")}
