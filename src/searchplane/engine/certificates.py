"""Certificates of one cluster: its own authority, one certificate per node, one for ourselves.

The problem: nodes must recognise each other, users must be able to verify a node, and the control
plane must prove itself without a password. One authority per cluster gives all three, and keeps a
node of one cluster from joining another: it trusts no other authority.

Distinguished names are chosen so that the engine tells the two kinds apart by name alone:
`CN=<node>,OU=node,O=searchplane` for nodes and `CN=<cluster id>,OU=control plane,O=searchplane`
for the control plane. Keys are EC P-256 in PKCS#8 PEM, which the security plugin reads and which
make handshakes cheaper than RSA.

It will not store anything, read a clock, or decide when a certificate is renewed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from searchplane.domain.ids import ClusterId
from searchplane.domain.renewal import AUTHORITY_LIFE, LEAF_LIFE

ORGANIZATION = "searchplane"
NODE_UNIT = "node"
CONTROL_UNIT = "control plane"
SERVER_UNIT = "server"

NODES_DN = f"CN=*,OU={NODE_UNIT},O={ORGANIZATION}"
"""The one pattern of `plugins.security.nodes_dn`; the control plane's own name does not match."""

AUTHORITY_DAYS = AUTHORITY_LIFE.days
LEAF_DAYS = LEAF_LIFE.days

_CLOCK_SKEW = timedelta(minutes=5)
_LONGEST_NAME = 64  # the X.520 upper bound of a common name; the full node name is in the SAN


@dataclass(frozen=True)
class KeyPair:
    """A certificate and its private key, both PEM. The key never shows in logs or assertions."""

    certificate_pem: str
    key_pem: str = field(repr=False)


def admin_dn(cluster_id: ClusterId) -> str:
    """The control plane's name, as `plugins.security.authcz.admin_dn` must hold it."""
    return _name(cluster_id, CONTROL_UNIT).rfc4514_string()


def new_authority(
    cluster_name: str, cluster_id: ClusterId, now: datetime, days: int = AUTHORITY_DAYS
) -> KeyPair:
    """A self-signed authority that signs leaf certificates only."""
    name = _name(cluster_name, cluster_id)
    return _self_signed(name, ec.generate_private_key(ec.SECP256R1()), now, days)


def renew_authority(authority: KeyPair, now: datetime, days: int = AUTHORITY_DAYS) -> KeyPair:
    """The same authority for longer: with its name and key, whatever it has signed stays good."""
    name = x509.load_pem_x509_certificate(authority.certificate_pem.encode()).subject
    return _self_signed(name, _private_key(authority.key_pem), now, days)


def _self_signed(
    name: x509.Name, key: ec.EllipticCurvePrivateKey, now: datetime, days: int
) -> KeyPair:
    builder = (
        _builder(name, name, key, now, now + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(signs_certificates=True), critical=True)
    )
    return _pair(builder.sign(key, hashes.SHA256()), key)


def issue_node(
    authority: KeyPair, *, name: str, address: str, now: datetime, days: int = LEAF_DAYS
) -> KeyPair:
    """A certificate for the node `name` at `address` (an IP address or a host name).

    Nodes dial each other, so one certificate serves as server and as client.
    """
    names = [_general_name(address), x509.DNSName(name), x509.DNSName("localhost")]
    uses = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    subject = _name(name, NODE_UNIT)
    return _issue(
        authority,
        subject,
        uses,
        now=now,
        days=days,
        names=x509.SubjectAlternativeName(dict.fromkeys(names)),
    )


def issue_server(authority: KeyPair, *, names: Sequence[str], now: datetime, days: int) -> KeyPair:
    """A certificate for a server that is reached under these addresses and host names."""
    return _issue(
        authority,
        _name(names[0], SERVER_UNIT),
        [ExtendedKeyUsageOID.SERVER_AUTH],
        now=now,
        days=days,
        names=x509.SubjectAlternativeName(alternative_names(names)),
    )


def alternative_names(names: Iterable[str]) -> list[x509.GeneralName]:
    """Addresses and host names as a certificate has them."""
    return list(dict.fromkeys(map(_general_name, names)))


def issue_admin(
    authority: KeyPair,
    cluster_id: ClusterId,
    now: datetime,
    days: int = LEAF_DAYS,
    *,
    key_pem: str | None = None,
) -> KeyPair:
    """The control plane's client certificate for this cluster.

    With `key_pem`, for that key: nodes know the control plane by its key where there is no TLS.
    """
    return _issue(
        authority,
        _name(cluster_id, CONTROL_UNIT),
        [ExtendedKeyUsageOID.CLIENT_AUTH],
        now=now,
        days=days,
        key=_private_key(key_pem) if key_pem is not None else None,
    )


def expires(certificate_pem: str) -> datetime:
    """When the certificate stops being valid, in UTC."""
    return x509.load_pem_x509_certificate(certificate_pem.encode()).not_valid_after_utc


def _issue(
    authority: KeyPair,
    subject: x509.Name,
    uses: list[x509.ObjectIdentifier],
    *,
    now: datetime,
    days: int,
    names: x509.SubjectAlternativeName | None = None,
    key: ec.EllipticCurvePrivateKey | None = None,
) -> KeyPair:
    issuer = x509.load_pem_x509_certificate(authority.certificate_pem.encode())
    signer = _private_key(authority.key_pem)
    key = key or ec.generate_private_key(ec.SECP256R1())
    # A leaf that outlives its authority would look valid and be refused.
    end = min(now + timedelta(days=days), issuer.not_valid_after_utc)
    builder = (
        _builder(subject, issuer.subject, key, now, end)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(uses), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
    )
    if names is not None:
        builder = builder.add_extension(names, critical=False)
    return _pair(builder.sign(signer, hashes.SHA256()), key)


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    now: datetime,
    end: datetime,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCK_SKEW)
        .not_valid_after(end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _name(common_name: str, unit: str) -> x509.Name:
    # Written from the root down; the engine reads names the other way round, common name first.
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, ORGANIZATION),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, unit),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name[:_LONGEST_NAME]),
        ]
    )


def _general_name(address: str) -> x509.GeneralName:
    with suppress(ValueError):
        return x509.IPAddress(ip_address(address))
    return x509.DNSName(address)


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _private_key(key_pem: str) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(key_pem.encode(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError(f"the stored key is {type(key).__name__}; an EC P-256 key is needed")
    return key


def _pair(certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> KeyPair:
    return KeyPair(
        certificate_pem=certificate.public_bytes(serialization.Encoding.PEM).decode(),
        key_pem=key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode(),
    )
