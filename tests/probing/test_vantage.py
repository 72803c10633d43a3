"""Vantage points from end to end: what they see of real servers, the database, the upload, and what clients then get."""

from __future__ import annotations

import base64
import http.client
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from mirrorlist.checks.fetching.fetch import Guard
from mirrorlist.checks.probing.quick import QuickLooker, TreeFile
from mirrorlist.cli.main import main
from mirrorlist.core.catalogue.metadata import REPOMD
from mirrorlist.core.channel import new_key, private_key, public_text
from mirrorlist.core.errors import MirrorlistError, UploadRefused
from mirrorlist.core.health.vantages import LEAST_SECONDS, Look, Report
from mirrorlist.core.health.verdicts import Family, ProbeOutcome
from mirrorlist.core.model import MAIN, Protocol
from mirrorlist.core.network.prefixes import prefix
from mirrorlist.probing.vantage import DatabaseDesk, UploadDesk, looks_at, take_round
from mirrorlist.store.database import open_database
from mirrorlist.store.leader_election import LeaderCandidate, leading, vantage_lead, vantage_lock
from mirrorlist.store.marks import Scheme, authorization
from mirrorlist.store.quick_looks import VoteStore
from mirrorlist.store.snapshot_files import published_facts, read_newest
from tests.building import NOW
from tests.checks.fetching.test_bounded_socket import serving_tls
from tests.checks.servers import answer, says, serving, stays_silent
from tests.checks.trees import CURRENT, Tree
from tests.cli.commands import Commanded
from tests.serving import SERVICE as LIVE
from tests.serving import Service, checkout, put, until
from tests.serving import serving as service_of

SERVICE = """\
versions: ["9"]
arches: {"9": [x86_64]}
repos:
  - {name: baseos, path: BaseOS/$basearch/os/}
profile: intranet
intranet_networks: [127.0.0.0/8]
vantages:
  tehran: {country: IR}
  shiraz: {country: IR}
  berlin: {country: DE}
"""
LOOPBACK = Guard(allowed=(prefix("127.0.0.0/8"),))
HTTP, HTTPS, V4, V6 = Protocol.HTTP, Protocol.HTTPS, Family.IPV4, Family.IPV6
PATIENCE = 60


def seen(*urls: str, guard: Guard = LOOPBACK) -> list[tuple[Protocol, Family, ProbeOutcome]]:
    files = [TreeFile("m", MAIN, Protocol(url.partition(":")[0]), url) for url in urls]
    looker = QuickLooker(guard, 1.0)
    try:
        return [(each.protocol, each.family, each.outcome) for each in looks_at("m", files, looker)]
    finally:
        looker.close()


def test_what_answers_is_reached_whatever_it_answers_and_what_does_not_is_not() -> None:
    for status, outcome in {
        "200 OK": ProbeOutcome.GOOD, "204 No Content": ProbeOutcome.GOOD, "404 Not Found": ProbeOutcome.MISSING,
        "500 Internal Server Error": ProbeOutcome.REFUSED, "429 Too Many Requests": ProbeOutcome.LIMITED,
    }.items():  # fmt: skip
        with serving(says(answer(status)), "127.0.0.1") as server:
            assert seen(f"http://127.0.0.1:{server.port}/x") == [(HTTP, V4, outcome)], status
    with serving(stays_silent, "127.0.0.1") as server:
        assert seen(f"http://127.0.0.1:{server.port}/x") == [(HTTP, V4, ProbeOutcome.TIMEOUT)]
    assert seen(f"http://127.0.0.1:{server.port}/x") == [(HTTP, V4, ProbeOutcome.CLOSED)]
    with serving_tls("mirror.test", on="127.0.0.1") as tls:
        assert seen(f"https://127.0.0.1:{tls.port}/x") == [(HTTPS, V4, ProbeOutcome.CERTIFICATE)]


def test_each_protocol_is_asked_for_itself() -> None:
    with serving(says(answer()), "127.0.0.1") as server:
        found = seen(f"http://127.0.0.1:{server.port}/x", f"https://127.0.0.1:{server.port}/x")
    assert {protocol: outcome is ProbeOutcome.GOOD for protocol, _, outcome in found} == {HTTP: True, HTTPS: False}


