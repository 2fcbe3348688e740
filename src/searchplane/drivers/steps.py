"""The names drivers give their checkpoints: one for each durable effect, the same on every driver.

A test that kills the service after every step enumerates `Step`, so a step that is added to a
driver is killed at without anybody having to remember it.
"""

from __future__ import annotations

from enum import StrEnum


class Step(StrEnum):
    """What has just become true on disk or in the process table."""

    FOLDER_MADE = "node folder made"
    FILES_WRITTEN = "node files written"
    PROCESS_STARTED = "node process started"
    TOLD_TO_STOP = "node told to stop"
    LEFTOVERS_REMOVED = "node leftovers removed"
    FOLDER_SET_ASIDE = "node folder set aside"
    FOLDER_REMOVED = "node folder removed"
