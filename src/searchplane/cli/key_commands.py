"""The options of `searchplane key`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from searchplane.cli.identity_options import description_option, domain_option, with_login
from searchplane.cli.options import json_option

if TYPE_CHECKING:
    from searchplane.cli.login import Login

user_option = click.option(
    "--user", metavar="ID-OR-NAME", help="Whose keys; without it, those of the login."
)
access_argument = click.argument("access", metavar="ACCESS-KEY")


@click.group()
def key() -> None:
    """Access keys that sign requests, over HTTP like any client; two for a user at most."""


@key.command("create")
@user_option
@domain_option
@description_option
@with_login
@json_option
def key_create(
    *, login: Login, user: str | None, domain: str | None, description: str, as_json: bool
) -> None:
    """Create an access key. Its secret is shown only now."""
    from searchplane.cli import key as command

    command.create(login, user, domain, description, as_json=as_json)


@key.command("list")
@user_option
@domain_option
@with_login
@json_option
def key_list(*, login: Login, user: str | None, domain: str | None, as_json: bool) -> None:
    """List a user's access keys and when they were used last."""
    from searchplane.cli import key as command

    command.list_all(login, user, domain, as_json=as_json)


@key.command("show")
@access_argument
@with_login
@json_option
def key_show(*, login: Login, access: str, as_json: bool) -> None:
    """Show an access key without its secret."""
    from searchplane.cli import key as command

    command.show(login, access, as_json=as_json)


@key.command("activate")
@access_argument
@with_login
def key_activate(*, login: Login, access: str) -> None:
    """Let an access key sign again; a lock for wrong signatures ends too."""
    from searchplane.cli import key as command

    command.set_status(login, access, "active")


@key.command("deactivate")
@access_argument
@with_login
def key_deactivate(*, login: Login, access: str) -> None:
    """Refuse what an access key signs, from the next request on."""
    from searchplane.cli import key as command

    command.set_status(login, access, "inactive")


@key.command("delete")
@access_argument
@with_login
def key_delete(*, login: Login, access: str) -> None:
    """Delete an access key for good."""
    from searchplane.cli import key as command

    command.delete(login, access)
