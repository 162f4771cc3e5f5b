"""Units that came back without an RMA."""

import sqlalchemy as sa
from alembic import op

from fleet.store import base

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_table(
        "blind_returns",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("serial", sa.String(length=11), nullable=False),
        sa.Column("placement_id", sa.Integer(), nullable=False),
        sa.Column("condition", sa.String(length=12), nullable=False),
        sa.Column("received_at", base.Instant(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("rma_id", sa.Integer(), nullable=True),
        sa.Column("carrier", sa.String(length=60), nullable=False),
        sa.Column("tracking", sa.String(length=120), nullable=False),
        sa.Column("sent_at", base.Instant(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_blind_returns_account_id")),
        sa.ForeignKeyConstraint(["placement_id"], ["placements.id"], name=op.f("fk_blind_returns_placement_id")),
        sa.ForeignKeyConstraint(["rma_id"], ["rmas.id"], name=op.f("fk_blind_returns_rma_id")),
        sa.ForeignKeyConstraint(["serial"], ["units.serial"], name=op.f("fk_blind_returns_serial")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_blind_returns")),
    )
    op.create_index(op.f("ix_blind_returns_account_id"), "blind_returns", ["account_id"])
    op.create_index(
        "uq_blind_returns_open",
        "blind_returns",
        ["serial"],
        unique=True,
        sqlite_where=sa.text("state IN ('in_quarantine', 'sent_back')"),
        postgresql_where=sa.text("state IN ('in_quarantine', 'sent_back')"),
    )

    op.create_table(
        "blind_return_steps",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("blind_return_id", sa.Integer(), nullable=False),
        sa.Column("event", sa.String(length=12), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("at", base.Instant(), nullable=False),
        sa.Column("recorded_at", base.Instant(), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["blind_return_id"], ["blind_returns.id"], name=op.f("fk_blind_return_steps_blind_return_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_blind_return_steps")),
    )
    op.create_index(op.f("ix_blind_return_steps_blind_return_id"), "blind_return_steps", ["blind_return_id"])
