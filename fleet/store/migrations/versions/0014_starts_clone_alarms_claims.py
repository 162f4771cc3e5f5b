"""The starts units were seen in, clone alarms, guesses at the codes on labels, and units that accounts brought."""

import sqlalchemy as sa
from alembic import op

from fleet.store import base

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.create_table(
        "unit_starts",
        sa.Column("serial", sa.String(length=11), nullable=False),
        sa.Column("boot_id", sa.BigInteger(), nullable=False),
        sa.Column("starts", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["serial"], ["units.serial"], name=op.f("fk_unit_starts_serial")),
        sa.PrimaryKeyConstraint("serial", name=op.f("pk_unit_starts")),
    )
    op.create_table(
        "clone_alarms",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("serial", sa.String(length=11), nullable=False),
        sa.Column("claimed", sa.String(length=11), nullable=False),
        sa.Column("evidence", sa.String(length=12), nullable=False),
        sa.Column("mac", sa.BigInteger(), nullable=False),
        sa.Column("boot_id", sa.BigInteger(), nullable=False),
        sa.Column("reason_rule", sa.String(length=64), nullable=False),
        sa.Column("reason_text", sa.Text(), nullable=False),
        sa.Column("sightings", sa.Text(), nullable=False),
        sa.Column("raised_at", base.Instant(), nullable=False),
        sa.Column("resolution", sa.String(length=12), nullable=True),
        sa.Column("resolved_at", base.Instant(), nullable=True),
        sa.Column("resolved_by", sa.String(length=64), nullable=True),
        sa.Column("why", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["serial"], ["units.serial"], name=op.f("fk_clone_alarms_serial")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clone_alarms")),
    )
    is_open = sa.text("resolution IS NULL")
    op.create_index(
        "uq_clone_alarms_open", "clone_alarms", ["serial"], unique=True, sqlite_where=is_open, postgresql_where=is_open
    )
    op.create_table(
        "claim_failures",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("serial", sa.String(length=11), nullable=False),
        sa.Column("failed_at", base.Instant(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_claim_failures_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_claim_failures")),
    )
    op.create_index("ix_claim_failures_account_id_failed_at", "claim_failures", ["account_id", "failed_at"])
    op.create_index("ix_claim_failures_serial_failed_at", "claim_failures", ["serial", "failed_at"])
    # Natively, without a copy of the table: others refer to it.
    op.add_column("order_lines", sa.Column("brought", sa.Boolean(), server_default=sa.false(), nullable=False))
