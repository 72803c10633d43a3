"""``mirrorlist init``: all the files of a new installation, for this machine."""

from __future__ import annotations

import os
import shlex
import shutil
import socket
import sys
from pathlib import Path

import click

from mirrorlist.cli.output.reviews import text
from mirrorlist.cli.shared.context import Context, pass_context
from mirrorlist.core.errors import InstallationError
from mirrorlist.core.review import Review
from mirrorlist.installing.installation import HOST, STATE, Installation, Proxy, installation_files
from mirrorlist.sources.submissions.judge import judge_submissions
from mirrorlist.sources.submissions.terms import terms_of


@click.command()
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--name", default="Example Linux", show_default=True, help="What people call the distribution.")
@click.option("--host", help="The name that clients ask.  [default: this machine's full name]")
@click.option("--proxy", type=click.Choice([each.value for each in Proxy]), default=Proxy.NGINX.value,
              show_default=True, help="What takes TLS off the service.")  # fmt: skip
@click.option("--origin", metavar="URL", help="The tree that all mirrors copy; a directory works too.")
@pass_context
def init(context: Context, directory: Path, name: str, host: str | None, proxy: str, origin: str | None) -> None:
    """Write the files of a new installation into DIR.

    They are a service file, a mirror file, systemd units and a proxy's configuration. Nothing that exists is written
    over. The state is kept in /var/lib/mirrorlist where root calls this, otherwise in DIR/state; --state before the
    command names another directory.

    The status is 0 if the files were written and are valid, 1 if something is in the way, 2 for a wrong call.
    """
    config = directory.absolute() / "service.yml"
    state = (
        str(context.settings.state.absolute()) if context.settings.state else STATE if os.geteuid() == 0 else "state"
    )
    if not host:  # the machine's name with its domain, or an example where it has none
        own = socket.getfqdn().lower().rstrip(".")
        host = own if "." in own and not own.startswith("localhost") else HOST
    # a link on the path, if it leads here, survives upgrades
    here, found = Path(sys.executable).with_name("mirrorlist"), shutil.which("mirrorlist")
    program = found if found and Path(found).resolve() == here.resolve() else str(here)
    made = Installation(
        name=name, host=host.lower(), config=str(config), state=state, program=program,
        proxy=Proxy(proxy), origin=origin,
    )  # fmt: skip
    _write(directory, {each.name: each.text for each in installation_files(made)})
    service = context.at(config, config.parent / "mirrors.d").service()
    terms = terms_of(service)
    mirror = config.parent / "mirrors.d" / "mirror.example.org.yml"
    judged = judge_submissions([mirror], mirror.parent, terms)
    review = Review(tuple(each.reviewed for each in judged))
    if not review.accepted:
        click.echo(text(review), nl=False)
        sys.exit(1)
    _tell(made, directory)


def _write(directory: Path, files: dict[str, str]) -> None:
    """Writes all files, or none where one exists.

    Raises:
        InstallationError: something exists, or cannot be written.
    """
    there = [name for name in files if os.path.lexists(directory / name)]
    if there:
        raise InstallationError(f"{directory / there[0]} exists; name an empty directory, or move the file away")
    try:
        if directory.exists() and not directory.is_dir():
            raise InstallationError(f"{directory} is no directory; name another")
        for name, content in files.items():
            path = directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8") as file:
                file.write(content)
            click.echo(f"{path}: written")
    except OSError as error:
        raise InstallationError(f"{error.filename} cannot be written: {error.strerror}") from None


def _tell(made: Installation, directory: Path) -> None:
    """Says what to do next."""
    program = "mirrorlist" if shutil.which("mirrorlist") == made.program else shlex.quote(made.program)
    config, units = shlex.quote(made.config), shlex.quote(str(directory.absolute() / "systemd"))
    if made.at_home:
        click.echo("note: this is in a home directory, where the units' user may not read; /etc/mirrorlist is safer",
                   err=True)  # fmt: skip
    install = f"cp {units}/*.service /etc/systemd/system/"
    if made.is_packaged:
        install = "systemctl enable --now mirrorlist mirrorlist-probe"
    click.echo(
        "\nNext: edit service.yml and mirrors.d, then\n\n"
        f"  {program} --config {config} validate\n"
        f"  {program} --config {config} serve\n"
        f"  sudo {install}\n\n"
        "docs/install.md has the rest: the user, TLS and the proxy."
    )
