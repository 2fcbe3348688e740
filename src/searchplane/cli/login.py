"""Whose credentials a command uses, and where it finds the service.

The first that is given wins: `--data` (the service's own admin.json), `--cloud` or OS_CLOUD (an
entry of clouds.yaml), OS_AUTH_URL and its companions, the default data folder. The variables are
those of the OpenStack command line, so one shell serves both.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from platformdirs import user_config_path

from searchplane.errors import Permanent
from searchplane.iam.bootstrap import ADMIN_FILE, Credentials, read_admin_file

DEFAULT_DOMAIN = "Default"


@dataclass(frozen=True)
class Login:
    """A user, a project and the identity service that knows both; `ca` verifies its certificate.

    An id is used instead of the name where it is given, and the project is in the user's domain
    unless said otherwise. `endpoint` is where the search service is, instead of what the
    catalogue says for `region` and `interface`; `%(project_id)s` in it is the project's id.
    """

    auth_url: str
    user: str
    domain: str
    project: str
    password: str = field(repr=False)
    ca: Path | None = None
    domain_id: str | None = None
    project_id: str | None = None
    project_domain: str | None = None
    project_domain_id: str | None = None
    region: str | None = None
    interface: str = "public"
    endpoint: str | None = None

    def body(self) -> dict[str, Any]:
        """What the identity service is sent for a token."""
        domain = _reference(self.domain_id, self.domain)
        user = {"name": self.user, "password": self.password, "domain": domain}
        is_own = self.project_domain is None and self.project_domain_id is None
        inside = domain if is_own else _reference(self.project_domain_id, self.project_domain)
        project: dict[str, Any] = {"name": self.project, "domain": inside}
        return {
            "auth": {
                "identity": {"methods": ["password"], "password": {"user": user}},
                "scope": {"project": {"id": self.project_id} if self.project_id else project},
            }
        }


def _reference(identity: str | None, name: str | None) -> dict[str, str | None]:
    return {"id": identity} if identity else {"name": name}


def find_login(
    data: Path | None,
    cloud: str | None,
    default_data: Path,
    environment: Mapping[str, str],
    *,
    needs_project: bool = True,
) -> Login:
    """Raises Permanent with what is missing and what would be right."""
    if data is not None:
        return _of_folder(data)
    name = cloud or environment.get("OS_CLOUD")
    if name:
        return _of_cloud(name, environment, needs_project=needs_project)
    if "OS_AUTH_URL" in environment:
        return _of_environment(environment, needs_project=needs_project)
    return _of_folder(default_data)


def _of_folder(data: Path) -> Login:
    found = read_admin_file(data / ADMIN_FILE)
    if found is None:
        raise Permanent(
            f"there is no {data / ADMIN_FILE}; --data DIR of a service that was started here, "
            "--cloud NAME, or the variables OS_AUTH_URL, OS_USERNAME and OS_PASSWORD are right"
        )
    return login_of(found)


def login_of(found: Credentials) -> Login:
    """The first user's, as admin.json has it."""
    ca = Path(found.cacert) if found.cacert else None
    return Login(found.auth_url, found.user, found.domain, found.project, found.password, ca)


def _of_environment(given: Mapping[str, str], *, needs_project: bool) -> Login:
    found = {name: value for name, value in _unprefixed(given) if value}
    missing = [f"OS_{name.upper()}" for name in _missing(found, needs_project=needs_project)]
    if missing:
        raise Permanent(f"OS_AUTH_URL is set, but not {', '.join(missing)}")
    return _login(found, found)


def _unprefixed(given: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The variables as clouds.yaml calls them."""
    for name, value in given.items():
        if name.startswith("OS_"):
            yield name.removeprefix("OS_").lower(), value


def _missing(auth: Mapping[str, Any], *, needs_project: bool) -> list[str]:
    has_project = auth.get("project_id") or auth.get("project_name") or not needs_project
    needed = ("auth_url", "username", "password", *(() if has_project else ("project_name",)))
    return [name for name in needed if not auth.get(name)]


def _login(auth: Mapping[str, Any], entry: Mapping[str, Any]) -> Login:
    """From `auth` of an entry of clouds.yaml and the entry itself."""
    of_auth = {name: str(value) for name, value in auth.items() if value}
    ca = entry.get("cacert")
    return Login(
        auth_url=of_auth["auth_url"],
        user=of_auth["username"],
        domain=of_auth.get("user_domain_name", DEFAULT_DOMAIN),
        project=of_auth.get("project_name", of_auth.get("project_id", "")),
        password=of_auth["password"],
        ca=Path(ca) if ca else None,
        domain_id=of_auth.get("user_domain_id"),
        project_id=of_auth.get("project_id"),
        project_domain=of_auth.get("project_domain_name"),
        project_domain_id=of_auth.get("project_domain_id"),
        region=entry.get("region_name") or None,
        interface=str(entry.get("interface") or "public").removesuffix("URL"),  # its old name
        endpoint=entry.get("css_endpoint_override") or None,
    )


def _of_cloud(name: str, environment: Mapping[str, str], *, needs_project: bool) -> Login:
    for path in _clouds_files(environment):
        entry = _clouds(path).get(name)
        if entry is not None:
            return _of_entry(name, entry, path, needs_project=needs_project)
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


def _of_entry(name: str, entry: Any, path: Path, *, needs_project: bool) -> Login:
    auth = entry.get("auth") if isinstance(entry, dict) else None
    if not isinstance(auth, dict) or _missing(auth, needs_project=needs_project):
        needed = "auth_url, username, password" + (", project_name" if needs_project else "")
        raise Permanent(f"cloud {name!r} in {path} needs auth with {needed}")
    return _login(auth, entry)


def login_from_environment(
    data: Path | None, cloud: str | None, default_data: Path, *, needs_project: bool = True
) -> Login:
    """`find_login` with this process's own environment."""
    return find_login(data, cloud, default_data, os.environ, needs_project=needs_project)
