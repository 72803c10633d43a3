"""A small mirror network with the real service in front, for clients to be pointed at."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import yaml
from click.testing import CliRunner

from mirrorlist.cli.main import main
from mirrorlist.demo.network import DemoRelease, Package, build_tree

ARCH = "x86_64"
PATH = f"9.8/BaseOS/{ARCH}/os"
OLD = DemoRelease("9.8", {"BaseOS/$basearch/os": (Package("hello", "1.0"),)}, (ARCH,), 1_780_000_000)
NEW = DemoRelease(
    "9.8", {"BaseOS/$basearch/os": (Package("hello", "1.0"), Package("hello", "2.0"))}, (ARCH,), 1_790_000_000
)
START_SECONDS = 90.0
ORIGIN = "origin"
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Network:
    """The service at ``url``; ``mirrors`` in the order in which clients on this machine get them."""

    url: str
    root: Path
    mirrors: tuple[str, ...]
    processes: dict[str, subprocess.Popen[str]]
    addresses: dict[str, str]

    @property
    def metalink(self) -> str:
        """A metalink URL with the variables that dnf fills in."""
        return f"{self.url}/metalink?repo=baseos-$releasever&arch=$basearch"

    @property
    def mirrorlist(self) -> str:
        """A mirrorlist URL with the variables that dnf fills in."""
        return f"{self.url}/mirrorlist/$releasever/baseos"

    def requests(self, name: str) -> list[str]:
        """What was asked of a mirror, one ``METHOD path`` a line."""
        log = self.root / "logs" / name
        return [" ".join(line.split()[:2]) for line in log.read_text().splitlines()] if log.exists() else []

    def end(self, name: str) -> None:
        """Ends a mirror's process."""
        _end(self.processes, name)

    @contextmanager
    def down(self, name: str) -> Iterator[None]:
        """Without this mirror; afterwards it answers again, at the same port."""
        self.end(name)
        try:
            yield
        finally:
            address = urlsplit(self.addresses[name])
            host, port = str(address.hostname), address.port or 0
            self.processes[name], _ = _mirror(self.tree(name), self.root / "logs" / name, host, port)

    def forget(self) -> None:
        """Empties the mirrors' logs."""
        for log in (self.root / "logs").iterdir():
            log.write_text("")

    def tree(self, name: str) -> Path:
        """The directory that a mirror serves."""
        return self.root / "trees" / name


@contextmanager
def network(
    root: Path,
    states: Mapping[str, DemoRelease | None],
    *,
    origin: DemoRelease = NEW,
    repos: Sequence[Mapping[str, object]] = (),
    prepare: Callable[[Path], None] = lambda tree: None,
    redirects: Mapping[str, object] | None = None,
) -> Iterator[Network]:
    """Mirrors with these states (None: an empty tree), asked in this order by clients on this machine.

    The order comes from ever wider subnets around 127.0.0.1, which the mirrors name as their own. ``repos`` are
    further repositories of service.yml; ``prepare`` adds to each tree, the origin's among them. With ``redirects``,
    which are more keys of service.yml, the origin is a fallback with a server of its own, and its files are indexed.
    """
    build_tree(root / "origin", [origin])
    prepare(root / "origin")
    for name, state in states.items():
        (root / "trees" / name).mkdir(parents=True)
        if state:
            build_tree(root / "trees" / name, [state])
            prepare(root / "trees" / name)
    (root / "logs").mkdir()
    with ExitStack() as stack:
        processes: dict[str, subprocess.Popen[str]] = {}
        files: dict[str, Mapping[str, object]] = {}
        addresses: dict[str, str] = {}
        for rank, name in enumerate(states):
            host = f"127.0.0.{rank + 2}"
            processes[name], port = _mirror(root / "trees" / name, root / "logs" / name, host)
            stack.callback(_end, processes, name)
            addresses[name] = f"http://{host}:{port}/"
            files[name] = {
                "name": f"{name}.example.org",
                "address": {"http": addresses[name]},
                "update_frequency": "3h",
                "sponsor": "Example",
                "sponsor_url": "https://example.org",
                "subnets": [f"127.0.0.0/{16 - rank}"],
            }
        more: dict[str, object] = dict(redirects or {})
        if redirects is not None:
            processes[ORIGIN], port = _mirror(root / "origin", root / "logs" / ORIGIN, "127.0.0.20")
            stack.callback(_end, processes, ORIGIN)
            addresses[ORIGIN] = f"http://127.0.0.20:{port}/"
            more["fallbacks"] = {"main": [addresses[ORIGIN]]}
        config = _written(root, files, repos, more)
        command(config, "update", "metadata", "--quiet")
        if redirects is not None:
            command(config, "publish")
            command(config, "update", "files", "--once")
            command(config, "publish")
        url = stack.enter_context(serving(config))
        yield Network(url, root, tuple(states), processes, addresses)


