"""Start the demo network and the service in front of it, show how to use them, and end them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from rich.console import Console

from mirrorlist.core.errors import MirrorlistError
from mirrorlist.demo import directory, guide
from mirrorlist.demo import guide as questions
from mirrorlist.demo.directory import Layout
from mirrorlist.demo.network import NAMES, NEW
from mirrorlist.ports import claimed_port
from mirrorlist.settings import SETTINGS

POLL_SECONDS = 0.1
GRACE_SECONDS = 5.0
LOG_LINES_TOLD = 15


class ProcessEnded(MirrorlistError):
    """A process of the demo ended, or never was ready; the message holds the end of its log."""


class DemoStopped(MirrorlistError):
    """The user ended the demo before it was up."""


class Processes:
    """Starts processes; on leaving the ``with`` block all of them are ended within a few seconds.

    Each leads a process group of its own: Ctrl-C in a terminal reaches the demo alone, which then ends them
    in order, and a process that does not end in time takes its children with it.
    """

    def __init__(self, logs: Path, stop: threading.Event) -> None:
        self.logs = logs
        self.stop = stop
        self.running: list[subprocess.Popen[str]] = []

    def __enter__(self) -> Processes:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        end(self.running)

    def start(self, name: str, command: Sequence[str]) -> subprocess.Popen[str]:
        """Start a command that writes its output to ``<logs>/<name>.out``."""
        with self.output_of(name).open("w", encoding="utf-8") as output:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )
        self.running.append(process)
        return process

    def finish(self, name: str, command: Sequence[str]) -> None:
        """Run a command to its end, which must be a good one."""
        process = self.start(name, command)
        while not has_ended(process):
            self.pause()
        if process.returncode:
            raise self.ended(name, process)

    def first_line(self, name: str, process: subprocess.Popen[str], seconds: float) -> str:
        """Wait for the first line that a process writes."""
        give_up = time.monotonic() + seconds
        while time.monotonic() < give_up:
            line, newline, _ = self.output_of(name).read_text("utf-8").partition("\n")
            if has_ended(process):
                break
            if newline:
                return line
            self.pause()
        raise self.ended(name, process)

    def pause(self) -> None:
        """Wait a moment, during which the user may stop the demo; take leave of what has ended meanwhile."""
        for process in self.running:
            has_ended(process)
        if self.stop.wait(POLL_SECONDS):
            raise DemoStopped

    def output_of(self, name: str) -> Path:
        """The file that a process writes its output to."""
        return self.logs / f"{name}.out"

    def ended(self, name: str, process: subprocess.Popen[str]) -> ProcessEnded:
        """The error that reports the state of a process, with the last lines of its output."""
        output = self.output_of(name)
        told = "\n".join(output.read_text("utf-8", "replace").splitlines()[-LOG_LINES_TOLD:])
        fate = "is not ready" if process.returncode is None else f"ended with code {process.returncode}"
        return ProcessEnded(f"{name} {fate}; its output is in {output}:\n{told}")


def has_ended(process: subprocess.Popen[str]) -> bool:
    """Whether a process is gone; what it leaves behind of its group is killed when that is first seen.

    At no later time: the number of a group that is gone may belong to somebody else by then.
    """
    if process.returncode is None and process.poll() is not None:
        kill_group(process.pid)
    return process.returncode is not None


def end(processes: Sequence[subprocess.Popen[str]]) -> None:
    """Ask all to end, wait for them, and kill the groups of those that are still there after some seconds."""
    remaining = [process for process in processes if not has_ended(process)]
    for process in remaining:
        process.terminate()
    give_up = time.monotonic() + GRACE_SECONDS
    for process in remaining:
        end_by(process, give_up)


def end_by(process: subprocess.Popen[str], give_up: float) -> None:
    """Waits for a process, and kills its group when the time is over."""
    while not has_ended(process):
        if time.monotonic() > give_up:
            kill_group(process.pid)
            process.wait()
        time.sleep(POLL_SECONDS / 10)


def kill_group(leader: int) -> None:
    """Kills a process group, if it is still there."""
    with suppress(ProcessLookupError, PermissionError):  # macOS says EPERM of a group of zombies
        os.killpg(leader, signal.SIGKILL)


START_SECONDS = 60.0
REPOSITORY = Path(NEW.version) / "BaseOS" / "x86_64" / "os"


class UnknownMirror(MirrorlistError):
    """A name that no mirror of the demo has."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the user asks of a demo. ``port`` 0 takes a free one; ``once`` checks the answers and ends."""

    directory: Path
    port: int
    stale: frozenset[str]
    dead: frozenset[str]
    once: bool

    @property
    def broken(self) -> frozenset[str]:
        return self.stale | self.dead


