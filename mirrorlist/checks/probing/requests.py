"""Turn a probe request of the plan into an HTTP request, and its answer into a probe.

Beside it: how long a visit waits for them, and whether a mirror treats clients as it treats the prober.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace

from mirrorlist.checks.fetching.exchange import Method
from mirrorlist.checks.fetching.fetch import Ask
from mirrorlist.checks.fetching.result import Clock, Failure, FailureKind, Fetched, deadline_in, is_there, told_size
from mirrorlist.checks.probing.judge import (
    TOO_MANY_REQUESTS,
    Observation,
    OriginHistory,
    answers,
    failed,
    file_given,
    index,
    root,
    time_file,
    unchanged,
)
from mirrorlist.core.content import NamedFile
from mirrorlist.core.health.columns import first_way
from mirrorlist.core.health.probe_plan import Agent, Aim, ProbeRequest, Trip, agent_of, asked_by_get
from mirrorlist.core.health.verdicts import GOOD_OUTCOMES, Probe, ProbeOutcome, Subject
from mirrorlist.core.kinds.table import KINDS
from mirrorlist.core.model import RepoMetadata

LARGEST_TIME_FILE = 65_536
LARGEST_INDEX = 32 * 1024 * 1024
LARGEST_UNKNOWN = 8 * 1024 * 1024
"""Of one that the origin does not publish."""
ROOM = 65_536
"""An index may be twice as long as the origin's and this much more."""
NOT_MODIFIED = 304

_ETAG = re.compile(r'(?:W/)?"[!#-~]{1,120}"')


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeTerms:
    """What all visits of a run share.

    ``history``: every sha256 that the origin is known to have published, by path; ``oldest``: the time stamp of the
    oldest of these, before which nothing is known. ``unreadable``: the paths at which the origin itself has something
    that is no repomd.xml.
    """

    timeout_seconds: float = 10.0
    visit_seconds: float = 120.0
    allowed_outdate_seconds: float = 12 * 3600.0
    history: Mapping[str, Collection[str]] = field(default_factory=dict)
    oldest: Mapping[str, int] = field(default_factory=dict)
    unreadable: frozenset[str] = frozenset()


def method_of(look: ProbeRequest, trip: Trip) -> Method:
    """How a file is asked for: an image by its head or its first byte, in turn."""
    if look.aim is Aim.ROOT:
        return Method.FIRST_BYTE
    if look.aim is not Aim.IMAGE:
        return Method.GET
    return Method.FIRST_BYTE if asked_by_get(trip, look.subject) else Method.HEAD


def ask_of(look: ProbeRequest, trip: Trip, seconds: float, method: Method, agent: Agent | None = None) -> Ask:
    """The request of a look, within this many seconds, under the name of a client or the prober's own."""
    return Ask(
        method=method,
        family=look.subject.family,
        most_bytes=_most_bytes(look.subject, trip),
        deadline_seconds=seconds,
        etag=look.validator if method is Method.GET else None,
        elsewhere=trip.elsewhere,
        user_agent=agent.user_agent if agent else None,
    )


def _most_bytes(subject: Subject, trip: Trip) -> int:
    if subject.is_tree:
        return LARGEST_TIME_FILE
    metadata = metadata_of(subject, trip)
    if metadata is None:
        return LARGEST_UNKNOWN
    known = max(version.size for version in (metadata.current, *metadata.alternates))
    return min(2 * known + ROOM, LARGEST_INDEX)


def metadata_of(subject: Subject, trip: Trip) -> RepoMetadata | None:
    """What the origin publishes where a subject is looked at."""
    return None if subject.path is None else trip.wanted.get(subject.module, {}).get(subject.path)


