"""Who gets a release: rollouts, each unit's part in them, what units run, what the director assigned them."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    false,
)

from fleet.store.base import Instant, metadata

rollouts = Table(
    "rollouts",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("release_id", ForeignKey("releases.id"), nullable=False),
    Column("everyone", Boolean, nullable=False),  # all units registered before the start; else those listed
    Column("state", String(24), nullable=False, index=True),
    Column("reason", Text, nullable=False),
    Column("pause_after_failures", Integer, nullable=False),
    Column("tolerated_failures", Integer, nullable=False, server_default="0"),
    Column("expected", Integer, nullable=False),
    Column("author", String(64), nullable=False),
    Column("approver", String(64)),
    Column("created_at", Instant, nullable=False),
    Column("started_at", Instant),
    Column("ended_at", Instant),
    Column("mode", String(16), nullable=False, server_default="soft"),  # of fleet.domain.treatment
    Column("urgent", Boolean, nullable=False, server_default=false()),
    Column("not_before", Instant),  # units restart into it no earlier
    Column("deadline", Instant),  # from then on maintenance hours no longer hold a unit's restart back
    Column("plan", Text),  # JSON of fleet.domain.rollout_plan; null: all at once
    Column("since", Instant),  # it came into its state; null: before that was kept
    Column("version", Integer, nullable=False, server_default="1"),
)

rollout_units = Table(
    "rollout_units",
    metadata,
    Column("rollout_id", ForeignKey("rollouts.id"), primary_key=True),
    Column("serial", ForeignKey("units.serial"), primary_key=True),
    Column("state", String(16), nullable=False),
    Column("reason", String(160), nullable=False),
    Column("updated_at", Instant, nullable=False),
    Index("ix_rollout_units_serial", "serial"),
)

# How many of rollout_units are in each state, kept with every change: deciding never counts the fleet.
rollout_counts = Table(
    "rollout_counts",
    metadata,
    Column("rollout_id", ForeignKey("rollouts.id"), primary_key=True),
    Column("state", String(16), primary_key=True),
    Column("units", Integer, nullable=False),
)

# Accounts whose Administrators were told that an update is to reach their units.
rollout_notices = Table(
    "rollout_notices",
    metadata,
    Column("rollout_id", ForeignKey("rollouts.id"), primary_key=True),
    Column("account_id", ForeignKey("accounts.id"), primary_key=True),
    Column("told_at", Instant, nullable=False),
)

# The groups that were opened; each opens a window, in which units of both arms are watched.
rollout_groups = Table(
    "rollout_groups",
    metadata,
    Column("rollout_id", ForeignKey("rollouts.id"), primary_key=True),
    Column("number", Integer, primary_key=True),  # from 0, the plan's order
    Column("opened_at", Instant, nullable=False),
    Column("units", Integer),  # about how many it has; null: not counted, its rollout has no pace
    Column("ripe_at", Instant),  # since when enough of its units have settled
    Column("accepted", Boolean, nullable=False),  # a person resumed the rollout after it was judged
)

# A unit's watch; a held-back unit's is begun anew in a later window.
rollout_watches = Table(
    "rollout_watches",
    metadata,
    Column("rollout_id", ForeignKey("rollouts.id"), primary_key=True),
    Column("serial", ForeignKey("units.serial"), primary_key=True),
    Column("number", Integer, nullable=False),  # the group that was open when it began
    Column("revision", String(40), nullable=False),
    Column("held_back", Boolean, nullable=False),
    Column("began_at", Instant, nullable=False),
    Column("ends_at", Instant, nullable=False),
    Column("running", Boolean, nullable=False),
    Column("signal", String(24)),  # what it failed by; null: nothing
    Column("lost_registrations", Integer, nullable=False, server_default="0"),
    # The rollout first: of one that ended, the watches that were running then stay so.
    Index("ix_rollout_watches_rollout_id_running_ends_at", "rollout_id", "running", "ends_at"),
)

# How many watches began, confirmed and failed, kept with every change, as rollout_counts are.
rollout_windows = Table(
    "rollout_windows",
    metadata,
    Column("rollout_id", ForeignKey("rollouts.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("revision", String(40), primary_key=True),
    Column("treated", Integer, nullable=False),
    Column("confirmed", Integer, nullable=False),
    Column("treated_failed", Integer, nullable=False),
    Column("held_back", Integer, nullable=False),
    Column("held_back_failed", Integer, nullable=False),
)

# What fleet.domain.rollout_evidence has seen of a revision, as JSON: it depends on the order of its looks.
rollout_evidence = Table(
    "rollout_evidence",
    metadata,
    Column("rollout_id", ForeignKey("rollouts.id"), primary_key=True),
    Column("revision", String(40), primary_key=True),
    Column("seen", Text, nullable=False),
)

# Units that are between their order and the end of their download, where a plan bounds how many.
download_slots = Table(
    "download_slots",
    metadata,
    Column("rollout_id", ForeignKey("rollouts.id"), primary_key=True),
    Column("serial", ForeignKey("units.serial"), primary_key=True),
    Column("lease_s", Integer, nullable=False),  # a report of a download that goes on renews it for so long
    Column("expires_at", Instant, nullable=False),
    Index("ix_download_slots_rollout_id_expires_at", "rollout_id", "expires_at"),
)

# Updates of a unit that failed since the last one it confirmed, in whatever rollout.
update_failures = Table(
    "update_failures",
    metadata,
    Column("serial", ForeignKey("units.serial"), primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("failed_at", Instant, nullable=False),  # the last of them
)

running_images = Table(
    "running_images",
    metadata,
    Column("serial", ForeignKey("units.serial"), primary_key=True),
    Column("board", String(16), nullable=False),
    Column("hardware_revision", Integer, nullable=False),
    Column("abi", Integer, nullable=False),
    Column("version", String(16), nullable=False),
    Column("release_counter", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("first_at", Instant, nullable=False),
    Column("registered_at", Instant, nullable=False),
    Index("ix_running_images_sha256", "sha256"),
)

# A row's id is the director's sequence number: never used twice, whatever is deleted.
assignments = Table(
    "assignments",
    metadata,
    Column("sequence", Integer, primary_key=True),
    Column("serial", ForeignKey("units.serial"), nullable=False),
    Column("rollout_id", Integer),
    Column("target", String(64)),  # the image's name; none: stay as you are
    Column("command_id", Integer, nullable=False),  # the check_update that tells of it
    Column("document", LargeBinary, nullable=False),
    Column("pending", Boolean, nullable=False),  # the unit has not yet said how it ended
    Column("issued_at", Instant, nullable=False),
    Column("told_at", Instant, nullable=False),
    Column("epoch", Integer, nullable=False, server_default="0"),  # the unit's when it was issued
    Column("keyid", String(64)),  # of the director's key that signed it; null: from before that was kept
    ForeignKeyConstraint(["rollout_id", "serial"], ["rollout_units.rollout_id", "rollout_units.serial"]),
    Index("ix_assignments_serial_sequence", "serial", "sequence"),
    Index("ix_assignments_pending_issued_at", "pending", "issued_at"),
    sqlite_autoincrement=True,
)
