"""Calls: what units tell of each, which destinations are metered or blocked, and whose use is out of pattern."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from fleet.store.base import Instant, metadata

# Many rows: the only table that grows with use. SQLite numbers rows by itself in a column of type INTEGER alone.
LONG = BigInteger().with_variant(Integer, "sqlite")

# The operator's table; rows are added and never changed.
metered_destinations = Table(
    "metered_destinations",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("prefix", String(10), nullable=False),
    Column("name", String(60), nullable=False),
    Column("price_hundredths", Integer, nullable=False),  # of a cent, a minute
    Column("effective_from", Date, nullable=False),
    Column("loaded_by", String(64), nullable=False),
    Column("loaded_at", Instant, nullable=False),
    UniqueConstraint("prefix", "effective_from"),
)

# Personal data: the number of the other party. Facts, but for what the data rules take out and for `charge_key`.
# No foreign keys to what acts lock: what units tell waits for nobody, in whatever order.
call_records = Table(
    "call_records",
    metadata,
    Column("id", LONG, primary_key=True),
    Column("serial", String(11), nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("record_id", BigInteger, nullable=False),
    Column("started_s", BigInteger, nullable=False),  # by the unit's clock
    Column("account_id", Integer),  # whose the unit was then; none: nobody's
    Column("line_id", Integer),
    Column("started_at", Instant, nullable=False),
    Column("start_taken_from", String(8), nullable=False),
    Column("received_at", Instant, nullable=False),
    Column("direction", String(4), nullable=False),
    Column("number", String(32), nullable=False),
    Column("setup_ms", BigInteger, nullable=False),
    Column("duration_ms", BigInteger, nullable=False),
    Column("ended_by", String(12), nullable=False),
    Column("status", Integer, nullable=False),
    Column("codec", String(8), nullable=False),
    Column("secured", Boolean, nullable=False),
    Column("emergency", Boolean, nullable=False),
    Column("packets_sent", BigInteger, nullable=False),
    Column("packets_received", BigInteger, nullable=False),
    Column("packets_lost", BigInteger, nullable=False),
    Column("packets_discarded", BigInteger, nullable=False),
    Column("burst_loss_permille", Integer, nullable=False),
    Column("jitter_ms", Integer, nullable=False),
    Column("jitter_max_ms", Integer, nullable=False),
    Column("buffer_ms", Integer, nullable=False),
    Column("round_trip_ms", Integer, nullable=False),
    Column("r_factor", SmallInteger, nullable=False),
    Column("mos_tenths", SmallInteger, nullable=False),
    Column("metered_by", ForeignKey("metered_destinations.id")),
    Column("metered_minutes", Integer, nullable=False),
    Column("charge_key", String(120)),  # of the charge event it went into; none: not charged yet, or never to be
    # Once, however often it is sent. The start tells two calls apart if a unit counts from the beginning again.
    UniqueConstraint("serial", "epoch", "record_id", "started_s"),
    Index("ix_call_records_account_id_started_at_id", "account_id", "started_at", "id"),
    Index("ix_call_records_serial_started_at_id", "serial", "started_at", "id"),
    Index("ix_call_records_started_at", "started_at"),
    Index("ix_call_records_serial_received_at", "serial", "received_at"),
    Index(
        "ix_call_records_uncharged",
        "account_id",
        "started_at",
        sqlite_where=text("metered_by IS NOT NULL AND charge_key IS NULL"),
        postgresql_where=text("metered_by IS NOT NULL AND charge_key IS NULL"),
    ),
)

# Which months were measured, so that each is once.
use_measurements = Table(
    "use_measurements",
    metadata,
    Column("month", Date, primary_key=True),
    Column("plan", String(8), primary_key=True),
    Column("accounts", Integer, nullable=False),
    Column("limit_ms", BigInteger, nullable=False),
    Column("percent", Integer, nullable=False),
    Column("measured_at", Instant, nullable=False),
)

use_reviews = Table(
    "use_reviews",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("account_id", ForeignKey("accounts.id"), nullable=False),
    Column("month", Date, nullable=False),
    Column("month_ended_at", Instant, nullable=False),  # what its retention counts from, as that of the calls it is of
    Column("plan", String(8), nullable=False),
    Column("evidence", Text, nullable=False),  # JSON: figures and countries
    Column("measured_at", Instant, nullable=False),
    Column("outcome", String(12)),
    Column("why", Text, nullable=False),
    Column("decided_by", String(64)),
    Column("decided_at", Instant),
    Column("version", Integer, nullable=False),
    UniqueConstraint("account_id", "month"),
    Index("ix_use_reviews_month_ended_at", "month_ended_at"),
)

destination_blocks = Table(
    "destination_blocks",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("account_id", ForeignKey("accounts.id"), nullable=False, index=True),
    Column("destination", String(10), nullable=False),
    Column("why", Text, nullable=False),
    Column("blocked_by", String(64), nullable=False),
    Column("blocked_at", Instant, nullable=False),
    Column("lifted_why", Text, nullable=False),
    Column("lifted_by", String(64)),
    Column("lifted_at", Instant),
    Column("version", Integer, nullable=False),
    Index(
        "uq_destination_blocks_in_force",
        "account_id",
        "destination",
        unique=True,
        sqlite_where=text("lifted_at IS NULL"),
        postgresql_where=text("lifted_at IS NULL"),
    ),
)
