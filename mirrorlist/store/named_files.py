"""Files that the origin's metadata names, in the database: for the newest versions of each repository."""

from __future__ import annotations

import sqlalchemy as sa

from mirrorlist.core.content import Named, NamedFile, NamedFiles
from mirrorlist.store.tables import ORIGIN_FILES


class NamedFileStore:
    """Reads and writes them in one database."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def known(self) -> frozenset[tuple[str, str]]:
        """The name of each repository with the digest of each version whose files are known."""
        wanted = sa.select(ORIGIN_FILES.c.path, ORIGIN_FILES.c.sha256).distinct()
        with self._engine.connect() as connection:
            return frozenset((row.path, row.sha256) for row in connection.execute(wanted))

    def record(self, key: str, digest: str, named: NamedFiles, former: str | None) -> None:
        """Notes what a version names; of others only that of the ``former`` one is kept."""
        kept = [digest, former] if former else [digest]
        rows = [
            {"path": key, "sha256": digest, "drawn": drawn, "number": number, "file": each.path, "size": each.size}
            for drawn, files in ((False, named.files), (True, named.pool))
            for number, each in enumerate(files)
        ]
        mine = ORIGIN_FILES.c.path == key
        with self._engine.begin() as connection:
            connection.execute(ORIGIN_FILES.delete().where(mine, ORIGIN_FILES.c.sha256.not_in(kept)))
            connection.execute(ORIGIN_FILES.delete().where(mine, ORIGIN_FILES.c.sha256 == digest))
            if rows:
                connection.execute(ORIGIN_FILES.insert(), rows)

    def named(self) -> Named:
        """All of it."""
        found: dict[str, dict[str, tuple[list[NamedFile], list[NamedFile]]]] = {}
        order = (ORIGIN_FILES.c.path, ORIGIN_FILES.c.sha256, ORIGIN_FILES.c.drawn, ORIGIN_FILES.c.number)
        with self._engine.connect() as connection:
            for row in connection.execute(sa.select(ORIGIN_FILES).order_by(*order)):
                lists = found.setdefault(row.path, {}).setdefault(row.sha256, ([], []))
                lists[row.drawn].append(NamedFile(row.file, row.size))
        return {
            key: {digest: NamedFiles(tuple(files), tuple(pool)) for digest, (files, pool) in versions.items()}
            for key, versions in found.items()
        }
