"""Publish whenever something changes, and run the updates that keep the data fresh; wait while another leads."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Hashable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import sqlalchemy as sa
import structlog

from mirrorlist.checks.fetching.fetch import fetch, guard_of
from mirrorlist.core.errors import LeadLost, MirrorlistError
from mirrorlist.core.health.vantages import looked_at
from mirrorlist.core.snapshot import decode
from mirrorlist.core.updates import UpdateOutcome, UpdateResult
from mirrorlist.following.follower import fetched
from mirrorlist.logs import LastingFault
from mirrorlist.publishing.channel import ChannelJob
from mirrorlist.publishing.keeper import FilesRuns, Keeper, ScheduledJob
from mirrorlist.publishing.origin_watch import OriginWatch, only_news
from mirrorlist.publishing.publisher import Publisher
from mirrorlist.publishing.subnet_update import update_subnets
from mirrorlist.settings import Settings
from mirrorlist.store.database import bring_up_to_date, open_database, untouched_database
from mirrorlist.store.index_files import put_current
from mirrorlist.store.jobs import JobRecords
from mirrorlist.store.leader_election import LeaderCandidate, LeaderWait
from mirrorlist.store.marks import UploadBox
from mirrorlist.store.publications import KeptGeneration, PublisherLead, is_shared, only_one, publisher_lock
from mirrorlist.store.quick_looks import VoteStore, VoteTaker
from mirrorlist.store.snapshot_files import newest_facts, write_snapshot

log = structlog.get_logger()

LOOK_SECONDS = 0.5
VOTES_SECONDS = 2.0
"""How often reports of vantage points are looked for."""
RETRY_SECONDS = 60.0
ENDING_SECONDS = 5.0
"""How long a run over the files may take to end with the publisher."""
SUBNETS_SECONDS = 3600.0
"""How often the lists of networks that mirrors publish at a URL are asked for."""


@dataclass(frozen=True, slots=True)
class Watched:
    """A publisher that stays, and what its loops need besides."""

    publisher: Publisher
    settings: Settings
    clock: Callable[[], float]
    schedule: tuple[ScheduledJob, ...] = ()

    def command(self) -> list[str]:
        """This program on the same files."""
        settings = self.settings
        command = [sys.executable, "-m", "mirrorlist", "--config", str(settings.config)]
        command += ["--mirrors", str(settings.mirrors)] if settings.mirrors else []
        return [*command, "--state", self.publisher.service.state_dir]


class Standby:
    """A publisher's state directory that is kept up to date with what the others of its database publish.

    They may share the directory; so nothing is put in place over a snapshot that is as new.
    """

    def __init__(self, engine: sa.Engine, state_dir: Path) -> None:
        self._engine = engine
        self._kept = KeptGeneration(engine)
        self._state_dir = state_dir
        self._seen: int | None = None

    def take(self) -> None:
        """Takes the last generation, if it is not here.

        Raises:
            MirrorlistError, OSError: it cannot be had, or not be written; the next call tries again.
        """
        if self._seen is None:
            bring_up_to_date(self._engine)
        manifest = self._kept.manifest(self._seen)
        if manifest is None:
            return
        here = newest_facts(self._state_dir)
        if here is None or (here.generation, here.built_at) != (manifest.generation, manifest.built_at):
            content = fetched(manifest, self._kept, self._state_dir)
            facts = decode(memoryview(content)).facts
            with only_one(self._state_dir):
                here = newest_facts(self._state_dir)
                if here is None or here.key != facts.key or here.generation < facts.generation:
                    write_snapshot(self._state_dir, content)
                    put_current(self._state_dir, facts.file_indexes)
                    log.info("generation taken", generation=facts.generation, built_at=facts.built_at)
        self._seen = manifest.generation


def keep_publishing(
    watched: Watched, force: bool, every: tuple[float, float], stop: threading.Event, parent: int | None = None
) -> None:
    """Waits until this publisher leads, and publishes until it is told to stop or its parent has gone.

    ``parent`` is the process that started it, where that is known: it may be gone before this is read here.
    """
    parent = os.getppid() if parent is None else parent
    waiting, fault = LeaderWait(), LastingFault()
    state_dir = Path(watched.publisher.service.state_dir)
    engine = untouched_database(state_dir, watched.settings.database)
    channel = ChannelJob(lambda: watched.publisher.service)
    candidate = LeaderCandidate(publisher_lock(engine, state_dir), watched.settings.lead_seconds)
    standby = Standby(engine, state_dir) if is_shared(engine) else None

    def is_over() -> bool:
        return stop.is_set() or os.getppid() != parent

    while not is_over():
        with ExitStack() as turn:
            try:
                lost = turn.enter_context(candidate.leading())
                if standby:
                    standby.take()
            except (MirrorlistError, OSError, sa.exc.SQLAlchemyError) as error:
                if fault.is_new(str(error)):
                    log.error("this process cannot lead, the former snapshot stays current", reason=str(error))
                lost = None
            else:
                if fault.is_over():
                    log.info("this process can lead again")
                waiting.tell(lost is not None)
            if lost:
                watched.publisher.lead(PublisherLead.DATABASE if standby else PublisherLead.DIRECTORY)
                _lead(watched, force, every, stop, lost, is_over)
                watched.publisher.lead(None)
                if lost.is_set():
                    log.error("the lead is lost", reason=lost.why)
            elif standby:
                channel.run()
        force = False
        stop.wait(LOOK_SECONDS)


def _lead(
    watched: Watched,
    force: bool,
    every: tuple[float, float],
    stop: threading.Event,
    lost: threading.Event,
    is_over: Callable[[], bool],
) -> None:
    """Publishes, and runs what keeps the data fresh, until it is over or the lead is lost."""
    metadata_every, files_every = every
    ended = threading.Event()
    if metadata_every:
        watch = OriginWatch(lambda: watched.publisher.service, watched.settings.database, watched.clock, metadata_every)
        following = partial(watch.follow, ended, only_news(_log_origin))
        _start(following, metadata_every, ended, "the origin is not followed")
        subnets = _recorded(watched, "subnets", SUBNETS_SECONDS, partial(_update_subnets, watched))
        _start(subnets, SUBNETS_SECONDS, ended, "lists of networks not updated")
    channel = ChannelJob(lambda: watched.publisher.service)
    _start(channel.run, LOOK_SECONDS, ended, "channel not written")
    votes = VoteTaker(UploadBox(Path(watched.publisher.service.state_dir)))
    _start(partial(_take_votes, watched, votes), VOTES_SECONDS, ended, "votes not taken")
    files = FilesRuns(Path(watched.publisher.service.state_dir), watched.command(), ended)
    run_files = _recorded(watched, "files", files_every, files.run)
    listing = _start(run_files, files_every, ended, "files not listed") if files_every else None
    keeping = _keep_jobs(watched, ended)
    try:
        _publish_loop(watched, force, stop, lambda: lost.is_set() or is_over())
    finally:
        ended.set()
        for thread in (listing, keeping):
            if thread is not None:
                thread.join(ENDING_SECONDS)


def _keep_jobs(watched: Watched, ended: threading.Event) -> threading.Thread | None:
    """Runs the schedule in a thread, if there is one."""
    if not watched.schedule:
        return None
    state_dir = Path(watched.publisher.service.state_dir)
    keeper = Keeper(
        state_dir, watched.command(), lambda: watched.publisher.service, watched.clock, ended, watched.schedule
    )
    thread = threading.Thread(target=keeper.run, name="jobs", daemon=True)
    thread.start()
    return thread


def _recorded(watched: Watched, name: str, every: float | None, job: Callable[[], None]) -> Callable[[], None]:
    """The job, each run of which is noted for ``mirrorlist jobs``."""
    records = JobRecords(Path(watched.publisher.service.state_dir), watched.clock)

    def run() -> None:
        with records.running(name, every):
            job()

    return run


def _start(job: Callable[[], None], seconds: float, ended: threading.Event, failed: str) -> threading.Thread:
    """Does a job in a thread of its own, at once and then ``seconds`` after it is done each time, until ``ended``.

    What fails is logged under the sentence ``failed``, and tried again the next time.
    """

    def work() -> None:
        while True:
            try:
                job()
            except (MirrorlistError, OSError) as error:
                log.error(failed, reason=str(error))
            if ended.wait(seconds):
                return

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def _publish_loop(watched: Watched, force: bool, stop: threading.Event, ended: Callable[[], bool]) -> None:
    """Publishes at once and on every change; what could not be published is tried again after a while, or on a change.

    Raises:
        MirrorlistError, OSError: nothing was ever published here, and it cannot be.
    """
    published: Hashable = None
    failed_at, fault = float("-inf"), LastingFault()
    records = JobRecords(Path(watched.publisher.service.state_dir), watched.clock)
    while not ended():
        now = watched.clock()
        found = watched.publisher.fingerprint(now)  # before reading: what changes meanwhile is published next
        if not fault.reason and not watched.publisher.is_in_place():
            log.error("the snapshot was changed by somebody else, and is published again")
            published = None
        if found != published or (fault.reason and now - failed_at >= RETRY_SECONDS):
            try:
                with records.running("publish", None):
                    watched.publisher.publish(now, force)
                fault.is_over()
            except LeadLost as error:
                log.error("not published", reason=str(error))
                return
            except (MirrorlistError, OSError) as error:
                if not watched.publisher.generation:
                    raise
                if fault.is_new(str(error)):
                    log.error("not published, the former snapshot stays current", reason=str(error))
                failed_at = now
            published, force = found, False
        stop.wait(LOOK_SECONDS)


def _log_origin(done: UpdateResult) -> None:
    log.info("metadata", path=done.what, outcome=done.outcome.value, reason=done.detail)


def _take_votes(watched: Watched, taker: VoteTaker) -> None:
    service = watched.publisher.service
    state_dir = Path(service.state_dir)
    facts = newest_facts(state_dir)
    waiting = taker.waiting(each for each in service.vantages if each.key)
    if waiting and facts is not None:
        engine = open_database(state_dir, watched.settings.database)
        try:
            for told in taker.take(waiting, VoteStore(engine), [each.name for each in looked_at(facts.mirrors)]):
                log.info("votes", told=told)
        finally:
            engine.dispose()


def _update_subnets(watched: Watched) -> None:
    service = watched.publisher.service
    fetching = partial(fetch, guard=guard_of(service))
    for done in update_subnets(service, Path(service.state_dir), fetching, watched.clock()):
        if done.outcome is not UpdateOutcome.UNCHANGED:
            log.info("subnets", mirror=done.what, outcome=done.outcome.value, reason=done.detail)
