"""Turn single probes into verdicts that do not flap, and verdicts into who is listed.

A probe is one observation. A verdict is what follows from the probes of one subject so far: a mirror's tree
under one protocol and address family (is it reachable?), or one repository on it (is it the origin's?). Both
are values; time is an argument.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from mirrorlist.core.content import content_key
from mirrorlist.core.model import Protocol, RepoMetadata

FAULTS = "; "
"""Separates the faults in the detail of an incomplete repository."""
DAY = 86_400.0
SOURCE_PREFIX = "source://"
"""How the names of sources begin where they are probed beside mirrors; no mirror's does."""
ORIGIN = "the origin"
"""The name of the origin among the sources."""


class Family(StrEnum):
    """The address family over which something was tried."""

    IPV4 = "ipv4"
    IPV6 = "ipv6"

    @property
    def version(self) -> int:
        """The number of the Internet Protocol: 4 or 6."""
        return 4 if self is Family.IPV4 else 6


class ProbeOutcome(StrEnum):
    """What came back; the value is the word that people read."""

    GOOD = "reachable"
    FRESH = "fresh"
    LAGGING = "lagging"
    STALE = "stale"
    INCOMPLETE = "incomplete"
    MISSING = "missing"
    WRONG = "wrong content"
    AHEAD = "newer than what the origin is known to publish"
    OUTDATED = "not synced for too long"
    FUTURE = "its time stamp lies in the future"
    UNREACHABLE = "unreachable"
    CLOSED = "connection refused"
    TIMEOUT = "too slow"
    NO_ADDRESS = "no address of this family"
    CERTIFICATE = "bad certificate"
    FORBIDDEN = "an address that is not public"
    REFUSED = "an error status"
    LIMITED = "asked us to come back later"
    ELSEWHERE = "redirects elsewhere"
    CLIENTS = "clients are refused"
    UNCHECKED = "not checked"


GOOD_OUTCOMES = frozenset({ProbeOutcome.GOOD, ProbeOutcome.FRESH, ProbeOutcome.LAGGING})
BEHIND_OUTCOMES = frozenset({ProbeOutcome.LAGGING, ProbeOutcome.STALE, ProbeOutcome.OUTDATED, ProbeOutcome.INCOMPLETE})
"""What is the origin's, and not its newest, or not whole: it may be the fault of what a mirror copies."""
OUT_AT_ONCE = frozenset(
    {
        ProbeOutcome.WRONG,
        ProbeOutcome.CERTIFICATE,
        ProbeOutcome.NO_ADDRESS,
        ProbeOutcome.FORBIDDEN,
        ProbeOutcome.ELSEWHERE,
        ProbeOutcome.CLIENTS,
    }
)
"""One such probe takes a mirror out: waiting for a second would hand clients something that is surely bad."""
SAYS_NOTHING = frozenset({ProbeOutcome.UNCHECKED})
"""Neither for nor against the mirror."""
ROOT = "/"
"""How the path of a repository at the root of its tree is spelled. No other begins with a slash."""
MOST_DOUBLINGS = 30
"""Of the hold-down; its longest is reached long before."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What a probe looks at.

    ``path`` is that of a repository or an image below the tree of ``module``, empty for a repository at its root; None
    is the tree itself.
    """

    mirror: str
    module: str
    protocol: Protocol
    family: Family
    path: str | None = None

    @property
    def is_tree(self) -> bool:
        """Whether it is a whole tree, not something in it."""
        return self.path is None

    @property
    def tree(self) -> Subject:
        """The tree that it is in, or is."""
        return self if self.path is None else replace(self, path=None)

    @property
    def key(self) -> str:
        """The name under which lists and the origin's history have it; a tree's is that of its root."""
        return content_key(self.module, self.path or "")

    @property
    def spelled(self) -> str:
        """The path as people and the database have it: nothing for a tree, ``/`` for a repository at its root."""
        return "" if self.path is None else self.path or ROOT