@pytest.mark.parametrize("addresses", [(), ("10.10.34.35",), ("127.0.0.1",)])
def test_a_name_that_leads_nowhere_or_into_a_private_network_is_not_reached(addresses: tuple[str, ...]) -> None:
    guard = Guard(resolver=lambda name: list(addresses))
    assert seen("http://m.example.org/x", guard=guard) == [(HTTP, V4, ProbeOutcome.UNREACHABLE)]


@dataclass
class Site(Commanded):
    """A published service with two mirrors on loopback; commands are run in its directory."""

    dead: ExitStack

    def round(self, name: str, at: float, guard: Guard = LOOPBACK) -> None:
        state = self.directory / "state"
        engine = open_database(state)
        with leading(
            engine, LeaderCandidate(vantage_lock(engine, state, name)), vantage_lead(name), lambda: at
        ) as lead:
            assert lead
            desk = DatabaseDesk(name, lambda: published_facts(state), engine, lead)
            take_round(desk, guard, 0.5, 900, threading.Event(), lambda: at)
        engine.dispose()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    (tmp_path / "mirrors.d").mkdir()
    (tmp_path / "service.yml").write_text(SERVICE)
    tree = Tree({"9/BaseOS/x86_64/os/" + REPOMD: CURRENT})
    with ExitStack() as running, ExitStack() as dead:
        for name in ("a.example.org", "b.example.org", "own.example.org"):
            port = (dead if name[0] == "a" else running).enter_context(serving(tree, "127.0.0.1")).port
            text = {"name": name, "address": {"http": f"http://127.0.0.1:{port}/"}, "update_frequency": "3h",
                    "sponsor": "Example", "sponsor_url": "https://example.org/", "email": "a@example.org"}  # fmt: skip
            if name[0] == "o":
                text |= {"private": True, "subnets": ["198.51.100.0/24"]}
            (tmp_path / "mirrors.d" / f"{name}.yml").write_text(yaml.safe_dump(text))
        found = Site(tmp_path, dead)
        found.told("publish")
        yield found


@pytest.mark.slow
def test_the_command_votes_into_the_database_and_leaves_the_prober_its_lead(site: Site) -> None:
    state = site.directory / "state"
    engine = open_database(state)
    told = site.told("probe", "--vantage", "tehran", "--once")
    assert told.startswith("2 mirrors, 0 of them not reached over some way, "), "the private one is not told"
    assert {vote.mirror for vote in VoteStore(engine).ballots()["tehran"].votes} == {"a.example.org", "b.example.org"}
    site.told("probe", "--once", "--quiet")
    again = site.run("probe", "--vantage", "tehran", "--once")
    assert (again.exit_code, "looks have to be 60 s apart" in again.output) == (1, True)
    site.dead.close()
    told = site.told("probe", "--vantage", "berlin", "--once", "--timeout", "0.5")
    assert "down  a.example.org  http ipv4: connection refused: 127.0.0.1" in told
    with leading(engine, LeaderCandidate(vantage_lock(engine, state, "shiraz")), vantage_lead("shiraz"), lambda: NOW):
        other = site.run("probe", "--vantage", "shiraz", "--once")
    assert other.output == "error: another process votes as shiraz in this database; use a name of its own\n"
    unknown = site.run("probe", "--vantage", "oslo", "--once")
    assert unknown.output == "error: no vantage point is called oslo; add it under vantages in service.yml\n"


@pytest.mark.parametrize(
    "words",
    [
        ("--vantage", "../x"), ("--vantage", "berlin", "--mirror", "a.example.org"), ("--upload", "https://x.example"),
        ("--vantage", "berlin", "--upload", "https://x.example"), ("--vantage", "berlin", "--key", "k"),
    ],
)  # fmt: skip
def test_options_that_do_not_fit_are_refused_in_a_line(site: Site, words: tuple[str, ...]) -> None:
    assert site.run("probe", *words).exit_code == 2


