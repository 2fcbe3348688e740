"""`searchplane user` and `searchplane group`, over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from searchplane.cli.directory import Identity, Item
from searchplane.cli.listing import show_many, show_one
from searchplane.cli.login import Login
from searchplane.cli.new_password import Source

USER_COLUMNS = ("id", "name", "enabled", "email", "description")
USER_FIELDS = ("id", "name", "domain_id", "enabled", "email", "description", "create_time")
GROUP_COLUMNS = ("id", "name", "description")
GROUP_FIELDS = ("id", "name", "domain_id", "description")
SHOWN_ONCE = "It is shown only now."


def create_user(
    login: Login,
    fields: Mapping[str, Any],
    domain: str | None,
    source: Source | None,
    *,
    as_json: bool,
) -> None:
    """Without a source the user has no password."""
    password = source.read() if source else None
    with Identity(login) as api:
        more = {"domain_id": api.domain_id(domain)}
        if password is not None:
            more["password"] = password
        user = api.make("user", {**fields, **more})
    _show(user, source, password, as_json=as_json)


def list_users(login: Login, domain: str | None, group: str | None, *, as_json: bool) -> None:
    with Identity(login) as api:
        if group is None:
            found = api.all("user", domain_id=api.domain_id(domain))
        else:
            inside = api.find("group", group, domain)["id"]
            found = api.listed(f"/v3/groups/{inside}/users", "users")
    show_many(found, USER_COLUMNS, as_json=as_json, none="There are no users.")


def show_user(login: Login, user: str, domain: str | None, *, as_json: bool) -> None:
    with Identity(login) as api:
        found = dict(api.find("user", user, domain))
        groups = api.listed(f"/v3/users/{found['id']}/groups", "groups")
    shown = {**found, "groups": ", ".join(str(one["name"]) for one in groups)}
    show_one(found if as_json else shown, (*USER_FIELDS, "groups"), as_json=as_json)


def update_user(
    login: Login, user: str, domain: str | None, fields: Mapping[str, Any], *, as_json: bool
) -> None:
    if not fields:
        raise click.UsageError("nothing is to be changed: --name, --email or --description")
    with Identity(login) as api:
        changed = api.change("user", api.find("user", user, domain)["id"], fields)
    show_one(changed, USER_FIELDS, as_json=as_json)


def enable_user(login: Login, user: str, domain: str | None, *, enabled: bool) -> None:
    with Identity(login) as api:
        found = api.find("user", user, domain)
        api.change("user", found["id"], {"enabled": enabled})
    click.echo(f"{found['name']} is {'enabled' if enabled else 'disabled'}.")


def delete_user(login: Login, user: str, domain: str | None) -> None:
    with Identity(login) as api:
        found = api.find("user", user, domain)
        api.delete("user", found["id"])
    click.echo(f"{found['name']} is deleted.")


def set_password(
    login: Login, user: str | None, domain: str | None, source: Source, *, as_json: bool
) -> None:
    """Somebody's password, as their administrator, or one's own when nobody is named."""
    password = source.read()
    with Identity(login) as api:
        found: Item
        if user is None:
            found = api.me()
            both = {"original_password": login.password, "password": password}
            api.do("POST", f"/v3/users/{found['id']}/password", {"user": both})
        else:
            found = api.find("user", user, domain)
            found = api.change("user", found["id"], {"password": password})
    _show(found, source, password, as_json=as_json)
    if not as_json:
        click.echo("Tokens issued before are refused.")


def create_group(
    login: Login, name: str, description: str, domain: str | None, *, as_json: bool
) -> None:
    with Identity(login) as api:
        fields = {"name": name, "description": description, "domain_id": api.domain_id(domain)}
        group = api.make("group", fields)
    show_one(group, GROUP_FIELDS, as_json=as_json)


def list_groups(login: Login, domain: str | None, *, as_json: bool) -> None:
    with Identity(login) as api:
        found = api.all("group", domain_id=api.domain_id(domain))
    show_many(found, GROUP_COLUMNS, as_json=as_json, none="There are no groups.")


def show_group(login: Login, group: str, domain: str | None, *, as_json: bool) -> None:
    with Identity(login) as api:
        found = dict(api.find("group", group, domain))
        users = api.listed(f"/v3/groups/{found['id']}/users", "users")
    shown = {**found, "users": ", ".join(str(one["name"]) for one in users)}
    show_one(found if as_json else shown, (*GROUP_FIELDS, "users"), as_json=as_json)


def delete_group(login: Login, group: str, domain: str | None) -> None:
    with Identity(login) as api:
        found = api.find("group", group, domain)
        api.delete("group", found["id"])
    click.echo(f"{found['name']} is deleted.")


def change_member(login: Login, method: str, group: str, user: str, domain: str | None) -> None:
    """PUT or DELETE a user in a group."""
    with Identity(login) as api:
        inside, who = api.find("group", group, domain), api.find("user", user, domain)
        api.do(method, f"/v3/groups/{inside['id']}/users/{who['id']}")
    done = "is in" if method == "PUT" else "is not in"
    click.echo(f"{who['name']} {done} {inside['name']}.")


def _show(user: Item, source: Source | None, password: str | None, *, as_json: bool) -> None:
    """The user, and a password that was made here, which nobody else will ever show."""
    made = {"password": password} if source and source.generate else {}
    show_one({**user, **made}, (*USER_FIELDS, "password"), as_json=as_json)
    if made and not as_json:
        click.echo(SHOWN_ONCE)
