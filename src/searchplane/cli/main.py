"""The commands and their options. Each command's work is in a file of its own, imported when the
command is run, so that every command starts as quickly as it can."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from searchplane import __version__
from searchplane.cli import collecting
from searchplane.cli.access_commands import policy, role
from searchplane.cli.backup_commands import backup, bucket, restore
from searchplane.cli.key_commands import key
from searchplane.cli.operating import audit, keys, quota
from searchplane.cli.options import data_option, json_option, settings_of
from searchplane.cli.people_commands import group, user
from searchplane.cli.place_commands import domain, project
from searchplane.cli.snapshot_commands import snapshot

Command = Callable[..., Any]

listen_option = click.option("--listen", metavar="HOST:PORT", help="Where the API listens.")
public_url_option = click.option("--public-url", metavar="URL", help="Where clients reach the API.")
tls_option = click.option(
    "--tls",
    is_flag=True,
    default=None,
    help="Serve over TLS; without files, with an authority of the data folder's own.",
)
tls_cert_option = click.option(
    "--tls-cert", type=click.Path(path_type=Path), metavar="FILE", help="The certificate, PEM."
)
tls_key_option = click.option(
    "--tls-key", type=click.Path(path_type=Path), metavar="FILE", help="Its key, PEM."
)
ops_listen_option = click.option(
    "--ops-listen", metavar="HOST:PORT", help="A listener of their own for /healthz and /metrics."
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def cli() -> None:
    """A self-hosted Cloud Search Service: the public CSS API, real search clusters behind it.

    Every option can also be given as an environment variable; docs/settings.md lists them.
    """


@cli.command()
@data_option
@listen_option
@public_url_option
@ops_listen_option
@tls_option
@tls_cert_option
@tls_key_option
@click.option(
    "--api-only",
    is_flag=True,
    default=None,
    help="Answer requests; the service started without it, on the same database, tends clusters.",
)
def serve(**given: Any) -> None:
    """Run the service in the foreground.

    SIGTERM or Ctrl-C ends it within 5 seconds; the nodes go on serving, and the next serve finds
    them again.
    """
    collecting.rest()
    from searchplane.cli import serve as command

    command.run(settings_of(given))


@cli.command()
@data_option
@listen_option
@public_url_option
@tls_option
@click.option("--name", default="ES-Test", show_default=True, help="The cluster's name.")
def quickstart(name: str, **given: Any) -> None:
    """Serve, and make a cluster of three nodes through the public API.

    Shows each step, and stays until Ctrl-C, which stops the nodes too and keeps their data. A
    second run brings the same cluster back.
    """
    collecting.rest()
    from searchplane.cli import quickstart as command

    command.run(settings_of(given), name)


@cli.command()
@data_option
def down(**given: Any) -> None:
    """Stop the service of a data folder and all its nodes; keep the data."""
    from searchplane.cli import down as command

    command.run(settings_of(given))


@cli.command()
@data_option
@listen_option
@json_option
def doctor(as_json: bool, **given: Any) -> None:
    """Check what this machine offers, and say how to mend what it lacks."""
    from searchplane.cli import doctor as command

    _exit(command.run(settings_of(given), as_json=as_json))


@cli.group()
def engine() -> None:
    """The search engines that nodes run."""


@engine.command("install")
@click.option("--version", help="Which one; without it the one that clusters get by default.")
@click.option("--security", is_flag=True, help="The variant with the security plugin.")
@click.option("--all", "everything", is_flag=True, help="All engines and variants.")
def engine_install(version: str | None, *, security: bool, everything: bool) -> None:
    """Fetch an engine, check it and put it together."""
    from searchplane.cli import engine as command

    command.install(settings_of({}), version, security=security, everything=everything)


@engine.command("list")
@json_option
def engine_list(*, as_json: bool) -> None:
    """List the engines and whether they are installed."""
    from searchplane.cli import engine as command

    command.show(settings_of({}), as_json=as_json)


@cli.group()
def cluster() -> None:
    """Clusters, over HTTP like any client.

    Logs in with --data DIR (its admin.json), --cloud NAME or OS_CLOUD (clouds.yaml), OS_AUTH_URL
    and its companions, or the default data folder; the first that is given wins.
    """


for _command in (user, group, project, domain, role, policy, key):
    cli.add_command(_command)
cli.add_command(audit)
cli.add_command(backup)
cli.add_command(bucket)
cli.add_command(keys)
cli.add_command(quota)
cli.add_command(restore)
cli.add_command(snapshot)


def _remote(command: Command) -> Command:
    cloud = click.option("--cloud", metavar="NAME", help="An entry of clouds.yaml.")
    return data_option(cloud(command))


@cluster.command("list")
@_remote
@json_option
def cluster_list(data: Path | None, cloud: str | None, *, as_json: bool) -> None:
    """List the project's clusters."""
    from searchplane.cli import cluster as command

    command.show_all(_login(data, cloud), as_json=as_json)


