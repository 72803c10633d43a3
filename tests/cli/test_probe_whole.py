"""probe, list and health against mirrors of rpm repositories that are half synced, from the origin to the list."""

from __future__ import annotations

import gzip
import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from mirrorlist.cli.main import main
from mirrorlist.core.catalogue.metadata import REPOMD
from tests.checks.servers import answer, serving

SERVICE = """\
versions: ["9"]
arches: {"9": [x86_64]}
repos:
  - {name: baseos, path: BaseOS/$basearch/os/}
origin: origin
profile: intranet
intranet_networks: [127.0.0.0/8, "::1"]
"""
REPOSITORY = "9/BaseOS/x86_64/os/"
PRIMARY = f"{REPOSITORY}repodata/aa-primary.xml.gz"


def repository(turn: int) -> dict[str, bytes]:
    """A repository's files by path; the package ``b`` is the newest."""
    packages = {f"Packages/{name}-{turn}.rpm": (b"\xed\xab\xee\xdb" + name.encode()) * 50 for name in "abc"}
    primary = gzip.compress(
        b'<metadata xmlns="http://linux.duke.edu/metadata/common">'
        + b"".join(
            f'<package type="rpm"><time file="{1_700_000_000 + (99 if "b-" in path else turn)}"/>'
            f'<size package="{len(data)}"/><location href="{path}"/></package>'.encode()
            for path, data in packages.items()
        )
        + b"</metadata>"
    )
    files = {"repodata/aa-primary.xml.gz": primary, f"repodata/{turn}-filelists.xml.zst": b"f" * (100 + turn)}
    data = "".join(
        f'<data type="{path.partition("-")[2].partition(".")[0]}"><location href="{path}"/>'
        f"<size>{len(body)}</size><timestamp>{1_790_000_000 + turn}</timestamp></data>"
        for path, body in files.items()
    )
    files["repodata/repomd.xml"] = f'<repomd xmlns="http://linux.duke.edu/metadata/repo">{data}</repomd>'.encode()
    return {REPOSITORY + path: body for path, body in (files | packages).items()}


@dataclass
class Site:
    """A mirror's files; those in ``refused`` get that status."""

    files: dict[str, bytes]
    refused: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    port: int = 0

    def __call__(self, connection: socket.socket, head: bytes) -> None:
        verb, path, _ = head.decode("latin-1").split(" ", 2)
        self.asked.append(f"{verb} {path}")
        path = path.removeprefix("/")
        if path in self.refused or path not in self.files:
            connection.sendall(answer(self.refused.get(path, "404 Not Found")))
            return
        body = self.files[path]
        if b"bytes=0-0" in head:
            connection.sendall(answer("206 Partial Content", body[:1], f"Content-Range: bytes 0-0/{len(body)}"))
            return
        whole = answer(body=body)
        connection.sendall(whole[: -len(body)] if verb == "HEAD" else whole)


@dataclass
class Network:
    directory: Path
    sites: dict[str, Site]

    def told(self, *words: str) -> str:
        found = CliRunner().invoke(main, ["--config", str(self.directory / "service.yml"), *words])
        assert found.exit_code == 0, (found.output, found.exception)
        return found.output

    def publish(self, turn: int) -> None:
        """The origin publishes another version, and good mirrors have it at once."""
        for path, body in repository(turn).items():
            file = self.directory / "origin" / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(body)
        for site in self.sites.values():
            site.files = repository(turn)
        self.told("update", "metadata")
        self.told("publish")

    def probe(self) -> str:
        """A run of the prober; then the list."""
        self.told("probe", "--once")
        self.told("publish")
        return self.listed()

    def listed(self) -> str:
        answered = self.told("list", "--version", "9", "--repo", "baseos", "--arch", "x86_64", "--ip", "198.51.100.1")
        return "".join(name[0] for name, site in self.sites.items() if f":{site.port}/" in answered)


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Network]:
    sites = {f"{name}.example.org": Site({}) for name in "ab"}
    (tmp_path / "mirrors.d").mkdir()
    (tmp_path / "service.yml").write_text(SERVICE)
    with serving(sites["a.example.org"], "127.0.0.1") as one, serving(sites["b.example.org"], "127.0.0.1") as two:
        for name, server in zip(sites, (one, two), strict=True):
            sites[name].port = server.port
            text = {"name": name, "address": {"http": f"http://127.0.0.1:{server.port}/"}, "sponsor": "Example",
                    "update_frequency": "3h", "sponsor_url": "https://example.org/"}  # fmt: skip
            (tmp_path / "mirrors.d" / f"{name}.yml").write_text(yaml.safe_dump(text))
        found = Network(tmp_path, sites)
        found.publish(1)
        yield found


