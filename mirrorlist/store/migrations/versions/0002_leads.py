"""Who leads; and texts without a length, which SQLite never kept to and PostgreSQL would refuse to exceed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

SUBJECT = ("mirror", "module", "protocol", "family", "path")
TEXTS = {
    "origin_changes": ("path", "sha256", "sha512"),
    "origin_checks": ("path", "error"),
    "verdicts": (*SUBJECT, "outcome", "sha256"),
    "probes": (*SUBJECT, "outcome", "sha256"),
    "health_events": ("mirror", "kind", "module", "protocol", "family", "path", "author"),
    "overrides": ("mirror", "author"),
    "probe_runs": ("kept",),
    "health_versions": ("name",),
}


def upgrade() -> None:
    """Adds the leads and lengthens the texts."""
    op.create_table(
        "leads",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        sa.Column("generation", sa.BigInteger, nullable=False),
        sa.Column("beats", sa.BigInteger, nullable=False),
        sa.Column("holder", sa.Text, nullable=False),
        sa.Column("seen_at", sa.Float, nullable=False),
    )
    for table, columns in TEXTS.items():
        with op.batch_alter_table(table) as altered:
            for column in columns:
                altered.alter_column(column, type_=sa.Text())
