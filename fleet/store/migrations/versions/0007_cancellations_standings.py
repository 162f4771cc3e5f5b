"""Cancellations, and whether an account has its service."""

import sqlalchemy as sa
from alembic import op

from fleet.store import base

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "account_services",
        sa.Column("account_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("reasons", sa.Text(), nullable=False),
        sa.Column("episode", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_account_services_account_id")),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_account_services")),
    )
    op.create_table(
        "cancellations",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("noticed_at", base.Instant(), nullable=False),
        sa.Column("channel", sa.String(length=12), nullable=False),
        sa.Column("administrator", sa.String(length=16), nullable=False),
        sa.Column("asked_for", sa.Date(), nullable=True),
        sa.Column("everything", sa.Boolean(), nullable=False),
        sa.Column("names", sa.Text(), nullable=False),
        sa.Column("proof", sa.String(length=32), nullable=True),
        sa.Column("verified_by", sa.String(length=64), nullable=True),
        sa.Column("passed_on_by", sa.String(length=120), nullable=False),
        sa.Column("effect_on", sa.Date(), nullable=False),
        sa.Column("effect_at", base.Instant(), nullable=False),
        sa.Column("avoids", sa.Date(), nullable=True),
        sa.Column("renewed_from", sa.Date(), nullable=True),
        sa.Column("renewed_until", sa.Date(), nullable=True),
        sa.Column("reason_rule", sa.String(length=64), nullable=False),
        sa.Column("reason_text", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("quote", sa.Text(), nullable=False),
        sa.Column("quotes_told", sa.Integer(), nullable=False),
        sa.Column("recorded_at", base.Instant(), nullable=False),
        sa.Column("recorded_by", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_cancellations_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cancellations")),
    )
    op.create_index(op.f("ix_cancellations_account_id"), "cancellations", ["account_id"])
    op.create_index("ix_cancellations_state_effect_at", "cancellations", ["state", "effect_at"])
