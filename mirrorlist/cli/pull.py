"""``mirrorlist pull``: take what was reviewed and merged, and nothing that is worse than what is served."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path

import click
import structlog

from mirrorlist.cli.output.durations import DURATION, moment
from mirrorlist.cli.shared.context import Context, json_option, pass_context, stopped_by_signals, tell_json
from mirrorlist.core.errors import PullError, ServiceFileError
from mirrorlist.pulling.run import Done, PullJob, config_of, pull, refuse_wrong
from mirrorlist.sources.service.file import read_service
from mirrorlist.store.jobs import JobRecords

log = structlog.get_logger()


@click.command("pull")
@click.argument("repository")
@click.option("--into", "directory", type=click.Path(path_type=Path, file_okay=False), required=True, metavar="DIR",
              help="Where commits are kept; serve with --config DIR/current/service.yml.")  # fmt: skip
@click.option("--branch", default="main", show_default=True, help="The reviewed branch.")
@click.option("--service-file", default="service.yml", show_default=True, metavar="PATH",
              help="The service file in the repository.")  # fmt: skip
@click.option("--once", is_flag=True, help="Pull once, then end.")
@click.option(
    "--every", type=DURATION, default="5m", show_default=True, help="Interval between the starts of two pulls."
)
@click.option("--protocol", "protocols", multiple=True, type=click.Choice(["https", "ssh", "file", "http", "git"]),
              default=("https", "ssh"), show_default=True, help="What git may speak; may be repeated.")  # fmt: skip
@click.option("--timeout", type=click.FloatRange(min=1, max=3600), default=120.0, show_default=True,
              metavar="SECONDS", help="How long one call of git may take.")  # fmt: skip
@click.option("--accept", metavar="COMMIT", help="Take this commit although it rewrites history or loses mirrors.")
@json_option
@pass_context
def pull_(
    context: Context, repository: str, directory: Path, branch: str, service_file: str, once: bool, every: int,
    protocols: tuple[str, ...], timeout: float, accept: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Follow the REPOSITORY of the reviewed mirror files. A publisher takes up what it brings.

    Nothing is checked out and nothing in the repository is run. A commit that is broken, rewrites history, loses over
    30 % of the mirrors, or breaks a file that could be used is refused, and the last good one stays. With --once the
    status is 1 then.
    """
    if as_json and not once:
        raise click.UsageError("--json needs --once; the log of a service is JSON with --log-format json")
    wanted = PullJob(repository, branch, service_file, protocols, timeout, accept)
    refuse_wrong(wanted)
    config = config_of(directory, service_file)
    if once:
        with recorded(context, config, None):
            done = pull(directory, wanted)
        tell(done, config, as_json)
        return
    failed = ""
    with stopped_by_signals() as stop:
        while not stop.is_set():
            begun = context.clock()
            try:
                with recorded(context, config, every):
                    done = pull(directory, wanted)
                if done.new or failed:
                    tell(done, config)
                failed = ""
            except PullError as error:
                log.error(
                    "not pulled, the last good commit stays current", reason=str(error), again=str(error) == failed
                )
                failed = str(error)
            wanted = replace(wanted, accept=None)
            stop.wait(max(begun + every - context.clock(), 1))


def recorded(context: Context, config: Path, every: float | None) -> AbstractContextManager[None]:
    """Notes one pull for ``mirrorlist jobs``, where it is known by now which directory the state is in."""
    try:
        state_dir = context.settings.state or Path(read_service(config)[0].state_dir)
    except ServiceFileError:  # before the first pull
        return nullcontext()
    return JobRecords(state_dir, context.clock).running("pull", every)


def tell(done: Done, config: Path, as_json: bool = False) -> None:
    """Reports the result of a pull, one line per fact, or as JSON."""
    if as_json:
        tell_json(
            {
                "commit": done.pulled.commit,
                "committed_at": done.pulled.committed_at,
                "new": done.new,
                "mirrors": done.mirrors,
                "left_out": done.left_out,
            }
        )
        return
    what = "now current" if done.new else "still current"
    pulled = done.pulled
    click.echo(f"{pulled.commit} of {moment(pulled.committed_at)} UTC is {what}: {done.mirrors} mirrors, {config}")
    for name, why in done.left_out.items():
        click.echo(f"left out: {name} {why}")
