"""A small client of the public API, which the commands use like anybody else would.

It finds the search service in the token's catalogue. What it has in common with other clients is in
connected.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from searchplane.cli.connected import Connected, identity_url
from searchplane.cli.login import Login
from searchplane.errors import NotFound, Permanent, Refused

PAGE = 1000
"""Clusters asked for at once; the API's own bound."""


@dataclass(frozen=True)
class ClusterShown:
    """A cluster as the API showed it; `json` is its answer unchanged."""

    json: Mapping[str, Any]

    @property
    def id(self) -> str:
        return str(self.json["id"])

    @property
    def name(self) -> str:
        return str(self.json["name"])

    @property
    def status(self) -> str:
        return str(self.json["status"])

    @property
    def actions(self) -> tuple[str, ...]:
        return tuple(self.json.get("actions") or ())

    @property
    def sentence(self) -> str:
        """An extra field of this service; other clouds have none."""
        return str(self.json.get("sentence") or "")

    @property
    def endpoints(self) -> tuple[str, ...]:
        return tuple(str(self.json.get("endpoint") or "").split(",")) if self.endpoint else ()

    @property
    def endpoint(self) -> str | None:
        return self.json.get("endpoint")

    @property
    def scheme(self) -> str:
        return "https" if self.json.get("httpsEnable") else "http"

    @property
    def instances(self) -> tuple[Mapping[str, Any], ...]:
        return tuple(self.json.get("instances") or ())

    @property
    def failure(self) -> str | None:
        """Code and message, once the service counts the cluster as failed."""
        reason = self.json.get("failedReason") or self.json.get("failed_reasons")
        return f"{reason['errorCode']}: {reason['errorMsg']}" if reason else None

    @property
    def is_settled(self) -> bool:
        """Available, nothing at work, every node in it: what clients wait for."""
        nodes = {str(node["status"]) for node in self.instances}
        return self.status == "200" and not self.actions and nodes <= {"200"}


@dataclass(frozen=True)
class Event:
    """A sentence of a pass; `at` is ISO 8601, UTC."""

    id: int
    at: str
    phase: str
    sentence: str


class Api(Connected):
    """One user in one project."""

    def log_in(self) -> None:
        """Get a token for the project, and from it the service's address."""
        login = self._login
        answer = self._send("POST", f"{identity_url(login)}/auth/tokens", json=login.body())
        self._token = answer.headers.get("X-Subject-Token", "")
        self.service = _service_url(answer.json(), login)

    def clusters(self) -> list[ClusterShown]:
        """All of the project's, newest first."""
        found: list[ClusterShown] = []
        while True:
            page = self._ask("GET", "/clusters", start=len(found) + 1, limit=PAGE)
            found += [ClusterShown(one) for one in page["clusters"]]
            if not page["clusters"] or len(found) >= page["totalSize"]:
                return found

    def cluster(self, cluster_id: str) -> ClusterShown:
        return ClusterShown(self._ask("GET", f"/clusters/{cluster_id}"))

    def find(self, id_or_name: str) -> ClusterShown:
        """The cluster with this id, else the only one with this name."""
        found = [one for one in self.clusters() if id_or_name in (one.id, one.name)]
        if len(found) == 1:
            return self.cluster(found[0].id)
        if found:
            ids = ", ".join(one.id for one in found)
            raise Permanent(f"{len(found)} clusters are called {id_or_name!r}; give an id: {ids}")
        raise NotFound("CSS.0015", f"no cluster of this project has the id or name {id_or_name!r}")

    def buckets(self) -> list[Mapping[str, Any]]:
        """All of the project's; an operation of this service, which other clouds do not have."""
        found: list[Mapping[str, Any]] = self._ask("GET", "/buckets")["buckets"]
        return found

    def policy(self, cluster_id: str) -> Mapping[str, Any] | None:
        """Of automatic snapshots, be they on or off; None for one who may not read it."""
        try:
            found: Mapping[str, Any] = self._ask(
                "GET", f"/clusters/{cluster_id}/index_snapshot/policy"
            )
        except Refused:
            return None
        return found

    def create(self, body: Mapping[str, Any]) -> str:
        """Ask for a cluster; its id."""
        return str(self._ask("POST", "/clusters", json=body)["cluster"]["id"])

    def operate(self, cluster_id: str, what: str, **body: str | None) -> Mapping[str, Any]:
        """Pause, resume, rebuild or set a predicate aside; what holds now."""
        path = f"/clusters/{cluster_id}/{what}"
        answer: Mapping[str, Any] = self._ask("POST", path, json=body or None)
        return answer

    def events(self, cluster_id: str, after: int = 0) -> list[Event]:
        """All events after the one with id `after`, oldest first."""
        found: list[Event] = []
        while True:
            page = self._ask("GET", f"/clusters/{cluster_id}/events", after=after, limit=PAGE)
            found += [Event(**one) for one in page["events"]]
            if len(page["events"]) < PAGE:
                return found
            after = found[-1].id


def _service_url(answer: Mapping[str, Any], login: Login) -> str:
    token = answer.get("token", {})
    if login.endpoint is not None:
        project = token.get("project", {}).get("id", "")
        return login.endpoint.replace("%(project_id)s", project).rstrip("/")
    for entry in token.get("catalog", ()):
        for endpoint in entry.get("endpoints", ()) if entry.get("type") == "css" else ():
            region_fits = login.region in (None, endpoint.get("region_id"), endpoint.get("region"))
            if region_fits and endpoint.get("interface") == login.interface:
                return str(endpoint["url"]).rstrip("/")
    where = "" if login.region is None else f" in region {login.region!r}"
    raise Permanent(
        f"{login.auth_url} knows no {login.interface} endpoint of a search service (css) for "
        f"project {login.project!r}{where}; `searchplane doctor` on the service's host says how "
        "to make one, and OS_CSS_ENDPOINT_OVERRIDE does without"
    )
