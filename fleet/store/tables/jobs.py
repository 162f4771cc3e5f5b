"""Which recurring jobs there are, who runs one now, and when each is due again."""

from sqlalchemy import Column, Integer, String, Table, Text

from fleet.store.base import Instant, metadata

jobs = Table(
    "jobs",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("due_at", Instant, nullable=False),
    Column("leased_until", Instant),
    Column("started_at", Instant),
    Column("finished_at", Instant),
    Column("failures", Integer, nullable=False, server_default="0"),  # in a row
    Column("last_error", Text),
)
