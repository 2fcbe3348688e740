"""The options of `searchplane user` and `searchplane group`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from searchplane.cli.identity_options import (
    changes,
    description_option,
    domain_option,
    with_login,
    with_password,
)
from searchplane.cli.operating import unlock
from searchplane.cli.options import json_option

if TYPE_CHECKING:
    from searchplane.cli.login import Login
    from searchplane.cli.new_password import Source

user_argument = click.argument("user", metavar="ID-OR-NAME")
group_argument = click.argument("group", metavar="GROUP")


@click.group()
def user() -> None:
    """Users of a domain, over HTTP like any client."""


@user.command("create")
@click.argument("name")
@domain_option
@description_option
@click.option("--email", default="", help="Where the user can be reached.")
@click.option("--disabled", is_flag=True, help="Cannot log in until enabled.")
@click.option("--no-password", is_flag=True, help="For access keys only.")
@with_password
@with_login
@json_option
def user_create(
    *,
    login: Login,
    name: str,
    domain: str | None,
    description: str,
    email: str,
    disabled: bool,
    no_password: bool,
    source: Source,
    as_json: bool,
) -> None:
    """Create a user. A new user may do nothing: `searchplane role grant` comes next."""
    from searchplane.cli import people

    fields = {"name": name, "description": description, "email": email, "enabled": not disabled}
    password = None if no_password else source
    people.create_user(login, fields, domain, password, as_json=as_json)


@user.command("list")
@domain_option
@click.option("--group", metavar="ID-OR-NAME", help="Of this group only.")
@with_login
@json_option
def user_list(*, login: Login, domain: str | None, group: str | None, as_json: bool) -> None:
    """List users."""
    from searchplane.cli import people

    people.list_users(login, domain, group, as_json=as_json)


@user.command("show")
@user_argument
@domain_option
@with_login
@json_option
def user_show(*, login: Login, user: str, domain: str | None, as_json: bool) -> None:
    """Show a user and their groups."""
    from searchplane.cli import people

    people.show_user(login, user, domain, as_json=as_json)


@user.command("update")
@user_argument
@domain_option
@click.option("--name", help="The new name.")
@click.option("--email", help="The new address.")
@click.option("--description", help="The new description.")
@with_login
@json_option
def user_update(
    *,
    login: Login,
    user: str,
    domain: str | None,
    name: str | None,
    email: str | None,
    description: str | None,
    as_json: bool,
) -> None:
    """Change a user."""
    from searchplane.cli import people

    fields = changes(name=name, email=email, description=description)
    people.update_user(login, user, domain, fields, as_json=as_json)


@user.command("password")
@click.argument("user", metavar="ID-OR-NAME", required=False)
@domain_option
@with_password
@with_login
@json_option
def user_password(
    *, login: Login, user: str | None, domain: str | None, source: Source, as_json: bool
) -> None:
    """Set a user's password, or one's own when nobody is named.

    Tokens issued before are refused. Files that hold the earlier password are not changed.
    """
    from searchplane.cli import people

    people.set_password(login, user, domain, source, as_json=as_json)


@user.command("disable")
@user_argument
@domain_option
@with_login
def user_disable(*, login: Login, user: str, domain: str | None) -> None:
    """End a user's tokens and refuse new ones and their keys."""
    from searchplane.cli import people

    people.enable_user(login, user, domain, enabled=False)


@user.command("enable")
@user_argument
@domain_option
@with_login
def user_enable(*, login: Login, user: str, domain: str | None) -> None:
    """Let a disabled user in again."""
    from searchplane.cli import people

    people.enable_user(login, user, domain, enabled=True)


@user.command("delete")
@user_argument
@domain_option
@with_login
def user_delete(*, login: Login, user: str, domain: str | None) -> None:
    """Delete a user with all roles, memberships and keys."""
    from searchplane.cli import people

    people.delete_user(login, user, domain)


user.add_command(unlock)


@click.group()
def group() -> None:
    """Groups of users, over HTTP like any client."""


@group.command("create")
@click.argument("name")
@domain_option
@description_option
@with_login
@json_option
def group_create(
    *, login: Login, name: str, domain: str | None, description: str, as_json: bool
) -> None:
    """Create a group."""
    from searchplane.cli import people

    people.create_group(login, name, description, domain, as_json=as_json)


@group.command("list")
@domain_option
@with_login
@json_option
def group_list(*, login: Login, domain: str | None, as_json: bool) -> None:
    """List groups."""
    from searchplane.cli import people

    people.list_groups(login, domain, as_json=as_json)


@group.command("show")
@group_argument
@domain_option
@with_login
@json_option
def group_show(*, login: Login, group: str, domain: str | None, as_json: bool) -> None:
    """Show a group and who is in it."""
    from searchplane.cli import people

    people.show_group(login, group, domain, as_json=as_json)


@group.command("delete")
@group_argument
@domain_option
@with_login
def group_delete(*, login: Login, group: str, domain: str | None) -> None:
    """Delete a group; its users lose what it gave them."""
    from searchplane.cli import people

    people.delete_group(login, group, domain)


@group.command("add")
@group_argument
@click.argument("user", metavar="USER")
@domain_option
@with_login
def group_add(*, login: Login, group: str, user: str, domain: str | None) -> None:
    """Put a user into a group."""
    from searchplane.cli import people

    people.change_member(login, "PUT", group, user, domain)


@group.command("remove")
@group_argument
@click.argument("user", metavar="USER")
@domain_option
@with_login
def group_remove(*, login: Login, group: str, user: str, domain: str | None) -> None:
    """Take a user out of a group."""
    from searchplane.cli import people

    people.change_member(login, "DELETE", group, user, domain)