@pytest.mark.slow
def test_an_outage_from_one_country_is_shown_and_takes_the_mirror_out_there_alone(site: Site) -> None:
    begun = time.time() - 2000
    for name in ("tehran", "shiraz", "berlin"):
        site.round(name, begun)
    site.dead.close()
    for number in range(2):
        site.round("tehran", begun + 900 * (number + 1))
        site.round("shiraz", begun + 900 * (number + 1))
    site.told("publish")
    pairs = {mirror.name: mirror.pairs for mirror in read_newest(site.directory / "state").mirrors}
    assert [(pair.clients, pair.km) for pair in pairs["a.example.org"]] == [("IR", None)]
    assert pairs["b.example.org"] == ()
    told = site.told("health", "a.example.org")
    assert "out for clients in IR: vantage points there cannot reach it since " in told
    assert "vantage point tehran (IR) cannot reach it over http ipv4 since " in told
    assert "(2 looks): connection refused: 127.0.0.1" in told
    assert "vantage points that reach it: berlin" in told
    assert '"out_for": {' in site.told("health", "a.example.org", "--json")
    assert "vantage points that reach it: tehran, shiraz, berlin" in site.told("health", "b.example.org")


# The upload to a real service.

KEYS = {name: private_key(new_key()) for name in ("tehran", "shiraz", "berlin", "paris")}
COUNTRIES = {"tehran": "IR", "shiraz": "IR", "berlin": "DE", "paris": "FR"}
IRANIAN, GERMAN = "5.160.0.1", "5.1.128.1"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    config = checkout(tmp_path_factory.mktemp("uploads"), "a.example.org", "b.example.org")
    vantages = {name: {"country": COUNTRIES[name], "key": public_text(key)} for name, key in KEYS.items()}
    put(config, LIVE + "trusted_proxies: [127.0.0.1]\n" + yaml.safe_dump({"vantages": vantages}))
    with service_of(config) as service:
        yield service


def list_for(service: Service, address: str) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=5)
    connection.request("GET", "/mirrorlist/9/baseos", headers={"X-Forwarded-For": address})
    found = connection.getresponse().read().decode()
    connection.close()
    return found


def desk(service: Service, name: str) -> UploadDesk:
    return UploadDesk(name, f"http://127.0.0.1:{service.port}/", KEYS[name])


def looks(*unreached: str) -> tuple[Look, ...]:
    return tuple(
        Look(name, HTTPS, V4, ProbeOutcome.TIMEOUT if name in unreached else ProbeOutcome.GOOD, "192.0.2.1 port 443")
        for name in ("a.example.org", "b.example.org")
    )


@pytest.mark.slow
def test_uploads_by_two_volunteers_keep_clients_of_their_country_from_a_mirror(running: Service) -> None:
    plan = desk(running, "tehran").plan()
    assert {name: [file.url for file in files] for name, files in plan.items()} == {
        f"{name}.example.org": [f"https://{name}.example.org/linux/9.8/BaseOS/x86_64/os/repodata/repomd.xml"]
        for name in "ab"
    }
    begun = int(time.time()) - 3 * LEAST_SECONDS
    for number in range(2):
        for name in KEYS:
            bad = ("a.example.org",) if COUNTRIES[name] == "IR" else ()
            desk(running, name).hand_in(Report(900.0, looks(*bad)), begun + number * LEAST_SECONDS)
        until(PATIENCE, lambda: running.log().count("reports on 2 mirrors") == 4 * (number + 1))  # noqa: B023
    until(PATIENCE, lambda: "a.example.org" not in list_for(running, IRANIAN))
    assert "b.example.org" in list_for(running, IRANIAN)
    assert "a.example.org" in list_for(running, GERMAN)
    with pytest.raises(UploadRefused, match="409: this was here before"):
        desk(running, "tehran").hand_in(Report(900.0, looks()), begun)
    stranger = UploadDesk("tehran", f"http://127.0.0.1:{running.port}/", private_key(new_key()))
    with pytest.raises(UploadRefused, match="401: no vantage point has this name and key"):
        stranger.hand_in(Report(900.0, looks()), time.time())
    with pytest.raises(MirrorlistError, match="cannot be read"):
        UploadDesk("x", "http://127.0.0.1:1/", KEYS["paris"]).plan()


