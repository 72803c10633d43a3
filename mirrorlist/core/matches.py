"""Which mirrors belong to a client's network, and how closely."""

from __future__ import annotations

from collections.abc import Sequence

from mirrorlist.core.model import Client, CloudRegions, Match, Mirror, Proximity
from mirrorlist.core.prefixes import contains


def network_matches(mirrors: Sequence[Mirror], client: Client) -> dict[int, Match]:
    """The closest match of each mirror that matches the client's address, ASN or cloud region, by number."""
    found = {number: network_match(mirror, client) for number, mirror in enumerate(mirrors)}
    return {number: match for number, match in found.items() if match}


def network_match(mirror: Mirror, client: Client) -> Match | None:
    """The closest way in which the client is in one of the mirror's networks, or None."""
    if client.address is not None:
        lengths = [prefix.length for prefix in mirror.subnets if contains(prefix, client.address)]
        if lengths:
            return Match(Proximity.SUBNET, max(lengths))
    return match_without_subnet(mirror, client.asn, client.cloud, client.asn_proves, client.cloud_proves)


def match_without_subnet(
    mirror: Mirror, asn: int | None, cloud: tuple[str, str] | None, asn_proves: bool, cloud_proves: bool
) -> Match | None:
    """The match by cloud region, else by ASN. A match that proves its network goes before one that does not."""
    by_cloud = Match(Proximity.CLOUD_REGION, 0, cloud_proves) if in_regions(mirror.cloud, cloud) else None
    by_asn = Match(Proximity.ASN, 0, asn_proves) if asn is not None and asn in mirror.asns else None
    if by_cloud and by_asn and by_asn.proves and not by_cloud.proves:
        return by_asn
    return by_cloud or by_asn


def in_regions(served: CloudRegions | None, cloud: tuple[str, str] | None) -> bool:
    """Whether a provider's region is among those that a mirror serves."""
    if served is None or cloud is None or served.provider != cloud[0]:
        return False
    return served.regions is None or cloud[1] in served.regions
