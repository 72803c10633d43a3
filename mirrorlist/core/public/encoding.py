"""The public record as bytes, in parts that are unpacked only when a page wants them.

A worker maps the bytes with the snapshot; the whole network is one part, the detail and the logo of each mirror
are parts of their own, so that a worker holds an index and what it shows just now.
"""

from __future__ import annotations

import zlib
from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from struct import Struct, error
from types import MappingProxyType
from typing import TypeVar

import msgspec

from mirrorlist.core.catalogue.catalogue import published_contents
from mirrorlist.core.catalogue.metadata import MetadataChange
from mirrorlist.core.content import content_key
from mirrorlist.core.errors import SnapshotError
from mirrorlist.core.files.found import FoundFiles
from mirrorlist.core.health.columns import CURRENT, SEEN_CURRENT, HealthTable, is_in_reach
from mirrorlist.core.health.history import superseded
from mirrorlist.core.health.probe_plan import wanted_repositories
from mirrorlist.core.health.propagation import Spread
from mirrorlist.core.health.report import Checking, pace_of
from mirrorlist.core.health.verdicts import Override, Subject, Verdict
from mirrorlist.core.model import MAIN, ClientPlace, Mirror
from mirrorlist.core.public.record import History, PublicRecord, RecordInputs
from mirrorlist.core.public.statistics import Compiled
from mirrorlist.core.public.types import Logo, PublicDetail, PublicNetwork, PublicRun
from mirrorlist.core.rules import reason_against
from mirrorlist.core.selection.fallbacks import rungs
from mirrorlist.core.snapshot import Facts, PlaceOrders, Snapshot

T = TypeVar("T")
_LENGTH = Struct("<I")
_LEVEL = 6
MOST_BYTES = 64 * 1024 * 1024
"""No part is larger when unpacked."""

Part = tuple[int, int]
"""Where a part begins behind the index, and its length."""


@dataclass(frozen=True, slots=True)
class _Index:
    network: Part
    details: Mapping[str, Part]
    logos: Mapping[str, Part]


def encode_record(record: PublicRecord) -> bytes:
    """The record as one run of bytes: the length of the index, the index, the parts."""
    body = bytearray()

    def put(value: object) -> Part:
        packed = zlib.compress(msgspec.msgpack.encode(value), _LEVEL)
        start = len(body)
        body.extend(packed)
        return start, len(packed)

    index = _Index(
        put(record.network),
        {name: put(detail) for name, detail in record.details.items()},
        {name: put(logo) for name, logo in record.logos.items()},
    )
    head = msgspec.msgpack.encode(index)
    return _LENGTH.pack(len(head)) + head + bytes(body)


class PublicFile:
    """Reads a record's parts; keeps its index and nothing else. Without bytes everything is empty.

    Raises:
        SnapshotError: the bytes are no record.
    """

    def __init__(self, data: memoryview | bytes) -> None:
        self._data = memoryview(data)
        self._index = _Index((0, 0), {}, {})
        self._start = 0
        if len(self._data):
            try:
                (length,) = _LENGTH.unpack_from(self._data)
                self._start = _LENGTH.size + length
                self._index = msgspec.msgpack.decode(self._data[_LENGTH.size : self._start], type=_Index)
            except (msgspec.MsgspecError, error) as fault:
                raise SnapshotError(f"the public record cannot be read: {fault}") from None

    def network(self) -> PublicNetwork:
        """What the pages of the whole network need; unpacked at each call."""
        return self._part(self._index.network, PublicNetwork) or PublicNetwork()

    def detail(self, name: str) -> PublicDetail | None:
        """The health of a mirror, or None if there is no such public mirror."""
        return self._part(self._index.details.get(name), PublicDetail)

    def logo(self, name: str) -> Logo | None:
        """The logo of a mirror's sponsor."""
        return self._part(self._index.logos.get(name), Logo)

    def _part(self, part: Part | None, kind: type[T]) -> T | None:
        if not part or not part[1]:
            return None
        begin = self._start + part[0]
        try:
            unpacked = zlib.decompressobj().decompress(self._data[begin : begin + part[1]], MOST_BYTES)
            return msgspec.msgpack.decode(unpacked, type=kind)
        except (zlib.error, msgspec.MsgspecError) as fault:
            raise SnapshotError(f"a part of the public record cannot be read: {fault}") from None


# Which part of a country's clients gets a mirror first, while nothing more is known of them than their country.


