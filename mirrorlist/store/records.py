"""Database queries of the publisher; while the database is away, they return its last answers.

A failure never ends the publisher: it is reported once, asking pauses for a while that doubles, and when the
database answers again, that is reported, too. How changes of the origin spread is kept here as well, for 30 days.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, field, replace
from typing import TypeVar

import msgspec
import sqlalchemy as sa
import structlog

from mirrorlist.core.catalogue.metadata import MetadataChange
from mirrorlist.core.catalogue.policy import MeasuredBandwidth, WeightReduction
from mirrorlist.core.errors import DatabaseError
from mirrorlist.core.health.propagation import Spread, SpreadPoint, carrying, continued, followed, spreads
from mirrorlist.core.health.upstreams import UpstreamState
from mirrorlist.core.health.vantages import Ballot
from mirrorlist.core.health.verdicts import Override, Subject, Verdict
from mirrorlist.core.network.addresses import KnownAddress
from mirrorlist.core.public.record import History
from mirrorlist.core.snapshot import Facts
from mirrorlist.logs import LastingFault
from mirrorlist.store.addresses import AddressStore
from mirrorlist.store.health import HealthStore
from mirrorlist.store.history import HistoryStore, restore
from mirrorlist.store.metadata import MetadataStore, ReleaseStore
from mirrorlist.store.publications import Publication, PublisherLead, Turn, begin, claim, line_of
from mirrorlist.store.quick_looks import QuickLookStore, VoteStore
from mirrorlist.store.tables import SPREADS, upsert

KEPT_SECONDS = 30 * 86_400.0
MOST_KEPT = 2000
MOST_READ = 100
"""The newest changes, which pages show."""
_Points = tuple[tuple[float, int, int, int, int], ...]


class SpreadStore:
    """Reads and writes them in one database."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def note(self, found: Iterable[Spread], now: float) -> None:
        """Adds what is new to each, and forgets what is old."""
        followed = [*found]
        since = min((spread.changed_at for spread in followed), default=now)
        with self._engine.begin() as connection:
            rows = connection.execute(sa.select(SPREADS).where(SPREADS.c.changed_at >= since))
            known = {(row.path, row.changed_at): _points(row.points) for row in rows}
            for spread in followed:
                points = before = known.get((spread.path, spread.changed_at), ())
                for point in spread.points:
                    points = continued(points, point)
                if points != before:
                    text = msgspec.json.encode([astuple(each) for each in points]).decode()
                    values = {"path": spread.path, "changed_at": spread.changed_at, "sha256": spread.sha256}
                    connection.execute(upsert(self._engine.dialect.name, SPREADS), {**values, "points": text})
            connection.execute(SPREADS.delete().where(SPREADS.c.changed_at < now - KEPT_SECONDS))
            newest = sa.select(SPREADS.c.changed_at).order_by(SPREADS.c.changed_at.desc()).offset(MOST_KEPT).limit(1)
            if (oldest := connection.execute(newest).scalar()) is not None:
                connection.execute(SPREADS.delete().where(SPREADS.c.changed_at <= oldest))

    def newest(self, count: int = MOST_READ) -> tuple[Spread, ...]:
        """The newest changes, the newest first."""
        wanted = sa.select(SPREADS).order_by(SPREADS.c.changed_at.desc(), SPREADS.c.path).limit(count)
        with self._engine.connect() as connection:
            return tuple(
                Spread(row.path, row.changed_at, row.sha256, _points(row.points)) for row in connection.execute(wanted)
            )


def _points(text: str) -> tuple[SpreadPoint, ...]:
    return tuple(SpreadPoint(*each) for each in msgspec.json.decode(text, type=_Points))


log = structlog.get_logger()

T = TypeVar("T")

SHORTEST_PAUSE = 1.0
LONGEST_PAUSE = 60.0


