"""Identity for many tenants: groups, policies, agencies, access keys, quotas and audit."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

UTC_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    _columns()
    _directory()
    _policies_and_agencies()
    _credentials()
    _quotas_and_audit()
    _version()
    _home()
    _cloud_admins()


def _columns() -> None:
    op.add_column(
        "domains",
        sa.Column("description", sa.String(length=255), server_default="", nullable=False),
    )
    op.add_column(
        "projects",
        sa.Column("description", sa.String(length=255), server_default="", nullable=False),
    )
    op.add_column(
        "users", sa.Column("description", sa.String(length=255), server_default="", nullable=False)
    )
    op.add_column(
        "users", sa.Column("email", sa.String(length=255), server_default="", nullable=False)
    )
    op.add_column(
        "users", sa.Column("phone", sa.String(length=32), server_default="", nullable=False)
    )
    op.add_column("users", sa.Column("password_changed", UTC_TIME, nullable=True))
    op.add_column("users", sa.Column("valid_from", UTC_TIME, nullable=True))
    op.add_column(
        "revocations",
        sa.Column("user_id", sa.String(length=64), server_default="", nullable=False),
    )
    op.create_index(op.f("ix_revocations_user_id"), "revocations", ["user_id"], unique=False)


def _directory() -> None:
    op.create_table(
        "groups",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("domain_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("description", sa.String(length=255), nullable=False),
        sa.Column("created", UTC_TIME, nullable=False),
        sa.ForeignKeyConstraint(["domain_id"], ["domains.id"], name=op.f("fk_groups_domain_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_groups")),
        sa.UniqueConstraint("domain_id", "name", name=op.f("uq_groups_domain_id")),
    )
    op.create_table(
        "group_members",
        sa.Column("group_id", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["group_id"], ["groups.id"], name=op.f("fk_group_members_group_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_group_members_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("group_id", "user_id", name=op.f("pk_group_members")),
    )
    op.create_index(op.f("ix_group_members_user_id"), "group_members", ["user_id"], unique=False)
    op.create_table(
        "group_roles",
        sa.Column("group_id", sa.String(length=64), nullable=False),
        sa.Column("target", sa.String(length=16), nullable=False),
        sa.Column("target_id", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["group_id"], ["groups.id"], name=op.f("fk_group_roles_group_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint(
            "group_id", "target", "target_id", "role", name=op.f("pk_group_roles")
        ),
    )
    op.create_table(
        "domain_policies",
        sa.Column("domain_id", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("value_json", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["domain_id"],
            ["domains.id"],
            name=op.f("fk_domain_policies_domain_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("domain_id", "kind", name=op.f("pk_domain_policies")),
    )


def _policies_and_agencies() -> None:
    op.create_table(
        "custom_policies",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("domain_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("display_name", sa.String(length=64), nullable=False),
        sa.Column("type", sa.String(length=2), nullable=False),
        sa.Column("description", sa.String(length=255), nullable=False),
        sa.Column("policy_json", sa.JSON(), nullable=False),
        sa.Column("created", UTC_TIME, nullable=False),
        sa.Column("updated", UTC_TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["domain_id"], ["domains.id"], name=op.f("fk_custom_policies_domain_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_custom_policies")),
        sa.UniqueConstraint("domain_id", "display_name", name=op.f("uq_custom_policies_domain_id")),
    )
    op.create_table(
        "agencies",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("domain_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("trust_domain_id", sa.String(length=64), nullable=False),
        sa.Column("description", sa.String(length=255), nullable=False),
        sa.Column("created", UTC_TIME, nullable=False),
        sa.Column("expires", UTC_TIME, nullable=True),
        sa.ForeignKeyConstraint(["domain_id"], ["domains.id"], name=op.f("fk_agencies_domain_id")),
        sa.ForeignKeyConstraint(
            ["trust_domain_id"], ["domains.id"], name=op.f("fk_agencies_trust_domain_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agencies")),
        sa.UniqueConstraint("domain_id", "name", name=op.f("uq_agencies_domain_id")),
    )
    op.create_table(
        "agency_roles",
        sa.Column("agency_id", sa.String(length=64), nullable=False),
        sa.Column("target", sa.String(length=16), nullable=False),
        sa.Column("target_id", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["agency_id"],
            ["agencies.id"],
            name=op.f("fk_agency_roles_agency_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "agency_id", "target", "target_id", "role", name=op.f("pk_agency_roles")
        ),
    )


def _credentials() -> None:
    op.create_table(
        "access_keys",
        sa.Column("access", sa.String(length=32), nullable=False),
        sa.Column("user_id", sa.String(length=64), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("description", sa.String(length=255), nullable=False),
        sa.Column("created", UTC_TIME, nullable=False),
        sa.Column("last_used", UTC_TIME, nullable=True),
        sa.Column("locked_until", UTC_TIME, nullable=True),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_access_keys_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("access", name=op.f("pk_access_keys")),
    )
    op.create_index(op.f("ix_access_keys_user_id"), "access_keys", ["user_id"], unique=False)
    op.create_table(
        "login_attempts",
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("first_failure", UTC_TIME, nullable=True),
        sa.Column("locked_until", UTC_TIME, nullable=True),
        sa.Column("last_success", UTC_TIME, nullable=True),
        sa.Column("touched", UTC_TIME, nullable=False),
        sa.PrimaryKeyConstraint("account", "source", name=op.f("pk_login_attempts")),
    )
    op.create_index(op.f("ix_login_attempts_touched"), "login_attempts", ["touched"], unique=False)


def _quotas_and_audit() -> None:
    op.create_table(
        "quotas",
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("resource", sa.String(length=32), nullable=False),
        sa.Column("most", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_quotas_project_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("project_id", "resource", name=op.f("pk_quotas")),
    )
    op.create_table(
        "audit",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", UTC_TIME, nullable=False),
        sa.Column("request_id", sa.String(length=32), nullable=False),
        sa.Column("outcome", sa.String(length=8), nullable=False),
        sa.Column("operation", sa.String(length=64), nullable=False),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column("resource", sa.String(length=128), nullable=False),
        sa.Column("domain_id", sa.String(length=64), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.String(length=64), nullable=False),
        sa.Column("user_name", sa.String(length=64), nullable=False),
        sa.Column("domain_name", sa.String(length=64), nullable=False),
        sa.Column("credential", sa.String(length=64), nullable=False),
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=16), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_audit_at"), "audit", ["at"], unique=False)
    op.create_index(op.f("ix_audit_project_id"), "audit", ["project_id"], unique=False)


def _version() -> None:
    table = op.create_table(
        "identity_version",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identity_version")),
    )
    op.bulk_insert(table, [{"id": 1, "version": 1}])


def _home() -> None:
    op.create_table(
        "home",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("folder", sa.String(length=32), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("max_heap_mb", sa.Integer(), nullable=False),
        sa.Column("processors", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_home")),
    )


def _cloud_admins() -> None:
    """Whoever administers the only domain there was goes on administering the service."""
    op.execute(
        "INSERT INTO role_assignments (user_id, target, target_id, role) "
        "SELECT user_id, target, target_id, 'cloud_admin' FROM role_assignments "
        "WHERE target = 'domain' AND role = 'secu_admin'"
    )
