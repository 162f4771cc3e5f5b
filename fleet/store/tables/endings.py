"""How an account's service goes on or ends: cancellations, suspension, and what returned units were found to be."""

from sqlalchemy import Boolean, Column, Date, ForeignKey, Index, Integer, String, Table, Text

from fleet.store.base import Instant, metadata

cancellations = Table(
    "cancellations",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("account_id", ForeignKey("accounts.id"), nullable=False, index=True),
    Column("noticed_at", Instant, nullable=False),
    Column("channel", String(12), nullable=False),
    Column("administrator", String(16), nullable=False),  # a person's reference
    Column("asked_for", Date),
    Column("everything", Boolean, nullable=False),
    Column("names", Text, nullable=False),  # JSON: the lines of its scope
    Column("proof", String(32)),  # how the caller was verified
    Column("verified_by", String(64)),
    Column("passed_on_by", String(120), nullable=False),
    Column("effect_on", Date, nullable=False),
    Column("effect_at", Instant, nullable=False),
    Column("avoids", Date),
    Column("renewed_from", Date),
    Column("renewed_until", Date),
    Column("reason_rule", String(64), nullable=False),
    Column("reason_text", Text, nullable=False),
    Column("state", String(12), nullable=False),
    Column("quote", Text, nullable=False),  # JSON: the lines the Administrator was told last
    Column("quotes_told", Integer, nullable=False),
    Column("recorded_at", Instant, nullable=False),
    Column("recorded_by", String(64), nullable=False),
    Index("ix_cancellations_state_effect_at", "state", "effect_at"),
)

# An account without a row has its service, and was never suspended.
account_services = Table(
    "account_services",
    metadata,
    Column("account_id", ForeignKey("accounts.id"), primary_key=True, autoincrement=False),
    Column("state", String(12), nullable=False),
    Column("reasons", Text, nullable=False),  # JSON: why it is suspended
    Column("episode", Integer, nullable=False),
)

inspections = Table(
    "inspections",
    metadata,
    Column("rma_id", ForeignKey("rmas.id"), primary_key=True, autoincrement=False),
    Column("code", String(20), nullable=False),
    Column("photo", String(200), nullable=False),  # a reference; the picture is not kept here
    Column("note", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Column("inspected_by", String(64), nullable=False),
)