@dataclass(frozen=True, slots=True)
class Probe:
    """One observation. ``sha256`` is that of the repomd.xml, where one came; ``detail`` is for people.

    ``unchanged``: the mirror only said that it is still the one of that digest. ``validator`` is what it may be
    asked by the next time: the answer's ETag. ``certificate_days`` are those left. ``said``: what others may say too,
    so that it is the origin that is wrong; None for what only this mirror can be blamed for. ``looked``: that the files
    which the metadata names were looked at and are good, and how many of them in all; None where none was due.
    """

    subject: Subject
    at: float
    seconds: float
    outcome: ProbeOutcome
    detail: str = ""
    sha256: str | None = None
    unchanged: bool = False
    validator: str | None = None
    certificate_days: int | None = None
    said: str | None = None
    looked: int | None = None


@dataclass(frozen=True, slots=True)
class HealthPolicy:
    """When verdicts change. Hold-down: how long a mirror that just came back and fell again stays out.

    ``patience``: this many probes in a row that find a tree answering 429 or 503 take it out; fewer are load.
    """

    fall: int = 2
    patience: int = 3
    rise: int = 2
    hold_seconds: float = 600.0
    longest_hold_seconds: float = 6 * 3600.0
    calm_seconds: float = 86_400.0

    def needed(self, outcome: ProbeOutcome) -> int:
        """How many bad probes in a row take a subject out when this is the last one's outcome."""
        if outcome is ProbeOutcome.LIMITED:
            return self.patience
        return 1 if outcome in OUT_AT_ONCE else self.fall


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the probes of a subject come to.

    ``since`` is when it became so, ``outcome`` and ``detail`` the last probe's. ``bad`` and ``good`` count the
    probes in a row. ``falls`` counts how often it fell without a calm time between; ``held_until`` is the end
    of the hold-down. ``sha256`` is the last repomd.xml of the origin's that was seen, byte for byte at
    ``sha256_at``, and ``validator`` came with it. ``certificate_days`` were left when it was last checked.
    ``looked``: this many of the files that the version ``whole_sha256`` names were found to be there, the last ones at
    ``whole_at``.
    """

    good_now: bool
    since: float
    outcome: ProbeOutcome
    checked_at: float
    detail: str = ""
    bad: int = 0
    good: int = 0
    falls: int = 0
    held_until: float = 0.0
    sha256: str | None = None
    sha256_at: float | None = None
    validator: str | None = None
    certificate_days: int | None = None
    whole_sha256: str | None = None
    whole_at: float | None = None
    looked: int = 0


def judged(before: Verdict | None, probe: Probe, policy: HealthPolicy) -> Verdict:
    """The verdict after one more probe.

    A subject that was never probed counts as good until it is known to be bad. Two bad probes in a row take it
    out (some outcomes at once; of requests for patience it takes ``policy.patience``), two good ones bring it back, but
    not before its hold-down ends, which doubles with every fall. That one repository asks for patience says nothing.
    """
    known = before or Verdict(True, probe.at, probe.outcome, probe.at, probe.detail)
    if probe.certificate_days is not None or probe.outcome is ProbeOutcome.CERTIFICATE:
        known = replace(known, certificate_days=probe.certificate_days)
    if probe.outcome in SAYS_NOTHING or (probe.outcome is ProbeOutcome.LIMITED and not probe.subject.is_tree):
        return replace(known, checked_at=probe.at)
    if probe.outcome in GOOD_OUTCOMES:
        return _after_good(known, probe, policy)
    return _after_bad(known, probe, policy)


def _after_good(known: Verdict, probe: Probe, policy: HealthPolicy) -> Verdict:
    seen = replace(
        known, outcome=probe.outcome, checked_at=probe.at, detail=probe.detail, bad=0, good=known.good + 1
    )  # fmt: skip
    if probe.sha256 and not probe.unchanged:
        seen = replace(seen, sha256=probe.sha256, sha256_at=probe.at, validator=probe.validator)
    if probe.looked is not None:
        seen = replace(seen, whole_sha256=probe.sha256, whole_at=probe.at, looked=probe.looked)
        if known.outcome is ProbeOutcome.INCOMPLETE and not known.good_now:  # whole again, which a look proves
            return replace(seen, good_now=True, since=probe.at)
    if known.good_now:
        calm = known.falls and probe.at - known.since >= policy.calm_seconds
        return replace(seen, falls=0, held_until=0.0) if calm else seen
    if seen.good >= policy.rise and probe.at >= known.held_until:
        return replace(seen, good_now=True, since=probe.at)
    return seen


def _after_bad(known: Verdict, probe: Probe, policy: HealthPolicy) -> Verdict:
    seen = replace(
        known, outcome=probe.outcome, checked_at=probe.at, detail=probe.detail, bad=known.bad + 1, good=0
    )  # fmt: skip
    if not known.good_now or seen.bad < policy.needed(probe.outcome):
        return seen
    return fallen(seen, probe.at, policy)


def fallen(verdict: Verdict, at: float, policy: HealthPolicy) -> Verdict:
    """The verdict on a subject that is out from then on; after the first fall without a hold-down."""
    doublings = min(verdict.falls, MOST_DOUBLINGS)  # what falls every night for years does not overflow
    hold = min(policy.hold_seconds * 2**doublings, policy.longest_hold_seconds)
    held_until = at + hold if verdict.falls else 0.0
    return replace(verdict, good_now=False, since=at, falls=verdict.falls + 1, held_until=held_until)


def by_mirror(verdicts: Mapping[Subject, Verdict]) -> dict[str, dict[Subject, Verdict]]:
    """The verdicts on each mirror, by its name."""
    found: dict[str, dict[Subject, Verdict]] = {}
    for subject, verdict in verdicts.items():
        found.setdefault(subject.mirror, {})[subject] = verdict
    return found


@dataclass(frozen=True, slots=True)
class Override:
    """A maintainer's word that keeps a mirror out until a time, whatever its probes say."""

    mirror: str
    reason: str
    author: str
    since: float
    until: float


