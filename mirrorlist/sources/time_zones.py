"""The time zone of a mirror whose file names none: that of its place, as far as the place is known well enough."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from tzfpy import get_tz

from mirrorlist.core.model import Mirror

EXACT_KM = 100.0
"""A place that is good for more than this may lie in the next time zone."""
_AT_SEA = "Etc/"
"""The zones of ships: no mirror stands there."""


def in_time_zones(mirrors: Iterable[Mirror]) -> tuple[Mirror, ...]:
    """The mirrors, each with the time zone of its place (an IANA name) unless its file names one."""
    return tuple(_in_time_zone(mirror) for mirror in mirrors)


def _in_time_zone(mirror: Mirror) -> Mirror:
    place = mirror.location
    if mirror.time_zone or place is None or place.latitude is None or place.longitude is None:
        return mirror
    if place.precision_km is not None and place.precision_km > EXACT_KM:
        return mirror
    found = get_tz(place.longitude, place.latitude)
    return mirror if not found or found.startswith(_AT_SEA) else replace(mirror, time_zone=found)
