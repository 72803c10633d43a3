"""Which mirrors may be given to whom: one function a rule, each with its Reason.

To add a rule: write the function, name its Reason in core/reasons.py, put it into the tuple where it belongs,
and give it a test. These rules say who stands in the groups that clients are spread over. Whether a mirror can
be used right now is another matter (core/usability.py): one that cannot is only passed over, so that the spread
of everybody else stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable

from mirrorlist.core.model import SERVED_STATUSES, Client, Match, Mirror, Proximity, Query, Status
from mirrorlist.core.rank import country_is_open, country_of
from mirrorlist.core.reasons import Reason
from mirrorlist.core.withheld import lacks_address, lacks_claims

Rule = Callable[[Mirror, Query, Client, Match | None], Reason | None]

_STATUS_REASONS = {
    Status.PAUSED: Reason.PAUSED,
    Status.DECLINED: Reason.DECLINED,
    Status.RETIRED: Reason.RETIRED,
}


def vault_serves(mirror: Mirror, query: Query, client: Client, match: Match | None) -> Reason | None:
    """What the vault keeps is not on the mirrors."""
    return Reason.VAULT if query.target.vault else None


def is_live(mirror: Mirror, query: Query, client: Client, match: Match | None) -> Reason | None:
    """Only live and retiring mirrors are served."""
    if mirror.status in SERVED_STATUSES:
        return None
    return _STATUS_REASONS.get(mirror.status, Reason.NOT_LIVE_YET)


def carries_module(mirror: Mirror, query: Query, client: Client, match: Match | None) -> Reason | None:
    """A mirror carries the modules that its file gives an address for."""
    module = query.target.module
    if module in mirror.urls:
        return None
    return Reason.ADDRESS_REFUSED if lacks_address(mirror.withheld, module) else Reason.NOT_CARRIED


def in_asked_country(mirror: Mirror, query: Query, client: Client, match: Match | None) -> Reason | None:
    """``country=`` leaves the mirrors of these countries."""
    if query.countries and country_of(mirror) not in query.countries:
        return Reason.COUNTRY_ASKED
    return None


def open_to_network(mirror: Mirror, query: Query, client: Client, match: Match | None) -> Reason | None:
    """A private mirror serves its own networks only, and so does a monopoly."""
    if not (mirror.private or mirror.monopoly) or (match and match.proves):
        return None
    named = mirror.subnets or mirror.subnets_url or mirror.asns or mirror.cloud
    if named:
        return Reason.PRIVATE
    return Reason.CLAIM_REFUSED if lacks_claims(mirror.withheld) else Reason.PRIVATE_WITHOUT_NETWORKS


def open_to_cloud(mirror: Mirror, query: Query, client: Client, match: Match | None) -> Reason | None:
    """A mirror inside a cloud serves its regions, and its own networks; traffic from outside would cost it.

    For a public one the data that comes with the program is enough to know a region, but not to know an ASN.
    """
    if mirror.cloud is None or (match and (match.proves or match.proximity is Proximity.CLOUD_REGION)):
        return None
    return Reason.CLOUD


def opens(match: Match, mirror: Mirror) -> bool:
    """Whether a match opens a mirror that strangers do not get; what ``open_to_network`` and ``open_to_cloud`` say."""
    if match.proves:
        return True
    in_region = mirror.cloud is None or match.proximity is Proximity.CLOUD_REGION
    return in_region and not (mirror.private or mirror.monopoly)


def open_to_country(mirror: Mirror, query: Query, client: Client, match: Match | None) -> Reason | None:
    """``countries_only`` and ``countries_never``, except for clients in a network that the mirror names."""
    return None if match or country_is_open(mirror, client.place.country) else Reason.COUNTRY_CLOSED


STANDING_RULES: tuple[Rule, ...] = (vault_serves, is_live, carries_module, in_asked_country)
CLIENT_RULES: tuple[Rule, ...] = (open_to_network, open_to_cloud, open_to_country)


def first_reason(
    rules: tuple[Rule, ...], mirror: Mirror, query: Query, client: Client, match: Match | None
) -> Reason | None:
    """The first rule's reason to leave the mirror out, or None."""
    for rule in rules:
        if reason := rule(mirror, query, client, match):
            return reason
    return None
