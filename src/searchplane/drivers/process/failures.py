"""What an operating system error means for a person: wait, or mend something first."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from searchplane.errors import Permanent, SearchplaneError, Transient

DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
NOT_ALLOWED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
UNMAPPED_USER = errno.EINVAL
"""What chown answers in a container whose user namespace lacks the number."""


def explain(number: int, doing: str, folder: Path, cause: str) -> SearchplaneError:
    """The error to raise for errno `number`, met while `doing` something in `folder`."""
    if number in DISK_FULL:
        return Transient(
            f"No space is left on the disk of {folder} ({doing}); it goes on once some is freed"
        )
    if number in NOT_ALLOWED:
        return Permanent(
            f"{doing} in {folder} is not permitted: {cause}; "
            "the folder, and what is run, must be open to the user it is done by"
        )
    if number == UNMAPPED_USER:
        return Permanent(
            f"{doing} in {folder} failed: {cause}; in a container, the numbers of the nodes' "
            "users must be mapped"
        )
    return Transient(f"{doing} in {folder} failed: {cause}")


@contextmanager
def explained(doing: str, folder: Path) -> Iterator[None]:
    """Turn an OSError of the block into the sentence and the kind of error it is."""
    try:
        yield
    except OSError as error:
        cause = f"{error.strerror}" + (f" ({error.filename})" if error.filename else "")
        raise explain(error.errno or 0, doing, folder, cause) from error
    except RecursionError as error:
        raise Permanent(
            f"{doing} in {folder} failed: it holds folders nested too deeply; remove them"
        ) from error
