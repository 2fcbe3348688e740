"""The audit trail as JSON lines in a file, for whatever collects logs.

Only its owner can read it. Whoever rotates it moves it away: the next lines go to a new file under
the old name. The database is the trail; a file that cannot be written holds nothing up, and says
so in the log once until it can be written again.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Sequence
from datetime import UTC
from pathlib import Path
from typing import Any

from searchplane.domain.audit import AuditLine

log = logging.getLogger(__name__)


def as_json(line: AuditLine) -> dict[str, Any]:
    """A line as programs read it, in the file and from the command."""
    who = line.who
    return {
        "at": line.at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "outcome": line.outcome.value,
        "operation": line.operation,
        "action": line.action,
        "resource": line.resource,
        "project_id": line.project_id,
        "user_id": who.user_id,
        "user_name": who.user_name,
        "domain_id": who.domain_id,
        "domain_name": who.domain_name,
        "credential": who.credential,
        "source": line.source,
        "status": line.status,
        "code": line.code,
        "request_id": line.request_id,
    }


class AuditFile:
    """The file at `path`; one thread of a process writes it, other processes may too."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None
        self._is_failing = False

    def write(self, lines: Sequence[AuditLine]) -> None:
        """Add the lines in one piece."""
        text = "".join(json.dumps(as_json(line)) + "\n" for line in lines).encode()
        try:
            _write_all(self._open(), text)
        except OSError as error:
            if not self._is_failing:
                log.warning("audit_file %s cannot be written: %s", self._path, error.strerror)
            self._is_failing = True
            self.close()
        else:
            self._is_failing = False

    def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _open(self) -> int:
        """The file that has the name now; made if there is none."""
        if self._descriptor is not None and not _has_name(self._descriptor, self._path):
            self.close()
        if self._descriptor is None:
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
            self._descriptor = os.open(self._path, flags, 0o600)
        return self._descriptor


def _has_name(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _write_all(descriptor: int, text: bytes) -> None:
    while text:
        text = text[os.write(descriptor, text) :]
