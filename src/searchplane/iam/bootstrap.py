"""The first start: a domain, a project and the user `admin`, and the files that say how to log in.

admin.json holds the only plain copy of a random password, so it is written before the user
exists, with the ids too. A crash in between leaves a file and no user; the next start makes the
user the file describes. Everything in the database is one transaction. Later starts only bring
the two files' URL and region up to date: whoever removed admin.json wanted it gone.
"""

from __future__ import annotations

import json
import logging
import secrets
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path

import yaml

from searchplane.domain.ids import DomainId, ProjectId, UserId
from searchplane.errors import Permanent
from searchplane.iam.directory import CLOUD_ADMIN, new_id
from searchplane.iam.files import read_private, write_private
from searchplane.iam.first_key import DESCRIPTION, later_first_key
from searchplane.iam.key_pair import AccessPair, new_pair
from searchplane.iam.passwords import hash_password
from searchplane.iam.permanent import PermanentKeys
from searchplane.iam.sealing import Seals
from searchplane.settings import Settings
from searchplane.store.database import Database
from searchplane.store.identity import Directory, Domain, Reference, Target, User

log = logging.getLogger(__name__)

ADMIN = "admin"
ADMIN_ROLES = ("te_admin", "secu_admin")
CLOUD = "searchplane"
ADMIN_FILE = "admin.json"
CLOUDS_FILE = "clouds.yaml"
PASSWORD_BYTES = 24


@dataclass(frozen=True)
class Credentials:
    """How to log in as the first user: what admin.json holds, field by field."""

    auth_url: str
    region: str
    domain: str
    domain_id: str
    project: str
    project_id: str
    user: str
    password: str = field(repr=False)
    access_key: str = ""
    secret_key: str = field(default="", repr=False)
    cacert: str = ""
    """The file to verify the service with; empty without TLS, or when the system's will do."""

    @property
    def pair(self) -> AccessPair | None:
        """The access key; files of releases without keys have none."""
        return AccessPair(self.access_key, self.secret_key) if self.access_key else None

    def with_pair(self, pair: AccessPair | None) -> Credentials:
        if pair is None:
            return self
        return replace(self, access_key=pair.access, secret_key=pair.secret)


def first_start(database: Database, settings: Settings, now: datetime) -> Credentials | None:
    """Make the first identity if there is none, and write admin.json and clouds.yaml.

    Idempotent. None means that an earlier start made the identity and admin.json is gone; its
    password is known to nobody here.
    """
    stored = read_admin_file(settings.data / ADMIN_FILE)
    seals = Seals.open(settings.seals_parent)
    with database.read() as connection:
        fresh = Directory(connection).is_empty()
    if fresh:
        credentials = _chosen(settings, stored)
        password_hash = hash_password(credentials.password)  # refused here, nothing is written
        write_admin_files(settings, credentials)
        _create(database, seals, credentials, password_hash, now)
        return credentials
    if stored is None:
        log.warning("%s is gone; log in with the password you kept", settings.data / ADMIN_FILE)
        return None
    credentials = replace(
        stored,
        auth_url=_auth_url(settings),
        region=settings.region,
        cacert=str(settings.ca_file or ""),
    )
    if stored.pair is None:
        user = Reference(name=stored.user, domain=Reference(id=stored.domain_id))
        credentials = credentials.with_pair(later_first_key(database, seals, user, now))
    write_admin_files(settings, credentials)
    return credentials


def write_admin_files(settings: Settings, credentials: Credentials) -> None:
    """Write admin.json and clouds.yaml, each whole or not at all, for their owner only."""
    content = json.dumps(asdict(credentials), indent=2) + "\n"
    write_private(settings.data / ADMIN_FILE, content.encode())
    clouds = yaml.safe_dump(clouds_file(credentials), sort_keys=False)
    write_private(settings.data / CLOUDS_FILE, clouds.encode())


def clouds_file(credentials: Credentials) -> dict[str, object]:
    """What the OpenStack command line and SDK read (OS_CLIENT_CONFIG_FILE).

    It has no vendor_hook: the command line needs none, and the SDK would warn at each start where
    otcextensions is not installed.
    """
    cloud: dict[str, object] = {
        "auth": {
            "auth_url": credentials.auth_url,
            "username": credentials.user,
            "password": credentials.password,
            "user_domain_name": credentials.domain,
            "project_name": credentials.project,
            "project_domain_name": credentials.domain,
        },
        "region_name": credentials.region,
        "identity_api_version": "3",
        "interface": "public",
    }
    if credentials.cacert:
        cloud["cacert"] = credentials.cacert
    return {"clouds": {CLOUD: cloud}}


def read_admin_file(path: Path) -> Credentials | None:
    """What an earlier start wrote; None when there is no such file."""
    content = read_private(path)
    if content is None:
        return None
    try:
        return Credentials(**json.loads(content))
    except (ValueError, TypeError):
        raise Permanent(
            f"{path} is not what a first start wrote; restore it, or remove it to start without it"
        ) from None


def _chosen(settings: Settings, stored: Credentials | None) -> Credentials:
    """The first identity: the setting's password, else an unfinished first start's, else new."""
    wanted = settings.admin_password
    password = wanted.get_secret_value() if wanted else None
    return Credentials(
        auth_url=_auth_url(settings),
        region=settings.region,
        domain=settings.domain,
        domain_id=stored.domain_id if stored else new_id(),
        project=settings.project,
        project_id=stored.project_id if stored else new_id(),
        user=ADMIN,
        password=password or (stored.password if stored else secrets.token_urlsafe(PASSWORD_BYTES)),
        cacert=str(settings.ca_file or ""),
    ).with_pair((stored.pair if stored else None) or new_pair())


def _create(
    database: Database, seals: Seals, credentials: Credentials, password_hash: str, now: datetime
) -> None:
    domain = Domain(DomainId(credentials.domain_id), credentials.domain, enabled=True)
    project_id = ProjectId(credentials.project_id)
    user = User(
        id=UserId(new_id()),
        name=credentials.user,
        enabled=True,
        domain=domain,
        password_hash=password_hash,
    )
    with database.write() as connection:
        directory = Directory(connection)
        directory.add_domain(domain, now)
        directory.add_project(project_id, credentials.project, domain.id, now)
        directory.add_user(user, now)
        directory.add_roles(user.id, Target.DOMAIN, domain.id, (*ADMIN_ROLES, CLOUD_ADMIN))
        directory.add_roles(user.id, Target.PROJECT, project_id, ADMIN_ROLES)
        if credentials.pair is not None:
            keys = PermanentKeys(database, seals)
            keys.add(connection, user.id, DESCRIPTION, credentials.pair, now)


def _auth_url(settings: Settings) -> str:
    return f"{settings.base_url}/v3"
