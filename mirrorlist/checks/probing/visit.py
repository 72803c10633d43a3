"""Visit one mirror: send the requests of the plan one at a time, judge each answer, and then each tree."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType

from mirrorlist.checks.fetching.exchange import Method
from mirrorlist.checks.fetching.fetch import Fetch
from mirrorlist.checks.fetching.result import NO_SERVER, Clock, Failure, FailureKind, Fetched
from mirrorlist.checks.probing.judge import NOT_COMPARED, TOO_MANY_REQUESTS, excused
from mirrorlist.checks.probing.one_byte import FilesSeen, look_at_files
from mirrorlist.checks.probing.request_limits import RequestLimits
from mirrorlist.checks.probing.requests import (
    Patience,
    ProbeTerms,
    TreeProbe,
    ask_of,
    judged,
    metadata_of,
    method_of,
    probe_of,
    refusals,
)
from mirrorlist.core.catalogue.trees import quoted
from mirrorlist.core.health.columns import first_way
from mirrorlist.core.health.probe_plan import (
    Agent,
    Aim,
    ProbeRequest,
    Trip,
    agent_of,
    due,
    known_paths,
    overdue,
    reach,
    told_over_rsync,
    whole,
)
from mirrorlist.core.health.verdicts import BEHIND_OUTCOMES, DAY, FAULTS, GOOD_OUTCOMES, Probe, ProbeOutcome, Subject
from mirrorlist.core.health.whole import EACH_LOOK, EACH_VISIT, day_draw, whole_look
from mirrorlist.core.model import WEB_PROTOCOLS, Protocol

SILENCE = frozenset({FailureKind.TIMEOUT, FailureKind.DEADLINE, FailureKind.UNRESOLVABLE})
HUNG_UP = frozenset({FailureKind.BROKEN_OFF, FailureKind.MALFORMED})
TURNED_AWAY = frozenset({ProbeOutcome.REFUSED, ProbeOutcome.WRONG, ProbeOutcome.MISSING})
"""What a server may say to those whose names it does not like."""
OTHER_NAME = "it refuses the prober's User-Agent"
ENDS_A_WALK = frozenset(
    {ProbeOutcome.LIMITED, ProbeOutcome.TIMEOUT, ProbeOutcome.UNREACHABLE, ProbeOutcome.CLOSED, ProbeOutcome.UNCHECKED}
)
DOUBTFUL = frozenset({ProbeOutcome.MISSING, ProbeOutcome.WRONG, ProbeOutcome.ELSEWHERE})
"""Of one repository these say little about the tree: a partial mirror may lack it. The others are asked."""
SAME_TREE = frozenset({ProbeOutcome.STALE, ProbeOutcome.AHEAD, ProbeOutcome.INCOMPLETE})
"""Not good, but no doubt a tree of this origin."""
_OF_THE_ORIGIN = frozenset({ProbeOutcome.FRESH, ProbeOutcome.LAGGING})
"""Of a version of the origin's it is known what it names."""
NOT_ASKED = "not asked: the time for this mirror was over"
NOT_ENOUGH_TIME = "its files could not be asked for"
NOT_WHOLE = "it lacked files, and they could not be looked at again this time"


@dataclass(frozen=True, slots=True)
class Visited:
    """What a visit found. ``forgotten``: what is not followed any more, because it is as the first tree is."""

    mirror: str
    probes: tuple[Probe, ...]
    requests: int
    seconds: float
    forgotten: frozenset[Subject] = frozenset()


def visit(
    trip: Trip,
    terms: ProbeTerms,
    fetch: Fetch,
    clock: Clock,
    now: Callable[[], float],
    checks: Mapping[Protocol, TreeProbe] = MappingProxyType({}),
    limits: RequestLimits | None = None,
) -> Visited:
    """Visits the mirror of a trip; trees of protocols that are neither the web's nor in ``checks`` are left alone."""
    start = clock()
    asking = _Asking(trip, terms, fetch, clock, now, limits or RequestLimits(clock))
    reached = asking.reached()
    forgotten: set[Subject] = set()
    for module in trip.mirror.urls:
        trees = {tree: probe for tree, probe in reached.items() if tree.module == module}
        forgotten |= _Module(asking, trees).judge()
    asking.check(checks)
    return Visited(trip.mirror.name, tuple(asking.probes), asking.requests, clock() - start, frozenset(forgotten))


@dataclass(frozen=True, slots=True)
class _Looked:
    """What one look came to, and why there was no answer that could be used."""

    probe: Probe
    failure: FailureKind | None

    @property
    def is_silent(self) -> bool:
        return self.failure in SILENCE


