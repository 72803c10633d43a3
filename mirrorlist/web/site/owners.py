"""The pages for owners: one mirror's health and what to do about it, and how to host a new one."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from mirrorlist.core.catalogue.requirements import RequirementLevel
from mirrorlist.core.catalogue.service import Service
from mirrorlist.core.files.found import sentences
from mirrorlist.core.health.history import days_until
from mirrorlist.core.health.report import POLICY
from mirrorlist.core.health.verdicts import BEHIND_OUTCOMES, GOOD_OUTCOMES, SAYS_NOTHING, Family, ProbeOutcome
from mirrorlist.core.model import Protocol
from mirrorlist.core.owners.kit import sync_lines
from mirrorlist.core.public.types import MirrorState, PublicCheck, PublicDetail, PublicMirror
from mirrorlist.web.languages import gettext, ngettext
from mirrorlist.web.site.published import Published
from mirrorlist.web.site.spreads import event_rows
from mirrorlist.web.site.svg import availability_bars, lag_bars
from mirrorlist.web.words import FAMILY_WORDS, every, finding, moment, speed

# The page for those who want to host a mirror: what is asked of them, and what they copy.

ASKED: tuple[tuple[str, Callable[[RequirementLevel], str]], ...] = (
    ("Bandwidth", lambda asked: speed(asked.bandwidth_mbps)),
    ("Disk space", lambda asked: f"{asked.storage_gb} GB" if asked.storage_gb else ""),
    ("Sync", lambda asked: every(asked.update_frequency_seconds) if asked.update_frequency_seconds else ""),
    ("Protocols", lambda asked: " and ".join(protocol.value for protocol in asked.protocols)),
    ("Availability", lambda asked: _percent(asked.availability_percent)),
    ("Completeness", lambda asked: _percent(asked.complete_percent)),
    ("Agreement", lambda asked: f"version {asked.agreement}" if asked.agreement else ""),
)
"""What a level of requirements can ask, in words; an empty text asks nothing."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """One thing that is asked of mirrors; an empty text where a level does not ask for it."""

    what: str
    minimum: str
    preferred: str


def join_page(service: Service) -> dict[str, Any]:
    """What the template shows beside the texts of service.yml."""
    levels = service.requirements
    rows = [Requirement(gettext(what), words(levels.minimum), words(levels.preferred)) for what, words in ASKED]
    example = example_file(service)
    return {
        "example": example,
        "propose": proposal(service.site.repository, example) if service.site.repository else None,
        "asked": [row for row in rows if row.minimum or row.preferred],
        "sources": service.sync.sources,
        "lines": sync_lines(service),
    }


EXAMPLE_NAME = "mirror.example.org"


def example_file(service: Service) -> str:
    """A mirror file to start from, with the protocols that this service asks for."""
    protocols = service.required_protocols or (Protocol.HTTPS,)
    slug = re.sub(r"[^a-z0-9]+", "-", service.name.lower()).strip("-") or "linux"
    trees = "".join(f"  {protocol}: {protocol}://{EXAMPLE_NAME}/{slug}/\n" for protocol in protocols)
    return (
        f"name: {EXAMPLE_NAME}\naddress:\n{trees}update_frequency: 3h\nsponsor: Example University\n"
        "sponsor_url: https://www.example.org/\nemail: mirror-admin@example.org\n"
        "geolocation: {country: DE, city: Berlin}\nbandwidth_mbps: 10000\n"
    )


def proposal(repository: str, example: str) -> str:
    """The page on which the directory's host takes a new file, filled in where that host can; else the directory.

    GitHub, GitLab and Forgejo (Gitea) spell the address of a directory each in its own way, which distinguishes them.
    """
    start, name = repository.rstrip("/"), f"{EXAMPLE_NAME}.yml"
    if "/-/tree/" in start:
        return f"{start.replace('/-/tree/', '/-/new/', 1)}?{urlencode({'file_name': name})}"
    if "/tree/" in start:
        return f"{start.replace('/tree/', '/new/', 1)}?{urlencode({'filename': name, 'value': example})}"
    if "/src/branch/" in start:
        return f"{start.replace('/src/branch/', '/_new/', 1)}?{urlencode({'filename': name, 'value': example})}"
    return repository


def _percent(least: float | None) -> str:
    return f"{least:g} %" if least is not None else ""


# The page of one mirror: its facts, its health over each way, what its owner can do.

MOST_SHARES = 12
_QUIET = GOOD_OUTCOMES | SAYS_NOTHING | {ProbeOutcome.NO_ADDRESS, ProbeOutcome.LIMITED}


def mirror_page(published: Published, mirror: PublicMirror) -> dict[str, Any]:
    """What the template shows of a public mirror."""
    detail = published.detail(mirror.name)
    trees = [check for check in detail.checks if not check.path]
    repositories = [check for check in detail.checks if check.path]
    service = published.service
    return {
        "mirror": mirror,
        "detail": detail,
        "trees": trees,
        "bad": [check for check in repositories if not _is_fine(check)],
        "fine": [check for check in repositories if _is_fine(check)],
        "events": event_rows(detail.events, MOST_EVENTS),
        "remedies": remedies(detail),
        "waits": waits(mirror, detail.checks),
        "days": days_until(published.now)[:-1],
        "strip": availability_bars(detail.days),
        "available": mean(detail.days),
        "lags": lag_bars(detail.lag_days, service.allowed_outdate_seconds),
        "allowed": service.allowed_outdate_seconds,
        "shares": sorted((detail.shares or {}).items(), key=lambda row: (-row[1], row[0]))[:MOST_SHARES],
        "sentence": sentence_of(mirror),
        "files": {
            module: tuple(gettext(text, **values) for text, values in sentences(found))
            for module, found in mirror.files.items()
        },
        "ipv4_only": all(check.outcome is ProbeOutcome.NO_ADDRESS for check in trees if check.family is Family.IPV6),
    }


SENTENCES = {
    MirrorState.FRESH: "Every repository that was compared with the origin is current.",
    MirrorState.UP: "The mirror answers. Its content was not compared with the origin yet.",
    MirrorState.LAGGING: "The mirror has an older version that metalinks still accept; text lists leave it out.",
    MirrorState.STALE: "Something on the mirror is too old, damaged or cannot be read; lists leave it out there.",
    MirrorState.DOWN: "The mirror cannot be reached over any of its addresses; no list holds it.",
    MirrorState.UNKNOWN: "Not checked yet; it stays listed unless a check fails.",
    MirrorState.OUT: "The operators took the mirror out for a time, whatever its probes say.",
    MirrorState.PAUSED: "The mirror rests, as its file says; no list holds it.",
    MirrorState.SOON: "The mirror is announced and will be listed from its day on.",
}


BAD_FILES = (
    "Its files differ from the origin's, whatever its repositories say; redirects avoid it for these. See Files below."
)


def sentence_of(mirror: PublicMirror) -> str:
    """What the state means, and of how many files it was seen."""
    if mirror.state is MirrorState.STALE and mirror.fresh == mirror.repositories:
        return gettext(BAD_FILES)
    sentence = gettext(SENTENCES[mirror.state])
    if mirror.state is not MirrorState.FRESH or not mirror.files:
        return sentence
    has, compared = (sum(getattr(each, name) for each in mirror.files.values()) for name in ("has", "compared"))
    return (
        f"{sentence} {gettext('It has %(has)s of %(compared)s files that were compared.', has=has, compared=compared)}"
    )


NOT_TO_BLAME = (
    "The mirror copies %(name)s, which is itself behind or out of order. "
    "It cannot be newer: its own sync is not to blame."
)
"""Instead of the remedy of a mirror that is behind as its source is, whose fault is shown beside its name."""


def _is_fine(check: PublicCheck) -> bool:
    """A good one with a remark was not compared."""
    return check.good and (
        check.outcome is ProbeOutcome.FRESH or (check.outcome is ProbeOutcome.GOOD and not check.detail)
    )


def remedies(detail: PublicDetail) -> list[tuple[str, str]]:
    """What is wrong in a word, and what its owner can do, once each."""
    found = {check.outcome: check.remedy for check in detail.checks if check.outcome not in _QUIET}
    source = detail.upstream.name if detail.upstream and detail.upstream.fault else None
    return [
        (
            gettext(outcome.value),
            gettext(NOT_TO_BLAME, name=source) if source and outcome in BEHIND_OUTCOMES else gettext(remedy),
        )
        for outcome, remedy in found.items()
    ]


MOST_EVENTS = 30


def waits(mirror: PublicMirror, checks: Iterable[PublicCheck]) -> list[str]:
    """What has to happen before lists hold the whole mirror again, and when at the earliest, a sentence each."""
    if mirror.override:
        return [
            gettext(
                "Lists hold it again after %(time)s UTC, if probes find it good.", time=moment(mirror.override.until)
            )
        ]
    if mirror.state is MirrorState.SOON and mirror.live_from:
        return [gettext("Lists hold it from %(day)s on.", day=mirror.live_from)]
    if mirror.state is MirrorState.PAUSED:
        until = mirror.status_until
        return [
            gettext("Its pause ends on %(day)s.", day=until)
            if until
            else gettext("Its file has to say that it is live again.")
        ]
    bad = [check for check in checks if not check.good and check.outcome is not ProbeOutcome.NO_ADDRESS]
    subjects: dict[str, list[PublicCheck]] = defaultdict(list)
    for check in bad:
        awaited = finding(check.awaits) if check.awaits else None
        subjects[awaited or gettext("back after %(count)s good probes in a row", count=POLICY.rise)].append(check)
    return [f"{_named(rows)}: {what}." for what, rows in subjects.items()]


def _named(checks: Sequence[PublicCheck]) -> str:
    first, more = checks[0], len(checks) - 1
    name = f"{first.path or first.module} {first.protocol} {FAMILY_WORDS[first.family]}"
    return ngettext("%(name)s and %(num)d more", "%(name)s and %(num)d more", more, name=name) if more else name


def mean(days: Iterable[float | None]) -> float | None:
    """The mean of the days on which something was observed."""
    known = [part for part in days if part is not None]
    return sum(known) / len(known) if known else None
