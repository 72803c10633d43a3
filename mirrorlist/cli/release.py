"""``mirrorlist release``: wait until enough mirrors have what the origin publishes."""

from __future__ import annotations

import time
from collections.abc import Hashable
from contextlib import ExitStack
from pathlib import Path

import click
import msgspec
import sqlalchemy as sa

from mirrorlist.cli.output.durations import DURATION
from mirrorlist.cli.shared.context import Context, json_option, pass_context, stopped_by_signals
from mirrorlist.cli.shared.help import SuggestingGroup
from mirrorlist.core.catalogue.catalogue import published, repo_names, target
from mirrorlist.core.catalogue.service import Service
from mirrorlist.core.content import content_key
from mirrorlist.core.errors import MirrorlistError, NotFound
from mirrorlist.core.health.propagation import SpreadPoint, carrying
from mirrorlist.core.updates import UpdateOutcome
from mirrorlist.publishing.origin_update import OriginMemory, RepositoryFile, repository_files, update_changed
from mirrorlist.store.database import open_database
from mirrorlist.store.health import HealthStore
from mirrorlist.store.marks import Mark, MarkName
from mirrorlist.store.metadata import MetadataStore
from mirrorlist.store.snapshot_files import published_facts

LOOK_SECONDS = 2.0


@click.group(cls=SuggestingGroup)
def release() -> None:
    """Follow a release over the mirrors."""


@release.command()
@click.option("--repo", required=True, metavar="REPO", help="The repository, as baseos-9; or baseos with --version.")
@click.option("--version", metavar="VERSION", help="The version, as 9.8.")
@click.option("--percent", type=click.FloatRange(min=0, max=100), default=60.0, show_default=True,
              help="How much of the mirrors' bandwidth must have it.")  # fmt: skip
@click.option("--timeout", type=DURATION, default="6h", show_default=True, help="How long to wait.")
@json_option
@pass_context
def wait(context: Context, repo: str, version: str | None, percent: float, timeout: int, as_json: bool) -> None:
    """Wait until so much of the mirrors' bandwidth has what the origin publishes now.

    Asks the origin first, so that a change that was published a moment ago counts. Of several architectures the one
    that is slowest counts. Ends with status 1 if the time is over before, or nothing can be said.
    """
    service = context.service()
    files = _files(service, repo, version)
    ends_at = time.monotonic() + timeout
    engine = open_database(Path(service.state_dir), context.settings.database)
    with stopped_by_signals() as stop, ExitStack() as ended:
        ended.callback(engine.dispose)
        _ask_origin(engine, files, context.clock(), Path(service.state_dir))
        seen: Hashable = None
        told = ""
        while not stop.is_set():
            if (state := _version(engine, Path(service.state_dir), context.clock())) != seen:
                seen = state
                path, point = _slowest(engine, files, Path(service.state_dir), context.clock())
                said = (
                    f"{point.bandwidth_percent:.1f} % of the bandwidth, {point.mirrors} of {point.of_mirrors} mirrors"
                )
                if said != told:
                    click.echo(_line(path, point) if as_json else f"{path}  {said}")
                told = said
                if point.bandwidth_percent >= percent:
                    return
            if time.monotonic() >= ends_at:
                break
            stop.wait(min(LOOK_SECONDS, max(ends_at - time.monotonic(), 0)))
    why = "told to stop" if stop.is_set() else f"the time is over ({timeout} s)"
    raise MirrorlistError(f"{repo}: {why}, and the change has come to {told}; {percent:g} % were asked for")


def _line(path: str, point: SpreadPoint) -> bytes:
    """How far a change has come, for programs: one line of JSON."""
    return msgspec.json.encode({
        "path": path,
        "bandwidth_percent": round(point.bandwidth_percent, 2),
        "mirrors": point.mirrors,
        "of_mirrors": point.of_mirrors,
    })  # fmt: skip


def _files(service: Service, repo: str, version: str | None) -> list[RepositoryFile]:
    """The files of a repository at the origin: one for each arch, suite, or whatever it consists of.

    Raises:
        NotFound: there is no such repository, it is not on mirrors, or its module has no origin.
    """
    name = repo if version is None else f"{repo}-{version}"
    names = repo_names(service.catalogue)
    if name not in names:
        raise NotFound(f"--repo {name}: unknown; write the repository and the version, as in baseos-9")
    wanted = target(service.catalogue, *names[name])
    keys = {
        content_key(found.module, found.path.replace("$basearch", arch or ""))
        for found, arch in published(service.catalogue)
        if found.path == wanted.path and found.module == wanted.module
    }
    files = [
        file
        for file in repository_files(service)
        if file.key in keys
        or (file.content.part_of is not None and content_key(file.content.module, file.content.part_of) in keys)
    ]
    if not files:
        raise NotFound(f"--repo {name}: mirrors do not carry it, or service.yml names no origin of its module")
    return files


def _ask_origin(engine: sa.Engine, files: list[RepositoryFile], now: float, state_dir: Path) -> None:
    """Takes up what the origin publishes now.

    Raises:
        MirrorlistError: the origin gives nothing that can be used.
    """
    done = list(update_changed(files, MetadataStore(engine), now, OriginMemory()))
    if faults := [f"{each.what}: {each.detail}" for each in done if each.outcome is UpdateOutcome.FAILED]:
        raise MirrorlistError(f"the origin cannot be asked: {faults[0]}")
    if all(each.outcome is UpdateOutcome.MISSING for each in done):
        raise MirrorlistError(f"{done[0].what}: {done[0].detail}; publish it first")
    if changed := tuple(each.what for each in done if each.outcome is UpdateOutcome.CHANGED):
        Mark(state_dir, MarkName.PROBE).leave(now, changed)


def _version(engine: sa.Engine, state_dir: Path, now: float) -> Hashable:
    """A value that changes whenever the share may have changed; reading all verdicts takes a second."""
    health = HealthStore(engine)
    return (
        health.version(now),
        MetadataStore(engine).version(),
        published_facts(state_dir).generation,
        (health.is_watched(now)),
    )


def _slowest(engine: sa.Engine, files: list[RepositoryFile], state_dir: Path, now: float) -> tuple[str, SpreadPoint]:
    """The path of which the least bandwidth has the current version, and how far that has come.

    Raises:
        MirrorlistError: no prober looks at the mirrors, or none of them carries the repository.
    """
    health = HealthStore(engine)
    if not health.is_watched(now):
        raise MirrorlistError("no prober has looked at the mirrors for a day; run mirrorlist probe")
    facts = published_facts(state_dir)
    paths = {file.key for file in files}
    has = carrying(facts.mirrors, health.verdicts(), facts.service.policy, paths)
    current = {path: sha256 for path, sha256 in MetadataStore(engine).current().items() if path in paths}
    points = {path: has.point(path, (sha256,), 0.0) for path, sha256 in current.items()}
    carried = {path: point for path, point in points.items() if point.of_mirrors}
    if not carried:
        raise MirrorlistError(f"{min(paths)}: no public mirror that answers carries it, so nothing can be said")
    path = min(carried, key=lambda each: (carried[each].bandwidth_percent, each))
    return path, carried[path]
