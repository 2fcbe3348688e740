"""admin.json holds an access key that signs requests, also in folders of earlier releases."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.support.signing import signed_headers

from searchplane.iam import bootstrap
from searchplane.iam.bootstrap import first_start
from searchplane.iam.key_pair import new_pair
from searchplane.iam.permanent import PermanentKeys
from searchplane.iam.presented import Presented
from searchplane.iam.sealing import Seals
from searchplane.iam.service import Identity
from searchplane.settings import Settings
from searchplane.store.access_keys import AccessKey, KeyBook
from searchplane.store.database import Database, private_sqlite
from searchplane.store.identity import Directory, Reference
from searchplane.store.migrate import migrate

NOW = datetime.now(UTC)


class Crash(Exception):
    """Stands for the end of the process."""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data=tmp_path)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(private_sqlite(tmp_path))
    migrate(database)
    yield database
    database.close()


def written(settings: Settings) -> dict[str, str]:
    found: dict[str, str] = json.loads((settings.data / "admin.json").read_text())
    return found


def forget_the_key(settings: Settings) -> None:
    """As a release without keys left the file."""
    found = written(settings)
    del found["access_key"], found["secret_key"]
    (settings.data / "admin.json").write_text(json.dumps(found))


def keys(database: Database, settings: Settings) -> tuple[AccessKey, ...]:
    found = written(settings)
    user = Reference(name=found["user"], domain=Reference(id=found["domain_id"]))
    with database.read() as transaction:
        admin = Directory(transaction).find_user(user)
        assert admin is not None
        return KeyBook(transaction).of_user(admin.id)


def who_signs(database: Database, settings: Settings) -> str:
    found = written(settings)
    url = f"{found['auth_url']}/projects"
    headers = signed_headers("GET", url, found["access_key"], found["secret_key"])
    presented = Presented("GET", "/v3/projects", "", headers, frozenset(), b"", "127.0.0.1")
    return Identity.open(database, settings).authenticate(presented, NOW).user_name


def test_the_key_of_admin_json_signs_requests(database: Database, settings: Settings) -> None:
    first_start(database, settings, NOW)
    assert who_signs(database, settings) == "admin"
    assert written(settings)["secret_key"] not in keys(database, settings)[0].sealed
    before = written(settings)
    first_start(database, settings, NOW)
    assert written(settings) == before
    assert len(keys(database, settings)) == 1


def test_a_folder_without_a_key_gets_one_at_its_next_start(
    database: Database, settings: Settings
) -> None:
    first_start(database, settings, NOW)
    with database.write() as transaction:
        KeyBook(transaction).remove(written(settings)["access_key"])
    forget_the_key(settings)
    first_start(database, settings, NOW)
    assert who_signs(database, settings) == "admin"


def test_a_crash_before_the_file_is_written_makes_no_second_key(
    database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    first_start(database, settings, NOW)
    with database.write() as transaction:
        KeyBook(transaction).remove(written(settings)["access_key"])
    forget_the_key(settings)

    def crash(*_: object) -> None:
        raise Crash

    with monkeypatch.context() as patch, pytest.raises(Crash):
        patch.setattr(bootstrap, "write_admin_files", crash)
        first_start(database, settings, NOW)
    first_start(database, settings, NOW)
    assert who_signs(database, settings) == "admin"
    assert len(keys(database, settings)) == 1


def test_a_deleted_key_stays_deleted(database: Database, settings: Settings) -> None:
    first_start(database, settings, NOW)
    with database.write() as transaction:
        KeyBook(transaction).remove(written(settings)["access_key"])
    first_start(database, settings, NOW)
    assert keys(database, settings) == ()


def test_who_has_two_keys_gets_none(
    database: Database, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    first_start(database, settings, NOW)
    (first,) = keys(database, settings)
    permanent = PermanentKeys(database, Seals.open(settings.data))
    with database.write() as transaction:
        KeyBook(transaction).remove(first.access)
        for _ in range(2):
            permanent.add(transaction, first.user_id, "my own", new_pair(), NOW)
    forget_the_key(settings)
    first_start(database, settings, NOW)
    assert written(settings)["access_key"] == ""
    assert "gets no access key" in caplog.text
