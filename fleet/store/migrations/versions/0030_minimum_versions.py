"""Which version units must run, which accounts were told, and which units let the update lie."""

import sqlalchemy as sa
from alembic import op

from fleet.store import base

revision = "0030"
down_revision = "0029"


def upgrade() -> None:
    op.create_table(
        "minimum_versions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("release_id", sa.Integer(), nullable=False),
        sa.Column("board", sa.String(length=16), nullable=True),
        sa.Column("begins_on", sa.Date(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("author", sa.String(length=64), nullable=False),
        sa.Column("approver", sa.String(length=64), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created_at", base.Instant(), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(["release_id"], ["releases.id"], name=op.f("fk_minimum_versions_release_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_minimum_versions")),
    )
    op.create_index(op.f("ix_minimum_versions_state"), "minimum_versions", ["state"])
    op.create_table(
        "minimum_version_notices",
        sa.Column("minimum_id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("told_on", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(
            ["minimum_id"], ["minimum_versions.id"], name=op.f("fk_minimum_version_notices_minimum_id")
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_minimum_version_notices_account_id")),
        sa.PrimaryKeyConstraint("minimum_id", "account_id", name=op.f("pk_minimum_version_notices")),
    )
    op.create_table(
        "minimum_version_tallies",
        sa.Column("serial", sa.String(length=11), nullable=False),
        sa.Column("minimum_id", sa.Integer(), nullable=False),
        sa.Column("counter", sa.BigInteger(), nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=True),
        sa.Column("withheld", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["serial"], ["units.serial"], name=op.f("fk_minimum_version_tallies_serial")),
        sa.ForeignKeyConstraint(
            ["minimum_id"], ["minimum_versions.id"], name=op.f("fk_minimum_version_tallies_minimum_id")
        ),
        sa.PrimaryKeyConstraint("serial", "minimum_id", name=op.f("pk_minimum_version_tallies")),
    )