def path_spelled(text: str) -> str | None:
    """The path that ``Subject.spelled`` gave."""
    return text.removeprefix(ROOT) if text else None


class EventKind(StrEnum):
    """What happened to a mirror."""

    DOWN = "down"
    UP = "up"
    OVERRIDDEN = "taken out"
    CLEARED = "given back"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a mirror, and why. ``author`` is the person, where it was one."""

    mirror: str
    kind: EventKind
    at: float
    why: str
    subject: Subject | None = None
    author: str | None = None


class Standing(StrEnum):
    """The state of one repository on a mirror, from its verdict and from what the origin publishes now."""

    FRESH = "fresh"
    UNKNOWN = "unknown"
    GRACE = "grace"
    LAGGING = "lagging"
    STALE = "stale"
    BAD = "bad"


def standing(verdict: Verdict | None, metadata: RepoMetadata | None, now: float, grace_seconds: float) -> Standing:
    """The standing of a mirror with a repository.

    After the origin changed, a mirror that has the version before keeps its place for ``grace_seconds``, so
    that the first mirror to sync does not get the whole world: also where the origin changes twice in that time.
    """
    if verdict is None or (verdict.sha256 is None and verdict.good_now):
        return Standing.UNKNOWN
    if not verdict.good_now:
        return Standing.BAD
    if metadata is None:
        return Standing.UNKNOWN
    if verdict.sha256 == metadata.current.sha256:
        return Standing.FRESH
    replaced_at = replaced(metadata, verdict.sha256)
    if replaced_at is None:
        return Standing.STALE
    return Standing.GRACE if now < replaced_at + grace_seconds else Standing.LAGGING


def replaced(metadata: RepoMetadata, sha256: str | None) -> float | None:
    """When the origin gave up a version that is still accepted; None for any other version.

    Of an older one whose time is not known it is long ago.
    """
    for number, version in enumerate(metadata.alternates):
        if version.sha256 == sha256:
            known = metadata.replaced_at or (metadata.first_seen,)
            return known[number] if number < len(known) else 0.0
    return None


def is_our_own_fault(before: int, turned_bad: int, controls_reachable: bool) -> bool:
    """Whether a run says more about the prober's network than about the mirrors.

    ``turned_bad`` of the ``before`` good mirrors turned bad in this run, and nothing that the project runs
    itself could be reached either.
    """
    return not controls_reachable and turned_bad > 0.4 * max(before, 1)
