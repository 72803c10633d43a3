"""The votes of vantage points."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Makes the table."""
    op.create_table(
        "vantage_votes",
        sa.Column("vantage", sa.Text, primary_key=True),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("expires_at", sa.Float, nullable=False),
        sa.Column("votes", sa.Text, nullable=False),
    )
