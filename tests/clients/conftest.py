"""One network for all clients but dnf: starting it takes longer than most of their tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mirrorlist.demo.network import DemoRelease, Package
from tests.clients.network import ARCH, Network, network

NEW = (Package("hello", "1.0"), Package("hello", "2.0"))
OLD = NEW[:1]
PADDING = 3 * 1024 * 1024
BIG = f"9.8/Big/{ARCH}/os/repodata/repomd.xml"
REPOS = (
    {"name": "aging", "path": "Aging/$basearch/os/"},
    {"name": "big", "path": "Big/$basearch/os/"},
    {"name": "debian", "path": "/debian/"},
    {"name": "arch", "path": "/arch/$repo/os/$arch/"},
)


def release(aging: tuple[Package, ...]) -> DemoRelease:
    """A tree that is current but for one repository."""
    repositories = {"BaseOS/$basearch/os": NEW, "Aging/$basearch/os": aging, "Big/$basearch/os": NEW}
    return DemoRelease("9.8", repositories, (ARCH,), 1_790_000_000)


def pad(tree: Path) -> None:
    """Makes a repomd.xml so big that it is worth fetching from several mirrors at once."""
    file = tree / BIG
    text = file.read_bytes()
    file.write_bytes(text + b"<!--" + b"." * PADDING + b"-->\n")


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    """Three mirrors; the first is stale in the repository aging."""
    states = {"first": release(OLD), "second": release(NEW), "third": release(NEW)}
    root = tmp_path_factory.mktemp("network")
    with network(root, states, origin=release(NEW), repos=REPOS, prepare=pad) as made:
        yield made


@pytest.fixture
def shared(running: Network) -> Network:
    """The network, with empty logs."""
    running.forget()
    return running
