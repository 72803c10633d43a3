"""Tables of the database, as the newest migration leaves them; ``migrations/`` has the steps.

Moments are seconds since 1970 as floats. Texts have no length: PostgreSQL would refuse what SQLite takes.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from mirrorlist.core.health.verdicts import Event, EventKind, Family, Probe, ProbeOutcome, Subject, path_spelled
from mirrorlist.core.model import Protocol

SCHEMA = sa.MetaData()


class Words(sa.TypeDecorator[str]):
    """A text that may come from a stranger: what a database cannot hold is left out."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: sa.Dialect) -> str | None:
        return value and value.replace("\0", "").encode(errors="replace").decode()


ORIGIN_CHANGES = sa.Table(
    "origin_changes",
    SCHEMA,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("path", sa.Text, nullable=False, index=True),
    sa.Column("sha256", sa.Text, nullable=False),
    sa.Column("sha512", sa.Text, nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("timestamp", sa.BigInteger, nullable=False),
    sa.Column("seen_at", sa.Float, nullable=False),
    sa.Column("accepted", sa.Boolean, nullable=False, default=True),
)
"""One row each time the origin's repomd.xml at a path became another one, in the order in which it was seen."""

ORIGIN_CHECKS = sa.Table(
    "origin_checks",
    SCHEMA,
    sa.Column("path", sa.Text, primary_key=True),
    sa.Column("confirmed_at", sa.Float, nullable=True),
    sa.Column("failed_at", sa.Float, nullable=True),
    sa.Column("error", Words, nullable=True),
)
"""When the origin last confirmed what is known of a path, and how it last failed since."""

NOTICES = sa.Table(
    "notices",
    SCHEMA,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("channel", sa.Text, nullable=False),
    sa.Column("mirror", sa.Text, nullable=False, index=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("key", Words, nullable=False),
    sa.Column("at", sa.Float, nullable=False),
    sa.Column("bounce", Words, nullable=True),
)
"""One row for each notice that a mirror's owner was sent, and why its mail came back if it did."""

ORIGIN_IMAGES = sa.Table(
    "origin_images",
    SCHEMA,
    sa.Column("path", sa.Text, primary_key=True),
    sa.Column("size", sa.BigInteger, nullable=True),
    sa.Column("seen_at", sa.Float, nullable=False),
)
"""The size of each image at the origin when it was last asked; none for one that it lacks."""

ORIGIN_FILES = sa.Table(
    "origin_files",
    SCHEMA,
    sa.Column("path", sa.Text, primary_key=True),
    sa.Column("sha256", sa.Text, primary_key=True),
    sa.Column("drawn", sa.Boolean, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("file", sa.Text, nullable=False),
    sa.Column("size", sa.BigInteger, nullable=True),
)
"""Files that a version of a repository's metadata names, in order; ``drawn``: those of which each day draws some."""


def _subject_columns(primary_key: bool) -> list[sa.Column[Any]]:
    return [
        sa.Column("mirror", sa.Text, primary_key=primary_key, nullable=False),
        sa.Column("module", sa.Text, primary_key=primary_key, nullable=False),
        sa.Column("protocol", sa.Text, primary_key=primary_key, nullable=False),
        sa.Column("family", sa.Text, primary_key=primary_key, nullable=False),
        sa.Column("path", sa.Text, primary_key=primary_key, nullable=False),
    ]


VERDICTS = sa.Table(
    "verdicts",
    SCHEMA,
    *_subject_columns(primary_key=True),
    sa.Column("good_now", sa.Boolean, nullable=False),
    sa.Column("since", sa.Float, nullable=False),
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Column("checked_at", sa.Float, nullable=False, index=True),
    sa.Column("detail", Words, nullable=False),
    sa.Column("bad", sa.Integer, nullable=False),
    sa.Column("good", sa.Integer, nullable=False),
    sa.Column("falls", sa.Integer, nullable=False),
    sa.Column("held_until", sa.Float, nullable=False),
    sa.Column("sha256", sa.Text, nullable=True),
    sa.Column("sha256_at", sa.Float, nullable=True),
    sa.Column("validator", Words, nullable=True),
    sa.Column("certificate_days", sa.Integer, nullable=True),
    sa.Column("whole_sha256", sa.Text, nullable=True),
    sa.Column("whole_at", sa.Float, nullable=True),
    sa.Column("looked", sa.Integer, nullable=False, server_default="0"),
)
"""What the probes of each subject come to; an empty path is a module's tree, a slash the repository at its root."""

PROBES = sa.Table(
    "probes",
    SCHEMA,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    *_subject_columns(primary_key=False),
    sa.Column("at", sa.Float, nullable=False, index=True),
    sa.Column("seconds", sa.Float, nullable=False),
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Column("detail", Words, nullable=False),
    sa.Column("sha256", sa.Text, nullable=True),
    sa.Index("probes_of_a_mirror", "mirror", "at"),
)
"""The probes that tell something new, and one per mirror and run; of 30 days."""

HEALTH_EVENTS = sa.Table(
    "health_events",
    SCHEMA,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("mirror", sa.Text, nullable=False, index=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("at", sa.Float, nullable=False, index=True),
    sa.Column("why", Words, nullable=False),
    sa.Column("module", sa.Text, nullable=True),
    sa.Column("protocol", sa.Text, nullable=True),
    sa.Column("family", sa.Text, nullable=True),
    sa.Column("path", sa.Text, nullable=True),
    sa.Column("author", Words, nullable=True),
)
"""What went up and down, and what people decided. The subject's columns are empty where it is the whole mirror."""

MIRROR_ADDRESSES = sa.Table(
    "mirror_addresses",
    SCHEMA,
    sa.Column("mirror", sa.Text, primary_key=True),
    sa.Column("address", sa.Text, primary_key=True),
    sa.Column("asn", sa.BigInteger, nullable=True),
    sa.Column("seen_at", sa.Float, nullable=False),
)
"""The addresses that the names in a mirror's URLs led to when it was last probed, and whose they are."""

ADDRESS_FAULTS = sa.Table(
    "address_faults",
    SCHEMA,
    sa.Column("mirror", sa.Text, primary_key=True),
    sa.Column("module", sa.Text, primary_key=True),
    sa.Column("protocol", sa.Text, primary_key=True),
    sa.Column("address", sa.Text, primary_key=True),
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Column("detail", Words, nullable=False),
    sa.Column("since", sa.Float, nullable=False),
)
"""The addresses that fail quick looks by now, also those of trees that are good by other addresses."""

VANTAGE_VOTES = sa.Table(
    "vantage_votes",
    SCHEMA,
    sa.Column("vantage", sa.Text, primary_key=True),
    sa.Column("at", sa.Float, nullable=False),
    sa.Column("expires_at", sa.Float, nullable=False),
    sa.Column("votes", Words, nullable=False),
)
"""The last report of each vantage point; ``votes`` is a JSON list of the fields of Vote."""

OVERRIDES = sa.Table(
    "overrides",
    SCHEMA,
    sa.Column("mirror", sa.Text, primary_key=True),
    sa.Column("reason", Words, nullable=False),
    sa.Column("author", Words, nullable=False),
    sa.Column("since", sa.Float, nullable=False),
    sa.Column("until", sa.Float, nullable=False),
)
"""The mirrors that people keep out, until when, and why."""

RUNS = sa.Table(
    "probe_runs",
    SCHEMA,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("started_at", sa.Float, nullable=False),
    sa.Column("seconds", sa.Float, nullable=True),
    sa.Column("mirrors", sa.Integer, nullable=True),
    sa.Column("requests", sa.Integer, nullable=True),
    sa.Column("kept", sa.Text, nullable=True),
)
"""The runs of the prober; without a duration one did not end. ``kept``: families in which verdicts stayed."""

PACES = sa.Table(
    "paces",
    SCHEMA,
    sa.Column("mirror", sa.Text, primary_key=True),
    sa.Column("at", sa.Float, nullable=False),
    sa.Column("step", sa.Integer, nullable=False),
    sa.Column("since", sa.Float, nullable=False),
    sa.Column("why", Words, nullable=False),
    sa.Column("bad", sa.Integer, nullable=False),
    sa.Column("calm", sa.Integer, nullable=False),
    sa.Column("times", sa.Text, nullable=False),
)
"""How fast each mirror answers, and by how many steps its weight is lowered; ``times`` is a JSON list of seconds."""

SPEEDS = sa.Table(
    "speeds",
    SCHEMA,
    sa.Column("mirror", sa.Text, primary_key=True),
    sa.Column("place", sa.Text, primary_key=True),
    sa.Column("at", sa.Float, primary_key=True),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("mbps", sa.Float, nullable=True),
)
"""Measurements of a week: from where, how many bytes each takes at most, and what it came to."""

BANDWIDTHS = sa.Table(
    "bandwidths",
    SCHEMA,
    sa.Column("mirror", sa.Text, primary_key=True),
    sa.Column("at", sa.Float, nullable=False),
    sa.Column("mbps", sa.Float, nullable=False),
    sa.Column("step", sa.Integer, nullable=False),
    sa.Column("since", sa.Float, nullable=False),
    sa.Column("why", Words, nullable=False),
    sa.Column("slow", sa.Integer, nullable=False),
    sa.Column("well", sa.Integer, nullable=False),
)
"""What the measurements of each mirror come to: the fields of MeasuredBandwidth."""

RELEASES = sa.Table(
    "releases",
    SCHEMA,
    sa.Column("major", sa.Text, primary_key=True),
    sa.Column("version", sa.Text, nullable=False),
    sa.Column("since", sa.Float, nullable=False),
)
"""The minor version that each major last meant, so that it does not go back when mirrors fall behind."""

SPREADS = sa.Table(
    "spreads",
    SCHEMA,
    sa.Column("path", sa.Text, primary_key=True),
    sa.Column("changed_at", sa.Float, primary_key=True, index=True),
    sa.Column("sha256", sa.Text, nullable=False),
    sa.Column("points", sa.Text, nullable=False),
)
"""How each change of the origin spreads; ``points`` is a JSON list of the fields of SpreadPoint."""

HEALTH_VERSIONS = sa.Table(
    "health_versions",
    SCHEMA,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("number", sa.BigInteger, nullable=False),
)
"""Numbers that grow whenever the verdicts or the overrides say something else."""

LEADS = sa.Table(
    "leads",
    SCHEMA,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("epoch", sa.BigInteger, nullable=False),
    sa.Column("generation", sa.BigInteger, nullable=False),
    sa.Column("beats", sa.BigInteger, nullable=False),
    sa.Column("holder", sa.Text, nullable=False),
    sa.Column("seen_at", sa.Float, nullable=False),
)
"""Who leads what: the prober its database, a publisher its database on PostgreSQL and else its state directory.

``epoch`` grows by one at each taking of the lead, ``generation`` is the last that was published, ``beats`` grows while
a leader lives, ``seen_at`` is when it took the lead or published."""

PUBLISHED = sa.Table(
    "published",
    SCHEMA,
    sa.Column("line", sa.Text, primary_key=True),
    sa.Column("generation", sa.BigInteger, nullable=False),
    sa.Column("manifest", sa.Text, nullable=False),
)
"""The last generation of a line; ``manifest`` is a Manifest (core/channel.py) in JSON. On PostgreSQL only."""

PUBLISHED_PIECES = sa.Table(
    "published_pieces",
    SCHEMA,
    sa.Column("sha256", sa.Text, primary_key=True),
    sa.Column("data", sa.LargeBinary, nullable=False),
)
"""The pieces that the last two manifests name, packed with Zstandard."""


# Rows of the health tables as values.


def subject_of(row: Any) -> Subject:
    """What a row of VERDICTS or PROBES is about."""
    return Subject(row.mirror, row.module, Protocol(row.protocol), Family(row.family), path_spelled(row.path))


def probe_of(row: Any) -> Probe:
    """A row of PROBES."""
    return Probe(subject_of(row), row.at, row.seconds, ProbeOutcome(row.outcome), row.detail, row.sha256)


def event_of(row: Any) -> Event:
    """A row of HEALTH_EVENTS; what a person did to a whole mirror has no subject."""
    subject = None if row.module is None else subject_of(row)
    return Event(row.mirror, EventKind(row.kind), row.at, row.why, subject, row.author)


def kept_of(row: Any) -> tuple[Family, ...]:
    """The families of a row of RUNS, over which the run says nothing of the mirrors."""
    return tuple(map(Family, (row.kept or "").split()))


# Upserts: not in the SQL standard, but both databases spell them alike.

Insert = postgresql.Insert | sqlite.Insert


def insert_into(dialect: str, table: sa.Table) -> Insert:
    """An insert that knows ``on_conflict_do_update``."""
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)


def upsert(dialect: str, table: sa.Table) -> Insert:
    """Inserts a row, or gives the one with its key all of its values."""
    insert = insert_into(dialect, table)
    keys = [column.name for column in table.primary_key]
    new = {column.name: insert.excluded[column.name] for column in table.c if column.name not in keys}
    return insert.on_conflict_do_update(index_elements=keys, set_=new)


# Version numbers: they show that health data changed, without reading it.


def grow(connection: sa.Connection, name: str) -> None:
    """The number of this name grows by one, in the transaction of what changed."""
    first = insert_into(connection.dialect.name, HEALTH_VERSIONS).values(name=name, number=1)
    grown = {"number": HEALTH_VERSIONS.c.number + 1}
    connection.execute(first.on_conflict_do_update(index_elements=["name"], set_=grown))
