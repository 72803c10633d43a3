"""The origin's metadata in the database: the history of its repomd.xml files, the files that the newest
ones name, and the sizes of its images."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from mirrorlist.core.catalogue.metadata import MetadataChange
from mirrorlist.core.content import Named, NamedFile, NamedFiles
from mirrorlist.core.model import Checksummed
from mirrorlist.store.origin_faults import OriginFaults, is_fault
from mirrorlist.store.tables import (
    ORIGIN_CHANGES,
    ORIGIN_CHECKS,
    ORIGIN_FILES,
    ORIGIN_IMAGES,
    RELEASES,
    insert_into,
    upsert,
)


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

    def counts(self) -> dict[str, dict[str, int]]:
        """How many files each version names, beside those for a day's draw."""
        grouped = (ORIGIN_FILES.c.path, ORIGIN_FILES.c.sha256)
        wanted = sa.select(*grouped, sa.func.count().label("files")).where(ORIGIN_FILES.c.drawn.is_(False))
        found: dict[str, dict[str, int]] = {}
        with self._engine.connect() as connection:
            for row in connection.execute(wanted.group_by(*grouped)):
                found.setdefault(row.path, {})[row.sha256] = row.files
        return found


@dataclass(frozen=True, slots=True)
class OriginCheck:
    """When the origin last confirmed a path, and its last failure since, if any."""

    confirmed_at: float | None
    failed_at: float | None
    error: str | None


class MetadataStore:
    """Reads and writes the history in one database."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self.faults = OriginFaults(engine)
        self.files = NamedFileStore(engine)

    def record(self, path: str, version: Checksummed, now: float) -> bool:
        """Notes what the origin publishes now; True if that is another version than before."""
        with self._engine.begin() as connection:
            # Written before the history is read: it is the lock that keeps two processes from noting one change.
            self._checked(connection, path, confirmed_at=now, failed_at=None, error=None)
            last = connection.execute(
                sa.select(ORIGIN_CHANGES.c.sha256)
                .where(ORIGIN_CHANGES.c.path == path)
                .order_by(ORIGIN_CHANGES.c.id.desc())
                .limit(1)
            ).scalar()
            if changed := last != version.sha256:
                connection.execute(
                    ORIGIN_CHANGES.insert().values(
                        path=path, sha256=version.sha256, sha512=version.sha512, size=version.size,
                        timestamp=version.timestamp, seen_at=now, accepted=True,
                    )
                )  # fmt: skip
        return changed

    def failed(self, path: str, error: str, now: float) -> None:
        """Notes that the origin did not give a usable file; what is known stays."""
        with self._engine.begin() as connection:
            self._checked(connection, path, failed_at=now, error=error[:1024])

    def _checked(self, connection: sa.Connection, path: str, **values: float | str | None) -> None:
        insert = insert_into(self._engine.dialect.name, ORIGIN_CHECKS).values(path=path, **values)
        connection.execute(insert.on_conflict_do_update(index_elements=["path"], set_=values))

    def changes(self) -> dict[str, list[MetadataChange]]:
        """The whole history, by path, oldest first."""
        found: dict[str, list[MetadataChange]] = {}
        with self._engine.connect() as connection:
            for row in connection.execute(sa.select(ORIGIN_CHANGES).order_by(ORIGIN_CHANGES.c.id)):
                version = Checksummed(row.size, row.timestamp, row.sha256, row.sha512)
                found.setdefault(row.path, []).append(MetadataChange(version, row.seen_at, row.accepted))
        return found

    def current(self) -> dict[str, str]:
        """The sha256 of the version that is current, by path."""
        newest = sa.select(sa.func.max(ORIGIN_CHANGES.c.id)).group_by(ORIGIN_CHANGES.c.path)
        wanted = sa.select(ORIGIN_CHANGES.c.path, ORIGIN_CHANGES.c.sha256).where(ORIGIN_CHANGES.c.id.in_(newest))
        with self._engine.connect() as connection:
            return {row.path: row.sha256 for row in connection.execute(wanted)}

    def checks(self) -> dict[str, OriginCheck]:
        """The last check of every path."""
        with self._engine.connect() as connection:
            rows = connection.execute(sa.select(ORIGIN_CHECKS).where(~is_fault()))
            return {row.path: OriginCheck(row.confirmed_at, row.failed_at, row.error) for row in rows}

    def expire_alternates(self, paths: Iterable[str]) -> int:
        """Ends the acceptance of every version but the current one of these paths; how many that were."""
        newest = sa.select(sa.func.max(ORIGIN_CHANGES.c.id)).group_by(ORIGIN_CHANGES.c.path)
        with self._engine.begin() as connection:
            done = connection.execute(
                ORIGIN_CHANGES.update()
                .where(ORIGIN_CHANGES.c.path.in_(list(paths)))
                .where(ORIGIN_CHANGES.c.accepted)
                .where(ORIGIN_CHANGES.c.id.not_in(newest))
                .values(accepted=False)
            )
        return done.rowcount

    def record_size(self, path: str, size: int | None, now: float) -> bool:
        """Notes the size of an image, None if the origin lacks it; True if that is news."""
        row = {"path": path, "size": size, "seen_at": now}
        with self._engine.begin() as connection:
            wanted = sa.select(ORIGIN_IMAGES.c.size).where(ORIGIN_IMAGES.c.path == path)
            known = connection.execute(wanted).one_or_none()
            connection.execute(upsert(self._engine.dialect.name, ORIGIN_IMAGES), row)
        return known is None or known.size != size

    def sizes(self) -> dict[str, int | None]:
        """The sizes of the origin's images in bytes, by path; None for those that it lacks."""
        with self._engine.connect() as connection:
            return {row.path: row.size for row in connection.execute(sa.select(ORIGIN_IMAGES))}

    def version(self) -> tuple[int, int]:
        """Numbers that change whenever ``changes`` would answer otherwise."""
        accepted = sa.select(sa.func.count()).where(ORIGIN_CHANGES.c.accepted).scalar_subquery()
        with self._engine.connect() as connection:
            row = connection.execute(sa.select(sa.func.coalesce(sa.func.max(ORIGIN_CHANGES.c.id), 0), accepted)).one()
        return int(row[0]), int(row[1])


# The minor version that each major version last meant.


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
