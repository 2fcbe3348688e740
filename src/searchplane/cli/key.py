"""`searchplane key`: permanent access keys, one's own unless told otherwise, over HTTP."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import click

from searchplane.cli.directory import Identity, Item
from searchplane.cli.listing import show_many, show_one
from searchplane.cli.login import Login
from searchplane.cli.people import SHOWN_ONCE
from searchplane.errors import Refused

TOO_MANY = "akSkNumExceed"
"""All that the public API says when a user has as many keys as there may be."""

PATH = "/v3.0/OS-CREDENTIAL/credentials"
COLUMNS = ("access", "status", "create_time", "last_use_time", "description")
FIELDS = ("access", "secret", "user_id", *COLUMNS[1:])


class Keys(Identity):
    """The keys that one user may deal with."""

    def owner(self, user: str | None, domain: str | None) -> str:
        found = self.find("user", user, domain) if user is not None else self.me()
        return str(found["id"])

    def create(self, user_id: str, description: str) -> Item:
        try:
            return self._credential("POST", PATH, user_id=user_id, description=description)
        except Refused as refused:
            if TOO_MANY not in refused.detail:
                raise
            held = " and ".join(str(key["access"]) for key in self.of(user_id))
            raise Refused(
                refused.code, f"the user has the keys {held}, and no more are right; delete one"
            ) from None

    def of(self, user_id: str) -> list[Item]:
        return self.listed(PATH, "credentials", user_id=user_id)

    def one(self, access: str) -> Item:
        return self._credential("GET", _path(access))

    def set_status(self, access: str, status: str) -> Item:
        return self._credential("PUT", _path(access), status=status)

    def remove(self, access: str) -> None:
        self.do("DELETE", _path(access))

    def _credential(self, method: str, path: str, **fields: Any) -> Item:
        body = {"credential": fields} if fields else None
        found: Item = self._ask(method, path, body)["credential"]
        return found


def create(
    login: Login, user: str | None, domain: str | None, description: str, *, as_json: bool
) -> None:
    with Keys(login) as keys:
        made = keys.create(keys.owner(user, domain), description)
    show_one(made, FIELDS, as_json=as_json)
    if not as_json:
        click.echo(SHOWN_ONCE)


def list_all(login: Login, user: str | None, domain: str | None, *, as_json: bool) -> None:
    with Keys(login) as keys:
        found = keys.of(keys.owner(user, domain))
    show_many(found, COLUMNS, as_json=as_json, none="The user has no access keys.")


def show(login: Login, access: str, *, as_json: bool) -> None:
    with Keys(login) as keys:
        found = keys.one(access)
    show_one(found, FIELDS, as_json=as_json)


def set_status(login: Login, access: str, status: str) -> None:
    with Keys(login) as keys:
        keys.set_status(access, status)
    click.echo(f"{access} is {status}.")


def delete(login: Login, access: str) -> None:
    with Keys(login) as keys:
        keys.remove(access)
    click.echo(f"{access} is deleted.")


def _path(access: str) -> str:
    return f"{PATH}/{quote(access, safe='')}"
