"""``mirrorlist doctor`` on services with one fault each."""

from __future__ import annotations

import errno
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner

from mirrorlist.cli.doctor import doctor
from mirrorlist.cli.main import main
from mirrorlist.cli.shared.context import Context
from mirrorlist.core.public.types import PublicNetwork
from mirrorlist.diagnosis.finding import Diagnosis, Patient, examined, good
from mirrorlist.diagnosis.machine import limits, strangers_in
from mirrorlist.settings import Settings
from mirrorlist.store.count_files import CountFiles
from tests.building import service as built_service
from tests.serving import SERVICE, checkout, free_port, put, served

YEAR = 365 * 86_400.0


class Stranger(BaseHTTPRequestHandler):
    """Answers everything with the body of its class."""

    body = b'{"status":"ready","reasons":[]}'

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(self.body)

    def do_HEAD(self) -> None:
        self.do_GET()

    def log_message(self, *_: object) -> None:
        pass


class Other(Stranger):
    body = b"welcome to nginx"


class Degraded(Stranger):
    body = b'{"status":"degraded","reasons":["the generation is old"]}'


@pytest.fixture(scope="module")
def ports() -> Iterator[dict[str, int]]:
    servers = {kind.__name__: HTTPServer(("127.0.0.1", 0), kind) for kind in (Stranger, Other, Degraded)}
    with ExitStack() as opened:
        for server in servers.values():
            opened.enter_context(served(server))
        yield {name: server.server_address[1] for name, server in servers.items()}


@dataclass
class Service:
    """A published service, which a test breaks."""

    root: Path
    port: int

    @property
    def config(self) -> Path:
        return self.root / "service.yml"

    @property
    def state(self) -> Path:
        return self.root / "state"

    def examined(self, *options: str, after: float = 0.0) -> tuple[int, list[tuple[str, str]]]:
        """The status, and what was found wrong: about what, and how bad."""
        context = Context(Settings(self.config, None, None, 0.5, None), lambda: time.time() + after)
        done = CliRunner().invoke(doctor, ["--json", "--port", str(self.port), *options], obj=context)
        found = json.loads(done.stdout)
        assert all(bool(each["remedy"]) is (each["gravity"] != "good") for each in found), found
        self.told = done.stdout
        return done.exit_code, [(each["about"], each["gravity"]) for each in found if each["gravity"] != "good"]


@pytest.fixture
def service(tmp_path: Path, ports: dict[str, int]) -> Service:
    (tmp_path / "origin").mkdir()
    config = checkout(tmp_path, "a.example.org")
    put(config, SERVICE)
    assert CliRunner().invoke(main, ["--config", str(config), "publish"]).exit_code == 0
    return Service(tmp_path, ports["Stranger"])


NO_ORIGIN = ("origin", "warning")


def test_of_a_service_that_is_well_only_what_it_lacks_is_told(service: Service) -> None:
    assert service.examined() == (1, [NO_ORIGIN])
    told = CliRunner().invoke(main, ["--config", str(service.config), "doctor", "--port", str(service.port)])
    assert (told.exit_code, told.stdout.splitlines()[-1]) == (1, "1 of 13 need attention")
    assert "warning  origin: service.yml names none" in told.stdout
    assert all(len(line) <= 160 for line in told.stdout.splitlines())


def spoilt_snapshot(service: Service) -> None:
    file = service.state / "snapshot.bin"
    file.write_bytes(file.read_bytes()[:1000])


def no_mirrors(service: Service) -> None:
    (service.root / "mirrors.d" / "a.example.org.yml").unlink()


def spoilt_database(service: Service) -> None:
    for path in service.state.glob("mirrorlist.sqlite*"):
        path.unlink()
    (service.state / "mirrorlist.sqlite").write_bytes(b"garbage" * 1000)


def no_database(service: Service) -> None:
    for path in service.state.glob("mirrorlist.sqlite*"):
        path.unlink()


def open_to_everybody(service: Service) -> None:
    (service.root / "mirrors.d").chmod(0o777)


