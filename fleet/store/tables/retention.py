"""What was purged, and the proof of it: rows are added and never changed."""

from sqlalchemy import Column, Date, Integer, String, Table

from fleet.store.base import Instant, metadata

# `first` and `last` are names of rows, which say nothing of what was in them; so does the digest over all of them.
purge_proofs = Table(
    "purge_proofs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("data", String(24), nullable=False),
    Column("rows_of", String(64), nullable=False),  # the table
    Column("purged_on", Date, nullable=False),
    Column("row_count", Integer, nullable=False),
    Column("first", String(80), nullable=False),
    Column("last", String(80), nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("recorded_at", Instant, nullable=False),
)