@dataclass(frozen=True, slots=True)
class Network:
    """What is running: the mirrors' processes and ports by name, the service's process and URL."""

    layout: Layout
    mirrors: dict[str, subprocess.Popen[str]]
    ports: dict[str, int]
    service: subprocess.Popen[str]
    url: str

    @property
    def mirror_urls(self) -> dict[str, str]:
        return urls_of(self.ports)


def run(wishes: Wishes, console: Console, stop: threading.Event) -> bool:
    """Run the demo until ``stop`` is set, or once. True if nothing was wrong with its answers."""
    refuse_unknown(wishes.broken)
    port = usable_port(wishes.port)
    layout = directory.clear(wishes.directory)
    directory.build_trees(layout, wishes.stale)
    try:
        with Processes(layout.logs, stop) as processes:
            network = start(processes, layout, port)
            end([network.mirrors[name] for name in wishes.dead])
            describe(network, wishes, console)
            return check(network, wishes, console) if wishes.once else watch(network, processes, console)
    except DemoStopped:
        return True


def refuse_unknown(names: frozenset[str]) -> None:
    """Raises UnknownMirror for names that no mirror of the demo has."""
    if unknown := names - set(NAMES):
        raise UnknownMirror(f"no mirror is called {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")


def start(processes: Processes, layout: Layout, port: int) -> Network:
    """Start the mirrors, then write the files that name their ports, then start the service."""
    mirrors = {name: processes.start(name, mirror_command(layout, name)) for name in NAMES}
    ports = {name: int(processes.first_line(name, mirror, START_SECONDS)) for name, mirror in mirrors.items()}
    url = f"http://127.0.0.1:{port}"
    directory.write_network(layout, url, urls_of(ports))
    processes.finish("update-metadata", mirrorlist_command(layout, "update", "metadata"))
    serve = mirrorlist_command(layout, "serve", "--host", "127.0.0.1", "--port", str(port))
    service = processes.start("service", serve)
    wait_for_answers(processes, service, url)
    return Network(layout, mirrors, ports, service, url)


def urls_of(ports: dict[str, int]) -> dict[str, str]:
    return {name: f"http://127.0.0.1:{port}/" for name, port in ports.items()}


def mirror_command(layout: Layout, name: str) -> tuple[str, ...]:
    files = ("--root", str(layout.tree(name)), "--log", str(layout.log(name)))
    return (sys.executable, "-m", "mirrorlist.demo.mirror_server", *files, "--port", "0")


def mirrorlist_command(layout: Layout, *arguments: str) -> tuple[str, ...]:
    """A command on the demo's files. A real service's settings may be in the environment: they are unset."""
    unset = tuple(word for setting in SETTINGS for word in ("-u", setting.name))
    command = (sys.executable, "-m", "mirrorlist", "--config", str(layout.service_file), *arguments)
    return ("env", *unset, *command)


def usable_port(port: int) -> int:
    """The port, or for 0 one that nobody listens on at this moment; raises PortError if another program has it."""
    with claimed_port("127.0.0.1", port) as claimed:
        return int(claimed.getsockname()[1])


def wait_for_answers(processes: Processes, service: subprocess.Popen[str], url: str) -> None:
    """Returns when the service answers; raises ProcessEnded when it ends, or not in time."""
    for _ in range(int(START_SECONDS / POLL_SECONDS)):
        if has_ended(service):
            break
        if questions.answers(url):
            return
        processes.pause()
    raise processes.ended("service", service)


def describe(network: Network, wishes: Wishes, console: Console) -> None:
    pids = {name: process.pid for name, process in network.mirrors.items()}
    console.print(guide.mirror_table(network.ports, pids, wishes.stale, wishes.dead))
    guide.show(
        console,
        *guide.what_runs(network.url, network.service.pid, network.layout),
        *guide.curl_lines(network.url),
        *guide.explain_lines(network.layout),
        *guide.dnf_lines(network.layout),
        *guide.broken_lines(wishes.stale, wishes.dead),
    )


def check(network: Network, wishes: Wishes, console: Console) -> bool:
    """Ask as every client, print the answers, and return whether all are right."""
    origin = network.layout.origin / REPOSITORY
    verdicts = questions.verdicts(network.url, network.mirror_urls, origin, wishes.broken)
    guide.show(console, "", *guide.verdict_lines(verdicts))
    return all(verdict.fault is None for verdict in verdicts)


def watch(network: Network, processes: Processes, console: Console) -> bool:
    """Wait for the end that the user gives; a service that ends unasked is a failure."""
    guide.show(console, "", "Ctrl-C ends all of it.")
    while not has_ended(network.service):
        processes.pause()
    raise processes.ended("service", network.service)
