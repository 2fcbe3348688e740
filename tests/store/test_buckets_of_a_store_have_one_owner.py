"""In a store a bucket's name means one bucket, so it belongs to one project of the service."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection
from tests.support.cluster_examples import NOW, refused

from searchplane.domain.ids import ProjectId
from searchplane.domain.snapshots import Bucket
from searchplane.store import buckets

MINE, THEIRS = ProjectId("project-1"), ProjectId("project-2")


def test_a_name_in_a_store_is_the_first_project_s(connection: Connection) -> None:
    for _ in range(2):
        buckets.ensure(connection, Bucket(MINE, "backups", NOW), is_shared=True)
    error = refused(
        lambda: buckets.ensure(connection, Bucket(THEIRS, "backups", NOW), is_shared=True)
    )
    assert error.code == "CSS.5038"
    assert "which another project writes to" in error.detail
    assert buckets.of_project(connection, THEIRS) == []


@pytest.mark.parametrize(("path", "is_shared"), [(None, False), ("/mnt/kept", True)])
def test_folders_are_each_project_s_own(
    connection: Connection, path: str | None, is_shared: bool
) -> None:
    buckets.add(connection, Bucket(MINE, "backups", NOW, path))
    buckets.ensure(connection, Bucket(THEIRS, "backups", NOW), is_shared=is_shared)
    assert len(buckets.of_project(connection, THEIRS)) == 1
