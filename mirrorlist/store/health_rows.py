"""Rows of the tables of health, read as the values that they stand for."""

from __future__ import annotations

from typing import Any

from mirrorlist.core.health import Event, EventKind, Family, Outcome, Probe, Subject
from mirrorlist.core.model import Protocol


def subject_of(row: Any) -> Subject:
    """What a row of VERDICTS or PROBES is about."""
    return Subject(row.mirror, row.module, Protocol(row.protocol), Family(row.family), row.path)


def probe_of(row: Any) -> Probe:
    """A row of PROBES."""
    return Probe(subject_of(row), row.at, row.seconds, Outcome(row.outcome), row.detail, row.sha256)


def event_of(row: Any) -> Event:
    """A row of HEALTH_EVENTS; what a person did to a whole mirror has no subject."""
    subject = None if row.module is None else subject_of(row)
    return Event(row.mirror, EventKind(row.kind), row.at, row.why, subject, row.author)


def kept_of(row: Any) -> tuple[Family, ...]:
    """The families of a row of RUNS, over which the run says nothing of the mirrors."""
    return tuple(map(Family, (row.kept or "").split()))
