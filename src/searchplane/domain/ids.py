"""Names for the strings that identify things, so that one cannot be passed for another."""

from __future__ import annotations

from typing import NewType

ClusterId = NewType("ClusterId", str)
NodeId = NewType("NodeId", str)
ProjectId = NewType("ProjectId", str)
DomainId = NewType("DomainId", str)
UserId = NewType("UserId", str)
SnapshotId = NewType("SnapshotId", str)
RestoreId = NewType("RestoreId", str)
