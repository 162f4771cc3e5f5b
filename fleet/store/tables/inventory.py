"""Numbers the operator owns: which are free, what each MAC address is, what became of it, and leases to stations."""

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    event,
    insert,
)

from fleet.store.base import Instant, metadata
from protocol.wire.serial_number import DIGITS

SERIAL_SPACE = 0  # of serial numbers; every other space is a MAC block of that id
FIRST_SERIAL = 1

# Every number in a space is either in one of these ranges, or was handed out.
free_ranges = Table(
    "free_ranges",
    metadata,
    Column("space", Integer, primary_key=True, autoincrement=False),
    Column("first", BigInteger, primary_key=True, autoincrement=False),
    Column("size", BigInteger, nullable=False),
)

mac_leases = Table(
    "mac_leases",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("request", String(64), nullable=False),
    Column("station", String(64), nullable=False),
    Column("holder", String(64), nullable=False),
    Column("board", String(16), nullable=False),
    Column("macs_per_unit", SmallInteger, nullable=False),
    Column("units", Integer, nullable=False),
    Column("taken_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("state", String(12), nullable=False),
    Column("version", Integer, nullable=False),
    Column("ended_at", Instant),
    Column("why", Text, nullable=False),
    UniqueConstraint("holder", "request"),
    Index("ix_mac_leases_state_expires_at", "state", "expires_at"),
)

mac_addresses = Table(
    "mac_addresses",
    metadata,
    Column("mac", BigInteger, primary_key=True, autoincrement=False),
    Column("block_id", ForeignKey("mac_blocks.id"), nullable=False),
    Column("state", String(12), nullable=False),
    Column("serial", String(11), nullable=False),  # a leased one has no unit yet
    Column("position", SmallInteger, nullable=False),
    Column("lease_id", ForeignKey("mac_leases.id"), index=True),
    UniqueConstraint("serial", "position"),
    Index("ix_mac_addresses_block_id_state", "block_id", "state"),
)

# For ever: an address that came back free keeps its lines.
mac_events = Table(
    "mac_events",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("mac", BigInteger, nullable=False),
    Column("event", String(12), nullable=False),
    Column("at", Instant, nullable=False),
    Column("actor", String(64), nullable=False),
    Column("serial", String(11), nullable=False),
    Column("lease_id", Integer),
    Column("why", Text, nullable=False),
    Index("ix_mac_events_mac_id", "mac", "id"),
    Index("ix_mac_events_event_at", "event", "at"),
)


@event.listens_for(free_ranges, "after_create")
def _fill(_table: Table, connection: Connection, **_options: object) -> None:
    """All serial numbers are free in a new database; the migration does the same."""
    values = {"space": SERIAL_SPACE, "first": FIRST_SERIAL, "size": 10**DIGITS - FIRST_SERIAL}
    connection.execute(insert(free_ranges).values(values))
