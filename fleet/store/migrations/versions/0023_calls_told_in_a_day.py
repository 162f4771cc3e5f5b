"""How many call records a unit told in a day is counted, and bounded."""

from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    op.create_index("ix_call_records_serial_received_at", "call_records", ["serial", "received_at"])
