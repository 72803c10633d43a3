"""Rates of traffic as people write them: ``40Gbit/s``, ``12TiB/day``."""

from __future__ import annotations

import re

_DAY = 86_400
_MBPS = {
    "kbit/s": 1e-3, "Mbit/s": 1.0, "Gbit/s": 1e3, "Tbit/s": 1e6,
    "GiB/day": 2**30 * 8 / 1e6 / _DAY, "TiB/day": 2**40 * 8 / 1e6 / _DAY, "PiB/day": 2**50 * 8 / 1e6 / _DAY,
}  # fmt: skip
UNITS = tuple(_MBPS)
MOST_MBPS = 1e9
_RATE = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,6})?) ?([A-Za-z]+/[a-z]+)", re.ASCII)


def rate_mbps(text: str) -> float | None:
    """The rate in Mbit/s; None for anything but a number above 0, one of ``UNITS``, and at most 1,000 Tbit/s."""
    found = _RATE.fullmatch(text)
    if found is None or found[2] not in _MBPS:
        return None
    rate = float(found[1]) * _MBPS[found[2]]
    return rate if 0 < rate <= MOST_MBPS else None


def gib_per_day(mbps: float) -> float:
    """What a rate comes to in a day."""
    return mbps / _MBPS["GiB/day"]
