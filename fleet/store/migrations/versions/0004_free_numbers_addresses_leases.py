"""Free numbers as ranges, a record and a history for each MAC address, leases to stations."""

import sqlalchemy as sa
from alembic import op

from fleet.store import base

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "free_ranges",
        sa.Column("space", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("first", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("space", "first", name=op.f("pk_free_ranges")),
    )
    op.create_table(
        "mac_leases",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("request", sa.String(length=64), nullable=False),
        sa.Column("station", sa.String(length=64), nullable=False),
        sa.Column("holder", sa.String(length=64), nullable=False),
        sa.Column("board", sa.String(length=16), nullable=False),
        sa.Column("macs_per_unit", sa.SmallInteger(), nullable=False),
        sa.Column("units", sa.Integer(), nullable=False),
        sa.Column("taken_at", base.Instant(), nullable=False),
        sa.Column("expires_at", base.Instant(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("ended_at", base.Instant(), nullable=True),
        sa.Column("why", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mac_leases")),
        sa.UniqueConstraint("holder", "request", name=op.f("uq_mac_leases_holder_request")),
    )
    op.create_index("ix_mac_leases_state_expires_at", "mac_leases", ["state", "expires_at"])
    op.create_table(
        "mac_addresses",
        sa.Column("mac", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("block_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("serial", sa.String(length=11), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("lease_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["block_id"], ["mac_blocks.id"], name=op.f("fk_mac_addresses_block_id")),
        sa.ForeignKeyConstraint(["lease_id"], ["mac_leases.id"], name=op.f("fk_mac_addresses_lease_id")),
        sa.PrimaryKeyConstraint("mac", name=op.f("pk_mac_addresses")),
        sa.UniqueConstraint("serial", "position", name=op.f("uq_mac_addresses_serial_position")),
    )
    op.create_index("ix_mac_addresses_block_id_state", "mac_addresses", ["block_id", "state"])
    op.create_index(op.f("ix_mac_addresses_lease_id"), "mac_addresses", ["lease_id"])
    op.create_table(
        "mac_events",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("mac", sa.BigInteger(), nullable=False),
        sa.Column("event", sa.String(length=12), nullable=False),
        sa.Column("at", base.Instant(), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("serial", sa.String(length=11), nullable=False),
        sa.Column("lease_id", sa.Integer(), nullable=True),
        sa.Column("why", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mac_events")),
    )
    op.create_index("ix_mac_events_mac_id", "mac_events", ["mac", "id"])
    op.create_index("ix_mac_events_event_at", "mac_events", ["event", "at"])
    op.add_column("units", sa.Column("condition", sa.String(length=12), server_default="new", nullable=False))
    op.add_column("units", sa.Column("ownership", sa.String(length=12), server_default="operator", nullable=False))
    _carry_over()
    # Natively, without a copy of the table: units refer to it.
    op.drop_column("mac_blocks", "taken")
    op.drop_table("sequences")


def _carry_over() -> None:
    """What stood in two counters: blocks were used from their first address on, serial numbers from 1 on."""
    op.execute(
        "INSERT INTO free_ranges (space, first, size) "
        "SELECT id, first + taken, size - taken FROM mac_blocks WHERE taken < size"
    )
    op.execute(
        "INSERT INTO free_ranges (space, first, size) SELECT 0, next, 100000000 - next "
        "FROM sequences WHERE name = 'serial' AND next < 100000000"
    )
    op.execute(
        "INSERT INTO free_ranges (space, first, size) SELECT 0, 1, 99999999 "
        "WHERE NOT EXISTS (SELECT 1 FROM sequences WHERE name = 'serial')"
    )
    op.execute(
        "INSERT INTO mac_addresses (mac, block_id, state, serial, position) "
        "SELECT mac, mac_block_id, CASE WHEN custody = 'scrapped' THEN 'retired' WHEN EXISTS "
        "(SELECT 1 FROM identities WHERE identities.serial = units.serial) THEN 'given' ELSE 'reserved' END, "
        "serial, 0 FROM units"
    )
    # Who allocated and scrapped them stands in the audit log and the unit's notes, which stay.
    op.execute(
        "INSERT INTO mac_events (mac, event, at, actor, serial, why) "
        "SELECT mac, 'allocate', made_at, 'migration', serial, '' FROM units ORDER BY serial"
    )
    op.execute(
        "INSERT INTO mac_events (mac, event, at, actor, serial, why) "
        "SELECT mac, 'scrap', unit_notes.at, unit_notes.actor, units.serial, unit_notes.why FROM units "
        "JOIN unit_notes ON unit_notes.serial = units.serial AND unit_notes.action = 'unit:scrap'"
    )
