"""What a secured OpenSearch node needs on top of a plain one: settings and files.

The problem: the security plugin ships demo users with published hashes, wants its first
configuration on disk, and has to know three kinds of callers: the other nodes (transport
certificates), the user `admin` (a password of which only a hash is here) and the control plane.

The control plane has one key per cluster and two ways to prove it. With TLS on the REST port it
shows its client certificate. Without TLS no certificate can be shown, so it sends a token signed
with the same key and valid for a minute; the nodes hold the public half only. No password of ours
exists anywhere. docs/adr/0003-security-mode.md has the ways that were rejected.

The plugin reads the files below opensearch-security/ once, when the cluster first starts; later
changes go through its REST API. It will not do that, nor store or renew a key.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import bcrypt
import jwt
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from searchplane.domain.ids import ClusterId
from searchplane.domain.observed import ClientIdentity
from searchplane.engine.certificates import NODES_DN, KeyPair, admin_dn

ADMIN_USER = "admin"
CONTROL_USER = "searchplane-control"
CONTROL_ROLE = "searchplane_control"

TOKEN_LIFE = timedelta(seconds=60)
"""Short, because on a cluster without TLS a token can be overheard like everything else."""

HASH_ROUNDS = 12
"""The plugin's own default; it caches who has logged in, so a request does not pay for it."""

_NO_PASSWORD = f"$2y${HASH_ROUNDS}$" + "." * 53
"""A well-formed bcrypt hash of no known password, and the same at every rendering."""

_AUTHORITY = "certs/authority.pem"
_CERTIFICATE = "certs/node.pem"
_KEY = "certs/node-key.pem"
_PLUGIN = "plugins.security."
_PROTOCOLS = ("TLSv1.3", "TLSv1.2")


def admin_password_hash(password: str, rounds: int = HASH_ROUNDS) -> str:
    """The only form of the admin's password that is stored.

    Raises ValueError above 72 bytes; the API allows 8 to 32 ASCII characters.
    """
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(rounds)).decode()


def control_token(identity: ClientIdentity, now: datetime) -> str:
    """A bearer token that a node without TLS accepts as the control plane."""
    claims = {"sub": CONTROL_USER, "iat": now, "exp": now + TOKEN_LIFE}
    return jwt.encode(claims, identity.key_pem, algorithm="ES256")


def security_settings(cluster_id: ClusterId, *, https: bool) -> dict[str, object]:
    """Lines for opensearch.yml. Paths are relative to the node's configuration folder.

    Transport is always TLS; `https` decides about the REST port only.
    """
    return {
        **_tls("transport"),
        f"{_PLUGIN}ssl.transport.enforce_hostname_verification": True,
        f"{_PLUGIN}ssl.transport.resolve_hostname": False,  # certificates hold the IP address
        f"{_PLUGIN}ssl.http.enabled": https,
        **(_https() if https else {}),
        f"{_PLUGIN}ssl_cert_reload_enabled": True,
        f"{_PLUGIN}nodes_dn": [NODES_DN],
        f"{_PLUGIN}authcz.admin_dn": [admin_dn(cluster_id)],
        f"{_PLUGIN}allow_default_init_securityindex": True,
        f"{_PLUGIN}restapi.roles_enabled": ["all_access", CONTROL_ROLE],
        # Without it only a client certificate may change what is reserved, the admin's hash too.
        f"{_PLUGIN}restapi.admin.enabled": True,
        f"{_PLUGIN}audit.type": "noop",
        # For masked fields: the default is published, and it must be the same on all nodes.
        f"{_PLUGIN}compliance.salt": cluster_id.replace("-", "")[:16],
    }


