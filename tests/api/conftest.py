"""An API in-process: a database of its own, the first-start identity, an HTTP client.

`operations` is what the application serves; a test module may override it. The clock is not
faked: a token that must have expired is made by `identity.login` with a time in the past.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import update
from tests.support.cheap_hashes import USUAL, cheap_hashes, use_hashes_of
from tests.support.databases import Databases
from tests.support.directory import Administrator
from tests.support.live_service import Live, live_service
from tests.support.logins import PASSWORD, Login, NewUser, login_body

from searchplane.api.operation import Operation
from searchplane.api.routes import OPERATIONS
from searchplane.api.services import Services
from searchplane.api.web import Application
from searchplane.domain.ids import ClusterId, DomainId, UserId
from searchplane.domain.layout import HostLimits
from searchplane.iam.bootstrap import ADMIN_FILE, Credentials, first_start, read_admin_file
from searchplane.iam.passwords import hash_password
from searchplane.iam.sealing import Seals
from searchplane.iam.service import Identity
from searchplane.iam.tokens import new_audit_id
from searchplane.observability.metrics import Metrics
from searchplane.settings import Settings
from searchplane.store.cluster_pages import ClusterPages
from searchplane.store.database import Database, open_database
from searchplane.store.identity import Directory, Domain, Target, User
from searchplane.store.migrate import migrate
from searchplane.store.schema import users
from searchplane.store.secrets import ClusterSecrets
from searchplane.store.trail import Trail


@pytest.fixture(scope="module", autouse=True)
def hashes() -> Iterator[None]:
    """What is tested is not the price of a hash; a test of it asks for `usual_hashes`."""
    with cheap_hashes():
        yield


@pytest.fixture(scope="session")
def first(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A service after its first start; tests work on copies, as starting takes its time."""
    with databases.new(tmp_path_factory.mktemp("first")) as where, cheap_hashes():
        settings = settings_of(where)
        database = open_database(settings)
        migrate(database)
        first_start(database, settings, datetime.now(UTC))
        Identity.open(database, settings)
        database.close()
        yield settings


def settings_of(where: dict[str, Any]) -> Settings:
    """`where` is the data folder, and the database if it is not in there."""
    return Settings(
        listen="127.0.0.1:9480", admin_password=SecretStr(PASSWORD), domain="acme", **where
    )


@pytest.fixture
def settings(databases: Databases, first: Settings, tmp_path: Path) -> Iterator[Settings]:
    data = tmp_path / "data"
    shutil.copytree(first.data, data)
    with databases.new(data, first) as where:
        yield first.model_copy(update=where)


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    database = open_database(settings)
    yield database
    database.close()


@pytest.fixture
def credentials(settings: Settings) -> Credentials:
    """How the first user logs in."""
    made = read_admin_file(settings.data / ADMIN_FILE)
    assert made is not None
    return made


@pytest.fixture
def new_user(database: Database, credentials: Credentials) -> NewUser:
    """`new_user("ann", project=("readonly",))` makes a user of the first domain with these roles.

    `in_new_domain` puts the user into a domain of that name, made for it; `beside` into the
    domain of another user.
    """

    def make(
        name: str,
        *,
        password: str = PASSWORD,
        project: tuple[str, ...] = (),
        domain: tuple[str, ...] = (),
        in_new_domain: str | None = None,
        beside: User | None = None,
    ) -> User:
        first = Domain(DomainId(credentials.domain_id), credentials.domain, enabled=True)
        home = beside.domain if beside else first
        now = datetime.now(UTC)
        with database.write() as connection:
            directory = Directory(connection)
            if in_new_domain is not None:
                home = Domain(DomainId(new_audit_id()), in_new_domain, enabled=True)
                directory.add_domain(home, now)
            user = User(UserId(new_audit_id()), name, True, home, hash_password(password))
            directory.add_user(user, now)
            if project:
                directory.add_roles(user.id, Target.PROJECT, credentials.project_id, project)
            if domain:
                directory.add_roles(user.id, Target.DOMAIN, home.id, domain)
        return user

    return make


@pytest.fixture
def usual_hashes(
    monkeypatch: pytest.MonkeyPatch, database: Database, credentials: Credentials
) -> None:
    """Hashes at the price of a service from now on, the first user's too."""
    use_hashes_of(monkeypatch, *USUAL)
    with database.write() as connection:
        dear = hash_password(credentials.password)
        connection.execute(update(users).values(password_hash=dear))


@pytest.fixture
def identity(database: Database, settings: Settings) -> Identity:
    return Identity.open(database, settings)


@pytest.fixture
def trail(database: Database) -> Iterator[Trail]:
    """The audit trail of the application."""
    trail = Trail(database, timedelta(days=400))
    yield trail
    trail.close()


@pytest.fixture
def woken() -> list[ClusterId]:
    """Clusters whose loop was woken, in order."""
    return []


@pytest.fixture
def services(
    settings: Settings,
    database: Database,
    identity: Identity,
    credentials: Credentials,
    trail: Trail,
    woken: list[ClusterId],
) -> Services:
    """Everything handlers work with; the first identity exists."""
    return Services(
        settings=settings,
        database=database,
        authenticator=identity,
        identity=identity,
        secrets=ClusterSecrets(Seals.open(settings.data)),
        cluster_pages=ClusterPages(database),
        limits=HostLimits(max_heap_mb=512, processors=2),
        metrics=Metrics(),
        audit=trail,
        wake=woken.append,
        is_tended=lambda: True,
        hash_engine_password=lambda password: f"hash of {len(password)} characters",
    )


@pytest.fixture
def operations() -> Sequence[Operation]:
    return OPERATIONS


@pytest.fixture
async def client(
    services: Services, operations: Sequence[Operation]
) -> AsyncIterator[httpx.AsyncClient]:
    """Talks to the application in this process."""
    app = Application(operations, services)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url=services.settings.base_url) as http:
        yield http
    app.close()


@pytest.fixture
def login(client: httpx.AsyncClient, credentials: Credentials) -> Login:
    """`await login(scope="project")` is the text of a new token of the first user."""

    async def log_in(scope: object = "project", **user: object) -> str:
        body = login_body(credentials, scope, **user)
        answer = await client.post("/v3/auth/tokens", json=body)
        assert answer.status_code == 201, json.dumps(answer.json())
        return answer.headers["X-Subject-Token"]

    return log_in


@pytest.fixture
async def token(login: Login) -> str:
    """A project-scoped token of the first user."""
    return await login()


@pytest.fixture
def admin(client: httpx.AsyncClient, token: str) -> Administrator:
    """The first user, who administers the first domain and the service."""
    return Administrator(client, token)


@pytest.fixture
def headers(token: str) -> dict[str, str]:
    """What an authenticated request carries."""
    return {"X-Auth-Token": token, "Content-Type": "application/json"}


@pytest.fixture(scope="module")
def live(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A whole service with its loop, shared by the tests of a module."""
    with databases.new(tmp_path_factory.mktemp("live")) as where, live_service(**where) as service:
        yield service


@pytest.fixture(scope="module")
def untended(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A whole service whose loop never runs, shared by the tests of a module."""
    folder = tmp_path_factory.mktemp("untended")
    with databases.new(folder) as where, live_service(**where, tended=False) as service:
        yield service


@pytest.fixture(scope="module")
def live_token(live: Live) -> str:
    return live.token()


@pytest.fixture
async def css(live: Live, live_token: str) -> AsyncIterator[httpx.AsyncClient]:
    """The first user's client of the first project's search service."""
    async with live.client(live_token) as http:
        yield http
