"""The control plane's own state: saved while it runs, and a service again somewhere else."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from cryptography.fernet import Fernet
from tests.cli.services import PATIENCE_SECONDS, Run, Served, fake, served

from searchplane.backup import restoring
from searchplane.domain.observed import Installing
from searchplane.drivers.fake import FakeDriver
from searchplane.store.sqlite import FILE


@pytest.fixture(autouse=True)
def paper(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands work with the fake driver, as the services here do."""
    monkeypatch.setenv("SEARCHPLANE_DRIVER", "fake")


@pytest.fixture
def first(tmp_path: Path) -> Iterator[Served]:
    """A service with a cluster, which runs."""
    with served(fake(tmp_path / "first")) as service:
        available(service, service.create("ES-Test"))
        yield service


def available(service: Served, cluster_id: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    with service.client() as client:
        while client.get(f"/clusters/{cluster_id}").json()["status"] != "200":
            assert time.monotonic() < deadline, "the cluster did not become available"
            time.sleep(0.02)


def clusters(service: Served, token: str | None = None) -> dict[str, str]:
    """Names and status; with a token of before, or after a login with admin.json."""
    with service.client() as client:
        if token is not None:
            client.headers["X-Auth-Token"] = token
        found = client.get("/clusters").raise_for_status().json()["clusters"]
    return {one["name"]: one["status"] for one in found}


def token_of(service: Served) -> str:
    with service.client() as client:
        return client.headers["X-Auth-Token"]


def uuids(data: Path) -> list[str]:
    """To which formed cluster each of the nodes belongs."""
    return [json.loads(path.read_text())["cluster_uuid"] for path in data.glob("fake/*/*.json")]


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_a_service_comes_back_with_its_nodes_its_login_and_its_tokens(
    tmp_path: Path, run: Run
) -> None:
    file, new = tmp_path / "kept", tmp_path / "new"
    with served(fake(tmp_path / "first")) as service:
        available(service, service.create("ES-Test"))
        token = token_of(service)
        made = run("backup", file, "--data", service.data)
        available(service, service.create("younger-than-the-backup"))
    assert made.code == 0
    assert "keys and passwords too: keep it where nobody else reads" in made.out
    assert file.stat().st_mode & 0o777 == 0o600
    formed = uuids(tmp_path / "first")
    new.mkdir()
    (tmp_path / "first" / "fake").rename(new / "fake")
    ran = run("restore", file, "--data", new)
    assert ran.code == 0
    assert "ES-Test: the folders of all 3 nodes are here" in ran.out
    assert "nodes of clusters that are younger than the backup, and leaves them alone" in ran.out
    with served(fake(new)) as again:
        assert clusters(again) == {"ES-Test": "200"}
        assert clusters(again, token) == {"ES-Test": "200"}
        assert sorted(uuids(new)) == sorted(formed)
    lines = run("audit", "--data", new).out
    assert "controlPlaneRestore" in lines
    assert "operator" in lines


def test_everything_is_private_again(first: Served, tmp_path: Path, run: Run) -> None:
    run("backup", tmp_path / "kept", "--data", first.data)
    run("restore", tmp_path / "kept", "--data", tmp_path / "new")
    found = files(tmp_path / "new") - {"serve.lock"}
    assert found == {
        *("searchplane.db", "folder.id", "admin.json", "clouds.yaml"),
        *("keys/0", "keys/1", "seals/1"),
    }
    for name in found:
        assert (tmp_path / "new" / name).stat().st_mode & 0o777 == 0o600
    for name in ("keys", "seals"):
        assert (tmp_path / "new" / name).stat().st_mode & 0o777 == 0o700
    for name in ("keys/0", "keys/1"):  # a key's age is its file's
        before, after = first.data / name, tmp_path / "new" / name
        assert after.stat().st_mtime == pytest.approx(before.stat().st_mtime, abs=1e-3)


def test_the_authority_of_tls_comes_along(first: Served, tmp_path: Path, run: Run) -> None:
    tls, again = first.data / "tls", tmp_path / "new" / "tls"
    tls.mkdir(mode=0o711)
    for name in ("ca.crt", "ca.key", "server.pem", "of-somebody-else"):
        (tls / name).write_text(name)
    run("backup", tmp_path / "kept", "--data", first.data)
    run("restore", tmp_path / "kept", "--data", tmp_path / "new")
    assert files(again) == {"ca.crt", "ca.key", "server.pem"}
    assert [path.read_text() for path in sorted(again.iterdir())] == sorted(files(again))
    modes = {path.name: path.stat().st_mode & 0o777 for path in again.iterdir()}
    assert modes == {"ca.crt": 0o644, "ca.key": 0o600, "server.pem": 0o600}
    assert again.stat().st_mode & 0o777 == 0o711  # whoever verifies the service reads ca.crt


def test_no_secret_is_said(first: Served, tmp_path: Path, run: Run) -> None:
    admin = json.loads((first.data / "admin.json").read_text())
    made = run("backup", tmp_path / "kept", "--data", first.data)
    ran = run("restore", tmp_path / "kept", "--data", tmp_path / "new")
    said = made.out + made.err + ran.out + ran.err
    keys = [path.read_text().strip() for path in (first.data / "keys").iterdir()]
    for secret in (admin["password"], admin["secret_key"], *keys):
        assert secret not in said


def test_a_backup_that_fails_leaves_the_last_one(first: Served, tmp_path: Path, run: Run) -> None:
    file = tmp_path / "kept"
    run("backup", file, "--data", first.data)
    before = file.read_bytes()
    (first.data / "seals" / "1").rename(tmp_path / "aside")
    ran = run("backup", file, "--data", first.data)
    (tmp_path / "aside").rename(first.data / "seals" / "1")
    assert ran.code == 1
    assert "no keys that secrets are sealed with" in ran.err
    assert file.read_bytes() == before
    assert {path.name for path in tmp_path.iterdir()} == {"first", "kept"}
    assert not (first.data / ".backup").exists()


def test_a_backup_that_could_not_be_opened_is_none(first: Served, tmp_path: Path, run: Run) -> None:
    (first.data / "seals" / "1").write_bytes(Fernet.generate_key())
    ran = run("backup", tmp_path / "kept", "--data", first.data)
    assert ran.code == 1
    assert "a secret was sealed with key" in ran.err
    assert not (tmp_path / "kept").exists()


def test_a_folder_that_holds_a_service_is_not_touched(
    first: Served, tmp_path: Path, run: Run
) -> None:
    run("backup", tmp_path / "kept", "--data", first.data)
    running = run("restore", tmp_path / "kept", "--data", first.data)
    assert running.code == 1
    assert "is served already, by process" in running.err
    other = tmp_path / "other"
    with served(fake(other)):
        pass
    before = {name: (other / name).read_bytes() for name in files(other)}
    ran = run("restore", tmp_path / "kept", "--data", other)
    assert ran.code == 1
    assert f"{other} holds a service already: searchplane.db is there" in ran.err
    after = {name: (other / name).read_bytes() for name in files(other)}
    assert {**after, "serve.lock": b""} == {**before, "serve.lock": b""}


@pytest.mark.parametrize("name", ["searchplane.db-wal", "admin.json", "seals/1"])
def test_what_differs_is_never_written_over(
    first: Served, tmp_path: Path, run: Run, name: str
) -> None:
    run("backup", tmp_path / "kept", "--data", first.data)
    place = tmp_path / "new" / name
    place.parent.mkdir(parents=True)
    place.write_text("of another service")
    ran = run("restore", tmp_path / "kept", "--data", tmp_path / "new")
    assert ran.code == 1
    assert "move" in ran.err
    assert files(tmp_path / "new") == {name, "serve.lock"}
    assert place.read_text() == "of another service"


def test_a_restore_that_was_cut_off_is_done_again(
    first: Served, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_source: Path, _place: Path) -> None:
        raise OSError(28, "No space left on device")

    run("backup", tmp_path / "kept", "--data", first.data)
    with monkeypatch.context() as patched:
        patched.setattr(restoring, "_put_database", full)
        (tmp_path / "new").mkdir()
        ran = run("restore", tmp_path / "kept", "--data", tmp_path / "new")
    assert (ran.code, FILE in files(tmp_path / "new")) == (1, False)
    assert "keys/1" in files(tmp_path / "new")
    assert run("restore", tmp_path / "kept", "--data", tmp_path / "new").code == 0


def test_a_database_that_was_lost_alone_is_restored_into_its_own_folder(
    tmp_path: Path, run: Run
) -> None:
    """Each start has written its address, another port here, into the files for clients."""
    data = tmp_path / "data"
    with served(fake(data)) as service:
        available(service, service.create("ES-Test"))
        run("backup", tmp_path / "kept", "--data", data)
    with served(fake(data)):
        pass
    for path in data.glob(f"{FILE}*"):
        path.unlink()
    ran = run("restore", tmp_path / "kept", "--data", data)
    assert (ran.code, ran.err) == (0, "")
    with served(fake(data)) as again:
        assert clusters(again) == {"ES-Test": "200"}


def test_a_newer_backup_is_refused_and_nothing_is_left(
    first: Served, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr("searchplane.backup.making.NEWEST", "9999")
        patched.setattr("searchplane.backup.making.__version__", "7.0")
        run("backup", tmp_path / "kept", "--data", first.data)
    ran = run("restore", tmp_path / "kept", "--data", tmp_path / "new")
    assert ran.code == 1
    assert "was made by searchplane 7.0 with schema 9999, and this version knows up to" in ran.err
    assert not (tmp_path / "new").exists()


def test_a_file_that_is_no_backup_is_a_sentence(tmp_path: Path, run: Run) -> None:
    (tmp_path / "text").write_text("not a backup")
    ran = run("restore", tmp_path / "text", "--data", tmp_path / "new")
    assert ran.code == 1
    assert f"{tmp_path / 'text'} is not restored: it is not a whole backup" in ran.err
    assert not (tmp_path / "new").exists()


def test_a_cluster_that_was_being_created_is_paused(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def installing(*_: object, **__: object) -> Installing:
        return Installing("for ever")

    with monkeypatch.context() as patched, served(fake(tmp_path / "first")) as service:
        patched.setattr(FakeDriver, "ensure_distribution", installing)
        service.create("ES-Test")
        run("backup", tmp_path / "kept", "--data", service.data)
    ran = run("restore", tmp_path / "kept", "--data", tmp_path / "new")
    assert "ES-Test is paused, as it was being created then and may have formed since" in ran.out
    with served(fake(tmp_path / "new")) as again, again.client() as client:
        shown: dict[str, str]
        (shown,) = client.get("/clusters").json()["clusters"]
        deadline = time.monotonic() + PATIENCE_SECONDS
        while "paused by an operator" not in shown["sentence"]:
            assert time.monotonic() < deadline
            shown = client.get(f"/clusters/{shown['id']}").json()
        assert uuids(tmp_path / "new") == []


def test_a_pipe_takes_it_to_another_folder(first: Served, tmp_path: Path) -> None:
    program = (sys.executable, "-m", "searchplane.cli.main")
    with subprocess.Popen(
        [*program, "backup", "-", "--data", str(first.data)], stdout=subprocess.PIPE
    ) as backup:
        ran = subprocess.run(
            [*program, "restore", "-", "--data", str(tmp_path / "new")],
            stdin=backup.stdout,
            capture_output=True,
            check=True,
            text=True,
        )
    assert "ES-Test: the folders of 0 of 3 nodes are here; bring the others to" in ran.stdout
    with closing(sqlite3.connect(tmp_path / "new" / FILE)) as database:
        assert database.execute("SELECT name FROM clusters").fetchall() == [("ES-Test",)]


def test_keys_in_a_folder_of_their_own_go_back_to_such_a_folder(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served(fake(tmp_path / "first", keys=tmp_path / "keys-1")) as service:
        token = token_of(service)
        monkeypatch.setenv("SEARCHPLANE_KEYS", str(tmp_path / "keys-1"))
        assert run("backup", tmp_path / "kept", "--data", service.data).code == 0
    monkeypatch.setenv("SEARCHPLANE_KEYS", str(tmp_path / "keys-2"))
    assert run("restore", tmp_path / "kept", "--data", tmp_path / "new").code == 0
    assert files(tmp_path / "keys-1") == files(tmp_path / "keys-2") == {"0", "1", "seals/1"}
    with served(fake(tmp_path / "new", keys=tmp_path / "keys-2")) as again:
        assert clusters(again, token) == {}
        url = f"{again.service.settings.base_url}/v3/auth/tokens"
        shown = httpx.get(url, headers={"X-Auth-Token": token, "X-Subject-Token": token})
        assert shown.status_code == 200


def test_a_file_where_something_else_is_or_none_can_be_is_a_sentence(
    first: Served, tmp_path: Path, run: Run
) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert "is no plain file" in run("backup", pipe, "--data", first.data).err
    assert pipe.is_fifo()
    assert (
        "is no plain file; the name of one is right"
        in run("backup", tmp_path, "--data", first.data).err
    )
    ran = run("backup", tmp_path / "none" / "kept", "--data", first.data)
    assert ran.code == 1
    assert "cannot be written: No such file or directory" in ran.err
