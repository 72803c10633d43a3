"""Turn a probe request of the plan into an HTTP request, and its answer into a probe."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from mirrorlist.checks.fetching.exchange import Method
from mirrorlist.checks.fetching.fetch import Ask
from mirrorlist.checks.fetching.result import Failure, Fetched
from mirrorlist.checks.probing.judge import (
    Observation,
    OriginHistory,
    answers,
    failed,
    image,
    index,
    root,
    time_file,
    unchanged,
)
from mirrorlist.core.health.agents import Agent
from mirrorlist.core.health.probe_plan import Aim, ProbeRequest, Trip, asked_by_get
from mirrorlist.core.health.verdicts import Probe, ProbeOutcome, Subject
from mirrorlist.core.kinds.table import KINDS
from mirrorlist.core.model import RepoMetadata

LARGEST_TIME_FILE = 65_536
LARGEST_INDEX = 32 * 1024 * 1024
LARGEST_UNKNOWN = 8 * 1024 * 1024
"""Of one that the origin does not publish."""
ROOM = 65_536
"""An index may be twice as long as the origin's and this much more."""
NOT_MODIFIED = 304

_ETAG = re.compile(r'(?:W/)?"[!#-~]{1,120}"')


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeTerms:
    """What all visits of a run share.

    ``history``: every sha256 that the origin is known to have published, by path; ``oldest``: the time stamp of the
    oldest of these, before which nothing is known. ``unreadable``: the paths at which the origin itself has something
    that is no repomd.xml.
    """

    timeout_seconds: float = 10.0
    visit_seconds: float = 120.0
    allowed_outdate_seconds: float = 12 * 3600.0
    history: Mapping[str, Collection[str]] = field(default_factory=dict)
    oldest: Mapping[str, int] = field(default_factory=dict)
    unreadable: frozenset[str] = frozenset()


def method_of(look: ProbeRequest, trip: Trip) -> Method:
    """How a file is asked for: an image by its head or its first byte, in turn."""
    if look.aim is Aim.ROOT:
        return Method.FIRST_BYTE
    if look.aim is not Aim.IMAGE:
        return Method.GET
    return Method.FIRST_BYTE if asked_by_get(trip, look.subject) else Method.HEAD


def ask_of(look: ProbeRequest, trip: Trip, seconds: float, method: Method, agent: Agent | None = None) -> Ask:
    """The request of a look, within this many seconds, under the name of a client or the prober's own."""
    return Ask(
        method=method,
        family=look.subject.family,
        most_bytes=_most_bytes(look.subject, trip),
        deadline_seconds=seconds,
        etag=look.validator if method is Method.GET else None,
        elsewhere=trip.elsewhere,
        user_agent=agent.user_agent if agent else None,
    )


def _most_bytes(subject: Subject, trip: Trip) -> int:
    if subject.is_tree:
        return LARGEST_TIME_FILE
    metadata = metadata_of(subject, trip)
    if metadata is None:
        return LARGEST_UNKNOWN
    known = max(version.size for version in (metadata.current, *metadata.alternates))
    return min(2 * known + ROOM, LARGEST_INDEX)


def metadata_of(subject: Subject, trip: Trip) -> RepoMetadata | None:
    """What the origin publishes where a subject is looked at."""
    return None if subject.path is None else trip.wanted.get(subject.module, {}).get(subject.path)


def judged(look: ProbeRequest, answer: Fetched | Failure, trip: Trip, terms: ProbeTerms, at: float) -> Observation:
    """What came back, as it is to be understood."""
    key, metadata = look.subject.key, metadata_of(look.subject, trip)
    if look.aim is Aim.ROOT:
        return root(answer, trip.mirror.private)
    if isinstance(answer, Failure):
        return failed(answer, trip.mirror.private)
    if look.aim is Aim.IMAGE:
        return image(answer, trip.images[look.subject.module][look.subject.path or ""])
    if look.aim is Aim.TIME_FILE:
        untimed = look.subject.module in trip.untimed
        return answers(answer) if untimed else time_file(answer, at, terms.allowed_outdate_seconds)
    if answer.status == NOT_MODIFIED and look.validator and metadata:
        return unchanged(metadata)
    kind = KINDS[trip.content(look.subject.module, look.subject.path or "").kind]
    seen = index(answer, kind, metadata, OriginHistory(terms.history.get(key, ()), terms.oldest.get(key, 0)), at)
    if key in terms.unreadable and seen.outcome in (ProbeOutcome.WRONG, ProbeOutcome.AHEAD):
        return Observation(
            ProbeOutcome.GOOD, f"not compared: the origin's own {kind.name.partition(' ')[2]} cannot be read"
        )
    return seen


def probe_of(look: ProbeRequest, seen: Observation, answer: Fetched | Failure, at: float, seconds: float) -> Probe:
    """The probe that a look comes to."""
    probe = Probe(look.subject, at, seconds, seen.outcome, seen.detail, seen.sha256, seen.unchanged, said=seen.said)
    if isinstance(answer, Failure):
        return probe
    return replace(
        probe, validator=validator_of(answer.headers), certificate_days=answer.certificate_days_left
    )  # fmt: skip


def validator_of(headers: Mapping[str, str]) -> str | None:
    """By what the file may be asked for the next time: its ETag, if that is a usual one; else None.

    Never its Last-Modified: a mirror that goes back to an older file with an older date would call that unchanged
    (RFC 9110, 13.1.3), and rsync keeps dates.
    """
    etag = headers.get("etag", "")
    return etag if _ETAG.fullmatch(etag) else None
