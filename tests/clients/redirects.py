"""A mirror network behind the redirector: images with checksums, a yum repository and an apt repository."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from random import Random

from mirrorlist.demo.network import DemoRelease, Package
from tests.clients.network import ARCH, Network, network

NEW = DemoRelease(
    "9.8", {"BaseOS/$basearch/os": (Package("hello", "1.0"), Package("hello", "2.0"))}, (ARCH,), 1_790_000_000
)
IMAGE = "images/image.iso"
BIG = "images/big.iso"
BIG_BYTES = 4 * 1024 * 1024
POOL = "debian/pool/hello_2.0_all.deb"
PACKAGES = "dists/stable/main/binary-amd64/Packages"
TREES = [
    {"path": "/dl/", "module": "main"},
    {"path": "/strict/", "module": "main", "metadata": "origin"},
    {"path": "/", "host": "dl.example.org", "module": "main"},
]


def image(name: str, size: int) -> bytes:
    """The same bytes for the same name."""
    return Random(name).randbytes(size)


def prepare(tree: Path) -> None:
    """Adds images and an apt repository to a tree."""
    (tree / "images" / "odd").mkdir(parents=True, exist_ok=True)
    contents = {IMAGE: image(IMAGE, 50_000), BIG: image(BIG, BIG_BYTES), "images/odd/a b+c%2Fü.iso": b"odd"}
    lines = []
    for path, content in contents.items():
        (tree / path).write_bytes(content)
        if "/odd/" not in path:
            lines.append(f"{sha256(content).hexdigest()}  {Path(path).name}\n")
    (tree / "images" / "SHA256SUMS").write_text("".join(lines))
    _add_debian(tree / "debian")


def _add_debian(debian: Path) -> None:
    pool = debian.parent / POOL
    pool.parent.mkdir(parents=True, exist_ok=True)
    pool.write_bytes(b"0123456789")
    write_packages(debian, sha256(b"0123456789").hexdigest())


def write_packages(debian: Path, checksum: str) -> None:
    """The metadata of an apt repository with one package of 10 bytes."""
    packages = debian / PACKAGES
    packages.parent.mkdir(parents=True, exist_ok=True)
    packages.write_text(
        "Package: hello\nVersion: 2.0\nArchitecture: all\nMaintainer: Example <someone@example.org>\n"
        f"Description: hello\nFilename: pool/hello_2.0_all.deb\nSize: 10\nSHA256: {checksum}\n\n"
    )
    body = packages.read_bytes()
    (debian / "dists" / "stable" / "Release").write_text(
        "Origin: Example\nSuite: stable\nCodename: stable\nDate: Fri, 01 May 2026 12:00:00 UTC\n"
        "Architectures: amd64\nComponents: main\n"
        f"SHA256:\n {sha256(body).hexdigest()} {len(body)} {PACKAGES.removeprefix('dists/stable/')}\n"
    )


@contextmanager
def redirecting(root: Path, **more: object) -> Iterator[Network]:
    """Three mirrors and the origin, asked in this order by clients on this machine.

    Tests ask for the same files again at once, so by default nobody is moved on.
    """
    states = {"first": NEW, "second": NEW, "third": NEW}
    keys = {"trees": TREES, "policy": {"repeat_within": 0}, **more}
    with network(root, states, origin=NEW, prepare=prepare, redirects=keys) as made:
        yield made
