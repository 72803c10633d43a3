"""Start the demo network and the service in front of it, show how to use them, and end them."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from mirrorlist.core.errors import MirrorlistError
from mirrorlist.demo import directory, guide
from mirrorlist.demo import guide as questions
from mirrorlist.demo.directory import Layout
from mirrorlist.demo.network import NAMES, NEW
from mirrorlist.demo.processes import POLL_SECONDS, DemoStopped, Processes, end, has_ended
from mirrorlist.settings import SETTINGS

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
    layout = directory.clear(wishes.directory)
    directory.build_trees(layout, wishes.stale)
    try:
        with Processes(layout.logs, stop) as processes:
            network = start(processes, layout, wishes.port)
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
    service_port = port or free_port()
    url = f"http://127.0.0.1:{service_port}"
    directory.write_network(layout, url, urls_of(ports))
    processes.finish("update-metadata", mirrorlist_command(layout, "update", "metadata"))
    serve = mirrorlist_command(layout, "serve", "--host", "127.0.0.1", "--port", str(service_port))
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


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on at this moment."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


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
    """Wait for the end that the user gives; a service that ends by itself is a failure."""
    guide.show(console, "", "Ctrl-C ends all of it.")
    while not has_ended(network.service):
        processes.pause()
    raise processes.ended("service", network.service)
