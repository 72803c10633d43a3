"""Preview a change of mirror files: who gets which mirror before and after it, and what others gain or lose."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from mirrorlist.core.catalogue.policy import Policy
from mirrorlist.core.mirror import places_of, quotas_of, with_pairs
from mirrorlist.core.model import MAIN, ClientPlace, Mirror, Proximity, ReachPair
from mirrorlist.core.network.geo import distance_km, vector_of
from mirrorlist.core.network.population import Counted, Floats, Ints, Maps, Population, population, summed
from mirrorlist.core.network.prefixes import IntervalTable
from mirrorlist.core.preview.impact import (
    ChangeKind,
    Effect,
    Found,
    InCountry,
    InSystem,
    OwnNetworks,
    Preview,
    Rival,
    Share,
    ShareShift,
    Spot,
    unserved,
)
from mirrorlist.core.preview.placement import Cell, DayPart, Stage, as_limited, stage
from mirrorlist.core.rules import is_open_to_strangers
from mirrorlist.core.selection.compile import CloudTable, Proof

MOST_SYSTEMS = 100
"""The most autonomous systems reported per mirror, the largest."""


@dataclass(frozen=True, slots=True)
class NetworkChange:
    """All mirrors before and after; ``subjects`` are the names of those whose files change, in their order."""

    before: tuple[Mirror, ...]
    after: tuple[Mirror, ...]
    subjects: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What a change is seen on: what is known of addresses, the policy, and counts of clients where there are any.

    ``votes`` are the pairs that vantage points say, ``systems`` by mirrors' names the ASes that the prober found.
    ``day_of`` says when in a day which of some mirrors rest.
    """

    located: IntervalTable
    asns: IntervalTable
    clouds: CloudTable
    proof: Proof
    places: Sequence[ClientPlace]
    country_places: Mapping[str, int]
    policy: Policy
    counted: Sequence[Counted] | None = None
    votes: Sequence[ReachPair] = ()
    systems: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    day_of: Callable[[Sequence[Mirror]], Sequence[DayPart]] | None = None

    def met(self, mirrors: Iterable[Mirror]) -> tuple[Mirror, ...]:
        """The mirrors as clients meet them: with their ASes, and who does not reach them."""
        probed = (replace(each, systems=self.systems.get(each.name, each.systems)) for each in mirrors)
        return with_pairs(probed, (*self.policy.reach, *self.votes))


def preview(change: NetworkChange, ground: Ground, module: str = MAIN, within_km: int = 500) -> Preview:
    """What the change does, for the clients of one module; ``nearby`` are mirrors within ``within_km``."""
    both = [ground.met(mirrors) for mirrors in (change.before, change.after)]
    stages = [
        stage(met, ground.clouds, ground.asns, ground.proof, ground.day_of(met) if ground.day_of else ())
        for met in both
    ]
    maps = Maps(ground.located, [each.networks for each in stages], ground.asns, ground.places, ground.country_places)
    clients = population(maps, ground.counted)
    used, at = np.unique(clients.places, return_inverse=True)
    places = [ground.places[number] for number in used]
    scene = _Scene(clients, places, at, module, ground.policy, within_km)
    before, after = (_View(each, scene, side) for side, each in enumerate(stages))
    effects = tuple(
        _effect(name, before, after, scene)
        for name in change.subjects
        if name in before.numbers or name in after.numbers
    )
    mirrors = {mirror.name: mirror for view in (before, after) for mirror in view.mirrors}
    shifts = [
        ShareShift(mirror, before.first[name], after.first[name])
        for name, mirror in mirrors.items()
        if name not in change.subjects and abs(before.first[name] - after.first[name]) > _NOTHING
    ]
    return Preview(
        module=module,
        clients=clients.total,
        effects=effects,
        shifts=tuple(sorted(shifts, key=lambda shift: (-abs(shift.after - shift.before), shift.mirror.name))),
        unserved_clients=(before.left_over, after.left_over),
    )


@dataclass(frozen=True, slots=True)
class _Scene:
    """What the effects of a change have in common; ``at`` is the place of each cell in ``places``."""

    clients: Population
    places: Sequence[ClientPlace]
    at: Ints
    module: str
    policy: Policy
    within_km: int


