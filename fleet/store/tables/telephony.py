"""What a line needs beside its unit: a number, a registered location, and where its unit is on the internet.

A line is named by the first placement of its chain (fleet/services/lines.py).
"""

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, String, Table, Text, text

from fleet.store.base import Instant, metadata

# Personal data: the address.
registered_locations = Table(
    "registered_locations",
    metadata,
    Column("line_id", ForeignKey("placements.id"), primary_key=True, autoincrement=False),
    Column("account_id", ForeignKey("accounts.id"), nullable=False, index=True),
    Column("address", String(300), nullable=False),
    Column("network", String(64), nullable=False),
    Column("acknowledged_at", Instant),
    Column("acknowledged_by", String(16), nullable=False),  # a person's reference; empty: nobody
    Column("changed_at", Instant, nullable=False),
)

phone_numbers = Table(
    "phone_numbers",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("number", String(16), nullable=False, unique=True),
    Column("state", String(12), nullable=False),
    Column("own", Boolean, nullable=False),
    Column("line_id", ForeignKey("placements.id"), index=True),
    Column("account_id", ForeignKey("accounts.id"), index=True),
    Column("changed_at", Instant, nullable=False),
    Index("ix_phone_numbers_state_number", "state", "number"),
    # A line has one number, and at most one more on its way to it.
    *(
        Index(
            f"uq_phone_numbers_{state}", "line_id", unique=True, sqlite_where=text(where), postgresql_where=text(where)
        )
        for state in ("assigned", "porting_in")
        for where in [f"state = '{state}'"]
    ),
)

# Facts only: rows are added and never changed, but for what the data rules take out.
number_events = Table(
    "number_events",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("number_id", ForeignKey("phone_numbers.id"), nullable=False, index=True),
    Column("event", String(12), nullable=False),
    Column("state", String(12), nullable=False),
    Column("line_id", Integer),
    Column("account_id", Integer),
    Column("why", Text, nullable=False),
    Column("actor", String(64), nullable=False),
    Column("at", Instant, nullable=False),
)

# The operator's table of networks; replaced as a whole.
known_prefixes = Table(
    "known_prefixes",
    metadata,
    Column("prefix", String(43), primary_key=True),
    Column("country", String(2), nullable=False),
    Column("network", String(64), nullable=False),
)

export_blocks = Table(
    "export_blocks",
    metadata,
    Column("country", String(2), primary_key=True),
    Column("why", Text, nullable=False),
    Column("actor", String(64), nullable=False),
    Column("at", Instant, nullable=False),
)

# Where each unit connected from last: its network and country, never its address. No foreign key: the broker's door
# writes it.
unit_whereabouts = Table(
    "unit_whereabouts",
    metadata,
    Column("serial", String(11), primary_key=True),
    Column("network", String(64), nullable=False),
    Column("country", String(2), nullable=False, index=True),
    Column("seen_at", Instant, nullable=False),
)
