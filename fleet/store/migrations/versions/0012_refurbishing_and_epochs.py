"""Rounds of refurbishing; what an account chose stays with its placement; which epoch commands and starts are of."""

import sqlalchemy as sa
from alembic import op

from fleet.store import base

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    _rounds()
    # Natively, without a copy of the tables: others refer to them.
    op.add_column("commands", sa.Column("epoch", sa.Integer(), server_default="0", nullable=False))
    op.add_column("assignments", sa.Column("epoch", sa.Integer(), server_default="0", nullable=False))
    op.add_column("sequence_windows", sa.Column("epoch", sa.Integer(), nullable=True))
    # The epoch each was of is not known: all that was said so far counts for the identity that is current.
    of_unit = sa.table("units", sa.column("serial"), sa.column("epoch"))
    for name in ("commands", "assignments", "sequence_windows"):
        table = sa.table(name, sa.column("serial"), sa.column("epoch"))
        present = sa.select(of_unit.c.epoch).where(of_unit.c.serial == table.c.serial).scalar_subquery()
        op.execute(table.update().values(epoch=present))
    op.add_column("placements", sa.Column("channel", sa.String(length=8), nullable=True))
    op.add_column("placements", sa.Column("window_begins", sa.Time(), nullable=True))
    op.add_column("placements", sa.Column("window_ends", sa.Time(), nullable=True))
    # Of a unit that lies here still the choices of the account it left are known: a replacement may yet ask for them.
    op.execute(
        "UPDATE placements SET (channel, window_begins, window_ends) = ("
        "SELECT channel, window_begins, window_ends FROM configurations WHERE configurations.serial = placements.serial"
        ") WHERE until IS NOT NULL AND serial IN (SELECT serial FROM units WHERE custody = 'returned') "
        "AND id = (SELECT max(latest.id) FROM placements AS latest WHERE latest.serial = placements.serial)"
    )
    _wait_for_triage()


def _rounds() -> None:
    op.create_table(
        "refurbishings",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("serial", sa.String(length=11), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=20), nullable=False),
        sa.Column("rma_id", sa.Integer(), nullable=True),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("grade", sa.String(length=1), nullable=True),
        sa.Column("opened_at", base.Instant(), nullable=False),
        sa.Column("ended_at", base.Instant(), nullable=True),
        sa.ForeignKeyConstraint(["rma_id"], ["rmas.id"], name=op.f("fk_refurbishings_rma_id")),
        sa.ForeignKeyConstraint(["serial"], ["units.serial"], name=op.f("fk_refurbishings_serial")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refurbishings")),
        sa.UniqueConstraint("rma_id", name=op.f("uq_refurbishings_rma_id")),
        sa.UniqueConstraint("serial", "number", name=op.f("uq_refurbishings_serial_number")),
    )
    op.create_index(op.f("ix_refurbishings_state"), "refurbishings", ["state"])
    is_open = sa.text("ended_at IS NULL")
    op.create_index(
        "uq_refurbishings_open",
        "refurbishings",
        ["serial"],
        unique=True,
        sqlite_where=is_open,
        postgresql_where=is_open,
    )
    op.create_table(
        "refurbishing_steps",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("refurbishing_id", sa.Integer(), nullable=False),
        sa.Column("event", sa.String(length=12), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("at", base.Instant(), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["refurbishing_id"], ["refurbishings.id"], name=op.f("fk_refurbishing_steps_refurbishing_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refurbishing_steps")),
    )
    op.create_index(op.f("ix_refurbishing_steps_refurbishing_id"), "refurbishing_steps", ["refurbishing_id"])


def _wait_for_triage() -> None:
    """A returned unit whose last RMA was inspected waits at the bench; the others get there by their inspection."""
    op.execute(
        "INSERT INTO refurbishings (serial, number, code, rma_id, state, opened_at) "
        "SELECT units.serial, 1, inspections.code, inspections.rma_id, 'waiting', inspections.at "
        "FROM inspections JOIN rmas ON rmas.id = inspections.rma_id JOIN units ON units.serial = rmas.serial "
        "WHERE units.custody = 'returned' "
        "AND rmas.id = (SELECT max(latest.id) FROM rmas AS latest WHERE latest.serial = units.serial)"
    )
