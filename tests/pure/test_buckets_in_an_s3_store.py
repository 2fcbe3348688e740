"""Buckets in an S3-compatible store: what engines, nodes and their keystores are told of it."""

from __future__ import annotations

import struct
import zipfile
import zlib
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC
from pydantic import ValidationError
from tests.support.cluster_examples import cluster

from searchplane.domain.cluster import SnapshotSettings
from searchplane.domain.engines import ELASTICSEARCH_7_10_2, OPENSEARCH_2_19_1, Family
from searchplane.domain.snapshots import Repository
from searchplane.engine import plugins
from searchplane.engine.home import home_path, identity
from searchplane.engine.keystore import SEED, file_name, keystore
from searchplane.engine.lock import load
from searchplane.engine.repositories import FOLDER_BUCKETS, S3Buckets, registration
from searchplane.engine.service import Distributions
from searchplane.errors import Permanent
from searchplane.hosting import bucket_store
from searchplane.reconciler.compose import composer
from searchplane.settings import Settings

STORE = S3Buckets("https://s3.example.org:9000", "AKEY", "hidden", region="eu-1")
PLACE = Repository("css-backup-1", "css-backup-1/base/path/cluster-1")
ASKED = {
    "s3_endpoint": "http://10.0.0.7:9000",
    "s3_access_key": "AKEY",
    "s3_secret_key": "hidden",
    "s3_plugins": "/plugins",
}
SECRETS = {
    "s3.client.searchplane.access_key": "AKEY",
    "s3.client.searchplane.secret_key": "hidden",
}


def test_a_repository_is_a_path_in_a_bucket() -> None:
    told = registration(STORE, PLACE, SnapshotSettings("css-backup-1"), read_only=True)
    place = {"bucket": "css-backup-1", "base_path": "base/path/cluster-1", "client": "searchplane"}
    assert told == {"type": "s3", "settings": {**place, "readonly": "true"}}
    assert "hidden" not in repr(STORE)


def test_an_attached_bucket_is_a_folder_all_the_same() -> None:
    attached = replace(PLACE, read_only=True)
    assert (
        STORE.place(attached)
        == FOLDER_BUCKETS.place(attached)
        == ("fs", {"location": PLACE.location})
    )


def test_nodes_are_told_of_the_store_and_its_keys_are_in_the_keystore_alone() -> None:
    made = composer(lambda _: Path("/buckets"), STORE)
    wanted = cluster()
    spec = made(wanted, replace(wanted.nodes[0], address="127.0.0.1"), {})
    settings = yaml.safe_load(spec.files["elasticsearch.yml"])
    told = {name: value for name, value in settings.items() if name.startswith("s3.")}
    assert told == {
        "s3.client.searchplane.endpoint": "s3.example.org:9000",
        "s3.client.searchplane.protocol": "https",
        "s3.client.searchplane.path_style_access": True,
        "s3.client.searchplane.region": "eu-1",
    }
    assert b"hidden" not in b"".join(spec.files.values())
    held = opened(spec.files["elasticsearch.keystore"], b"elasticsearch.keystore")
    assert held == SECRETS | {SEED: held[SEED]}


def test_nodes_with_folders_make_their_own_keystore() -> None:
    wanted = cluster()
    node = replace(wanted.nodes[0], address="127.0.0.1")
    assert set(composer(lambda _: Path("/buckets"))(wanted, node, {}).files) == {
        "elasticsearch.yml",
        "log4j2.properties",
    }


