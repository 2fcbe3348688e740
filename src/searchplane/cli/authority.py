"""The service's own authority, for `serve --tls` without files of one's own.

In DATA/tls: `ca.crt`, which clients verify the service with and anybody may read; `ca.key`; and
`server.pem`, certificate and key in one file so that the two never differ after a crash. A server
certificate that ends soon, or is not for a name under which the service is reached now, is made
anew from the same authority: clients keep what they trust.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import psutil
from cryptography import x509
from cryptography.exceptions import InvalidSignature

from searchplane.domain.ids import ClusterId
from searchplane.engine.certificates import KeyPair, alternative_names, issue_server, new_authority
from searchplane.iam.files import read_private, write_private
from searchplane.settings import Settings

SERVER_DAYS = 397
"""The longest that browsers take."""
RENEWED_BEFORE = timedelta(days=30)
EVERYWHERE = ("0.0.0.0", "::", "")  # noqa: S104 - recognised here, not listened on
UNIT = ClusterId("API")


def ensure_server_file(settings: Settings, now: datetime) -> Path:
    """`server.pem` with a certificate that is good for a while; made or renewed where needed."""
    ca_file, server_file = settings.own_ca_file, settings.own_ca_file.with_name("server.pem")
    ca_file.parent.mkdir(mode=0o711, exist_ok=True)
    authority = _authority(ca_file, now)
    names = served_names(settings)
    if not _is_good(read_private(server_file), authority, names, now):
        pair = issue_server(authority, names=names, now=now, days=SERVER_DAYS)
        write_private(server_file, (pair.key_pem + pair.certificate_pem).encode())
    return server_file


def served_names(settings: Settings) -> tuple[str, ...]:
    """Names and addresses under which clients on this machine and others may reach the service."""
    names = ["localhost", "127.0.0.1", "::1", socket.gethostname()]
    names += _own_addresses() if settings.host in EVERYWHERE else [settings.host]
    public = urlsplit(settings.public_url or "").hostname
    return tuple(dict.fromkeys([*names, *([public] if public else [])]))


def _own_addresses() -> list[str]:
    internet = (socket.AF_INET, socket.AF_INET6)
    found = (one for addresses in psutil.net_if_addrs().values() for one in addresses)
    return [one.address.partition("%")[0] for one in found if one.family in internet]


def _authority(ca_file: Path, now: datetime) -> KeyPair:
    key_file = ca_file.with_name("ca.key")
    key, certificate = read_private(key_file), read_private(ca_file)
    if key is not None and certificate is not None and _lasts(certificate, now):
        return KeyPair(certificate.decode(), key.decode())
    made = new_authority(f"searchplane on {socket.gethostname()}", UNIT, now)
    ca_file.unlink(missing_ok=True)  # never beside a key that is not its own
    write_private(key_file, made.key_pem.encode())
    write_private(ca_file, made.certificate_pem.encode())
    ca_file.chmod(0o644)
    return made


def _is_good(
    content: bytes | None, authority: KeyPair, names: Iterable[str], now: datetime
) -> bool:
    if content is None or not _lasts(content, now):
        return False
    certificate = x509.load_pem_x509_certificate(content)
    issuer = x509.load_pem_x509_certificate(authority.certificate_pem.encode())
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, InvalidSignature):
        return False
    found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    return set(alternative_names(names)) <= set(found.value)


def _lasts(certificate_pem: bytes, now: datetime) -> bool:
    end = x509.load_pem_x509_certificate(certificate_pem).not_valid_after_utc
    return end - now > RENEWED_BEFORE
