"""The snapshot: everything that answers are made of, immutable and replaced whole.

``encode`` and ``decode`` turn it into one file and back. The file holds data only: a fixed preamble (magic,
format, lengths, SHA-256), a MessagePack header, and flat little-endian arrays that a reader maps into memory
without copying. A release reads the format of the release before it too (``FileKind.oldest``).
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec

from mirrorlist.core.catalogue.catalogue import PendingRelease
from mirrorlist.core.catalogue.policy import MeasuredBandwidth, Policy, QuotaShare, WeightReduction, Weights, weight_of
from mirrorlist.core.catalogue.service import Service
from mirrorlist.core.container import FileKind, Pause, Section, at_once, laid_out, sealed_parts, verified, view
from mirrorlist.core.errors import Finding, SnapshotError
from mirrorlist.core.files.index import FileIndex
from mirrorlist.core.health.columns import HealthTable
from mirrorlist.core.model import ClientPlace, Mirror, RepoMetadata
from mirrorlist.core.network.prefixes import ARRAYS, IntervalTable, NetworkClass

T = TypeVar("T")
MOST_KEPT = 512
"""Results that selection keeps, at most about 25 KB each with 530 mirrors."""
KIND = FileKind(b"MIRRLST\n", 1, "snapshot")


@dataclass(frozen=True, slots=True)
class Pulled:
    """The commit of the reviewed repository that the files are: its name, and when it was made.

    ``behind`` says in public words why no newer one is in effect, since when; None while it is the newest known.
    """

    commit: str
    committed_at: float
    behind: str | None = None
    behind_since: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """The part of a snapshot that is not a table.

    ``places[0]`` is nowhere and ``classes[0]`` no network. ``country_places`` leads from a country's code to
    its number in ``places``. ``key`` keys the spread. ``findings`` are the remarks of the last load,
    ``health`` what the prober found, ``lowered`` by mirrors' names the weights that it lowered, ``waiting`` the
    majors that do not mean yet what service.yml says; ``service.catalogue`` has what they mean now.
    ``asns_built_on`` and ``places_built_on`` are the dates of the tables that come with the program, where they
    are used.
    """

    generation: int
    built_at: float
    key: bytes
    service: Service
    mirrors: tuple[Mirror, ...]
    places: tuple[ClientPlace, ...]
    country_places: Mapping[str, int]
    classes: tuple[NetworkClass, ...]
    metadata: Mapping[str, RepoMetadata] = field(default_factory=dict)
    asns_built_on: str | None = None
    places_built_on: str | None = None
    downloads: Mapping[str, str] = field(default_factory=dict)
    """Each downloaded database in use, and the day that it was built on, as 2026-11-01."""
    findings: tuple[Finding, ...] = ()
    health: HealthTable = field(default_factory=HealthTable)
    lowered: Mapping[str, WeightReduction] = field(default_factory=dict)
    bandwidths: Mapping[str, MeasuredBandwidth] = field(default_factory=dict)
    """What was measured of mirrors, by name."""
    quotas: Mapping[str, QuotaShare] = field(default_factory=dict)
    """How mirrors are held to their quotas, by name."""
    waiting: tuple[PendingRelease, ...] = ()
    file_indexes: Mapping[str, str] = field(default_factory=dict)
    """Module to the digest of its file index, which lies in a file of its own beside the snapshot."""
    commit: str | None = None
    """The commit of the reviewed repository that the files are, where ``mirrorlist pull`` brought them."""
    committed_at: float | None = None
    behind: str | None = None
    """Why no newer commit is in effect, and since when."""
    behind_since: float | None = None
    system_places: Mapping[int, Mapping[str, int]] = field(default_factory=dict)
    """From a place of which the client's AS is all that is known to each country's place in that AS."""

    @property
    def weights(self) -> Weights:
        """The weights of the mirrors in their groups."""
        whole = [
            weight_of(each, self.service.policy, self.lowered.get(each.name), self.narrowed(each.name))
            for each in self.mirrors
        ]
        quotas = [self.quotas.get(each.name) for each in self.mirrors]
        now = [
            max(1, round(weight * (quota.factor if quota else 1.0)))
            for weight, quota in zip(whole, quotas, strict=True)
        ]
        return Weights(now, whole)

    def narrowed(self, name: str) -> WeightReduction | None:
        """What is taken from a mirror's weight because less bandwidth was measured than its file declares."""
        found = self.bandwidths.get(name)
        return found.lowered if found else None


