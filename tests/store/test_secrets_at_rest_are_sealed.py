"""Nothing secret is plain in the database; plain and old values are sealed anew."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import insert, select
from tests.support.cluster_examples import cluster

from searchplane.domain.ids import ClusterId
from searchplane.errors import Permanent
from searchplane.iam.sealing import Seals
from searchplane.store import clusters
from searchplane.store.database import Database
from searchplane.store.schema import secrets
from searchplane.store.sealed import reseal
from searchplane.store.secrets import ClusterSecrets

ID = ClusterId("cluster-1")
KEPT = {"authority.key": "a private key", "admin.hash": "a hash"}


@pytest.fixture
def with_plain_values(database: Database) -> Database:
    """As a release before sealing left them."""
    with database.write() as connection:
        clusters.add(connection, cluster())
        rows = [{"cluster_id": ID, "name": name, "value": value} for name, value in KEPT.items()]
        connection.execute(insert(secrets), rows)
    return database


def stored(database: Database) -> list[str]:
    with database.read() as connection:
        return list(connection.execute(select(secrets.c.value)).scalars())


def read(database: Database, seals: Seals) -> dict[str, str]:
    with database.read() as connection:
        return ClusterSecrets(seals).of_cluster(connection, ID)


def test_a_new_secret_is_stored_sealed(
    database: Database, seals: Seals, cluster_secrets: ClusterSecrets
) -> None:
    with database.write() as connection:
        clusters.add(connection, cluster())
        cluster_secrets.add_missing(connection, ID, KEPT)
    assert all(value.startswith(seals.current) for value in stored(database))
    assert not any(plain in value for plain in KEPT.values() for value in stored(database))


def test_plain_values_are_read_and_then_sealed(with_plain_values: Database, seals: Seals) -> None:
    assert read(with_plain_values, seals) == KEPT
    assert reseal(with_plain_values, seals) == 2
    assert all(value.startswith(seals.current) for value in stored(with_plain_values))
    assert read(with_plain_values, seals) == KEPT
    assert reseal(with_plain_values, seals) == 0


def test_after_a_rotation_the_old_key_is_needed_no_more(
    with_plain_values: Database, seals: Seals, tmp_path: Path
) -> None:
    reseal(with_plain_values, seals)
    seals.rotate()
    assert reseal(with_plain_values, seals) == 2
    (tmp_path / "seals" / "1").unlink()
    assert read(with_plain_values, Seals.open(tmp_path)) == KEPT


def test_a_lost_key_stops_the_start_and_changes_nothing(
    with_plain_values: Database, seals: Seals, tmp_path: Path
) -> None:
    reseal(with_plain_values, seals)
    before = stored(with_plain_values)
    with pytest.raises(Permanent, match="restore"):
        reseal(with_plain_values, Seals.open(tmp_path / "other"))
    assert stored(with_plain_values) == before
