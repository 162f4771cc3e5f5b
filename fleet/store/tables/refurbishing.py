"""The rounds of returned units through refurbishing, and who did each step when and why."""

from sqlalchemy import Column, ForeignKey, Index, Integer, String, Table, Text, UniqueConstraint, text

from fleet.store.base import Instant, metadata

refurbishings = Table(
    "refurbishings",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("serial", ForeignKey("units.serial"), nullable=False),
    Column("number", Integer, nullable=False),  # counts the unit's rounds
    Column("code", String(20), nullable=False),  # what the inspection found
    Column("rma_id", ForeignKey("rmas.id"), unique=True),
    Column("state", String(12), nullable=False, index=True),
    Column("grade", String(1)),
    Column("opened_at", Instant, nullable=False),
    Column("ended_at", Instant),
    UniqueConstraint("serial", "number"),
    Index(
        "uq_refurbishings_open",
        "serial",
        unique=True,
        sqlite_where=text("ended_at IS NULL"),
        postgresql_where=text("ended_at IS NULL"),
    ),
)

refurbishing_steps = Table(
    "refurbishing_steps",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("refurbishing_id", ForeignKey("refurbishings.id"), nullable=False, index=True),
    Column("event", String(12), nullable=False),
    Column("state", String(12), nullable=False),
    Column("at", Instant, nullable=False),
    Column("actor", String(64), nullable=False),
    Column("why", Text, nullable=False),
    Column("evidence", Text, nullable=False),
)
