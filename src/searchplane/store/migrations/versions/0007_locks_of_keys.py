"""A lock of an access key is for an address, and stands where those of passwords do."""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.drop_column("access_keys", "locked_until")
