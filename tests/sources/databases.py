"""Writes the small databases of addresses that a test needs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmdb_writer import MMDBWriter
from netaddr import IPSet


def write_database(path: Path, kind: str, rows: Mapping[str, Any], version: int = 6) -> Path:
    """A database of this type with these records; a narrower network comes after the one around it."""
    writer = MMDBWriter(version, kind, languages=["en"], ipv4_compatible=version == 6)
    for network, content in rows.items():
        writer.insert_network(IPSet([network]), content)
    writer.to_db_file(str(path))
    return path


def city(country: str, latitude: Any, longitude: Any, radius: Any = 20) -> dict[str, Any]:
    """A record in MaxMind's layout."""
    place = {"latitude": latitude, "longitude": longitude, "accuracy_radius": radius}
    return {"country": {"iso_code": country}, "location": place}


def asn(number: int) -> dict[str, Any]:
    """A record of MaxMind's database of ASNs."""
    return {"autonomous_system_number": number, "autonomous_system_organization": "Example"}
