"""Run the probe over all mirrors: many visits at once, one per mirror."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from hashlib import sha256
from itertools import islice

from mirrorlist.checks.fetching.fetch import Fetch
from mirrorlist.checks.fetching.result import Clock
from mirrorlist.checks.probing.request_limits import RequestLimits
from mirrorlist.checks.probing.requests import ProbeTerms, TreeProbe
from mirrorlist.checks.probing.visit import Visited, visit
from mirrorlist.core.catalogue.catalogue import Images
from mirrorlist.core.catalogue.service import WEB_SCHEMES, Service
from mirrorlist.core.content import Content, Named
from mirrorlist.core.health.elsewhere import NOWHERE, THIS_SERVICE, Elsewhere
from mirrorlist.core.health.probe_plan import Trip, Wanted
from mirrorlist.core.health.probe_run import (
    Contradiction,
    RunResult,
    answers,
    apply_run,
    excused_by_origin,
    fairly_ahead,
    suspicious,
    weighed,
)
from mirrorlist.core.health.response_times import Pace, paces_after
from mirrorlist.core.health.verdicts import (
    ORIGIN,
    SOURCE_PREFIX,
    Family,
    HealthPolicy,
    Probe,
    ProbeOutcome,
    Subject,
    Verdict,
    by_mirror,
)
from mirrorlist.core.health.whole import doubted_files
from mirrorlist.core.model import MAIN, Mirror, Protocol
from mirrorlist.core.rules import is_carrier

AT_ONCE = 64
"""Mirrors that are visited at the same time."""
LONGEST_NAME = 255
"""Characters that the database keeps of a name; a longer tree's URL counts as good."""
CONTROL_SAYS_NO = frozenset({ProbeOutcome.WRONG, ProbeOutcome.REFUSED, ProbeOutcome.LIMITED})
"""A login page in front of everything is no answer of the project's own server."""
SAYS_NOTHING_OF_A_FAMILY = frozenset({ProbeOutcome.NO_ADDRESS, ProbeOutcome.FORBIDDEN})


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What one run works with. ``controls`` are trees that the project runs itself, in the shape of mirrors.

    ``confirmed``: when the origin last said what it publishes, by path. ``untimed`` are the modules whose time file
    cannot be used, ``elsewhere`` the hosts that no redirect may lead to, ``named`` the files that metadata names, and
    ``contents`` what is wanted, by name.
    """

    mirrors: tuple[Mirror, ...]
    wanted: Wanted
    run: int
    verdicts: Mapping[Subject, Verdict] = field(default_factory=dict)
    controls: tuple[Mirror, ...] = ()
    time_file: str | None = None
    untimed: frozenset[str] = frozenset()
    elsewhere: Elsewhere = NOWHERE
    images: Images = field(default_factory=dict)
    terms: ProbeTerms = field(default_factory=ProbeTerms)
    policy: HealthPolicy = field(default_factory=HealthPolicy)
    paces: Mapping[str, Pace] = field(default_factory=dict)
    needed: Mapping[str, int] = field(default_factory=dict)
    """How many clients got a mirror first lately, by its name."""
    confirmed: Mapping[str, float | None] = field(default_factory=dict)
    named: Named = field(default_factory=dict)
    contents: Mapping[str, Content] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outside:
    """What a run needs of the world: a guarded fetch, a clock that only grows, the time of day, the checks, and the
    limits on how often mirrors are asked."""

    fetch: Fetch
    clock: Clock = time.monotonic
    now: Callable[[], float] = time.time
    checks: Mapping[Protocol, TreeProbe] = field(default_factory=dict)
    limits: RequestLimits = field(default_factory=RequestLimits)


@dataclass(frozen=True, slots=True)
class Ran:
    """What a run came to. ``forgotten`` are verdicts that are not followed any more.

    ``contradictions``: where nearly all mirrors say the same against the origin.
    """

    round: RunResult
    forgotten: frozenset[Subject]
    mirrors: int
    requests: int
    seconds: float
    paces: Mapping[str, Pace] = field(default_factory=dict)
    contradictions: tuple[Contradiction, ...] = ()


def run(job: Job, outside: Outside, told: Callable[[Visited], None], at_once: int = AT_ONCE) -> Ran:
    """Visits every mirror; ``told`` hears of each visit when it ends, in the thread that called."""
    start = outside.clock()
    verdicts = by_mirror(job.verdicts)
    trips = [_trip(job, each, {}, outside) for each in job.controls]
    # those that clients need most first; of the others neighbours in the alphabet are often down together, and apart
    # they do not take all threads at once
    mixed = sorted(
        job.mirrors, key=lambda mirror: (-job.needed.get(mirror.name, 0), sha256(mirror.name.encode()).digest())
    )
    trips += [_trip(job, each, verdicts.get(each.name, {}), outside) for each in mixed]
    names = {each.name for each in job.controls}
    visits: list[Visited] = []
    for visited in _visits(trips, job, outside, at_once):
        visits.append(visited)
        if visited.mirror not in names:
            told(visited)
    controls = [visited for visited in visits if visited.mirror in names]
    mirrors = [visited for visited in visits if visited.mirror not in names]
    all_probes = (probe for visited in mirrors for probe in visited.probes)
    probes, contradictions = weighed(excused_by_origin(fairly_ahead(job.verdicts, all_probes, job.confirmed)))
    reached, asked_again = _controls(job, outside, controls, probes)
    round_ = apply_run(job.verdicts, probes, job.policy, reached)
    forgotten = frozenset(each for visited in mirrors for each in visited.forgotten if each.family not in round_.kept)
    requests = sum(visited.requests for visited in visits) + asked_again
    paces = paces_after(job.paces, probes, round_.kept, outside.now())
    return Ran(round_, forgotten, len(mirrors), requests, outside.clock() - start, paces, tuple(contradictions))


def probed_mirrors(mirrors: Iterable[Mirror]) -> tuple[Mirror, ...]:
    """Those that clients may be sent to."""
    return tuple(mirror for mirror in mirrors if any(is_carrier(mirror, module) for module in mirror.urls))


def controls_of(service: Service) -> tuple[Mirror, ...]:
    """The origins, fallbacks and vaults of a service that are on the web."""
    trees = [(module, url) for module, url in service.origins.items() if url.startswith(WEB_SCHEMES)]
    trees += [(module, url) for module, urls in service.fallbacks.items() for url in urls]
    trees += [(MAIN, url) for url in service.catalogue.vault_urls]
    return tuple(
        _as_mirror(f"control {number}", module, url) for number, (module, url) in enumerate(dict.fromkeys(trees))
    )


def resorts_of(service: Service) -> tuple[Mirror, ...]:
    """The trees that lists and redirects end at, in the shape of mirrors; their names are their URLs, which no mirror's
    is."""
    modules = dict.fromkeys((*(tree.module for tree in service.trees), *service.fallbacks))
    return tuple(
        _as_mirror(url, module, url)
        for module in modules
        for url in service.last_resorts(module)
        if len(url) <= LONGEST_NAME
    )


def _as_mirror(name: str, module: str, url: str) -> Mirror:
    return Mirror(name=name, urls={module: {Protocol(url.partition(":")[0]): url}})


def _trip(job: Job, mirror: Mirror, verdicts: Mapping[Subject, Verdict], outside: Outside) -> Trip:
    """The trip to a mirror. A control has nothing to compare: its visit is nothing but the first probe request.

    The project's own trees may redirect wherever they like, except back to this service: that would be a loop.
    """
    is_control = mirror in job.controls
    others = job.elsewhere.of(THIS_SERVICE) if "://" in mirror.name else job.elsewhere
    return Trip(
        mirror=mirror,
        wanted={module: dict.fromkeys(paths) for module, paths in job.wanted.items()} if is_control else job.wanted,
        now=outside.now(),
        run=job.run,
        verdicts=verdicts,
        time_file=job.time_file,
        untimed=job.untimed,
        elsewhere=NOWHERE if is_control else others.but_for(mirror),
        images={} if is_control else job.images,
        named={} if is_control else job.named,
        contents=job.contents,
        doubted=doubted_files(job.verdicts) if mirror.name == SOURCE_PREFIX + ORIGIN else {},
    )


def _visits(trips: Iterable[Trip], job: Job, outside: Outside, at_once: int) -> Iterator[Visited]:
    """Each visit when it ends. Only as many as run are handed to the threads, so that an interrupt ends soon."""
    waiting = iter(trips)
    with ThreadPoolExecutor(at_once, thread_name_prefix="visit") as pool:
        running: set[Future[Visited]] = set()
        while True:
            for trip in islice(waiting, at_once - len(running)):
                running.add(pool.submit(visit, trip, job.terms, outside.fetch, outside.clock, outside.now,
                                        outside.checks, outside.limits))  # fmt: skip
            if not running:
                return
            done, running = wait(running, return_when=FIRST_COMPLETED)
            yield from (each.result() for each in done)


def _controls(
    job: Job, outside: Outside, visits: Collection[Visited], probes: Collection[Probe]
) -> tuple[dict[Family, bool], int]:
    """Whether the controls answer, by family; asked once more where many mirrors are lost, as the net may just
    have gone. Families of which no control has an address are left out."""
    reached = _reached(visits)
    if not any(reached.get(family) and suspicious(job.verdicts, probes, family) for family in Family):
        return reached, 0
    trips = [_trip(job, each, {}, outside) for each in job.controls]
    again = list(_visits(trips, replace(job, controls=()), outside, AT_ONCE))
    found = _reached(again)
    return {family: reached[family] and found.get(family, False) for family in reached}, sum(v.requests for v in again)


def _reached(visits: Iterable[Visited]) -> dict[Family, bool]:
    found: dict[Family, bool] = {}
    for probe in (probe for visited in visits for probe in visited.probes if probe.subject.is_tree):
        family = probe.subject.family
        if probe.outcome not in SAYS_NOTHING_OF_A_FAMILY:
            found[family] = found.get(family, False) or (answers(probe) and probe.outcome not in CONTROL_SAYS_NO)
    return found