def untrusted_proxy(service: Service) -> None:
    CountFiles(service.state).add({"ignored": {"10.0.0.5": 7}}, time.time())


def quota_of_nothing(service: Service) -> None:
    with (service.root / "mirrors.d" / "a.example.org.yml").open("a") as file:
        file.write("tib_per_month: 5\n")
    assert CliRunner().invoke(main, ["--config", str(service.config), "publish"]).exit_code == 0


@pytest.mark.parametrize(
    ("spoil", "about", "gravity", "told"),
    [
        (spoilt_snapshot, "snapshot", "error", "delete snapshot.bin"),
        (no_mirrors, "mirror files", "error", "mirrorlist new"),
        (spoilt_database, "database", "error", "restore it from a backup"),
        (no_database, "database", "warning", "start the service"),
        (open_to_everybody, "permissions", "error", "chmod o-w"),
        (quota_of_nothing, "quotas", "warning", "policy: {tib_per_month: 2500}"),
        (untrusted_proxy, "proxies", "warning", "trusted_proxies: ['10.0.0.5']"),
    ],
)
def test_each_fault_is_found_with_its_remedy(
    service: Service, spoil: Callable[[Service], None], about: str, gravity: str, told: str
) -> None:
    spoil(service)
    status, found = service.examined()
    assert (about, gravity) in found
    assert told in service.told
    assert status == (2 if gravity == "error" else 1)


def test_files_that_a_command_left_as_the_wrong_user_are_found(service: Service) -> None:
    me = os.geteuid()
    assert strangers_in(service.state, me) == []
    assert service.state / "snapshot.bin" in strangers_in(service.state, me + 1)
    if me != 0:
        pytest.skip("only root can give files away")
    os.chown(service.state / "publish.lock", 65534, 65534)
    status, found = service.examined()
    assert (status, ("permissions", "error") in found) == (2, True)
    assert "1 of the files in" in service.told and "such as publish.lock" in service.told


def test_what_may_not_be_looked_at_is_found_and_keeps_nothing_else(service: Service) -> None:
    def closed(patient: Patient) -> Iterator[Diagnosis]:
        yield good("closed", "first")
        raise PermissionError(errno.EACCES, "Permission denied", "/x")

    context = Settings(service.config, None, None, 0.5, None)
    patient = Patient(context, built_service(), None, PublicNetwork(), 0.0, "127.0.0.1", 1, False)
    found = list(examined(patient, [closed, limits]))
    assert [(each.about, each.found) for each in found[:2]] == [
        ("closed", "first"),
        ("closed", "/x: Permission denied"),
    ]
    assert found[2].about == "limits"