class _View:
    """All odds of a stage, gathered over the cells. ``free`` are the parts of first places as if nobody had a quota."""

    def __init__(self, of: Stage, scene: _Scene, side: int) -> None:
        self.mirrors = of.mirrors
        self.numbers = {mirror.name: number for number, mirror in enumerate(self.mirrors)}
        self._cells = list(zip(scene.at.tolist(), scene.clients.classes[side].tolist(), strict=True))
        self._parts = (scene.clients.clients / (scene.clients.total or 1.0)).tolist()
        whole: dict[Cell, float] = defaultdict(float)  # cells that differ only on the other side are one here
        for cell, part in zip(self._cells, self._parts, strict=True):
            whole[cell] += part
        free, self.standing = as_limited(of, scene.module, scene.places, scene.policy, whole)
        first, self.left_over = self.standing.firsts(whole)
        self.first = self._by_name(first)
        self.free = self.first if free is self.standing else self._by_name(free.firsts(whole)[0])

    def _by_name(self, found: Mapping[int, float]) -> Counter[str]:
        return Counter({self.mirrors[number].name: part for number, part in found.items()})

    def of(self, name: str) -> tuple[Floats, Floats]:
        """A mirror's chance to be first, and among the first three, in each cell."""
        number = self.numbers.get(name, -1)
        found = [self.standing.odds(*cell) for cell in self._cells]
        return (
            np.array([each.first.get(number, 0.0) for each in found], dtype=np.float64),
            np.array([each.early.get(number, 0.0) for each in found], dtype=np.float64),
        )

    def firsts(self, cells: Sequence[int]) -> Iterator[tuple[str, float]]:
        """Who is first for the clients of some cells, and for which part of them, the most frequent first."""
        found: Counter[str] = Counter()
        for cell in cells:
            for number, chance in self.standing.odds(*self._cells[cell]).first.items():
                found[self.mirrors[number].name] += chance * self._parts[cell]
        whole = sum(self._parts[cell] for cell in cells) or 1.0
        yield from ((name, part / whole) for name, part in found.most_common())

    def found(self, name: str, early: float, belongs: bool) -> Found:
        """What is known of a mirror that nobody gets first."""
        return Found(belongs, early > 0, self.standing.is_unproved(self.numbers[name]))

    def ways(self, name: str) -> dict[tuple[Proximity, bool], list[int]]:
        """How cells belong to a mirror's networks, and whether their clients get monopolies only."""
        number = self.numbers.get(name, -1)
        found: dict[tuple[Proximity, bool], list[int]] = {}
        for cell, (_, network) in enumerate(self._cells):
            belonging = self.standing.belonging(network)
            if match := belonging.matches.get(number):
                found.setdefault((match.proximity, belonging.alone), []).append(cell)
        return found


def _effect(name: str, before: _View, after: _View, scene: _Scene) -> Effect:
    shown, other = (after, before) if name in after.numbers else (before, after)
    mirror = shown.mirrors[shown.numbers[name]]
    kind = ChangeKind.REMOVED if shown is before else ChangeKind.CHANGED if name in before.numbers else ChangeKind.NEW
    chances = (before.of(name), after.of(name))
    parts = scene.clients.clients / (scene.clients.total or 1.0)
    shares = [Share(float(parts @ first), float(parts @ early)) for first, early in chances]
    now = chances[0] if shown is before else chances[1]
    own = tuple(_own(name, shown, other, parts, now))
    gets = shares[0] if shown is before else shares[1]
    return Effect(
        mirror=mirror,
        kind=kind,
        before=shares[0],
        after=shares[1],
        countries=tuple(_countries(scene, parts, chances)),
        systems=tuple(_systems(scene, now)),
        first_without_quota=shown.free[name] if name in quotas_of([mirror]) else None,
        own=own,
        nearby=tuple(_nearby(mirror, shown.mirrors, scene)),
        spots=tuple(_spots(scene, now[0])),
        unserved=() if gets.first else unserved(mirror, scene.module, shown.found(name, gets.early, bool(own))),
    )


def _countries(
    scene: _Scene, parts: Floats, chances: tuple[tuple[Floats, Floats], tuple[Floats, Floats]]
) -> list[InCountry]:
    codes = sorted({place.country or "" for place in scene.places})
    numbers = {code: number for number, code in enumerate(codes)}
    of_place = np.array([numbers[place.country or ""] for place in scene.places], dtype=np.int64)
    of_cell = of_place[scene.at]

    whole = summed(of_cell, parts, len(codes))
    sums = [summed(of_cell, parts * each, len(codes)) for pair in chances for each in pair]
    rows = []
    for number, code in enumerate(codes):
        if not whole[number] or not any(each[number] for each in sums):
            continue
        shares = [float(each[number] / whole[number]) for each in sums]
        rows.append(InCountry(code or None, float(whole[number]), Share(*shares[:2]), Share(*shares[2:])))
    return sorted(rows, key=lambda row: -row.clients * max(row.after.first, row.before.first))