@dataclass(frozen=True, slots=True)
class Recorded:
    """What the database says: the origin's history, what the probes came to, and who is taken out.

    ``lowered`` are the weights that the prober lowered, by the mirrors' names; ``meant`` is what each major version
    last meant; ``watched`` says whether a prober looks at the mirrors these days; ``sizes`` are the origin's images,
    None where it lacks one; ``addresses`` what the mirrors' names led to last; ``origin_faults`` what is wrong at the
    origin itself; ``named`` by name and SHA-256 how many files an index names.
    """

    changes: Mapping[str, Sequence[MetadataChange]]
    verdicts: Mapping[Subject, Verdict]
    overrides: Mapping[str, Override]
    lowered: Mapping[str, WeightReduction]
    meant: Mapping[str, str]
    watched: bool
    sizes: Mapping[str, int | None]
    addresses: Mapping[str, tuple[KnownAddress, ...]]
    origin_faults: tuple[str, ...] = ()
    named: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    bandwidths: Mapping[str, MeasuredBandwidth] = field(default_factory=dict)


class Records:
    """The database of one publisher; ``opened`` opens it, and raises DatabaseError while it is away."""

    def __init__(self, opened: Callable[[], sa.Engine], clock: Callable[[], float] = time.monotonic) -> None:
        self._opened = opened
        self._clock = clock
        self._engine: sa.Engine | None = None
        self._fault = LastingFault()
        self._sources: dict[str, LastingFault] = {}
        self._pause = SHORTEST_PAUSE
        self._again_at = clock()
        self._version: tuple[Hashable, Hashable] = None, None
        self._last: tuple[Hashable, Recorded] | None = None
        self._histories: tuple[sa.Engine, HistoryStore] | None = None
        self._leads: PublisherLead | None = None
        self._epoch: tuple[str, int] | None = None

    def close(self) -> None:
        """Closes the connections; another question opens new ones."""
        if self._engine:
            self._engine.dispose()
            self._engine = None

    def lead(self, leads: PublisherLead | None) -> None:
        """This publisher takes the lead with its next publication, or gives it back."""
        self._leads, self._epoch = leads, None

    def version(self, now: float) -> Hashable:
        """A value that changes whenever ``read`` would answer otherwise."""
        self._version = self._ask(lambda engine: _version(engine, now)) or self._version
        return self._version

    def read(self, now: float) -> Recorded | None:
        """What the database says, or said when it was last asked; None if it was away ever since."""
        found = self._ask(lambda engine: self._read(engine, now))
        if found is not None or self._last is None:
            return found
        last = self._last[1]
        return replace(last, overrides={name: each for name, each in last.overrides.items() if each.until > now})

    def _read(self, engine: sa.Engine, now: float) -> Recorded:
        health, metadata = HealthStore(engine), MetadataStore(engine)
        version = health.version(now)[0], self._past(engine).version()  # pages tell when each was last checked
        # 80,000 verdicts take a second to read
        known = self._last and self._last[0] == version and self._last[1].verdicts
        verdicts = known or health.verdicts()
        found = Recorded(
            changes=metadata.changes(),
            verdicts=verdicts,
            overrides=health.overrides(now),
            lowered=health.paces.lowered(),
            bandwidths=health.speeds.bandwidths(),
            meant=health.releases.meant(),
            watched=health.is_watched(now),
            sizes=metadata.sizes(),
            addresses=AddressStore(engine).known(),
            origin_faults=metadata.faults.sentences(),
            named=metadata.files.counts(),
        )
        self._last = version, found
        return found

    def vote_version(self) -> int | None:
        """A number that grows whenever a vantage point reports; None while the database is away."""
        return self._ask(lambda engine: VoteStore(engine).version())

    def votes(self) -> tuple[dict[str, Ballot], dict[Subject, Verdict]] | None:
        """The votes of vantage points, and the prober's verdicts on whole trees; None while the database is away."""
        return self._ask(lambda engine: (VoteStore(engine).ballots(), QuickLookStore(engine).tree_verdicts()))

    def history(self, now: float) -> History:
        """What happened in the last thirty days; nothing while the database is away."""
        return self._ask(lambda engine: self._past(engine).history(now)) or History()

    def spreads(self, facts: Facts, now: float) -> tuple[Spread, ...]:
        """How the newest changes spread, with how far they are now; nothing while the database is away."""
        recorded = self.read(now)
        if recorded and (paths := followed(recorded.changes, now)):
            has = carrying(facts.mirrors, recorded.verdicts, facts.service.policy, paths)
            self._ask(lambda engine: SpreadStore(engine).note(spreads(recorded.changes, has, now), now))
        return self._ask(lambda engine: SpreadStore(engine).newest()) or ()

    def tell_sources(self, states: Iterable[UpstreamState]) -> None:
        """Logs each source of mirrors that is at fault from now on, or no longer."""
        for state in states:
            lasting = self._sources.setdefault(state.name, LastingFault())
            if state.fault is None and lasting.is_over():
                log.info("source in order again", source=state.name)
            elif state.fault is not None and lasting.is_new(state.fault):
                log.warning("source at fault", source=state.name, reason=state.fault)

    def _past(self, engine: sa.Engine) -> HistoryStore:
        """The history by one engine, which remembers what it has read."""
        if self._histories is None or self._histories[0] is not engine:
            self._histories = engine, HistoryStore(engine)
        return self._histories[1]

    def begin(self, key: bytes, generation: int, now: float) -> Turn | None:
        """The turn to publish after a generation with this key; None while the database is away.

        Raises:
            LeadLost: another publisher leads.
            DatabaseError: it is away, and this publisher leads by it.
        """

        def begun(engine: sa.Engine) -> Turn:
            line = line_of(engine, key)
            epoch = self._epoch[1] if self._epoch and self._epoch[0] == line else None
            return begin(engine, line, generation, epoch, self._leads is not None, now)

        turn = self._needed(self._ask(begun))
        if turn and self._leads:
            self._epoch = turn.line, turn.epoch
        return turn

    def claim(self, turn: Turn, compiled: Publication, now: float) -> None:
        """Takes the generation of a turn, unless the database went away since. Raises as ``begin``, and Overtaken."""

        def claimed(engine: sa.Engine) -> Turn:
            claim(engine, turn, compiled, now)
            return turn

        self._needed(self._ask(claimed))

    def _needed(self, answer: T | None) -> T | None:
        if answer is None and self._leads is PublisherLead.DATABASE:
            raise DatabaseError(f"while the database is away nobody can know who leads: {self._fault.reason}")
        return answer

    def note_releases(self, latest: Mapping[str, str], now: float) -> None:
        """Notes what the majors mean in a generation that was published."""
        self._ask(lambda engine: ReleaseStore(engine).note(latest, now))

    def restore(self, facts: Facts, now: float) -> None:
        """Fills a database that knows nothing with what a snapshot knows."""
        self._ask(lambda engine: restore(engine, facts, now))

    def _ask(self, question: Callable[[sa.Engine], T]) -> T | None:
        """The answer, or None while the database is away."""
        if self._engine is None and self._clock() < self._again_at:
            return None
        try:
            if self._engine is None:
                self._engine = self._opened()
            answer = question(self._engine)
        except (DatabaseError, sa.exc.SQLAlchemyError) as error:
            if self._fault.is_new(str(error)):
                log.error("the database is away, its last answers stay current", reason=str(error))
            self.close()
            self._again_at = self._clock() + self._pause
            self._pause = min(2 * self._pause, LONGEST_PAUSE)
            return None
        if self._fault.is_over():
            log.info("the database answers again")
            self._pause = SHORTEST_PAUSE
        return answer


def _version(engine: sa.Engine, now: float) -> tuple[Hashable, Hashable]:
    metadata = MetadataStore(engine)
    return (metadata.version(), metadata.faults.sentences()), HealthStore(engine).version(now)
