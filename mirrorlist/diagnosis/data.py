"""Examine what answers are made of: mirror files, snapshots, the database, and the ages of data."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from mirrorlist.core.channel import LARGEST_MANIFEST, LATEST, verified_manifest
from mirrorlist.core.errors import ChannelError, DatabaseError, Severity, SnapshotError
from mirrorlist.core.readiness import readiness
from mirrorlist.diagnosis.finding import Diagnosis, Patient, error, good, span, warning
from mirrorlist.files_on_disk import open_regular
from mirrorlist.store.count_files import CountFiles
from mirrorlist.store.database import FILE_NAME, untouched_database
from mirrorlist.store.index_files import read_facts
from mirrorlist.store.marks import read_private_key
from mirrorlist.store.metadata import MetadataStore
from mirrorlist.store.snapshot_files import read_snapshot

YEAR_SECONDS = 365 * 86_400.0
OLD_METADATA_SECONDS = 6 * 3600.0
LATE_SECONDS = 60.0
"""A generation is in the channel a second after it was put in place."""


def mirror_files(patient: Patient) -> Iterator[Diagnosis]:
    """The directory, and the remarks of the last load."""
    directory = Path(patient.service.mirrors_dir)
    try:
        count = sum(1 for path in directory.iterdir() if path.suffix in (".yml", ".yaml"))
    except OSError as fault:
        remedy = "let the service's user read it, or name another in mirrors_dir"
        yield error("mirror files", f"{directory} cannot be read: {fault.strerror}", remedy)
        return
    if not count:
        yield error("mirror files", f"there is none in {directory}", "write one with: mirrorlist new")
        return
    errors = [each for each in patient.facts.findings if each.severity is Severity.ERROR] if patient.facts else []
    if errors:
        first = f"{errors[0].path}:{errors[0].line}: {errors[0].message}"
        yield warning(
            "mirror files", f"{len(errors)} errors in {count} files; the first is {first}", "run: mirrorlist report"
        )
    else:
        yield good("mirror files", f"{count} in {directory}")
    quotas = [each.name for each in patient.facts.mirrors if each.tib_per_month] if patient.facts else []
    if quotas and patient.service.policy.tib_per_month is None:
        found = f"{len(quotas)} have a quota that means nothing, such as {quotas[0]}"
        yield warning("quotas", found, "say in service.yml what all mirrors carry: policy: {tib_per_month: 2500}")
    if patient.facts and patient.facts.behind:
        yield warning(
            "mirror files", f"newer ones are refused: {patient.facts.behind}", "correct them in the repository"
        )


def snapshots(patient: Patient) -> Iterator[Diagnosis]:
    """Every snapshot file, and whether the newest is good enough to serve."""
    for path in sorted(patient.state_dir.glob("snapshot*.bin")):
        try:
            read_snapshot(path)
        except SnapshotError as fault:
            yield error(
                "snapshot",
                str(fault),
                f"delete {path.name}: workers go on with what they have, and the publisher makes another",
            )
    if patient.facts is None:
        yield error("snapshot", "there is none that can be served", "run mirrorlist publish and read what it says")
        return
    facts = patient.facts
    reasons = readiness(facts, patient.network, patient.now).reasons
    for reason in reasons:
        yield warning("readiness", reason, "docs/operate.md says what to do")
    if not reasons:
        yield good("readiness", f"generation {facts.generation}, {len(facts.mirrors)} mirrors")


def database(patient: Patient) -> Iterator[Diagnosis]:
    """Whether the database answers, is whole, and how fresh the origin's metadata in it is."""
    url = patient.settings.database
    file = patient.state_dir / FILE_NAME
    if not url and not file.exists():
        yield warning("database", f"there is no {file} yet", "start the service, or run mirrorlist publish")
        return
    if not url and (fault := _damage(file)):
        yield error(
            "database", f"{file} is damaged: {fault}",
            "restore it from a backup, or stop the service and move it away: a new one is made, without history",
        )  # fmt: skip
        return
    if not url and file.stat().st_uid != os.geteuid():
        return  # opening it could leave files beside it that the service may not write
    try:
        engine = untouched_database(patient.state_dir, url)
        try:
            checks = MetadataStore(engine).checks()
        finally:
            engine.dispose()
    except (DatabaseError, sa.exc.SQLAlchemyError) as fault:
        yield error("database", str(fault), "the last snapshot is served meanwhile; the message says what to do")
        return
    yield good("database", str(engine.url))  # without its password
    if not patient.service.origins:
        yield warning("origin", "service.yml names none, so there are no metalinks and no health", "add origin: to it")
        return
    confirmed = max((check.confirmed_at or 0.0 for check in checks.values()), default=0.0)
    failing = sorted(path for path, check in checks.items() if check.failed_at is not None)
    if failing:
        yield warning(
            "origin",
            f"{len(failing)} of {len(checks)} repositories fail, such as {failing[0]}",
            "run: mirrorlist update metadata",
        )
    if not confirmed:
        yield warning("origin", "its metadata was never read", "run: mirrorlist update metadata")
    elif patient.now - confirmed > OLD_METADATA_SECONDS:
        yield warning(
            "origin",
            f"its metadata was last read {span(patient.now - confirmed)} ago",
            "run: mirrorlist update metadata",
        )
    elif not failing:
        yield good("origin", f"{len(checks)} repositories, confirmed {span(patient.now - confirmed)} ago")


