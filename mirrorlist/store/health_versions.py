"""The numbers in the database that tell when something of the mirrors' health changed, without reading it."""

from __future__ import annotations

import sqlalchemy as sa

from mirrorlist.store.tables import HEALTH_VERSIONS
from mirrorlist.store.upsert import insert_into


def grow(connection: sa.Connection, name: str) -> None:
    """The number of this name grows by one, in the transaction of what changed."""
    first = insert_into(connection.dialect.name, HEALTH_VERSIONS).values(name=name, number=1)
    grown = {"number": HEALTH_VERSIONS.c.number + 1}
    connection.execute(first.on_conflict_do_update(index_elements=["name"], set_=grown))
