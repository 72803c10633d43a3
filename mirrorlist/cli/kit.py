"""``mirrorlist kit``: the scripts and configurations with which an owner runs his mirror."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import click

from mirrorlist.cli.shared.compiled import known_mirrors
from mirrorlist.cli.shared.context import Context, json_option, pass_context, tell_json
from mirrorlist.core.catalogue.service import Service
from mirrorlist.core.errors import NotFound
from mirrorlist.core.health.verdicts import ORIGIN, SOURCE_PREFIX
from mirrorlist.core.model import Mirror
from mirrorlist.core.owners.copy_sources import CopyFault, CopySeverity, copy_fault, source_fault
from mirrorlist.core.owners.kit import USUAL_ROOT, Faults, KitError, Server, kit_for, no_faults, sources_of
from mirrorlist.files_on_disk import write_whole
from mirrorlist.kit.writing import KitFile, written
from mirrorlist.store.database import open_database
from mirrorlist.store.health import HealthStore

PROGRAM = 0o755
SERVERS = click.Choice([each.value for each in Server])


@click.command()
@click.argument("name")
@click.option("--server", type=SERVERS, default=Server.NGINX.value, show_default=True, help="The web server.")
@click.option("--out", type=click.Path(path_type=Path), help="The directory to write.  [default: kit-NAME]")
@click.option("--root", default=USUAL_ROOT, show_default=True, help="Directory of the trees on the mirror.")
@click.option(
    "--source", metavar="NAME", help="Copy this source or mirror, whatever the policy.  [default: it chooses]"
)
@click.option("--force", is_flag=True, help="Write over a kit that is there.")
@json_option
@pass_context
def kit(
    context: Context,
    name: str,
    server: str,
    out: Path | None,
    root: str,
    source: str | None,
    force: bool,
    as_json: bool,
) -> None:
    """Write everything that the owner of the mirror NAME installs.

    That is scripts, timers, web server, rsyncd, and a README with the steps.

    The status is 0 if the kit was written, 1 if there is no such mirror or nothing safe to write for it, 2 for a wrong
    call.
    """
    service = context.service()
    mirrors = known_mirrors(service)
    mirror = next((each for each in mirrors if each.name == name), None)
    if mirror is None:
        raise NotFound(f"no file below {service.mirrors_dir} describes {name}; mirrorlist new writes one")
    made = kit_for(service, mirror, mirrors, _faults(context, service, mirrors), root, source)
    directory = out or Path(f"kit-{mirror.name}")
    _write(directory, written(made, Server(server)), force)
    if as_json:
        modules = [{"name": each.name, "source": each.source, "why": each.why} for each in made.modules]
        tell_json({"name": mirror.name, "directory": str(directory), "modules": modules})
        return
    for module in made.modules:
        click.echo(f"{module.name}: copies {module.source}")
        for sentence in module.why:
            click.echo(f"  {sentence}")
    click.echo(f"{directory}/README.md lists the steps")


def _faults(context: Context, service: Service, mirrors: tuple[Mirror, ...]) -> Faults:
    """What the prober found of all that may be copied, by the names of the sources; nothing while no prober works."""
    names = {each.name: each.mirror for each in sources_of(service, mirrors)}
    if not Path(service.state_dir).is_dir():
        return no_faults
    store, now = HealthStore(open_database(Path(service.state_dir), context.settings.database)), context.clock()
    if not store.is_watched(now):
        return no_faults
    verdicts = {name: store.verdicts(mirror) for name, mirror in names.items() if mirror}
    upstream = {name: store.verdicts(SOURCE_PREFIX + name) for name in (*names, ORIGIN)}
    overrides = store.overrides(now)
    out = {
        name: CopyFault(CopySeverity.TAKEN_OUT, f"it was taken out by {override.author} ({override.reason})")
        for name, mirror in names.items()
        if mirror and (override := overrides.get(mirror))
    }

    def faults(module: str) -> Mapping[str, CopyFault]:
        found = {name: source_fault(each, module) for name, each in upstream.items()}
        found |= {name: copy_fault(each, module) or found[name] for name, each in verdicts.items()}
        return {name: fault for name, fault in found.items() if fault} | out

    return faults


def _write(directory: Path, files: Iterable[KitFile], force: bool) -> None:
    if directory.exists() and not directory.is_dir():
        raise KitError(f"{directory} is not a directory; name another one with --out")
    if not force and directory.is_dir() and any(directory.iterdir()):
        raise KitError(f"{directory} is not empty; name another one with --out, or write over it with --force")
    try:
        for file in files:
            path = directory / file.name
            write_whole(path, [file.text.encode()])
            if file.program:
                path.chmod(PROGRAM)
    except OSError as error:
        raise KitError(f"{directory} cannot be written: {error.strerror}; name another one with --out") from None