class _Asking:
    """Sends the requests of one visit and keeps what they come to."""

    def __init__(
        self, trip: Trip, terms: ProbeTerms, fetch: Fetch, clock: Clock, now: Callable[[], float], limits: RequestLimits
    ) -> None:
        self.trip = trip
        self._limits = limits
        self.probes: list[Probe] = []
        self.requests = 0
        self.answered: set[Subject] = set()
        self.disguised: dict[Subject, Agent] = {}
        self._for_files = 0
        self.refused: dict[Subject, tuple[ProbeOutcome, str]] = {}
        self._terms = terms
        self._fetch = fetch
        self._clock = clock
        self._now = now
        self._patience = Patience(
            terms.timeout_seconds, terms.visit_seconds, clock, lambda: limits.seconds_until_free(trip.mirror)
        )

    def reached(self) -> dict[Subject, Probe]:
        """The first look at every tree. What had less than the whole time counts only if nothing answered there."""
        looks = reach(self.trip)
        found: dict[Subject, Probe] = {}
        hurried: set[Subject] = set()
        for number, each in enumerate(looks):
            tree = each.subject.tree
            seconds = self._patience.for_first_look(len(looks) - number)
            short = self._patience.is_short
            if seconds:
                looked = self._welcomed(each, seconds)
            else:
                outcome = ProbeOutcome.TIMEOUT if short else ProbeOutcome.UNCHECKED
                looked = _Looked(Probe(each.subject, self._now(), 0.0, outcome, NOT_ASKED), None)
            found[tree] = looked.probe
            if looked.is_silent:
                self._patience.was_silent(looked.probe.seconds)
            if short and found[tree].outcome is ProbeOutcome.TIMEOUT:
                hurried.add(tree)
        families = {tree.family for tree in self.answered}
        for tree in hurried:
            if tree.family in families:
                found[tree] = replace(found[tree], outcome=ProbeOutcome.UNCHECKED, detail="no time was left for it")
        asked_at = {each.subject.tree: each for each in looks}
        not_disguised = {tree: each for tree, each in asked_at.items() if tree not in self.disguised}
        self.refused = refusals(self.trip, found, not_disguised, self._asked_in_time)
        return found

    def _welcomed(self, look: ProbeRequest, seconds: float) -> _Looked:
        """The first look at a tree; a server that does not like the prober's name is asked under a client's."""
        first, tree = self.look(look, seconds), look.subject.tree
        is_turned_away = first.probe.outcome in TURNED_AWAY or first.failure in HUNG_UP
        if first.probe.outcome is ProbeOutcome.LIMITED:  # once that is a wish, which a second request would ignore
            known = self.trip.verdicts.get(tree)
            is_turned_away = known is not None and (known.outcome is ProbeOutcome.LIMITED or OTHER_NAME in known.detail)
        if not is_turned_away or not (seconds := self._patience.for_walk()):
            return first
        self.disguised[tree] = agent_of(self.trip, tree, 0)
        second = self.look(look, seconds)
        if second.probe.outcome in GOOD_OUTCOMES | SAME_TREE:
            return second
        del self.disguised[tree]
        return first

    def look(self, look: ProbeRequest, seconds: float) -> _Looked:
        """One request, judged. What HEAD is refused is asked by GET, which is what clients do."""
        self._limits.take(self.trip.mirror)
        at, start = self._now(), self._clock()
        tree, method = look.subject.tree, method_of(look, self.trip)
        answer = self._asked(look, seconds, method, self.disguised.get(tree))
        took = self._clock() - start
        seen = judged(look, answer, self.trip, self._terms, at, method)
        if method is Method.HEAD and seen.outcome not in GOOD_OUTCOMES and self._may_differ(tree, answer):
            self._limits.take(self.trip.mirror)
            answer = self._asked(look, seconds, Method.FIRST_BYTE, self.disguised.get(tree))
            seen = judged(look, answer, self.trip, self._terms, at, Method.FIRST_BYTE)
        if seen.answered:
            self.answered.add(tree)
        return _Looked(probe_of(look, seen, answer, at, took), answer.kind if isinstance(answer, Failure) else None)

    def _may_differ(self, tree: Subject, answer: Fetched | Failure) -> bool:
        """Whether a request by GET may come to something else, and there is time for it."""
        if not self._patience.for_walk():
            return False
        if isinstance(answer, Fetched):
            return answer.status != TOO_MANY_REQUESTS
        return tree in self.answered or answer.kind not in NO_SERVER | SILENCE

    def _asked(self, look: ProbeRequest, seconds: float, method: Method, agent: Agent | None) -> Fetched | Failure:
        self.requests += 1
        return self._fetch(look.url, ask_of(look, self.trip, seconds, method, agent))

    def _asked_in_time(self, look: ProbeRequest, method: Method, agent: Agent | None) -> Fetched | Failure | None:
        seconds = self._patience.for_walk()
        if not seconds:
            return None
        self._limits.take(self.trip.mirror)
        return self._asked(look, seconds, method, agent)

    def check(self, checks: Mapping[Protocol, TreeProbe]) -> None:
        """Checks the trees that are not on the web. A host that was silent over http is spared: it would be again."""
        mirror = self.trip.mirror
        on_the_web = any(protocol in WEB_PROTOCOLS for urls in mirror.urls.values() for protocol in urls)
        if on_the_web and not self.answered:
            return
        trees = [
            (Subject(mirror.name, module, protocol, family), urls[protocol])
            for module, urls in mirror.urls.items()
            for protocol in urls
            if protocol in checks
            for family in self.trip.families
        ]
        for subject, url in trees:
            if not (seconds := self._patience.for_walk()):
                break
            self.requests += 1
            probe = checks[subject.protocol](subject, url, seconds)
            if probe.outcome is ProbeOutcome.TIMEOUT:
                self._patience.fell_silent()
            self.probes.append(excused(self._dated(probe), mirror.private))

    def _dated(self, tree: Probe) -> Probe:
        """The probe of a tree that is not on the web, with how new its content is, where that can be read there."""
        looks = told_over_rsync(self.trip, tree.subject) if tree.outcome is ProbeOutcome.GOOD else ()
        for each in looks:
            if not (seconds := self._patience.for_walk()):
                break
            seen = self.look(each, seconds).probe
            named = seen.subject.spelled
            if seen.outcome in BEHIND_OUTCOMES:
                detail = f"{named}: {seen.detail}" if named else seen.detail
                return replace(tree, outcome=seen.outcome, detail=detail, sha256=seen.sha256)
            if seen.sha256 and seen.outcome in GOOD_OUTCOMES:
                tree = replace(tree, outcome=seen.outcome, sha256=seen.sha256)
        return tree

    def walk(self, looks: Iterable[ProbeRequest]) -> list[Probe]:
        """Looks at one repository after the other, until the mirror has had enough of it."""
        found: list[Probe] = []
        for each in looks:
            if not (seconds := self._patience.for_walk()):
                break
            plain = each.aim is Aim.PLAIN
            looked = _Looked(self.plain(each), None) if plain else self.look(each, seconds)
            found.append(looked.probe if plain else self.with_files(looked.probe))
            if looked.is_silent:
                self._patience.fell_silent()
            if looked.probe.outcome in ENDS_A_WALK:
                break
        self.probes += found
        return found

    def with_files(self, probe: Probe) -> Probe:
        """The probe of a repository, with what the files come to that its metadata names, where a look is due."""
        subject, known = probe.subject, self.trip.verdicts.get(probe.subject)
        named = self.trip.named.get(subject.key, {}).get(probe.sha256 or "")
        if named is None or probe.outcome not in _OF_THE_ORIGIN:
            return probe
        doubted = self.trip.doubted.get(subject.key, ())
        due = whole_look(named, known, probe.sha256 or "", subject.key, probe.at, doubted)
        if due is None:
            return probe
        seen = FilesSeen(0)
        if self._for_files + EACH_LOOK <= EACH_VISIT:
            seen = look_at_files(due.files, partial(self._file, subject.tree))
            self._for_files += seen.requests
        looked = None if seen.seen is None else due.looked(seen.seen)
        if seen.faults:
            return replace(probe, outcome=ProbeOutcome.INCOMPLETE, detail=FAULTS.join(seen.faults), looked=looked)
        if looked is not None:
            return replace(probe, looked=looked)
        was_incomplete = known is not None and known.outcome is ProbeOutcome.INCOMPLETE
        return replace(probe, outcome=ProbeOutcome.UNCHECKED, detail=NOT_WHOLE) if was_incomplete else probe

    def plain(self, look: ProbeRequest) -> Probe:
        """What a plain tree comes to by files that stand for what the origin has now, or had before."""
        start, subject = self._clock(), look.subject
        metadata, of_key = metadata_of(subject, self.trip), self.trip.named.get(subject.key, {})
        probe = Probe(subject, self._now(), 0.0, ProbeOutcome.UNCHECKED, NOT_ENOUGH_TIME)
        versions = (metadata.current, *metadata.alternates) if metadata else ()
        known = [(version.sha256, of_key[version.sha256]) for version in versions if version.sha256 in of_key]
        before = self.trip.verdicts.get(subject)
        settled = before is not None and not before.bad and probe.at - (before.whole_at or 0) < DAY
        drawn = () if settled or not known else day_draw(known[0][1], subject.key, probe.at)
        for number, (digest, named) in enumerate(known):
            files = dict.fromkeys((*named.files[:EACH_LOOK], *drawn))
            seen = look_at_files([*files][:EACH_LOOK], partial(self._file, subject.tree))
            if seen.faults:
                if number == 0:
                    probe = replace(probe, outcome=ProbeOutcome.INCOMPLETE, detail=FAULTS.join(seen.faults))
                continue
            if seen.seen is not None:
                outcome = ProbeOutcome.LAGGING if number else ProbeOutcome.FRESH
                probe = replace(probe, outcome=outcome, detail="", sha256=digest, looked=None if settled else seen.seen)
            break
        return replace(probe, seconds=self._clock() - start)

    def _file(self, tree: Subject, path: str, method: Method) -> Fetched | Failure | None:
        """What a file below a tree gives; None where no time is left."""
        url = self.trip.mirror.urls[tree.module][tree.protocol] + quoted(path)
        look = ProbeRequest(tree, url, Aim.IMAGE)
        return self._asked_in_time(look, method, self.disguised.get(tree))


