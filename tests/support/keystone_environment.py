"""A Keystone to copy: its own virtual environment, and a bootstrapped folder, made once.

Both lie in a cache folder outside the checkout (SEARCHPLANE_TEST_CACHE names another). Their name
holds a hash of what they are made from, so that a change makes new ones; a stamp is written last,
and what was interrupted is made anew. `python -m tests.support.keystone_environment` makes them
ahead of the tests, as scripts/test does.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import pwd
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_cache_path

REQUIREMENTS = Path(__file__).with_name("keystone-30.txt")
ADMIN_PASSWORD = "keystone's own admin"
CONFIGURATION = """\
[DEFAULT]
use_stderr = false
[database]
connection = sqlite:///{folder}/keystone.db
[token]
expiration = {seconds}
[fernet_tokens]
key_repository = {folder}/tokens
[fernet_receipts]
key_repository = {folder}/tokens
[credential]
key_repository = {folder}/credentials
[identity]
password_hash_rounds = 4
"""
"""The fewest rounds that bcrypt knows: what is tested is not Keystone's hashing."""


@dataclass(frozen=True)
class Installed:
    """`template` is the folder of a Keystone that was bootstrapped and never served."""

    folder: Path

    @property
    def template(self) -> Path:
        return self.folder / "template"

    def program(self, name: str) -> str:
        return str(self.folder / "environment" / "bin" / name)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Two test runs at once: the second waits, and then finds nothing left to do."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def installed() -> Installed:
    """Made now if it is missing, which takes about two minutes."""
    made_from = f"{REQUIREMENTS.read_text()}{CONFIGURATION}{ADMIN_PASSWORD}"
    found = Installed(place("keystone", made_from))
    stamp = found.folder / "made"
    with found.alone():
        if not stamp.exists():
            install(found, REQUIREMENTS)
            _bootstrap(found)
            stamp.touch()
    return found


def configure(folder: Path, token_seconds: int = 3600) -> Path:
    """Write the configuration of the Keystone in this folder."""
    path = folder / "keystone.conf"
    path.write_text(CONFIGURATION.format(folder=folder, seconds=token_seconds))
    return path


def place(name: str, made_from: str) -> Path:
    """The folder for what is made from this text, with this Python."""
    given = os.environ.get("SEARCHPLANE_TEST_CACHE")
    base = Path(given) if given else user_cache_path("searchplane-tests")
    digest = hashlib.sha256(f"{sys.version}{made_from}".encode()).hexdigest()
    return base / f"{name}-{digest[:12]}"


def install(made: Installed, requirements: Path) -> None:
    """Make the environment anew, with exactly these packages."""
    venv.create(made.folder / "environment", clear=True, with_pip=True)
    pip = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input")
    _run(made.program("python"), *pip, "--requirement", str(requirements))


def _bootstrap(made: Installed) -> None:
    folder = made.template
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    manage = (made.program("keystone-manage"), "--config-file", str(configure(folder)))
    user = pwd.getpwuid(os.geteuid())
    owner = ("--keystone-user", user.pw_name, "--keystone-group", str(user.pw_gid))
    _run(*manage, "db_sync")
    _run(*manage, "fernet_setup", *owner)
    _run(*manage, "credential_setup", *owner)
    _run(*manage, "bootstrap", "--bootstrap-password", ADMIN_PASSWORD)


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=900)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} did not succeed:\n{done.stderr[-4000:]}")


if __name__ == "__main__":
    installed()
