"""Add the table of how changes of the origin spread over the mirrors."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0001"


def upgrade() -> None:
    """Creates the table."""
    op.create_table(
        "spreads",
        sa.Column("path", sa.Text, primary_key=True),
        sa.Column("changed_at", sa.Float, primary_key=True),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("points", sa.Text, nullable=False),
    )
    op.create_index("ix_spreads_changed_at", "spreads", ["changed_at"])
