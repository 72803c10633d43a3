"""Carries out the plan of a visit: one request at a time, each judged; the tree of a module by all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from mirrorlist.checks.deadline import Clock
from mirrorlist.checks.fetch import Fetch
from mirrorlist.checks.judgement import excused
from mirrorlist.checks.looks import Terms, ask_of, judged, probe_of
from mirrorlist.checks.outcome import Failure, FailureKind
from mirrorlist.checks.patience import Patience
from mirrorlist.core.health import GOOD_OUTCOMES, Outcome, Probe, Subject
from mirrorlist.core.model import Protocol
from mirrorlist.core.visits import Look, Trip, due, first_way, known_paths, overdue, reach, whole

Rsync = Callable[[Subject, str, float], Probe]
"""Looks at the rsync tree of a subject at a URL for at most so many seconds."""

SILENCE = frozenset({FailureKind.TIMEOUT, FailureKind.DEADLINE, FailureKind.UNRESOLVABLE})
ENDS_A_WALK = frozenset({Outcome.LIMITED, Outcome.TIMEOUT, Outcome.UNREACHABLE, Outcome.CLOSED, Outcome.UNCHECKED})
DOUBTFUL = frozenset({Outcome.MISSING, Outcome.WRONG})
"""Of one repository these say little about the tree: a partial mirror may lack it. The others are asked."""
SAME_TREE = frozenset({Outcome.STALE, Outcome.AHEAD})
"""Not good, but no doubt a tree of this origin."""


@dataclass(frozen=True, slots=True)
class Visited:
    """What a visit found. ``forgotten``: what is not followed any more, because it is as the first tree is."""

    mirror: str
    probes: tuple[Probe, ...]
    requests: int
    seconds: float
    forgotten: frozenset[Subject] = frozenset()


def visit(
    trip: Trip, terms: Terms, fetch: Fetch, clock: Clock, now: Callable[[], float], rsync: Rsync | None = None
) -> Visited:
    """Visits the mirror of a trip; without ``rsync`` its rsync trees are left alone."""
    start = clock()
    asking = _Asking(trip, terms, fetch, clock, now)
    reached = asking.reached()
    forgotten: set[Subject] = set()
    for module in trip.mirror.urls:
        trees = {tree: probe for tree, probe in reached.items() if tree.module == module}
        forgotten |= _Module(asking, trees).judge()
    if rsync:
        asking.listed(rsync)
    return Visited(trip.mirror.name, tuple(asking.probes), asking.requests, clock() - start, frozenset(forgotten))


class _Asking:
    """Sends the requests of one visit and keeps what they come to."""

    def __init__(self, trip: Trip, terms: Terms, fetch: Fetch, clock: Clock, now: Callable[[], float]) -> None:
        self.trip = trip
        self.probes: list[Probe] = []
        self.requests = 0
        self.answered: set[Subject] = set()
        self._terms = terms
        self._fetch = fetch
        self._clock = clock
        self._now = now
        self._patience = Patience(terms.timeout_seconds, terms.visit_seconds, clock)

    def reached(self) -> dict[Subject, Probe]:
        """The first look at every tree. What had less than the whole time counts only if nothing answered there."""
        looks = reach(self.trip)
        found: dict[Subject, Probe] = {}
        hurried: set[Subject] = set()
        for number, each in enumerate(looks):
            tree = replace(each.subject, path="")
            seconds = self._patience.for_first_look(len(looks) - number)
            short = self._patience.is_short
            found[tree], silent = self.look(each, seconds) if seconds else (self._not_asked(each), False)
            if silent:
                self._patience.was_silent(found[tree].seconds)
            if short and found[tree].outcome is Outcome.TIMEOUT:
                hurried.add(tree)
        families = {tree.family for tree in self.answered}
        for tree in hurried:
            if tree.family in families:
                found[tree] = replace(found[tree], outcome=Outcome.UNCHECKED, detail="no time was left for it")
        return found

    def _not_asked(self, look: Look) -> Probe:
        outcome = Outcome.TIMEOUT if self._patience.is_short else Outcome.UNCHECKED
        return Probe(look.subject, self._now(), 0.0, outcome, "not asked: the time for this mirror was over")

    def look(self, look: Look, seconds: float) -> tuple[Probe, bool]:
        """One request, judged, and whether it came to nothing for want of an answer."""
        at, start = self._now(), self._clock()
        self.requests += 1
        answer = self._fetch(look.url, ask_of(look, self.trip, seconds))
        took = self._clock() - start
        seen = judged(look, answer, self.trip, self._terms, at)
        if seen.answered:
            self.answered.add(replace(look.subject, path=""))
        silent = isinstance(answer, Failure) and answer.kind in SILENCE
        return probe_of(look, seen, answer, at, took), silent

    def listed(self, rsync: Rsync) -> None:
        """Asks for the rsync trees. A host that was silent over http is spared: it would be again."""
        for module, urls in self.trip.mirror.urls.items():
            for family in self.trip.families if Protocol.RSYNC in urls and self.answered else ():
                if seconds := self._patience.for_walk():
                    self.requests += 1
                    subject = Subject(self.trip.mirror.name, module, Protocol.RSYNC, family)
                    self._heard(rsync(subject, urls[Protocol.RSYNC], seconds))

    def _heard(self, probe: Probe) -> None:
        if probe.outcome is Outcome.TIMEOUT:
            self._patience.fell_silent()
        self.probes.append(excused(probe, self.trip.mirror.private))

    def walk(self, looks: Iterable[Look]) -> list[Probe]:
        """Looks at one repository after the other, until the mirror has had enough of it."""
        found: list[Probe] = []
        for each in looks:
            if not (seconds := self._patience.for_walk()):
                break
            probe, silent = self.look(each, seconds)
            found.append(probe)
            if silent:
                self._patience.fell_silent()
            if probe.outcome in ENDS_A_WALK:
                break
        self.probes += found
        return found


class _Module:
    """One module of the mirror: which of its trees are walked, and what they come to."""

    def __init__(self, asking: _Asking, reached: Mapping[Subject, Probe]) -> None:
        self._asking = asking
        self._trip = asking.trip
        self._reached = reached
        self._walkable = {
            tree
            for tree, probe in reached.items()
            if tree in asking.answered and probe.outcome not in (Outcome.LIMITED, Outcome.REFUSED)
        }

    def judge(self) -> set[Subject]:
        """Notes a probe for every tree; what need not be followed any more."""
        good = {tree for tree in self._walkable if self._reached[tree].outcome in GOOD_OUTCOMES}
        first = first_way(good or self._walkable)
        walked = self._walk_and_note(first) if first else []
        forgotten: set[Subject] = set()
        for tree, probe in self._reached.items():
            if tree == first:
                continue
            if first is None or tree not in self._walkable:
                self._note(tree, probe, [])
            elif _agree(probe, self._reached[first]) and not self._has_own_faults(tree):
                self._note(tree, probe, walked)
                forgotten |= known_paths(self._trip, tree).keys()
            else:
                self._walk_and_note(tree, self._reached[first])
        return forgotten

    def _has_own_faults(self, tree: Subject) -> bool:
        """Whether something was bad over this way alone, which is looked at until it is good."""
        return any(verdict.bad or not verdict.good_now for verdict in known_paths(self._trip, tree).values())

    def _walk_and_note(self, tree: Subject, first: Probe | None = None) -> list[Probe]:
        """Walks a tree. One that is stale beside a first one that is not leads to another copy: it is bad itself."""
        probe = self._reached[tree]
        walked = self._walked(tree, probe)
        if first and first.outcome in GOOD_OUTCOMES and probe.outcome is Outcome.STALE:
            self._asking.probes.append(replace(probe, subject=tree, sha256=None))
        else:
            self._note(tree, probe, walked)
        return walked

    def _walked(self, tree: Subject, probe: Probe) -> list[Probe]:
        """The looks at the repositories of a tree, the first one among them."""
        first = [probe] if self._is_comparable(probe.subject) else []
        self._asking.probes += first
        looks = self._looks(tree, probe)
        return first + self._asking.walk(each for each in looks if each.subject != probe.subject)

    def _looks(self, tree: Subject, probe: Probe) -> tuple[Look, ...]:
        """What is missing or wrong for the first time casts doubt on everything; later it is known."""
        before = self._trip.verdicts.get(tree)
        if probe.outcome in GOOD_OUTCOMES or (before is not None and probe.outcome not in DOUBTFUL):
            return due(self._trip, tree)
        if before is None or (not before.bad and before.detail != _doubt(probe)):
            return whole(self._trip, tree)
        return overdue(self._trip, tree) if before.bad else due(self._trip, tree)

    def _is_comparable(self, subject: Subject) -> bool:
        wanted, images = (each.get(subject.module, {}) for each in (self._trip.wanted, self._trip.images))
        return wanted.get(subject.path) is not None or subject.path in images

    def _note(self, tree: Subject, probe: Probe, walked: list[Probe]) -> None:
        outcome, detail = self._of_tree(tree, probe, walked)
        self._asking.probes.append(replace(probe, subject=tree, outcome=outcome, detail=detail, sha256=None))

    def _of_tree(self, tree: Subject, probe: Probe, walked: list[Probe]) -> tuple[Outcome, str]:
        if probe.outcome in GOOD_OUTCOMES | SAME_TREE:
            return Outcome.GOOD, probe.detail if probe.outcome in (Outcome.GOOD, Outcome.FRESH) else ""
        is_time_file = not probe.subject.path
        if probe.outcome not in DOUBTFUL or (is_time_file and probe.outcome is Outcome.WRONG):
            return probe.outcome, probe.detail
        fine = any(each.outcome in GOOD_OUTCOMES | SAME_TREE for each in walked)
        before = self._trip.verdicts.get(tree)
        same = before is not None and before.outcome is Outcome.GOOD and before.detail == _doubt(probe)
        return (Outcome.GOOD if fine or same else probe.outcome), _doubt(probe)


def _agree(probe: Probe, other: Probe) -> bool:
    """Whether two ways lead to the same file."""
    return (probe.outcome, probe.sha256) == (other.outcome, other.sha256)


def _doubt(probe: Probe) -> str:
    """What is told of a tree whose first file is not there or not what it should be."""
    return f"{probe.subject.path or 'the time file'}: {probe.detail}"
