"""Who runs an image is asked by its hash: units that left channel beta are found by it."""

from alembic import op

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    op.create_index("ix_running_images_sha256", "running_images", ["sha256"])
