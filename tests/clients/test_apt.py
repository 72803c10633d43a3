"""Real apt through ``mirror+http:``: it would shuffle a list without priorities."""

from __future__ import annotations

from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.clients.network import Network
from tests.clients.redirects import PACKAGES, write_packages
from tests.clients.tools import need, run

pytestmark = pytest.mark.client

LIST = "/mirrorlist?repo=debian-9&format=apt"

RUNS = 10


@pytest.fixture(autouse=True)
def _needs_apt() -> None:
    need("apt-get")


@pytest.fixture
def debian(shared: Network) -> Network:
    """The network, with a small apt repository on every mirror."""
    for name in shared.mirrors:
        write_packages(shared.tree(name) / "debian", "0" * 64)
    return shared


class Apt:
    """An apt of its own: nothing of the system's is read, nothing outside ``root`` is written."""

    def __init__(self, root: Path, source: str) -> None:
        self._root = root
        for name in ("etc/apt.conf.d", "etc/sources.list.d", "etc/preferences.d", "etc/trusted.gpg.d"):
            (root / name).mkdir(parents=True)
        for name in ("state/lists/partial", "cache/archives/partial", "log"):
            (root / name).mkdir(parents=True)
        (root / "state" / "status").touch()
        (root / "etc" / "sources.list").write_text(f"deb [trusted=yes] {source} stable main\n")
        settings = {
            "Dir": root, "Dir::Etc": root / "etc", "Dir::State": root / "state", "Dir::Cache": root / "cache",
            "Dir::State::status": root / "state" / "status", "Dir::Log": root / "log",
            "Dir::Bin::methods": "/usr/lib/apt/methods", "APT::Architecture": "amd64", "APT::Sandbox::User": "root",
            "Acquire::Languages": "none", "Acquire::Retries": "0", "Acquire::http::Proxy": "DIRECT",
        }  # fmt: skip
        lines = [f'{key} "{value}";\n' for key, value in settings.items()]
        (root / "apt.conf").write_text('APT::Architectures { "amd64"; };\n' + "".join(lines))

    def __call__(self, command: str, *arguments: str) -> CompletedProcess[str]:
        return run(command, *arguments, cwd=self._root, APT_CONFIG=str(self._root / "apt.conf"))


def taken(network: Network) -> dict[str, list[str]]:
    """Which files of the repository each mirror was asked for; apt asks everybody for signatures that nobody has."""
    wanted = {"GET /debian/dists/stable/Release": "Release", f"GET /debian/{PACKAGES}": "Packages"}
    return {name: [wanted[each] for each in network.requests(name) if each in wanted] for name in network.mirrors}


@pytest.mark.slow
def test_apt_asks_our_first_mirror_first_every_time(tmp_path: Path, debian: Network) -> None:
    for number in range(RUNS):
        debian.forget()
        apt = Apt(tmp_path / str(number), f"mirror+{debian.url}{LIST}")
        updated = apt("apt-get", "update")

        assert updated.returncode == 0, updated.stdout + updated.stderr
        assert taken(debian) == {"first": ["Release", "Packages"], "second": [], "third": []}
    assert "2.0" in apt("apt-cache", "policy", "hello").stdout


def test_apt_asks_our_second_mirror_when_the_first_is_dead(tmp_path: Path, debian: Network) -> None:
    with debian.down("first"):
        apt = Apt(tmp_path / "apt", f"mirror+{debian.url}{LIST}")
        updated = apt("apt-get", "update")

    assert updated.returncode == 0, updated.stdout + updated.stderr
    assert taken(debian) == {"first": [], "second": ["Release", "Packages"], "third": []}


def test_apt_reads_a_saved_list_with_a_comment_in_it(tmp_path: Path, debian: Network) -> None:
    need("curl")
    saved = tmp_path / "mirrors.txt"
    got = run("curl", "-sS", "-o", str(saved), f"{debian.url}{LIST}&country=JP&time=1", cwd=tmp_path)
    assert (got.returncode, saved.read_text()[:2]) == (0, "# ")
    updated = Apt(tmp_path / "apt", f"mirror+file:{saved}")("apt-get", "update")

    assert updated.returncode == 0, updated.stdout + updated.stderr
    assert taken(debian) == {"first": ["Release", "Packages"], "second": [], "third": []}
