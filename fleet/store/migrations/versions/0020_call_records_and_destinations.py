"""Call records, metered destinations, reviews of use, blocked destinations."""

import sqlalchemy as sa
from alembic import op

from fleet.store import base

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    op.create_table(
        "metered_destinations",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("prefix", sa.String(length=10), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("price_hundredths", sa.Integer(), nullable=False),
        sa.Column("effective_from", sa.Date(), nullable=False),
        sa.Column("loaded_by", sa.String(length=64), nullable=False),
        sa.Column("loaded_at", base.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_metered_destinations")),
        sa.UniqueConstraint("prefix", "effective_from", name=op.f("uq_metered_destinations_prefix_effective_from")),
    )
    op.create_table(
        "use_measurements",
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("plan", sa.String(length=8), nullable=False),
        sa.Column("accounts", sa.Integer(), nullable=False),
        sa.Column("limit_ms", sa.BigInteger(), nullable=False),
        sa.Column("percent", sa.Integer(), nullable=False),
        sa.Column("measured_at", base.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("month", "plan", name=op.f("pk_use_measurements")),
    )
    op.create_table(
        "destination_blocks",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("destination", sa.String(length=10), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("blocked_by", sa.String(length=64), nullable=False),
        sa.Column("blocked_at", base.Instant(), nullable=False),
        sa.Column("lifted_why", sa.Text(), nullable=False),
        sa.Column("lifted_by", sa.String(length=64), nullable=True),
        sa.Column("lifted_at", base.Instant(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_destination_blocks_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_destination_blocks")),
    )
    op.create_index(op.f("ix_destination_blocks_account_id"), "destination_blocks", ["account_id"])
    op.create_index(
        "uq_destination_blocks_in_force",
        "destination_blocks",
        ["account_id", "destination"],
        unique=True,
        sqlite_where=sa.text("lifted_at IS NULL"),
        postgresql_where=sa.text("lifted_at IS NULL"),
    )

    op.create_table(
        "use_reviews",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("month_ended_at", base.Instant(), nullable=False),
        sa.Column("plan", sa.String(length=8), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("measured_at", base.Instant(), nullable=False),
        sa.Column("outcome", sa.String(length=12), nullable=True),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("decided_by", sa.String(length=64), nullable=True),
        sa.Column("decided_at", base.Instant(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_use_reviews_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_use_reviews")),
        sa.UniqueConstraint("account_id", "month", name=op.f("uq_use_reviews_account_id_month")),
    )
    op.create_index("ix_use_reviews_month_ended_at", "use_reviews", ["month_ended_at"])

    op.create_table(
        "call_records",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("serial", sa.String(length=11), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("record_id", sa.BigInteger(), nullable=False),
        sa.Column("started_s", sa.BigInteger(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=True),
        sa.Column("line_id", sa.Integer(), nullable=True),
        sa.Column("started_at", base.Instant(), nullable=False),
        sa.Column("start_taken_from", sa.String(length=8), nullable=False),
        sa.Column("received_at", base.Instant(), nullable=False),
        sa.Column("direction", sa.String(length=4), nullable=False),
        sa.Column("number", sa.String(length=32), nullable=False),
        sa.Column("setup_ms", sa.BigInteger(), nullable=False),
        sa.Column("duration_ms", sa.BigInteger(), nullable=False),
        sa.Column("ended_by", sa.String(length=12), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("codec", sa.String(length=8), nullable=False),
        sa.Column("secured", sa.Boolean(), nullable=False),
        sa.Column("emergency", sa.Boolean(), nullable=False),
        sa.Column("packets_sent", sa.BigInteger(), nullable=False),
        sa.Column("packets_received", sa.BigInteger(), nullable=False),
        sa.Column("packets_lost", sa.BigInteger(), nullable=False),
        sa.Column("packets_discarded", sa.BigInteger(), nullable=False),
        sa.Column("burst_loss_permille", sa.Integer(), nullable=False),
        sa.Column("jitter_ms", sa.Integer(), nullable=False),
        sa.Column("jitter_max_ms", sa.Integer(), nullable=False),
        sa.Column("buffer_ms", sa.Integer(), nullable=False),
        sa.Column("round_trip_ms", sa.Integer(), nullable=False),
        sa.Column("r_factor", sa.SmallInteger(), nullable=False),
        sa.Column("mos_tenths", sa.SmallInteger(), nullable=False),
        sa.Column("metered_by", sa.Integer(), nullable=True),
        sa.Column("metered_minutes", sa.Integer(), nullable=False),
        sa.Column("charge_key", sa.String(length=120), nullable=True),
        sa.ForeignKeyConstraint(["metered_by"], ["metered_destinations.id"], name=op.f("fk_call_records_metered_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_call_records")),
        sa.UniqueConstraint(
            "serial", "epoch", "record_id", "started_s", name=op.f("uq_call_records_serial_epoch_record_id_started_s")
        ),
    )
    op.create_index("ix_call_records_account_id_started_at_id", "call_records", ["account_id", "started_at", "id"])
    op.create_index("ix_call_records_serial_started_at_id", "call_records", ["serial", "started_at", "id"])
    op.create_index("ix_call_records_started_at", "call_records", ["started_at"])
    op.create_index(
        "ix_call_records_uncharged",
        "call_records",
        ["account_id", "started_at"],
        sqlite_where=sa.text("metered_by IS NOT NULL AND charge_key IS NULL"),
        postgresql_where=sa.text("metered_by IS NOT NULL AND charge_key IS NULL"),
    )
