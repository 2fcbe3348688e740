"""A domain with an administrator, and requests in anybody's name, for tests of granting."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
from tests.support.logins import PASSWORD, NewUser

from searchplane.domain.ids import ProjectId
from searchplane.iam.tokens import new_audit_id
from searchplane.store.database import Database
from searchplane.store.identity import Directory, User

Answered = tuple[int, str]


@dataclass
class Tenant:
    """One domain as its administrator sees it."""

    http: httpx.AsyncClient
    database: Database
    admin: User
    project_id: str
    token: str = ""

    @property
    def domain_id(self) -> str:
        return self.admin.domain.id

    async def ask(
        self, method: str, path: str, json: Any = None, token: str | None = None
    ) -> httpx.Response:
        headers = {"X-Auth-Token": token or self.token}
        return await self.http.request(method, path, json=json, headers=headers)

    async def code(self, method: str, path: str, json: Any = None, **who: str) -> Answered:
        """Status and error code."""
        answer = await self.ask(method, path, json, **who)
        if answer.status_code < 400 or method == "HEAD":
            return answer.status_code, ""
        return answer.status_code, answer.json()["error_code"]

    async def make(self, path: str, kind: str, **fields: Any) -> str:
        """The id of a new object."""
        answer = await self.ask("POST", path, {kind: fields})
        assert answer.status_code == 201, answer.text
        return str(answer.json()[kind]["id"])

    async def policy(self, name: str, *actions: str, kind: str = "XA", **statement: Any) -> str:
        """The id of a new custom policy that allows the actions."""
        document = {
            "Version": "1.1",
            "Statement": [{"Effect": "Allow", "Action": list(actions)} | statement],
        }
        return await self.make(
            "/v3.0/OS-ROLE/roles", "role", display_name=name, type=kind, policy=document
        )

    async def login(self, user: str, scope: dict[str, Any] | None = None) -> httpx.Response:
        who = {"name": user, "password": PASSWORD, "domain": {"id": self.domain_id}}
        auth: dict[str, Any] = {
            "identity": {"methods": ["password"], "password": {"user": who}},
            "scope": scope or {"project": {"id": self.project_id}},
        }
        return await self.http.post("/v3/auth/tokens", json={"auth": auth})

    async def token_of(self, user: str, scope: dict[str, Any] | None = None) -> str:
        answer = await self.login(user, scope)
        assert answer.status_code == 201, answer.text
        return answer.headers["X-Subject-Token"]

    async def domain_token(self, user: str) -> str:
        return await self.token_of(user, {"domain": {"id": self.domain_id}})


async def tenant(
    http: httpx.AsyncClient, database: Database, new_user: NewUser, name: str
) -> Tenant:
    """Another domain: a security administrator `boss-<name>`, and one project."""
    admin = new_user(f"boss-{name}", in_new_domain=name, domain=("secu_admin",))
    project_id = add_project(database, admin, "local_of_it")
    made = Tenant(http, database, admin, project_id)
    made.token = await made.domain_token(admin.name)
    return made


def add_project(database: Database, owner: User, name: str) -> str:
    project_id = new_audit_id()
    with database.write() as connection:
        Directory(connection).add_project(
            ProjectId(project_id), name, owner.domain.id, datetime.now(UTC)
        )
    return project_id
