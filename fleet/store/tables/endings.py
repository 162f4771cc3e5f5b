"""How an account's service goes on or ends: cancellations, suspension, and what returned units were found to be."""

from sqlalchemy import Boolean, Column, Date, ForeignKey, Index, Integer, String, Table, Text, text

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
    Column("cause", String(16), nullable=False, server_default="account"),  # a waiver that was claimed for it
    Column("recorded_at", Instant, nullable=False),
    Column("recorded_by", String(64), nullable=False),
    Column("version", Integer, nullable=False, server_default="1"),
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
    Column("version", Integer, nullable=False, server_default="1"),
)

breach_notices = Table(
    "breach_notices",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("account_id", ForeignKey("accounts.id"), nullable=False, index=True),
    Column("breach", String(12), nullable=False),
    Column("why", Text, nullable=False),  # what the account was told it did
    Column("noticed_at", Instant, nullable=False),
    Column("noticed_by", String(64), nullable=False),
    Column("last_day", Date, nullable=False),
    Column("ends_at", Instant, nullable=False),
    Column("reason_rule", String(64), nullable=False),
    Column("reason_text", Text, nullable=False),
    Column("state", String(12), nullable=False),
    Column("settled_at", Instant),
    Column("settled_by", String(64)),
    Column("settled_why", Text),
    Index("ix_breach_notices_state_ends_at", "state", "ends_at"),
)

# Changes that harm accounts, and whom they were told to (ToS 30).
change_notices = Table(
    "change_notices",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("text", Text, nullable=False),
    Column("takes_effect_on", Date, nullable=False),
    Column("told_at", Instant, nullable=False),
    Column("told_by", String(64), nullable=False),
)

change_notice_accounts = Table(
    "change_notice_accounts",
    metadata,
    Column("change_notice_id", ForeignKey("change_notices.id"), primary_key=True),
    Column("account_id", ForeignKey("accounts.id"), primary_key=True, index=True),
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

# Units that came back without an RMA. A unit has at most one that is open.
blind_returns = Table(
    "blind_returns",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("account_id", ForeignKey("accounts.id"), nullable=False, index=True),
    Column("serial", ForeignKey("units.serial"), nullable=False),
    Column("placement_id", ForeignKey("placements.id"), nullable=False),
    Column("condition", String(12), nullable=False),
    Column("received_at", Instant, nullable=False),
    Column("state", String(16), nullable=False),
    Column("rma_id", ForeignKey("rmas.id")),
    Column("carrier", String(60), nullable=False),
    Column("tracking", String(120), nullable=False),
    Column("sent_at", Instant),
    Index(
        "uq_blind_returns_open",
        "serial",
        unique=True,
        sqlite_where=text("state IN ('in_quarantine', 'sent_back')"),
        postgresql_where=text("state IN ('in_quarantine', 'sent_back')"),
    ),
)

blind_return_steps = Table(
    "blind_return_steps",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("blind_return_id", ForeignKey("blind_returns.id"), nullable=False, index=True),
    Column("event", String(12), nullable=False),
    Column("state", String(16), nullable=False),
    Column("at", Instant, nullable=False),
    Column("recorded_at", Instant, nullable=False),
    Column("actor", String(64), nullable=False),
    Column("why", Text, nullable=False),
)
