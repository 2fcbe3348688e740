"""The first start: an identity and the files to log in with, whenever it is cut short."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from pydantic import SecretStr
from sqlalchemy import func, select

from searchplane.errors import Permanent, Transient
from searchplane.iam import bootstrap
from searchplane.iam.bootstrap import Credentials, first_start
from searchplane.iam.service import Identity
from searchplane.iam.sessions import ScopeRequest
from searchplane.settings import Settings
from searchplane.store.database import Database, private_sqlite
from searchplane.store.identity import Directory, Reference, Target
from searchplane.store.migrate import migrate
from searchplane.store.schema import domains, projects, users

pytestmark = pytest.mark.usefixtures("cheap")

NOW = datetime(2026, 1, 3, 9, 5, 22, tzinfo=UTC)


class Crash(Exception):
    """Stands for the end of the process."""


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(private_sqlite(tmp_path))
    migrate(database)
    yield database
    database.close()


def settings(folder: Path, **changes: object) -> Settings:
    return Settings(data=folder, **changes)


def logs_in(database: Database, wanted: Settings, credentials: Credentials) -> bool:
    issued = Identity.open(database, wanted).login(
        Reference(name=credentials.user, domain=Reference(name=credentials.domain)),
        credentials.password,
        ScopeRequest(Target.PROJECT, Reference(id=credentials.project_id)),
        NOW,
    )
    return issued.session.actor.roles == ("secu_admin", "te_admin")


def written(folder: Path) -> dict[str, str]:
    return json.loads((folder / "admin.json").read_text())


def test_admin_json_logs_in(database: Database, tmp_path: Path) -> None:
    first_start(database, settings(tmp_path), NOW)
    assert logs_in(database, settings(tmp_path), Credentials(**written(tmp_path)))


def test_admin_json_has_what_the_getting_started_needs(database: Database, tmp_path: Path) -> None:
    first_start(database, settings(tmp_path, listen="127.0.0.1:9999"), NOW)
    found = written(tmp_path)
    assert list(found) == [
        "auth_url",
        "region",
        "domain",
        "domain_id",
        "project",
        "project_id",
        "user",
        "password",
        "access_key",
        "secret_key",
        "cacert",
    ]
    assert found["auth_url"] == "http://127.0.0.1:9999/v3"
    assert found["project"] == found["region"] == "local"
    assert len(bytes.fromhex(found["project_id"])) == 16


@pytest.mark.parametrize("name", ["admin.json", "clouds.yaml"])
def test_files_with_the_password_are_private(database: Database, tmp_path: Path, name: str) -> None:
    first_start(database, settings(tmp_path), NOW)
    assert (tmp_path / name).stat().st_mode & 0o777 == 0o600


def test_clouds_yaml_has_the_cloud(database: Database, tmp_path: Path) -> None:
    made = first_start(database, settings(tmp_path), NOW)
    assert made is not None
    cloud = yaml.safe_load((tmp_path / "clouds.yaml").read_text())["clouds"]["searchplane"]
    assert cloud["auth"]["password"] == made.password
    assert cloud["auth"]["auth_url"] == made.auth_url


def test_two_installations_have_two_passwords(tmp_path: Path) -> None:
    found = set()
    for name in ("a", "b"):
        folder = tmp_path / name
        folder.mkdir()
        database = Database(private_sqlite(folder))
        migrate(database)
        made = first_start(database, settings(folder), NOW)
        database.close()
        assert made is not None
        assert len(made.password) >= 32
        found.add(made.password)
    assert len(found) == 2


def test_the_password_can_be_given(database: Database, tmp_path: Path) -> None:
    wanted = settings(tmp_path, admin_password=SecretStr("given"))
    made = first_start(database, wanted, NOW)
    assert made is not None
    assert made.password == written(tmp_path)["password"] == "given"
    assert logs_in(database, wanted, made)


def test_the_next_start_brings_the_address_up_to_date(database: Database, tmp_path: Path) -> None:
    first = first_start(database, settings(tmp_path), NOW)
    wanted = settings(
        tmp_path, public_url="https://search.test/", admin_password=SecretStr("ignored")
    )
    second = first_start(database, wanted, NOW)
    assert first is not None
    assert second is not None
    assert second.auth_url == written(tmp_path)["auth_url"] == "https://search.test/v3"
    assert second.password == first.password
    assert logs_in(database, wanted, second)


def test_a_crash_before_the_user_exists_is_mended(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object) -> None:
        raise Crash

    with monkeypatch.context() as patch:
        patch.setattr(Directory, "add_roles", crash)
        with pytest.raises(Crash):
            first_start(database, settings(tmp_path), NOW)
    before = written(tmp_path)
    made = first_start(database, settings(tmp_path), NOW)
    assert made is not None
    assert written(tmp_path) == before
    assert logs_in(database, settings(tmp_path), made)


def test_a_crash_before_the_file_is_whole_leaves_nothing(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("searchplane.iam.files.os.fsync", crash)
        with pytest.raises(Transient, match="No space left"):
            first_start(database, settings(tmp_path), NOW)
    assert not list(tmp_path.glob("*.json")) + list(tmp_path.glob(".*"))
    assert counted(database) == (0, 0, 0)


def test_starting_again_makes_nothing_twice(database: Database, tmp_path: Path) -> None:
    for _ in range(3):
        first_start(database, settings(tmp_path), NOW)
    assert counted(database) == (1, 1, 1)


def test_a_removed_admin_json_stays_removed(
    database: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first_start(database, settings(tmp_path), NOW)
    (tmp_path / "admin.json").unlink()
    assert first_start(database, settings(tmp_path), NOW) is None
    assert not (tmp_path / "admin.json").exists()
    assert "admin.json is gone" in caplog.text


@pytest.mark.parametrize("content", ["", "{", "[]", '{"user": "admin"}'])
def test_a_damaged_admin_json_is_named(database: Database, tmp_path: Path, content: str) -> None:
    (tmp_path / "admin.json").write_text(content)
    with pytest.raises(Permanent, match=r"admin\.json is not what"):
        first_start(database, settings(tmp_path), NOW)


def test_a_password_that_cannot_be_is_refused_before_it_is_written(
    database: Database, tmp_path: Path
) -> None:
    wanted = settings(tmp_path, admin_password=SecretStr("x" * 5000))
    with pytest.raises(Permanent, match="5000"):
        first_start(database, wanted, NOW)
    assert not (tmp_path / bootstrap.ADMIN_FILE).exists()


def test_the_password_does_not_show(database: Database, tmp_path: Path) -> None:
    made = first_start(database, settings(tmp_path), NOW)
    assert made is not None
    assert made.password not in repr(made)


def counted(database: Database) -> tuple[int, ...]:
    with database.read() as connection:
        return tuple(
            connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (domains, projects, users)
        )
