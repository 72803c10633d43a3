"""Find the client that selection knows for an address."""

from __future__ import annotations

from collections.abc import Callable

from mirrorlist.core.model import NOWHERE, Client
from mirrorlist.core.network.prefixes import unwrapped
from mirrorlist.core.selection.spread import identity_of
from mirrorlist.core.snapshot import Snapshot

CountryOf = Callable[[bytes], str | None]
"""The country of a packed address by the data that comes with the program, or None."""


def client_at(snapshot: Snapshot, address: bytes | None, sent: bytes, country_of: CountryOf) -> Client:
    """The client at a packed address; ``sent`` is what tells clients apart whose address is not known."""
    if address is None:
        return Client(None, sent, NOWHERE)
    facts = snapshot.facts
    network = facts.classes[snapshot.networks.at(address)]
    return Client(
        address=address,
        identity=identity_of(address),
        place=facts.places[place_number(snapshot, address, country_of)],
        asn=snapshot.asns.at(address) or None,
        cloud=network.cloud,
        asn_proves=network.asn_proves,
        cloud_proves=network.cloud_proves,
    )


def place_number(snapshot: Snapshot, address: bytes, country_of: CountryOf) -> int:
    """The number of the place of an address: from the operator's databases, else its country's; 0 is nowhere.

    IPv4 addresses inside 6to4, Teredo and NAT64 ones tell the place.
    """
    inner = unwrapped(address)
    found = snapshot.located.at(inner)
    return found or snapshot.facts.country_places.get(country_of(inner) or "", 0)