def served(mirrors: Sequence[Mirror], health: HealthTable, paths: Iterable[str]) -> Counter[frozenset[int]]:
    """Which mirrors lists of the main tree hold now, by how many repositories (``paths``) have the same ones.

    Without repositories that were compared, they are those that can be reached.
    """
    reached = {
        number
        for number, mirror in enumerate(mirrors)
        if number not in health.out and is_in_reach(number, mirror, health.bad_reach, MAIN)
    }
    keys = (content_key(MAIN, path) for path in paths)
    columns = [health.holds[key] for key in keys if key in health.holds]
    every = [
        frozenset(n for n in reached if column[n] in SEEN_CURRENT)
        or frozenset(n for n in reached if column[n] in CURRENT)
        for column in columns
    ]
    return Counter(every or [frozenset(reached)])


def shares(
    mirrors: Sequence[Mirror],
    orders: PlaceOrders,
    country_places: Mapping[str, int],
    served: Mapping[frozenset[int], int],
) -> dict[str, dict[str, float]]:
    """Mirror to countries to parts, by the weights of the country's closest group that has a served mirror; the mean
    over the repositories of ``served``."""
    found: dict[str, dict[str, float]] = {}
    every = sum(served.values())
    narrow = [n for n, each in enumerate(mirrors) if each.countries_only or each.countries_never or each.pairs]

    def closed_in(country: str) -> frozenset[int]:
        return frozenset(n for n in narrow if reason_against(mirrors[n], MAIN, ClientPlace(country), None) is not None)

    for country, place in sorted(country_places.items()):
        parts: dict[int, float] = defaultdict(float)
        closed = closed_in(country)
        for usable, times in served.items():
            for number, part in _first_group(orders, place, usable - closed).items():
                parts[number] += part * times / every
        for number, part in parts.items():
            if mean := round(part, 4):
                found.setdefault(mirrors[number].name, {})[country] = mean
    return found


def _first_group(orders: PlaceOrders, place: int, usable: Container[int]) -> dict[int, float]:
    """The parts in the closest group that has a usable mirror."""
    for group in range(orders.place_start[place], orders.place_start[place + 1]):
        before = 0
        weights: dict[int, int] = {}
        for at in range(orders.group_start[group], orders.group_start[group + 1]):
            if orders.members[at] in usable:
                weights[orders.members[at]] = orders.cumulative[at] - before
            before = orders.cumulative[at]
        if whole := sum(weights.values()):
            return {number: weight / whole for number, weight in weights.items()}
    return {}


# What the public record is made from, gathered from a snapshot and from what only the database knows.


def known_of(
    snapshot: Snapshot,
    *,
    verdicts: Mapping[Subject, Verdict],
    overrides: Mapping[str, Override],
    changes: Mapping[str, Sequence[MetadataChange]],
    history: History,
    logos: Mapping[str, Logo],
    origin_faults: tuple[str, ...] = (),
    spreads: tuple[Spread, ...] = (),
    commit: str | None,
    now: float,
    named: Mapping[str, Mapping[str, int]] = MappingProxyType({}),
    files: Mapping[str, Mapping[str, FoundFiles]] = MappingProxyType({}),
    statistics: Compiled | None = None,
) -> RecordInputs:
    """All of it; what is shown is chosen by ``public_record``."""
    facts = snapshot.facts
    by_module = wanted_repositories(facts.service.catalogue, facts.metadata)
    return RecordInputs(
        mirrors=facts.mirrors,
        health=facts.health,
        modules={content_key(module, path): module for module, paths in by_module.items() for path in paths},
        now=now,
        verdicts=verdicts,
        overrides=overrides,
        history=history,
        old=superseded(changes),
        shares=shares(
            facts.mirrors,
            snapshot.orders[MAIN],
            facts.country_places,
            served(facts.mirrors, facts.health, by_module.get(MAIN, ())),
        ),
        rungs=rung_counts(facts),
        logos=logos,
        files=files,
        origin_faults=origin_faults,
        spreads=spreads,
        service=facts.service,
        checking=checking_of(facts, named, history.runs, now),
        commit=commit,
        statistics=statistics,
        bandwidths=facts.bandwidths,
        quotas=facts.quotas,
        origin_changed_at=max((seen[-1].seen_at for seen in changes.values() if seen), default=None),
    )


def checking_of(
    facts: Facts, named: Mapping[str, Mapping[str, int]], runs: Iterable[PublicRun], now: float
) -> Checking:
    """How the content is checked that a snapshot publishes; ``runs`` are the prober's last, the newest first."""
    contents = {each.key: each for each in published_contents(facts.service.catalogue)}
    return Checking(
        contents=contents,
        metadata=facts.metadata,
        named=named,
        pace=pace_of([(run.number, run.started_at) for run in runs], now),
    )


def rung_counts(facts: Facts) -> dict[str, int] | None:
    """How many lists are on each fallback level, by its name in small letters; None while nothing is known."""
    if not facts.health.holds:
        return None
    found = Counter(rung for path, rung in rungs(facts).items() if path in facts.health.holds)
    return {rung.name.lower(): times for rung, times in sorted(found.items())}
