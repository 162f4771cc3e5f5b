"""What the gateway keeps: which messages are handled, which could not be, and what units tell of themselves."""

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, String, Table, Text

from fleet.store.base import Instant, metadata

sequence_windows = Table(
    "sequence_windows",
    metadata,
    Column("serial", String(11), primary_key=True),
    Column("boot_id", BigInteger, primary_key=True),
    Column("highest", BigInteger, nullable=False),
    Column("seen", LargeBinary, nullable=False),
    Column("epoch", Integer),  # of the unit when this start registered; null: it has not
    Column("updated_at", Instant, nullable=False),
)

dead_letters = Table(
    "dead_letters",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("serial", String(11), nullable=False, index=True),  # empty: the topic names no unit
    Column("topic", Text, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("reason", Text, nullable=False),
    Column("received_at", Instant, nullable=False, index=True),
)

unit_events = Table(
    "unit_events",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("serial", String(11), nullable=False, index=True),
    Column("event", String(16), nullable=False),
    Column("value", BigInteger, nullable=False),
    Column("clock_s", BigInteger, nullable=False),  # the unit's own clock; 0 before it knew the time
    Column("received_at", Instant, nullable=False, index=True),
)
