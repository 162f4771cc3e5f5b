"""Charge events, each key once."""

import sqlalchemy as sa
from alembic import op

from fleet.store import base

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "charge_events",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=120), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("rule", sa.String(length=24), nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("amount_cents", sa.BigInteger(), nullable=False),
        sa.Column("charged_on", sa.Date(), nullable=False),
        sa.Column("reason_rule", sa.String(length=64), nullable=False),
        sa.Column("reason_text", sa.Text(), nullable=False),
        sa.Column("inputs", sa.Text(), nullable=False),
        sa.Column("policy", sa.Text(), nullable=False),
        sa.Column("credits_key", sa.String(length=120), nullable=False),
        sa.Column("recorded_at", base.Instant(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_charge_events_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_charge_events")),
        sa.UniqueConstraint("key", name=op.f("uq_charge_events_key")),
    )
    op.create_index("ix_charge_events_account_id_id", "charge_events", ["account_id", "id"])
