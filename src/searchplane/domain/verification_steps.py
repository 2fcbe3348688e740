"""The steps of a verification, all of a scratch cluster. Each may be repeated."""

from __future__ import annotations

from dataclasses import dataclass

from searchplane.domain.snapshots import Restore, Verified


@dataclass(frozen=True)
class RestoreScratch:
    """Store the restore and the action that carries it out."""

    restore: Restore


@dataclass(frozen=True)
class ReadIndex:
    """Have a restored index read, which goes on between passes, and store what came of it."""

    name: str


@dataclass(frozen=True)
class EndVerification:
    """Store what came of it beside the snapshot, and that the scratch cluster is to go.

    `verified` is None where there is no snapshot any longer to say it of.
    """

    verified: Verified | None


VerificationStep = RestoreScratch | ReadIndex | EndVerification