def without(path: str) -> dict[str, bytes]:
    return {each: body for each, body in repository(1).items() if each != path}


FAULTS = {
    "its primary is missing": (without(PRIMARY), {}, f"{PRIMARY}: missing"),
    "a package is short": (
        repository(1) | {f"{REPOSITORY}Packages/b-1.rpm": b"x"}, {}, "b-1.rpm: 1 bytes, but 250 at the origin",
    ),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(("files", "refused", "why"), [pytest.param(*each, id=name) for name, each in FAULTS.items()])
def test_a_half_synced_mirror_is_out_after_two_looks_and_back_after_a_whole_one(
    network: Network, files: dict[str, bytes], refused: dict[str, str], why: str
) -> None:
    bad = network.sites["b.example.org"]
    bad.files, bad.refused = files, refused
    assert network.probe() == "ab", "one look may be chance"
    assert network.probe() == "a"
    told = network.told("health", "b.example.org")
    assert f"incomplete: {REPOSITORY}" in told.replace("\n", " ")
    assert why in told
    assert network.probe() == "a"
    bad.files, bad.refused = repository(1), {}
    assert network.probe() == "ab"


@dataclass
class Origin(Site):
    """An origin on the web with a habit of some servers."""

    habit: str = ""

    def __call__(self, connection: socket.socket, head: bytes) -> None:
        verb, path, _ = head.decode("latin-1").split(" ", 2)
        body = self.files.get(path.removeprefix("/"), b"")
        if self.habit == "refuses heads" and verb == "HEAD":
            connection.sendall(answer("405 Method Not Allowed"))
        elif self.habit == "tells no sizes" and body:
            connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n" + (b"" if verb == "HEAD" else body))
        elif self.habit == "compresses" and body and b"gzip" in head:
            packed = answer(body=gzip.compress(body)).replace(b"\r\n", b"\r\nContent-Encoding: gzip\r\n", 1)
            connection.sendall(packed.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" if verb == "HEAD" else packed)
        else:
            super().__call__(connection, head)


@pytest.fixture
def origin(network: Network) -> Iterator[Origin]:
    """In place of the network's own, with another version, which the mirrors have."""
    found = Origin(repository(2))
    with serving(found, "127.0.0.1") as server:
        text = SERVICE.replace("origin: origin", f"origin: http://127.0.0.1:{server.port}/")
        (network.directory / "service.yml").write_text(text)
        for site in network.sites.values():
            site.files = repository(2)
        yield found


@pytest.mark.slow
@pytest.mark.parametrize("habit", ["", "refuses heads", "tells no sizes", "compresses"])
def test_mirrors_are_compared_with_an_origin_on_the_web_whatever_its_habit(
    network: Network, origin: Origin, habit: str
) -> None:
    origin.habit = habit
    network.told("update", "metadata")
    network.told("publish")
    del network.sites["b.example.org"].files[f"{REPOSITORY}Packages/b-2.rpm"]
    assert [network.probe(), network.probe()] == ["ab", "a"]


@pytest.mark.slow
def test_what_is_gone_at_the_origin_is_not_missed_on_mirrors(network: Network, origin: Origin) -> None:
    network.told("update", "metadata")
    network.told("publish")
    for site in (origin, *network.sites.values()):
        del site.files[f"{REPOSITORY}Packages/b-2.rpm"]
    assert [network.probe() for _ in range(3)] == ["ab"] * 3


@pytest.mark.slow
def test_behind_what_is_gone_at_the_origin_a_fault_of_a_mirror_is_seen(network: Network, origin: Origin) -> None:
    network.told("update", "metadata")
    network.told("publish")
    for site in (origin, *network.sites.values()):
        del site.files[f"{REPOSITORY}repodata/2-filelists.xml.zst"]
    del network.sites["b.example.org"].files[f"{REPOSITORY}Packages/b-2.rpm"]
    assert [network.probe() for _ in range(3)] == ["ab", "a", "a"]


@pytest.mark.slow
def test_a_mirror_that_joins_after_the_origin_lost_a_file_is_not_blamed(network: Network, origin: Origin) -> None:
    late = network.directory / "mirrors.d" / "b.example.org.yml"
    text = late.read_text()
    late.unlink()
    network.told("update", "metadata")
    network.told("publish")
    assert network.probe() == "a"  # the origin's own files are all looked at
    for site in (origin, network.sites["b.example.org"]):
        del site.files[f"{REPOSITORY}Packages/b-2.rpm"]
    late.write_text(text)
    network.told("publish")
    assert [network.probe() for _ in range(4)] == ["ab"] * 4


@pytest.mark.slow
def test_what_vanishes_from_the_origin_s_directory_is_not_missed_on_mirrors(network: Network) -> None:
    for path in (f"{REPOSITORY}Packages/b-1.rpm", f"{REPOSITORY}Packages/c-1.rpm"):
        (network.directory / "origin" / path).unlink()
        for site in network.sites.values():
            del site.files[path]
    told = network.told("update", "metadata").replace("\n", " ")
    assert "the origin lacks 2 files" in re.sub(r" +", " ", told)
    assert "lacks" not in network.told("update", "metadata"), "it is told once"
    network.told("publish")
    del network.sites["b.example.org"].files[f"{REPOSITORY}Packages/a-1.rpm"]
    assert [network.probe() for _ in range(3)] == ["ab", "a", "a"]


@pytest.mark.slow
def test_a_whole_mirror_is_asked_for_each_file_once_and_again_after_a_change(network: Network) -> None:
    site = network.sites["a.example.org"]

    def files() -> set[str]:
        asked = {each for each in site.asked if REPOMD not in each and not each.endswith(" /")}
        site.asked.clear()
        return asked

    assert network.probe() == "ab"
    assert len(files()) == len(repository(1)) - 1
    for _ in range(3):
        assert network.probe() == "ab"
        assert files() == set()
    network.publish(2)
    assert network.probe() == "ab"
    assert {each for each in files() if "-2" in each}


@pytest.mark.slow
def test_every_command_says_how_deep_a_mirror_was_checked_and_when_next(network: Network) -> None:
    question = ("explain", "--version", "9", "--repo", "baseos", "--arch", "x86_64", "--ip", "198.51.100.1")
    assert "content not checked (2):\n" in network.told(*question)
    network.probe()
    network.probe()
    network.told("update", "files", "--once")
    network.told("publish")
    deep = r"rpm: 5 of 5 files seen, the last at \S+ \S+ UTC; next look about \S+ \S+ UTC"
    all_of = r"1 of 1 rpm compared, 1 whole; last \S+ \S+ UTC, next about \S+ \S+ UTC"
    for words, said in {
        question: deep, (*question, "--json"): f'"checked": "{deep}"', ("mirrors",): all_of, ("health", "b.example.org"): f"content: {all_of}",
        ("health", "b.example.org", "--all"): deep, ("which", f"{REPOSITORY}Packages/b-1.rpm"): deep,
    }.items():  # fmt: skip
        told = network.told(*words)
        assert max(map(len, told.splitlines())) <= 120
        assert re.search(said, re.sub(r"\s+", " ", told)), told