class _Module:
    """One module of the mirror: which of its trees are walked, and what they come to."""

    def __init__(self, asking: _Asking, reached: Mapping[Subject, Probe]) -> None:
        self._asking = asking
        self._trip = asking.trip
        self._reached = reached
        self._walkable = {
            tree
            for tree, probe in reached.items()
            if tree in asking.answered and probe.outcome not in (ProbeOutcome.LIMITED, ProbeOutcome.REFUSED)
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
                continue
            other, known = self._reached[first], known_paths(self._trip, tree)
            is_same_file = (probe.outcome, probe.sha256) == (other.outcome, other.sha256)
            # what was bad over this way alone is followed until it is good
            if is_same_file and not any(verdict.bad or not verdict.good_now for verdict in known.values()):
                self._note(tree, probe, walked)
                forgotten |= known.keys()
            else:
                self._walk_and_note(tree, other)
        return forgotten

    def _walk_and_note(self, tree: Subject, first: Probe | None = None) -> list[Probe]:
        """Walks a tree. One that is stale beside a first one that is not leads to another copy: it is bad itself."""
        probe = self._reached[tree]
        wanted, images = (each.get(probe.subject.module, {}) for each in (self._trip.wanted, self._trip.images))
        path = probe.subject.path
        is_comparable = path is not None and (wanted.get(path) is not None or path in images)
        walked = [self._asking.with_files(probe)] if is_comparable else []
        self._asking.probes += walked
        looks = self._looks(tree, probe)
        walked += self._asking.walk(each for each in looks if each.subject != probe.subject)
        if first and first.outcome in GOOD_OUTCOMES and probe.outcome is ProbeOutcome.STALE:
            self._asking.probes.append(replace(probe, subject=tree, sha256=None))
        else:
            self._note(tree, probe, walked)
        return walked

    def _looks(self, tree: Subject, probe: Probe) -> tuple[ProbeRequest, ...]:
        """What is missing or wrong for the first time casts doubt on everything; later it is known."""
        before = self._trip.verdicts.get(tree)
        if probe.outcome in GOOD_OUTCOMES or (before is not None and probe.outcome not in DOUBTFUL):
            return due(self._trip, tree)
        if before is None or (not before.bad and before.detail != _doubt(probe)):
            return whole(self._trip, tree)
        return overdue(self._trip, tree) if before.bad else due(self._trip, tree)

    def _note(self, tree: Subject, probe: Probe, walked: list[Probe]) -> None:
        outcome, detail = self._of_tree(tree, probe, walked)
        outcome, detail = self._asking.refused.get(tree, (outcome, detail))
        if agent := self._asking.disguised.get(tree):
            name = f"it refuses the prober's User-Agent, so it was asked under {agent.name}'s"
            detail = f"{detail}; {name}" if detail else name
        self._asking.probes.append(replace(probe, subject=tree, outcome=outcome, detail=detail, sha256=None))

    def _of_tree(self, tree: Subject, probe: Probe, walked: list[Probe]) -> tuple[ProbeOutcome, str]:
        fine = any(each.outcome in GOOD_OUTCOMES | SAME_TREE for each in walked)
        if probe.outcome in GOOD_OUTCOMES | SAME_TREE:
            is_moot = probe.outcome in SAME_TREE | {ProbeOutcome.LAGGING} or (probe.detail == NOT_COMPARED and fine)
            return ProbeOutcome.GOOD, "" if is_moot else probe.detail
        if probe.outcome not in DOUBTFUL or (probe.subject.is_tree and probe.outcome is ProbeOutcome.WRONG):
            return probe.outcome, probe.detail
        before = self._trip.verdicts.get(tree)
        same = before is not None and before.outcome is ProbeOutcome.GOOD and before.detail == _doubt(probe)
        return (ProbeOutcome.GOOD if fine or same else probe.outcome), _doubt(probe)


def _doubt(probe: Probe) -> str:
    """What is told of a tree whose first file is not there or not what it should be."""
    return f"{probe.subject.spelled or 'the time file'}: {probe.detail}"
