"""Accounts and what they have: orders, placements, the events terms are folded from, RMAs, policy values."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    Time,
    UniqueConstraint,
    false,
    text,
)

from fleet.store.base import Instant, metadata

accounts = Table(
    "accounts",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(120), nullable=False),
    Column("service_available", Boolean, nullable=False),  # ToS 1.3: one of the three conditions of Activation
    Column("created_at", Instant, nullable=False),
    Column("closed_at", Instant),
    Column("purged_at", Instant),  # when the personal data of a closed one went (equipment rules 8)
    Index("ix_accounts_closed_at", "closed_at"),
)

# Why people did what they did to an account's service, in their words.
account_notes = Table(
    "account_notes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("account_id", ForeignKey("accounts.id"), nullable=False, index=True),
    Column("action", String(64), nullable=False),
    Column("why", Text, nullable=False),
    Column("actor", String(64), nullable=False),
    Column("at", Instant, nullable=False),
)

# Authorized Distributors sell and pass cancellations on; they decide nothing and cannot sign in (ToS 3).
distributors = Table(
    "distributors",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(120), nullable=False, unique=True),
    Column("state", String(12), nullable=False),
    Column("registered_at", Instant, nullable=False),
    Column("ended_at", Instant),
)

orders = Table(
    "orders",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("account_id", ForeignKey("accounts.id"), nullable=False, index=True),
    Column("order_date", Date, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("plan", String(8), nullable=False, server_default="monthly"),
    Column("plan_price_cents", BigInteger, nullable=False, server_default="0"),
    Column("plan_settled_on", Date),  # what its end brings back was worked out then, once
    Column("distributor_id", ForeignKey("distributors.id")),
    Column("location", String(300)),  # personal data: where its units will be (ToS 1.20)
    Column("acknowledged_at", Instant),  # the 911 disclosure there
    Column("acknowledged_by", String(16)),  # a person's reference
)

order_lines = Table(
    "order_lines",
    metadata,
    Column("order_id", ForeignKey("orders.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("board", String(16), nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("unit_price_cents", BigInteger, nullable=False),
    Column("recurring_cents", BigInteger, nullable=False),
    Column("credit_cents", BigInteger, nullable=False),
    Column("shipped", Integer, nullable=False),
    Column("ownership", String(12), nullable=False, server_default="operator"),
    Column("brought", Boolean, nullable=False, server_default=false()),  # along, by the account; not ordered from us
)

# Units that are set aside for an order until they leave with it or are put back.
order_picks = Table(
    "order_picks",
    metadata,
    Column("serial", ForeignKey("units.serial"), primary_key=True),
    Column("order_id", ForeignKey("orders.id"), nullable=False, index=True),
    Column("picked_at", Instant, nullable=False),
    Column("actor", String(64), nullable=False),
)

placements = Table(
    "placements",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("serial", ForeignKey("units.serial"), nullable=False),
    Column("account_id", ForeignKey("accounts.id"), nullable=False, index=True),
    Column("order_id", ForeignKey("orders.id"), nullable=False),
    Column("order_date", Date, nullable=False),
    Column("free", Boolean, nullable=False),
    Column("shipped_at", Instant, nullable=False),
    Column("carrier", String(60), nullable=False),
    Column("tracking", String(120), nullable=False),
    Column("replaces", ForeignKey("placements.id")),
    Column("renews", Boolean, nullable=False),
    Column("ownership", String(12), nullable=False, server_default="operator"),
    Column("price_cents", BigInteger, nullable=False, server_default="0"),
    Column("registered_at", Instant),
    Column("activated_at", Instant),
    Column("until", Instant),
    Column("channel", String(8)),  # what the account had chosen when the unit left it, for what replaces it
    Column("window_begins", Time),
    Column("window_ends", Time),
    Index(
        "uq_placements_open",
        "serial",
        unique=True,
        sqlite_where=text("until IS NULL"),
        postgresql_where=text("until IS NULL"),
    ),
)

# Replacements that have registered while a call was up on the unit they replace.
waiting_swaps = Table(
    "waiting_swaps",
    metadata,
    Column("placement_id", ForeignKey("placements.id"), primary_key=True),
    Column("serial", ForeignKey("units.serial"), nullable=False),
    Column("old_serial", ForeignKey("units.serial"), nullable=False, index=True),
    Column("since", Instant, nullable=False),
)

# Facts only: rows are added and never changed.
term_events = Table(
    "term_events",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("account_id", ForeignKey("accounts.id"), nullable=False, index=True),
    Column("placement_id", ForeignKey("placements.id"), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("at", Instant, nullable=False),
    Column("detail", String(16), nullable=False),
    Column("recorded_at", Instant, nullable=False),
)

rmas = Table(
    "rmas",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("account_id", ForeignKey("accounts.id"), nullable=False, index=True),
    Column("serial", ForeignKey("units.serial"), nullable=False, index=True),
    Column("placement_id", ForeignKey("placements.id"), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("mode", String(12), nullable=False),
    Column("reason", Text, nullable=False),
    Column("opened_at", Instant, nullable=False),
    Column("decision", String(12), nullable=False),
    Column("replacement", String(12), nullable=False),
    Column("return_state", String(16), nullable=False, quote=True),
    Column("replacement_serial", ForeignKey("units.serial")),
    Column("replacement_placement_id", ForeignKey("placements.id"), unique=True),
    Column("approved_at", Instant),
    Column("due_on", Date),
    Column("condition", String(12)),
    Column("version", Integer, nullable=False, server_default="1"),
)

# Who, when and why stand beside each step of a track.
rma_steps = Table(
    "rma_steps",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("rma_id", ForeignKey("rmas.id"), nullable=False, index=True),
    Column("track", String(12), nullable=False),
    Column("event", String(12), nullable=False),
    Column("state", String(16), nullable=False),
    Column("at", Instant, nullable=False),
    Column("recorded_at", Instant, nullable=False),
    Column("actor", String(64), nullable=False),
    Column("why", Text, nullable=False),
)

policy_values = Table(
    "policy_values",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(40), nullable=False),
    Column("effective_from", Date, nullable=False),
    Column("value", BigInteger, nullable=False),
    UniqueConstraint("name", "effective_from"),
)
