"""Place mirrors without a location by their addresses, report contradictions, and tell the time at a mirror.

The prober notes the addresses; no name is resolved here. Private mirrors are left alone: nothing of their
addresses is told to anybody.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from enum import StrEnum
from zoneinfo import ZoneInfo

from tzfpy import get_tz

from mirrorlist.core.errors import Finding, Severity
from mirrorlist.core.mirror import is_in_one_place
from mirrorlist.core.model import Location, Mirror, PlaceSource
from mirrorlist.core.network.addresses import KnownAddress, PlaceOf, address_location, other_systems
from mirrorlist.sources.places.gazetteer import Point
from mirrorlist.sources.places.locations import Atlas, contradiction, text_location
from mirrorlist.sources.yaml.documents import START, finding

Known = Mapping[str, Sequence[KnownAddress]]
"""The name of a mirror to its addresses."""


class AddressCode(StrEnum):
    """What a mirror's addresses contradict; docs/mirror-files.md explains each."""

    PLACE = "address-place"
    ASN = "address-asn"


def placed_by_addresses(mirrors: Iterable[Mirror], known: Known, place_of: PlaceOf) -> tuple[Mirror, ...]:
    """The mirrors, those without coordinates at the place of their addresses where these tell one."""
    placed = []
    for mirror in mirrors:
        said = mirror.location or Location()
        if (
            not mirror.private
            and is_in_one_place(mirror)
            and said.latitude is None
            and (at := address_location(known.get(mirror.name, ()), place_of))
        ):
            at = replace(at, region=said.region, city=said.city, continent=said.continent)
            placed.append(replace(mirror, location=at))
        else:
            placed.append(mirror)
    return tuple(placed)


def in_systems(mirrors: Iterable[Mirror], known: Known, former: Iterable[Mirror]) -> Iterator[Mirror]:
    """The mirrors, each with the ASes of its addresses; where none are known, with those of the former mirror."""
    systems = {each.name: each.systems for each in former}
    systems |= {name: tuple(sorted({each.asn for each in found if each.asn})) for name, found in known.items()}
    return (replace(mirror, systems=systems.get(mirror.name, ())) for mirror in mirrors)


def address_findings(
    mirrors: Iterable[Mirror], known: Known, place_of: PlaceOf, atlas: Atlas, paths: Mapping[str, str]
) -> tuple[Finding, ...]:
    """What the addresses of mirrors contradict; ``paths`` leads from a mirror's name to its file."""
    return tuple(
        finding(paths.get(mirror.name, mirror.name), START, Severity.WARNING, code, message)
        for mirror in mirrors
        if not mirror.private and mirror.name in known
        for code, message in _contradictions(mirror, known[mirror.name], place_of, atlas)
    )


def _contradictions(
    mirror: Mirror, addresses: Sequence[KnownAddress], place_of: PlaceOf, atlas: Atlas
) -> Iterator[tuple[AddressCode, str]]:
    found = address_location(addresses, place_of) if is_in_one_place(mirror) else None
    said = mirror.location
    if found and said and said.source is not PlaceSource.ADDRESS:
        apart = _apart(said, found, atlas)
        if apart is not None:
            where = f"{found.latitude:.0f}, {found.longitude:.0f} in {found.country or 'an unknown country'}"
            yield AddressCode.PLACE, f"its place is {apart} km from its addresses' ({where}); correct it if it is wrong"
    if systems := other_systems(mirror.asns, addresses):
        named, declared = (", ".join(f"AS{asn}" for asn in asns) for asns in (systems, mirror.asns))
        yield AddressCode.ASN, f"asn names {declared}, but its addresses belong to {named}; look whether both are meant"


def _apart(said: Location, found: Location, atlas: Atlas) -> int | None:
    """How far what the file says is from the addresses, read as favourably as names and countries allow."""
    told = text_location(said, found, atlas) if said.source is not PlaceSource.COORDINATES else said
    if told is None or told.latitude is None or told.longitude is None:
        return None
    if found.precision_km is not None and found.precision_km > _VAGUE_KM:
        nearest = atlas.gazetteer.nearest(found.country or "", None, Point(told.latitude, told.longitude))
        if nearest is None:
            return None
        found = replace(found, latitude=nearest.latitude, longitude=nearest.longitude)
    return contradiction(told, found)


_VAGUE_KM = 300.0
"""Beyond this a place is a whole country: its nearest city is held against what the file says."""


# Time zones from places, where the file names none and the place is precise enough.

EXACT_KM = 100.0
"""A place that is good for more than this may lie in the next time zone."""
_AT_SEA = "Etc/"
"""The zones of ships: no mirror is there."""


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


# Quiet hours: mirrors that serve strangers off-peak only rest while it is peak time where they are.

QUARTER_SECONDS = 900
QUARTERS = 96


def at_their_hours(mirrors: Iterable[Mirror], peak_hours: tuple[int, int], now: float) -> tuple[Mirror, ...]:
    """The mirrors, each with whether it rests; ``peak_hours`` are minutes after midnight, maybe beyond the next."""
    first, last = peak_hours

    def is_peak(mirror: Mirror) -> bool:
        there = datetime.fromtimestamp(now, UTC).astimezone(zone_of(mirror))
        minute = 60 * there.hour + there.minute
        return first <= minute < last if first <= last else minute >= first or minute < last

    return tuple(replace(each, rests=True) if each.off_peak_only and is_peak(each) else each for each in mirrors)


def through_a_day(
    mirrors: Sequence[Mirror], peak_hours: tuple[int, int], now: float
) -> list[tuple[float, Sequence[Mirror]]]:
    """The parts of the day that begins now, in each of which the same mirrors rest, and the mirrors as they are then.

    A part of 1 is the whole day.
    """
    quiet = {mirror.name: mirror for mirror in in_time_zones(each for each in mirrors if each.off_peak_only)}
    begins = now - now % QUARTER_SECONDS
    resting = Counter(
        frozenset(each.name for each in at_their_hours(quiet.values(), peak_hours, at) if each.rests)
        for at in (begins + QUARTER_SECONDS * number for number in range(QUARTERS))
    )
    return [
        (count / QUARTERS, [replace(each, rests=True) if each.name in names else each for each in mirrors])
        for names, count in resting.items()
    ]


def zone_of(mirror: Mirror) -> tzinfo:
    """The time zone of a mirror; where its file and its place name none, by its longitude: an hour for 15 degrees."""
    try:
        return ZoneInfo(mirror.time_zone or "")
    except (LookupError, OSError, ValueError):
        longitude = mirror.location.longitude if mirror.location else None
        return timezone(timedelta(hours=round((longitude or 0.0) / 15)))
