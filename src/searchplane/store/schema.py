"""The tables. Times are UTC; columns named `*_json` hold a domain value as JSON.

A change here needs a migration in store/migrations; a test compares the two.
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    false,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class UtcTime(TypeDecorator[datetime]):
    """An aware UTC time; SQLite has no zones, so they are put back on the way out."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value.astimezone(UTC) if value is not None else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


domains = Table(
    "domains",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("name", String(64), nullable=False, unique=True),
    Column("enabled", Boolean, nullable=False),
    Column("created", UtcTime, nullable=False),
    Column("description", String(255), nullable=False, server_default=""),
)

projects = Table(
    "projects",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("id", String(64), nullable=False, unique=True),
    Column("domain_id", ForeignKey("domains.id"), nullable=False),
    Column("name", String(64), nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("created", UtcTime, nullable=False),
    Column("description", String(255), nullable=False, server_default=""),
    UniqueConstraint("domain_id", "name"),
    sqlite_autoincrement=True,  # a number is never used again: it decides the nodes' user
)

users = Table(
    "users",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("domain_id", ForeignKey("domains.id"), nullable=False),
    Column("name", String(64), nullable=False),
    Column("password_hash", String(255), nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("created", UtcTime, nullable=False),
    Column("description", String(255), nullable=False, server_default=""),
    Column("email", String(255), nullable=False, server_default=""),
    Column("phone", String(32), nullable=False, server_default=""),
    Column("password_changed", UtcTime),
    Column("valid_from", UtcTime),  # tokens issued before are refused
    UniqueConstraint("domain_id", "name"),
)

role_assignments = Table(
    "role_assignments",
    metadata,
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("target", String(8), primary_key=True),  # "project" or "domain"
    Column("target_id", String(64), primary_key=True),
    Column("role", String(64), primary_key=True),  # the role's id; a system role's is its name
)

groups = Table(
    "groups",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("domain_id", ForeignKey("domains.id"), nullable=False),
    Column("name", String(64), nullable=False),
    Column("description", String(255), nullable=False),
    Column("created", UtcTime, nullable=False),
    UniqueConstraint("domain_id", "name"),
)

group_members = Table(
    "group_members",
    metadata,
    Column("group_id", ForeignKey("groups.id", ondelete="CASCADE"), primary_key=True),
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, index=True),
)

group_roles = Table(
    "group_roles",
    metadata,
    Column("group_id", ForeignKey("groups.id", ondelete="CASCADE"), primary_key=True),
    Column("target", String(16), primary_key=True),  # "project", "domain", or "inherited": all
    Column("target_id", String(64), primary_key=True),  # projects of the domain
    Column("role", String(64), primary_key=True),
)

custom_policies = Table(
    "custom_policies",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("domain_id", ForeignKey("domains.id"), nullable=False),
    Column("name", String(64), nullable=False),  # internal and unchanging: custom_<id>
    Column("display_name", String(64), nullable=False),
    Column("type", String(2), nullable=False),  # "AX" for domains, "XA" for projects
    Column("description", String(255), nullable=False),
    Column("policy_json", JSON, nullable=False),
    Column("created", UtcTime, nullable=False),
    Column("updated", UtcTime, nullable=False),
    UniqueConstraint("domain_id", "display_name"),
)

agencies = Table(
    "agencies",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("domain_id", ForeignKey("domains.id"), nullable=False),
    Column("name", String(64), nullable=False),
    Column("trust_domain_id", ForeignKey("domains.id"), nullable=False),
    Column("description", String(255), nullable=False),
    Column("created", UtcTime, nullable=False),
    Column("expires", UtcTime),
    UniqueConstraint("domain_id", "name"),
)

agency_roles = Table(
    "agency_roles",
    metadata,
    Column("agency_id", ForeignKey("agencies.id", ondelete="CASCADE"), primary_key=True),
    Column("target", String(16), primary_key=True),
    Column("target_id", String(64), primary_key=True),
    Column("role", String(64), primary_key=True),
)

access_keys = Table(
    "access_keys",
    metadata,
    Column("access", String(32), primary_key=True),
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("secret", Text, nullable=False),  # sealed
    Column("active", Boolean, nullable=False),
    Column("description", String(255), nullable=False),
    Column("created", UtcTime, nullable=False),
    Column("last_used", UtcTime),
)

login_attempts = Table(
    "login_attempts",
    metadata,
    # a user's id, the hash of a wrong name, or an access key
    Column("account", String(64), primary_key=True),
    Column("source", String(64), primary_key=True),  # the client's address
    Column("failures", Integer, nullable=False),
    Column("first_failure", UtcTime),
    Column("locked_until", UtcTime),
    Column("last_success", UtcTime),
    Column("touched", UtcTime, nullable=False, index=True),
)

domain_policies = Table(
    "domain_policies",
    metadata,
    Column("domain_id", ForeignKey("domains.id", ondelete="CASCADE"), primary_key=True),
    Column("kind", String(32), primary_key=True),  # "login" or "password"
    Column("value_json", JSON, nullable=False),
)

quotas = Table(
    "quotas",
    metadata,
    Column("project_id", ForeignKey("projects.id", ondelete="CASCADE"), primary_key=True),
    Column("resource", String(32), primary_key=True),
    Column("most", Integer, nullable=False),
)

audit = Table(
    "audit",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("at", UtcTime, nullable=False, index=True),
    Column("request_id", String(32), nullable=False),
    Column("outcome", String(8), nullable=False),  # "allowed", "refused" or "failed"
    Column("operation", String(64), nullable=False),
    Column("action", String(64), nullable=False),
    Column("resource", String(128), nullable=False),
    Column("domain_id", String(64), nullable=False),
    Column("project_id", String(64), nullable=False, index=True),
    Column("user_id", String(64), nullable=False),
    Column("user_name", String(64), nullable=False),
    Column("domain_name", String(64), nullable=False),
    Column("credential", String(64), nullable=False),  # "password", "token", or the access key
    Column("source", String(64), nullable=False),
    Column("status", Integer, nullable=False),
    Column("code", String(16), nullable=False),
    sqlite_autoincrement=True,
)

identity_version = Table(
    "identity_version",
    metadata,
    Column("id", Integer, primary_key=True),  # one row, 1
    Column("version", BigInteger, nullable=False),  # grows with every change of an identity table
)

revocations = Table(
    "revocations",
    metadata,
    Column("audit_id", String(64), primary_key=True),
    Column("expires", UtcTime, nullable=False, index=True),
    Column("user_id", String(64), nullable=False, server_default="", index=True),  # the token's
)

clusters = Table(
    "clusters",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("project_id", ForeignKey("projects.id"), nullable=False),
    Column("name", String(64), nullable=False),
    Column("datastore_type", String(32), nullable=False),
    Column("spec_json", JSON, nullable=False),
    Column("revision", Integer, nullable=False),  # grows with every accepted request
    Column("action", String(32)),
    Column("action_started", UtcTime),
    Column("failure_code", String(16)),
    Column("failure_message", Text),
    Column("failure_since", UtcTime),
    Column("bootstrapped", Boolean, nullable=False),
    Column("sentence", Text, nullable=False),
    Column("progress", Integer, nullable=False),
    Column("unhealthy_since", UtcTime),
    Column("created", UtcTime, nullable=False),
    Column("updated", UtcTime, nullable=False),
    Column("action_json", JSON),  # how the action is carried out
    Column("refused_by", String(64)),  # the predicate, and its sentence
    Column("refused_because", Text),
    Column("paused", Boolean, nullable=False, server_default=false()),
    Column("skipped_json", JSON),  # names of predicates set aside
    Column("indices_json", JSON),  # what the last look saw of replicas
    Column("load_json", JSON),  # how loaded the nodes were at the last look
    Column("backed_up", UtcTime),  # the newest moment of its backup policy that was dealt with
    Column("verified", UtcTime),  # when a snapshot was last to be verified by itself
    UniqueConstraint("project_id", "name"),
    Index("ix_clusters_newest", "project_id", "created"),
)

nodes = Table(
    "nodes",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("cluster_id", ForeignKey("clusters.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("position", Integer, nullable=False),
    Column("name", String(96), nullable=False),
    Column("role", String(16), nullable=False),
    Column("zone", String(64), nullable=False),
    Column("flavor", String(64), nullable=False),
    Column("volume_type", String(16), nullable=False),
    Column("volume_size_gb", Integer, nullable=False),
    Column("heap_mb", Integer, nullable=False),
    Column("processors", Integer, nullable=False),
    Column("address", String(64)),
    Column("starts", Integer, nullable=False),
    Column("last_start", UtcTime),
    Column("last_error", Text),
    Column("ready", Boolean, nullable=False),
    Column("restarts_wanted", Integer, nullable=False, server_default="0"),
    Column("restarts_done", Integer, nullable=False, server_default="0"),
    Column("fate", String(8), nullable=False, server_default="stay"),
    Column("engine", String(32)),  # family and version its storage was last opened with
    Column("emptied", Boolean, nullable=False, server_default=false()),
    Column("mode", String(8)),  # how it was started: plain, users or https
    Column("certified_until", UtcTime),  # when the certificate ends that it was given
    Column("subnet_id", String(64)),
    Column("used_bytes", BigInteger),  # what its storage held at the last look
    Column("missed_since", UtcTime),  # when it was first seen to run and be no member
    Column("votes", Boolean, nullable=False, server_default=false()),  # as it was last started
)

secrets = Table(
    "secrets",
    metadata,
    Column("cluster_id", ForeignKey("clusters.id", ondelete="CASCADE"), primary_key=True),
    Column("name", String(96), primary_key=True),
    Column("value", Text, nullable=False),
)

events = Table(
    "events",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("cluster_id", ForeignKey("clusters.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("at", UtcTime, nullable=False),
    Column("phase", String(32), nullable=False),
    Column("sentence", Text, nullable=False),
)

tasks = Table(
    "tasks",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("cluster_id", ForeignKey("clusters.id", ondelete="CASCADE"), nullable=False),
    Column("mode", String(16), nullable=False),  # "UPGRADING" or "AZ_MIGRATION"
    Column("started", UtcTime, nullable=False),
    Column("task_json", JSON, nullable=False),
    Index("ix_tasks_newest", "cluster_id", "mode", "started"),
)

snapshots = Table(
    "snapshots",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("project_id", ForeignKey("projects.id"), nullable=False),
    Column("cluster_id", String(36), nullable=False),  # outlives the cluster
    Column("name", String(128), nullable=False),
    Column("status", String(16), nullable=False),
    Column("worker", String(36), index=True),  # the cluster that has work with it; None: nobody
    Column("created", UtcTime, nullable=False),
    Column("snapshot_json", JSON, nullable=False),
    UniqueConstraint("project_id", "cluster_id", "name"),  # a bucket may be attached elsewhere
    Index("ix_snapshots_newest", "cluster_id", "created"),
    Index("ix_snapshots_project", "project_id", "created"),
)

restores = Table(
    "restores",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("snapshot_id", String(36), nullable=False, index=True),
    Column("cluster_id", String(36), nullable=False, index=True),  # the target
    Column("started", UtcTime, nullable=False),
    Column("ended", UtcTime),
    Column("restore_json", JSON, nullable=False),
)

buckets = Table(
    "buckets",
    metadata,
    Column("project_id", ForeignKey("projects.id"), primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("created", UtcTime, nullable=False),
    Column("path", Text),  # where an attached one lies
    Column("problem", Text),  # why it could not be read
)

capacity = Table(
    "capacity",
    metadata,
    Column("host", String(64), primary_key=True),
    Column("memory_total_mb", Integer, nullable=False),
    Column("memory_available_mb", Integer, nullable=False),
    Column("disk_free_bytes", BigInteger, nullable=False),
    Column("observed", UtcTime, nullable=False),
)

home = Table(
    "home",
    metadata,
    Column("id", Integer, primary_key=True),  # one row, 1
    Column("folder", String(32), nullable=False),  # the id of the data folder with the nodes
    Column("place", Text, nullable=False),  # its machine and path, for people
    Column("max_heap_mb", Integer, nullable=False),
    Column("processors", Integer, nullable=False),
)
