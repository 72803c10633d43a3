"""The whole demo: real processes, the real service in front, everything ended at the end."""

from __future__ import annotations

import configparser
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from mirrorlist.cli.demo import DEMO_DISTRIBUTIONS
from mirrorlist.demo.network import CLIENTS, NAMES
from tests.clients.tools import need
from tests.demo.servers import read_log

STALE, DEAD = "tokyo.example.org", "amsterdam.example.org"
READY = "Ctrl-C ends all of it."
READY_SECONDS = 90
END_SECONDS = 15


def command(directory: Path, *options: str) -> list[str]:
    return [sys.executable, "-m", "mirrorlist", "demo", "--directory", str(directory), *options]


def run(directory: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(directory, *options), capture_output=True, text=True, check=False, timeout=READY_SECONDS
    )


@dataclass(frozen=True, slots=True)
class RunningDemo:
    process: subprocess.Popen[str]
    text: str

    @property
    def service(self) -> int:
        (pid,) = re.findall(r"\(process (\d+)\)", self.text)
        return int(pid)

    @property
    def mirrors(self) -> dict[str, int]:
        rows = re.findall(r"^(\S+\.example\.org) .* (\d+) (?:fresh|stale|dead) *$", self.text, re.MULTILINE)
        return {name: int(pid) for name, pid in rows}

    def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        return self.process.wait(END_SECONDS)


@contextmanager
def running_demo(directory: Path, *options: str) -> Iterator[RunningDemo]:
    output = directory.with_suffix(".txt")
    with output.open("w") as stream:
        process = subprocess.Popen(command(directory, *options), stdout=stream, stderr=subprocess.STDOUT)
    try:
        deadline = time.monotonic() + READY_SECONDS
        while READY not in output.read_text("utf-8"):
            assert process.poll() is None and time.monotonic() < deadline, output.read_text("utf-8")
            time.sleep(0.1)
        yield RunningDemo(process, output.read_text("utf-8"))
    finally:
        process.terminate()
        process.wait(END_SECONDS)


def mentioning(directory: Path) -> list[str]:
    """The processes that have the directory in their command line."""
    listed = subprocess.run(["ps", "-eo", "pid=,args="], capture_output=True, text=True, check=True).stdout
    return [line for line in listed.splitlines() if str(directory) in line]


@pytest.mark.slow
def test_once_gives_right_answers_to_every_client_and_leaves_nothing_running(tmp_path: Path) -> None:
    done = run(tmp_path / "demo", "--once")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("\nright  ") == len(CLIENTS) + 1
    assert mentioning(tmp_path) == []


@pytest.mark.slow
def test_broken_mirrors_do_not_make_answers_wrong(tmp_path: Path) -> None:
    done = run(tmp_path / "demo", "--once", "--stale", STALE, "--dead", DEAD)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(rf"^{STALE} .* stale *$", done.stdout, re.MULTILINE)
    assert re.search(rf"^{DEAD} .* dead *$", done.stdout, re.MULTILINE)


def test_an_unknown_name_is_refused_with_the_names_there_are(tmp_path: Path) -> None:
    done = run(tmp_path / "demo", "--stale", "atlantis.example.org")
    assert done.returncode == 1
    assert "atlantis.example.org" in done.stderr
    assert all(name in done.stderr for name in NAMES)
    assert not (tmp_path / "demo").exists()


def test_a_port_in_use_is_refused_before_anything_is_built(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run(tmp_path / "demo", "--port", str(port))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert f"port {port} is in use" in done.stderr
    assert not (tmp_path / "demo").exists()


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_everything(tmp_path: Path, number: signal.Signals) -> None:
    with running_demo(tmp_path / "demo") as demo:
        assert set(demo.mirrors) == set(NAMES)
        assert demo.end(number) == 0
        assert mentioning(tmp_path) == []


@pytest.mark.slow
def test_a_service_that_dies_is_told_and_ends_the_demo(tmp_path: Path) -> None:
    with running_demo(tmp_path / "demo") as demo:
        subprocess.run(["kill", "-9", str(demo.service)], check=True)
        assert demo.process.wait(END_SECONDS) == 1
        assert mentioning(tmp_path) == []
    assert "service ended with code -9" in (tmp_path / "demo.txt").read_text("utf-8")


@pytest.mark.slow
@pytest.mark.client
def test_the_printed_dnf_line_works_as_it_stands_round_broken_mirrors(tmp_path: Path) -> None:
    need("bash", "dnf")
    broken = ("--stale", STALE, "--dead", DEAD)
    with running_demo(tmp_path / "demo", *broken) as demo:
        (line,) = re.findall(r"^D=.*?repoquery$", demo.text, re.MULTILINE | re.DOTALL)
        done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False, timeout=120)
        asked = [request.path for name in NAMES for request in read_log(tmp_path / "demo" / "logs" / f"{name}.log")]
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [
        "hello-0:1.0-1.noarch",
        "hello-0:2.0-1.noarch",
        "hello-tools-0:1.0-1.x86_64",
        "hello-tools-0:2.0-1.x86_64",
        "hello-web-0:1.0-1.noarch",
        "hello-web-0:2.0-1.noarch",
    ]
    assert "/9.8/BaseOS/x86_64/os/repodata/repomd.xml" in asked


@pytest.mark.parametrize("package", ["rpm_rs", "rpmrepo_metadata", "mmdb_writer"])
def test_without_the_extra_the_remedy_is_told(tmp_path: Path, package: str) -> None:
    program = (
        f"import sys; sys.modules[{package!r}] = None\n"
        "from mirrorlist.cli.main import main\n"
        f"main(['demo', '--directory', {str(tmp_path / 'demo')!r}])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (
        1,
        f"error: the demo needs the package {package}; run: pip install mmdb-writer netaddr rpm-rs rpmrepo-metadata\n",
    )


def test_the_remedy_names_what_the_extra_holds() -> None:
    config = configparser.ConfigParser()
    config.read(Path(__file__).parents[2] / "setup.cfg")
    named = [line.partition(">")[0] for line in config["options.extras_require"]["demo"].split()]
    assert sorted(named) == sorted(DEMO_DISTRIBUTIONS)
