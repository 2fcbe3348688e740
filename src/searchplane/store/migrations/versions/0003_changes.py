"""Changes to live clusters: restarts, nodes that go, why a step is refused."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("clusters", sa.Column("action_json", sa.JSON(), nullable=True))
    op.add_column("clusters", sa.Column("refused_by", sa.String(length=64), nullable=True))
    op.add_column("clusters", sa.Column("refused_because", sa.Text(), nullable=True))
    op.add_column(
        "clusters", sa.Column("paused", sa.Boolean(), server_default=sa.false(), nullable=False)
    )
    op.add_column("clusters", sa.Column("skipped_json", sa.JSON(), nullable=True))
    op.add_column("clusters", sa.Column("indices_json", sa.JSON(), nullable=True))
    for name in ("restarts_wanted", "restarts_done"):
        op.add_column("nodes", sa.Column(name, sa.Integer(), server_default="0", nullable=False))
    op.add_column(
        "nodes", sa.Column("fate", sa.String(length=8), server_default="stay", nullable=False)
    )
    op.add_column("nodes", sa.Column("engine", sa.String(length=32), nullable=True))
    op.add_column(
        "nodes", sa.Column("emptied", sa.Boolean(), server_default=sa.false(), nullable=False)
    )
    op.add_column("nodes", sa.Column("mode", sa.String(length=8), nullable=True))
    op.add_column("nodes", sa.Column("certified_until", sa.DateTime(timezone=True), nullable=True))
    op.add_column("nodes", sa.Column("subnet_id", sa.String(length=64), nullable=True))
    op.add_column("nodes", sa.Column("used_bytes", sa.BigInteger(), nullable=True))
    _tasks()


def _tasks() -> None:
    op.create_table(
        "tasks",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("cluster_id", sa.String(length=36), nullable=False),
        sa.Column("mode", sa.String(length=16), nullable=False),
        sa.Column("started", sa.DateTime(timezone=True), nullable=False),
        sa.Column("task_json", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["cluster_id"], ["clusters.id"], name="fk_tasks_cluster_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_tasks"),
    )
    op.create_index("ix_tasks_newest", "tasks", ["cluster_id", "mode", "started"])
