"""The rules that say which mirrors may be given to whom: one function per rule, each with its Reason.

To add a rule: write the function, name its Reason in core/reasons.py, put it into ``RULES``, and give it a test. Every
answer obeys the tuple: ``select``, the prepared tables, redirects, previews, releases and reports ask the functions
below it and nothing else.

These rules decide who is in the groups that clients are spread over. Whether a mirror can be used right now is
another matter (core/selection/usability.py): one that cannot is only passed over, so that everybody else's spread
stays the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from mirrorlist.core.mirror import country_is_open, is_out_of_reach, unreached_since
from mirrorlist.core.model import (
    NOWHERE,
    SERVED_STATUSES,
    ClientPlace,
    Match,
    Mirror,
    Proximity,
    Status,
    lacks_address,
    lacks_claims,
)
from mirrorlist.core.reasons import Reason

Rule = Callable[[Mirror, str, ClientPlace, Match | None], Reason | None]
"""A rule sees a mirror, the module that is asked for, and the client: where it is, and how its network matches the
mirror."""

_STATUS_REASONS = {
    Status.PAUSED: Reason.PAUSED,
    Status.DECLINED: Reason.DECLINED,
    Status.RETIRED: Reason.RETIRED,
}


def is_live(mirror: Mirror, module: str, client: ClientPlace, match: Match | None) -> Reason | None:
    """Only live and retiring mirrors are served."""
    if mirror.status in SERVED_STATUSES:
        return None
    return _STATUS_REASONS.get(mirror.status, Reason.NOT_LIVE_YET)


def carries_module(mirror: Mirror, module: str, client: ClientPlace, match: Match | None) -> Reason | None:
    """A mirror carries the modules that its file gives an address for."""
    if module in mirror.urls:
        return None
    return Reason.ADDRESS_REFUSED if lacks_address(mirror.withheld, module) else Reason.NOT_CARRIED


def open_to_network(mirror: Mirror, module: str, client: ClientPlace, match: Match | None) -> Reason | None:
    """A private mirror serves its own networks only, and so does a monopoly."""
    if not (mirror.private or mirror.monopoly) or (match and match.proves):
        return None
    named = mirror.subnets or mirror.subnets_url or mirror.asns or mirror.cloud
    if named:
        return Reason.PRIVATE
    return Reason.CLAIM_REFUSED if lacks_claims(mirror.withheld) else Reason.PRIVATE_WITHOUT_NETWORKS


def open_to_cloud(mirror: Mirror, module: str, client: ClientPlace, match: Match | None) -> Reason | None:
    """A mirror inside a cloud serves its regions, and its own networks; traffic from outside would cost it.

    For a public one the data that comes with the program is enough to know a region, but not to know an ASN.
    """
    if mirror.cloud is None or (match and (match.proves or match.proximity is Proximity.CLOUD_REGION)):
        return None
    return Reason.CLOUD


def open_to_country(mirror: Mirror, module: str, client: ClientPlace, match: Match | None) -> Reason | None:
    """``countries_only`` and ``countries_never``, except for clients in a network that the mirror names."""
    return None if match or country_is_open(mirror, client.country) else Reason.COUNTRY_CLOSED


def at_its_hours(mirror: Mirror, module: str, client: ClientPlace, match: Match | None) -> Reason | None:
    """``off_peak_only``, except for clients in a network that the mirror names."""
    return Reason.PEAK_HOURS if mirror.rests and match is None else None


def within_reach(mirror: Mirror, module: str, client: ClientPlace, match: Match | None) -> Reason | None:
    """``reach:`` of service.yml, and what vantage points see; it counts for clients in the mirror's networks too."""
    if not is_out_of_reach(mirror, client):
        return None
    return Reason.OUT_OF_REACH if unreached_since(mirror, client) is None else Reason.NOT_REACHED_FROM


RULES: tuple[Rule, ...] = (
    is_live, carries_module, open_to_network, open_to_cloud, open_to_country, at_its_hours, within_reach,
)  # fmt: skip

_INSIDE = Match(Proximity.SUBNET, 128)
"""The match of a client that is in a mirror's own network beyond doubt."""


def reason_against(mirror: Mirror, module: str, client: ClientPlace, match: Match | None) -> Reason | None:
    """The first rule's reason to leave a mirror out for a client, or None."""
    for rule in RULES:
        if reason := rule(mirror, module, client, match):
            return reason
    return None


def open_in(mirrors: Sequence[Mirror], numbers: Iterable[int], module: str, client: ClientPlace) -> tuple[int, ...]:
    """Those of the numbered mirrors that clients at a place get who are in no network of theirs."""
    return tuple(number for number in numbers if reason_against(mirrors[number], module, client, None) is None)


def is_carrier(mirror: Mirror, module: str) -> bool:
    """Whether a mirror may be given to anybody at all: at least to clients in its own networks."""
    return reason_against(mirror, module, NOWHERE, _INSIDE) is None


def carriers(mirrors: Sequence[Mirror], module: str) -> tuple[int, ...]:
    """The numbers of the mirrors of a module that may be given to anybody at all."""
    return tuple(number for number, mirror in enumerate(mirrors) if is_carrier(mirror, module))


def is_open_to_strangers(mirror: Mirror, module: str) -> bool:
    """Whether a mirror may be given to clients outside its own networks, in some country at least."""
    countries = (None, *mirror.countries_only)
    return any(reason_against(mirror, module, ClientPlace(country), None) is None for country in countries)


def opened_by(
    matches: Iterable[tuple[int, Match]], mirrors: Sequence[Mirror], module: str, client: ClientPlace = NOWHERE
) -> dict[int, Match]:
    """Those of the matches, by the mirrors' numbers, that make a mirror one of the client's own."""
    return {n: match for n, match in matches if reason_against(mirrors[n], module, client, match) is None}