@pytest.mark.slow
def test_the_command_of_a_volunteer_needs_the_address_the_name_and_the_key(running: Service, tmp_path: Path) -> None:
    key = tmp_path / "vantage.key"
    key.write_bytes(base64.b64encode(KEYS["berlin"].private_bytes_raw()))
    key.chmod(0o600)

    def run(name: str) -> Result:
        words = ["--config", str(tmp_path / "none.yml"), "probe", "--vantage", name, "--once", "--timeout", "2"]
        words += ["--upload", f"http://127.0.0.1:{running.port}", "--key", str(key)]
        return CliRunner().invoke(main, words)

    done = run("berlin")
    assert done.exit_code == 0, done.output
    assert "down  a.example.org  https ipv4: unreachable: its name leads to no public address" in done.output
    assert "2 mirrors, 2 of them not reached over some way, " in done.output
    until(PATIENCE, lambda: "vantage=berlin" in running.log() or '"vantage": "berlin"' in running.log())
    assert "it reaches no mirror, so its own network is at fault" in running.log()
    again, other = run("berlin"), run("oslo")
    assert (again.exit_code, other.exit_code) == (1, 1)
    assert "not taken, status 409: the last report is " in again.output
    assert "not taken, status 401: no vantage point has this name and key" in other.output
    key.chmod(0o644)
    assert "others can read the signing key" in run("berlin").output


def test_a_report_that_comes_in_pieces_is_whole_and_clients_do_not_wait_for_it(running: Service) -> None:
    body = b'{"every_seconds": 900, "looks": []}' + b" " * 200_000
    head = authorization(Scheme.VANTAGE, "paris", time.time() + 200, body, KEYS["paris"])
    with socket.create_connection(("127.0.0.1", running.port), timeout=20) as connection:
        connection.sendall(
            f"POST /hooks/vantage HTTP/1.1\r\nHost: x\r\nAuthorization: {head}\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode()
        )
        for start in range(0, len(body), 50_000):
            connection.sendall(body[start : start + 50_000])
            begun = time.monotonic()
            for _ in range(20):
                list_for(running, GERMAN)
            assert time.monotonic() - begun < 5
        assert connection.recv(100).startswith(b"HTTP/1.1 202")


@pytest.mark.slow
def test_who_is_slow_is_refused_after_a_while_and_holds_up_nobody(running: Service) -> None:
    heads = [authorization(Scheme.VANTAGE, "berlin", time.time() + 100 + n, b"{}", KEYS["berlin"]) for n in range(40)]
    with ExitStack() as opened:
        sockets = [opened.enter_context(socket.create_connection(("127.0.0.1", running.port), 30)) for _ in heads]
        for connection, head in zip(sockets, heads, strict=True):
            connection.sendall(
                f"POST /hooks/vantage HTTP/1.1\r\nHost: x\r\nAuthorization: {head}\r\nContent-Length: 2\r\n\r\n{{".encode()
            )
        begun = time.monotonic()
        for _ in range(200):
            list_for(running, GERMAN)
        assert time.monotonic() - begun < 10
        codes = sorted(connection.recv(12)[9:12] for connection in sockets)
    assert codes.count(b"408") in (1, 2), "one for each worker"
    assert set(codes) <= {b"408", b"429"}
    assert "Traceback" not in running.log()


@pytest.mark.slow
def test_a_stranger_is_refused_before_the_body_is_read(running: Service) -> None:
    with socket.create_connection(("127.0.0.1", running.port), timeout=5) as connection:
        connection.sendall(
            b"POST /hooks/vantage HTTP/1.1\r\nHost: x\r\nAuthorization: Vantage paris 1 2 3\r\n"
            b"Content-Length: 1000000\r\n\r\nx"
        )
        assert connection.recv(12) == b"HTTP/1.1 401"
