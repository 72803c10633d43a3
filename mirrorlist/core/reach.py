"""How a mirror's trees can be reached: over which protocol and address family, and with what result."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import IntEnum
from functools import lru_cache

from mirrorlist.core.health import GOOD_OUTCOMES, Family, Outcome, Verdict
from mirrorlist.core.model import WEB_PROTOCOLS, Mirror, Protocol


class Reach(IntEnum):
    """How a tree can be reached over one protocol and address family."""

    GOOD = 0
    SILENT = 1
    NO_ADDRESS = 2
    WRONG = 3
    """Something else than the origin's tree answers: clients of the family get that, whatever the other gives."""
    RECOVERING = 4
    """It works again, and has not for long enough."""
    FORBIDDEN = 5
    """Its name leads to an address that is not public, which clients would look for in their own networks."""


_ANOTHER_TREE = frozenset(
    {Outcome.STALE, Outcome.MISSING, Outcome.WRONG, Outcome.AHEAD, Outcome.OUTDATED, Outcome.FUTURE}
)


def reach_key(module: str, protocol: Protocol, family: Family) -> str:
    """The key of ``HealthTable.bad_reach``."""
    return f"{module}/{protocol}/{family}"


def reach_of(verdict: Verdict) -> Reach:
    """What a verdict on a tree means for those who would reach it."""
    if verdict.good_now:
        return Reach.GOOD
    if verdict.outcome is Outcome.NO_ADDRESS:
        return Reach.NO_ADDRESS
    if verdict.outcome is Outcome.FORBIDDEN:
        return Reach.FORBIDDEN
    if verdict.outcome in GOOD_OUTCOMES:
        return Reach.RECOVERING
    return Reach.WRONG if verdict.outcome in _ANOTHER_TREE else Reach.SILENT


def reach_over(
    bad_reach: Mapping[str, bytes], number: int, mirror: Mirror, module: str, protocol: Protocol, family: Family
) -> Reach:
    """How a mirror can be reached over a protocol and a family; well, as long as nothing is known."""
    column = bad_reach.get(reach_key(module, protocol, family))
    if column is not None and column[number]:
        return Reach(column[number])
    literal = literal_family(mirror.urls[module][protocol])
    return Reach.GOOD if literal is None or literal is family else Reach.NO_ADDRESS


def is_forbidden(bad_reach: Mapping[str, bytes], number: int, module: str, protocol: Protocol) -> bool:
    """Whether a mirror's name was seen to lead to an address that is not public, over either family."""
    columns = [bad_reach.get(reach_key(module, protocol, family)) for family in Family]
    return any(column is not None and column[number] == Reach.FORBIDDEN for column in columns)


def is_in_reach_over(
    bad_reach: Mapping[str, bytes], number: int, mirror: Mirror, module: str, protocol: Protocol
) -> bool:
    """Whether a mirror can be reached over a protocol and any family."""
    return any(reach_over(bad_reach, number, mirror, module, protocol, family) is Reach.GOOD for family in Family)


def is_in_reach(number: int, mirror: Mirror, bad_reach: Mapping[str, bytes], module: str) -> bool:
    """Whether a mirror's tree of a module can be reached in any way."""
    ways = [protocol for protocol in mirror.urls.get(module, {}) if protocol in WEB_PROTOCOLS]
    return any(is_in_reach_over(bad_reach, number, mirror, module, protocol) for protocol in ways)


def names_addresses(mirrors: Iterable[Mirror]) -> bool:
    """Whether a mirror has a URL that tells its family."""
    return any(literal_family(url) for mirror in mirrors for urls in mirror.urls.values() for url in urls.values())


@lru_cache(maxsize=8192)
def literal_family(url: str) -> Family | None:
    """The family of a URL whose host is an address, which no other family reaches; None for names."""
    host = url.partition("://")[2].partition("/")[0].rpartition("@")[2]
    if host.startswith("["):
        return Family.IPV6
    numbers = host.partition(":")[0].split(".")
    return Family.IPV4 if len(numbers) == 4 and all(number.isdigit() for number in numbers) else None
