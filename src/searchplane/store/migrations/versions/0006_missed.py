"""Since when a node runs and is no member."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("nodes", sa.Column("missed_since", sa.DateTime(timezone=True), nullable=True))
