"""Which accounts were told that an update is to reach their units."""

import sqlalchemy as sa
from alembic import op

from fleet.store import base

revision = "0031"
down_revision = "0030"


def upgrade() -> None:
    op.create_table(
        "rollout_notices",
        sa.Column("rollout_id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("told_at", base.Instant(), nullable=False),
        sa.ForeignKeyConstraint(["rollout_id"], ["rollouts.id"], name=op.f("fk_rollout_notices_rollout_id")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_rollout_notices_account_id")),
        sa.PrimaryKeyConstraint("rollout_id", "account_id", name=op.f("pk_rollout_notices")),
    )
