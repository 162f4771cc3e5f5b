"""Units whose updates keep failing, download slots, and how many units a group has."""

import sqlalchemy as sa
from alembic import op

from fleet.store import base

revision = "0029"
down_revision = "0028"


def upgrade() -> None:
    op.add_column("rollout_groups", sa.Column("units", sa.Integer(), nullable=True))
    op.create_table(
        "download_slots",
        sa.Column("rollout_id", sa.Integer(), nullable=False),
        sa.Column("serial", sa.String(length=11), nullable=False),
        sa.Column("lease_s", sa.Integer(), nullable=False),
        sa.Column("expires_at", base.Instant(), nullable=False),
        sa.ForeignKeyConstraint(["rollout_id"], ["rollouts.id"], name=op.f("fk_download_slots_rollout_id")),
        sa.ForeignKeyConstraint(["serial"], ["units.serial"], name=op.f("fk_download_slots_serial")),
        sa.PrimaryKeyConstraint("rollout_id", "serial", name=op.f("pk_download_slots")),
    )
    op.create_index("ix_download_slots_rollout_id_expires_at", "download_slots", ["rollout_id", "expires_at"])
    op.create_table(
        "update_failures",
        sa.Column("serial", sa.String(length=11), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("failed_at", base.Instant(), nullable=False),
        sa.ForeignKeyConstraint(["serial"], ["units.serial"], name=op.f("fk_update_failures_serial")),
        sa.PrimaryKeyConstraint("serial", name=op.f("pk_update_failures")),
    )
