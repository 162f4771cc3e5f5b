"""Replacements that have registered and wait for a call to end."""

import sqlalchemy as sa
from alembic import op

from fleet.store import base

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.create_table(
        "waiting_swaps",
        sa.Column("placement_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("serial", sa.String(length=11), nullable=False),
        sa.Column("old_serial", sa.String(length=11), nullable=False),
        sa.Column("since", base.Instant(), nullable=False),
        sa.ForeignKeyConstraint(["placement_id"], ["placements.id"], name=op.f("fk_waiting_swaps_placement_id")),
        sa.ForeignKeyConstraint(["serial"], ["units.serial"], name=op.f("fk_waiting_swaps_serial")),
        sa.ForeignKeyConstraint(["old_serial"], ["units.serial"], name=op.f("fk_waiting_swaps_old_serial")),
        sa.PrimaryKeyConstraint("placement_id", name=op.f("pk_waiting_swaps")),
    )
    op.create_index(op.f("ix_waiting_swaps_old_serial"), "waiting_swaps", ["old_serial"])
