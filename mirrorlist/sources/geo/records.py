"""Decode one record of an address database, whatever its layout.

MaxMind's layout (DB-IP's files have it too) keeps mappings inside mappings; IPinfo's and the flat files of
ip-location-db keep everything on one level, older ones with text for numbers. The fields tell them apart. To
add a layout: name its fields in the function of what they mean.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mirrorlist.core.model import Location

CITY_PRECISION_KM = 50.0
"""How far off coordinates may be that come without a radius: they are a city's."""
_DIGITS_OF_ASN = 10

Fields = Mapping[str, Any]
_NOTHING: Fields = {}


@dataclass(frozen=True, slots=True)
class GeoRecord:
    """What a database says of a network."""

    location: Location | None = None
    asn: int | None = None


def record_of(fields: Fields) -> GeoRecord:
    """What can be used of a record; a field that is missing, or is none of its kind, is not known."""
    number = fields.get("autonomous_system_number", fields.get("asn"))
    if number is None:
        number = _mapping(fields, "traits").get("autonomous_system_number")
    if isinstance(number, str):
        digits = number[2:] if number[:2].upper() == "AS" else number
        number = int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= _DIGITS_OF_ASN else None
    is_asn = isinstance(number, int) and number is not True and 0 < number < 2**32 - 1
    return GeoRecord(_location(fields), number if is_asn else None)


def _location(fields: Fields) -> Location | None:
    country = _country(fields)
    inner = fields.get("location")
    place = inner if isinstance(inner, dict) else fields
    latitude = _degrees(place.get("latitude", place.get("lat")), 90)
    longitude = _degrees(place.get("longitude", place.get("lng")), 180)
    if latitude is None or longitude is None:
        return Location(country=country) if country else None
    precision = _number(place.get("accuracy_radius", place.get("radius")))
    if precision is None or precision < 0:
        precision = CITY_PRECISION_KM
    return Location(country=country, latitude=latitude, longitude=longitude, precision_km=precision)


def _country(fields: Fields) -> str | None:
    """The code: of the country itself, else of the country that the network is registered in."""
    country = fields.get("country")
    if isinstance(country, dict):
        return _code(country.get("iso_code")) or _code(_mapping(fields, "registered_country").get("iso_code"))
    registered = _mapping(fields, "registered_country").get("iso_code")
    return _code(fields.get("country_code")) or _code(country) or _code(registered)


def _mapping(fields: Fields, key: str) -> Fields:
    found = fields.get(key)
    return found if isinstance(found, dict) else _NOTHING


def _code(value: object) -> str | None:
    """A country's code in capitals. IPinfo's newer files have a name under ``country``."""
    return value.upper() if isinstance(value, str) and len(value) == 2 and value.isascii() and value.isalpha() else None


def _degrees(value: object, most: int) -> float | None:
    """Coordinates, or None where they are none or out of range."""
    found = _number(value)
    return found if found is not None and -most <= found <= most else None


def _number(value: object) -> float | None:
    try:
        found = float(value)  # type: ignore[arg-type]  # whatever is no number raises here
    except (TypeError, ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None
