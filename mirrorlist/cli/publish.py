"""``mirrorlist publish``: compile a snapshot, once or whenever something changes."""

from __future__ import annotations

import signal
import threading
from dataclasses import replace
from pathlib import Path

import click
import structlog

from mirrorlist.cli.shared.compiled import publisher_of
from mirrorlist.cli.shared.context import Context, json_option, pass_context, tell_json
from mirrorlist.core.catalogue.service import Service
from mirrorlist.core.errors import ServiceFileError, SnapshotError
from mirrorlist.publishing.channel import ChannelJob, hand_over_counts
from mirrorlist.publishing.keeper import schedule_of
from mirrorlist.publishing.watch import Watched, keep_publishing
from mirrorlist.store.snapshot_files import read_newest

log = structlog.get_logger()


@click.command()
@click.option("--watch", is_flag=True, help="Keep running, and publish on every change.")
@click.option("--force", is_flag=True, help="Publish even if over 30 % of the mirrors are lost.")
@click.option("--metadata-every", type=click.FloatRange(min=0), default=0, metavar="SECONDS",
              help="With --watch: ask the origin for its metadata this often, and mirrors for their lists of networks "
                   "each hour; 0 is never.")  # fmt: skip
@click.option("--files-every", type=click.FloatRange(min=0), default=0, metavar="SECONDS",
              help="With --watch: update files this long after the end of a run; 0 is never.")  # fmt: skip
@click.option("--jobs", is_flag=True, help="With --watch: run the other periodic jobs too, as mirrorlist keeper does.")
@click.option("--parent", type=int, metavar="PID", help="With --watch: end when this process, which started it, has.")
@json_option
@pass_context
def publish(
    context: Context,
    watch: bool,
    force: bool,
    metadata_every: float,
    files_every: float,
    jobs: bool,
    parent: int | None,
    as_json: bool,
) -> None:
    """Compile the files into a snapshot. Workers load it by themselves.

    Of several that watch with one database one publishes, the others wait for it to end.
    """
    if watch and as_json:
        raise click.UsageError("--json and --watch do not go together; the log is JSON with --log-format json")
    if not watch:
        publisher = publisher_of(context, context.service())
        snapshot = publisher.publish(context.clock(), force)
        ChannelJob(lambda: publisher.service).run()
        count = len(snapshot.mirrors)
        if as_json:
            tell_json({"generation": snapshot.facts.generation, "mirrors": count})
            return
        click.echo(f"generation {snapshot.facts.generation}: {count} mirror{'' if count == 1 else 's'}")
        return
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    schedule = schedule_of(context.settings) if jobs else ()
    watched = Watched(publisher_of(context, _service(context)), context.settings, context.clock, schedule)
    if jobs:  # not beside another process that does on the same directory
        hand_over_counts(context.settings, Path(watched.publisher.service.state_dir), stop, context.clock)
    keep_publishing(watched, force, (metadata_every, files_every), stop, parent)


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
        log.error("service file refused, using that of the last snapshot", reason=str(error))
        return replace(known, state_dir=str(state_dir.absolute()))
