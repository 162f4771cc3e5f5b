"""Numbers, registered locations, networks."""

import sqlalchemy as sa
from alembic import op

from fleet.store import base

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.create_table(
        "export_blocks",
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("at", base.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("country", name=op.f("pk_export_blocks")),
    )
    op.create_table(
        "known_prefixes",
        sa.Column("prefix", sa.String(length=43), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column("network", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("prefix", name=op.f("pk_known_prefixes")),
    )
    op.create_table(
        "unit_whereabouts",
        sa.Column("serial", sa.String(length=11), nullable=False),
        sa.Column("network", sa.String(length=64), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column("seen_at", base.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("serial", name=op.f("pk_unit_whereabouts")),
    )
    op.create_index(op.f("ix_unit_whereabouts_country"), "unit_whereabouts", ["country"])
    op.create_table(
        "phone_numbers",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("number", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("own", sa.Boolean(), nullable=False),
        sa.Column("line_id", sa.Integer(), nullable=True),
        sa.Column("account_id", sa.Integer(), nullable=True),
        sa.Column("changed_at", base.Instant(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_phone_numbers_account_id")),
        sa.ForeignKeyConstraint(["line_id"], ["placements.id"], name=op.f("fk_phone_numbers_line_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_phone_numbers")),
        sa.UniqueConstraint("number", name=op.f("uq_phone_numbers_number")),
    )
    op.create_index(op.f("ix_phone_numbers_account_id"), "phone_numbers", ["account_id"])
    op.create_index(op.f("ix_phone_numbers_line_id"), "phone_numbers", ["line_id"])
    op.create_index("ix_phone_numbers_state_number", "phone_numbers", ["state", "number"])
    op.create_index(
        "uq_phone_numbers_assigned",
        "phone_numbers",
        ["line_id"],
        unique=True,
        sqlite_where=sa.text("state = 'assigned'"),
        postgresql_where=sa.text("state = 'assigned'"),
    )
    op.create_index(
        "uq_phone_numbers_porting_in",
        "phone_numbers",
        ["line_id"],
        unique=True,
        sqlite_where=sa.text("state = 'porting_in'"),
        postgresql_where=sa.text("state = 'porting_in'"),
    )
    op.create_table(
        "registered_locations",
        sa.Column("line_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("address", sa.String(length=300), nullable=False),
        sa.Column("network", sa.String(length=64), nullable=False),
        sa.Column("acknowledged_at", base.Instant(), nullable=True),
        sa.Column("acknowledged_by", sa.String(length=16), nullable=False),
        sa.Column("changed_at", base.Instant(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_registered_locations_account_id")),
        sa.ForeignKeyConstraint(["line_id"], ["placements.id"], name=op.f("fk_registered_locations_line_id")),
        sa.PrimaryKeyConstraint("line_id", name=op.f("pk_registered_locations")),
    )
    op.create_index(op.f("ix_registered_locations_account_id"), "registered_locations", ["account_id"])
    op.create_table(
        "number_events",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("number_id", sa.Integer(), nullable=False),
        sa.Column("event", sa.String(length=12), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("line_id", sa.Integer(), nullable=True),
        sa.Column("account_id", sa.Integer(), nullable=True),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("at", base.Instant(), nullable=False),
        sa.ForeignKeyConstraint(["number_id"], ["phone_numbers.id"], name=op.f("fk_number_events_number_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_number_events")),
    )
    op.create_index(op.f("ix_number_events_number_id"), "number_events", ["number_id"])
    # Natively, without a copy of the table: others refer to it.
    op.add_column("orders", sa.Column("location", sa.String(length=300), nullable=True))
    op.add_column("orders", sa.Column("acknowledged_at", base.Instant(), nullable=True))
    op.add_column("orders", sa.Column("acknowledged_by", sa.String(length=16), nullable=True))