def _damage(file: Path) -> str | None:
    """What SQLite finds wrong with a file, read only."""
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True, timeout=5)) as connection:
            [first, *_] = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.OperationalError as fault:
        return None if "locked" in str(fault) or "readonly" in str(fault) else str(fault)
    except sqlite3.DatabaseError as fault:
        return str(fault)
    return None if first == "ok" else str(first)


def ages(patient: Patient) -> Iterator[Diagnosis]:
    """Tables of places and networks, downloaded databases, and lists of files."""
    facts = patient.facts
    if facts is None:
        return
    built = {
        "the installed places": facts.places_built_on,
        "the installed ASNs": facts.asns_built_on,
        **facts.downloads,
    }
    for name, day in built.items():
        if day is None:
            continue
        age = patient.now - datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()
        if age > YEAR_SECONDS:
            yield warning(
                "data", f"{name} are of {day}, {span(age)} old", "upgrade mirrorlist, or set up geo.downloads"
            )
        else:
            yield good("data", f"{name}: {day}")
    for module, index in read_facts(patient.state_dir, tuple(facts.file_indexes.items())).items():
        age = patient.now - index.listed_at
        if age > 86_400:
            yield warning(
                "data",
                f"the files of {module} were listed {span(age)} ago",
                "run mirrorlist update files, or serve --files-every",
            )


def proxies(patient: Patient) -> Iterator[Diagnosis]:
    """Peers of this site that forward clients and are not trusted: everybody behind one counts as one client."""
    today = datetime.fromtimestamp(patient.now, UTC).date()
    ignored: dict[str, int] = {}
    for sums in CountFiles(patient.state_dir).read(today - timedelta(days=1), today):
        for peer, times in sums.get("ignored", {}).items():
            ignored[peer] = ignored.get(peer, 0) + times
    for peer, times in sorted(ignored.items()):
        yield warning(
            "proxies", f"{peer} sends X-Forwarded-For ({times} new clients since yesterday) and is not trusted",
            f"if it is your proxy, add it to service.yml, or every client looks like it: trusted_proxies: [{peer!r}]",
        )  # fmt: skip
    if not ignored:
        trusted = ", ".join(patient.service.trusted_proxies) or "none"
        yield good("proxies", f"trusted: {trusted}; no other of this site forwarded clients since yesterday")


def channel(patient: Patient) -> Iterator[Diagnosis]:
    """Whether the snapshot channel is signed with the key of this service, and has its newest generation."""
    place, facts = patient.service.channel, patient.facts
    if place is None or facts is None:
        return
    latest = Path(place.directory) / LATEST
    try:
        key = read_private_key(Path(place.key_file))
        with open_regular(latest, LARGEST_MANIFEST) as file:
            there = verified_manifest(file.read(), key.public_key()).generation
    except ChannelError as fault:
        yield error("channel", str(fault), "nodes keep the former generation until this is fixed")
        return
    except OSError as fault:
        found = f"{latest} cannot be read: {fault.strerror or fault}"
        yield error(
            "channel", found, "start the service, and let its user write that directory; its log has the reason"
        )
        return
    if there > facts.generation:
        yield error(
            "channel", f"{latest} has generation {there}, and the current one is {facts.generation}",
            "see that all publishers share one database; after a new beginning delete that file",
        )  # fmt: skip
    elif there < facts.generation and patient.now - facts.built_at > LATE_SECONDS:
        yield warning(
            "channel", f"{latest} has generation {there}, and the current one is {facts.generation}",
            "see that the service runs; its log says why it does not write there",
        )  # fmt: skip
    else:
        yield good("channel", f"generation {there} in {place.directory}")
