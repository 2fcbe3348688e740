"""What a secured node is told: who may come in, and how the control plane proves itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import bcrypt
import jwt
import pytest
import yaml

from searchplane.domain.ids import ClusterId
from searchplane.domain.observed import ClientIdentity
from searchplane.engine.certificates import KeyPair, issue_admin, issue_node, new_authority
from searchplane.engine.security import (
    ADMIN_USER,
    CONTROL_ROLE,
    CONTROL_USER,
    TOKEN_LIFE,
    admin_password_hash,
    control_token,
    security_files,
    security_settings,
)

CLUSTER = ClusterId("5f1fcc6b-31a3-4b4c-8a9c-5d0e6a9c2f11")
NOW = datetime.now(UTC).replace(microsecond=0)
PASSWORD = "Sup3r#Secret"
AUTHORITY = new_authority("ES-Test", CLUSTER, NOW)
CONTROL = issue_admin(AUTHORITY, CLUSTER, NOW)
NODE = issue_node(AUTHORITY, name="es-1", address="127.0.0.1", now=NOW)
HASH = admin_password_hash(PASSWORD, rounds=4)


def identity(control: KeyPair = CONTROL) -> ClientIdentity:
    return ClientIdentity(AUTHORITY.certificate_pem, control.certificate_pem, control.key_pem)


def files() -> dict[str, bytes]:
    return security_files(
        node=NODE,
        authority_pem=AUTHORITY.certificate_pem,
        control_pem=CONTROL.certificate_pem,
        admin_hash=HASH,
    )


def document(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(files()[f"opensearch-security/{name}.yml"])
    return loaded


def signing_key() -> str:
    domains = document("config")["config"]["dynamic"]["authc"]
    key: str = domains["control_plane"]["http_authenticator"]["config"]["signing_key"]
    return key


def test_every_file_the_plugin_insists_on_is_there_with_its_type() -> None:
    types = {
        "config": "config",
        "internal_users": "internalusers",
        "roles": "roles",
        "roles_mapping": "rolesmapping",
        "action_groups": "actiongroups",
        "tenants": "tenants",
        "audit": "audit",
    }
    for name, kind in types.items():
        assert document(name)["_meta"] == {"type": kind, "config_version": 2}


def test_settings_name_only_files_that_are_written() -> None:
    settings = security_settings(CLUSTER, https=True)
    named = {value for key, value in settings.items() if key.endswith("_filepath")}
    assert named == {"certs/authority.pem", "certs/node.pem", "certs/node-key.pem"}
    assert named <= files().keys()


def test_without_https_only_the_rest_port_is_plain() -> None:
    settings = security_settings(CLUSTER, https=False)
    assert settings["plugins.security.ssl.http.enabled"] is False
    assert "plugins.security.ssl.transport.pemcert_filepath" in settings
    assert not [key for key in settings if key.startswith("plugins.security.ssl.http.pem")]


def test_with_https_a_client_certificate_is_welcome_but_not_required() -> None:
    settings = security_settings(CLUSTER, https=True)
    assert settings["plugins.security.ssl.http.enabled"] is True
    assert settings["plugins.security.ssl.http.clientauth_mode"] == "OPTIONAL"


def test_the_first_configuration_is_not_kept_in_the_cluster_state() -> None:
    """With 2.19.1 nobody could log in any more after a restart of all nodes."""
    settings = security_settings(CLUSTER, https=True)
    assert settings["plugins.security.allow_default_init_securityindex"] is True
    assert not [key for key in settings if "use_cluster_state" in key]


@pytest.mark.parametrize("https", [True, False])
def test_settings_are_written_without_yaml_references(https: bool) -> None:
    """The engine reads a repeated list as a nested one and finds no TLS protocol in it."""
    assert "&id" not in yaml.safe_dump(security_settings(CLUSTER, https=https))


def test_the_only_user_with_a_password_is_admin() -> None:
    users = document("internal_users")
    assert set(users) == {"_meta", ADMIN_USER, CONTROL_USER}
    assert bcrypt.checkpw(PASSWORD.encode(), users[ADMIN_USER]["hash"].encode())
    assert not bcrypt.checkpw(b"", users[CONTROL_USER]["hash"].encode())
    assert users[CONTROL_USER]["reserved"]
    assert users[CONTROL_USER]["hidden"]
    mapping = document("roles_mapping")
    assert mapping["all_access"]["users"] == [ADMIN_USER]
    assert mapping[CONTROL_ROLE]["users"] == [CONTROL_USER]


def test_rendering_again_gives_the_same_bytes() -> None:
    assert files() == files()


def test_no_file_holds_the_control_planes_key_or_the_password() -> None:
    everything = b"".join(files().values())
    assert CONTROL.key_pem.splitlines()[1].encode() not in everything
    assert PASSWORD.encode() not in everything


def test_a_hash_is_bcrypt_at_the_plugins_cost() -> None:
    hashed = admin_password_hash(PASSWORD)
    assert hashed.startswith("$2b$12$")
    assert bcrypt.checkpw(PASSWORD.encode(), hashed.encode())


def test_a_token_is_verified_by_what_the_nodes_hold() -> None:
    fresh = control_token(identity(), datetime.now(UTC))  # NOW may be a minute ago here
    claims = jwt.decode(fresh, signing_key(), algorithms=["ES256"])
    assert claims["sub"] == CONTROL_USER
    assert claims["exp"] - claims["iat"] == TOKEN_LIFE.total_seconds() == 60


def test_a_token_is_worthless_after_its_minute() -> None:
    old = control_token(identity(), NOW - TOKEN_LIFE - timedelta(seconds=1))
    with pytest.raises(jwt.ExpiredSignatureError):
        jwt.decode(old, signing_key(), algorithms=["ES256"])


def test_another_clusters_token_is_worthless_here() -> None:
    stranger = issue_admin(AUTHORITY, CLUSTER, NOW)
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(control_token(identity(stranger), NOW), signing_key(), algorithms=["ES256"])
