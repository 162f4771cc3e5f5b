"""Units set aside for orders."""

import sqlalchemy as sa
from alembic import op

from fleet.store import base

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    op.create_table(
        "order_picks",
        sa.Column("serial", sa.String(length=11), nullable=False),
        sa.Column("order_id", sa.Integer(), nullable=False),
        sa.Column("picked_at", base.Instant(), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_order_picks_order_id")),
        sa.ForeignKeyConstraint(["serial"], ["units.serial"], name=op.f("fk_order_picks_serial")),
        sa.PrimaryKeyConstraint("serial", name=op.f("pk_order_picks")),
    )
    op.create_index(op.f("ix_order_picks_order_id"), "order_picks", ["order_id"])