@cluster.command("show")
@click.argument("cluster", metavar="ID-OR-NAME")
@_remote
@json_option
def cluster_show(cluster: str, data: Path | None, cloud: str | None, *, as_json: bool) -> None:
    """Show one cluster, its nodes and what is being done to it."""
    from searchplane.cli import cluster as command

    command.show_one(_login(data, cloud), cluster, as_json=as_json)


@cluster.command("events")
@click.argument("cluster", metavar="ID-OR-NAME")
@click.option("--follow", "-f", is_flag=True, help="Go on until Ctrl-C or the cluster is gone.")
@_remote
@json_option
def cluster_events(
    cluster: str, data: Path | None, cloud: str | None, *, follow: bool, as_json: bool
) -> None:
    """Show what was done to a cluster, and why it waited."""
    from searchplane.cli import events as command

    command.show(_login(data, cloud), cluster, follow=follow, as_json=as_json)


@cluster.command("wait")
@click.argument("cluster", metavar="ID-OR-NAME")
@click.option("--timeout", type=float, metavar="SECONDS", help="Give up after that long.")
@_remote
def cluster_wait(cluster: str, data: Path | None, cloud: str | None, timeout: float | None) -> None:
    """Wait until nothing is being done to a cluster.

    Exit code 0 when it is available, 1 when it failed or is gone, 2 when the time is over.
    """
    from searchplane.cli import events as command

    _exit(command.wait(_login(data, cloud), cluster, timeout))


@cluster.command("pause")
@click.argument("cluster", metavar="ID-OR-NAME")
@_remote
def cluster_pause(cluster: str, data: Path | None, cloud: str | None) -> None:
    """Look at a cluster and do nothing to it, until it is resumed."""
    from searchplane.cli import operate

    operate.pause(_login(data, cloud), cluster)


@cluster.command("resume")
@click.argument("cluster", metavar="ID-OR-NAME")
@_remote
def cluster_resume(cluster: str, data: Path | None, cloud: str | None) -> None:
    """Go on with what a paused cluster was being done."""
    from searchplane.cli import operate

    operate.resume(_login(data, cloud), cluster)


@cluster.command("skip-predicate")
@click.argument("cluster", metavar="ID-OR-NAME")
@click.argument("predicate")
@_remote
def cluster_skip(cluster: str, predicate: str, data: Path | None, cloud: str | None) -> None:
    """Set aside what refuses the next step of a change, until the change is over.

    `cluster show` names it. What guards data and votes is never set aside.
    """
    from searchplane.cli import operate

    operate.skip(_login(data, cloud), cluster, predicate)


@cluster.command("rebuild")
@click.argument("cluster", metavar="ID-OR-NAME")
@click.option("--snapshot", metavar="ID", help="Restore this one instead of the newest.")
@_remote
def cluster_rebuild(
    cluster: str, snapshot: str | None, data: Path | None, cloud: str | None
) -> None:
    """Give up the data of a cluster whose nodes have no storage any more, and form it anew.

    It is empty at first; then the newest whole snapshot of all its indices is restored, if there
    is one. Nothing is done while any node still has its storage.
    """
    from searchplane.cli import operate

    operate.rebuild(_login(data, cloud), cluster, snapshot)


def _login(data: Path | None, cloud: str | None) -> Any:
    from searchplane.cli.login import login_from_environment

    return login_from_environment(data, cloud, settings_of({}).data)


def _exit(code: int) -> None:
    if code:
        raise click.exceptions.Exit(code)


def main() -> None:
    """The program: errors are sentences on standard error, never traces."""
    from searchplane.errors import SearchplaneError

    try:
        sys.exit(cli.main(standalone_mode=False) or 0)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()  # whoever read our output has seen enough
        sys.exit(0)
    except SearchplaneError as error:
        click.echo(f"searchplane: {error}", err=True)
        sys.exit(1)
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        click.echo(f"searchplane: {place}{error.strerror or error}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
