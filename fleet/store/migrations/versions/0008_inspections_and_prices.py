"""What returned units were found to be, and what was paid for a placed one."""

import sqlalchemy as sa
from alembic import op

from fleet.store import base

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_table(
        "inspections",
        sa.Column("rma_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("code", sa.String(length=20), nullable=False),
        sa.Column("photo", sa.String(length=200), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("at", base.Instant(), nullable=False),
        sa.Column("inspected_by", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["rma_id"], ["rmas.id"], name=op.f("fk_inspections_rma_id")),
        sa.PrimaryKeyConstraint("rma_id", name=op.f("pk_inspections")),
    )
    # Natively, without a copy of the table: others refer to it.
    op.add_column("placements", sa.Column("price_cents", sa.BigInteger(), server_default="0", nullable=False))
    # Until now a placement did not say which line it filled: of several of its board the cheapest that was paid for.
    op.execute(
        "UPDATE placements SET price_cents = coalesce(("
        "SELECT min(order_lines.unit_price_cents - order_lines.credit_cents) FROM order_lines "
        "JOIN units ON units.board = order_lines.board WHERE units.serial = placements.serial "
        "AND order_lines.order_id = placements.order_id "
        "AND order_lines.unit_price_cents > order_lines.credit_cents), 0) WHERE NOT free"
    )
