"""The last generation, for publishers with state directories of their own, and one line of generations for them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Makes the tables; on PostgreSQL numbers go on above those of all lines."""
    op.create_table(
        "published",
        sa.Column("line", sa.Text, primary_key=True),
        sa.Column("generation", sa.BigInteger, nullable=False),
        sa.Column("manifest", sa.Text, nullable=False),
    )
    op.create_table(
        "published_pieces",
        sa.Column("sha256", sa.Text, primary_key=True),
        sa.Column("data", sa.LargeBinary, nullable=False),
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "INSERT INTO leads (name, epoch, generation, beats, holder, seen_at) "
            "SELECT 'publish', 0, max(generation), 0, 'an upgrade', max(seen_at) FROM leads "
            "WHERE name LIKE 'publish %' HAVING count(*) > 0"
        )
        op.execute("DELETE FROM leads WHERE name LIKE 'publish %'")
