"""Units and what they are made of: MAC blocks, identities, stock records, configurations, heartbeats, commands."""

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Table,
    Text,
    Time,
    UniqueConstraint,
)

from fleet.store.base import Instant, metadata

mac_blocks = Table(
    "mac_blocks",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("registry", String(4), nullable=False),
    Column("first", BigInteger, nullable=False, unique=True),
    Column("size", BigInteger, nullable=False),
    Column("note", Text, nullable=False),
    Column("added_at", Instant, nullable=False),
)

units = Table(
    "units",
    metadata,
    Column("serial", String(11), primary_key=True),
    Column("mac", BigInteger, nullable=False, unique=True),
    Column("mac_block_id", ForeignKey("mac_blocks.id"), nullable=False),
    Column("board", String(16), nullable=False),
    Column("hardware_revision", SmallInteger, nullable=False),
    Column("board_uid", LargeBinary(8), nullable=False, unique=True),  # fleet.domain.unit.unseen_board_uid
    Column("epoch", Integer, nullable=False),
    Column("custody", String(16), nullable=False),
    Column("service", String(16), nullable=False),
    Column("trust", String(16), nullable=False),
    Column("account_id", ForeignKey("accounts.id")),
    Column("version", String(16), nullable=False, default=""),  # as it last registered or was stocked
    Column("release_counter", BigInteger, nullable=False, default=0),
    Column("condition", String(12), nullable=False, server_default="new"),  # refurbished
    Column("ownership", String(12), nullable=False, server_default="operator"),  # leased, customer
    Column("made_at", Instant, nullable=False),
    Column("registered_at", Instant),
    Column("ready_at", Instant),  # its last service_ready, and what it measured of the way there
    Column("configured_ms", BigInteger),
    Column("tls_ms", BigInteger),
    Index("ix_units_custody_serial", "custody", "serial"),
    Index("ix_units_account_id_serial", "account_id", "serial"),
)

identities = Table(
    "identities",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("serial", ForeignKey("units.serial"), nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("fingerprint", String(64), nullable=False, unique=True),  # SHA-256 of the certificate, lower-case hex
    Column("public_key_sha256", String(64), nullable=False, unique=True),  # a key is never accepted twice
    Column("certificate", LargeBinary, nullable=False),
    Column("state", String(8), nullable=False),  # current, dead
    Column("issued_at", Instant, nullable=False),
    Column("dead_at", Instant),
    UniqueConstraint("serial", "epoch"),
)

stock_records = Table(
    "stock_records",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("serial", ForeignKey("units.serial"), nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("version", String(16), nullable=False),
    Column("release_counter", BigInteger, nullable=False),
    Column("self_test", Text, nullable=False),
    Column("label", String(64), nullable=False),
    Column("claim_code_sha256", String(64), nullable=False),  # of the code in the label's QR; empty: it has none
    Column("stocked_at", Instant, nullable=False),
    # What the station set and measured; null: an older station did not say.
    Column("station", String(40)),
    Column("country", String(2)),  # ISO 3166-1 alpha-2: of the market
    Column("line_gain_tenths", Integer),  # of a dB, that the codec adds towards the ear
    Column("clock_ppm", Integer),  # how much too fast the unit's clock goes
    UniqueConstraint("serial", "epoch"),
)

configurations = Table(
    "configurations",
    metadata,
    Column("serial", ForeignKey("units.serial"), primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("channel", String(8), nullable=False),
    Column("window_begins", Time),  # local time at the site; null: the operator's default
    Column("window_ends", Time),
    Column("line_level", String(16), nullable=False, server_default="none"),
    Column("voice_account", String(16)),  # its tag; null: none
    Column("voice_profile", Integer),  # the version that goes with it
)

# Written in batches at the rate of the whole fleet: no foreign key, no index but its own.
heartbeats = Table(
    "heartbeats",
    metadata,
    Column("serial", String(11), primary_key=True),
    Column("received_at", Instant, nullable=False),
    Column("uptime_s", BigInteger, nullable=False),
    Column("state", SmallInteger, nullable=False),
    Column("line_state", SmallInteger, nullable=False),
    Column("update_state", SmallInteger, nullable=False),
    Column("slot", SmallInteger, nullable=False),
    Column("release_counter", BigInteger, nullable=False),
    Column("config_version", BigInteger, nullable=False),
    Column("free_heap_bytes", BigInteger, nullable=False),
    Column("waiting_reports", SmallInteger, nullable=False),
    Column("clock_s", BigInteger, nullable=False),
)

commands = Table(
    "commands",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("serial", ForeignKey("units.serial"), nullable=False, index=True),
    Column("command", String(16), nullable=False),
    Column("argument", BigInteger, nullable=False),
    Column("epoch", Integer, nullable=False, server_default="0"),  # the unit's when it was asked
    Column("asked_at", Instant, nullable=False),
    Column("result", String(16)),
    Column("detail", String(120)),
    Column("answered_at", Instant),
)

# Why people did what they did to a unit, in their words.
unit_notes = Table(
    "unit_notes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("serial", ForeignKey("units.serial"), nullable=False, index=True),
    Column("action", String(64), nullable=False),
    Column("why", Text, nullable=False),
    Column("actor", String(64), nullable=False),
    Column("at", Instant, nullable=False),
)
