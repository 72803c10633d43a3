"""One mirror's health, row by row, for its owner: each request, its answer, when the next is due, and what to do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import pairwise
from statistics import median

from mirrorlist.core.content import Content, ContentKind
from mirrorlist.core.health.probe_plan import runs_until
from mirrorlist.core.health.verdicts import (
    BEHIND_OUTCOMES,
    DAY,
    GOOD_OUTCOMES,
    SAYS_NOTHING,
    HealthPolicy,
    Probe,
    ProbeOutcome,
    Subject,
    Verdict,
)
from mirrorlist.core.model import Mirror, Protocol, RepoMetadata

MOST_RUNS = 10
"""The runs by which the time between them is known."""
LATE_SECONDS = 600.0
"""A run is so late at times, as after a restart."""


@dataclass(frozen=True, slots=True)
class RunPace:
    """How often the prober runs: the number of its last run, when about the next is, and the seconds between two."""

    run: int
    next_at: float
    seconds: float


def pace_of(runs: Sequence[tuple[int, float]], now: float) -> RunPace | None:
    """The pace by the numbers and beginnings of the last runs, the newest first.

    None where there were too few, or the next is long overdue.
    """
    apart = [newer - older for (_, newer), (_, older) in pairwise(runs[:MOST_RUNS])]
    if not apart:
        return None
    (run, began), seconds = runs[0], median(apart)
    due = began + seconds
    return RunPace(run, max(due, now), seconds) if now < due + max(seconds, LATE_SECONDS) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Checking:
    """How content is checked, and when.

    ``contents`` and ``metadata`` are by name, ``named`` says by name and SHA-256 how many files an index names.
    ``pace`` is that of the prober, where it is known.
    """

    contents: Mapping[str, Content] = field(default_factory=dict)
    metadata: Mapping[str, RepoMetadata] = field(default_factory=dict)
    named: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    pace: RunPace | None = None

    def next_look(self, subject: Subject, verdict: Verdict) -> float | None:
        """When about a subject is looked at again, a day after the last look at the latest."""
        if self.pace is None or subject.path is None:
            return self.pace.next_at if self.pace else None
        content = self.contents.get(subject.key)
        named = self.named.get(subject.key, {}).get(verdict.sha256 or "", 0)
        is_whole = verdict.whole_sha256 == verdict.sha256 and verdict.looked >= named if named else True
        is_plain = content is not None and content.kind is ContentKind.PLAIN
        metadata = self.metadata.get(subject.key)
        runs = runs_until(subject.path, verdict, metadata, self.pace.run, is_whole and not is_plain)
        return min(self.pace.next_at + (runs - 1) * self.pace.seconds, max(self.pace.next_at, verdict.checked_at + DAY))


NO_CHECKING = Checking()


_ORDER = tuple(Protocol)
_LACKS = frozenset({ProbeOutcome.MISSING, ProbeOutcome.ELSEWHERE})
_QUIET = frozenset({ProbeOutcome.FRESH, ProbeOutcome.GOOD})
REMEDIES: dict[ProbeOutcome, str] = {
    ProbeOutcome.GOOD: "Nothing to do.",
    ProbeOutcome.FRESH: "Nothing to do.",
    ProbeOutcome.LAGGING: "Nothing to do yet: the next sync should bring the current version.",
    ProbeOutcome.STALE: "Check that the sync still runs and ends without an error, and sync more often.",
    ProbeOutcome.MISSING: "Sync this directory too, or leave it out on purpose: then the mirror is not listed for it.",
    ProbeOutcome.WRONG: "Open the address in a browser: it has to give the origin's file itself, not a page.",
    ProbeOutcome.INCOMPLETE: "Sync again, the metadata after the files that it names, and look for errors of the sync.",
    ProbeOutcome.AHEAD: "Nothing to do: the service asks the origin again before it judges.",
    ProbeOutcome.OUTDATED: "Run the sync by hand and read its output; check that it runs as often as the file says.",
    ProbeOutcome.FUTURE: "Do not write this file yourself: sync it from the origin as it is.",
    ProbeOutcome.UNREACHABLE: "Check that the server runs, that DNS leads to it, and that no firewall is in the way.",
    ProbeOutcome.CLOSED: "Start the server, or open its port: the machine is there, but refuses the connection.",
    ProbeOutcome.TIMEOUT: "Check that the server is not overloaded and that no firewall drops connections.",
    ProbeOutcome.NO_ADDRESS: "Nothing to do, unless it should be reachable over this family: then add its address.",
    ProbeOutcome.CERTIFICATE: "Renew the certificate, for exactly the name in the address, with its whole chain.",
    ProbeOutcome.FORBIDDEN: "Let the name lead to public addresses only, without redirects into a private network.",
    ProbeOutcome.REFUSED: "Let the server answer these requests: check its log and its access rules.",
    ProbeOutcome.LIMITED: "Raise the limits for the prober, which sends one request at a time, or give the server more "
    "capacity: a mirror that answers nothing but 429 or 503 for minutes is left out.",
    ProbeOutcome.ELSEWHERE: "Give the file itself, or answer 404: look for a redirect such as error_page 404.",
    ProbeOutcome.CLIENTS: "Let package managers in: look for a rule on User-Agents in the server or in front of it.",
    ProbeOutcome.UNCHECKED: "Nothing to do: this could not be checked from where the prober is.",
}
"""What an owner can do about each outcome."""
SOON_DAYS = 14
"""A certificate that ends earlier has to be renewed now."""


@dataclass(frozen=True, slots=True)
class HealthRow:
    """One subject. ``url`` is the directory or image that was looked at, ``since`` when it became good or bad.

    ``certificate_days`` were left when it was checked, of a tree that is reached by https.
    """

    subject: Subject
    url: str
    good_now: bool
    outcome: ProbeOutcome
    detail: str
    since: float
    checked_at: float
    held_until: float
    remedy: str
    certificate_days: int | None = None
    bad: int = 0
    good: int = 0
    compared: bool = True
    """Whether content was compared with the origin's: of a tree, whether that of anything in its module was."""
    is_good_below: bool = True
    """Whether anything of it is good."""
    looked: int = 0
    looked_at: float | None = None
    """How many of the files that this version names were seen to be there, and when the last ones were."""
    kind: ContentKind | None = None
    """How a repository is compared; None for a tree or an image."""
    named: int | None = None
    """How many files this version names that are looked at, where that is known; None for plain content."""
    next_at: float | None = None
    """When about the next look is due."""

    @property
    def state(self) -> str:
        """In a word or two: what is bad for the first time does not count yet, what was never heard is not known."""
        if self.outcome is ProbeOutcome.NO_ADDRESS:
            return "no address"
        if not self.good_now:
            return "waiting" if self.outcome in GOOD_OUTCOMES else "OUT"
        if self.outcome in SAYS_NOTHING:
            return "not known"
        if self.outcome in GOOD_OUTCOMES:
            return "good" if self.compared and (self.is_good_below or not self.subject.is_tree) else "reachable"
        needed = POLICY.needed(self.outcome)
        return f"failing ({self.bad} of {needed})" if self.bad < needed else "failing"

    @property
    def depth(self) -> str:
        """How the content of what is good is checked, how deep, and when next; of trees and images the rest says it."""
        if not self.good_now or self.outcome not in GOOD_OUTCOMES:
            return ""
        if not self.compared:
            return "content not checked"
        if self.subject.is_tree or self.outcome is ProbeOutcome.GOOD:
            return ""
        kind = f"{self.kind}: " if self.kind else ""
        if self.looked_at is None:
            return f"{kind}only its index was compared{self._next}"
        count = f"{self.looked} of {self.named}" if self.named else str(self.looked)
        files = f"{count} {'file' if count == '1' else 'files'}"
        return f"{kind}{files} seen, the last at {_moment(self.looked_at)}{self._next}"

    @property
    def _next(self) -> str:
        return f"; next look about {_moment(self.next_at)}" if self.next_at is not None else ""

    def awaits(self, now: float) -> str | None:
        """What a mirror that is out waits for, and until when; None where it waits for nothing."""
        if self.good_now or self.outcome is ProbeOutcome.NO_ADDRESS:
            return None
        more = max(POLICY.rise - self.good, 0)
        looks = f"{more} more good {'probe' if more == 1 else 'probes'} in a row"
        held = f"until {_moment(self.held_until)}, as it fell several times lately" if self.held_until > now else ""
        if self.outcome in GOOD_OUTCOMES:
            looks = looks if more else "a good probe"
            return f"it is good again, and back after {looks}" + (f", but out {held}" if held else "")
        return f"it is out at least {held}" if held else None


