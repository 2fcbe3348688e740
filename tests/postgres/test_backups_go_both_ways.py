"""A service's state is restored from a server into a file's database, and back into a server's."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from tests.support.copies import everything
from tests.support.postgres import Server

from searchplane.app import make_data_folder, open_service
from searchplane.backup.making import back_up
from searchplane.backup.restoring import restore
from searchplane.cli.local import operators_line
from searchplane.errors import Permanent
from searchplane.settings import DriverKind, Settings
from searchplane.store.database import open_database


def settings(data: Path, url: str | None = None, **more: Any) -> Settings:
    where: dict[str, Any] = {"database_url": SecretStr(url)} if url is not None else {}
    return Settings(data=data, driver=DriverKind.FAKE, listen="127.0.0.1:0", **where, **more)


def ignore(_doing: str, _done: int, _total: int) -> None:
    """Nobody looks on."""


def saved(source: Settings) -> bytes:
    out, database = io.BytesIO(), open_database(source)
    back_up(source, database, out, ignore)
    database.close()
    return out.getvalue()


def restored(content: bytes, target: Settings) -> None:
    make_data_folder(target.data)
    restore(target, io.BytesIO(content), operators_line("controlPlaneRestore", "-"), ignore)


def opened(one: Settings) -> dict[str, list[object]]:
    """What the database holds once a service has opened it; but for what every start writes."""
    with open_service(one) as service:
        held = everything(service.services.database)
    return {name: [*rows] for name, rows in held.items() if name not in ("audit", "home")}


def test_a_backup_that_another_process_makes_is_for_where_the_nodes_live(
    tmp_path: Path, postgres: Server
) -> None:
    with postgres.database() as url:
        tends = settings(tmp_path / "tends", url)
        opened(tends)
        answers = settings(tmp_path / "answers", url, keys=tmp_path / "keys")
        (tmp_path / "answers").mkdir()
        shutil.copytree(tends.data / "keys", tmp_path / "keys")
        shutil.copytree(tends.data / "seals", tmp_path / "keys" / "seals")
        content = saved(answers)
    restored(content, settings(tmp_path / "new"))
    ids = [(tmp_path / name / "folder.id").read_text() for name in ("tends", "new")]
    assert ids[0] == ids[1]


def test_from_a_server_to_a_folder_and_back(tmp_path: Path, postgres: Server) -> None:
    with postgres.database() as url, postgres.database() as other:
        first = settings(tmp_path / "first", url)
        held = opened(first)
        assert held["users"]
        second = settings(tmp_path / "second")
        restored(saved(first), second)
        assert opened(second) == held
        third = settings(tmp_path / "third", other)
        content = saved(second)
        restored(content, third)
        assert opened(third) == held
        admin = json.loads((third.data / "admin.json").read_text())
        assert admin["password"] == json.loads((first.data / "admin.json").read_text())["password"]
        with pytest.raises(Permanent, match="SEARCHPLANE_DATABASE_URL is a service's already"):
            restored(content, settings(tmp_path / "fourth", other))
        assert not (tmp_path / "fourth" / "keys").exists()