def judged(
    look: ProbeRequest, answer: Fetched | Failure, trip: Trip, terms: ProbeTerms, at: float, method: Method
) -> Observation:
    """What came back by a method, as it is to be understood."""
    key, metadata = look.subject.key, metadata_of(look.subject, trip)
    if look.aim is Aim.ROOT:
        return root(answer, trip.mirror.private)
    if isinstance(answer, Failure):
        return failed(answer, trip.mirror.private)
    if look.aim is Aim.IMAGE:
        path = look.subject.path or ""
        return file_given(answer, NamedFile(path, trip.images[look.subject.module][path]), method)
    if look.aim is Aim.TIME_FILE:
        untimed = look.subject.module in trip.untimed
        return answers(answer) if untimed else time_file(answer, at, terms.allowed_outdate_seconds)
    if answer.status == NOT_MODIFIED and look.validator and metadata:
        return unchanged(metadata)
    kind = KINDS[trip.content(look.subject.module, look.subject.path or "").kind]
    seen = index(answer, kind, metadata, OriginHistory(terms.history.get(key, ()), terms.oldest.get(key, 0)), at)
    if key in terms.unreadable and seen.outcome in (ProbeOutcome.WRONG, ProbeOutcome.AHEAD):
        return Observation(
            ProbeOutcome.GOOD, f"not compared: the origin's own {kind.name.partition(' ')[2]} cannot be read"
        )
    return seen


def probe_of(look: ProbeRequest, seen: Observation, answer: Fetched | Failure, at: float, seconds: float) -> Probe:
    """The probe that a look comes to."""
    probe = Probe(look.subject, at, seconds, seen.outcome, seen.detail, seen.sha256, seen.unchanged, said=seen.said)
    if isinstance(answer, Failure):
        return probe
    return replace(probe, validator=validator_of(answer.headers), certificate_days=answer.certificate_days_left)


def validator_of(headers: Mapping[str, str]) -> str | None:
    """By what the file may be asked for the next time: its ETag, if that is a usual one; else None.

    Never its Last-Modified: a mirror that goes back to an older file with an older date would call that unchanged
    (RFC 9110, 13.1.3), and rsync keeps dates.
    """
    etag = headers.get("etag", "")
    return etag if _ETAG.fullmatch(etag) else None


SHARE_OF_SILENCE = 1.25
"""What a silent host costs at most, in timeouts: a whole one for the first look, a quarter for all others."""
LEAST_SHARE = 0.01


class Patience:
    """The time that is left of a visit. A visit is over after ``visit_seconds``, whatever came until then.

    ``wait`` is how long the mirror's owner wants the next request to wait.
    """

    def __init__(
        self, timeout_seconds: float, visit_seconds: float, clock: Clock, wait: Callable[[], float] = float
    ) -> None:
        self._wait = wait
        self._timeout = timeout_seconds
        self._for_silence = SHARE_OF_SILENCE * timeout_seconds
        self._visit = deadline_in(visit_seconds, clock)
        self._tired = False

    @property
    def is_short(self) -> bool:
        """Whether first looks get less than the whole timeout by now, because the host was silent."""
        return self._for_silence < self._timeout

    def for_first_look(self, looks_left: int) -> float:
        """Seconds for the next of this many looks at whether anything answers; 0 where there is no time.

        After the first silence each gets half of what is left.
        """
        share = self._timeout if not self.is_short else self._for_silence / min(looks_left, 2)
        return share if LEAST_SHARE * self._timeout < share <= self._left() else 0.0

    def for_walk(self) -> float:
        """Seconds for the next look at a tree that answers; 0 when it fell silent, or the visit is over.

        It is the whole timeout or nothing: with less a slow mirror would seem silent.
        """
        return 0.0 if self._tired or self._left() < self._timeout else self._timeout

    def _left(self) -> float:
        return self._visit.left() - self._wait()

    def was_silent(self, seconds: float) -> None:
        """At a first look nothing that can be used came for this long."""
        self._for_silence -= seconds

    def fell_silent(self) -> None:
        """In a walk nothing that can be used came."""
        self._tired = True


TreeProbe = Callable[[Subject, str, float], Probe]
"""Probes a tree that is not on the web, at a URL in at most this many seconds: one of CHECKS behind its guard."""
Answer = Fetched | Failure | None
Asked = Callable[[ProbeRequest, Method, Agent | None], Answer]
"""What a look gives by a method, asked under a client's name or the prober's own; None where no time is left."""


