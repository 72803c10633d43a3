"""Ask one mirror for everything that it promises, over every protocol and address family, one request at a time each.

The prober of a running service looks at a part each time, because it comes again. A survey is made once, before the
mirror is listed, so it looks at all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from ipaddress import ip_address
from itertools import product

from mirrorlist.checks.fetching.exchange import Method
from mirrorlist.checks.fetching.fetch import Ask, Fetch
from mirrorlist.checks.fetching.result import Failure, FailureKind, Fetched
from mirrorlist.checks.probing.judge import Observation, OriginHistory, excused, failed, index, time_file
from mirrorlist.checks.probing.one_byte import look_at_files
from mirrorlist.checks.probing.requests import LARGEST_INDEX, LARGEST_TIME_FILE, TreeProbe
from mirrorlist.core.catalogue.metadata import REPOMD
from mirrorlist.core.catalogue.trees import quoted
from mirrorlist.core.content import Content, ContentKind, Named, content_key
from mirrorlist.core.health.elsewhere import NOWHERE, Elsewhere
from mirrorlist.core.health.probe_plan import Wanted
from mirrorlist.core.health.verdicts import FAULTS, GOOD_OUTCOMES, Family, ProbeOutcome, Subject
from mirrorlist.core.health.whole import EACH_LOOK
from mirrorlist.core.kinds.table import KINDS, Kind
from mirrorlist.core.model import WEB_PROTOCOLS, Mirror, Protocol, RepoMetadata
from mirrorlist.sources.origin.repomd import LARGEST_PART, largest_part

SILENT = frozenset({FailureKind.TIMEOUT, FailureKind.DEADLINE, FailureKind.UNREACHABLE, FailureKind.REFUSED})
MOST_SILENCE = 3
"""A way that does not answer this many times in a row is not asked any more."""
SPEED_SECONDS = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What all surveys of a run share. ``untimed`` are the modules whose time file at the origin cannot be used."""

    wanted: Wanted
    time_file: str | None
    allowed_outdate_seconds: float
    timeout_seconds: float
    speed: bool
    untimed: frozenset[str] = frozenset()
    named: Named = field(default_factory=dict)
    contents: Mapping[str, Content] = field(default_factory=dict)
    elsewhere: Elsewhere = NOWHERE
    now: Callable[[], float]
    clock: Callable[[], float]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What one way to a tree came to: the tree itself, and each repository by its path.

    ``addresses`` are those that answered, packed; ``mbps`` is at least so fast, where it was measured.
    """

    subject: Subject
    url: str
    tree: Observation
    repositories: dict[str, Observation]
    seconds: float
    addresses: frozenset[bytes] = frozenset()
    mbps: float | None = None


def survey(mirror: Mirror, plan: Plan, fetch: Fetch, checks: Mapping[Protocol, TreeProbe]) -> tuple[Endpoint, ...]:
    """Every way to every tree of a mirror, in the order of its file; what a stranger does never raises."""
    asks: list[Callable[[], Endpoint]] = []
    for module, urls in mirror.urls.items():
        for (protocol, url), family in product(urls.items(), Family):
            subject = Subject(mirror.name, module, protocol, family)
            if protocol in WEB_PROTOCOLS:
                asks.append(_Web(subject, url, mirror, plan, fetch).asked)
            elif protocol in checks:
                asks.append(partial(_checked, subject, url, mirror.private, plan, checks[protocol]))
    with ThreadPoolExecutor(8, thread_name_prefix="survey") as pool:
        return tuple(pool.map(lambda ask: ask(), asks))


def _checked(subject: Subject, url: str, private: bool, plan: Plan, check: TreeProbe) -> Endpoint:
    probe = excused(check(subject, url, plan.timeout_seconds), private)
    return Endpoint(subject, url, Observation(probe.outcome, probe.detail), {}, probe.seconds)


class _Web:
    """The requests over one protocol and family."""

    def __init__(self, subject: Subject, url: str, mirror: Mirror, plan: Plan, fetch: Fetch) -> None:
        self._subject, self._url, self._private, self._plan, self._fetch = subject, url, mirror.private, plan, fetch
        self._elsewhere = plan.elsewhere.but_for(mirror)
        self._addresses: set[bytes] = set()
        self._largest: bytes = b""
        self._repository = ""

    def asked(self) -> Endpoint:
        """The tree first; its repositories only where it answers."""
        start = self._plan.clock()
        of_module = self._plan.wanted.get(self._subject.module, {})
        published = {path: metadata for path, metadata in of_module.items() if metadata is not None}
        wanted = dict(published or of_module)  # all of the catalogue where the origin is not known
        tree = self._tree(wanted)
        found = self._walked(wanted) if tree.outcome in GOOD_OUTCOMES or tree.answered else {}
        is_timed = self._plan.time_file is not None and self._subject.module not in self._plan.untimed
        if not is_timed and found:
            bad = all(each.outcome not in GOOD_OUTCOMES for each in found.values())
            tree = tree if bad else Observation(ProbeOutcome.GOOD, tree.detail if tree.outcome in GOOD_OUTCOMES else "")
        seconds = self._plan.clock() - start
        mbps = self._speed() if self._plan.speed and found else None
        return Endpoint(self._subject, self._url, tree, found, seconds, frozenset(self._addresses), mbps)

    def _tree(self, wanted: dict[str, RepoMetadata | None]) -> Observation:
        if self._plan.time_file is not None and self._subject.module not in self._plan.untimed:
            answer = self._get(self._plan.time_file, LARGEST_TIME_FILE)
            if isinstance(answer, Fetched):
                return time_file(answer, self._plan.now(), self._plan.allowed_outdate_seconds)
            return failed(answer, self._private)
        for path, metadata in wanted.items():
            return self._repository_at(path, metadata)[0]
        answer = self._get("", LARGEST_INDEX)
        return Observation(ProbeOutcome.GOOD) if isinstance(answer, Fetched) else failed(answer, self._private)

    def _walked(self, wanted: dict[str, RepoMetadata | None]) -> dict[str, Observation]:
        found: dict[str, Observation] = {}
        silence = 0
        for path, metadata in wanted.items():
            found[path], silent = self._repository_at(path, metadata)
            silence = silence + 1 if silent else 0
            if silence == MOST_SILENCE:
                break
        missing = Observation(ProbeOutcome.UNCHECKED, "not asked: the mirror fell silent", answered=False)
        return {path: found.get(path, missing) for path in wanted}

    def _repository_at(self, path: str, metadata: RepoMetadata | None) -> tuple[Observation, bool]:
        """What a repository comes to, and whether nothing answered."""
        content = self._plan.contents.get(content_key(self._subject.module, path), Content(self._subject.module, path))
        if content.kind is ContentKind.PLAIN:
            return self._files(path, metadata), False
        kind = KINDS[content.kind]
        answer = self._get(path + content.index, LARGEST_INDEX)
        if isinstance(answer, Failure):
            return failed(answer, self._private), answer.kind in SILENT
        seen = self._older(index(answer, kind, metadata, OriginHistory(), self._plan.now()), answer, kind, metadata)
        if seen.outcome is ProbeOutcome.FRESH:
            seen = self._files(path, metadata)
        if seen.outcome in GOOD_OUTCOMES and content.kind is ContentKind.RPM and len(answer.body) > len(self._largest):
            self._largest, self._repository = answer.body, path
        return seen, False

    def _files(self, path: str, metadata: RepoMetadata | None) -> Observation:
        """What the files come to that the origin's newest version names, by the look that the prober makes."""
        digest = metadata.current.sha256 if metadata else ""
        named = self._plan.named.get(content_key(self._subject.module, path), {}).get(digest)
        if named is None or not named.files:
            return Observation(ProbeOutcome.FRESH, sha256=digest) if metadata else Observation(ProbeOutcome.GOOD)
        seen = look_at_files(
            named.files[:EACH_LOOK], lambda path, method: self._get(quoted(path), LARGEST_INDEX, method)
        )
        if seen.faults:
            return Observation(ProbeOutcome.INCOMPLETE, FAULTS.join(seen.faults), digest)
        return Observation(ProbeOutcome.FRESH, sha256=digest)

    def _older(self, seen: Observation, answer: Fetched, kind: Kind, metadata: RepoMetadata | None) -> Observation:
        """Without a history a version that the origin does not publish now is judged by its time.

        While the origin's own is younger than a mirror may lag, an older one is what every honest mirror has.
        """
        if metadata is None or seen.outcome is not ProbeOutcome.WRONG:
            return seen
        if kind.fault(answer.body) or kind.written(answer.body) >= metadata.current.timestamp:
            return seen
        fresh = self._plan.now() - metadata.current.timestamp < self._plan.allowed_outdate_seconds
        return Observation(
            ProbeOutcome.LAGGING if fresh else ProbeOutcome.STALE, "older than the origin's", seen.sha256
        )

    def _get(self, path: str, most_bytes: int, method: Method = Method.GET) -> Fetched | Failure:
        ask = Ask(
            method=method,
            family=self._subject.family,
            most_bytes=most_bytes,
            deadline_seconds=self._plan.timeout_seconds,
            elsewhere=self._elsewhere,
        )
        answer = self._fetch(self._url + path, ask)
        if isinstance(answer, Fetched):
            self._addresses.add(ip_address(answer.address).packed)
        return answer

    def _speed(self) -> float | None:
        """Mbit/s over one file of the metadata, connecting included: the mirror is at least so fast."""
        part = largest_part(self._largest)
        path = self._repository + (part.path if part else REPOMD)
        ask = Ask(family=self._subject.family, most_bytes=LARGEST_PART, deadline_seconds=SPEED_SECONDS)
        answer = self._fetch(self._url + path, ask)
        if isinstance(answer, Failure) or answer.status != 200 or answer.seconds <= 0:
            return None
        return len(answer.body) * 8 / 1_000_000 / answer.seconds


def unreached(way: Endpoint, has_route: Callable[[Family], bool]) -> Endpoint:
    """The way, with nothing said against it where this machine has no route to the family itself."""
    lost = way.tree.outcome in (ProbeOutcome.UNREACHABLE, ProbeOutcome.TIMEOUT) and not way.addresses
    if not lost or has_route(way.subject.family):
        return way
    detail = f"this machine has no {way.subject.family} itself"
    return replace(way, tree=replace(way.tree, outcome=ProbeOutcome.UNCHECKED, detail=detail))
