"""What may be rolled out: releases, of each an image a board, and the deltas that lead to it."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Integer,
    SmallInteger,
    String,
    Table,
    Text,
    false,
)

from fleet.store.base import Instant, metadata

releases = Table(
    "releases",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("version", String(16), nullable=False, unique=True),
    Column("notes", Text, nullable=False),
    Column("published_by", String(64), nullable=False),
    Column("published_at", Instant, nullable=False),
)

release_images = Table(
    "release_images",
    metadata,
    Column("release_id", ForeignKey("releases.id"), primary_key=True),
    Column("board", String(16), primary_key=True),
    Column("name", String(64), nullable=False, unique=True),  # the TUF target's
    Column("length", Integer, nullable=False),
    Column("sha256", String(64), nullable=False),  # of header and payload, lower-case hex
    Column("revision_from", SmallInteger, nullable=False),
    Column("revision_to", SmallInteger, nullable=False),
    Column("abi", Integer, nullable=False),
    Column("release_counter", BigInteger, nullable=False),
    Column("security_counter", BigInteger, nullable=False),
    Column("data_schema", Integer, nullable=False),
    Column("minimum_heap_bytes", BigInteger, nullable=False),
    Column("beta", Boolean, nullable=False, server_default=false()),
    Column("security", Boolean, nullable=False, server_default=false()),
    Column("record_sha256", String(64)),  # of its release record; null: it has none
)

release_deltas = Table(
    "release_deltas",
    metadata,
    Column("release_id", ForeignKey("releases.id"), primary_key=True),
    Column("board", String(16), primary_key=True),
    Column("base_version", String(16), primary_key=True),
    Column("name", String(64), nullable=False, unique=True),  # the TUF target's
    Column("length", Integer, nullable=False),
    Column("sha256", String(64), nullable=False),
)
