"""`searchplane engine`: the engines in the cache that all data folders share."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import partial

import click

from searchplane.cli.tables import print_json, print_table
from searchplane.cli.view import open_view
from searchplane.domain.engines import (
    DATASTORES,
    DEFAULT_DATASTORE,
    SECURED_ENGINE,
    Datastore,
    engine_for,
)
from searchplane.engine import lock
from searchplane.engine.home import home_path
from searchplane.engine.service import VARIANTS, Variant
from searchplane.hosting import open_distributions
from searchplane.settings import Settings

MEGABYTE = 1e6


@dataclass(frozen=True)
class Described:
    """One variant, as `engine list --json` prints it; sizes are in bytes."""

    engine: str
    version: str
    security: bool
    installed: bool
    download_bytes: int
    disk_bytes: int
    path: str


def install(settings: Settings, version: str | None, *, security: bool, everything: bool) -> None:
    """Raises Refused, Permanent or Transient; what was fetched until then is kept."""
    if everything and (version or security):
        raise click.UsageError("--all is every engine and variant; leave the other options out")
    wanted = VARIANTS if everything else (_chosen(version, security=security),)
    distributions = open_distributions(settings)
    with open_view() as view:
        for variant in wanted:
            progress = partial(view.counts, str(variant))
            distributions.install(variant.engine, secured=variant.secured, progress=progress)
            view.says(str(variant), "installed")


def show(settings: Settings, *, as_json: bool) -> None:
    """Every engine and variant there is, installed or not."""
    installed = open_distributions(settings).installed()
    found = [_described(settings, one, is_installed=one in installed) for one in VARIANTS]
    if as_json:
        print_json([asdict(one) for one in found])
        return
    print_table(
        ("engine", "security", "installed", "download", "on disk"),
        [
            (
                one.engine,
                "yes" if one.security else "no",
                "yes" if one.installed else "no",
                _megabytes(one.download_bytes),
                _megabytes(one.disk_bytes) if one.installed else "-",
            )
            for one in found
        ],
    )


def _chosen(version: str | None, *, security: bool) -> Variant:
    """The engine that runs the datastore of this version."""
    if version is None:
        return Variant(
            SECURED_ENGINE if security else engine_for(DEFAULT_DATASTORE, secured=False), security
        )
    return Variant(engine_for(_datastore(version), secured=security), security)


def _datastore(version: str) -> Datastore:
    for datastore in DATASTORES:
        if datastore.version == version:
            return datastore
    known = ", ".join(datastore.version for datastore in DATASTORES)
    raise click.UsageError(f"--version is {version!r}; {known} are the versions there are")


def _described(settings: Settings, variant: Variant, *, is_installed: bool) -> Described:
    artifacts = lock.load()[variant.engine].artifacts(secured=variant.secured)
    plugin = settings.s3_plugins
    home = home_path(settings.cache, variant.engine, secured=variant.secured, plugin=plugin)
    return Described(
        engine=str(variant.engine),
        version=variant.engine.version,
        security=variant.secured,
        installed=is_installed,
        download_bytes=sum(artifact.size for artifact in artifacts),
        disk_bytes=sum(path.stat().st_size for path in home.rglob("*") if path.is_file()),
        path=str(home),
    )


def _megabytes(size: float) -> str:
    return f"{size / MEGABYTE:.0f} MB"