@pytest.mark.slow
def test_a_database_that_this_user_may_not_write_is_not_damaged(service: Service) -> None:
    if os.geteuid() == 0:
        os.chown(service.state, 65534, 65534)
    command = [sys.executable, "-m", "mirrorlist", "--config", str(service.config), "doctor", "--json", "--offline"]
    drop = (
        ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.geteuid() == 0 and shutil.which("setpriv") else []
    )
    for path in (service.state, *service.state.glob("mirrorlist.sqlite*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        told = subprocess.run([*drop, *command], capture_output=True, text=True, check=False).stdout
    finally:
        service.state.chmod(0o755)
    assert "mirrorlist.sqlite" in told and "damaged" not in told


def test_a_clock_that_is_a_year_off_is_found(service: Service) -> None:
    status, found = service.examined(after=-YEAR)
    assert (status, ("clock", "error") in found) == (2, True)
    assert "it is 365 days behind that of the newest snapshot" in service.told
    status, found = service.examined(after=YEAR)
    assert (status, ("readiness", "warning") in found, ("data", "warning") in found) == (1, True, True)


def test_the_clock_is_held_against_the_origins(service: Service) -> None:
    put(service.config, SERVICE + f"origin: http://127.0.0.1:{service.port}/\n")
    service.examined()
    assert "seconds from the origin's" in service.told
    status, found = service.examined(after=600.0)
    assert (status, ("clock", "error") in found) == (2, True)
    service.examined("--offline", after=600.0)
    assert "the origin's was not asked" in service.told


def test_the_port_is_asked_who_is_there(service: Service, ports: dict[str, int]) -> None:
    for port, gravity in [(free_port(), "error"), (ports["Other"], "error"), (ports["Degraded"], "warning")]:
        service.port = port
        assert ("port", gravity) in service.examined()[1]


class OnPath(HTTPServer):
    """The same on a Unix socket."""

    address_family = socket.AF_UNIX

    def server_bind(self) -> None:
        self.socket.bind(self.server_address)

    def get_request(self) -> tuple[socket.socket, tuple[str, int]]:
        return self.socket.accept()[0], ("unix", 0)


def test_a_service_at_a_unix_socket_is_asked_there(service: Service) -> None:
    path = service.root / "mirrorlist.sock"
    options = ("--unix-socket", str(path))
    assert ("port", "error") in service.examined(*options)[1]
    assert f"nobody listens at unix:{path}" in service.told
    with served(OnPath(str(path), Stranger)):  # type: ignore[arg-type]  # a path in place of host and port
        assert service.examined(*options) == (1, [NO_ORIGIN])
    assert ("port", "error") in service.examined(*options)[1], "the socket of a dead process"


@pytest.mark.slow
def test_a_node_is_examined_without_service_file_mirror_files_and_database(service: Service, tmp_path: Path) -> None:
    def run(*words: str) -> str:
        done = CliRunner().invoke(main, [*words])
        assert done.exit_code == 0, done.output
        return done.stdout.strip()

    key = run("channel-key", str(service.root / "channel.key"))
    put(service.config, SERVICE + "channel: {directory: channel, key_file: channel.key}\n")
    service.examined()
    assert f"{service.root / 'channel' / 'latest.json'} cannot be read" in service.told
    run("--config", str(service.config), "publish")
    service.examined()
    assert f"generation 2 in {service.root / 'channel'}" in service.told
    state = tmp_path / "node" / "state"
    run("--state", str(state), "follow", str(service.root / "channel"), "--key", key, "--once")
    node = Service(tmp_path / "node", service.port)
    assert node.examined() == (0, [])
    assert "a node of" in node.told
    for file in (*state.glob("snapshot*.bin"), *service.state.glob("snapshot.bin")):
        file.write_bytes(file.read_bytes()[:1000])
    service.examined()
    assert "latest.json has generation 2, and the current one is 1" in service.told
    service.config.with_name("channel.key").chmod(0o644)
    assert ("channel", "error") in service.examined()[1]
    assert "run chmod 600" in service.told
    assert node.examined() == (2, [("snapshot", "error")])


def test_a_key_that_others_can_read_is_found(service: Service) -> None:
    key = service.root / "node.key"
    context = Context(replace(Settings(service.config, None, None, 0.5, None), node_key=key))
    for mode, told in [(None, "cannot be read by this user"), (0o644, "everybody may read the secret"), (0o600, "")]:
        if mode is not None:
            key.touch()
            key.chmod(mode)
        done = CliRunner().invoke(doctor, ["--port", str(service.port)], obj=context)
        assert told in done.stdout and (str(key) in done.stdout) is bool(told)


def test_a_broken_service_file_is_all_that_is_looked_at(service: Service) -> None:
    put(service.config, SERVICE + "polcy: {}\n")
    status, found = service.examined()
    assert (status, found) == (2, [("configuration", "error")])
    service.config.unlink()
    assert service.examined() == (2, [("configuration", "error")])


def test_looking_changes_nothing(service: Service) -> None:
    before = {path: path.stat().st_mtime_ns for path in service.root.rglob("*") if path.suffix in (".bin", ".yml")}
    service.examined()
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert not list(service.state.glob(".doctor*"))


@pytest.mark.slow
def test_nobody_listening_and_a_name_that_is_none_are_no_traceback(service: Service) -> None:
    done = CliRunner().invoke(main, ["--config", str(service.config), "doctor", "--host", "no.such.host.invalid"])
    assert (done.exit_code, "Traceback" in done.output) == (2, False)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        service.port = silent.getsockname()[1]
        assert ("port", "error") in service.examined()[1]
