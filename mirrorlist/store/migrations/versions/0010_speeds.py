"""Measurements of bandwidth, and what they come to."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Makes both tables."""
    op.create_table(
        "speeds",
        sa.Column("mirror", sa.Text, primary_key=True),
        sa.Column("place", sa.Text, primary_key=True),
        sa.Column("at", sa.Float, primary_key=True),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("mbps", sa.Float, nullable=True),
    )
    op.create_table(
        "bandwidths",
        sa.Column("mirror", sa.Text, primary_key=True),
        *(sa.Column(name, sa.Float, nullable=False) for name in ("at", "mbps", "since")),
        *(sa.Column(name, sa.Integer, nullable=False) for name in ("step", "slow", "well")),
        sa.Column("why", sa.Text, nullable=False),
    )
