"""validate --online against mirrors on loopback: every way, every repository, rsync, speed, and what each comes to."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from mirrorlist.cli.main import main
from mirrorlist.core.catalogue.metadata import REPOMD
from mirrorlist.core.model import Protocol
from mirrorlist.probing.online import Speed, asked
from mirrorlist.sources.places.gazetteer import city_of
from mirrorlist.sources.service.file import read_service
from mirrorlist.sources.submissions.judge import judge_submissions
from mirrorlist.sources.submissions.terms import terms_of
from tests.checks.probing.test_checks import Planted
from tests.checks.servers import (
    LOCAL_HOSTS,
    Server,
    Talk,
    answer,
    has_ipv6,
    says,
    serving,
    serving_together,
    stays_silent,
)
from tests.checks.trees import HTML, Tree
from tests.clients.tools import need
from tests.serving import free_port

SERVICE = """\
versions: ["9"]
arches: {"9": [x86_64, aarch64]}
repos: [{name: baseos, path: BaseOS/$basearch/os/}, {name: extras, path: extras/$basearch/os/}]
origin: origin
profile: intranet
intranet_networks: [127.0.0.0/8, "::1"]
"""
PATHS = [f"9/{repo}/{arch}/os/" for repo in ("BaseOS", "extras") for arch in ("x86_64", "aarch64")]
BIG = bytes(300_000)


def repomd(age_days: float) -> bytes:
    stamp = int(time.time() - 86_400 * age_days)
    return (
        f'<?xml version="1.0"?>\n<repomd xmlns="http://linux.duke.edu/metadata/repo"><revision>{stamp}</revision>'
        f'<data type="primary"><location href="repodata/primary.xml.gz"/><timestamp>{stamp}</timestamp>'
        f"<size>{len(BIG)}</size></data></repomd>\n"
    ).encode()


CURRENT, OLD = repomd(3), repomd(30)


def tree() -> Tree:
    files = {path + REPOMD: CURRENT for path in PATHS}
    return Tree(files | {f"{path}repodata/primary.xml.gz": BIG for path in PATHS})


@dataclass
class Network:
    """An origin in a directory, and one submitted file."""

    root: Path
    name: str = "localhost"

    def submit(self, url: str, **fields: object) -> Path:
        given = {
            "name": self.name,
            "address": {"http": url},
            "update_frequency": "3h",
            "sponsor": "Example",
            "geolocation": {"country": "DE"},
        }
        file = self.root / "mirrors.d" / f"{self.name}.yml"
        file.write_text(yaml.safe_dump({**given, **fields}, sort_keys=False))
        return file

    def judge(self, *options: str) -> Result:
        words = ["validate", "--service", str(self.root / "service.yml"), "--online", *options]
        return CliRunner().invoke(main, words, env={"COLUMNS": "80"})

    def told(self, *options: str) -> dict[str, object]:
        return json.loads(self.judge("--format", "json", *options).stdout)["files"][0]  # type: ignore[no-any-return]


@pytest.fixture
def network(tmp_path: Path) -> Network:
    (tmp_path / "mirrors.d").mkdir()
    (tmp_path / "service.yml").write_text(SERVICE)
    for path in PATHS:
        file = tmp_path / "origin" / path / REPOMD
        file.parent.mkdir(parents=True)
        file.write_bytes(CURRENT)
        (file.parent / "primary.xml.gz").write_bytes(BIG)
    return Network(tmp_path)


@contextmanager
def both(talk: Talk) -> Iterator[Server]:
    """A server over IPv4 and, where there is IPv6, over that too."""
    with serving_together(dict.fromkeys(LOCAL_HOSTS[: 1 + has_ipv6()], talk)) as (server, *_):
        yield server


def errors(file: dict[str, object], severity: str = "error") -> list[tuple[str, str]]:
    found = file["findings"]
    assert isinstance(found, list)
    return [(each["code"], each["message"]) for each in found if each["severity"] == severity]


def rows(file: dict[str, object]) -> dict[str, tuple[object, str]]:
    found = file["online"]
    assert isinstance(found, list)
    return {each["over"]: (each["good"], each["came"]) for each in found}


def test_a_good_mirror_is_accepted_over_every_way(network: Network) -> None:
    with both(tree()) as server:
        network.submit(f"http://localhost:{server.port}/")
        done = network.judge()
        file = network.told()
    assert done.exit_code == 0, done.output
    assert rows(file)["http ipv4"] == (True, "reachable; 4 of 4 repositories good")
    assert errors(file) == []
    assert "http ipv4  good" in done.stdout
    assert [line for line in done.stdout.splitlines()[1:] if len(line.rstrip()) > 80] == []


def test_every_repository_is_asked_for(network: Network) -> None:
    mirror = tree()
    del mirror.files[PATHS[3] + REPOMD]
    mirror.files[PATHS[1] + REPOMD] = OLD
    mirror.files[PATHS[2] + REPOMD] = HTML
    with both(mirror) as server:
        file_path = network.submit(f"http://localhost:{server.port}/")
        file = network.told()
    assert file["accepted"] is False
    told = errors(file)
    assert {code for code, _ in told} == {"bad-repository"}
    assert len(told) == 3
    assert any(f"{PATHS[3]} over http ipv4" in message and "missing: status 404" in message for _, message in told)
    assert any("stale: older than the origin's" in message for _, message in told)
    assert any("wrong content: an HTML page" in message for _, message in told)
    assert rows(file)["http ipv4"] == (False, "reachable; 1 of 4 repositories good")
    assert str(file["path"]).endswith(file_path.name)


@pytest.mark.parametrize(
    ("talk", "said"),
    [
        (says(answer("500 Broken")), "an error status: status 500"),
        (says(answer("404 Not Found")), "missing: status 404"),
        (says(answer(body=HTML)), "wrong content: an HTML page"),
        (says(b"nonsense\r\n\r\n"), "malformed answer"),
    ],
)
def test_a_tree_that_does_not_answer_rightly_refuses(network: Network, talk: Talk, said: str) -> None:
    with both(talk) as server:
        network.submit(f"http://localhost:{server.port}/")
        file = network.told()
    assert {code for code, _ in errors(file)} == {"unreachable"}
    assert all(said in message and "; " in message for _, message in errors(file))


def test_a_mirror_that_is_not_there_refuses_and_a_private_one_is_warned_of(network: Network) -> None:
    url = f"http://localhost:{free_port()}/"
    network.submit(url)
    assert {code for code, _ in errors(network.told())} == {"unreachable"}

    network.submit(url, private=True, asn=680)
    file = network.told()
    assert (file["accepted"], {code for code, _ in errors(file, "warning")}) == (True, {"not-checked"})
    assert network.told("--strict")["accepted"] is False


def test_rsync_is_asked_too(network: Network, tmp_path: Path) -> None:
    need("rsync")
    (tmp_path / "tree").mkdir()
    port = free_port()
    config = tmp_path / "rsyncd.conf"
    config.write_text(f"use chroot = no\n[linux]\npath = {tmp_path / 'tree'}\n")
    command = ["rsync", "--daemon", "--no-detach", f"--config={config}", "--address=127.0.0.1", f"--port={port}"]
    with both(tree()) as server, subprocess.Popen(command) as daemon:
        try:
            address = {"http": f"http://localhost:{server.port}/", "rsync": f"rsync://127.0.0.1:{port}/linux/"}
            network.submit("", address=address)
            deadline = time.monotonic() + 20
            while not (row := rows(network.told()).get("rsync ipv4")) or not row[0]:
                assert time.monotonic() < deadline, row
            address["rsync"] = f"rsync://127.0.0.1:{port}/nowhere/"
            network.submit("", address=address)
            assert [code for code, message in errors(network.told()) if "Unknown module" in message] == ["unreachable"]
        finally:
            daemon.terminate()


def test_one_more_check_is_asked_too(network: Network) -> None:
    planted = Planted()
    with both(tree()) as server:
        address = {"http": f"http://localhost:{server.port}/", "ftp": "ftp://localhost/linux/"}
        file = network.submit("", address=address)
        terms = terms_of(read_service(network.root / "service.yml", None, None, city_of)[0])
        judged = judge_submissions((file,), network.root / "mirrors.d", terms)
        (found,) = asked(judged, terms, 5.0, Speed.LEFT_OUT, {Protocol.FTP: planted})
    assert {url for _, url in planted.asked} == {"ftp://localhost/linux/"}
    assert [(each.over, each.good, each.came) for each in found.reviewed.seen if each.over.startswith("ftp")] == [
        ("ftp ipv4", False, "missing: no such directory"),
        ("ftp ipv6", False, "missing: no such directory"),
    ]


def test_speed_is_a_lower_bound_and_refuses_nothing(network: Network) -> None:
    with both(tree()) as server:
        network.submit(f"http://localhost:{server.port}/")
        file = network.told("--speed")
        told = network.judge("--speed").stdout
    found = file["online"]
    assert isinstance(found, list)
    assert all(each["mbps"] > 1 for each in found if each["good"])
    assert file["accepted"] is True
    assert "Mbit/s" in told


def test_speed_alone_is_a_wrong_call(network: Network) -> None:
    assert CliRunner().invoke(main, ["validate", "--speed"]).exit_code == 2


@pytest.mark.slow
def test_a_mirror_that_falls_silent_is_not_waited_for_at_every_repository(network: Network) -> None:
    done: list[bytes] = []

    def talk(connection: object, head: bytes) -> None:
        done.append(head)
        if len(done) > 1:
            stays_silent(connection, head)  # type: ignore[arg-type]
        else:
            tree()(connection, head)  # type: ignore[arg-type]

    (network.root / "service.yml").write_text(SERVICE)
    with serving(talk, "127.0.0.1") as server:
        network.submit(f"http://127.0.0.1:{server.port}/", name="localhost")
        file = network.told("--timeout", "0.3")
    assert len(done) <= 5
    assert file["accepted"] is False


def test_an_address_that_is_not_allowed_is_never_asked(network: Network) -> None:
    (network.root / "service.yml").write_text(SERVICE.split("profile:")[0])
    with serving(tree(), "127.0.0.1") as server:
        network.submit(f"http://localhost:{server.port}/", private=True, asn=680)
        file = network.told()
    assert server.connections == 0
    assert file["accepted"] is False
