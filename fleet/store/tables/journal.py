"""What happened and what is still to be said: the audit log and the outbox."""

from sqlalchemy import Column, Index, Integer, String, Table, Text, UniqueConstraint

from fleet.store.base import Instant, metadata

audit_log = Table(
    "audit_log",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("actor_kind", String(16), nullable=False),
    Column("actor", String(64), nullable=False),
    Column("operator", String(64)),  # none: nobody worked at a station
    Column("action", String(64), nullable=False),
    Column("subject", String(64), nullable=False, index=True),
    Column("account_id", Integer, index=True),
    Column("fields", Text, nullable=False),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("key", String(128), nullable=False),
    Column("payload", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("due_at", Instant, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("leased_until", Instant),
    Column("delivered_at", Instant),
    Column("failed_at", Instant),
    Column("last_error", Text),
    UniqueConstraint("kind", "key"),
    Index("ix_outbox_waiting", "delivered_at", "failed_at", "due_at"),
)
