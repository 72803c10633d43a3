"""Choose what a mirror copies from: the project's own sources, and mirrors that others may copy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from urllib.parse import urlsplit

from mirrorlist.core.catalogue.service import SyncPolicy, SyncSource
from mirrorlist.core.health.upstreams import is_down, state_of_upstream
from mirrorlist.core.health.verdicts import BEHIND_OUTCOMES, GOOD_OUTCOMES, ProbeOutcome, Subject, Verdict
from mirrorlist.core.model import Location, Mirror, Protocol, Status
from mirrorlist.core.network.geo import distance_km, vector


class CopySeverity(IntEnum):
    """How much speaks against copying a source; the last one forbids it."""

    NOTHING = 0
    BEHIND = 1
    UNKNOWN = 2
    DOWN = 3
    TAKEN_OUT = 4


@dataclass(frozen=True, slots=True)
class CopyFault:
    """Why a source is not copied while another one is in order, as the end of a sentence."""

    severity: CopySeverity
    why: str

    def __str__(self) -> str:
        return self.why


@dataclass(frozen=True, slots=True)
class Offered:
    """A source as a mirror sees it for one module. ``fault`` says why it is passed over, else it is None.

    ``distance_km`` is None where one of the two places is unknown.
    """

    source: SyncSource
    url: str
    distance_km: int | None
    fault: CopyFault | None = None

    @property
    def severity(self) -> CopySeverity:
        """How much speaks against copying it."""
        return self.fault.severity if self.fault else CopySeverity.NOTHING

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
    sources: Iterable[SyncSource], mirror: Mirror, module: str, faults: Mapping[str, CopyFault]
) -> tuple[Offered, ...]:
    """What a mirror may copy a module from, in the order given; itself is never among them.

    ``faults`` leads from a source's name to why nobody should copy it now.
    """
    own = hosts_of(mirror)
    return tuple(
        Offered(each, each.rsync[module], _distance(mirror.location, each.location), faults.get(each.name))
        for each in sources
        if module in each.rsync and each.mirror != mirror.name and _host(each.rsync[module]) not in own
    )


def ordered(found: Iterable[Offered], policy: SyncPolicy) -> tuple[Offered, ...]:
    """The best first: what is in order, then what is behind, then the rest; by the policy. Equals keep their order."""

    def worse(each: Offered) -> tuple[int, bool, int]:
        if policy is SyncPolicy.FIRST:
            return each.severity, False, 0
        return each.severity, each.distance_km is None, each.distance_km or 0

    return tuple(sorted(found, key=worse))


def source_fault(verdicts: Mapping[Subject, Verdict], module: str) -> CopyFault | None:
    """Why nobody should copy a module from one of the project's sources now; None while nothing speaks against it.

    What was never asked, or serves mirrors only, counts as in order. Its rsync has to answer, whatever its web does.
    """
    found = {subject: verdict for subject, verdict in verdicts.items() if subject.module == module}
    over_rsync = {subject: verdict for subject, verdict in found.items() if subject.protocol is Protocol.RSYNC}
    judged = over_rsync if is_down(over_rsync) else found
    fault = state_of_upstream("", judged).fault
    return CopyFault(CopySeverity.DOWN if is_down(judged) else CopySeverity.BEHIND, fault) if fault else None


def copy_fault(verdicts: Mapping[Subject, Verdict], module: str) -> CopyFault | None:
    """Why nobody should copy a module from a mirror now, by what the prober found of it; None if it is in order.

    Its rsync has to answer, over one address family at least, and every repository has to be the origin's newest.
    """
    found = {subject: verdict for subject, verdict in verdicts.items() if subject.module == module}
    trees = [each for subject, each in found.items() if subject.is_tree and subject.protocol is Protocol.RSYNC]
    if not trees:
        return CopyFault(CopySeverity.UNKNOWN, "the prober has not asked its rsync yet")
    if not any(each.good_now and each.outcome in GOOD_OUTCOMES for each in trees):
        return CopyFault(_severity(trees[0].outcome), f"its rsync is not in order ({trees[0].outcome.value})")
    for subject, each in found.items():
        if not subject.is_tree and not (each.good_now and each.outcome in (ProbeOutcome.FRESH, ProbeOutcome.GOOD)):
            return CopyFault(_severity(each.outcome), f"its {subject.spelled} is not fresh ({each.outcome.value})")
    return None


def _severity(outcome: ProbeOutcome) -> CopySeverity:
    return CopySeverity.BEHIND if outcome in BEHIND_OUTCOMES else CopySeverity.DOWN


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
