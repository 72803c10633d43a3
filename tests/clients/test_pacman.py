"""Real pacman with a mirrorlist of the service's, in which it fills in ``$repo`` and ``$arch`` itself."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.clients.network import Network
from tests.clients.tools import need, run

pytestmark = pytest.mark.client

LIST = "/mirrorlist?repo=arch-9&format=pacman"
DESCRIPTION = "%FILENAME%\nhello-2.0-1-any.pkg.tar.gz\n\n%NAME%\nhello\n\n%VERSION%\n2.0-1\n\n%ARCH%\nany\n\n"
DATABASE = "arch/core/os/x86_64/core.db"


@pytest.fixture(autouse=True)
def _needs_pacman() -> None:
    need("pacman", "curl")


@pytest.fixture
def arch(shared: Network) -> Network:
    """The network, with a small pacman repository on every mirror."""
    for name in shared.mirrors:
        write_database(shared.tree(name) / DATABASE)
    return shared


def write_database(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz") as archive:
        entry = tarfile.TarInfo("hello-2.0-1/desc")
        entry.size = len(DESCRIPTION)
        archive.addfile(entry, io.BytesIO(DESCRIPTION.encode()))


def pacman(root: Path, network: Network, *arguments: str) -> CompletedProcess[str]:
    """A pacman of its own, whose mirrorlist curl has just fetched."""
    for name in ("db", "cache", "gnupg", "root", "hooks"):
        (root / name).mkdir(parents=True, exist_ok=True)
    run("curl", "-sS", "-o", str(root / "mirrorlist"), f"{network.url}{LIST}", cwd=root)
    (root / "pacman.conf").write_text(
        "[options]\nArchitecture = x86_64\nSigLevel = Never\n"
        f"[core]\nSigLevel = Never\nInclude = {root / 'mirrorlist'}\n"
    )
    places = {"config": "pacman.conf", "dbpath": "db", "cachedir": "cache", "gpgdir": "gnupg", "root": "root"}
    options = [f"--{option}={root / place}" for option, place in places.items()]
    options += [f"--hookdir={root / 'hooks'}", f"--logfile={root / 'pacman.log'}", "--noconfirm"]
    return run("pacman", *options, *arguments, cwd=root)


def test_pacman_takes_its_database_from_the_first_mirror(tmp_path: Path, arch: Network) -> None:
    synced, found = pacman(tmp_path, arch, "-Sy"), pacman(tmp_path, arch, "-Ss", "hello")

    assert synced.returncode == 0, synced.stdout + synced.stderr
    assert found.stdout.splitlines()[0] == "core/hello 2.0-1"
    assert arch.requests("first") == [f"GET /{DATABASE}"]
    assert arch.requests("second") == arch.requests("third") == []


def test_pacman_asks_the_second_mirror_when_the_first_is_dead(tmp_path: Path, arch: Network) -> None:
    with arch.down("first"):
        synced = pacman(tmp_path, arch, "-Sy")

    assert synced.returncode == 0, synced.stdout + synced.stderr
    assert arch.requests("second") == [f"GET /{DATABASE}"]
