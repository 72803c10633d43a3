"""What an operator does with a running service: backups and restores, upgrades of web nodes, and disks that are full."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

from mirrorlist.cli.main import main
from mirrorlist.store.jobs import JobRecords
from mirrorlist.store.snapshot_files import read_newest
from tests.clients.tools import need
from tests.serving import ask, checkout, free_port, mirror_file, put, serving, until

ROOT = Path(__file__).parents[1]
PATIENCE = 60.0


def lines_of(heading: str) -> list[str]:
    """The lines to type under a heading of docs/operate.md."""
    section = (ROOT / "docs" / "operate.md").read_text().split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return [line for block in re.findall(r"```\n(.*?)```", section, re.DOTALL) for line in block.splitlines()]


def listed(port: int) -> set[str]:
    return {name for name in "abcd" if f"//{name}.example.org/" in ask(port)[1]}


@pytest.mark.slow
@pytest.mark.client
def test_a_backup_is_taken_from_a_running_service_and_restored_in_five_lines(tmp_path: Path) -> None:
    need("sqlite3", "rsync")
    config, state = checkout(tmp_path, "a.example.org", "b.example.org"), tmp_path / "state"
    lines = lines_of("Backup and restore")
    assert len(lines) == 5
    (tmp_path / "backup").mkdir()

    def typed(line: str) -> None:
        words = line.replace("/var/lib/mirrorlist", str(state)).replace("/srv/backup", str(tmp_path / "backup"))
        shell = "systemctl() { :; }; chown() { :; }\n" + words
        done = subprocess.run(["bash", "-euc", shell], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, ""), line

    with serving(config) as service:
        words = ["--config", str(config), "override", "a.example.org", "--out", "--for", "6h", "--reason", "new disks"]
        assert CliRunner().invoke(main, words).exit_code == 0
        until(PATIENCE, lambda: listed(service.port) == {"b"})
        for line in lines[:2]:
            typed(line)
    before = read_newest(state).facts
    shutil.rmtree(state)
    state.mkdir()
    (state / "what.is-newer").touch()
    for line in lines[2:]:
        typed(line)
    assert not (state / "what.is-newer").exists()
    with serving(config) as service:
        until(PATIENCE, lambda: read_newest(state).facts.generation > before.generation - 1)
        assert listed(service.port) == {"b"}
        told = CliRunner().invoke(main, ["--config", str(config), "health", "a.example.org"]).output
        assert "new disks" in told
        put(tmp_path / "mirrors.d" / "c.example.org.yml", mirror_file("c.example.org"))
        until(PATIENCE, lambda: listed(service.port) == {"b", "c"})
    assert read_newest(state).facts.key == before.key, "clients keep their mirrors"


PROXY = """\
daemon off; pid {directory}/pid; error_log {directory}/errors warn;
events {{}}
http {{
    access_log off; client_body_temp_path {directory}/body; proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/f; uwsgi_temp_path {directory}/u; scgi_temp_path {directory}/s;
    upstream mirrorlist {{ server 127.0.0.1:{one} max_fails=1 fail_timeout=1s; server 127.0.0.1:{two} max_fails=1 fail_timeout=1s; }}
    server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://mirrorlist; }} }}
}}
"""


@contextmanager
def proxy(directory: Path, one: int, two: int) -> Iterator[int]:
    """nginx before two web nodes, which asks the other where one is away."""
    port = free_port()
    directory.mkdir()
    put(directory / "nginx.conf", PROXY.format(directory=directory, one=one, two=two, port=port))
    command = ["nginx", "-e", str(directory / "errors"), "-c", str(directory / "nginx.conf")]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield port
    finally:
        process.terminate()
        process.wait(20)


@contextmanager
def node(config: Path, state: Path, port: int) -> Iterator[None]:
    """A web node on a snapshot, as ``follow`` leaves it."""
    command = [sys.executable, "-m", "mirrorlist", "--config", str(config), "--state", str(state), "serve"]
    with (state.parent / f"log-{state.name}").open("ab") as log:
        process = subprocess.Popen([*command, "--port", str(port), "--workers", "1"], stdout=log, stderr=log)
    try:
        until(PATIENCE, lambda: process.poll() is not None or is_up(port))
        assert process.poll() is None, (state.parent / f"log-{state.name}").read_text()
        yield
    finally:
        process.terminate()
        process.wait(30)


def is_up(port: int) -> bool:
    try:
        return ask(port)[0] == 200
    except OSError:
        return False


class Asking:
    """Asks without a pause in threads of its own, and keeps what did not answer."""

    def __init__(self, port: int) -> None:
        self._port, self._over = port, threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(4)]
        self.answered = 0
        self.failed: list[object] = []

    def _ask(self) -> None:
        while not self._over.is_set():
            try:
                status, _ = ask(self._port)
            except OSError as error:
                self.failed.append(error)
            else:
                self.answered += status == 200
                if status != 200:
                    self.failed.append(status)
            time.sleep(0.005)

    def __enter__(self) -> Asking:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()


@pytest.mark.slow
@pytest.mark.client
def test_web_nodes_are_upgraded_in_turn_without_a_request_that_fails(tmp_path: Path) -> None:
    need("nginx")
    config, ports = checkout(tmp_path, "a.example.org"), (free_port(), free_port())
    states = (tmp_path / "one", tmp_path / "two")
    with node(config, states[0], ports[0]):
        pass  # the first start compiles
    shutil.copytree(states[0], states[1])
    with proxy(tmp_path / "nginx", *ports) as port:
        nodes = [node(config, state, each) for state, each in zip(states, ports, strict=True)]
        for each in nodes:
            each.__enter__()
        try:
            until(PATIENCE, lambda: is_up(port))
            with Asking(port) as asking:
                until(PATIENCE, lambda: asking.answered > 200)
                for number in (0, 1):
                    nodes[number].__exit__(None, None, None)
                    before = asking.answered
                    until(PATIENCE, lambda before=before: asking.answered > before + 100)  # type: ignore[misc]
                    nodes[number] = node(config, states[number], ports[number])
                    nodes[number].__enter__()
                before = asking.answered
                until(PATIENCE, lambda: asking.answered > before + 200)
        finally:
            for each in nodes:
                each.__exit__(None, None, None)
    assert asking.failed == []
    assert asking.answered > 600


@contextmanager
def small_disk(directory: Path) -> Iterator[Path]:
    """A file system of its own, of 64 MB."""
    directory.mkdir()
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small file system")
    mount = ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(directory)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("this machine lets nobody mount a file system")
    try:
        yield directory
    finally:
        subprocess.run(["umount", "--lazy", str(directory)], check=True)


def remounted(directory: Path, how: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{how}", str(directory)], check=True)


def fill(file: Path) -> None:
    with file.open("wb", buffering=0) as written:
        try:
            while True:
                written.write(bytes(4096))
        except OSError:
            return


@pytest.mark.slow
def test_a_full_disk_stops_no_answer_and_nothing_has_to_be_restarted(tmp_path: Path) -> None:
    config = checkout(tmp_path / "site", "a.example.org")
    with small_disk(tmp_path / "disk") as disk, serving(config, state=disk / "state") as service:
        publishers = service.publishers()
        fill(disk / "ballast")
        put(config.parent / "mirrors.d" / "b.example.org.yml", mirror_file("b.example.org"))
        until(PATIENCE, lambda: "No space left on device" in service.log())
        assert listed(service.port) == {"a"}
        words = ["--config", str(config), "--state", str(disk / "other"), "publish"]
        done = subprocess.run([sys.executable, "-m", "mirrorlist", *words], capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert done.stderr.splitlines()[-1].startswith("error: ")
        assert "Traceback" not in done.stderr
        until(PATIENCE, lambda: "counts cannot be written; answers go on" in service.log())
        (disk / "ballast").unlink()
        until(PATIENCE, lambda: listed(service.port) == {"a", "b"})
        assert service.publishers() == publishers
        assert "Traceback" not in service.log()


@pytest.mark.slow
def test_a_service_starts_on_a_read_only_disk_and_goes_on_when_it_is_writable(tmp_path: Path) -> None:
    config = checkout(tmp_path / "site", "a.example.org")
    with small_disk(tmp_path / "disk") as disk:
        with serving(config, state=disk / "state") as service:
            assert listed(service.port) == {"a"}
        remounted(disk, "ro")
        put(config.parent / "mirrors.d" / "b.example.org.yml", mirror_file("b.example.org"))
        with serving(config, state=disk / "state") as service:
            assert listed(service.port) == {"a"}
            until(PATIENCE, lambda: "Read-only file system" in service.log())
            remounted(disk, "rw")
            until(PATIENCE, lambda: listed(service.port) == {"a", "b"})
            assert "Traceback" not in service.log()


def test_pulls_are_among_the_jobs(tmp_path: Path) -> None:
    source, state = tmp_path / "source", tmp_path / "state"
    checkout(source, "a.example.org")
    git = ["git", "-C", str(source), "-c", "user.name=x", "-c", "user.email=x@example.org"]
    for words in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-qm", "first"]):
        subprocess.run([*git, *words], check=True, capture_output=True)
    pull = [
        "--state",
        str(state),
        "pull",
        str(source),
        "--into",
        str(tmp_path / "site"),
        "--protocol",
        "file",
        "--once",
    ]
    assert CliRunner().invoke(main, pull).exit_code == 0
    record = JobRecords(state).read("pull")
    assert record is not None
    assert (record.error, record.is_running) == (None, False)
    put(source / "service.yml", "versions: {")
    subprocess.run([*git, "commit", "-qam", "broken"], check=True, capture_output=True)
    assert CliRunner().invoke(main, pull).exit_code == 1
    record = JobRecords(state).read("pull")
    assert record is not None
    assert "the service file is broken" in (record.error or "")
    jobs = CliRunner().invoke(main, ["--state", str(state), "jobs"], env={"COLUMNS": "80"})
    assert (jobs.exit_code, "pull" in jobs.stdout) == (1, True)
