"""Look quickly at every live mirror, again and again, beside the runs of the prober."""

from __future__ import annotations

import resource
import threading
from collections.abc import Callable, Hashable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import sqlalchemy as sa
import structlog

from mirrorlist.checks.fetching.addresses import Resolver, system_resolver
from mirrorlist.checks.fetching.fetch import Guard, guard_of
from mirrorlist.checks.probing.quick import QuickLooker, QuicklySeen, TreeFile
from mirrorlist.checks.probing.request_limits import RequestLimits
from mirrorlist.checks.probing.runner import controls_of, probed_mirrors, resorts_of
from mirrorlist.core.catalogue.catalogue import published_contents
from mirrorlist.core.errors import LeadLost, MirrorlistError, SnapshotError
from mirrorlist.core.health.probe_plan import agents_for
from mirrorlist.core.health.probe_run import HealthChange
from mirrorlist.core.health.quick_lane import QuickLane, QuickTerms
from mirrorlist.core.health.quick_look import AddressFault, QuickLook
from mirrorlist.core.health.verdicts import Family
from mirrorlist.core.model import WEB_PROTOCOLS, Mirror
from mirrorlist.core.snapshot import Facts
from mirrorlist.logs import LastingFault
from mirrorlist.store.count_files import RepeatFiles
from mirrorlist.store.health import HealthStore
from mirrorlist.store.jobs import JobRecords
from mirrorlist.store.leader_election import Leadership
from mirrorlist.store.metadata import MetadataStore
from mirrorlist.store.origin_faults import FaultKind
from mirrorlist.store.quick_looks import QuickLookStore
from mirrorlist.store.snapshot_files import NAME, published_facts, signature

log = structlog.get_logger()

AT_ONCE = 48
"""Mirrors that are looked at at the same time."""
TICK_SECONDS = 0.25
REFRESH_SECONDS = 2.0
"""How often the lane sees what visits and operators changed."""
RECORDED_SECONDS = 60.0
"""How often ``mirrorlist jobs`` hears that the lane looks."""
LEAST_REPEATS, MOST_CALLED = 3, 10
"""How often clients have to come back for a look at a mirror out of its turn, and at how many mirrors at most."""
OPEN_FILES = 4096


