"""The context of all commands: the options before the command, the service file, and error output.

What only some need is elsewhere (publishers in ``compiled.py``), so that the others start in half the time.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import click
import msgspec

from mirrorlist.core.catalogue.service import Service
from mirrorlist.settings import Settings
from mirrorlist.sources.places.gazetteer import city_of
from mirrorlist.sources.service.file import read_service


@dataclass(frozen=True, slots=True)
class Context:
    """The current settings, and the clock."""

    settings: Settings
    clock: Callable[[], float] = time.time

    def at(self, config: Path | None, mirrors: Path | None) -> Context:
        """The same on the files that a command names itself; None keeps the setting."""
        said = self.settings
        return replace(self, settings=replace(said, config=config or said.config, mirrors=mirrors or said.mirrors))

    def service(self, within: Path | None = None) -> Service:
        """The service file, with its warnings on standard error."""
        service, findings = read_service(
            existing(self.settings.config), self.settings.mirrors, self.settings.state, city_of, within
        )
        for finding in findings:
            click.echo(str(finding), err=True)
        return service


def existing(path: Path) -> Path:
    """The path, if there is a file.

    Raises:
        click.UsageError: there is none.
    """
    if not path.is_file():
        raise click.UsageError(f"there is no service file {path}; name it with --config, or start in its directory")
    return path


def own_command(context: Context, state_dir: str) -> list[str]:
    """This program, on the same files. The state is named, so that a process that is started again finds it while the
    service file is broken."""
    settings = context.settings
    command = [sys.executable, "-m", "mirrorlist", "--config", str(existing(settings.config))]
    command += ["--mirrors", str(settings.mirrors)] if settings.mirrors else []
    return [*command, "--state", state_dir]


json_option = click.option("--json", "as_json", is_flag=True, help="Write JSON, for programs.")


def tell_json(facts: object) -> None:
    """Writes facts of types that msgspec knows as JSON; docs/commands.md documents their shapes."""
    click.echo(msgspec.json.format(msgspec.json.encode(facts), indent=2))


pass_context = click.make_pass_decorator(Context)


# What the commands about health share: the running service's snapshot, and the database beside it.


def state_dir_of(context: Context) -> Path:
    """The directory of the state; the service file is read only where no option names it."""
    return context.settings.state or Path(context.service().state_dir)


# Stop a run of the prober soon after a signal: requests in progress end, and no further ones are made.


@contextmanager
def stopped_by_signals() -> Iterator[threading.Event]:
    """An event that the first SIGTERM or SIGINT sets; a second one interrupts the run."""
    stop = threading.Event()

    def asked(number: int, frame: object) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, asked)
    yield stop