@dataclass(frozen=True, slots=True)
class PlaceOrders:
    """The prepared orders of one module's public mirrors, for every place.

    Place p owns the groups ``place_start[p]`` to ``place_start[p + 1]``; group g the rows ``group_start[g]``
    to ``group_start[g + 1]`` of ``members`` (mirror numbers) and ``cumulative`` (running sums of weights, from
    0 in each group). ``orders`` holds, for each place and variant, the first ``near`` of its weighted order;
    the number after the last mirror fills up.
    """

    place_start: Sequence[int]
    group_start: Sequence[int]
    members: Sequence[int]
    cumulative: Sequence[int]
    orders: Sequence[int]


_TABLES = ("networks", "located", "asns")
_ORDER_ARRAYS = {"place_start": "I", "group_start": "I", "members": "H", "cumulative": "Q", "orders": "H"}


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One generation. ``networks`` holds numbers of ``classes``, ``located`` of ``places``, ``asns`` ASNs.

    ``files`` maps a module to its file index; one that has none yet, or none that can be read, is not in it.
    ``public`` is the public record in bytes; see core/public/encoding.py.
    """

    facts: Facts
    networks: IntervalTable
    located: IntervalTable
    asns: IntervalTable
    orders: Mapping[str, PlaceOrders]
    files: Mapping[str, FileIndex] = field(default_factory=dict)
    public: Sequence[int] = b""
    _kept: dict[Hashable, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def kept(self, key: Hashable, make: Callable[[], T]) -> T:
        """What ``make`` gives for a key, made once while it is kept. It goes with the generation."""
        try:
            found: T = self._kept[key]
        except KeyError:
            if len(self._kept) >= MOST_KEPT:
                self._kept.clear()
            found = self._kept[key] = make()
        return found

    @property
    def mirrors(self) -> tuple[Mirror, ...]:
        """All mirrors, served or not, by number."""
        return self.facts.mirrors

    @property
    def policy(self) -> Policy:
        """The policy of service.yml."""
        return self.facts.service.policy

    @property
    def weights(self) -> Weights:
        """The weights of the mirrors in their groups."""
        return self.kept(Weights, lambda: self.facts.weights)


@dataclass(frozen=True, slots=True)
class _Header:
    facts: Facts
    modules: tuple[str, ...]
    sections: Mapping[str, Section]


def encode(snapshot: Snapshot) -> bytes:
    """The snapshot as one file."""
    rows = [
        (f"{table}/{field_name}", typecode, getattr(getattr(snapshot, table), field_name))
        for table in _TABLES
        for field_name, typecode in ARRAYS.items()
    ]
    rows += [
        (f"orders/{module}/{field_name}", typecode, getattr(orders, field_name))
        for module, orders in snapshot.orders.items()
        for field_name, typecode in _ORDER_ARRAYS.items()
    ]
    rows.append(("public", "B", snapshot.public))
    sections, body = laid_out((name, array(typecode, values)) for name, typecode, values in rows)
    header = msgspec.msgpack.encode(_Header(snapshot.facts, tuple(snapshot.orders), sections))
    return b"".join(sealed_parts(KIND, header, body).parts)


def decode(data: memoryview, pause: Pause = at_once) -> Snapshot:
    """The snapshot in a file's bytes; its tables are views of them, so keep the mapping open.

    Raises:
        SnapshotError: the bytes are truncated, altered, or of a format that this release does not read.
    """
    packed, body = verified(KIND, data, pause)
    try:
        header = msgspec.msgpack.Decoder(_Header).decode(packed)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise SnapshotError(f"the header of the snapshot cannot be read: {error}") from None
    try:
        views = {name: view(body, section) for name, section in header.sections.items()}
        networks, located, asns = (IntervalTable(*(views[f"{table}/{name}"] for name in ARRAYS)) for table in _TABLES)
        orders = {
            module: PlaceOrders(*(views[f"orders/{module}/{name}"] for name in _ORDER_ARRAYS))
            for module in header.modules
        }
        return Snapshot(header.facts, networks, located, asns, orders, public=views.get("public", b""))
    except (KeyError, ValueError, TypeError) as error:
        raise SnapshotError(f"the header does not fit the tables: {error!r}") from None
