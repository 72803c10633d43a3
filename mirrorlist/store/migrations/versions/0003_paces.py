"""How fast mirrors answer, and what majors mean."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Adds two tables; they fill with the next run of the prober and the next generation."""
    op.create_table(
        "paces",
        sa.Column("mirror", sa.Text, primary_key=True),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("step", sa.Integer, nullable=False),
        sa.Column("since", sa.Float, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("bad", sa.Integer, nullable=False),
        sa.Column("calm", sa.Integer, nullable=False),
        sa.Column("times", sa.Text, nullable=False),
    )
    op.create_table(
        "releases",
        sa.Column("major", sa.Text, primary_key=True),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("since", sa.Float, nullable=False),
    )
