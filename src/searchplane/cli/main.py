"""The commands and their options. Each command's work is in a file of its own."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from searchplane import __version__


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def cli() -> None:
    """A self-hosted Cloud Search Service."""


def _settings(**given: Any) -> Any:
    from searchplane.settings import Settings

    return Settings(**{name: value for name, value in given.items() if value is not None})


@cli.command()
@click.option("--data", type=click.Path(path_type=Path), help="The data folder.")
@click.option("--listen", metavar="HOST:PORT", help="Where the API listens.")
@click.option("--public-url", help="The URL clients reach the API under.")
@click.option("--ops-listen", metavar="HOST:PORT", help="A listener for /healthz and /metrics.")
def serve(
    data: Path | None, listen: str | None, public_url: str | None, ops_listen: str | None
) -> None:
    """Run the control plane in the foreground."""
    from searchplane.cli import serve as command

    command.run(
        _settings(data=data, listen=listen, public_url=public_url, ops_listen=ops_listen)
    )


def main() -> None:
    from searchplane.errors import SearchplaneError

    try:
        cli.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except SearchplaneError as error:
        click.echo(f"searchplane: {error}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
