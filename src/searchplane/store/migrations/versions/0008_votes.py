"""Whether a node may be elected, as it was last started.

Of nodes that are there it is what they were started as: dedicated masters where there are any.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

_NODES = sa.table("nodes", sa.column("cluster_id"), sa.column("role"), sa.column("votes"))


def upgrade() -> None:
    op.add_column(
        "nodes", sa.Column("votes", sa.Boolean(), server_default=sa.false(), nullable=False)
    )
    dedicated = sa.select(_NODES.c.cluster_id).where(_NODES.c.role == "ess-master")
    masters = (_NODES.c.role == "ess-master") | (
        (_NODES.c.role == "ess") & _NODES.c.cluster_id.not_in(dedicated)
    )
    op.execute(sa.update(_NODES).where(masters).values(votes=sa.true()))
