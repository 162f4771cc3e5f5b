"""The operator's voice profile and the lines' accounts at the registrar."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    op.create_table(
        "voice_profiles",
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("profile", sa.Text(), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_voice_profiles")),
    )
    op.create_table(
        "voice_accounts",
        sa.Column("serial", sa.String(length=11), nullable=False),
        sa.Column("tag", sa.String(length=16), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("number_id", sa.Integer(), nullable=True),
        sa.Column("password", sa.LargeBinary(length=128), nullable=False),
        sa.Column("sealed_by", sa.String(length=16), nullable=False),
        sa.Column("made_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["number_id"], ["phone_numbers.id"], name=op.f("fk_voice_accounts_number_id")),
        sa.ForeignKeyConstraint(["serial"], ["units.serial"], name=op.f("fk_voice_accounts_serial")),
        sa.PrimaryKeyConstraint("serial", name=op.f("pk_voice_accounts")),
        sa.UniqueConstraint("number_id", name=op.f("uq_voice_accounts_number_id")),
    )
    op.add_column("configurations", sa.Column("voice_account", sa.String(length=16), nullable=True))
    op.add_column("configurations", sa.Column("voice_profile", sa.Integer(), nullable=True))
