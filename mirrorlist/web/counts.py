"""Count answers: one sum per value of each dimension, never an address.

The hot path adds one to a number that lies ready in what it uses anyway (0.1 us a request, measured); what
the numbers stand for is worked out when somebody collects them, off the request path. Under a server with
several threads a worker now and then loses one; nothing else depends on them.
"""

from __future__ import annotations

import os
import threading
import time
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING
from zlib import crc32

import structlog

from mirrorlist.core.model import Client, FallbackLevel, Proximity
from mirrorlist.core.rules import reason_against
from mirrorlist.core.selection.answer import Selection
from mirrorlist.core.selection.rank import class_match, proximity_of
from mirrorlist.core.selection.spread import identity_of
from mirrorlist.core.snapshot import Snapshot
from mirrorlist.core.statistics import FILES, LISTS, NONE, AskedCell, given_label, registers_of, united
from mirrorlist.store.count_files import ASKED, GIVEN, CountFiles
from mirrorlist.web.questions import Question

if TYPE_CHECKING:
    from mirrorlist.core.redirects.file_mirrors import FileSelection


class Dimension(StrEnum):
    """What answers are counted by; each answer counts once in each that applies to it."""

    ROUTE = "route"
    REPOSITORY = "repository"
    MODULE = "module"
    VERSION = "version"
    COUNTME = "countme"
    RUNG = "rung"
    PROXIMITY = "proximity"
    COUNTRY = "country"
    FIRST = "first"


class Measure(StrEnum):
    """What is measured for the operators of a service besides; no public page shows it."""

    ANSWERS = "answers"
    """A route and a status: ``metalink 200``."""
    SECONDS = "seconds"
    """A path and the bound of time below which it answered: ``hot 0.0001``."""
    MICROSECONDS = "microseconds"
    """The sum of the same, by path."""
    IGNORED = "ignored"
    """A peer in a private network whose X-Forwarded-For does not count, as it is no trusted proxy; never a client."""
    REFUSED = "refused"
    """The budget that was spent."""


class Joint(StrEnum):
    """What statistics are made of: several dimensions at once, in labels of core/statistics.py."""

    ASKED = ASKED
    GIVEN = GIVEN


Labels = Mapping[Dimension | Measure | Joint, str]


class CountryNumbers:
    """Numbers for the countries of a snapshot's places: what is counted by country is a list, the fastest to add to."""

    def __init__(self, snapshot: Snapshot) -> None:
        places = snapshot.facts.places
        numbers = {country: number for number, country in enumerate(dict.fromkeys(place.country for place in places))}
        self.names: tuple[str | None, ...] = tuple(numbers)
        self.of_place = array("H", [numbers[place.country] for place in places])


class Counts:
    """The sums of one worker; they only grow, until ``take`` empties them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sums = _no_sums()
        self._clients: dict[str | None, bytes] = {}

    def add(self, labels: Labels, times: int = 1) -> None:
        """Counts answers with these labels."""
        with self._lock:
            for dimension, label in labels.items():
                self._sums[dimension][label] += times

    def note(self, country: str | None, address: bytes | None, key: bytes) -> None:
        """Counts a client of a country, whose address is not kept; a client without an address is not counted."""
        if address is not None:
            self.unite(country, registers_of([crc32(identity_of(address)) ^ crc32(key)]))

    def unite(self, country: str | None, registers: bytes) -> None:
        """Counts the clients of a country that these registers hold."""
        with self._lock:
            self._clients[country] = united(self._clients.get(country, registers), registers)

    def take(self) -> dict[str, dict[str, int]]:
        """All sums, which begin at 0 again; dimensions and labels in order."""
        with self._lock:
            taken, self._sums = self._sums, _no_sums()
        return {dimension.value: dict(sorted(sums.items())) for dimension, sums in taken.items() if sums}

    def take_clients(self) -> dict[str, bytes]:
        """The registers of the countries whose clients asked since the last time."""
        with self._lock:
            taken, self._clients = self._clients, {}
        return {country or NONE: registers for country, registers in taken.items()}


def _no_sums() -> dict[Dimension | Measure | Joint, Counter[str]]:
    return {dimension: Counter() for dimension in (*Dimension, *Measure, *Joint)}


Hits = list[int]


@dataclass(frozen=True, slots=True)
class Tally:
    """How often questions with these labels were asked since counted, by the number of the client's country."""

    labels: Labels
    cell: AskedCell
    hits: Hits

    def collect(self, counts: Counts, countries: Sequence[str | None]) -> None:
        """Moves the hits into the counts."""
        total = 0
        for number, country in enumerate(countries):
            if times := self.hits[number]:
                self.hits[number] = 0
                total += times
                counts.add({Joint.ASKED: self.cell._replace(country=country or NONE).label}, times)
        kind = self.labels[Dimension.ROUTE].partition("/")[0]
        counts.add({**self.labels, Measure.ANSWERS: f"{kind} 200"}, total)


