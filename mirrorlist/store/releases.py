"""What each major version last meant, in the database."""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa

from mirrorlist.store.tables import RELEASES
from mirrorlist.store.upsert import upsert


class ReleaseStore:
    """Reads and writes it in one database."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def meant(self) -> dict[str, str]:
        """The version that each major last meant in a published generation."""
        with self._engine.connect() as connection:
            return {row.major: row.version for row in connection.execute(sa.select(RELEASES))}

    def note(self, latest: Mapping[str, str], now: float) -> None:
        """Notes what the majors mean from now on; those that are not named any more are forgotten."""
        known = self.meant()
        if known == dict(latest):
            return
        changed = [major for major, version in latest.items() if known.get(major) != version]
        gone = known.keys() - latest.keys()
        with self._engine.begin() as connection:
            for major in gone:
                connection.execute(RELEASES.delete().where(RELEASES.c.major == major))
            for major in changed:
                row = {"major": major, "version": latest[major], "since": now}
                connection.execute(upsert(self._engine.dialect.name, RELEASES), row)
