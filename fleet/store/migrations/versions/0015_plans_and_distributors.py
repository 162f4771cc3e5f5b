"""Plans of orders, and Authorized Distributors."""

import sqlalchemy as sa
from alembic import op

from fleet.store import base

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.create_table(
        "distributors",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("registered_at", base.Instant(), nullable=False),
        sa.Column("ended_at", base.Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_distributors")),
        sa.UniqueConstraint("name", name=op.f("uq_distributors_name")),
    )
    op.add_column("orders", sa.Column("plan", sa.String(length=8), server_default="monthly", nullable=False))
    op.add_column("orders", sa.Column("plan_price_cents", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("orders", sa.Column("plan_settled_on", sa.Date(), nullable=True))
    # As text: either database adds a column with its reference natively, without a copy of the table.
    op.execute(
        "ALTER TABLE orders ADD COLUMN distributor_id INTEGER "
        "CONSTRAINT fk_orders_distributor_id REFERENCES distributors (id)"
    )
    # Until now people typed the name of whoever passed a cancellation on.
    op.execute(
        "INSERT INTO distributors (name, state, registered_at) "
        "SELECT min(passed_on_by), 'authorized', min(recorded_at) FROM cancellations "
        "WHERE passed_on_by <> '' GROUP BY lower(passed_on_by)"
    )
    op.execute(
        "UPDATE cancellations SET passed_on_by = (SELECT 'DI-' || distributors.id FROM distributors "
        "WHERE lower(distributors.name) = lower(cancellations.passed_on_by)) WHERE passed_on_by <> ''"
    )
