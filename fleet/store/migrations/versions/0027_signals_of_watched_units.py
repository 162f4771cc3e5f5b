"""Signals of watched units: how often a line lost its registration, and watches found by their rollout."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    op.add_column("rollout_watches", sa.Column("lost_registrations", sa.Integer(), server_default="0", nullable=False))
    op.drop_index("ix_rollout_watches_running_ends_at", "rollout_watches")
    op.create_index(
        "ix_rollout_watches_rollout_id_running_ends_at", "rollout_watches", ["rollout_id", "running", "ends_at"]
    )