def _systems(scene: _Scene, chances: tuple[Floats, Floats]) -> list[InSystem]:
    clients = scene.clients
    asns, which = np.unique(clients.asns, return_inverse=True)
    parts = clients.asn_clients / (clients.total or 1.0)
    whole = summed(which, parts, len(asns))
    first, early = (summed(which, parts * each[clients.asn_cells], len(asns)) for each in chances)
    largest = [int(at) for at in np.argsort(-first, kind="stable")[:MOST_SYSTEMS] if first[at] > 0 and asns[at]]
    return [
        InSystem(int(asns[at]), float(whole[at]), Share(float(first[at] / whole[at]), float(early[at] / whole[at])))
        for at in largest
    ]


def _own(name: str, shown: _View, other: _View, parts: Floats, chances: tuple[Floats, Floats]) -> Iterator[OwnNetworks]:
    for (way, alone), cells in sorted(shown.ways(name).items()):
        whole = float(parts[cells].sum())
        first, early = (float((parts[cells] * each[cells]).sum() / whole) for each in chances)
        yield OwnNetworks(way, whole, Share(first, early), alone, tuple(other.firsts(cells)))


def _nearby(mirror: Mirror, mirrors: Sequence[Mirror], scene: _Scene) -> list[Rival]:
    def apart_km(other: Mirror) -> int | None:
        pairs = ((vector_of(one), vector_of(two)) for one in places_of(mirror) for two in places_of(other))
        return min((distance_km(here, there) for here, there in pairs if here and there), default=None)

    found = [
        Rival(each.name, km, mbps_of(each, scene.policy))
        for each in mirrors
        if each.name != mirror.name and is_open_to_strangers(each, scene.module)
        if (km := apart_km(each)) is not None and km <= scene.within_km
    ]
    return sorted(found, key=lambda rival: (-rival.mbps, rival.distance_km, rival.name))


def mbps_of(mirror: Mirror, policy: Policy) -> int:
    """The bandwidth that a mirror's file declares, or what counts where it declares none."""
    return policy.weight_default_mbps if mirror.bandwidth_mbps is None else mirror.bandwidth_mbps


def _spots(scene: _Scene, first: Floats) -> Iterator[Spot]:
    clients = summed(scene.at, scene.clients.clients, len(scene.places))
    served = summed(scene.at, scene.clients.clients * first, len(scene.places))
    for number in np.flatnonzero(served).tolist():
        place = scene.places[number]
        if place.latitude is not None and place.longitude is not None:
            part = float(served[number] / clients[number])
            yield Spot(place.latitude, place.longitude, float(clients[number]), part)


_NOTHING = 1e-12
"""What rounding leaves is no shift."""


# Rates of traffic as people write them: ``40Gbit/s``, ``12TiB/day``.

_DAY = 86_400
_MBPS = {
    "kbit/s": 1e-3, "Mbit/s": 1.0, "Gbit/s": 1e3, "Tbit/s": 1e6,
    "GiB/day": 2**30 * 8 / 1e6 / _DAY, "TiB/day": 2**40 * 8 / 1e6 / _DAY, "PiB/day": 2**50 * 8 / 1e6 / _DAY,
}  # fmt: skip
UNITS = tuple(_MBPS)
MOST_MBPS = 1e9
_RATE = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,6})?) ?([A-Za-z]+/[a-z]+)", re.ASCII)


def rate_mbps(text: str) -> float | None:
    """The rate in Mbit/s; None for anything but a number above 0, one of ``UNITS``, and at most 1,000 Tbit/s."""
    found = _RATE.fullmatch(text)
    if found is None or found[2] not in _MBPS:
        return None
    rate = float(found[1]) * _MBPS[found[2]]
    return rate if 0 < rate <= MOST_MBPS else None


def gib_per_day(mbps: float) -> float:
    """What a rate comes to in a day."""
    return mbps / _MBPS["GiB/day"]