def security_files(
    *, node: KeyPair, authority_pem: str, control_pem: str, admin_hash: str
) -> dict[str, bytes]:
    """Files by path below the node's configuration folder; all of them deserve mode 0600.

    `control_pem` is the control plane's certificate for this cluster, `admin_hash` comes from
    admin_password_hash.
    """
    plugin: dict[str, dict[str, object]] = {
        "config": _authentication(control_pem),
        "internalusers": _users(admin_hash),
        "roles": _roles(),
        "rolesmapping": _roles_mapping(),
        "audit": {"config": {"enabled": False, "compliance": {"enabled": False}}},
        # The plugin refuses to start its configuration without these two, empty or not.
        "actiongroups": {},
        "tenants": {},
    }
    return {
        _AUTHORITY: authority_pem.encode(),
        _CERTIFICATE: node.certificate_pem.encode(),
        _KEY: node.key_pem.encode(),
        **{_path(kind): _document(kind, body) for kind, body in plugin.items()},
    }


def _tls(layer: str) -> dict[str, object]:
    return {
        f"{_PLUGIN}ssl.{layer}.pemcert_filepath": _CERTIFICATE,
        f"{_PLUGIN}ssl.{layer}.pemkey_filepath": _KEY,
        f"{_PLUGIN}ssl.{layer}.pemtrustedcas_filepath": _AUTHORITY,
        f"{_PLUGIN}ssl.{layer}.enabled_protocols": list(_PROTOCOLS),
    }


def _https() -> dict[str, object]:
    # OPTIONAL: the control plane shows a certificate, users log in with their password.
    return {**_tls("http"), f"{_PLUGIN}ssl.http.clientauth_mode": "OPTIONAL"}


def _authentication(control_pem: str) -> dict[str, object]:
    """Both ways in, whether or not TLS is on: the plugin keeps this when `https` changes later."""
    domains = {
        "control_plane": {
            "http_enabled": True,
            "order": 0,
            "http_authenticator": {
                "type": "jwt",
                "challenge": False,
                "config": {
                    "signing_key": _public_key(control_pem),
                    "jwt_header": "Authorization",
                    "subject_key": "sub",
                },
            },
            "authentication_backend": {"type": "noop"},
        },
        "passwords": {
            "http_enabled": True,
            "order": 1,
            "http_authenticator": {"type": "basic", "challenge": True},
            "authentication_backend": {"type": "intern"},
        },
    }
    http = {"anonymous_auth_enabled": False, "xff": {"enabled": False}}
    return {"config": {"dynamic": {"http": http, "authc": domains}}}


def _users(admin_hash: str) -> dict[str, object]:
    return {
        # Reserved: it cannot be removed by mistake, and its password changes through our API only.
        ADMIN_USER: {"hash": admin_hash, "reserved": True},
        # Only takes the name, so that nobody can create a user with it and become us.
        CONTROL_USER: {"hash": _NO_PASSWORD, "reserved": True, "hidden": True},
    }


def _roles() -> dict[str, object]:
    everything = {"index_patterns": ["*"], "allowed_actions": ["*"]}
    return {
        CONTROL_ROLE: {
            "reserved": True,
            "hidden": True,
            "cluster_permissions": ["*", "restapi:admin/*"],
            "index_permissions": [everything],
        }
    }


def _roles_mapping() -> dict[str, object]:
    return {
        "all_access": {"reserved": False, "users": [ADMIN_USER]},
        CONTROL_ROLE: {"reserved": True, "hidden": True, "users": [CONTROL_USER]},
    }


def _public_key(certificate_pem: str) -> str:
    key = x509.load_pem_x509_certificate(certificate_pem.encode()).public_key()
    return key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    ).decode()


def _path(kind: str) -> str:
    names = {"internalusers": "internal_users", "rolesmapping": "roles_mapping"}
    name = names.get(kind, "action_groups" if kind == "actiongroups" else kind)
    return f"opensearch-security/{name}.yml"


def _document(kind: str, body: dict[str, object]) -> bytes:
    head: dict[str, object] = {"_meta": {"type": kind, "config_version": 2}}
    return yaml.safe_dump({**head, **body}, sort_keys=False).encode()
