"""How loaded a cluster was at the last look."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column("clusters", sa.Column("load_json", sa.JSON(), nullable=True))
