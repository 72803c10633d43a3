"""Judge a mirror by an answer or by its absence.

A new kind of failure is a row in FAILURES; a new kind of file is a function from its bytes to an observation.
"""

from __future__ import annotations

import codecs
import math
import re
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from hashlib import sha256

from mirrorlist.checks.fetching.result import Failure, FailureKind, Fetched, shown
from mirrorlist.checks.probing.one_byte import is_there, told_size
from mirrorlist.core.health.verdicts import Probe, ProbeOutcome
from mirrorlist.core.model import RepoMetadata

# A time as the files of origins and mirrors tell it: seconds since 1970, or a date in the spellings that are in use.
#
# Debian's trace files begin with what ``date -u`` prints; others hold ISO 8601, the date of an e-mail, or a ``Date:``
# line among others. A time without a zone counts as UTC. A zone whose name means several offsets (CST, IST) is not
# understood: the time would be wrong by hours.

USUAL_FORMS = "seconds since 1970, what `date -u` prints, or a date with its zone as in ISO 8601 or in e-mail"
"""What an operator is told to write."""

LONGEST_LINE = 200
MOST_BYTES = 4096
_FIRST_SECONDS = 100_000_000
"""In 1973. A smaller number that other words follow is a day or a year."""
_FIRST_MILLISECONDS = 100_000_000_000

_NUMBER = re.compile(r"@?(-?[0-9]+(?:\.[0-9]*)?|inf|nan)(?: (?P<more>.*))?")
_LABEL = re.compile(
    r"(?:date|time|timestamp|(?:last[ _-]?)?(?:update|updated|modified|change|changed|sync|synced))\s*[:=]\s*(.*)",
    re.IGNORECASE,
)
_ISO = re.compile(
    r"([0-9]{4})([-/]?)([0-9]{2})\2([0-9]{2})(?:[T_]([0-9]{2}):?([0-9]{2})(?::?([0-9]{2})(?:[.,][0-9]+)?)?(.*))?",
    re.IGNORECASE,
)
_CLOCK = re.compile(r"([0-9]{1,2}):([0-9]{2})(?::([0-9]{2})(?:[.,][0-9]+)?)?(.*)", re.IGNORECASE)
_OFFSET = re.compile(r"(?:UTC|GMT)?([+-])([0-9]{2}):?([0-9]{2})?", re.IGNORECASE)
_DAY_MONTH_YEAR = re.compile(r"([0-9]{1,2})-([A-Z]{3,9})-([0-9]{4})", re.IGNORECASE)
_DAY = re.compile(r"([0-9]{1,2})(?:st|nd|rd|th|\.)?", re.IGNORECASE)
_YEAR = re.compile(r"[0-9]{4}")
_WEEKDAY = re.compile(r"(?:mon|tue|wed|thu|fri|sat|sun)(?:s|nes|rs|ur)?(?:day)?\.?", re.IGNORECASE)
_MAYBE_ZONE = re.compile(r"[A-Z]{1,5}|[+-][0-9:]+|[A-Z][a-z]+/[A-Z]\w+")
_FILLERS = frozenset({"at", "on"})
_MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip
_HALVES = {"am": 0, "a.m.": 0, "pm": 12, "p.m.": 12}
_ZONES = {
    "utc": 0, "gmt": 0, "ut": 0, "z": 0, "wet": 0, "west": 1, "cet": 1, "cest": 2, "eet": 2, "eest": 3, "msk": 3,
    "jst": 9, "kst": 9, "aest": 10, "aedt": 11, "nzst": 12, "nzdt": 13, "est": -5, "edt": -4, "cdt": -5, "mst": -7,
    "mdt": -6, "pst": -8, "pdt": -7,
}  # fmt: skip
"""Hours east of Greenwich of the names that mean one offset only."""


