"""Requests to the directory in an administrator's name, or in anybody's."""

from __future__ import annotations

from typing import Any

import httpx


class Administrator:
    """Asks with a token of its own unless given another."""

    def __init__(self, http: httpx.AsyncClient, token: str) -> None:
        self.http = http
        self.token = token

    async def ask(
        self, method: str, path: str, json: Any = None, token: str | None = None
    ) -> httpx.Response:
        headers = {"X-Auth-Token": token or self.token}
        return await self.http.request(method, path, json=json, headers=headers)

    async def make(self, kind: str, name: str, **fields: Any) -> str:
        """The id of a new user, group, project or domain."""
        answer = await self.ask("POST", f"/v3/{kind}s", {kind: {"name": name} | fields})
        assert answer.status_code == 201, answer.text
        return str(answer.json()[kind]["id"])

    async def names(self, path: str, token: str | None = None) -> list[str]:
        """The names in a list."""
        answer = await self.ask("GET", path, token=token)
        assert answer.status_code == 200, answer.text
        (listed,) = (value for name, value in answer.json().items() if name != "links")
        return [one["name"] for one in listed]


def code(answer: httpx.Response) -> tuple[int, str]:
    """Status and code of an error."""
    return answer.status_code, answer.json()["error_code"]
