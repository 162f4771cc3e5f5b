"""How units take a rollout: soft, forced or download only, and whether it is urgent. Those of before are soft."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    op.add_column("rollouts", sa.Column("mode", sa.String(length=16), server_default="soft", nullable=False))
    op.add_column("rollouts", sa.Column("urgent", sa.Boolean(), server_default=sa.false(), nullable=False))
