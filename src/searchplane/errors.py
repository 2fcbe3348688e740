"""Every error searchplane raises on purpose.

    SearchplaneError
    ├── Refused            a request we understand and will not carry out; has an API error code
    │   ├── Unauthenticated    who is asking is not proven
    │   ├── Forbidden          known, but not allowed
    │   ├── NotFound           missing, or not visible to the one who asks
    │   └── Throttled          too much at once; has a number of seconds to wait
    ├── Transient          may work when tried again: a busy port, a slow answer, a full disk
    └── Permanent          will not work until a person changes something

A message names the field, what was given, and what would be right. It is shown to the user as it
is, so it never holds a secret.
"""

from __future__ import annotations


class SearchplaneError(Exception):
    """The root of the tree; catch it at the loop and at the HTTP edge only."""


class Refused(SearchplaneError):
    """A request that is understood and not carried out.

    `code` is an error code of the public API (api/codes.py gives its HTTP status and meaning),
    `detail` the sentence for the person who asked.
    """

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


class Unauthenticated(Refused):
    """The credential is missing, malformed, expired, revoked or wrong.

    `challenge` says, as a WWW-Authenticate header, where a right one is to be had.
    """

    def __init__(self, code: str, detail: str, challenge: str | None = None) -> None:
        super().__init__(code, detail)
        self.challenge = challenge


class Forbidden(Refused):
    """The actor is known and may not do this."""


class NotFound(Refused):
    """The resource does not exist, or belongs to somebody else."""


class Throttled(Refused):
    """Too many requests; `retry_after` is in whole seconds."""

    def __init__(self, code: str, detail: str, retry_after: int) -> None:
        super().__init__(code, detail)
        self.retry_after = retry_after


class Transient(SearchplaneError):
    """Trying the same again later may work."""


class Permanent(SearchplaneError):
    """Trying again changes nothing until a person mends the cause."""
