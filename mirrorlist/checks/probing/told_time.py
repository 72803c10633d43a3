"""Read a time as the files of origins and mirrors state it: seconds since 1970, or a date in a usual spelling.

Debian's trace files begin with what ``date -u`` prints, in the language of the machine; others hold ISO 8601, the date
of an e-mail, or a ``Date:`` line among others. A time without a zone counts as UTC. A zone whose name means several
offsets (CST, IST) is not understood: the time would be wrong by hours.
"""

from __future__ import annotations

import codecs
import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

USUAL_FORMS = "seconds since 1970, what `date -u` prints, or a date with its zone as in ISO 8601 or in e-mail"
"""What an operator is told to write."""

LONGEST_LINE = 200
MOST_BYTES = 4096
_FIRST_SECONDS = 100_000_000
"""In 1973. A smaller number that other words follow is a day or a year."""
_FINER = (1000, 1_000_000, 1_000_000_000)
"""Parts of a second in which programs count."""

_NUMBER = re.compile(r"@?([+-]?[0-9]+(?:[.,][0-9]*)?|inf|nan)(?: (?P<more>.*))?")
_LABEL = re.compile(
    r"(?:date|time|timestamp|(?:last[ _-]?)?(?:update|updated|modified|change|changed|sync|synced))\s*[:=]\s*(.*)",
    re.IGNORECASE,
)
_ISO = re.compile(
    r"([0-9]{4})([-/.]?)([0-9]{1,2})\2([0-9]{1,2})(?:[T_-]([0-9]{2}):?([0-9]{2})(?::?([0-9]{2})(?:[.,][0-9]+)?)?(.*))?",
    re.IGNORECASE,
)
_CLOCK = re.compile(r"([0-9]{1,2}):([0-9]{2})(?::([0-9]{2})(?:[.,][0-9]+)?)?(.*)", re.IGNORECASE)
_OFFSET = re.compile(r"(?:UTC|GMT)?([+-])([0-9]{1,2}):?([0-9]{2})?(?:\[.*\])?", re.IGNORECASE)
_DAY_MONTH_YEAR = re.compile(r"([0-9]{1,2})-([A-Z]{3,9})-((?:[0-9]{2})?[0-9]{2})", re.IGNORECASE)
_EASTERN = re.compile(r"([0-9]{4})年 ?([0-9]{1,2})月 ?([0-9]{1,2})日")
_DOTTED = re.compile(r"([0-9]{1,2})\.([0-9]{1,2})\.([0-9]{4})")
_DIGITS = re.compile(r"((?:19|20)[0-9]{12})(?: UTC)?")
"""What ``date +%Y%m%d%H%M%S`` prints."""
_DAY = re.compile(r"([0-9]{1,2})(?:st|nd|rd|th|\.)?", re.IGNORECASE)
_YEAR = re.compile(r"([0-9]{4})\.?")
_WEEKDAY = re.compile(r"(?:mon|tue|wed|thu|fri|sat|sun)(?:s|nes|rs|ur)?(?:day)?\.?", re.IGNORECASE)
_MAYBE_ZONE = re.compile(r"[A-Z]{1,5}|[+-][0-9:]+|[A-Z][a-z]+/[A-Z]\w+")
_FILLERS = frozenset({"at", "on", "de", "del", "den", "kl"})
_MONTHS = (
    "jan ene gen янв sty led", "feb fev fév фев lut úno", "mar maa mrt mär mrz мар bře", "apr avr abr апр kwi dub",
    "may mai mei maj mag май мая kvě", "jun juin giu июн cze čen", "jul juil lug июл lip čec",
    "aug ago aoû aou авг sie srp", "sep set сен wrz zář", "oct okt ott out окт paź říj", "nov ноя lis",
    "dec dez dic des déc дек gru pro",
)  # fmt: skip
"""How the months begin in the languages of most machines."""
_MONTH_OR_WEEKDAY = frozenset({"mar"})
"""March, or Tuesday in the languages of the Romans."""
_HALVES = {"am": 0, "a.m.": 0, "pm": 12, "p.m.": 12}
_ZONES = {
    "utc": 0, "gmt": 0, "ut": 0, "z": 0, "wet": 0, "west": 1, "cet": 1, "cest": 2, "eet": 2, "eest": 3, "msk": 3,
    "jst": 9, "kst": 9, "aest": 10, "aedt": 11, "nzst": 12, "nzdt": 13, "est": -5, "edt": -4, "cdt": -5, "mst": -7,
    "mdt": -6, "pst": -8, "pdt": -7,
}  # fmt: skip
"""Hours east of Greenwich of the names that mean one offset only."""


def told_time(body: bytes) -> float | None:
    """Seconds since 1970 that a file gives; None where it gives no time.

    The first line with anything in it counts; where that is no time, the first line that begins with ``Date:`` or the
    like.
    """
    lines = [" ".join(line[:LONGEST_LINE].translate(_DRESS).split()).strip(" ,") for line in _text(body).splitlines()]
    lines = [line for line in lines if line and not line.startswith(("#", ";", "//"))]
    labelled = [found[1] for line in lines if (found := _LABEL.fullmatch(line))]
    for line in (*lines[:1], *labelled):
        with suppress(ValueError, OverflowError):
            if (found_time := _of_date(line)) is not None or (found_time := _of_number(line)) is not None:
                return found_time
    return None


