"""The engine's keystore file, which holds the settings that it takes from nowhere else.

The tool that writes it is not among the published jars, so it is written here: both families read
the same layout (version 4), under a name of their own. It is encrypted with a password, and the
password is empty, as the engine's own are: what protects it is that only the node's user reads it.

The same settings give the same bytes, so that a driver sees whether anything has changed: salt and
nonce are made from what is encrypted. A seed is put in, without which an engine would write the
file anew at its first start.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Mapping

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

from searchplane.domain.engines import Family

SEED = "keystore.seed"
VERSION = 4
_MAGIC = 0x3FD76C17
_ROUNDS = 10_000
_KEY_BYTES = 16
_SALT_BYTES = 64
_NONCE_BYTES = 12


def file_name(family: Family) -> str:
    """Where an engine looks for it in its configuration folder."""
    return f"{family.value}.keystore"


def keystore(family: Family, settings: Mapping[str, str]) -> bytes:
    """The file with these settings; their values are secrets."""
    plain = _entries({SEED: _seed(settings), **settings})
    digest = hashlib.shake_256(plain).digest(_SALT_BYTES + _NONCE_BYTES)
    salt, nonce = digest[:_SALT_BYTES], digest[_SALT_BYTES:]
    key = PBKDF2HMAC(SHA512(), _KEY_BYTES, salt, _ROUNDS).derive(b"")
    secret = AESGCM(key).encrypt(nonce, plain, salt)
    name = file_name(family).encode()
    is_without_password = b"\0"
    body = b"".join(map(_sized, (salt, nonce, secret)))
    head = struct.pack(">IB", _MAGIC, len(name)) + name + struct.pack(">I", VERSION)
    content = head + is_without_password + _sized(body)
    content += struct.pack(">II", _MAGIC ^ 0xFFFFFFFF, 0)
    return content + struct.pack(">Q", zlib.crc32(content))


def _entries(settings: Mapping[str, str]) -> bytes:
    """A name is preceded by its length in two bytes, a value by its in four."""
    parts = [struct.pack(">I", len(settings))]
    for name, value in sorted(settings.items()):
        parts.append(struct.pack(">H", len(name.encode())) + name.encode() + _sized(value.encode()))
    return b"".join(parts)


def _sized(content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + content


def _seed(settings: Mapping[str, str]) -> str:
    """Letters and digits that nobody can guess who does not know the secrets."""
    return hashlib.sha256(_entries(settings)).hexdigest()[:20]
