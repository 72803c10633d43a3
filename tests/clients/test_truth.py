"""Real clients, every form of an answer, and a network that was probed: half synced, dead and stale mirrors get nobody."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from mirrorlist.demo.network import DemoRelease, Package, build_tree
from tests.cli.test_probe_kinds import archive
from tests.clients.dnf import Dnf
from tests.clients.network import ARCH, ORIGIN, Network, command, network
from tests.clients.test_apt import Apt
from tests.clients.tools import need, run
from tests.serving import until_all

pytestmark = [pytest.mark.client, pytest.mark.slow]

ARCH_PATH = f"arch/core/os/{ARCH}"
SERVICE: dict[str, object] = {
    "trees": [{"path": "/dl/", "module": "main"}],
    "intranet_networks": ["127.0.0.0/8"],
    "policy": {"repeat_within": 0},
}
REPOSITORIES = (
    {"name": "debian", "path": "/debian/", "suites": ["stable"], "index": "Release"},
    {"name": "arch", "path": "/arch/$repo/os/$arch/", "suites": ["core"]},
)
BAD = ("half", "dead", "stale")
GOOD = ("good", "spare")
OLD = time.time() - 30 * 86_400
"""When all of it was written: mirrors are given time for what is new."""
PATIENCE = 60


def release(turn: int) -> DemoRelease:
    """The yum repository as it was at a turn; each has one package, of its own version."""
    return DemoRelease(
        "9.8", {"BaseOS/$basearch/os": (Package("hello", f"{turn}.0"),)}, (ARCH,), 1_780_000_000 + turn * 5_000_000
    )


def packages(turn: int) -> dict[str, bytes]:
    """The packages of apt and pacman at a turn, by path."""
    info = f"pkgname = hello\npkgver = {turn}.0-1\npkgdesc = hello\narch = any\nsize = 1\n"
    return {
        f"debian/pool/hello_{turn}.0_all.deb": b"d" * (100 + turn),
        f"{ARCH_PATH}/hello-{turn}.0-1-any.pkg.tar.gz": archive({".PKGINFO": info.encode()}),
    }


def indexes(turn: int) -> dict[str, bytes]:
    """The metadata of apt and pacman at a turn, by path."""
    (deb, deb_body), (pkg, pkg_body) = packages(turn).items()
    listed = (
        f"Package: hello\nVersion: {turn}.0\nArchitecture: all\nMaintainer: Example <someone@example.org>\n"
        f"Description: hello\nFilename: {deb.removeprefix('debian/')}\nSize: {len(deb_body)}\n"
        f"SHA256: {sha256(deb_body).hexdigest()}\n\n"
    ).encode()
    suite = (
        f"Origin: Example\nSuite: stable\nCodename: stable\nDate: Fri, 0{turn} May 2026 12:00:00 UTC\n"
        f"Architectures: amd64\nComponents: main\n"
        f"SHA256:\n {sha256(listed).hexdigest()} {len(listed)} main/binary-amd64/Packages\n"
    )
    described = (
        f"%FILENAME%\n{Path(pkg).name}\n\n%NAME%\nhello\n\n%VERSION%\n{turn}.0-1\n\n%CSIZE%\n{len(pkg_body)}\n\n"
        f"%SHA256SUM%\n{sha256(pkg_body).hexdigest()}\n\n%ARCH%\nany\n\n%BUILDDATE%\n{1_780_000_000 + turn}\n\n"
    ).encode()
    database = archive({f"hello-{turn}.0-1/desc": described})
    return {
        "debian/dists/stable/main/binary-amd64/Packages": listed,
        "debian/dists/stable/Release": suite.encode(),
        f"{ARCH_PATH}/core.db": database,
        f"{ARCH_PATH}/core.files": database,
    }


def write(tree: Path, files: dict[str, bytes]) -> None:
    for path, body in files.items():
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_bytes(body)
        os.utime(tree / path, (OLD, OLD))


@pytest.fixture(scope="module")
def probed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    """Clients here are nearest to the bad mirrors; the prober has looked at all of them twice."""
    root = tmp_path_factory.mktemp("truth")
    states = dict.fromkeys((*BAD, *GOOD), release(2))

    def current(tree: Path) -> None:
        write(tree, packages(2) | indexes(2))

    with network(root, states, origin=release(2), repos=REPOSITORIES, prepare=current, redirects=SERVICE) as made:
        for path in (*packages(2), *(each.relative_to(made.tree("half")) for each in made.tree("half").rglob("*.rpm"))):
            (made.tree("half") / path).unlink()
        build_tree(made.tree("stale"), [release(1)])
        write(made.tree("stale"), packages(1) | indexes(1))
        made.end("dead")
        for _ in range(2):
            command(root / "service.yml", "probe", "--once")
        for name in ("baseos", "debian", "arch"):
            until_all(PATIENCE, lambda name=name: not listed(made, name) & {*BAD})  # type: ignore[misc]
            assert listed(made, name) >= {*GOOD}
        yield made


def listed(made: Network, name: str) -> set[str]:
    """The mirrors in the list of a repository."""
    got = run("curl", "-sS", f"{made.url}/mirrorlist?repo={name}-9&arch={ARCH}", cwd=made.root)
    assert got.returncode == 0, got.stderr
    return {each for each, address in made.addresses.items() if address in got.stdout}


@pytest.fixture
def here(probed: Network) -> Iterator[Network]:
    """The network, with empty logs; whatever the test does, no bad mirror is asked for anything."""
    need("curl")
    probed.forget()
    yield probed
    assert {name: probed.requests(name) for name in BAD} == {name: [] for name in BAD}
    assert any(probed.requests(name) for name in (*GOOD, ORIGIN))


@pytest.mark.parametrize("form", ["mirrorlist", "metalink", "baseurl"])
def test_dnf_makes_its_cache_and_downloads(tmp_path: Path, here: Network, form: str) -> None:
    need("dnf")
    redirector = f"{here.url}/dl/9.8/BaseOS/$basearch/os/"
    client = Dnf(tmp_path)
    client.add_repository("baseos", **{form: {"baseurl": redirector}.get(form) or getattr(here, form)})
    made, got = client.makecache(), client.download("hello")

    assert made.returncode == 0, made.stdout + made.stderr
    assert got.returncode == 0, got.stdout + got.stderr
    assert client.downloaded() == ["hello-2.0-1.noarch.rpm"]
    assert "rror" not in made.stdout + got.stdout  # of a mirror that failed and was passed over too


@pytest.mark.parametrize("form", ["list", "redirects"])
def test_apt_updates_and_downloads(tmp_path: Path, here: Network, form: str) -> None:
    need("apt-get")
    lists = f"mirror+{here.url}/mirrorlist?repo=debian-9&format=apt"
    apt = Apt(tmp_path / "apt", lists if form == "list" else f"{here.url}/dl/debian")
    updated, got = apt("apt-get", "update"), apt("apt-get", "download", "hello")

    assert updated.returncode == 0, updated.stdout + updated.stderr
    assert got.returncode == 0, got.stdout + got.stderr
    assert "Err:" not in updated.stdout + got.stdout
    assert [path.name for path in (tmp_path / "apt").glob("*.deb")] == ["hello_2.0_all.deb"]


@pytest.mark.parametrize("form", ["list", "redirects"])
def test_pacman_syncs_and_downloads(tmp_path: Path, here: Network, form: str) -> None:
    need("pacman")
    for name in ("db", "cache", "gnupg", "root", "hooks"):
        (tmp_path / name).mkdir()
    servers = f"Server = {here.url}/dl/{ARCH_PATH}\n"
    if form == "list":
        servers = run("curl", "-sS", f"{here.url}/mirrorlist?repo=arch-9&format=pacman", cwd=tmp_path).stdout
    (tmp_path / "pacman.conf").write_text(
        f"[options]\nArchitecture = {ARCH}\nSigLevel = Never\n[core]\nSigLevel = Never\n{servers}"
    )
    places = {"config": "pacman.conf", "dbpath": "db", "cachedir": "cache", "gpgdir": "gnupg", "root": "root"}
    options = [f"--{option}={tmp_path / place}" for option, place in places.items()]
    options += [f"--hookdir={tmp_path / 'hooks'}", f"--logfile={tmp_path / 'log'}", "--noconfirm"]
    got = run("pacman", *options, "-Syw", "hello", cwd=tmp_path)

    assert got.returncode == 0, got.stdout + got.stderr
    assert "error:" not in got.stderr
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["hello-2.0-1-any.pkg.tar.gz"]
