"""Closed accounts, proofs of purges, and the versions of what two people may change at once."""

import sqlalchemy as sa
from alembic import op

from fleet.store import base

revision = "0011"
down_revision = "0010"

VERSIONED = ("rmas", "cancellations", "account_services")


def upgrade() -> None:
    op.create_table(
        "purge_proofs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("data", sa.String(length=24), nullable=False),
        sa.Column("rows_of", sa.String(length=64), nullable=False),
        sa.Column("purged_on", sa.Date(), nullable=False),
        sa.Column("row_count", sa.Integer(), nullable=False),
        sa.Column("first", sa.String(length=80), nullable=False),
        sa.Column("last", sa.String(length=80), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("recorded_at", base.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_purge_proofs")),
    )
    # Natively, without copies of the tables: others refer to them.
    op.add_column("accounts", sa.Column("closed_at", base.Instant(), nullable=True))
    op.add_column("accounts", sa.Column("purged_at", base.Instant(), nullable=True))
    op.create_index("ix_accounts_closed_at", "accounts", ["closed_at"])
    for table in VERSIONED:
        op.add_column(table, sa.Column("version", sa.Integer(), server_default="1", nullable=False))
    for table in ("dead_letters", "unit_events"):
        op.create_index(op.f(f"ix_{table}_received_at"), table, ["received_at"])
