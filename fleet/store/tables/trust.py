"""Whether identities are believed: the starts units were seen in, clone alarms, and guesses at the codes on labels."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, String, Table, Text, text

from fleet.store.base import Instant, metadata

# One row a unit, so that a batch of heartbeats is held against it by the primary key alone.
unit_starts = Table(
    "unit_starts",
    metadata,
    Column("serial", ForeignKey("units.serial"), primary_key=True),
    Column("boot_id", BigInteger, nullable=False),  # of the start that was seen first as the last one
    Column("starts", Text, nullable=False),  # JSON: [boot id, first seen, last seen] of each, as it was first seen
)

clone_alarms = Table(
    "clone_alarms",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("serial", ForeignKey("units.serial"), nullable=False),  # the identity that is quarantined
    Column("claimed", String(11), nullable=False),  # the other unit involved; empty: none
    Column("evidence", String(12), nullable=False),
    Column("mac", BigInteger, nullable=False),
    Column("boot_id", BigInteger, nullable=False),
    Column("reason_rule", String(64), nullable=False),
    Column("reason_text", Text, nullable=False),
    Column("sightings", Text, nullable=False),  # JSON: the starts known when it was raised
    Column("raised_at", Instant, nullable=False),
    Column("resolution", String(12)),  # null: open
    Column("resolved_at", Instant),
    Column("resolved_by", String(64)),
    Column("why", Text, nullable=False),
    Index(
        "uq_clone_alarms_open",
        "serial",
        unique=True,
        sqlite_where=text("resolution IS NULL"),
        postgresql_where=text("resolution IS NULL"),
    ),
)

claim_failures = Table(
    "claim_failures",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("account_id", ForeignKey("accounts.id"), nullable=False),
    Column("serial", String(11), nullable=False),  # as it was named: perhaps of no unit
    Column("failed_at", Instant, nullable=False),
    Index("ix_claim_failures_account_id_failed_at", "account_id", "failed_at"),
    Index("ix_claim_failures_serial_failed_at", "serial", "failed_at"),
)
