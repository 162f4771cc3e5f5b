"""What hangs on those: orders, units, placements, terms, RMAs, rollouts."""

import sqlalchemy as sa
from alembic import op

from fleet.store import base

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "orders",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("order_date", sa.Date(), nullable=False),
        sa.Column("created_at", base.Instant(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_orders_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_orders")),
    )
    op.create_index(op.f("ix_orders_account_id"), "orders", ["account_id"], unique=False)
    op.create_table(
        "person_roles",
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("role", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_person_roles_person_id")),
        sa.PrimaryKeyConstraint("person_id", "role", name=op.f("pk_person_roles")),
    )
    op.create_table(
        "release_images",
        sa.Column("release_id", sa.Integer(), nullable=False),
        sa.Column("board", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("length", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("revision_from", sa.SmallInteger(), nullable=False),
        sa.Column("revision_to", sa.SmallInteger(), nullable=False),
        sa.Column("abi", sa.Integer(), nullable=False),
        sa.Column("release_counter", sa.BigInteger(), nullable=False),
        sa.Column("security_counter", sa.BigInteger(), nullable=False),
        sa.Column("data_schema", sa.Integer(), nullable=False),
        sa.Column("minimum_heap_bytes", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["release_id"], ["releases.id"], name=op.f("fk_release_images_release_id")),
        sa.PrimaryKeyConstraint("release_id", "board", name=op.f("pk_release_images")),
        sa.UniqueConstraint("name", name=op.f("uq_release_images_name")),
    )
    op.create_table(
        "rollouts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("release_id", sa.Integer(), nullable=False),
        sa.Column("everyone", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=24), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("pause_after_failures", sa.Integer(), nullable=False),
        sa.Column("tolerated_failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("expected", sa.Integer(), nullable=False),
        sa.Column("author", sa.String(length=64), nullable=False),
        sa.Column("approver", sa.String(length=64), nullable=True),
        sa.Column("created_at", base.Instant(), nullable=False),
        sa.Column("started_at", base.Instant(), nullable=True),
        sa.Column("ended_at", base.Instant(), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(["release_id"], ["releases.id"], name=op.f("fk_rollouts_release_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rollouts")),
    )
    op.create_index(op.f("ix_rollouts_state"), "rollouts", ["state"], unique=False)
    op.create_table(
        "sessions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("started_at", base.Instant(), nullable=False),
        sa.Column("expires_at", base.Instant(), nullable=False),
        sa.Column("ended_at", base.Instant(), nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_sessions_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sessions")),
        sa.UniqueConstraint("digest", name=op.f("uq_sessions_digest")),
    )
    op.create_index(op.f("ix_sessions_expires_at"), "sessions", ["expires_at"], unique=False)
    op.create_index(op.f("ix_sessions_person_id"), "sessions", ["person_id"], unique=False)
    op.create_table(
        "tokens",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=True),
        sa.Column("permissions", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=True),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("hint", sa.String(length=8), nullable=False),
        sa.Column("created_at", base.Instant(), nullable=False),
        sa.Column("expires_at", base.Instant(), nullable=True),
        sa.Column("revoked_at", base.Instant(), nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_tokens_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tokens")),
        sa.UniqueConstraint("digest", name=op.f("uq_tokens_digest")),
    )
    op.create_index(op.f("ix_tokens_person_id"), "tokens", ["person_id"], unique=False)
    op.create_table(
        "units",
        sa.Column("serial", sa.String(length=11), nullable=False),
        sa.Column("mac", sa.BigInteger(), nullable=False),
        sa.Column("mac_block_id", sa.Integer(), nullable=False),
        sa.Column("board", sa.String(length=16), nullable=False),
        sa.Column("hardware_revision", sa.SmallInteger(), nullable=False),
        sa.Column("board_uid", sa.LargeBinary(length=8), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("custody", sa.String(length=16), nullable=False),
        sa.Column("service", sa.String(length=16), nullable=False),
        sa.Column("trust", sa.String(length=16), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=True),
        sa.Column("version", sa.String(length=16), nullable=False),
        sa.Column("release_counter", sa.BigInteger(), nullable=False),
        sa.Column("made_at", base.Instant(), nullable=False),
        sa.Column("registered_at", base.Instant(), nullable=True),
        sa.Column("ready_at", base.Instant(), nullable=True),
        sa.Column("configured_ms", sa.BigInteger(), nullable=True),
        sa.Column("tls_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_units_account_id")),
        sa.ForeignKeyConstraint(["mac_block_id"], ["mac_blocks.id"], name=op.f("fk_units_mac_block_id")),
        sa.PrimaryKeyConstraint("serial", name=op.f("pk_units")),
        sa.UniqueConstraint("board_uid", name=op.f("uq_units_board_uid")),
        sa.UniqueConstraint("mac", name=op.f("uq_units_mac")),
    )
    op.create_index("ix_units_account_id_serial", "units", ["account_id", "serial"], unique=False)
    op.create_index("ix_units_custody_serial", "units", ["custody", "serial"], unique=False)
    op.create_table(
        "commands",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("serial", sa.String(length=11), nullable=False),
        sa.Column("command", sa.String(length=16), nullable=False),
        sa.Column("argument", sa.BigInteger(), nullable=False),
        sa.Column("asked_at", base.Instant(), nullable=False),
        sa.Column("result", sa.String(length=16), nullable=True),
        sa.Column("detail", sa.String(length=120), nullable=True),
        sa.Column("answered_at", base.Instant(), nullable=True),
        sa.ForeignKeyConstraint(["serial"], ["units.serial"], name=op.f("fk_commands_serial")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_commands")),
    )
    op.create_index(op.f("ix_commands_serial"), "commands", ["serial"], unique=False)
    op.create_table(
        "configurations",
        sa.Column("serial", sa.String(length=11), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("channel", sa.String(length=8), nullable=False),
        sa.Column("window_begins", sa.Time(), nullable=True),
        sa.Column("window_ends", sa.Time(), nullable=True),
        sa.Column("line_allowed", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["serial"], ["units.serial"], name=op.f("fk_configurations_serial")),
        sa.PrimaryKeyConstraint("serial", name=op.f("pk_configurations")),
    )
    op.create_table(
        "identities",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("serial", sa.String(length=11), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("public_key_sha256", sa.String(length=64), nullable=False),
        sa.Column("certificate", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("issued_at", base.Instant(), nullable=False),
        sa.Column("dead_at", base.Instant(), nullable=True),
        sa.ForeignKeyConstraint(["serial"], ["units.serial"], name=op.f("fk_identities_serial")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identities")),
        sa.UniqueConstraint("fingerprint", name=op.f("uq_identities_fingerprint")),
        sa.UniqueConstraint("public_key_sha256", name=op.f("uq_identities_public_key_sha256")),
        sa.UniqueConstraint("serial", "epoch", name=op.f("uq_identities_serial_epoch")),
    )
    op.create_table(
        "order_lines",
        sa.Column("order_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("board", sa.String(length=16), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("unit_price_cents", sa.BigInteger(), nullable=False),
        sa.Column("recurring_cents", sa.BigInteger(), nullable=False),
        sa.Column("credit_cents", sa.BigInteger(), nullable=False),
        sa.Column("shipped", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_order_lines_order_id")),
        sa.PrimaryKeyConstraint("order_id", "position", name=op.f("pk_order_lines")),
    )
    op.create_table(
        "placements",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("serial", sa.String(length=11), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("order_id", sa.Integer(), nullable=False),
        sa.Column("order_date", sa.Date(), nullable=False),
        sa.Column("free", sa.Boolean(), nullable=False),
        sa.Column("shipped_at", base.Instant(), nullable=False),
        sa.Column("carrier", sa.String(length=60), nullable=False),
        sa.Column("tracking", sa.String(length=120), nullable=False),
        sa.Column("replaces", sa.Integer(), nullable=True),
        sa.Column("renews", sa.Boolean(), nullable=False),
        sa.Column("registered_at", base.Instant(), nullable=True),
        sa.Column("activated_at", base.Instant(), nullable=True),
        sa.Column("until", base.Instant(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_placements_account_id")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_placements_order_id")),
        sa.ForeignKeyConstraint(["replaces"], ["placements.id"], name=op.f("fk_placements_replaces")),
        sa.ForeignKeyConstraint(["serial"], ["units.serial"], name=op.f("fk_placements_serial")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_placements")),
    )
    op.create_index(op.f("ix_placements_account_id"), "placements", ["account_id"], unique=False)
    op.create_index(
        "uq_placements_open",
        "placements",
        ["serial"],
        unique=True,
        sqlite_where=sa.text("until IS NULL"),
        postgresql_where=sa.text("until IS NULL"),
    )
    op.create_table(
        "rollout_counts",
        sa.Column("rollout_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("units", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["rollout_id"], ["rollouts.id"], name=op.f("fk_rollout_counts_rollout_id")),
        sa.PrimaryKeyConstraint("rollout_id", "state", name=op.f("pk_rollout_counts")),
    )
    op.create_table(
        "rollout_units",
        sa.Column("rollout_id", sa.Integer(), nullable=False),
        sa.Column("serial", sa.String(length=11), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=160), nullable=False),
        sa.Column("updated_at", base.Instant(), nullable=False),
        sa.ForeignKeyConstraint(["rollout_id"], ["rollouts.id"], name=op.f("fk_rollout_units_rollout_id")),
        sa.ForeignKeyConstraint(["serial"], ["units.serial"], name=op.f("fk_rollout_units_serial")),
        sa.PrimaryKeyConstraint("rollout_id", "serial", name=op.f("pk_rollout_units")),
    )
    op.create_index("ix_rollout_units_serial", "rollout_units", ["serial"], unique=False)
    op.create_table(
        "running_images",
        sa.Column("serial", sa.String(length=11), nullable=False),
        sa.Column("board", sa.String(length=16), nullable=False),
        sa.Column("hardware_revision", sa.Integer(), nullable=False),
        sa.Column("abi", sa.Integer(), nullable=False),
        sa.Column("version", sa.String(length=16), nullable=False),
        sa.Column("release_counter", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("first_at", base.Instant(), nullable=False),
        sa.Column("registered_at", base.Instant(), nullable=False),
        sa.ForeignKeyConstraint(["serial"], ["units.serial"], name=op.f("fk_running_images_serial")),
        sa.PrimaryKeyConstraint("serial", name=op.f("pk_running_images")),
    )
    op.create_table(
        "stock_records",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("serial", sa.String(length=11), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("version", sa.String(length=16), nullable=False),
        sa.Column("release_counter", sa.BigInteger(), nullable=False),
        sa.Column("self_test", sa.Text(), nullable=False),
        sa.Column("label", sa.String(length=64), nullable=False),
        sa.Column("claim_code_sha256", sa.String(length=64), nullable=False),
        sa.Column("stocked_at", base.Instant(), nullable=False),
        sa.ForeignKeyConstraint(["serial"], ["units.serial"], name=op.f("fk_stock_records_serial")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stock_records")),
        sa.UniqueConstraint("serial", "epoch", name=op.f("uq_stock_records_serial_epoch")),
    )
    op.create_table(
        "unit_notes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("serial", sa.String(length=11), nullable=False),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("at", base.Instant(), nullable=False),
        sa.ForeignKeyConstraint(["serial"], ["units.serial"], name=op.f("fk_unit_notes_serial")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_unit_notes")),
    )
    op.create_index(op.f("ix_unit_notes_serial"), "unit_notes", ["serial"], unique=False)
    op.create_table(
        "assignments",
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("serial", sa.String(length=11), nullable=False),
        sa.Column("rollout_id", sa.Integer(), nullable=True),
        sa.Column("target", sa.String(length=64), nullable=True),
        sa.Column("command_id", sa.Integer(), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.Column("pending", sa.Boolean(), nullable=False),
        sa.Column("issued_at", base.Instant(), nullable=False),
        sa.Column("told_at", base.Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["rollout_id", "serial"],
            ["rollout_units.rollout_id", "rollout_units.serial"],
            name=op.f("fk_assignments_rollout_id_serial"),
        ),
        sa.ForeignKeyConstraint(["serial"], ["units.serial"], name=op.f("fk_assignments_serial")),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_assignments")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_assignments_serial_sequence", "assignments", ["serial", "sequence"], unique=False)
    op.create_table(
        "rmas",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("serial", sa.String(length=11), nullable=False),
        sa.Column("placement_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("mode", sa.String(length=12), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("opened_at", base.Instant(), nullable=False),
        sa.Column("decision", sa.String(length=12), nullable=False),
        sa.Column("replacement", sa.String(length=12), nullable=False),
        sa.Column("return_state", sa.String(length=16), nullable=False),
        sa.Column("replacement_serial", sa.String(length=11), nullable=True),
        sa.Column("replacement_placement_id", sa.Integer(), nullable=True),
        sa.Column("approved_at", base.Instant(), nullable=True),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("condition", sa.String(length=12), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_rmas_account_id")),
        sa.ForeignKeyConstraint(["placement_id"], ["placements.id"], name=op.f("fk_rmas_placement_id")),
        sa.ForeignKeyConstraint(
            ["replacement_placement_id"], ["placements.id"], name=op.f("fk_rmas_replacement_placement_id")
        ),
        sa.ForeignKeyConstraint(["replacement_serial"], ["units.serial"], name=op.f("fk_rmas_replacement_serial")),
        sa.ForeignKeyConstraint(["serial"], ["units.serial"], name=op.f("fk_rmas_serial")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rmas")),
        sa.UniqueConstraint("replacement_placement_id", name=op.f("uq_rmas_replacement_placement_id")),
    )
    op.create_index(op.f("ix_rmas_account_id"), "rmas", ["account_id"], unique=False)
    op.create_index(op.f("ix_rmas_serial"), "rmas", ["serial"], unique=False)
    op.create_table(
        "term_events",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("placement_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("at", base.Instant(), nullable=False),
        sa.Column("detail", sa.String(length=16), nullable=False),
        sa.Column("recorded_at", base.Instant(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_term_events_account_id")),
        sa.ForeignKeyConstraint(["placement_id"], ["placements.id"], name=op.f("fk_term_events_placement_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_term_events")),
    )
    op.create_index(op.f("ix_term_events_account_id"), "term_events", ["account_id"], unique=False)
    op.create_table(
        "rma_steps",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("rma_id", sa.Integer(), nullable=False),
        sa.Column("track", sa.String(length=12), nullable=False),
        sa.Column("event", sa.String(length=12), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("at", base.Instant(), nullable=False),
        sa.Column("recorded_at", base.Instant(), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["rma_id"], ["rmas.id"], name=op.f("fk_rma_steps_rma_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rma_steps")),
    )
    op.create_index(op.f("ix_rma_steps_rma_id"), "rma_steps", ["rma_id"], unique=False)