def opened(content: bytes, name: bytes) -> dict[str, str]:
    """The settings in a keystore, read as the engine does, with every check it makes."""
    body, (check,) = content[:-8], struct.unpack(">Q", content[-8:])
    assert zlib.crc32(body) == check
    head = struct.pack(">IB", 0x3FD76C17, len(name)) + name + struct.pack(">IB", 4, 0)
    assert body.startswith(head)
    assert body[-8:] == struct.pack(">II", 0xC02893E8, 0)
    (data,) = sized(body[len(head) : -8])
    salt, nonce, secret = sized(data)
    assert (len(salt), len(nonce)) == (64, 12)
    key = PBKDF2HMAC(SHA512(), 16, salt, 10_000).derive(b"")
    plain = AESGCM(key).decrypt(nonce, secret, salt)
    with pytest.raises(InvalidTag):
        AESGCM(key).decrypt(nonce, secret, nonce)
    (count,), rest, found = struct.unpack(">I", plain[:4]), plain[4:], {}
    for _ in range(count):
        length = 2 + int.from_bytes(rest[:2])
        size = int.from_bytes(rest[length : length + 4])
        value = rest[length + 4 : length + 4 + size]
        found[rest[2:length].decode()], rest = value.decode(), rest[length + 4 + size :]
    assert not rest
    return found


def sized(content: bytes) -> list[bytes]:
    parts = []
    while content:
        end = 4 + int.from_bytes(content[:4])
        parts.append(content[4:end])
        content = content[end:]
    return parts


@pytest.mark.parametrize("family", Family)
def test_a_keystore_is_the_same_until_a_secret_changes(family: Family) -> None:
    made = keystore(family, {"a": "ä", "b": "2"})
    assert made == keystore(family, {"b": "2", "a": "ä"})
    assert made != keystore(family, {"a": "ä", "b": "3"})
    held = opened(made, file_name(family).encode())
    assert (held["a"], held["b"], len(held[SEED])) == ("ä", "2", 20)
    assert held[SEED] != opened(keystore(family, {}), file_name(family).encode())[SEED]


def test_the_store_is_what_the_settings_say() -> None:
    made = bucket_store(Settings.model_validate(ASKED | {"s3_path_style": "false"}))
    assert isinstance(made, S3Buckets)
    assert made == S3Buckets("http://10.0.0.7:9000", "AKEY", "hidden", None, False)
    assert made.node_settings()["s3.client.searchplane.path_style_access"] is False
    assert made.node_secrets() == SECRETS
    assert bucket_store(Settings()) is FOLDER_BUCKETS


@pytest.mark.parametrize("missing", ASKED)
def test_a_store_that_is_half_told_is_refused(missing: str) -> None:
    given = {name: value for name, value in ASKED.items() if name != missing}
    with pytest.raises(ValidationError, match="s3_plugins together are right, or none"):
        Settings.model_validate(given)


@pytest.mark.parametrize("address", ["s3.example.org", "ftp://s3.example.org", "https://s3/bucket"])
def test_an_endpoint_is_an_address_without_a_path(address: str) -> None:
    with pytest.raises(ValidationError, match=r"such as https://s3\.example\.org is right"):
        Settings.model_validate(ASKED | {"s3_endpoint": address})


def test_an_engine_without_its_plugin_is_not_installed(tmp_path: Path) -> None:
    with pytest.raises(Permanent, match=r"where repository-s3-2\.19\.1\.zip is missing"):
        plugins.archive(tmp_path, OPENSEARCH_2_19_1)
    distributions = Distributions(tmp_path, None, None, None, s3_plugins=tmp_path)
    with pytest.raises(Permanent, match=r"OpenSearch 2\.19\.1 cannot keep snapshots"):
        distributions.install(OPENSEARCH_2_19_1, secured=False)
    assert distributions.installed() == []
    assert plugins.archive(None, OPENSEARCH_2_19_1) is None


def test_a_home_with_the_plugin_is_another_and_made_anew_when_the_plugin_changes(
    tmp_path: Path,
) -> None:
    lock, zipped = load()[ELASTICSEARCH_7_10_2], tmp_path / "repository-s3-7.10.2.zip"
    seen = {identity(lock)}
    for content in ("first", "second"):
        with zipfile.ZipFile(zipped, "w") as archive:
            archive.writestr("plugin-descriptor.properties", content)
        plugin = plugins.archive(tmp_path, ELASTICSEARCH_7_10_2)
        seen.add(identity(lock, plugin))
    assert len(seen) == 3
    homes = {
        home_path(tmp_path, ELASTICSEARCH_7_10_2, secured=False, plugin=one)
        for one in (None, zipped)
    }
    assert len(homes) == 2