POLICY = HealthPolicy()
"""The one that the prober judges by."""


def _moment(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M} UTC"


def report(
    mirror: Mirror,
    verdicts: Mapping[Subject, Verdict],
    excuse: str | None = None,
    checking: Checking = NO_CHECKING,
) -> tuple[HealthRow, ...]:
    """The rows of a mirror: for each module, protocol and family first the tree, then its repositories.

    ``excuse`` says why it is not to blame for what is behind, where that is known. What the mirror does not offer any
    more is left out.
    """
    places = {module: number for number, module in enumerate(mirror.urls)}
    known = {
        subject: verdict
        for subject, verdict in verdicts.items()
        if subject.mirror == mirror.name and subject.protocol in mirror.urls.get(subject.module, {})
    }
    order = sorted(
        known,
        key=lambda each: (places[each.module], _ORDER.index(each.protocol), each.family, each.spelled),
    )
    below = [subject for subject, verdict in known.items() if is_compared(subject, verdict)]
    compared = {subject.module for subject in below}
    good = {subject.module for subject in below if known[subject].good_now}
    return tuple(
        replace(
            _row(mirror, subject, known[subject], excuse, checking),
            compared=subject.module in compared if subject.is_tree else is_compared(subject, known[subject]),
            is_good_below=subject.module in good,
            next_at=checking.next_look(subject, known[subject]),
        )
        for subject in order
    )