_DRESS = str.maketrans("", "", "\"'{}")
"""What quotes a time, or makes it JSON."""


def _text(body: bytes) -> str:
    """Some editors and shells write a byte order mark, or UTF-16; some machines speak Latin-1."""
    if body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return body[:MOST_BYTES].decode("utf-16", "replace")
    try:
        return body[:MOST_BYTES].decode("utf-8-sig")
    except UnicodeDecodeError:
        return body[:MOST_BYTES].decode("latin-1")


def _of_number(line: str) -> float | None:
    """A number that is the whole first word: seconds, or parts of them where these would be thousands of years.

    That of no real time is the caller's to judge, unless it may be the day or the year of a date.
    """
    found = _NUMBER.fullmatch(line)
    if not found:
        return None
    value = float(found[1].replace(",", "."))
    if found["more"] and value < _FIRST_SECONDS:
        return None
    return next((value / parts for parts in _FINER if 1 <= value / parts / _FIRST_SECONDS < 100), value)


@dataclass(slots=True)
class _Parts:
    """What the words of a line have said so far."""

    year: int | None = None
    month: int | None = None
    day: int | None = None
    clock: tuple[int, int, int] | None = None
    half: int | None = None
    offset: timedelta | None = None
    weekday: str | None = None

    @property
    def are_whole(self) -> bool:
        return None not in (self.year, self.month, self.day, self.clock)


def _of_date(line: str) -> float | None:
    """The date that the words of a line make, in any order; more words may follow a whole one."""
    if found := _DIGITS.fullmatch(line):
        return datetime.strptime(found[1], "%Y%m%d%H%M%S").replace(tzinfo=UTC).timestamp()
    parts = _Parts()
    for word in _EASTERN.sub(r"\1-\2-\3 ", line).replace(",", " ").split():
        if word.startswith("("):  # the zone, or a comment, as e-mail has it after the offset
            inner = word.strip("()")
            if not _take_zone(parts, inner) and parts.offset is None and parts.clock and _MAYBE_ZONE.fullmatch(inner):
                return None
            continue
        if not _take(parts, word):
            if not parts.are_whole or (parts.offset is None and _MAYBE_ZONE.fullmatch(word)):
                return None
            break
    return _moment(parts)


def _take(parts: _Parts, word: str) -> bool:
    """Whether a word is a part of a date that was not given yet."""
    small = word.lower()
    if small in _FILLERS or (_WEEKDAY.fullmatch(word) and parts.clock is None):
        return True
    if small.strip(".") in _MONTH_OR_WEEKDAY and parts == _Parts():
        parts.weekday = word
        return True
    if small in _HALVES and parts.clock and parts.half is None:
        parts.half = _HALVES[small]
        return True
    if _take_date(parts, word) or _take_clock(parts, word) or _take_zone(parts, word):
        return True
    is_name = word.rstrip(".").isalpha() and not _MAYBE_ZONE.fullmatch(word)
    if is_name and parts.weekday is None and parts.clock is None:  # that of the weekday, in some language
        parts.weekday = word
        return True
    return False


def _take_date(parts: _Parts, word: str) -> bool:
    if parts.year is None and parts.month is None and (found := _ISO.fullmatch(word)):
        parts.year, parts.month, parts.day = int(found[1]), int(found[3]), int(found[4])
        if found[5]:
            parts.clock = int(found[5]), int(found[6]), int(found[7] or 0)
        return _take_rest(parts, found[8])
    if parts.year is None and (found := _DAY_MONTH_YEAR.fullmatch(word)) and (month := _month(found[2])):
        parts.day, parts.month, parts.year = int(found[1]), month, int(found[3]) + (2000 if len(found[3]) == 2 else 0)
        return True
    if parts.year is None and parts.month is None and (found := _DOTTED.fullmatch(word)):
        parts.day, parts.month, parts.year = int(found[1]), int(found[2]), int(found[3])
        return True
    if parts.month is None and (month := _month(word)):
        parts.month = month
        return True
    if parts.year is None and (found := _YEAR.fullmatch(word)):
        parts.year = int(found[1])
        return True
    if parts.day is None and (found := _DAY.fullmatch(word)):
        parts.day = int(found[1])
        return True
    return False


def _month(word: str) -> int | None:
    """By its name, whole or its first letters."""
    small = word.lower()
    return next((number for number, begins in enumerate(_MONTHS, 1) if small.startswith((*begins.split(),))), None)


def _take_rest(parts: _Parts, rest: str | None) -> bool:
    """Takes the zone right behind a clock. An unknown one would make the time wrong by hours."""
    if rest and not _take_zone(parts, rest):
        raise ValueError(rest)
    return True


def _take_clock(parts: _Parts, word: str) -> bool:
    found = _CLOCK.fullmatch(word) if parts.clock is None else None
    if not found:
        return False
    parts.clock = int(found[1]), int(found[2]), int(found[3] or 0)
    rest = found[4].lower()
    if rest in _HALVES:
        parts.half = _HALVES[rest]
        return True
    return _take_rest(parts, rest)


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
    if parts.month is None and parts.weekday:
        parts.month = _month(parts.weekday)
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
