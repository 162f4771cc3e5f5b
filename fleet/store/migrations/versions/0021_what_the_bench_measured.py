"""What a station set and measured at the bench, beside the self-test."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    op.add_column("stock_records", sa.Column("station", sa.String(length=40), nullable=True))
    op.add_column("stock_records", sa.Column("country", sa.String(length=2), nullable=True))
    op.add_column("stock_records", sa.Column("line_gain_tenths", sa.Integer(), nullable=True))
    op.add_column("stock_records", sa.Column("clock_ppm", sa.Integer(), nullable=True))
