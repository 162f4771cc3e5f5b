"""Who worked at the station that did it, beside the station itself, in the audit log."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    op.add_column("audit_log", sa.Column("operator", sa.String(length=64), nullable=True))
