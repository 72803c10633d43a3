"""How fast mirrors answer, what majors mean, images, addresses, and what conditional requests are asked with."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Adds tables and columns; they fill with the next run of the prober and the next generation."""
    with op.batch_alter_table("verdicts") as altered:
        altered.add_column(sa.Column("validator", sa.Text, nullable=True))
        altered.add_column(sa.Column("certificate_days", sa.Integer, nullable=True))
    op.create_table(
        "origin_images",
        sa.Column("path", sa.Text, primary_key=True),
        sa.Column("size", sa.BigInteger, nullable=True),
        sa.Column("seen_at", sa.Float, nullable=False),
    )
    op.create_table(
        "mirror_addresses",
        sa.Column("mirror", sa.Text, primary_key=True),
        sa.Column("address", sa.Text, primary_key=True),
        sa.Column("asn", sa.BigInteger, nullable=True),
        sa.Column("seen_at", sa.Float, nullable=False),
    )
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
