"""Rollouts by groups: plans, the groups that were opened, watched units and what was seen of them."""

import sqlalchemy as sa
from alembic import op

from fleet.store import base

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    op.add_column("rollouts", sa.Column("plan", sa.Text(), nullable=True))
    op.add_column("rollouts", sa.Column("since", base.Instant(), nullable=True))
    op.create_table(
        "rollout_groups",
        sa.Column("rollout_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("opened_at", base.Instant(), nullable=False),
        sa.Column("ripe_at", base.Instant(), nullable=True),
        sa.Column("accepted", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["rollout_id"], ["rollouts.id"], name=op.f("fk_rollout_groups_rollout_id")),
        sa.PrimaryKeyConstraint("rollout_id", "number", name=op.f("pk_rollout_groups")),
    )
    op.create_table(
        "rollout_watches",
        sa.Column("rollout_id", sa.Integer(), nullable=False),
        sa.Column("serial", sa.String(length=11), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("revision", sa.String(length=40), nullable=False),
        sa.Column("held_back", sa.Boolean(), nullable=False),
        sa.Column("began_at", base.Instant(), nullable=False),
        sa.Column("ends_at", base.Instant(), nullable=False),
        sa.Column("running", sa.Boolean(), nullable=False),
        sa.Column("signal", sa.String(length=24), nullable=True),
        sa.ForeignKeyConstraint(["rollout_id"], ["rollouts.id"], name=op.f("fk_rollout_watches_rollout_id")),
        sa.ForeignKeyConstraint(["serial"], ["units.serial"], name=op.f("fk_rollout_watches_serial")),
        sa.PrimaryKeyConstraint("rollout_id", "serial", name=op.f("pk_rollout_watches")),
    )
    op.create_index("ix_rollout_watches_running_ends_at", "rollout_watches", ["running", "ends_at"])
    op.create_table(
        "rollout_windows",
        sa.Column("rollout_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("revision", sa.String(length=40), nullable=False),
        sa.Column("treated", sa.Integer(), nullable=False),
        sa.Column("confirmed", sa.Integer(), nullable=False),
        sa.Column("treated_failed", sa.Integer(), nullable=False),
        sa.Column("held_back", sa.Integer(), nullable=False),
        sa.Column("held_back_failed", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["rollout_id"], ["rollouts.id"], name=op.f("fk_rollout_windows_rollout_id")),
        sa.PrimaryKeyConstraint("rollout_id", "number", "revision", name=op.f("pk_rollout_windows")),
    )
    op.create_table(
        "rollout_evidence",
        sa.Column("rollout_id", sa.Integer(), nullable=False),
        sa.Column("revision", sa.String(length=40), nullable=False),
        sa.Column("seen", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["rollout_id"], ["rollouts.id"], name=op.f("fk_rollout_evidence_rollout_id")),
        sa.PrimaryKeyConstraint("rollout_id", "revision", name=op.f("pk_rollout_evidence")),
    )
