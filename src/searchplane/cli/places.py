"""`searchplane project` and `searchplane domain`, over HTTP."""

from __future__ import annotations

import click

from searchplane.cli.directory import Identity
from searchplane.cli.listing import show_many, show_one
from searchplane.cli.login import Login

COLUMNS = ("id", "name", "enabled", "description")
FIELDS = ("id", "name", "domain_id", "enabled", "description")


def create(
    login: Login, kind: str, name: str, description: str, domain: str | None, *, as_json: bool
) -> None:
    """A project of a domain, or a domain."""
    with Identity(login) as api:
        fields = {"name": name, "description": description}
        if kind == "project":
            fields["domain_id"] = api.domain_id(domain)
        made = api.make(kind, fields)
    show_one(made, FIELDS, as_json=as_json)


def show_all(login: Login, kind: str, domain: str | None, *, as_json: bool) -> None:
    with Identity(login) as api:
        query = {"domain_id": api.domain_id(domain)} if kind == "project" else {}
        found = api.all(kind, **query)
    show_many(found, COLUMNS, as_json=as_json, none=f"There are no {kind}s.")


def show(login: Login, kind: str, wanted: str, domain: str | None, *, as_json: bool) -> None:
    with Identity(login) as api:
        found = api.find(kind, wanted, domain)
    show_one(found, FIELDS, as_json=as_json)


def enable(login: Login, kind: str, wanted: str, domain: str | None, *, enabled: bool) -> None:
    with Identity(login) as api:
        found = api.find(kind, wanted, domain)
        api.change(kind, found["id"], {"enabled": enabled})
    click.echo(f"{found['name']} is {'enabled' if enabled else 'disabled'}.")


def delete(login: Login, kind: str, wanted: str, domain: str | None) -> None:
    with Identity(login) as api:
        found = api.find(kind, wanted, domain)
        api.delete(kind, found["id"])
    click.echo(f"{found['name']} is deleted.")
