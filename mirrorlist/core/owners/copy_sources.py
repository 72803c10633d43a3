"""Choose what a mirror copies from: the project's own sources, and mirrors that others may copy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from mirrorlist.core.catalogue.service import SyncPolicy, SyncSource
from mirrorlist.core.health.verdicts import GOOD_OUTCOMES, ProbeOutcome, Subject, Verdict
from mirrorlist.core.model import Location, Mirror, Protocol, Status
from mirrorlist.core.network.geo import distance_km, vector


@dataclass(frozen=True, slots=True)
class Offered:
    """A source as a mirror sees it for one module. ``fault`` says why it is passed over, else it is None.

    ``distance_km`` is None where one of the two places is unknown.
    """

    source: SyncSource
    url: str
    distance_km: int | None
    fault: str | None = None

    def __str__(self) -> str:
        far = "at an unknown distance" if self.distance_km is None else f"{self.distance_km} km away"
        return f"{self.source.name} ({far})"


def copied_by_mirrors(mirrors: Iterable[Mirror]) -> tuple[SyncSource, ...]:
    """The mirrors that others may copy: live, public, with rsync, and not copies of another mirror themselves.

    That keeps chains short, and nobody copies himself in a circle.
    """
    everybody = tuple(mirrors)
    names = {mirror.name for mirror in everybody} | {host for mirror in everybody for host in hosts_of(mirror)}
    return tuple(
        SyncSource(mirror.name, urls, mirror.location or Location(), mirror.name)
        for mirror in everybody
        if mirror.status is Status.LIVE and not mirror.private and not _copies(mirror, names)
        if (urls := {module: book[Protocol.RSYNC] for module, book in mirror.urls.items() if Protocol.RSYNC in book})
    )


def hosts_of(mirror: Mirror) -> frozenset[str]:
    """The hosts of all its URLs, and its name."""
    return frozenset({mirror.name} | {_host(url) for book in mirror.urls.values() for url in book.values()})


def offered(
    sources: Iterable[SyncSource], mirror: Mirror, module: str, faults: Mapping[str, str]
) -> tuple[Offered, ...]:
    """What a mirror may copy a module from, in the order given; itself is never among them.

    ``faults`` leads from a mirror's name to why nobody should copy it now.
    """
    own = hosts_of(mirror)
    return tuple(
        Offered(each, each.rsync[module], _distance(mirror.location, each.location), faults.get(each.mirror or ""))
        for each in sources
        if module in each.rsync and each.mirror != mirror.name and _host(each.rsync[module]) not in own
    )


def ordered(found: Iterable[Offered], policy: SyncPolicy) -> tuple[Offered, ...]:
    """The best first: what can be copied before what cannot, then by the policy. Equals keep their order."""

    def worse(each: Offered) -> tuple[bool, bool, int]:
        if policy is SyncPolicy.FIRST:
            return each.fault is not None, False, 0
        return each.fault is not None, each.distance_km is None, each.distance_km or 0

    return tuple(sorted(found, key=worse))


def copy_fault(verdicts: Mapping[Subject, Verdict], module: str) -> str | None:
    """Why nobody should copy a module from a mirror now, by what the prober found of it; None if it is in order.

    Its rsync has to answer, over one address family at least, and every repository has to be the origin's newest.
    """
    found = {subject: verdict for subject, verdict in verdicts.items() if subject.module == module}
    trees = [each for subject, each in found.items() if subject.is_tree and subject.protocol is Protocol.RSYNC]
    if not trees:
        return "the prober has not asked its rsync yet"
    if not any(each.good_now and each.outcome in GOOD_OUTCOMES for each in trees):
        return f"its rsync is not in order ({trees[0].outcome.value})"
    for subject, each in found.items():
        if not subject.is_tree and not (each.good_now and each.outcome in (ProbeOutcome.FRESH, ProbeOutcome.GOOD)):
            return f"its {subject.spelled} is not fresh ({each.outcome.value})"
    return None


def _copies(mirror: Mirror, names: Iterable[str]) -> bool:
    """Whether it copies another mirror, by name or by address."""
    source = mirror.sync_source
    return source is not None and (_host(source) if "://" in source else source) in names


def _host(url: str) -> str:
    return (urlsplit(url).hostname or "").lower()


def _distance(one: Location | None, other: Location) -> int | None:
    if one is None or one.latitude is None or one.longitude is None:
        return None
    if other.latitude is None or other.longitude is None:
        return None
    return distance_km(vector(one.latitude, one.longitude), vector(other.latitude, other.longitude))