def told_time(body: bytes) -> float | None:
    """Seconds since 1970 that a file tells; None where it tells no time.

    The first line with anything in it counts; where that is no time, the first line that begins with ``Date:`` or the
    like.
    """
    # some editors and shells write a byte order mark, or UTF-16
    encoding = "utf-16" if body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
    text = body[:MOST_BYTES].decode(encoding, "replace")
    lines = [" ".join(line[:LONGEST_LINE].split()) for line in text.splitlines()]
    lines = [line for line in lines if line and not line.startswith("#")]
    labelled = [found[1] for line in lines if (found := _LABEL.fullmatch(line))]
    for line in (*lines[:1], *labelled):
        with suppress(ValueError, OverflowError):
            if (found_time := _of_date(line)) is not None or (found_time := _of_number(line)) is not None:
                return found_time
    return None


def _of_number(line: str) -> float | None:
    """A number that is the whole first word: seconds, or milliseconds where these would be thousands of years.

    That of no real time is the caller's to judge, unless it may be the day or the year of a date.
    """
    found = _NUMBER.fullmatch(line)
    if not found:
        return None
    value = float(found[1])
    if found["more"] and value < _FIRST_SECONDS:
        return None
    return value / 1000 if _FIRST_MILLISECONDS <= value < _FIRST_MILLISECONDS * 100 else value


@dataclass(slots=True)
class _Parts:
    """What the words of a line have told so far."""

    year: int | None = None
    month: int | None = None
    day: int | None = None
    clock: tuple[int, int, int] | None = None
    half: int | None = None
    offset: timedelta | None = None

    @property
    def are_whole(self) -> bool:
        return None not in (self.year, self.month, self.day, self.clock)


def _of_date(line: str) -> float | None:
    """The date that the words of a line make, in any order; more words may follow a whole one."""
    parts = _Parts()
    for word in line.replace(",", " ").split():
        if word.startswith("("):  # a comment, as e-mail has it after the offset
            continue
        if not _take(parts, word):
            if not parts.are_whole or (parts.offset is None and _MAYBE_ZONE.fullmatch(word)):
                return None
            break
    return _moment(parts)


def _take(parts: _Parts, word: str) -> bool:
    """Whether a word is a part of a date that was not told yet."""
    small = word.lower()
    if small in _FILLERS or (_WEEKDAY.fullmatch(word) and parts.clock is None):
        return True
    if small in _HALVES and parts.clock and parts.half is None:
        parts.half = _HALVES[small]
        return True
    return _take_date(parts, word) or _take_clock(parts, word) or _take_zone(parts, word)


def _take_date(parts: _Parts, word: str) -> bool:
    if parts.year is None and parts.month is None and (found := _ISO.fullmatch(word)):
        parts.year, parts.month, parts.day = int(found[1]), int(found[3]), int(found[4])
        if found[5]:
            parts.clock = int(found[5]), int(found[6]), int(found[7] or 0)
        return not found[8] or _take_zone(parts, found[8])
    if parts.year is None and (found := _DAY_MONTH_YEAR.fullmatch(word)) and (month := _month(found[2])):
        parts.day, parts.month, parts.year = int(found[1]), month, int(found[3])
        return True
    if parts.month is None and (month := _month(word)):
        parts.month = month
        return True
    if parts.year is None and _YEAR.fullmatch(word):
        parts.year = int(word)
        return True
    if parts.day is None and (found := _DAY.fullmatch(word)):
        parts.day = int(found[1])
        return True
    return False


def _month(word: str) -> int | None:
    """By its name in English, whole or its first three letters or more."""
    small = word.lower().removesuffix(".")
    names = [number for number, name in enumerate(_MONTHS, 1) if len(small) >= 3 and name.startswith(small)]
    return names[0] if names else None


def _take_clock(parts: _Parts, word: str) -> bool:
    found = _CLOCK.fullmatch(word) if parts.clock is None else None
    if not found:
        return False
    parts.clock = int(found[1]), int(found[2]), int(found[3] or 0)
    rest = found[4].lower()
    if rest in _HALVES:
        parts.half = _HALVES[rest]
        return True
    return not rest or _take_zone(parts, rest)


