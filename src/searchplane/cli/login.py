"""Whose credentials a command uses, and where it finds the service.

The first that is given wins: `--data` (the service's own admin.json), `--cloud` or OS_CLOUD (an
entry of clouds.yaml), OS_AUTH_URL and its companions, the default data folder. The variables are
those of the OpenStack command line, so one shell serves both.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from platformdirs import user_config_path

from searchplane.errors import Permanent
from searchplane.iam.bootstrap import ADMIN_FILE, read_admin_file

DEFAULT_DOMAIN = "Default"


@dataclass(frozen=True)
class Login:
    """A user, a project and the identity service that knows both; `ca` verifies its certificate."""

    auth_url: str
    user: str
    domain: str
    project: str
    password: str = field(repr=False)
    ca: Path | None = None


def find_login(
    data: Path | None, cloud: str | None, default_data: Path, environment: Mapping[str, str]
) -> Login:
    """Raises Permanent with what is missing and what would be right."""
    if data is not None:
        return _of_folder(data)
    name = cloud or environment.get("OS_CLOUD")
    if name:
        return _of_cloud(name, environment)
    if "OS_AUTH_URL" in environment:
        return _of_environment(environment)
    return _of_folder(default_data)


def _of_folder(data: Path) -> Login:
    found = read_admin_file(data / ADMIN_FILE)
    if found is None:
        raise Permanent(
            f"there is no {data / ADMIN_FILE}; --data DIR of a service that was started here, "
            "--cloud NAME, or the variables OS_AUTH_URL, OS_USERNAME and OS_PASSWORD are right"
        )
    return Login(found.auth_url, found.user, found.domain, found.project, found.password)


def _of_environment(given: Mapping[str, str]) -> Login:
    needed = ("OS_AUTH_URL", "OS_USERNAME", "OS_PASSWORD", "OS_PROJECT_NAME")
    missing = [name for name in needed if not given.get(name)]
    if missing:
        raise Permanent(f"OS_AUTH_URL is set, but not {', '.join(missing)}")
    ca = given.get("OS_CACERT")
    return Login(
        given["OS_AUTH_URL"],
        given["OS_USERNAME"],
        given.get("OS_USER_DOMAIN_NAME", DEFAULT_DOMAIN),
        given["OS_PROJECT_NAME"],
        given["OS_PASSWORD"],
        Path(ca) if ca else None,
    )


def _of_cloud(name: str, environment: Mapping[str, str]) -> Login:
    for path in _clouds_files(environment):
        entry = _clouds(path).get(name)
        if entry is not None:
            return _of_entry(name, entry, path)
    raise Permanent(
        f"no clouds.yaml has a cloud {name!r}; OS_CLIENT_CONFIG_FILE names the file to look in"
    )


def _clouds_files(environment: Mapping[str, str]) -> list[Path]:
    """Where the OpenStack command line looks, in its order."""
    given = environment.get("OS_CLIENT_CONFIG_FILE")
    folders = (Path.cwd(), user_config_path("openstack"), Path("/etc/openstack"))
    return [Path(given)] if given else [folder / "clouds.yaml" for folder in folders]


def _clouds(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text())
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise Permanent(f"{path} cannot be read: {error.strerror}") from error
    except yaml.YAMLError as error:
        raise Permanent(f"{path} is not YAML: {error}") from error
    clouds = content.get("clouds") if isinstance(content, dict) else None
    return clouds if isinstance(clouds, dict) else {}


def _of_entry(name: str, entry: Any, path: Path) -> Login:
    auth = entry.get("auth") if isinstance(entry, dict) else None
    needed = ("auth_url", "username", "password", "project_name")
    if not isinstance(auth, dict) or any(not auth.get(one) for one in needed):
        raise Permanent(f"cloud {name!r} in {path} needs auth with {', '.join(needed)}")
    ca = entry.get("cacert")
    return Login(
        str(auth["auth_url"]),
        str(auth["username"]),
        str(auth.get("user_domain_name", DEFAULT_DOMAIN)),
        str(auth["project_name"]),
        str(auth["password"]),
        Path(ca) if ca else None,
    )


def login_from_environment(data: Path | None, cloud: str | None, default_data: Path) -> Login:
    """`find_login` with this process's own environment."""
    return find_login(data, cloud, default_data, os.environ)
