"""A time as the files of mirrors tell it: seconds since 1970, or a date in the spellings that are in use.

Debian's trace files begin with what ``date -u`` prints; others hold ISO 8601 or the date of an e-mail. A time
without a zone is not understood: it would be wrong by hours.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

LONGEST_LINE = 100

_ISO = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:.]+ ?(?:Z|UTC|[+-][0-9]{2}:?[0-9]{2})")
_DATE = re.compile(
    r"[A-Z][a-z]{2} (?P<month>[A-Z][a-z]{2}) {1,2}(?P<day>[0-9]{1,2}) (?P<time>[0-9]{2}:[0-9]{2}:[0-9]{2})"
    r"(?: (?P<half>AM|PM))? (?:UTC|GMT) (?P<year>[0-9]{4})"
)
_MAIL = re.compile(r"[A-Z][a-z]{2}, [0-9]{1,2} [A-Z][a-z]{2} [0-9]{4} [0-9:]{8} (?:[+-][0-9]{4}|GMT|UTC)")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_NOON = 12


def told_time(body: bytes) -> float | None:
    """Seconds since 1970 that the first line with anything in it tells; None where it tells no time."""
    try:
        text = body[: 10 * LONGEST_LINE].decode("ascii").strip()
    except UnicodeDecodeError:
        return None
    line = " ".join(text.partition("\n")[0][:LONGEST_LINE].split())
    for reader in _READERS:
        with suppress(ValueError, OverflowError):
            if (found := reader(line)) is not None:
                return found
    return None


def _seconds(line: str) -> float | None:
    """Whatever a number is; that of no real time is the caller's to judge."""
    return float(line.partition(" ")[0])


def _of_date_command(line: str) -> float | None:
    """``Sat Nov 21 01:02:03 UTC 2026``, and with AM or PM, as newer ones print it."""
    found = _DATE.fullmatch(line)
    if not found or found["month"] not in _MONTHS:
        return None
    hour, minute, second = map(int, found["time"].split(":"))
    if found["half"]:
        hour = hour % _NOON + (_NOON if found["half"] == "PM" else 0)
    month = _MONTHS.index(found["month"]) + 1
    return datetime(int(found["year"]), month, int(found["day"]), hour, minute, second, tzinfo=UTC).timestamp()


def _of_iso(line: str) -> float | None:
    if not _ISO.fullmatch(line):
        return None
    return datetime.fromisoformat(line.replace(" UTC", "Z").replace(" +", "+").replace(" -", "-")).timestamp()


def _of_mail(line: str) -> float | None:
    """RFC 5322, section 3.3."""
    return parsedate_to_datetime(line.replace("UTC", "GMT")).timestamp() if _MAIL.fullmatch(line) else None


_READERS: tuple[Callable[[str], float | None], ...] = (_seconds, _of_date_command, _of_iso, _of_mail)