@dataclass(slots=True)
class QuickProber:
    """The quick lane of one prober that leads. ``told`` hears of every tree that it turns; ``limits`` are those of the
    runs, of which it leaves half."""

    state_dir: Path
    engine: sa.Engine
    clock: Callable[[], float]
    lead: Leadership
    terms: QuickTerms
    told: Callable[[tuple[HealthChange, ...]], None]
    limits: RequestLimits = field(default_factory=RequestLimits)
    stop: threading.Event = field(default_factory=threading.Event)
    resolver: Resolver = system_resolver
    _lane: QuickLane = field(init=False)
    _looker: QuickLooker = field(init=False)
    _guarded: Hashable = None
    _refreshed_at: float = float("-inf")
    _recorded_at: float = float("-inf")
    _fault: LastingFault = field(default_factory=LastingFault)
    _files: Mapping[str, tuple[TreeFile, ...]] = field(default_factory=dict)
    _mirrors: Mapping[str, Mirror] = field(default_factory=dict)
    _facts: tuple[Hashable, Facts] | None = None
    _version: Hashable = None
    _repeats_at: float = field(init=False)
    _faults: frozenset[AddressFault] = frozenset()
    _doubted: frozenset[Family] = frozenset()

    def __post_init__(self) -> None:
        self._lane = QuickLane(self.terms)
        self._repeats_at = self.clock()
        self._looker = QuickLooker(Guard(resolver=self.resolver), self.terms.timeout_seconds)

    def run(self) -> None:
        """Looks until it is told to stop or another prober leads. The database may go and come meanwhile."""
        _allow_open_files()
        running: dict[Future[QuicklySeen], QuickLook] = {}
        noted_at = float("-inf")
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="quick look") as pool:
            while not self.stop.is_set() and not self.lead.lost.is_set():
                if not 0 <= self.clock() - noted_at < TICK_SECONDS:
                    noted_at = self.clock()
                    if not self._note():
                        break
                for look in self._lane.due(self.clock(), AT_ONCE - len(running)):
                    may_ask = partial(self.limits.take_of_half, self._mirrors[look.mirror])
                    running[pool.submit(self._looker.look, look, self._files[look.mirror], may_ask)] = look
                if not running:
                    self.stop.wait(TICK_SECONDS)
                for done in wait(running, TICK_SECONDS, FIRST_COMPLETED).done:
                    seen = done.result()
                    self._lane.saw(running.pop(done), seen.sights, seen.requests, self.clock())
        self._looker.close()

    def _note(self) -> bool:
        """Takes up what changed, and writes what the looks came to; False when another prober leads."""
        try:
            now = self.clock()
            is_recorded = not 0 <= now - self._recorded_at < RECORDED_SECONDS
            jobs = JobRecords(self.state_dir, self.clock)
            with jobs.running("quick", RECORDED_SECONDS) if is_recorded else nullcontext():
                self._recorded_at = now if is_recorded else self._recorded_at
                if not 0 <= now - self._refreshed_at < REFRESH_SECONDS:
                    self._refresh()
                    self._refreshed_at = self.clock()
                    self._call_repeated()
                self._write()
            self._fault.is_over()
        except LeadLost:
            return False
        except (MirrorlistError, OSError, sa.exc.SQLAlchemyError) as error:
            if self._fault.is_new(str(error)) and not isinstance(error, SnapshotError):
                log.error("quick looks are not written, the former verdicts stay", reason=str(error))
            self._version = None
        return True

    def _write(self) -> None:
        """Writes what the looks came to."""
        turns = self._lane.turns(self.clock())
        if turns:
            self._version = None
            store = QuickLookStore(self.engine, self.lead)
            if done := store.turn(turns, self.terms.policy):
                self.told(done)
        faults = self._lane.faults()
        if faults != self._faults:
            QuickLookStore(self.engine, self.lead).note_faults(faults)
            self._faults = faults
        doubted = frozenset(self._lane.doubted)
        for family in sorted(doubted - self._doubted):
            log.warning("many mirrors fail at once, so quick looks change nothing", family=family.value)
        self._doubted = doubted

    def _call_repeated(self) -> None:
        """Looks next at the mirrors from which clients came back within seconds."""
        now = self.clock()
        repeats = RepeatFiles(self.state_dir).since(self._repeats_at)
        self._repeats_at = now
        for mirror, times in repeats.most_common(MOST_CALLED):
            if times >= LEAST_REPEATS:
                self._lane.call(mirror, now)

    def _refresh(self) -> None:
        """Takes up other mirrors, and verdicts that changed."""
        marked = signature(self.state_dir / NAME)
        if self._facts is None or self._facts[0] != marked:
            self._facts = marked, published_facts(self.state_dir)
            self._version = None
        facts, version = self._facts[1], HealthStore(self.engine).version(self.clock())[0]
        if version == self._version:
            return
        store = QuickLookStore(self.engine)
        untimed = MetadataStore(self.engine).faults.of(FaultKind.TIME_FILE)
        paths = store.good_paths()
        # Private mirrors seldom answer from outside of their networks, and silence says nothing against them
        mirrors = [each for each in probed_mirrors(facts.mirrors) if not each.private] + [*resorts_of(facts.service)]
        witnesses = controls_of(facts.service)
        contents = {(each.module, each.path): each for each in published_contents(facts.service.catalogue)}
        modules = {module for each in (*mirrors, *witnesses) for module in each.urls}
        agents = {module: agents_for(facts.service.catalogue, module)[0] for module in modules}

        def files_of(mirror: Mirror) -> tuple[TreeFile, ...]:
            found = []
            for module, urls in mirror.urls.items():
                file = facts.service.time_file if module not in untimed else None
                path = paths.get((mirror.name, module))
                content = None if path is None else contents.get((module, path))
                below = path or "" if content is None else content.path + content.index
                name = below if file is None else file
                found += [
                    TreeFile(mirror.name, module, protocol, urls[protocol] + name, agents[module].user_agent)
                    for protocol in WEB_PROTOCOLS
                    if protocol in urls
                ]
            return tuple(found)

        guarded = facts.service.own_networks, facts.service.site.user_agent
        if guarded != self._guarded:
            self._guarded = guarded
            self._looker.close()
            self._looker = QuickLooker(guard_of(facts.service, self.resolver), self.terms.timeout_seconds)
        self._mirrors = {each.name: each for each in (*mirrors, *witnesses)}
        self._files = {name: files_of(each) for name, each in self._mirrors.items()}
        self._lane.follow({each.name for each in mirrors}, {each.name for each in witnesses}, self.clock())
        self._lane.know(store.tree_verdicts())
        self._version = version


@contextmanager
def beside(lane: QuickProber | None) -> Iterator[None]:
    """Has a quick lane look in a thread of its own, if there is one, until the block ends."""
    if lane is None:
        yield
        return
    thread = threading.Thread(target=lane.run, name="quick lane", daemon=True)
    thread.start()
    try:
        yield
    finally:
        lane.stop.set()
        thread.join()


def _allow_open_files() -> None:
    """Raises the limit of open files, as far as this user may: a look has a socket for each address."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
