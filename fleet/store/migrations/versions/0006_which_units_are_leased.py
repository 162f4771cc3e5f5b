"""Which units are leased."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    # Natively, without a copy of the table: others refer to it.
    for table in ("order_lines", "placements"):
        op.add_column(table, sa.Column("leased", sa.Boolean(), server_default=sa.false(), nullable=False))