def is_compared(subject: Subject, seen: Probe | Verdict) -> bool:
    """Whether what was seen of a subject is more than that its server answers; what is good with a remark is not."""
    is_remark = seen.outcome in SAYS_NOTHING or (seen.outcome is ProbeOutcome.GOOD and bool(seen.detail))
    return not subject.is_tree and not is_remark


def _row(mirror: Mirror, subject: Subject, verdict: Verdict, excuse: str | None, checking: Checking) -> HealthRow:
    content = None if subject.is_tree else checking.contents.get(subject.key)
    is_plain = content is not None and content.kind is ContentKind.PLAIN
    is_whole = verdict.whole_sha256 is not None and verdict.whole_sha256 == verdict.sha256
    return HealthRow(
        subject=subject,
        url=mirror.urls[subject.module][subject.protocol] + (subject.path or ""),
        good_now=verdict.good_now,
        outcome=verdict.outcome,
        detail=verdict.detail,
        since=verdict.since,
        checked_at=verdict.checked_at,
        held_until=verdict.held_until,
        remedy=excuse if excuse and verdict.outcome in BEHIND_OUTCOMES else REMEDIES[verdict.outcome],
        certificate_days=verdict.certificate_days if subject.is_tree else None,
        bad=verdict.bad,
        good=verdict.good,
        kind=content.kind if content else None,
        named=None if is_plain else checking.named.get(subject.key, {}).get(verdict.sha256 or ""),
        looked=verdict.looked if is_whole else 0,
        looked_at=verdict.whole_at if is_whole else None,
    )


