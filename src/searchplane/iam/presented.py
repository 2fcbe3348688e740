"""A request as far as a credential may vouch for it: what a signature covers, and where it is from.

It is taken as it came over the wire, before anything is decoded or trimmed: a signature is over
exactly that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from searchplane.iam.sessions import Session


@dataclass(frozen=True)
class Presented:
    """`path` is percent-encoded as it was sent, `query` without the question mark.

    Header names are in lower case; `repeated` are those that came more than once. `source` is the
    address of the client, as text.

    `recalled` is what the tokens of the request were found to stand for when it came in, if all of
    them were remembered (service.py: recall).
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str] = field(repr=False)
    repeated: frozenset[str]
    body: bytes = field(repr=False)
    source: str
    recalled: Mapping[str, Session] = field(default_factory=dict, repr=False)

    def with_sessions(self, recalled: Mapping[str, Session]) -> Presented:
        """The same with what its tokens stand for; `replace` would cost ten times as much."""
        return Presented(
            self.method,
            self.path,
            self.query,
            self.headers,
            self.repeated,
            self.body,
            self.source,
            recalled,
        )
