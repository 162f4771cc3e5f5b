"""What a release is made of, its deltas, and when a rollout may restart units."""

import sqlalchemy as sa
from alembic import op

from fleet.store import base

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "release_deltas",
        sa.Column("release_id", sa.Integer(), nullable=False),
        sa.Column("board", sa.String(length=16), nullable=False),
        sa.Column("base_version", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("length", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["release_id"], ["releases.id"], name=op.f("fk_release_deltas_release_id")),
        sa.PrimaryKeyConstraint("release_id", "board", "base_version", name=op.f("pk_release_deltas")),
        sa.UniqueConstraint("name", name=op.f("uq_release_deltas_name")),
    )
    with op.batch_alter_table("assignments", schema=None) as batch_op:
        batch_op.add_column(sa.Column("keyid", sa.String(length=64), nullable=True))
        batch_op.create_index("ix_assignments_pending_issued_at", ["pending", "issued_at"], unique=False)

    with op.batch_alter_table("release_images", schema=None) as batch_op:
        batch_op.add_column(sa.Column("beta", sa.Boolean(), server_default=sa.false(), nullable=False))
        batch_op.add_column(sa.Column("security", sa.Boolean(), server_default=sa.false(), nullable=False))
        batch_op.add_column(sa.Column("record_sha256", sa.String(length=64), nullable=True))

    with op.batch_alter_table("rollouts", schema=None) as batch_op:
        batch_op.add_column(sa.Column("not_before", base.Instant(), nullable=True))
        batch_op.add_column(sa.Column("deadline", base.Instant(), nullable=True))
