"""``mirrorlist doctor``: what is wrong with this service, and how to fix it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import click

from mirrorlist.cli.shared.context import Context, json_option, pass_context, tell_json
from mirrorlist.core.catalogue.service import GeoSources, Service
from mirrorlist.core.errors import ServiceFileError, SnapshotError
from mirrorlist.core.public.encoding import PublicFile
from mirrorlist.core.public.types import PublicNetwork
from mirrorlist.core.snapshot import Facts, Snapshot
from mirrorlist.diagnosis.data import ages, channel, database, mirror_files, proxies, snapshots
from mirrorlist.diagnosis.finding import Diagnosis, Examination, Gravity, Patient, error, examined, good, warning
from mirrorlist.diagnosis.machine import clock, disk, limits, permissions, port
from mirrorlist.following.follower import NOTE
from mirrorlist.settings import Settings
from mirrorlist.sources.places.gazetteer import city_of
from mirrorlist.sources.service.file import read_service
from mirrorlist.store.snapshot_files import read_newest

EXAMINATIONS: tuple[Examination, ...] = (
    mirror_files, disk, snapshots, database, channel, ages, clock, port, proxies, permissions, limits,
)  # fmt: skip
NODE_EXAMINATIONS: tuple[Examination, ...] = (disk, snapshots, clock, port, proxies, permissions, limits)
"""Of a machine that only answers: it has no service file, no mirror files and no database."""
STATUS = {Gravity.GOOD: 0, Gravity.WARNING: 1, Gravity.ERROR: 2}
MARKS = {Gravity.GOOD: ("ok", "green"), Gravity.WARNING: ("warning", "yellow"), Gravity.ERROR: ("ERROR", "red")}


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Where the service listens.")
@click.option("--port", "number", default=8000, show_default=True, type=click.IntRange(1, 65535), help="Its port.")
@click.option("--unix-socket", type=click.Path(path_type=Path), metavar="PATH", help="Its socket, instead of a port.")
@click.option("--offline", is_flag=True, help="Do not ask the origin for its time.")
@json_option
@pass_context
def doctor(context: Context, host: str, number: int, unix_socket: Path | None, offline: bool, as_json: bool) -> None:
    """Find what is wrong with the service, and say how to fix it.

    It looks at the files, the state and the machine. Run it as the service's user. The status is 0 if nothing is wrong,
    1 if something should be fixed soon, and 2 if clients are or will be served wrongly or not at all. On a node, which
    has no service file, name its state directory with --state.
    """
    patient = partial(
        Patient, now=context.clock(), host=host, port=number, asks_network=not offline, unix_socket=unix_socket
    )
    found = _examined(context, patient)
    if as_json:
        tell_json(found)
    else:
        _tell(found)
    sys.exit(max(STATUS[each.gravity] for each in found))


def _examined(
    context: Context, patient: Callable[[Settings, Service, Facts | None, PublicNetwork], Patient]
) -> Sequence[Diagnosis]:
    settings = context.settings
    config, beside = settings.config, settings.state or settings.config.parent / "state"
    if not config.is_file():
        if (beside / NOTE).exists():
            return _node_examined(settings, beside, patient)
        return [
            error("configuration", f"there is no service file {config}", "name it with --config or MIRRORLIST_CONFIG")
        ]
    try:
        service, findings = read_service(config, settings.mirrors, settings.state, city_of)
    except ServiceFileError as fault:
        return [error("configuration", str(each), "correct this place of the file") for each in fault.findings]
    told = [warning("configuration", str(each), "correct this place of the file") for each in findings]
    told = told or [good("configuration", f"{config.absolute()}: {service.name}")]
    try:
        snapshot = read_newest(Path(service.state_dir))
    except SnapshotError:
        found = patient(settings, service, None, PublicNetwork())
    else:
        found = patient(settings, service, snapshot.facts, _network(snapshot))
    return [*told, *examined(found, EXAMINATIONS)]


def _node_examined(
    settings: Settings, state_dir: Path, patient: Callable[[Settings, Service, Facts | None, PublicNetwork], Patient]
) -> Sequence[Diagnosis]:
    """What is found on a machine that follows a channel, whose last generation says what the service is."""
    try:
        snapshot = read_newest(state_dir)
    except SnapshotError as fault:
        return [error("snapshot", str(fault), "start mirrorlist serve --follow; its log says why it takes none")]
    said = replace(
        snapshot.facts.service, state_dir=str(state_dir), geo=GeoSources()
    )  # the publisher's keys stay there
    told = good("configuration", f"a node of {said.name}: it follows a channel into {state_dir}")
    found = patient(settings, said, snapshot.facts, _network(snapshot))
    return [told, *examined(found, NODE_EXAMINATIONS)]


def _network(snapshot: Snapshot) -> PublicNetwork:
    return PublicFile(memoryview(snapshot.public)).network()  # type: ignore[arg-type]  # bytes, or a view of them


def _tell(found: Sequence[Diagnosis]) -> None:
    for each in found:
        word, colour = MARKS[each.gravity]
        click.echo(f"{click.style(f'{word:8}', fg=colour)} {each.about}: {each.found}")
        if each.remedy:
            click.echo(f"{'':8} -> {each.remedy}")
    wrong = [each for each in found if each.gravity is not Gravity.GOOD]
    click.echo(f"{len(wrong)} of {len(found)} need attention" if wrong else "nothing is wrong")
