"""Every setting, each read from an environment variable `SEARCHPLANE_<NAME>`.

Command-line options override them. docs/settings.md is generated from this file.
"""

from __future__ import annotations

import json
import os
from enum import StrEnum
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from platformdirs import user_cache_path, user_data_path
from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from searchplane.addresses import is_web_address, split_listen


class IamMode(StrEnum):
    LOCAL = "local"
    KEYSTONE = "keystone"


class DriverKind(StrEnum):
    PROCESS = "process"
    FAKE = "fake"


def default_data() -> Path:
    """Where the platform keeps a service's data: /var/lib for root, else the user's own place."""
    if os.geteuid() == 0:
        return Path("/var/lib/searchplane")
    return user_data_path("searchplane")


def default_cache() -> Path:
    """Engines are kept outside the data folder, shared by all data folders of this user."""
    if os.geteuid() == 0:
        return Path("/var/cache/searchplane")
    return user_cache_path("searchplane")


KEYSTONE_ROLES = {"admin": "te_admin", "member": "system_all_153", "reader": "system_all_154"}
"""Keystone's own three roles: everything in the project, CSS FullAccess, CSS ReadOnlyAccess."""


class Settings(BaseSettings):
    """The one settings object; built once and passed down, never read again from elsewhere."""

    model_config = SettingsConfigDict(env_prefix="SEARCHPLANE_", frozen=True, extra="forbid")

    data: Path = Field(
        default_factory=default_data,
        description="The data folder: database, keys, admin.json and the nodes' folders.",
    )
    database_url: SecretStr | None = Field(
        default=None,
        description="A PostgreSQL database, as postgresql://USER:PASSWORD@HOST:5432/NAME; unset, "
        "SQLite in the data folder.",
    )
    keys: Path | None = Field(
        default=None,
        description="The folder of the keys that tokens and stored secrets are sealed with, the "
        "same for all processes on one database; unset, `keys` in the data folder.",
    )
    api_only: bool = Field(
        default=False,
        description="Answer requests and leave clusters to the service on the same database that "
        "was started without it.",
    )
    cache: Path = Field(
        default_factory=default_cache,
        description="Where engines and the Java runtime are kept, shared by all data folders.",
    )
    listen: str = Field(
        default="127.0.0.1:9480", description="Host and port of the API, as HOST:PORT."
    )
    ops_listen: str | None = Field(
        default=None,
        description="Host and port of /healthz and /metrics; unset, the API's own listener has "
        "them.",
    )
    public_metrics: bool = Field(
        default=False,
        description="Whether /metrics on the API's own listener answers others than programs on "
        "this machine.",
    )
    tls: bool = Field(
        default=False,
        description="Serve the API over TLS; without files of one's own with an authority in the "
        "data folder, whose certificate is DATA/tls/ca.crt.",
    )
    tls_cert: Path | None = Field(
        default=None, description="The certificate of the API with its chain, as PEM."
    )
    tls_key: Path | None = Field(
        default=None,
        validate_default=True,
        description="The key of `tls_cert`, as PEM; both are read anew when they change.",
    )
    public_url: str | None = Field(
        default=None,
        description="The URL under which clients reach the API, when it is not the listen address.",
    )
    driver: DriverKind = Field(
        default=DriverKind.PROCESS,
        description="Where nodes run: `process` on this machine, `fake` for tests and benchmarks.",
    )
    admin_password: SecretStr | None = Field(
        default=None,
        description="The admin user's password at the first start; unset, a random one is made.",
    )
    region: str = Field(default="local", description="The region in the catalogue.")
    project: str = Field(
        default="local",
        description="The first project's name; the region's name, or it followed by `_`.",
    )
    domain: str = Field(default="local", description="The first domain's (account's) name.")
    zones: Annotated[tuple[str, ...], NoDecode] = Field(
        default=("local-1", "local-2", "local-3"),
        description="Availability zones, as a JSON list; nodes go to the first unless asked "
        "otherwise.",
    )
    max_heap_mb: int | None = Field(
        default=None,
        ge=128,
        description="The most heap a node gets, in MB; unset, 256 to 512 by the host's memory.",
    )
    disk_floor_mb: int = Field(
        default=2048,
        ge=0,
        description="Free disk, in MB, below which no cluster is created.",
    )
    token_hours: float = Field(
        default=24, gt=0, le=365 * 24, description="How long a token is valid, in hours."
    )
    token_key_days: float = Field(
        default=0,
        ge=0,
        le=3650,
        description="After how many days the key that tokens are made with is replaced; 0 leaves "
        "it to `searchplane keys rotate`. Services that do not share the folder `keys` need 0.",
    )
    login_lockout: bool = Field(
        default=True,
        description="Whether failed logins are counted and too many lock; false is for benchmarks.",
    )
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="Networks of proxies whose X-Forwarded-For is believed, as a JSON list; from "
        "all others the address of the connection counts.",
    )
    iam_mode: IamMode = Field(
        default=IamMode.LOCAL,
        description="Who knows users and projects: `local`, this service, or `keystone`, the "
        "Keystone at keystone_url. A data folder keeps its mode.",
    )
    keystone_url: str | None = Field(
        default=None,
        description="Keystone's address as clients use it, such as https://keystone.example.org/v3.",
    )
    keystone_ca: Path | None = Field(
        default=None,
        description="A file of CA certificates (PEM) to trust for Keystone instead of the "
        "system's.",
    )
    keystone_user: str | None = Field(
        default=None,
        description="The account with which tokens are checked; it needs the role `service` (or "
        "`admin`) on its project.",
    )
    keystone_password: SecretStr | None = Field(
        default=None, description="That account's password."
    )
    keystone_user_domain: str = Field(
        default="Default", description="The name of that account's domain."
    )
    keystone_project: str = Field(
        default="service", description="The name of the project that account logs in to."
    )
    keystone_project_domain: str = Field(
        default="Default", description="The name of that project's domain."
    )
    keystone_cache_seconds: float = Field(
        default=60,
        ge=0,
        le=300,
        description="How long Keystone's word about a token is believed, in seconds: a token that "
        "is revoked there is refused here after that time. 0 asks for every request.",
    )
    keystone_roles: Annotated[dict[str, str], NoDecode] = Field(
        default=KEYSTONE_ROLES,
        description="What roles in Keystone mean here, as a JSON object from their names to this "
        "service's role names. Roles that are not in it mean nothing.",
    )
    keystone_timeout_seconds: float = Field(
        default=5,
        ge=0.1,
        le=60,
        description="How long one check of a token may take, in seconds, before the request is "
        "answered with 503.",
    )
    unknown_cluster_status: int = Field(
        default=404,
        description="HTTP status for an unknown cluster: 404, or 403 as Huawei Cloud answers.",
    )
    create_deadline_seconds: float = Field(
        default=600,
        gt=0,
        le=7 * 24 * 3600,
        description="How long a cluster may take to become green before it shows 303, in seconds.",
    )
    maven_mirror: str | None = Field(
        default=None, description="A company's own Maven mirror for the engines' jars."
    )
    java_home: Path | None = Field(
        default=None, description="A Java 11 to 21 to run nodes with, instead of the bundled 21."
    )
    s3_endpoint: str | None = Field(
        default=None,
        description="An S3-compatible store for the projects' buckets, such as "
        "https://s3.example.org; unset, buckets are folders in the data folder. It needs "
        "`s3_access_key`, `s3_secret_key` and `s3_plugins`. The nodes of **all** projects have "
        "this one key: whoever administers an engine of one project can reach the buckets of every "
        "other one in it. Projects that must not trust each other need services of their own, or "
        "buckets in folders.",
    )
    s3_access_key: str | None = Field(default=None, description="The access key of that store.")
    s3_secret_key: SecretStr | None = Field(
        default=None, description="The secret key of that store; nodes have it in their keystore."
    )
    s3_region: str | None = Field(
        default=None, description="The region that requests to that store are signed for."
    )
    s3_path_style: bool = Field(
        default=True,
        description="Whether a bucket's name is in the path of a request and not in the host.",
    )
    s3_plugins: Path | None = Field(
        default=None,
        validate_default=True,
        description="A folder with `repository-s3-VERSION.zip` of each engine that clusters may "
        "have, as the engine's makers offer it: nodes reach the store through this plugin, which "
        "is not published where engines are fetched from.",
    )
    node_uid_base: int = Field(
        default=52000,
        ge=1000,
        description="First of the numeric users that nodes run as when the service is root; one "
        "per project. Two services on one machine keep their projects apart by different ranges.",
    )
    node_uid_count: int = Field(default=8000, ge=1, description="How many such users there are.")
    hashing_workers: int = Field(
        default=2,
        ge=1,
        description="Logins at work at the same time, and creations besides; more wait or get 429.",
    )
    quota_clusters: int | None = Field(
        default=None, ge=0, description="Clusters a project may have; unset, no limit."
    )
    quota_nodes: int | None = Field(
        default=None, ge=0, description="Nodes a project may have; unset, no limit."
    )
    quota_vcpu: int | None = Field(
        default=None,
        ge=0,
        description="vCPU a project may have, by its nodes' flavors; unset, no limit.",
    )
    quota_memory_gb: int | None = Field(
        default=None,
        ge=0,
        description="GB of memory a project may have, by its nodes' flavors; unset, no limit.",
    )
    quota_disks: int | None = Field(
        default=None, ge=0, description="Disks a project may have; unset, no limit."
    )
    quota_disk_gb: int | None = Field(
        default=None,
        ge=0,
        description="GB of disk a project may have, by its nodes' volumes; unset, no limit.",
    )
    audit_reads: bool = Field(
        default=False,
        description="Whether the audit trail tells of allowed reads too; of logins, changes and "
        "refusals it tells always.",
    )
    audit_keep_days: int = Field(
        default=400, ge=1, le=36500, description="How long the audit trail keeps a line, in days."
    )
    verify_every_days: int = Field(
        default=0,
        ge=0,
        le=3650,
        description="How often the newest automatic snapshot of each cluster is restored into a "
        "scratch cluster and compared, in days; 0 is never. A scratch cluster counts in the "
        "project's quotas.",
    )
    audit_file: Path | None = Field(
        default=None,
        description="A file that gets every line of the audit trail as JSON too; moved away, it is "
        "made anew.",
    )
    requests_per_minute: int | None = Field(
        default=None,
        ge=1,
        description="Requests a project may make in a minute, at each process; unset, no limit.",
    )
    anonymous_per_minute: int | None = Field(
        default=None,
        ge=1,
        description="Requests without a credential, logins among them, that one address may make "
        "in a minute, at each process; unset, no limit.",
    )
    max_connections: int = Field(
        default=2000,
        ge=1,
        description="Connections at once; beyond that the one whose client is waited for longest "
        "is given up.",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="DEBUG, INFO, WARNING or ERROR."
    )

    @field_validator("data", "cache", "keys", "audit_file")
    @classmethod
    def _absolute(cls, value: Path | None) -> Path | None:
        return value.expanduser().absolute() if value is not None else None

    @field_validator("database_url")
    @classmethod
    def _database(cls, value: SecretStr | None) -> SecretStr | None:
        """Both spellings of the scheme are PostgreSQL's own."""
        if value is None:
            return None
        scheme, _colon, rest = value.get_secret_value().partition("://")
        if scheme not in ("postgresql", "postgres") or not rest:
            raise ValueError("postgresql://USER:PASSWORD@HOST:5432/NAME is right")
        return SecretStr(f"postgresql://{rest}")

    @field_validator("zones", mode="before")
    @classmethod
    def _json_list(cls, value: Any) -> Any:
        """Read here and not by the settings library, whose own error names no value."""
        if not isinstance(value, str):
            return value
        try:
            zones = json.loads(value)
        except ValueError:
            zones = None
        if not isinstance(zones, list):
            raise ValueError('a JSON list such as ["local-1", "local-2"] is right')  # noqa: TRY004 - pydantic wants ValueError
        return zones

    @field_validator("trusted_proxies", mode="before")
    @classmethod
    def _networks(cls, value: Any) -> Any:
        right = 'a JSON list of networks such as ["10.0.0.0/8", "127.0.0.1"] is right'
        try:
            given = json.loads(value) if isinstance(value, str) else value
            return tuple(str(ip_network(one)) for one in given)
        except (ValueError, TypeError):
            raise ValueError(right) from None

    @field_validator("zones")
    @classmethod
    def _different_names(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value:
            raise ValueError("at least one zone is right")
        usable = all(zone and zone == zone.strip() and "," not in zone for zone in value)
        if not usable or len(set(value)) != len(value):
            raise ValueError("different names without commas and outer spaces are right")
        return value

    @field_validator("keystone_roles", mode="before")
    @classmethod
    def _json_object(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        try:
            roles = json.loads(value)
        except ValueError:
            roles = None
        if not isinstance(roles, dict) or not all(isinstance(one, str) for one in roles.values()):
            raise ValueError('a JSON object such as {"member": "css_adm"} is right')
        return roles

    @field_validator("keystone_url")
    @classmethod
    def _keystone(cls, value: str | None) -> str | None:
        """With the version that is spoken; the command line of OpenStack takes both, too."""
        if value is None:
            return None
        if not is_web_address(value) or "@" in value:
            raise ValueError("an address such as https://keystone.example.org/v3 is right")
        address = value.rstrip("/")
        return address if address.endswith("/v3") else f"{address}/v3"

    @field_validator("maven_mirror", "public_url")
    @classmethod
    def _web_address(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None and not is_web_address(value):
            is_mirror = info.field_name == "maven_mirror"
            example = "mirror.example.org/maven" if is_mirror else "search.example.org"
            raise ValueError(f"an address such as https://{example} is right")
        return value

    @field_validator("s3_endpoint")
    @classmethod
    def _store(cls, value: str | None) -> str | None:
        if value is not None and (not is_web_address(value) or urlsplit(value).path.strip("/")):
            raise ValueError("an address such as https://s3.example.org is right")
        return value

    @field_validator("s3_plugins")
    @classmethod
    def _store_is_whole(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        names = ("s3_endpoint", "s3_access_key", "s3_secret_key")
        given = {value is not None, *(info.data.get(name) is not None for name in names)}
        if len(given) > 1:
            raise ValueError(f"{', '.join(names)} and s3_plugins together are right, or none")
        return value.expanduser().absolute() if value is not None else None

    @field_validator("log_level", mode="before")
    @classmethod
    def _capitals(cls, value: Any) -> Any:
        known = isinstance(value, str) and value.upper() in ("DEBUG", "INFO", "WARNING", "ERROR")
        return value.upper() if known else value

    @field_validator("listen", "ops_listen")
    @classmethod
    def _host_and_port(cls, value: str | None) -> str | None:
        if value is not None:
            split_listen(value)
        return value

    @field_validator("unknown_cluster_status")
    @classmethod
    def _known_status(cls, value: int) -> int:
        if value not in (403, 404):
            raise ValueError("403 and 404 are right")
        return value

    @field_validator("tls_key")
    @classmethod
    def _key_and_certificate(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        if (value is None) != (info.data.get("tls_cert") is None):
            raise ValueError("tls_cert and tls_key together are right, or neither")
        return value

    @property
    def host(self) -> str:
        return split_listen(self.listen)[0]

    @property
    def port(self) -> int:
        return split_listen(self.listen)[1]

    @property
    def has_bucket_store(self) -> bool:
        """Whether the buckets of all projects are in one store."""
        return self.s3_endpoint is not None

    @property
    def key_folder(self) -> Path:
        """Where the keys are that tokens are sealed with."""
        return self.keys or self.data / "keys"

    @property
    def seals_parent(self) -> Path:
        """The folder in which `seals` is, with the keys that stored secrets are sealed with."""
        return self.keys or self.data

    @property
    def base_url(self) -> str:
        """Where clients reach the API; no slash at the end."""
        scheme = "https" if self.tls or self.tls_cert else "http"
        return (self.public_url or f"{scheme}://{self.listen}").rstrip("/")

    @property
    def own_ca_file(self) -> Path:
        """Where the service's own authority has its certificate, once there is one."""
        return self.data / "tls" / "ca.crt"

    @property
    def ca_file(self) -> Path | None:
        """What clients verify the API with; None without TLS, or when others signed for it."""
        return self.own_ca_file if self.tls and self.tls_cert is None else None

    @property
    def auth_url(self) -> str:
        """Where clients get their tokens; no slash at the end."""
        if self.iam_mode is IamMode.KEYSTONE and self.keystone_url is not None:
            return self.keystone_url
        return f"{self.base_url}/v3"
