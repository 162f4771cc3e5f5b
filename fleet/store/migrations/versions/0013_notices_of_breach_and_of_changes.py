"""Notices of breach and of changes."""

import sqlalchemy as sa
from alembic import op

from fleet.store import base

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.create_table(
        "change_notices",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("takes_effect_on", sa.Date(), nullable=False),
        sa.Column("told_at", base.Instant(), nullable=False),
        sa.Column("told_by", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_change_notices")),
    )
    op.create_table(
        "account_notes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("at", base.Instant(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_account_notes_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account_notes")),
    )
    op.create_index(op.f("ix_account_notes_account_id"), "account_notes", ["account_id"])
    op.create_table(
        "breach_notices",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("breach", sa.String(length=12), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("noticed_at", base.Instant(), nullable=False),
        sa.Column("noticed_by", sa.String(length=64), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("ends_at", base.Instant(), nullable=False),
        sa.Column("reason_rule", sa.String(length=64), nullable=False),
        sa.Column("reason_text", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("settled_at", base.Instant(), nullable=True),
        sa.Column("settled_by", sa.String(length=64), nullable=True),
        sa.Column("settled_why", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_breach_notices_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_breach_notices")),
    )
    op.create_index(op.f("ix_breach_notices_account_id"), "breach_notices", ["account_id"])
    op.create_index("ix_breach_notices_state_ends_at", "breach_notices", ["state", "ends_at"])
    op.create_table(
        "change_notice_accounts",
        sa.Column("change_notice_id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_change_notice_accounts_account_id")),
        sa.ForeignKeyConstraint(
            ["change_notice_id"], ["change_notices.id"], name=op.f("fk_change_notice_accounts_change_notice_id")
        ),
        sa.PrimaryKeyConstraint("change_notice_id", "account_id", name=op.f("pk_change_notice_accounts")),
    )
    op.create_index(op.f("ix_change_notice_accounts_account_id"), "change_notice_accounts", ["account_id"])
    op.add_column("cancellations", sa.Column("cause", sa.String(length=16), server_default="account", nullable=False))
