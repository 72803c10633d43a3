"""Add the files that the origin's metadata names, and how far mirrors were looked at whole.

A repository at the root of a tree had the empty path in the origin's history, which is the tree's own elsewhere.
Its name is that of the module's root from now on: ``/main``.

Verdicts of former versions say nothing of files, so each repository is looked at whole after the upgrade.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

NAMED_BY_PATH = ("origin_changes", "origin_checks")
"""Tables whose paths are names of repositories."""


def upgrade() -> None:
    """Creates the table, widens ``verdicts`` and renames repositories at the root."""
    op.create_table(
        "origin_files",
        sa.Column("path", sa.Text, primary_key=True),
        sa.Column("sha256", sa.Text, primary_key=True),
        sa.Column("drawn", sa.Boolean, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("file", sa.Text, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=True),
    )
    for column in (
        sa.Column("whole_sha256", sa.Text, nullable=True),
        sa.Column("whole_at", sa.Float, nullable=True),
        sa.Column("looked", sa.Integer, nullable=False, server_default="0"),
    ):
        op.add_column("verdicts", column)
    for name in NAMED_BY_PATH:
        path = sa.column("path", sa.Text)
        op.execute(sa.update(sa.table(name, path)).where(path == "").values(path="/main"))
