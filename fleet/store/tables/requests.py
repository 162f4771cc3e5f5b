"""Which writes were carried out under which Idempotency-Key, and what was answered."""

from sqlalchemy import Column, Integer, LargeBinary, String, Table, Text

from fleet.store.base import Instant, metadata

errands = Table(
    "errands",
    metadata,
    Column("actor", String(80), primary_key=True),
    Column("key", String(128), primary_key=True),
    Column("digest", LargeBinary(32), nullable=False),
    Column("attempt", String(32), nullable=False),
    Column("done_at", Instant, nullable=False, index=True),
    Column("status", Integer),  # None: carried out, the answer not (yet) kept
    Column("headers", Text),
    Column("body", LargeBinary),
)
