"""The options of `searchplane project` and `searchplane domain`, which are alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from searchplane.cli.identity_options import description_option, domain_option, with_login
from searchplane.cli.options import json_option

if TYPE_CHECKING:
    from searchplane.cli.login import Login

wanted_argument = click.argument("wanted", metavar="ID-OR-NAME")


@click.group()
def project() -> None:
    """Projects of a domain, over HTTP like any client."""


@project.command("create")
@click.argument("name")
@domain_option
@description_option
@with_login
@json_option
def project_create(
    *, login: Login, name: str, domain: str | None, description: str, as_json: bool
) -> None:
    """Create a project; its name begins with the region's and `_`."""
    from searchplane.cli import places

    places.create(login, "project", name, description, domain, as_json=as_json)


@project.command("list")
@domain_option
@with_login
@json_option
def project_list(*, login: Login, domain: str | None, as_json: bool) -> None:
    """List projects: all for administrators, else those with a role."""
    from searchplane.cli import places

    places.show_all(login, "project", domain, as_json=as_json)


@project.command("show")
@wanted_argument
@domain_option
@with_login
@json_option
def project_show(*, login: Login, wanted: str, domain: str | None, as_json: bool) -> None:
    """Show a project."""
    from searchplane.cli import places

    places.show(login, "project", wanted, domain, as_json=as_json)


@project.command("disable")
@wanted_argument
@domain_option
@with_login
def project_disable(*, login: Login, wanted: str, domain: str | None) -> None:
    """Refuse every token for a project; its clusters go on serving."""
    from searchplane.cli import places

    places.enable(login, "project", wanted, domain, enabled=False)


@project.command("enable")
@wanted_argument
@domain_option
@with_login
def project_enable(*, login: Login, wanted: str, domain: str | None) -> None:
    """Let a disabled project go on."""
    from searchplane.cli import places

    places.enable(login, "project", wanted, domain, enabled=True)


@project.command("delete")
@wanted_argument
@domain_option
@with_login
def project_delete(*, login: Login, wanted: str, domain: str | None) -> None:
    """Delete a project that has no clusters."""
    from searchplane.cli import places

    places.delete(login, "project", wanted, domain)


@click.group()
def domain() -> None:
    """Domains (accounts), for whoever administers the service; over HTTP like any client."""


@domain.command("create")
@click.argument("name")
@description_option
@with_login
@json_option
def domain_create(*, login: Login, name: str, description: str, as_json: bool) -> None:
    """Create a domain. Next: a user in it, and `role grant secu_admin --on-domain`."""
    from searchplane.cli import places

    places.create(login, "domain", name, description, None, as_json=as_json)


@domain.command("list")
@with_login
@json_option
def domain_list(*, login: Login, as_json: bool) -> None:
    """List the domains the user may see."""
    from searchplane.cli import places

    places.show_all(login, "domain", None, as_json=as_json)


@domain.command("show")
@wanted_argument
@with_login
@json_option
def domain_show(*, login: Login, wanted: str, as_json: bool) -> None:
    """Show a domain."""
    from searchplane.cli import places

    places.show(login, "domain", wanted, None, as_json=as_json)


@domain.command("disable")
@wanted_argument
@with_login
def domain_disable(*, login: Login, wanted: str) -> None:
    """Refuse every token and key of a domain; its clusters go on serving."""
    from searchplane.cli import places

    places.enable(login, "domain", wanted, None, enabled=False)


@domain.command("enable")
@wanted_argument
@with_login
def domain_enable(*, login: Login, wanted: str) -> None:
    """Let a disabled domain go on."""
    from searchplane.cli import places

    places.enable(login, "domain", wanted, None, enabled=True)


@domain.command("delete")
@wanted_argument
@with_login
def domain_delete(*, login: Login, wanted: str) -> None:
    """Delete a disabled domain with all that is in it; its projects have no clusters."""
    from searchplane.cli import places

    places.delete(login, "domain", wanted, None)
