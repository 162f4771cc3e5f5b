"""The operator's voice profile, and each line's account at the registrar."""

from sqlalchemy import Column, ForeignKey, Integer, LargeBinary, String, Table, Text

from fleet.store.base import Instant, metadata

# Rows are added and never changed: the last one is in force.
voice_profiles = Table(
    "voice_profiles",
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("profile", Text, nullable=False),  # JSON
    Column("actor", String(64), nullable=False),
    Column("at", Instant, nullable=False),
)

# One a unit that has a line. The password is sealed under the key file beside the database, `sealed_by` says which.
voice_accounts = Table(
    "voice_accounts",
    metadata,
    Column("serial", ForeignKey("units.serial"), primary_key=True),
    Column("tag", String(16), nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("number_id", ForeignKey("phone_numbers.id"), unique=True),  # null: the line has no number now
    Column("password", LargeBinary(128), nullable=False),
    Column("sealed_by", String(16), nullable=False),
    Column("made_at", Instant, nullable=False),
)