def _mirror(tree: Path, log: Path, host: str, port: int = 0) -> tuple[subprocess.Popen[str], int]:
    """A mirror's process and its port, once it answers.

    Each has an address of its own: apt gives up an address with all its ports, aria2 counts connections by it.
    """
    command = [sys.executable, "-m", "tests.clients.mirror_server", "--root", str(tree), "--log", str(log)]
    given = [*command, "--host", host, "--port", str(port)]
    process = subprocess.Popen(given, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdout
    with process.stdout as told:
        return process, int(told.readline())


def _end(processes: Mapping[str, subprocess.Popen[str]], name: str) -> None:
    processes[name].terminate()
    processes[name].wait(timeout=10)


def _written(
    root: Path,
    files: Mapping[str, Mapping[str, object]],
    repos: Sequence[Mapping[str, object]],
    more: Mapping[str, object],
) -> Path:
    (root / "mirrors.d").mkdir()
    for name, content in files.items():
        (root / "mirrors.d" / f"{name}.example.org.yml").write_text(yaml.safe_dump(dict(content)))
    config = root / "service.yml"
    service = {
        "name": "Test",
        "allowed_outdate": "12h",
        "mirrors_dir": "mirrors.d",
        "versions": ["9", "9.8"],
        "duplicated_versions": {"9": "9.8"},
        "vault_versions": [],
        "vault_mirror": "http://vault.example.org/",
        "arches": {"9": [ARCH]},
        "required_protocols": ["http", "https"],
        "repos": [{"name": "baseos", "path": "BaseOS/$basearch/os/"}, *map(dict, repos)],
        "origin": "origin",
        "profile": "intranet",
        **more,
    }
    config.write_text(yaml.safe_dump(service))
    return config


def command(config: Path, *arguments: str) -> None:
    """A command that goes well, in this process: starting one takes longer than most of what they do."""
    done = CliRunner().invoke(main, ["--config", str(config), *arguments])
    assert done.exit_code == 0, (done.output, done.exception)


@contextmanager
def serving(config: Path) -> Iterator[str]:
    """The URL of the real service, with two workers, until the end."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "mirrorlist", "--config", str(config), "serve", "--port", str(port)]
    with (config.parent / "service.log").open("w") as log:
        process = subprocess.Popen(command, stderr=log)
    try:
        url = f"http://127.0.0.1:{port}"
        _wait(f"{url}/mirrorlist/9/baseos", process, config.parent / "service.log")
        yield url
    finally:
        process.terminate()
        process.wait(timeout=20)


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:  # refused, or accepted by the supervisor before a worker answers
            time.sleep(0.1)
    raise AssertionError(f"the service does not answer: {log.read_text()}")


def replace_repomd(tree: Path, text: str) -> None:
    """Puts another repomd.xml into a tree."""
    file = tree / PATH / "repodata" / "repomd.xml"
    file.unlink()
    file.write_text(text)
