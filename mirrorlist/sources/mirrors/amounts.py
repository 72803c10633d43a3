"""Parse bandwidths, disk space and intervals as people write them."""

from __future__ import annotations

import re


class Refused(ValueError):
    """An answer that cannot be used; says why, as the end of a sentence that begins with the answer."""


_BANDWIDTH = re.compile(
    r"(?:([1-9][0-9]?)\s*[x\u00d7*]\s*)?([0-9]{1,6}(?:[.,][0-9]{1,3})?)\s*(?:([tgm])(?:i?b|bit|bits|byte|bytes)?\s*)?"
    r"(?:/\s*s|ps|/\s*sec|per second)?\.?", re.IGNORECASE
)  # fmt: skip
_MBPS = {"m": 1, "g": 1000, "t": 1_000_000}


def bandwidth_mbps(text: str) -> int:
    """``1 Gbit/s``, ``2x10G``, ``500 Mbps`` in megabits per second; a number alone is that. Bytes are read as bits."""
    found = _BANDWIDTH.fullmatch(text.strip())
    if not found:
        raise Refused("is no bandwidth; write it as in 10 Gbit/s")
    mbps = int(found[1] or 1) * float(found[2].replace(",", ".")) * _MBPS[(found[3] or "m").lower()]
    if not 1 <= mbps <= 100_000_000:
        raise Refused("is no bandwidth that a mirror has; write it as in 10 Gbit/s")
    return round(mbps)


_SPAN = re.compile(r"(?:every\s+)?([0-9]{1,4})?\s*(minutes?|mins?|m|hours?|hrs?|h|days?|d|weeks?|w)", re.IGNORECASE)
_TIMES = re.compile(r"(once|twice|[a-z]+ times|[0-9]{1,3}\s*(?:times|x))\s*(?:an?|per|each|every|/)?\s*(hour|day)",
                    re.IGNORECASE)  # fmt: skip
_WORDS = {
    "once": 1,
    "twice": 2,
    "two": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "six": 6,
    "eight": 8,
    "ten": 10,
    "twelve": 12,
}
_MINUTES = {"m": 1, "h": 60, "d": 1440, "w": 10_080}


_PHRASES = {"hourly": "every hour", "daily": "every day", "weekly": "every week", "twice daily": "twice a day"}


def frequency(text: str) -> str:
    """``every 15 min``, ``twice an hour``, ``4 times a day``, ``hourly`` as 15m, 30m, 6h, 1h."""
    said = " ".join(text.lower().rstrip(".").split())
    said = _PHRASES.get(said, said)
    if span := _SPAN.fullmatch(said):
        return _spelled(int(span[1] or 1) * _MINUTES[span[2][0]])
    if times := _TIMES.fullmatch(said):
        first = times[1].removesuffix("times").removesuffix("x").strip()
        count = _WORDS.get(first) or int(first if first.isdecimal() else 0)
        return _spelled(_MINUTES[times[2][0]] // count if count else 0)
    raise Refused("is no interval; write it as in 3h, or every 15 min")


def _spelled(minutes: int) -> str:
    if minutes < 1:
        raise Refused("is no interval; write it as in 3h, or every 15 min")
    return f"{minutes // 60}h" if minutes % 60 == 0 else f"{minutes}m"


_SPACE = re.compile(r"([0-9]{1,9}(?:[.,][0-9]{1,3})?)\s*([kmgtp])i?b(?:ytes?)?", re.IGNORECASE)
_GB = {"k": 1e-6, "m": 1e-3, "g": 1, "t": 1000, "p": 1_000_000}


def storage_gb(text: str) -> int:
    """``4 TB``, ``500GB`` in gigabytes; a number alone is that."""
    said = text.strip()
    if re.fullmatch(r"[1-9][0-9]{0,8}", said):
        return int(said)
    found = _SPACE.fullmatch(said)
    gigabytes = round(float(found[1].replace(",", ".")) * _GB[found[2].lower()]) if found else 0
    if gigabytes < 1:
        raise Refused("is no disk space; write it as in 4000 GB")
    return gigabytes
