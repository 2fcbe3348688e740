"""The buckets that a project has: made for its snapshots, or attached to restore from."""

from __future__ import annotations

from sqlalchemy import Connection, RowMapping, delete, insert, select, update

from searchplane.domain.ids import ProjectId
from searchplane.domain.snapshots import Bucket
from searchplane.errors import Refused
from searchplane.store.schema import buckets


def find(connection: Connection, project_id: ProjectId, name: str) -> Bucket | None:
    mine = (buckets.c.project_id == project_id, buckets.c.name == name)
    row = connection.execute(select(buckets).where(*mine)).mappings().one_or_none()
    return None if row is None else _bucket(row)


def is_attached(connection: Connection, project_id: ProjectId, name: str) -> bool:
    known = find(connection, project_id, name)
    return known is not None and known.read_only


def of_project(connection: Connection, project_id: ProjectId) -> list[Bucket]:
    wanted = select(buckets).where(buckets.c.project_id == project_id).order_by(buckets.c.name)
    return [_bucket(row) for row in connection.execute(wanted).mappings()]


def ensure(connection: Connection, wanted: Bucket, *, is_shared: bool) -> None:
    """Have the project own a bucket to write to.

    `is_shared`: all projects' buckets are in one store, where a name means one bucket. It belongs
    to the project that named it first.

    Raises Refused CSS.5038 if one of that name is attached, and so is not to be written, or is
    another project's.
    """
    known = find(connection, wanted.project_id, wanted.name)
    if known is not None and known.read_only:
        raise Refused(
            "CSS.5038",
            f"bucket is {wanted.name!r}, which is attached to restore from and is never written; "
            "another name is right",
        )
    if known is not None:
        return
    if is_shared and _is_anothers(connection, wanted):
        raise Refused(
            "CSS.5038",
            f"bucket is {wanted.name!r}, which another project writes to, and the store has one of "
            "that name; another name is right",
        )
    add(connection, wanted)


def add(connection: Connection, bucket: Bucket) -> None:
    connection.execute(
        insert(buckets).values(
            project_id=bucket.project_id,
            name=bucket.name,
            created=bucket.created,
            path=bucket.path,
            problem=bucket.problem,
        )
    )


def tell(connection: Connection, bucket: Bucket, problem: str | None) -> bool:
    """Store why an attached one cannot be read, or that it can. Gives whether that is news: not
    where only the reason is another, nor of one that is not attached any longer."""
    known = find(connection, bucket.project_id, bucket.name)
    if known is None or known.path != bucket.path:
        return False
    mine = (buckets.c.project_id == bucket.project_id, buckets.c.name == bucket.name)
    connection.execute(update(buckets).where(*mine).values(problem=problem))
    return (known.problem is None) != (problem is None)


def remove(connection: Connection, project_id: ProjectId, name: str) -> None:
    mine = (buckets.c.project_id == project_id, buckets.c.name == name)
    connection.execute(delete(buckets).where(*mine))


def _is_anothers(connection: Connection, wanted: Bucket) -> bool:
    """An attached one is a folder, and none of the store's."""
    same = (
        buckets.c.name == wanted.name,
        buckets.c.project_id != wanted.project_id,
        buckets.c.path.is_(None),
    )
    return connection.execute(select(buckets.c.name).where(*same)).first() is not None


def _bucket(row: RowMapping) -> Bucket:
    return Bucket(
        ProjectId(row["project_id"]), row["name"], row["created"], row["path"], row["problem"]
    )