BOUNDS = (1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
"""Seconds: the hot path answers within the first ones, pages within the last ones."""
HOT, COLD = "hot", "flask"
"""The paths of an answer: from the prepared tables, and by Flask."""


def count_time(counts: Counts, path: str, seconds: float) -> None:
    """Counts an answer that took this long."""
    bound = next((f"{bound:g}" for bound in BOUNDS if seconds <= bound), "+Inf")
    counts.add({Measure.SECONDS: f"{path} {bound}"})
    counts.add({Measure.MICROSECONDS: path}, round(seconds * 1e6))


def labels_of_question(question: Question, rung: FallbackLevel) -> Labels:
    """What the question alone decides."""
    query = question.query
    return {
        Dimension.ROUTE: f"{question.kind.value}/{question.format}",
        Dimension.REPOSITORY: query.target.repository or NONE,
        Dimension.VERSION: query.target.version or NONE,
        Dimension.COUNTME: question.countme or NONE,
        Dimension.RUNG: rung.name.lower(),
    }


def asked_by_question(question: Question) -> AskedCell:
    """The cell of a question, but for who asks; ``country=`` and the like are no part of it."""
    query = question.query
    target = query.target
    return AskedCell(
        LISTS, target.repository or NONE, target.version or NONE, query.arch or NONE, age=question.countme or NONE
    )


def asked_by_file(repository: tuple[str, str, str] | None) -> AskedCell:
    """The cell of a file in a repository of a version and an architecture, but for who asks."""
    name, version, arch = repository or (NONE, NONE, NONE)
    return AskedCell(FILES, name, version or NONE, arch or NONE)


def labels_of_file(form: str, module: str) -> Labels:
    """What a request for a file decides; ``form`` is how it was answered."""
    return {Dimension.ROUTE: f"files/{form.lower()}", Dimension.MODULE: module}


def labels_of_client(country: str | None, proximity: Proximity | None, first: str | None) -> Labels:
    """What the client decides: its country, and the mirror that comes first with its proximity."""
    return {
        Dimension.COUNTRY: country or NONE,
        Dimension.PROXIMITY: NONE if proximity is None else proximity.name.lower(),
        Dimension.FIRST: first or NONE,
        Joint.GIVEN: given_label(country or NONE, first or NONE),
    }


def labels_at(snapshot: Snapshot, module: str, place: int, network: int, first: int) -> Labels:
    """The same by numbers: of the client's place, the class of its network, and the first mirror."""
    facts = snapshot.facts
    found = facts.classes[network]
    mirror = facts.mirrors[first]
    match = class_match(first, mirror, found)
    if match and reason_against(mirror, module, facts.places[place], match):
        match = None
    proximity, _ = proximity_of(mirror, match, facts.places[place], snapshot.policy)
    return labels_of_client(facts.places[place].country, proximity, mirror.name)


def labels_of_selection(client: Client, selection: Selection) -> Labels:
    """The same from a whole selection."""
    if not selection.choices:
        return labels_of_client(client.place.country, None, None)
    first = selection.choices[0]
    return labels_of_client(client.place.country, first.proximity, first.mirror.name)


def labels_of_offer(client: Client, found: FileSelection) -> Labels:
    """The same of who gives a file; the project's own trees are no mirror."""
    first = found.sources[0].mirror
    proximity = next((choice.proximity for choice in found.selection.choices if choice.mirror is first), None)
    return labels_of_client(client.place.country, proximity, first.name if first else None)


def merged(many: Iterable[Mapping[str, Mapping[str, int]]]) -> dict[str, Counter[str]]:
    """The sums of several workers or days."""
    found: dict[str, Counter[str]] = {dimension.value: Counter() for dimension in Dimension}
    for one in many:
        for dimension, sums in one.items():
            if dimension in found:
                found[dimension].update(sums)
    return found


# In each worker: what was answered is collected and written down, off the request path.

log = structlog.get_logger()


class Counting:
    """Collects and writes every few seconds, in this process and in every one forked from it."""

    def __init__(
        self,
        collect: Callable[[], None],
        counts: Counts,
        files: CountFiles,
        seconds: float,
        clock: Callable[[], float] = time.time,
        beside: Callable[[float], None] = lambda now: None,
    ) -> None:
        """``beside`` writes at a time what else a worker reports."""
        self._collect = collect
        self._counts = counts
        self._files = files
        self._beside = beside
        self._seconds = seconds
        self._clock = clock
        self._failed = False

    def start(self) -> None:
        """Begins; a forked process counts for itself."""
        self._watch()
        os.register_at_fork(after_in_child=self._watch)

    def write(self) -> None:
        """Writes the counts since the last call. A full disk is logged once."""
        self._collect()
        taken = self._counts.take()
        if not taken:
            return
        try:
            self._files.add(taken, self._clock(), self._counts.take_clients())
            self._beside(self._clock())
        except OSError as error:
            if not self._failed:
                log.error("counts cannot be written; answers go on", reason=str(error))
            self._failed = True
        else:
            self._failed = False

    def _watch(self) -> None:
        pause = threading.Event()

        def loop() -> None:
            while not pause.wait(self._seconds):
                self.write()

        threading.Thread(target=loop, name="counts", daemon=True).start()