def depth_of(rows: Iterable[HealthRow], keys: Iterable[str]) -> str:
    """How deep what decides about a question was checked on a mirror: the worst of at least one repository."""
    known = {row.subject.key: row for row in rows if not row.subject.is_tree and row.compared}
    wanted = [*keys]
    if unseen := [key for key in wanted if key not in known or known[key].outcome in SAYS_NOTHING]:
        return "content not checked" + (f": {unseen[0]}" if len(wanted) > 1 else "")
    least = min((known[key] for key in wanted), key=lambda row: (row.good_now, row.looked_at or 0.0))
    return least.depth or f"{least.outcome.value}{f': {least.detail}' if least.detail else ''}"


def summary(mirror: Mirror, rows: Iterable[HealthRow], checking: Checking) -> str:
    """How much of what a mirror carries was compared, by kind, when last, and when about the next run is.

    What it is known to lack does not count.
    """
    found = {row.subject.key: row for row in rows if not row.subject.is_tree}
    wanted = {each.key: each.kind for each in checking.contents.values() if each.module in mirror.urls}
    wanted = {key: kind for key, kind in wanted.items() if key in checking.metadata}
    wanted = {key: kind for key, kind in wanted.items() if key not in found or found[key].outcome not in _LACKS}
    compared = {key for key in wanted if key in found and found[key].compared}
    if not compared:
        return "content not checked"
    counts = [
        f"{sum(key in compared for key in keys)} of {len(keys)} {kind} compared"
        for kind in sorted({*wanted.values()})
        for keys in [[key for key, each in wanted.items() if each is kind]]
    ]
    whole = sum(found[key].looked_at is not None and found[key].looked >= (found[key].named or 0) for key in compared)
    last = f"last {_moment(max(found[key].checked_at for key in compared))}"
    following = f", next about {_moment(checking.pace.next_at)}" if checking.pace else ""
    return f"{', '.join(counts)}, {whole} whole; {last}{following}"


def remedies(rows: tuple[HealthRow, ...]) -> dict[ProbeOutcome, str]:
    """What to do, once for each outcome that asks for something."""
    found = {row.outcome: row.remedy for row in rows}
    return {outcome: remedy for outcome, remedy in found.items() if not remedy.startswith("Nothing to do")}


def worst(rows: tuple[HealthRow, ...]) -> tuple[HealthRow, ...]:
    """The rows that people have to read: the trees, and the repositories and images that are not in order."""
    return tuple(
        row for row in rows if row.subject.is_tree or row.outcome not in _QUIET or not row.good_now or row.detail
    )


def fresh_below(rows: tuple[HealthRow, ...], tree: Subject) -> int:
    """How many repositories of a tree are fresh."""
    return _count_below(rows, tree, ProbeOutcome.FRESH)


def images_below(rows: tuple[HealthRow, ...], tree: Subject) -> int:
    """How many images of a tree are there."""
    return _count_below(rows, tree, ProbeOutcome.GOOD)


def _count_below(rows: tuple[HealthRow, ...], tree: Subject, outcome: ProbeOutcome) -> int:
    """What is good with a remark was not compared, and does not count."""
    return sum(
        row.outcome is outcome and row.good_now and not row.detail
        for row in rows
        if not row.subject.is_tree and row.subject.tree == tree
    )


def said_nothing(rows: tuple[HealthRow, ...], probes: Iterable[Probe]) -> tuple[Probe, ...]:
    """The newest probes of trees that said nothing, so that the rows tell of former ones; ``probes`` newest first."""
    newest: dict[Subject, Probe] = {}
    for probe in probes:
        newest.setdefault(probe.subject, probe)
    trees = {row.subject: row for row in rows if row.subject.is_tree}
    return tuple(
        probe
        for subject, probe in newest.items()
        if subject in trees and probe.outcome in SAYS_NOTHING and trees[subject].outcome is not probe.outcome
        if probe.at >= trees[subject].checked_at
    )


def ending_soon(rows: tuple[HealthRow, ...]) -> dict[str, int]:
    """The certificates to renew now: the address that shows each, and the days left."""
    return {
        row.url: row.certificate_days
        for row in rows
        if row.certificate_days is not None and row.certificate_days <= SOON_DAYS
    }
