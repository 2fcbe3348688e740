"""Making access keys: 20 capitals and digits, and a secret of 40 letters and digits (238 bits)."""

from __future__ import annotations

import secrets
import string
from dataclasses import dataclass, field

ACCESS_LENGTH = 20
SECRET_LENGTH = 40

_ACCESS = string.ascii_uppercase + string.digits
_SECRET = string.ascii_letters + string.digits


@dataclass(frozen=True)
class AccessPair:
    """`access` names the key and is no secret."""

    access: str
    secret: str = field(repr=False)


def new_pair() -> AccessPair:
    return AccessPair(
        access="".join(secrets.choice(_ACCESS) for _ in range(ACCESS_LENGTH)),
        secret="".join(secrets.choice(_SECRET) for _ in range(SECRET_LENGTH)),
    )
