"""Remember recent clients: their location, their networks, and their client hash."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from typing import TYPE_CHECKING
from zlib import crc32

from mirrorlist.core.network.prefixes import place_at
from mirrorlist.core.selection.client import CountryOf
from mirrorlist.core.selection.prepared import Prepared
from mirrorlist.core.selection.spread import ClientHash, Epochs, identity_of
from mirrorlist.core.statistics import NO_CLIENT, REGISTERS, registers_of
from mirrorlist.web.client_address import TrustedProxies, client_address, forwarded_address, ignored_proxy, network_hash
from mirrorlist.web.counts import CountryNumbers, Counts, Measure
from mirrorlist.web.questions import sent_by

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment


LONGEST_REMEMBERED = 256
"""Characters; real addresses and headers are shorter."""
MOST_REMEMBERED = 16_384

Known = tuple[int, int, ClientHash, float, int]
"""A client until its epoch ends: place, network, client hash, end of the epoch, and address family: 0 if unknown,
1 for IPv4, 2 for IPv6.

A plain tuple of plain values: the garbage collector stops tracking it, where it would walk through thousands of
objects of a class of our own again and again (measured: 10 us a new client, half of all it cost).
"""


class KnownClients:
    """The clients of one generation; the memory is bounded, and goes with the generation."""

    def __init__(self, prepared: Prepared, country_of: CountryOf, clock: Callable[[], float], counts: Counts) -> None:
        facts = prepared.snapshot.facts
        self._located, self._network_at = prepared.snapshot.located, prepared.snapshot.networks.at
        self._country_places, self._system_places = facts.country_places, facts.system_places
        self._country_of = country_of
        self._clock = clock
        self._counts = counts
        self._proxies = TrustedProxies(facts.service.trusted_proxies)
        self._turns = Epochs(facts.key, prepared.snapshot.policy.turn_seconds)
        self.remembered: dict[tuple[str, str | None], Known] = {}
        """By the peer's address and the X-Forwarded-For header."""
        self._once = bytearray(MOST_REMEMBERED)
        self._checksum_of_key = crc32(facts.key)
        self._countries = CountryNumbers(prepared.snapshot)
        self._country_of_place = self._countries.of_place
        self._least = self._nobody()
        """By country and register the least checksum of a client, which decides about the register."""

    def of(self, environ: WSGIEnvironment) -> Known:
        """The client of a request."""
        who = environ.get("REMOTE_ADDR", ""), environ.get("HTTP_X_FORWARDED_FOR")
        known = self.remembered.get(who)
        if known is None or known[3] <= self._clock():
            return self.new(who)
        return known

    def network(self, environ: WSGIEnvironment) -> int:
        """The hash of the client's network."""
        who = environ.get("REMOTE_ADDR", ""), environ.get("HTTP_X_FORWARDED_FOR")
        return network_hash(client_address(*who, self._proxies))

    def new(self, who: tuple[str, str | None]) -> Known:
        """The client of a peer and its header, of which nothing is remembered that still holds."""
        peer, forwarded = who
        address, is_trusted = self._proxies.peer(peer)
        if is_trusted:
            address = forwarded_address(forwarded, self._proxies)
        elif forwarded and (proxy := ignored_proxy(peer, forwarded, self._proxies)) is not None:
            self._counts.add({Measure.IGNORED: proxy})
        if address is None:
            sent = sent_by(peer, forwarded)
            lot, until = self._turns.lot(sent, crc32(sent), self._clock())
            known = 0, 0, lot, until, 0
        else:
            identity = identity_of(address)
            checksum = crc32(identity)
            lot, until = self._turns.lot(identity, checksum, self._clock())
            place = place_at(self._located, address, self._country_places, self._system_places, self._country_of)
            checksum ^= self._checksum_of_key
            register = self._country_of_place[place] << 6 | checksum & 63
            if checksum < self._least[register]:
                self._least[register] = checksum
            known = place, self._network_at(address), lot, until, 1 if len(address) == 4 else 2
        if self._comes_again(who):
            if len(self.remembered) >= MOST_REMEMBERED:
                self.remembered.clear()
            self.remembered[who] = known
        return known

    def collect(self) -> None:
        """Moves into the counts how many clients there were."""
        taken, self._least = self._least, self._nobody()
        for number, country in enumerate(self._countries.names):
            least = taken[number * REGISTERS : (number + 1) * REGISTERS]
            if min(least) < NO_CLIENT:
                self._counts.unite(country, registers_of(least))

    def _nobody(self) -> array[int]:
        return array("I", [NO_CLIENT]) * (len(self._countries.names) * REGISTERS)

    def _comes_again(self, who: tuple[str, str | None]) -> bool:
        """Whether a client is worth remembering: it was here before, probably, and its header is not long.

        Each client leaves one byte of a hash, so that one-time clients evict nobody.
        """
        hashed = hash(who)
        at, mark = hashed % MOST_REMEMBERED, hashed >> 32 & 0xFF or 1
        if self._once[at] == mark:
            return len(who[0]) + len(who[1] or "") <= LONGEST_REMEMBERED
        self._once[at] = mark
        return False
