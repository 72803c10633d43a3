"""What is known of the clients that asked lately: where they are, their networks, and what the spread gives them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from mirrorlist.core.locate import CountryOf, place_number
from mirrorlist.core.prepared import Prepared
from mirrorlist.core.spread import Lot, Turns, identity_of
from mirrorlist.web.client import TrustedProxies, client_address
from mirrorlist.web.questions import sent_by

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

LONGEST_REMEMBERED = 256
MOST_REMEMBERED = 16_384


class KnownClient(NamedTuple):
    """What is known of a client until its turn ends; ``family`` is 0 for an unknown one, 1 for IPv4, 2 for IPv6.

    ``given`` is for whoever answers: what this client was given lately, for as long as it is the same.
    """

    place: int
    network: int
    lot: Lot
    until: float
    family: int
    given: dict[int, Any]


class KnownClients:
    """The clients of one generation; the memory is bounded, and goes with the generation."""

    def __init__(self, prepared: Prepared, country_of: CountryOf, clock: Callable[[], float]) -> None:
        self._snapshot = prepared.snapshot
        self._country_of = country_of
        self._clock = clock
        self._proxies = TrustedProxies(prepared.snapshot.facts.service.trusted_proxies)
        self._turns = Turns(prepared.snapshot.facts.key, prepared.snapshot.policy.turn_seconds)
        self._known: dict[tuple[str, str | None], KnownClient] = {}

    def of(self, environ: WSGIEnvironment) -> KnownClient:
        """The client of a request."""
        who = environ.get("REMOTE_ADDR", ""), environ.get("HTTP_X_FORWARDED_FOR")
        known = self._known.get(who)
        return known if known is not None and known.until > self._clock() else self._new(who)

    def _new(self, who: tuple[str, str | None]) -> KnownClient:
        address = client_address(*who, self._proxies)
        identity = sent_by(*who) if address is None else identity_of(address)
        lot, until = self._turns.lot(identity, self._clock())
        if address is None:
            known = KnownClient(0, 0, lot, until, 0, {})
        else:
            place = place_number(self._snapshot, address, self._country_of)
            network = self._snapshot.networks.at(address)
            known = KnownClient(place, network, lot, until, 1 if len(address) == 4 else 2, {})
        if len(who[0]) + len(who[1] or "") <= LONGEST_REMEMBERED:
            if len(self._known) >= MOST_REMEMBERED:
                self._known.clear()
            self._known[who] = known
        return known