def _take_zone(parts: _Parts, word: str) -> bool:
    if parts.clock is None or parts.offset is not None:
        return False
    if word.lower() in _ZONES:
        parts.offset = timedelta(hours=_ZONES[word.lower()])
        return True
    if not (found := _OFFSET.fullmatch(word)):
        return False
    east = timedelta(hours=int(found[2]), minutes=int(found[3] or 0))
    parts.offset = east if found[1] == "+" else -east
    return True


def _moment(parts: _Parts) -> float | None:
    if parts.year is None or parts.month is None or parts.day is None or parts.clock is None:
        return None
    hour, minute, second = parts.clock
    if parts.half is not None:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + parts.half
    zone = timezone(parts.offset) if parts.offset else UTC
    at = datetime(parts.year, parts.month, parts.day, hour, minute, min(second, 59), tzinfo=zone)
    return at.timestamp()


FAILURES: dict[FailureKind, ProbeOutcome] = {
    FailureKind.FORBIDDEN_URL: ProbeOutcome.FORBIDDEN,
    FailureKind.FORBIDDEN_ADDRESS: ProbeOutcome.FORBIDDEN,
    FailureKind.FORBIDDEN_REDIRECT: ProbeOutcome.FORBIDDEN,
    FailureKind.UNRESOLVABLE: ProbeOutcome.UNREACHABLE,
    FailureKind.NO_ADDRESS_IN_FAMILY: ProbeOutcome.NO_ADDRESS,
    FailureKind.REFUSED: ProbeOutcome.CLOSED,
    FailureKind.UNREACHABLE: ProbeOutcome.UNREACHABLE,
    FailureKind.TIMEOUT: ProbeOutcome.TIMEOUT,
    FailureKind.DEADLINE: ProbeOutcome.TIMEOUT,
    FailureKind.BROKEN_OFF: ProbeOutcome.UNREACHABLE,
    FailureKind.TOO_LARGE: ProbeOutcome.WRONG,
    FailureKind.CERTIFICATE: ProbeOutcome.CERTIFICATE,
    FailureKind.TLS: ProbeOutcome.UNREACHABLE,
    FailureKind.TOO_MANY_REDIRECTS: ProbeOutcome.WRONG,
    FailureKind.CIRCLE: ProbeOutcome.WRONG,
    FailureKind.DOWNGRADE: ProbeOutcome.WRONG,
    FailureKind.OTHER_SCHEME: ProbeOutcome.WRONG,
    FailureKind.ELSEWHERE: ProbeOutcome.ELSEWHERE,
    FailureKind.ENCODED: ProbeOutcome.WRONG,
    FailureKind.MALFORMED: ProbeOutcome.WRONG,
    FailureKind.LOCAL: ProbeOutcome.UNCHECKED,
}
OUT_OF_REACH = frozenset(
    {
        FailureKind.FORBIDDEN_ADDRESS, FailureKind.UNRESOLVABLE, FailureKind.NO_ADDRESS_IN_FAMILY, FailureKind.REFUSED,
        FailureKind.UNREACHABLE, FailureKind.TIMEOUT, FailureKind.BROKEN_OFF, FailureKind.TLS,
    }
)  # fmt: skip
"""Of a private mirror these say only that the prober stands outside its networks."""

TOLD_BY_OUTCOME = frozenset(
    {
        FailureKind.FORBIDDEN_ADDRESS, FailureKind.NO_ADDRESS_IN_FAMILY, FailureKind.CERTIFICATE, FailureKind.REFUSED,
        FailureKind.UNREACHABLE, FailureKind.ELSEWHERE,
    }
)  # fmt: skip
"""Their outcomes say the same in other words, so only the detail is told."""

