"""probe and list over every kind of content, at mirrors on loopback: from the origin's files to who is listed."""

from __future__ import annotations

import gzip
import hashlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from mirrorlist.cli.main import main
from tests.building import tar_of
from tests.checks.servers import serving
from tests.cli.test_probe_whole import Site

SERVICE = {
    "versions": ["noble", "jammy"],
    "arches": {"noble": ["amd64"], "jammy": ["amd64"]},
    "profile": "intranet",
    "intranet_networks": ["127.0.0.0/8"],
    "origin": {"main": "origin", "images": "origin-images"},
    "modules": {"main": {"title": "Packages"}, "images": {"title": "Images"}},
    "trees": [{"path": "/dl/", "module": "images"}, {"path": "/apt/", "module": "main"}],
    "repos": [
        {"name": "apt", "path": "/", "kind": "apt"},
        {"name": "core", "path": "/arch/core/", "clients": ["pacman"]},
        {"name": "alpine", "path": "/alpine/", "kind": "apk"},
    ],
}  # fmt: skip
OLD = time.time() - 30 * 86_400
Files = dict[str, bytes]


def suite(name: str, turn: int) -> Files:
    """A suite with one index, by hash, and two packages."""
    packages = "".join(
        f"Package: {each}\nFilename: pool/main/{each}_{turn}.deb\nSize: {100 + turn}\n\n" for each in ("hello", "world")
    )
    packed = gzip.compress(packages.encode(), mtime=0)
    digest = hashlib.sha256(packed).hexdigest()
    release = (
        f"Suite: {name}\nDate: Thu, 0{turn} Oct 2026 10:00:00 UTC\nAcquire-By-Hash: yes\n"
        f"SHA256:\n {digest} {len(packed)} main/binary-amd64/Packages.gz\n {'0' * 64} 5 main/binary-riscv64/Packages.gz\n"
    )
    below = f"dists/{name}/"
    return {
        f"{below}InRelease": release.encode(),
        f"{below}main/binary-amd64/by-hash/SHA256/{digest}": packed,
        f"{below}main/binary-amd64/Packages.gz": packed,
        **{f"pool/main/{each}_{turn}.deb": b"d" * (100 + turn) for each in ("hello", "world")},
    }


def archive(files: Files) -> bytes:
    return gzip.compress(tar_of(files), mtime=0)


def pacman(turn: int) -> Files:
    desc = f"%FILENAME%\nbash-{turn}-x86_64.pkg.tar.zst\n\n%CSIZE%\n{200 + turn}\n\n%BUILDDATE%\n1790000000\n\n"
    return {
        "arch/core/core.db": archive({f"bash-{turn}/desc": desc.encode()}),
        "arch/core/core.files": archive({f"bash-{turn}/desc": desc.encode(), f"bash-{turn}/files": b"%FILES%\n"}),
        f"arch/core/bash-{turn}-x86_64.pkg.tar.zst": b"p" * (200 + turn),
    }


def apk(turn: int) -> Files:
    index = f"C:Q1abc=\nP:musl\nV:1.{turn}\nA:x86_64\nS:{300 + turn}\nt:1790000000\n\n"
    return {
        "alpine/APKINDEX.tar.gz": archive({"DESCRIPTION": b"x", "APKINDEX": index.encode()}),
        f"alpine/musl-1.{turn}.apk": b"a" * (300 + turn),
    }


def main_tree(turn: int) -> Files:
    return suite("noble", turn) | suite("jammy", turn) | pacman(turn) | apk(turn)


IMAGES = {"big.img": b"i" * 5000, "a/small.img": b"s", "b/other.img": b"o" * 7, "new.img": b"n"}


