"""`searchplane role` and `searchplane policy`: what can be granted, and to whom, over HTTP."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO, Any

import click

from searchplane.cli.directory import Identity, Item
from searchplane.cli.listing import show_many, show_one
from searchplane.cli.login import Login
from searchplane.cli.tables import print_json

COLUMNS = ("id", "display_name", "type", "catalog", "description")
FIELDS = ("id", "name", "display_name", "type", "catalog", "description")
ASSIGNMENT_COLUMNS = ("role", "granted_to", "name", "on", "place")


@dataclass(frozen=True)
class Grant:
    """Ids or names, as the command was given them; exactly one holder and one place."""

    role: str
    user: str | None
    group: str | None
    project: str | None
    on_domain: bool
    all_projects: bool
    domain: str | None

    def path(self, api: Identity) -> str:
        """The grant's own path in the API."""
        domain = api.domain_id(self.domain)
        role = api.find("role", self.role)["id"]
        holder = f"{self._holder(api)}/roles/{role}"
        if self.project is not None:
            project = api.find("project", self.project, self.domain)["id"]
            return f"/v3/projects/{project}/{holder}"
        if self.all_projects:
            return f"/v3/OS-INHERIT/domains/{domain}/{holder}/inherited_to_projects"
        return f"/v3/domains/{domain}/{holder}"

    def check(self) -> None:
        if (self.user is None) is (self.group is None):
            raise click.UsageError("either --user or --group is right")
        if [self.project is not None, self.on_domain, self.all_projects].count(True) != 1:
            raise click.UsageError("one of --project, --on-domain and --all-projects is right")
        if self.all_projects and self.user is not None:
            raise click.UsageError("--all-projects is for a --group")

    def _holder(self, api: Identity) -> str:
        if self.user is not None:
            return f"users/{api.find('user', self.user, self.domain)['id']}"
        return f"groups/{api.find('group', self.group or '', self.domain)['id']}"


def list_roles(login: Login, kind: str, *, as_json: bool) -> None:
    """All roles, or the custom policies alone."""
    with Identity(login) as api:
        found = api.all(kind)
    show_many(found, COLUMNS, as_json=as_json, none="There are no policies.")


def show_role(login: Login, kind: str, wanted: str, *, as_json: bool) -> None:
    """A role and what it allows."""
    with Identity(login) as api:
        found = api.find(kind, wanted)
    show_one(found, FIELDS, as_json=as_json)
    if not as_json:
        click.echo()
        print_json(found["policy"])


def grant(login: Login, wanted: Grant) -> None:
    wanted.check()
    with Identity(login) as api:
        api.do("PUT", wanted.path(api))
    click.echo(f"{wanted.role} is granted.")


def revoke(login: Login, wanted: Grant) -> None:
    wanted.check()
    with Identity(login) as api:
        api.do("DELETE", wanted.path(api))
    click.echo(f"{wanted.role} is revoked.")


def list_assignments(login: Login, domain: str | None, *, as_json: bool) -> None:
    """Every grant in a domain, with names."""
    with Identity(login) as api:
        inside = api.domain_id(domain)
        path = "/v3.0/OS-PERMISSION/role-assignments"
        found = api.listed(path, "role_assignments", domain_id=inside)
        rows = found if as_json else _named(api, inside, found)
    show_many(rows, ASSIGNMENT_COLUMNS, as_json=as_json, none="No roles are granted.")


def create_policy(
    login: Login, name: str, kind: str, description: str, document: IO[str], *, as_json: bool
) -> None:
    fields = {
        "display_name": name,
        "type": kind,
        "description": description,
        "policy": _document(document),
    }
    with Identity(login) as api:
        made = api.make("policy", fields)
    show_one(made, FIELDS, as_json=as_json)


def update_policy(
    login: Login,
    wanted: str,
    fields: Mapping[str, Any],
    document: IO[str] | None,
    *,
    as_json: bool,
) -> None:
    given = dict(fields)
    if document is not None:
        given["policy"] = _document(document)
    if not given:
        raise click.UsageError("nothing is to be changed: --name, --description or --file")
    with Identity(login) as api:
        changed = api.change("policy", api.find("policy", wanted)["id"], given)
    show_one(changed, FIELDS, as_json=as_json)


def delete_policy(login: Login, wanted: str) -> None:
    with Identity(login) as api:
        found = api.find("policy", wanted)
        api.delete("policy", found["id"])
    click.echo(f"{found['display_name']} is deleted, and every grant of it.")


def _document(file: IO[str]) -> Any:
    try:
        return json.load(file)
    except ValueError as error:
        raise click.ClickException(f"{file.name} is not JSON: {error}") from None


def _named(api: Identity, domain_id: str, found: list[Item]) -> list[Item]:
    names = {
        str(one["id"]): str(one["name"])
        for kind in ("user", "group", "project")
        for one in api.all(kind, domain_id=domain_id)
    }
    names |= {str(one["id"]): str(one["display_name"]) for one in api.all("role")}
    names[domain_id] = "the domain"
    return [_row(one, names) for one in found]


def _row(one: Item, names: Mapping[str, str]) -> Item:
    holder = next(kind for kind in ("user", "group", "agency") if kind in one)
    kind = "project" if "project" in one["scope"] else "domain"
    role, who, place = (str(part["id"]) for part in (one["role"], one[holder], one["scope"][kind]))
    return {
        "role": names.get(role, role),
        "granted_to": holder,
        "name": names.get(who, who),
        "on": "all projects" if one.get("is_inherited") else kind,
        "place": names.get(place, place),
    }
