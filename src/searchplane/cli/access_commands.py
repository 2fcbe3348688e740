"""The options of `searchplane role` and `searchplane policy`."""

from __future__ import annotations

from collections.abc import Callable
from typing import IO, TYPE_CHECKING, Any

import click

from searchplane.cli.identity_options import (
    changes,
    description_option,
    domain_option,
    with_login,
)
from searchplane.cli.options import json_option

if TYPE_CHECKING:
    from searchplane.cli.login import Login

role_argument = click.argument("role", metavar="ID-OR-NAME")
file_option = click.option(
    "--file",
    "document",
    type=click.File(),
    metavar="FILE",
    help="The policy as JSON, version 1.1; - is standard input.",
)


def with_grant(command: Callable[..., Any]) -> Callable[..., Any]:
    """Who is given a role on what: the options that grant and revoke share."""
    options = (
        role_argument,
        click.option("--user", metavar="ID-OR-NAME", help="To this user."),
        click.option("--group", metavar="ID-OR-NAME", help="To this group."),
        click.option("--project", metavar="ID-OR-NAME", help="On this project."),
        click.option("--on-domain", is_flag=True, help="On the domain."),
        click.option("--all-projects", is_flag=True, help="On all projects of the domain."),
        domain_option,
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.group()
def role() -> None:
    """Roles and who has them, over HTTP like any client."""


@role.command("list")
@with_login
@json_option
def role_list(*, login: Login, as_json: bool) -> None:
    """List the roles that can be granted, custom policies too."""
    from searchplane.cli import access

    access.list_roles(login, "role", as_json=as_json)


@role.command("show")
@role_argument
@with_login
@json_option
def role_show(*, login: Login, role: str, as_json: bool) -> None:
    """Show a role and what it allows."""
    from searchplane.cli import access

    access.show_role(login, "role", role, as_json=as_json)


@role.command("grant")
@with_grant
@with_login
def role_grant(*, login: Login, **given: Any) -> None:
    """Give a role to a user or a group, on a project, the domain or all its projects."""
    from searchplane.cli import access

    access.grant(login, access.Grant(**given))


@role.command("revoke")
@with_grant
@with_login
def role_revoke(*, login: Login, **given: Any) -> None:
    """Take a role back; it is gone at the next request."""
    from searchplane.cli import access

    access.revoke(login, access.Grant(**given))


@role.command("assignments")
@domain_option
@with_login
@json_option
def role_assignments(*, login: Login, domain: str | None, as_json: bool) -> None:
    """List who has which role on what."""
    from searchplane.cli import access

    access.list_assignments(login, domain, as_json=as_json)


@click.group()
def policy() -> None:
    """Custom policies of the domain, over HTTP like any client."""


@policy.command("create")
@click.argument("name")
@click.option(
    "--type",
    "kind",
    type=click.Choice(["XA", "AX"]),
    default="XA",
    show_default=True,
    help="XA: granted on projects; AX: on the domain.",
)
@description_option
@click.option(
    "--file",
    "document",
    type=click.File(),
    default="-",
    metavar="FILE",
    help="The policy as JSON, version 1.1; without it standard input.",
)
@with_login
@json_option
def policy_create(
    *, login: Login, name: str, kind: str, description: str, document: IO[str], as_json: bool
) -> None:
    """Create a policy from a JSON document."""
    from searchplane.cli import access

    access.create_policy(login, name, kind, description, document, as_json=as_json)


@policy.command("list")
@with_login
@json_option
def policy_list(*, login: Login, as_json: bool) -> None:
    """List the domain's policies."""
    from searchplane.cli import access

    access.list_roles(login, "policy", as_json=as_json)


@policy.command("show")
@role_argument
@with_login
@json_option
def policy_show(*, login: Login, role: str, as_json: bool) -> None:
    """Show a policy and its document."""
    from searchplane.cli import access

    access.show_role(login, "policy", role, as_json=as_json)


@policy.command("update")
@role_argument
@click.option("--name", help="The new name.")
@click.option("--description", help="The new description.")
@file_option
@with_login
@json_option
def policy_update(
    *,
    login: Login,
    role: str,
    name: str | None,
    description: str | None,
    document: IO[str] | None,
    as_json: bool,
) -> None:
    """Change a policy; it counts at the next request of everybody who has it."""
    from searchplane.cli import access

    fields = changes(display_name=name, description=description)
    access.update_policy(login, role, fields, document, as_json=as_json)


@policy.command("delete")
@role_argument
@with_login
def policy_delete(*, login: Login, role: str) -> None:
    """Delete a policy and every grant of it."""
    from searchplane.cli import access

    access.delete_policy(login, role)
