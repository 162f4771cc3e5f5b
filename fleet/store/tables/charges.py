"""What accounts are charged, credited and refunded: rows are added, each key once, and never changed."""

from sqlalchemy import BigInteger, Column, Date, ForeignKey, Index, Integer, String, Table, Text

from fleet.store.base import Instant, metadata

charge_events = Table(
    "charge_events",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("key", String(120), nullable=False, unique=True),  # which is what makes an event happen once
    Column("account_id", ForeignKey("accounts.id"), nullable=False),
    Column("kind", String(8), nullable=False),
    Column("rule", String(24), nullable=False),
    Column("subject", String(64), nullable=False),
    Column("amount_cents", BigInteger, nullable=False),
    Column("charged_on", Date, nullable=False),
    Column("reason_rule", String(64), nullable=False),
    Column("reason_text", Text, nullable=False),
    Column("inputs", Text, nullable=False),  # JSON: [[name, value], ...]
    Column("policy", Text, nullable=False),  # JSON: [[name, effective from, value], ...]
    Column("credits_key", String(120), nullable=False),  # of the charge a credit lowers, else empty
    Column("recorded_at", Instant, nullable=False),
    Index("ix_charge_events_account_id_id", "account_id", "id"),
)