class Network:
    """Two mirrors; their sites are changed while they run."""

    def __init__(self, directory: Path, a: Site, b: Site) -> None:
        self.directory, self.a, self.b = directory, a, b

    def told(self, *words: str, status: int = 0) -> str:
        found = CliRunner().invoke(main, ["--config", str(self.directory / "service.yml"), *words])
        assert found.exit_code == status, (found.output, found.exception)
        return found.output

    def publish(self, turn: int) -> None:
        for module, files in (("origin", main_tree(turn)), ("origin-images", IMAGES)):
            for path, body in files.items():
                file = self.directory / module / path
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(body)
                if "new" not in path:
                    os.utime(file, (OLD, OLD))
        self.told("update", "metadata")
        self.told("publish")

    def probe(self, runs: int = 2) -> None:
        for _ in range(runs):
            self.told("probe", "--once")
        self.told("publish")

    def listed(self, repository: str, version: str = "noble") -> str:
        answered = self.told("list", "--version", version, "--repo", repository, "--ip", "198.51.100.1")
        return "".join(name for name, site in (("a", self.a), ("b", self.b)) if f":{site.port}/" in answered)


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Network]:
    (tmp_path / "mirrors.d").mkdir()
    (tmp_path / "service.yml").write_text(yaml.safe_dump(SERVICE))
    everything = main_tree(1) | {f"images/{path}": body for path, body in IMAGES.items()}
    sites = Site(dict(everything)), Site(dict(everything))
    with serving(sites[0], "127.0.0.1") as one, serving(sites[1], "127.0.0.1") as two:
        for name, site, server in zip("ab", sites, (one, two), strict=True):
            site.port = server.port
            text = {"name": f"{name}.example.org", "address": {"http": f"http://127.0.0.1:{server.port}/"},
                    "address_optional": {"images": {"http": f"http://127.0.0.1:{server.port}/images/"}},
                    "update_frequency": "3h", "sponsor": "Example", "sponsor_url": "https://example.org/"}  # fmt: skip
            (tmp_path / "mirrors.d" / f"{name}.example.org.yml").write_text(yaml.safe_dump(text))
        found = Network(tmp_path, *sites)
        found.publish(1)
        yield found


@pytest.mark.slow
def test_good_mirrors_of_all_kinds_are_listed_and_each_fault_takes_out_what_it_is_in(network: Network) -> None:
    network.probe()
    told = network.told("health", "b.example.org")
    assert "OUT" not in told
    assert "nothing on it is compared" not in " ".join(told.split()), "files stand for the images"
    for repository in ("apt", "core", "alpine"):
        assert network.listed(repository) == "ab"
    network.publish(2)
    new = main_tree(2) | {f"images/{path}": body for path, body in IMAGES.items()}
    network.a.files = dict(new)
    network.b.files = {
        path: body
        for path, body in new.items()
        if path not in ("arch/core/core.files", "alpine/musl-1.2.apk", "images/big.img")
        and not path.startswith("dists/noble/main")
    }
    network.probe()
    told = network.told("health", "b.example.org").replace("\n", " ")
    for word in ("by-hash", "core.files", "musl-1.2.apk", "big.img"):
        assert word in told, told
    assert [network.listed(each) for each in ("apt", "core", "alpine")] == ["a", "a", "a"]
    assert network.listed("apt", "jammy") == "ab", "the other suite is whole"
    network.b.files = dict(new)
    network.probe(1)
    assert [network.listed(each) for each in ("apt", "core", "alpine")] == ["ab", "ab", "ab"]


@pytest.mark.slow
def test_last_year_s_index_is_not_as_good_as_any(network: Network) -> None:
    """What the origin never published, and what it replaced long ago."""
    network.probe()
    network.b.files["dists/noble/InRelease"] = suite("noble", 3)["dists/noble/InRelease"].replace(b"2026", b"2025")
    network.b.files["arch/core/core.db"] = archive({"old/desc": b"%FILENAME%\nx\n"})
    network.b.files["alpine/APKINDEX.tar.gz"] = b"<html>no such file</html>"
    network.probe()
    assert [network.listed(each) for each in ("apt", "core", "alpine")] == ["a", "a", "a"]
    assert network.listed("apt", "jammy") == "ab"
