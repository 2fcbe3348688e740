"""A client of the identity API for the commands: users, groups, projects, domains, roles, policies.

Whatever a command is given as an id or a name is found by either. It logs in for the domain,
as what counts here are the user's roles there.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx

from searchplane.cli.connected import Connected, identity_url
from searchplane.errors import NotFound, Permanent, Refused

Item = Mapping[str, Any]
"""A thing of the API as it answered it."""


@dataclass(frozen=True)
class Kind:
    """Where the API has a kind of thing, and what it calls one and many in its bodies."""

    path: str
    one: str
    many: str
    in_domains: bool = True
    """Whether a list can be asked for by domain."""


KINDS = {
    "user": Kind("/v3/users", "user", "users"),
    "group": Kind("/v3/groups", "group", "groups"),
    "project": Kind("/v3/projects", "project", "projects"),
    "domain": Kind("/v3/domains", "domain", "domains", in_domains=False),
    "role": Kind("/v3/roles", "role", "roles", in_domains=False),
    "policy": Kind("/v3.0/OS-ROLE/roles", "role", "roles", in_domains=False),
}


class Identity(Connected):
    """One user, in whatever domains they may see."""

    def log_in(self) -> None:
        """For the user's domain, else without a scope, which is enough for what is one's own."""
        base = identity_url(self._login)
        self.service, self._token = base.removesuffix("/v3"), ""
        answer = self._issue(self._login.body()["auth"]["identity"])
        self._me: Item = answer.json()["token"]["user"]
        proof = {"methods": ["token"], "token": {"id": self._token}}
        with suppress(Refused):  # the user has no role on the domain
            self._issue(proof, {"domain": {"id": self._me["domain"]["id"]}})

    def me(self) -> Item:
        """The user who is logged in, with their domain."""
        if not self.service:
            self.log_in()
        return self._me

    def domain_id(self, id_or_name: str | None) -> str:
        """The id of a domain; the user's own when none is named."""
        if id_or_name is None:
            return str(self.me()["domain"]["id"])
        return str(self.find("domain", id_or_name)["id"])

    def all(self, kind: str, **query: str) -> list[Item]:
        """All of a kind that fit."""
        known = KINDS[kind]
        return self.listed(known.path, known.many, **query)

    def listed(self, path: str, member: str, **query: str) -> list[Item]:
        return list(self._ask("GET", path, **query)[member])

    def find(self, kind: str, id_or_name: str, domain: str | None = None) -> Item:
        """The one with this id, else the only one with this name, in `domain` or the own one."""
        query = {"domain_id": self.domain_id(domain)} if KINDS[kind].in_domains else {}
        named = [one for one in self.all(kind, **query) if id_or_name in _names(one)]
        if len(named) == 1:
            return named[0]
        if named:
            ids = ", ".join(str(one["id"]) for one in named)
            raise Permanent(f"{len(named)} are called {id_or_name!r}; give an id: {ids}")
        return self._by_id(kind, id_or_name)

    def show(self, kind: str, identity: str) -> Item:
        return self._one(kind, "GET", identity)

    def make(self, kind: str, fields: Item) -> Item:
        known = KINDS[kind]
        made: Item = self._ask("POST", known.path, {known.one: fields})[known.one]
        return made

    def change(self, kind: str, identity: str, fields: Item) -> Item:
        return self._one(kind, "PATCH", identity, {KINDS[kind].one: fields})

    def delete(self, kind: str, identity: str) -> None:
        self.do("DELETE", f"{KINDS[kind].path}/{identity}")

    def do(self, method: str, path: str, body: Any = None) -> None:
        """An operation whose answer holds nothing."""
        self._ask(method, path, body)

    def _issue(self, identity: Any, scope: Any = "unscoped") -> httpx.Response:
        body = {"auth": {"identity": identity, "scope": scope}}
        answer = self._send("POST", f"{self.service}/v3/auth/tokens?nocatalog=1", json=body)
        self._token = answer.headers.get("X-Subject-Token", "")
        return answer

    def _one(self, kind: str, method: str, identity: str, body: Any = None) -> Item:
        known = KINDS[kind]
        found: Item = self._ask(method, f"{known.path}/{quote(identity, safe='')}", body)[known.one]
        return found

    def _by_id(self, kind: str, identity: str) -> Item:
        try:
            return self.show(kind, identity)
        except NotFound:
            raise NotFound("IAM.0004", f"no {kind} has the id or name {identity!r}") from None


def _names(item: Item) -> tuple[str, ...]:
    return (item["id"], item["name"], item.get("display_name", ""))
