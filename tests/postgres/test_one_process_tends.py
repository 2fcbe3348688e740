"""The right to tend: one session has it, it ends with the session, and the loop goes by it."""

from __future__ import annotations

import asyncio
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import select, text, update
from tests.support.cluster_examples import NOW, cluster
from tests.support.live_service import until
from tests.support.postgres import Server

from searchplane import tenure
from searchplane.app import LoopThread, open_front, open_service
from searchplane.domain.ids import DomainId, ProjectId
from searchplane.domain.layout import HostLimits
from searchplane.errors import Permanent, Transient
from searchplane.settings import DriverKind, Settings
from searchplane.store import clusters, home
from searchplane.store.database import Database
from searchplane.store.home import Home
from searchplane.store.identity import Directory, Domain
from searchplane.store.lease import Lease, TendedByAnother
from searchplane.store.schema import identity_version

LIMITS = HostLimits(max_heap_mb=300, processors=3)
END_SESSIONS = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE '{}'"
)


def service(data: Path, url: str) -> Settings:
    return Settings(data=data, driver=DriverKind.FAKE, database_url=SecretStr(url))


def has_a_cluster(database: Database) -> None:
    with database.write() as connection:
        directory = Directory(connection)
        directory.add_domain(Domain(DomainId("domain"), "somebody", enabled=True), NOW)
        directory.add_project(ProjectId("project-1"), "one", DomainId("domain"), NOW)
        clusters.add(connection, cluster())


def test_a_second_one_is_told_who_has_it(url: str) -> None:
    first = Lease(url, "searchplane on ant, process 7")
    with pytest.raises(TendedByAnother, match="tended already, by searchplane on ant, process 7"):
        Lease(url, "another")
    first.close()
    Lease(url, "another").close()


def test_databases_of_one_server_have_a_right_each(url: str, postgres: Server) -> None:
    first = Lease(url, "first")
    with postgres.database() as other:
        Lease(other, "second").close()
    first.close()


def test_a_lost_session_is_noticed_and_the_right_taken_again(url: str, postgres: Server) -> None:
    lease = Lease(url, "lost")
    postgres.run(END_SESSIONS.format("lost"))
    with pytest.raises(Transient), lease.read() as connection:
        connection.execute(text("SELECT 1"))
    assert not lease.is_held
    with lease.read() as connection:
        assert connection.execute(text("SELECT 1")).scalar_one() == 1
    assert lease.is_held
    lease.close()


def test_a_right_that_another_took_meanwhile_does_not_come_back(url: str, postgres: Server) -> None:
    lease = Lease(url, "lost")
    postgres.run(END_SESSIONS.format("lost"))
    with pytest.raises(Transient), lease.read() as connection:
        connection.execute(text("SELECT 1"))
    taker = Lease(url, "taker")
    with pytest.raises(TendedByAnother, match="by taker"), lease.read():
        pass
    taker.close()
    lease.close()


async def test_a_loop_that_lost_its_right_to_another_ends(
    url: str, tmp_path: Path, postgres: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = threading.Event()

    def taken(_: Lease) -> None:
        raise TendedByAnother("the clusters are tended by another")

    async def has_ended() -> bool:
        return ended.is_set()

    with open_service(service(tmp_path, url)) as opened:
        loop = LoopThread(opened, ended.set)
        await asyncio.to_thread(loop.start)
        monkeypatch.setattr(Lease, "_taken", taken)
        postgres.run(END_SESSIONS.format(f"searchplane on {socket.gethostname()}%"))
        await until(has_ended, "the loop did not end")
        assert not opened.loop.is_running
        assert loop.stop()


async def test_a_loop_goes_on_once_its_right_is_back(
    url: str, tmp_path: Path, postgres: Server
) -> None:
    with open_service(service(tmp_path, url)) as opened:
        loop = LoopThread(opened)
        await asyncio.to_thread(loop.start)
        postgres.run(END_SESSIONS.format("searchplane%"))
        has_a_cluster(opened.services.database)

        async def looked_at() -> bool:
            with opened.services.database.read() as connection:
                found = clusters.find(connection, cluster().id)
            return found is not None and found.sentence != cluster().sentence

        await until(looked_at, "the cluster was not looked at")
        assert loop.stop()


def test_nodes_live_in_one_folder(database: Database) -> None:
    here, elsewhere = Home("a" * 32, "/data on ant", LIMITS), Home("b" * 32, "/data on bee", LIMITS)
    with database.write() as connection:
        home.claim(connection, here)
        home.claim(connection, elsewhere)  # nothing lives there yet
        assert home.find(connection) == elsewhere
    has_a_cluster(database)
    refused = pytest.raises(Permanent, match="live in /data on bee, and /data on ant is another")
    with refused, database.write() as connection:
        home.claim(connection, here)
    with database.write() as connection:
        home.claim(connection, elsewhere)


def test_a_service_on_another_folder_is_refused_while_there_are_clusters(
    tmp_path: Path, url: str
) -> None:
    with open_service(service(tmp_path / "first", url)) as opened:
        has_a_cluster(opened.services.database)
    refused = pytest.raises(Permanent, match="is another data folder; serve --api-only is right")
    with refused, open_service(service(tmp_path / "second", url)):
        pass
    with open_service(service(tmp_path / "first", url)):
        pass


def test_an_api_without_the_keys_is_refused(
    tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tenure, "READY_SECONDS", 0.1)
    with pytest.raises(Transient, match="not ready"), open_front(service(tmp_path, url)):
        pass
    with open_service(service(tmp_path / "first", url)):
        pass
    refused = pytest.raises(Permanent, match="keys has no keys; SEARCHPLANE_KEYS is right")
    with refused, open_front(service(tmp_path / "second", url)):
        pass


def test_an_api_goes_by_the_limits_of_where_nodes_run(tmp_path: Path, url: str) -> None:
    with open_service(service(tmp_path, url)) as opened:
        with opened.services.database.write() as connection:
            found = home.find(connection)
            assert found is not None
            home.claim(connection, Home(found.folder, found.place, LIMITS))
        with open_front(service(tmp_path, url)) as front:
            assert front.services.limits == LIMITS


def test_writers_of_several_processes_queue_and_none_is_lost(database: Database) -> None:
    other = Database(database.url)

    def grow(number: int) -> None:
        with (database, other)[number % 2].write() as connection:
            found = connection.execute(select(identity_version.c.version)).scalar_one()
            connection.execute(update(identity_version).values(version=found + 1))

    with ThreadPoolExecutor(8) as at_once:
        list(at_once.map(grow, range(60)))
    other.close()
    with database.read() as connection:
        assert connection.execute(select(identity_version.c.version)).scalar_one() == 61