STATUSES = {404: ProbeOutcome.MISSING, 410: ProbeOutcome.MISSING, 429: ProbeOutcome.LIMITED, 503: ProbeOutcome.LIMITED}
MOST_AHEAD_SECONDS = 600.0
"""How far two clocks may differ."""

_HTML = re.compile(rb"<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE)
_ROOT = re.compile(rb"<(?:[a-z]+:)?repomd[\s>]")
_END = re.compile(rb"</(?:[a-z]+:)?repomd\s*>\s*\Z")
_TIMESTAMP = re.compile(rb"<(?:[a-z]+:)?timestamp>\s*([0-9]{1,12})(?:\.[0-9]*)?\s*</(?:[a-z]+:)?timestamp>")


NOT_COMPARED = "it answers; nothing on it is compared with the origin"
TOO_MANY_REQUESTS = 429
_OF_A_PAGE = frozenset({ProbeOutcome.WRONG, ProbeOutcome.ELSEWHERE})
"""What is wrong with a page about a tree says nothing of the tree."""


@dataclass(frozen=True, slots=True)
class Observation:
    """What one request comes to. ``answered`` tells whether a host spoke HTTP at all.

    ``unchanged``: the host did not send the bytes of ``sha256`` but said that they are the same as before. ``said`` is
    what other mirrors may say too, against the origin.
    """

    outcome: ProbeOutcome
    detail: str = ""
    sha256: str | None = None
    answered: bool = True
    unchanged: bool = False
    said: str | None = None


@dataclass(frozen=True, slots=True)
class OriginHistory:
    """What is known of the origin's former versions: their sha256, and the time stamp of the oldest."""

    history: Collection[str] = ()
    oldest: int = 0


def failed(failure: Failure, private: bool) -> Observation:
    """Without an answer that can be used. Of a private mirror being out of reach says nothing."""
    outcome = FAILURES[failure.kind]
    if private and failure.kind in OUT_OF_REACH:
        outcome = ProbeOutcome.UNCHECKED
    detail = failure.detail if failure.kind in TOLD_BY_OUTCOME else str(failure)
    return Observation(outcome, detail, answered=outcome in (ProbeOutcome.WRONG, ProbeOutcome.ELSEWHERE))


def excused(probe: Probe, private: bool) -> Probe:
    """The same for the probe of a tree that is not on the web."""
    out_of_reach = probe.outcome in (ProbeOutcome.TIMEOUT, ProbeOutcome.UNREACHABLE, ProbeOutcome.FORBIDDEN)
    return replace(probe, outcome=ProbeOutcome.UNCHECKED) if private and out_of_reach else probe


def refused(status: int) -> Observation | None:
    """What a status other than 200 says; None for 200."""
    if status == 200:
        return None
    return Observation(STATUSES.get(status, ProbeOutcome.REFUSED), f"status {status}")


def repomd(answer: Fetched, metadata: RepoMetadata | None, known: OriginHistory, now: float) -> Observation:
    """What a repomd.xml says, compared with what the origin publishes and ever published."""
    if other := refused(answer.status):
        return other
    digest = sha256(answer.body).hexdigest()
    if metadata is not None and digest == metadata.current.sha256:
        return Observation(ProbeOutcome.FRESH, sha256=digest)
    if metadata is not None and digest in {version.sha256 for version in metadata.alternates}:
        return Observation(ProbeOutcome.LAGGING, "an older version that is still accepted", digest)
    if digest in known.history:
        return Observation(ProbeOutcome.STALE, "a version that the origin has replaced", digest)
    if fault := _fault(answer.body):
        return Observation(ProbeOutcome.WRONG, fault)
    if metadata is None:
        return Observation(ProbeOutcome.GOOD)
    return _unheard_of(answer, metadata, known, now)


def unchanged(metadata: RepoMetadata) -> Observation:
    """What a 304 says, asked for by the validator of what the origin publishes now."""
    return Observation(ProbeOutcome.FRESH, sha256=metadata.current.sha256, unchanged=True)


def image(answer: Fetched, size: int | None) -> Observation:
    """What the head or the first byte of an image says; ``size`` is the origin's, in bytes, where that is known."""
    if not is_there(answer):
        return refused(answer.status) or Observation(ProbeOutcome.WRONG, f"status {answer.status}")
    if answer.headers.get("content-type", "").lower().startswith("text/html"):
        return Observation(ProbeOutcome.WRONG, "an HTML page")
    told = told_size(answer)
    if size is None or told is None or told == size:
        return Observation(ProbeOutcome.GOOD)
    return Observation(ProbeOutcome.STALE, f"{told} bytes, but {size} at the origin")


def _fault(body: bytes) -> str | None:
    if not body:
        return "an empty file"
    if _HTML.search(body[:1024]):
        return "an HTML page"
    if not _ROOT.search(body[:4096]):
        return "not a repomd.xml"
    return None if _END.search(body[-4096:]) else "a repomd.xml that ends early"


def _unheard_of(answer: Fetched, metadata: RepoMetadata, known: OriginHistory, now: float) -> Observation:
    """The mirror may have synced what the origin published since it was asked last; then the next probe knows it.

    What is older than all that is known, as right after installing, may well have been the origin's. Of a file without
    timestamps its Last-Modified counts, as at the origin.
    """
    stamps = [int(stamp) for stamp in _TIMESTAMP.findall(answer.body)]
    newest = max(stamps, default=0)
    if not stamps:
        with suppress(ValueError, OverflowError):
            newest = int(parsedate_to_datetime(answer.headers.get("last-modified", "")).timestamp())
    if metadata.current.timestamp < newest <= now + MOST_AHEAD_SECONDS:
        return Observation(ProbeOutcome.AHEAD, said="")
    if 0 < newest < known.oldest:
        return Observation(ProbeOutcome.STALE, "older than all that is known of the origin's versions")
    return Observation(
        ProbeOutcome.WRONG, "a repomd.xml that the origin never published", said=sha256(answer.body).hexdigest()
    )


def answers(answer: Fetched) -> Observation:
    """What a time file says that nobody is judged by: that the host answers, with whatever is not refused."""
    found = refused(answer.status)
    return found if found and found.outcome is not ProbeOutcome.MISSING else Observation(ProbeOutcome.GOOD)


def root(answer: Fetched | Failure, private: bool) -> Observation:
    """What the root of a tree says in which nothing can be compared: that a server is there, whatever it shows.

    Many servers show no directories, or lead to the project's page from there.
    """
    if isinstance(answer, Failure):
        seen = failed(answer, private)
        return Observation(ProbeOutcome.GOOD, NOT_COMPARED) if seen.outcome in _OF_A_PAGE else seen
    if answer.status < 500 and answer.status != TOO_MANY_REQUESTS:
        return Observation(ProbeOutcome.GOOD, NOT_COMPARED)
    return refused(answer.status) or Observation(ProbeOutcome.GOOD, NOT_COMPARED)


def time_file(answer: Fetched, now: float, allowed_seconds: float) -> Observation:
    """What the file with the time of the last sync says in its first line."""
    if other := refused(answer.status):
        return other
    if _HTML.search(answer.body[:1024]):
        return Observation(ProbeOutcome.WRONG, "an HTML page")
    told = told_time(answer.body)
    if told is None:
        detail = f"not a time: {shown(answer.body[:40].decode('latin-1').strip())}"
        return Observation(ProbeOutcome.WRONG, detail, said="not a time")
    if not math.isfinite(told) or told > now + MOST_AHEAD_SECONDS:
        return Observation(ProbeOutcome.FUTURE, f"it says {told:.0f}", said="")
    if now - told > allowed_seconds:
        return Observation(ProbeOutcome.OUTDATED, f"synced {(now - told) / 3600:.1f} hours ago", said=f"{told:.0f}")
    return Observation(ProbeOutcome.GOOD)
