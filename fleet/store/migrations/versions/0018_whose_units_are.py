"""Whose the units of an order line and of a placement are, in one word."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    # Natively, without a copy of the table: others refer to it.
    for table in ("order_lines", "placements"):
        op.add_column(table, sa.Column("ownership", sa.String(length=12), server_default="operator", nullable=False))
    op.execute(
        "UPDATE order_lines SET ownership = CASE WHEN leased THEN 'leased' "
        "WHEN brought OR unit_price_cents > credit_cents THEN 'customer' ELSE 'operator' END"
    )
    # What is paid for with every bill alone is rented: it counted as the customer's until now.
    op.execute(
        "UPDATE placements SET ownership = CASE WHEN leased THEN 'leased' WHEN NOT free AND (price_cents > 0 OR "
        "EXISTS (SELECT 1 FROM order_lines WHERE order_lines.order_id = placements.order_id AND order_lines.brought)) "
        "THEN 'customer' ELSE 'operator' END"
    )
    op.execute(
        "UPDATE units SET ownership = (SELECT placements.ownership FROM placements "
        "WHERE placements.serial = units.serial AND placements.until IS NULL) "
        "WHERE serial IN (SELECT placements.serial FROM placements WHERE placements.until IS NULL)"
    )
    op.drop_column("order_lines", "leased")
    op.drop_column("placements", "leased")
