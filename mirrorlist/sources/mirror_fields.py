"""From a mirror file's values, which the schema has accepted, to the Mirror that they describe."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mirrorlist.core.model import MAIN, CloudRegions, Location, Mirror, Prefix, Protocol, Status
from mirrorlist.sources.cloud_regions import canonical_region
from mirrorlist.sources.countries import Countries
from mirrorlist.sources.durations import duration_seconds
from mirrorlist.sources.mirror_urls import tree_url
from mirrorlist.sources.networks import prefix

Fields = Mapping[str, Any]


def mirror_from(fields: Fields, countries: Countries) -> Mirror:
    """The mirror; the fields are those that the schema accepts, with URLs and networks checked."""
    sync = fields.get("sync", {})
    return Mirror(
        name=fields["name"],
        urls=_urls(fields),
        update_frequency_seconds=duration_seconds(fields.get("update_frequency", "")),
        sponsor=fields.get("sponsor", ""),
        sponsor_url=fields.get("sponsor_url"),
        email=fields.get("email"),
        location=_location(fields.get("geolocation", {}), countries),
        private=fields.get("private", False),
        monopoly=fields.get("monopoly", False),
        subnets=_subnets(fields.get("subnets")),
        subnets_url=_subnets_url(fields.get("subnets")),
        asns=_asns(fields.get("asn", [])),
        cloud=_cloud(fields),
        status=Status(fields.get("status", Status.LIVE)),
        status_reason=fields.get("status_reason"),
        status_since=fields.get("status_since"),
        status_until=fields.get("status_until"),
        live_from=fields.get("live_from"),
        bandwidth_mbps=_whole(fields.get("bandwidth_mbps")),
        storage_gb=_whole(fields.get("storage_gb")),
        time_zone=fields.get("geolocation", {}).get("time_zone"),
        countries_only=_unique(fields.get("countries_only", [])),
        countries_never=_unique(fields.get("countries_never", [])),
        logo=fields.get("logo"),
        sync_source=sync.get("source"),
        sync_from=sync.get("from"),
        contact_name=fields.get("contact_name"),
        peerings=tuple(fields.get("peerings", [])),
        agreement=fields.get("agreement"),
    )


def _urls(fields: Fields) -> dict[str, dict[Protocol, str]]:
    books = {MAIN: fields.get("address"), **fields.get("address_optional", {})}
    return {module: _by_protocol(book) for module, book in books.items() if book}


def _by_protocol(book: Mapping[str, str]) -> dict[Protocol, str]:
    return {protocol: tree_url(book[protocol]) for protocol in Protocol if protocol in book}


def _location(place: Fields, countries: Countries) -> Location | None:
    country = countries.by_code.get(place.get("country", ""))
    found = Location(
        continent=country.continent if country else place.get("continent"),
        country=country.code if country else None,
        region=place.get("state_province") or None,
        city=place.get("city") or None,
        latitude=_number(place.get("latitude")),
        longitude=_number(place.get("longitude")),
    )
    return found if found != Location() else None


def _subnets(subnets: Any) -> tuple[Prefix, ...]:
    return _unique(prefix(text) for text in subnets) if isinstance(subnets, list) else ()


def _subnets_url(subnets: Any) -> str | None:
    return subnets if isinstance(subnets, str) else None


def _asns(asn: Any) -> tuple[int, ...]:
    return _unique(int(each) for each in (asn if isinstance(asn, list) else [asn]))


def _cloud(fields: Fields) -> CloudRegions | None:
    if "cloud_type" not in fields:
        return None
    regions = fields["cloud_regions"]
    provider = fields["cloud_type"]
    names = _unique(canonical_region(provider, name) for name in ([regions] if isinstance(regions, str) else regions))
    return CloudRegions(provider, None if "all" in names else names)


def _unique(values: Any) -> tuple[Any, ...]:
    """Each value once, in the order of the file."""
    return tuple(dict.fromkeys(values))


def _number(value: float | None) -> float | None:
    return None if value is None else float(value)


def _whole(value: float | None) -> int | None:
    """JSON Schema takes 1000.0 for an integer; here it becomes one."""
    return None if value is None else int(value)
