"""``mirrorlist publish``: compile a snapshot, once or whenever something changes."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Hashable
from functools import partial
from itertools import chain
from pathlib import Path

import click
import structlog

from mirrorlist.checks.fetch import fetch
from mirrorlist.cli.context import Context, pass_context
from mirrorlist.cli.probe import guard_of
from mirrorlist.core.errors import MirrorlistError
from mirrorlist.publish import Publisher
from mirrorlist.subnets import Outcome as ListOutcome
from mirrorlist.subnets import update_subnets
from mirrorlist.update import Outcome, update_images, update_metadata

log = structlog.get_logger()

LOOK_SECONDS = 0.5
RETRY_SECONDS = 60.0
SUBNETS_SECONDS = 3600.0
"""How often the lists of networks that mirrors publish at a URL are asked for."""


@click.command()
@click.option("--watch", is_flag=True, help="Stay, and publish whenever something changed.")
@click.option("--force", is_flag=True, help="Publish even if most of the mirrors are lost.")
@click.option("--metadata-every", type=click.FloatRange(min=0), default=0, metavar="SECONDS",
              help="With --watch: ask the origin for its metadata this often, and mirrors for their lists of networks "
                   "each hour; 0 is never.")  # fmt: skip
@pass_context
def publish(context: Context, watch: bool, force: bool, metadata_every: float) -> None:
    """Compile the files into a snapshot, which workers take up by themselves."""
    service = context.service()
    publisher = context.publisher(service)
    seen = publisher.fingerprint(context.clock())  # before reading: what changes meanwhile is published next
    snapshot = publisher.publish(context.clock(), force)
    if not watch:
        click.echo(f"generation {snapshot.facts.generation}: {len(snapshot.mirrors)} mirrors")
        return
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    if metadata_every:
        threading.Thread(
            target=_update_loop, args=(context, publisher, metadata_every, stop), name="metadata", daemon=True
        ).start()
        threading.Thread(target=_subnets_loop, args=(context, publisher, stop), name="subnets", daemon=True).start()
    _publish_loop(context, publisher, seen, stop)


def _publish_loop(context: Context, publisher: Publisher, published: Hashable, stop: threading.Event) -> None:
    """Publishes on every change; what could not be published is tried again after a while, or on a change."""
    parent = os.getppid()
    failed_at: float | None = None
    while not stop.wait(LOOK_SECONDS) and os.getppid() == parent:
        now = context.clock()
        found = publisher.fingerprint(now)
        if found == published and (failed_at is None or now - failed_at < RETRY_SECONDS):
            continue
        try:
            publisher.publish(now)
            failed_at = None
        except (MirrorlistError, OSError) as error:
            log.error("not published, the former snapshot stays in force", reason=str(error))
            failed_at = now
        published = publisher.fingerprint(context.clock()) if found == published else found


def _update_loop(context: Context, publisher: Publisher, seconds: float, stop: threading.Event) -> None:
    store = context.store(publisher.service)
    while True:
        try:
            service, now = publisher.service, context.clock()
            for done in chain(update_metadata(service, store, now), update_images(service, store, now)):
                if done.outcome in (Outcome.CHANGED, Outcome.FAILED):
                    log.info("metadata", path=done.path, outcome=done.outcome.value, reason=done.reason)
        except (MirrorlistError, OSError) as error:
            log.error("metadata not updated", reason=str(error))
        if stop.wait(seconds):
            return


def _subnets_loop(context: Context, publisher: Publisher, stop: threading.Event) -> None:
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
        if stop.wait(SUBNETS_SECONDS):
            return