def refusals(
    trip: Trip, reached: Mapping[Subject, Probe], looks: Mapping[Subject, ProbeRequest], asked: Asked
) -> dict[Subject, tuple[ProbeOutcome, str]]:
    """What the trees come to at which a client is refused though the prober is not.

    One tree is asked, in turn, and those that refused a client the last time; where one is refused, all are.
    """
    good = [tree for tree in looks if reached[tree].outcome in GOOD_OUTCOMES]
    modules = list(dict.fromkeys(tree.module for tree in good))
    if not modules:
        return {}
    first = first_way(tree for tree in good if tree.module == modules[trip.run % len(modules)])
    others = [tree for tree in good if tree != first]
    found = [first, *filter(lambda tree: _refused_before(trip, tree), others)]
    compared = {tree: _compared(trip, looks[tree], asked) for tree in found if tree}
    if any(outcome is ProbeOutcome.CLIENTS for outcome, _ in compared.values()):
        compared |= {tree: _compared(trip, looks[tree], asked) for tree in good if tree not in compared}
    return {
        tree: (outcome, detail)
        for tree, (outcome, detail) in compared.items()
        if outcome is ProbeOutcome.CLIENTS or (outcome is ProbeOutcome.UNCHECKED and _refused_before(trip, tree))
    }


def _refused_before(trip: Trip, tree: Subject) -> bool:
    verdict = trip.verdicts.get(tree)
    return verdict is not None and verdict.outcome is ProbeOutcome.CLIENTS


def _compared(trip: Trip, look: ProbeRequest, asked: Asked) -> tuple[ProbeOutcome, str]:
    """Whether a client is served as the prober is, which is asked again where he is not: it may have been chance."""
    agent = agent_of(trip, look.subject.tree, trip.run)
    theirs = asked(look, Method.FIRST_BYTE, agent)
    if theirs is None or (isinstance(theirs, Failure) and theirs.kind is FailureKind.LOCAL):
        return ProbeOutcome.UNCHECKED, f"{agent.name} could not be asked for"
    if _is_served(theirs) and not _is_page(theirs) and _is_of_known_size(theirs, look, trip):
        return ProbeOutcome.GOOD, ""
    ours = asked(look, Method.FIRST_BYTE, None)
    if _is_served(theirs) and _given(ours) == _given(theirs):
        return ProbeOutcome.GOOD, ""
    if not _is_served(ours):
        return ProbeOutcome.UNCHECKED, f"{agent.name} and the prober were treated alike"
    if _is_busy(theirs) and not _is_busy(asked(look, Method.FIRST_BYTE, agent)):
        return ProbeOutcome.UNCHECKED, f"{agent.name} had to wait"
    if isinstance(theirs, Failure):
        said = str(theirs)
    elif is_there(theirs):
        said = "an HTML page" if _is_page(theirs) else f"{told_size(theirs)} bytes"
    else:
        said = f"status {theirs.status}"
    return ProbeOutcome.CLIENTS, f"it refuses {agent.name}'s User-Agent ({said}), and not the prober's"


def _is_of_known_size(answer: Answer, look: ProbeRequest, trip: Trip) -> bool:
    """Whether an answer may be the file: who does not like a client may send him something else."""
    metadata = metadata_of(look.subject, trip)
    told = told_size(answer) if isinstance(answer, Fetched) else None
    sizes = {version.size for version in (metadata.current, *metadata.alternates)} if metadata else set()
    return told is None or not sizes or told in sizes


def _given(answer: Answer) -> tuple[bool, int | None] | None:
    """The difference between answers that give a file: whether it is a page, and its size."""
    return (_is_page(answer), told_size(answer)) if isinstance(answer, Fetched) and is_there(answer) else None


def _is_busy(answer: Answer) -> bool:
    return answer is None or (isinstance(answer, Fetched) and answer.status == TOO_MANY_REQUESTS)


def _is_served(answer: Answer) -> bool:
    return isinstance(answer, Fetched) and is_there(answer)


def _is_page(answer: Answer) -> bool:
    return isinstance(answer, Fetched) and answer.headers.get("content-type", "").lower().startswith("text/html")
