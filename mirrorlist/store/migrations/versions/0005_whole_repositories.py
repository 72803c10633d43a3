"""Files that the origin's metadata names, and how far mirrors were looked at whole."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Adds them. A repository at the root of the main tree is recorded as ``/main`` from now on."""
    op.create_table(
        "origin_files",
        sa.Column("path", sa.Text, primary_key=True),
        sa.Column("sha256", sa.Text, primary_key=True),
        sa.Column("drawn", sa.Boolean, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("file", sa.Text, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=True),
    )
    op.add_column("verdicts", sa.Column("whole_sha256", sa.Text, nullable=True))
    op.add_column("verdicts", sa.Column("whole_at", sa.Float, nullable=True))
    op.add_column("verdicts", sa.Column("looked", sa.Integer, nullable=False, server_default="0"))
    for table in ("origin_changes", "origin_checks"):
        op.execute(sa.text(f"UPDATE {table} SET path = '/main' WHERE path = ''"))  # two names of our own
