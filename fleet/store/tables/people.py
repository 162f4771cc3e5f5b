"""Who may come in: people, their roles, sessions and one-time links, the tokens of programs, failed tries."""

from sqlalchemy import Column, ForeignKey, Index, Integer, LargeBinary, String, Table, Text

from fleet.store.base import Instant, metadata

people = Table(
    "people",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(120), nullable=False),
    Column("email", String(254), nullable=False, unique=True),  # lower case
    Column("state", String(16), nullable=False),
    Column("account_id", Integer, index=True),  # None: one of the operator's own people
    Column("password_hash", Text),  # argon2id, as PHC text
    Column("version", Integer, nullable=False, server_default="1"),
    Column("created_at", Instant, nullable=False),
)

person_roles = Table(
    "person_roles",
    metadata,
    Column("person_id", ForeignKey("people.id"), primary_key=True),
    Column("role", String(32), primary_key=True),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("person_id", ForeignKey("people.id"), nullable=False, index=True),
    Column("digest", LargeBinary(32), nullable=False, unique=True),
    Column("started_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False, index=True),
    Column("ended_at", Instant),
)

tokens = Table(
    "tokens",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(120), nullable=False),
    Column("person_id", ForeignKey("people.id"), index=True),  # None: made on the server's own command line
    Column("permissions", Text, nullable=False),  # a JSON list
    Column("account_id", Integer),
    Column("digest", LargeBinary(32), nullable=False, unique=True),
    Column("hint", String(8), nullable=False),  # the last characters, to tell tokens apart
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant),
    Column("revoked_at", Instant),
)

one_time_links = Table(
    "one_time_links",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("purpose", String(16), nullable=False),
    Column("person_id", ForeignKey("people.id"), index=True),  # None: for the first admin, who is nobody yet
    Column("digest", LargeBinary(32), nullable=False, unique=True),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("used_at", Instant),
    Index("ix_one_time_links_open", "purpose", "used_at"),
)

sign_in_attempts = Table(
    "sign_in_attempts",
    metadata,
    Column(
        "subject", String(80), primary_key=True
    ),  # a digest of what is limited: fleet.store.credentials.attempt_subject
    Column("window_started_at", Instant, nullable=False, index=True),
    Column("count", Integer, nullable=False),
)
