"""Snapshots, restores and buckets; where a cluster's snapshots go, apart from their policy."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("clusters", sa.Column("backed_up", sa.DateTime(timezone=True), nullable=True))
    op.add_column("clusters", sa.Column("verified", sa.DateTime(timezone=True), nullable=True))
    _snapshots()
    _restores()
    op.create_table(
        "buckets",
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("path", sa.Text(), nullable=True),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_buckets_project_id"),
        sa.PrimaryKeyConstraint("project_id", "name", name="pk_buckets"),
    )
    _split_strategies()


def _snapshots() -> None:
    op.create_table(
        "snapshots",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("cluster_id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("worker", sa.String(length=36), nullable=True),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("snapshot_json", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_snapshots_project_id"),
        sa.PrimaryKeyConstraint("id", name="pk_snapshots"),
        sa.UniqueConstraint("project_id", "cluster_id", "name", name="uq_snapshots_project_id"),
    )
    op.create_index("ix_snapshots_worker", "snapshots", ["worker"])
    op.create_index("ix_snapshots_newest", "snapshots", ["cluster_id", "created"])
    op.create_index("ix_snapshots_project", "snapshots", ["project_id", "created"])


def _restores() -> None:
    op.create_table(
        "restores",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("snapshot_id", sa.String(length=36), nullable=False),
        sa.Column("cluster_id", sa.String(length=36), nullable=False),
        sa.Column("started", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended", sa.DateTime(timezone=True), nullable=True),
        sa.Column("restore_json", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_restores"),
    )
    op.create_index("ix_restores_snapshot_id", "restores", ["snapshot_id"])
    op.create_index("ix_restores_cluster_id", "restores", ["cluster_id"])


def _split_strategies() -> None:
    """Until now a strategy held the place as well, and nothing was ever put there."""
    clusters = sa.table(
        "clusters", sa.column("id"), sa.column("project_id"), sa.column("spec_json", sa.JSON())
    )
    connection = op.get_bind()
    rows = connection.execute(sa.select(clusters)).mappings().all()
    for row in rows:
        spec = row["spec_json"]
        if spec.get("backup"):
            changed = {**spec, "snapshots": _settings(spec["backup"], row["project_id"])}
            connection.execute(
                sa.update(clusters).where(clusters.c.id == row["id"]).values(spec_json=changed)
            )


def _settings(backup: dict[str, Any], project_id: str) -> dict[str, Any]:
    return {
        "bucket": backup.get("bucket") or f"css-backup-{project_id}",
        "base_path": backup.get("base_path") or "",
        "agency": backup.get("agency") or "",
        "max_snapshot_rate": backup.get("max_snapshot_bytes_per_second"),
        "max_restore_rate": backup.get("max_restore_bytes_per_second"),
    }
