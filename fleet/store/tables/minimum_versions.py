"""Which version units must run, which accounts were told of it, and which units refuse it."""

from sqlalchemy import BigInteger, Boolean, Column, Date, ForeignKey, Integer, String, Table, Text

from fleet.store.base import Instant, metadata

minimum_versions = Table(
    "minimum_versions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("release_id", ForeignKey("releases.id"), nullable=False),
    Column("board", String(16)),  # null: every board the release has an image for
    Column("begins_on", Date, nullable=False),
    Column("state", String(16), nullable=False, index=True),
    Column("author", String(64), nullable=False),
    Column("approver", String(64)),
    Column("reason", Text, nullable=False),  # why it was withdrawn
    Column("created_at", Instant, nullable=False),
    Column("version", Integer, nullable=False, server_default="1"),
)

minimum_version_notices = Table(
    "minimum_version_notices",
    metadata,
    Column("minimum_id", ForeignKey("minimum_versions.id"), primary_key=True),
    Column("account_id", ForeignKey("accounts.id"), primary_key=True),
    Column("told_on", Date, nullable=False),
)

# Units that are offered a security update they must have; they are few.
minimum_version_tallies = Table(
    "minimum_version_tallies",
    metadata,
    Column("serial", ForeignKey("units.serial"), primary_key=True),
    Column("minimum_id", ForeignKey("minimum_versions.id"), primary_key=True),
    Column("counter", BigInteger, nullable=False),  # the release counter it must have
    Column("days", Integer, nullable=False),
    Column("last_day", Date),
    Column("withheld", Boolean, nullable=False),  # voice, until it registers with that counter
)
