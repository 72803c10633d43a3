"""``mirrorlist publish``: compile a snapshot, once or whenever something changes."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Hashable
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path

import click
import sqlalchemy as sa
import structlog

from mirrorlist.checks.fetch import fetch
from mirrorlist.cli.compiled import publisher_of
from mirrorlist.cli.context import Context, pass_context
from mirrorlist.cli.files_loop import files_loop
from mirrorlist.cli.probe import guard_of
from mirrorlist.core.errors import LeadLost, MirrorlistError, ServiceFileError, SnapshotError
from mirrorlist.core.service import Service
from mirrorlist.publish import Publisher
from mirrorlist.store.database import open_database
from mirrorlist.store.leader import Candidate, Waiting
from mirrorlist.store.metadata import MetadataStore
from mirrorlist.store.publications import publisher_lock
from mirrorlist.store.snapshot_files import read_newest
from mirrorlist.subnets import Outcome as ListOutcome
from mirrorlist.subnets import update_subnets
from mirrorlist.update import Outcome, update_images, update_metadata, update_time_files

log = structlog.get_logger()

LOOK_SECONDS = 0.5
RETRY_SECONDS = 60.0
ENDING_SECONDS = 5.0
"""How long a run over the files may take to end with the publisher."""
SUBNETS_SECONDS = 3600.0
"""How often the lists of networks that mirrors publish at a URL are asked for."""


@click.command()
@click.option("--watch", is_flag=True, help="Stay, and publish whenever something changed.")
@click.option("--force", is_flag=True, help="Publish even if over 30 % of the mirrors are lost.")
@click.option("--metadata-every", type=click.FloatRange(min=0), default=0, metavar="SECONDS",
              help="With --watch: ask the origin for its metadata this often, and mirrors for their lists of networks "
                   "each hour; 0 is never.")  # fmt: skip
@click.option("--files-every", type=click.FloatRange(min=0), default=0, metavar="SECONDS",
              help="With --watch: update files, so long after the end of a run; 0 is never.")  # fmt: skip
@pass_context
def publish(context: Context, watch: bool, force: bool, metadata_every: float, files_every: float) -> None:
    """Compile the files into a snapshot. Workers take it up by themselves.

    Of several that watch one state directory one publishes, the others wait for it to end.
    """
    if not watch:
        snapshot = publisher_of(context, context.service()).publish(context.clock(), force)
        count = len(snapshot.mirrors)
        click.echo(f"generation {snapshot.facts.generation}: {count} mirror{'' if count == 1 else 's'}")
        return
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    _watch(context, force, (metadata_every, files_every), stop)


def _watch(context: Context, force: bool, every: tuple[float, float], stop: threading.Event) -> None:
    """Waits until this publisher leads, and publishes until it is told to stop or its parent has gone."""
    metadata_every, files_every = every
    service = _service(context)
    publisher, parent, waiting = publisher_of(context, service), os.getppid(), Waiting()
    candidate = Candidate(publisher_lock(Path(service.state_dir)), context.settings.lead_seconds)
    while not stop.is_set() and os.getppid() == parent:
        with candidate.leading() as lost:
            waiting.tell(lost is not None)
            if lost:
                publisher.lead(True)
                ended = threading.Event()
                if metadata_every:
                    _start(_update_loop, context, publisher, metadata_every, ended)
                    _start(_subnets_loop, context, publisher, SUBNETS_SECONDS, ended)
                listing = _start(files_loop, context, publisher, files_every, ended) if files_every else None
                try:
                    over = partial(_over, stop, lost, parent)
                    _publish_loop(context, publisher, force, stop, over)
                finally:
                    ended.set()
                    if listing is not None:
                        listing.join(ENDING_SECONDS)
                publisher.lead(False)
                if lost.is_set():
                    log.error("the lead is lost: this process was silent for too long, and another took over")
        force = False
        stop.wait(LOOK_SECONDS)


def _start(
    loop: Callable[[Context, Publisher, float, threading.Event], None],
    context: Context,
    publisher: Publisher,
    seconds: float,
    ended: threading.Event,
) -> threading.Thread:
    thread = threading.Thread(target=loop, args=(context, publisher, seconds, ended), daemon=True)
    thread.start()
    return thread


def _over(stop: threading.Event, lost: threading.Event, parent: int) -> bool:
    return stop.is_set() or lost.is_set() or os.getppid() != parent


def _service(context: Context) -> Service:
    """The service file; where that is broken when a publisher is started again, what the last snapshot says."""
    try:
        return context.service()
    except (ServiceFileError, click.UsageError) as error:
        state_dir = context.settings.state
        try:
            if state_dir is None:
                raise error
            known = read_newest(state_dir).facts.service
        except SnapshotError:
            raise error from None
        log.error("service file refused, that of the last snapshot is in force", reason=str(error))
        return replace(known, state_dir=str(state_dir.absolute()))


def _publish_loop(
    context: Context, publisher: Publisher, force: bool, stop: threading.Event, ended: Callable[[], bool]
) -> None:
    """Publishes at once and on every change; what could not be published is tried again after a while, or on a change.

    Raises:
        MirrorlistError, OSError: nothing was ever published here, and it cannot be.
    """
    published: Hashable = None
    failed_at, told = float("-inf"), ""
    while not ended():
        now = context.clock()
        found = publisher.fingerprint(now)  # before reading: what changes meanwhile is published next
        if found != published or (told and now - failed_at >= RETRY_SECONDS):
            try:
                publisher.publish(now, force)
                told = ""
            except LeadLost as error:
                log.error("not published", reason=str(error))
                return
            except (MirrorlistError, OSError) as error:
                if not publisher.generation:
                    raise
                if str(error) != told:
                    log.error("not published, the former snapshot stays in force", reason=str(error))
                failed_at, told = now, str(error)
            published, force = found, False
        stop.wait(LOOK_SECONDS)


def _update_loop(context: Context, publisher: Publisher, seconds: float, ended: threading.Event) -> None:
    while True:
        service = publisher.service
        try:
            engine = open_database(Path(service.state_dir), context.settings.database)
            try:
                store, now = MetadataStore(engine), context.clock()
                steps = (update_metadata, update_images, update_time_files)
                for done in chain.from_iterable(step(service, store, now) for step in steps):
                    if done.outcome in (Outcome.CHANGED, Outcome.FAILED):
                        log.info("metadata", path=done.path, outcome=done.outcome.value, reason=done.reason)
            finally:
                engine.dispose()
        except (MirrorlistError, OSError, sa.exc.SQLAlchemyError) as error:
            log.error("metadata not updated", reason=str(error))
        if ended.wait(seconds):
            return


def _subnets_loop(context: Context, publisher: Publisher, seconds: float, ended: threading.Event) -> None:
    """In a thread of its own, for a list may take its time."""
    while True:
        service = publisher.service
        fetching = partial(fetch, guard=guard_of(service))
        try:
            for done in update_subnets(service, Path(service.state_dir), fetching, context.clock()):
                if done.outcome is not ListOutcome.UNCHANGED:
                    log.info("subnets", mirror=done.mirror, outcome=done.outcome.value, reason=done.told)
        except (MirrorlistError, OSError) as error:
            log.error("lists of networks not updated", reason=str(error))
        if ended.wait(seconds):
            return
