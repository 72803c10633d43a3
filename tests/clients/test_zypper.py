"""Real zypper against the running service. It sorts a URL's parameters and drops the ``=`` of empty ones."""

from __future__ import annotations

from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.clients.network import PATH, Network
from tests.clients.tools import need, run

pytestmark = pytest.mark.client

REPOMD = f"GET /{PATH}/repodata/repomd.xml"
WAYS = [
    ("metalink", "/metalink?repo=baseos-$releasever&arch=$basearch"),
    ("metalink", "/metalink?zone&repo=baseos-$releasever&country=&arch=$basearch"),
    ("metalink", "/metalink?repo=baseos-$releasever&arch=$basearch&format=metalink4"),
    ("metalink", "/metalink/$releasever/baseos?arch=$basearch"),
    ("mirrorlist", "/mirrorlist?release=$releasever&repo=baseos&arch=$basearch"),
    ("mirrorlist", "/mirrorlist/$releasever/baseos"),
    ("mirrorlist", "/mirrorlist/$releasever/baseos/?protocol=http,https&countme=1"),
    ("mirrorlist", "/metalink?repo=baseos-$releasever&arch=$basearch"),
]


@pytest.fixture(autouse=True)
def _needs_zypper() -> None:
    need("zypper")


class Zypper:
    """A zypper of its own: nothing of the system's is read, nothing outside ``root`` is written."""

    def __init__(self, root: Path, way: str, url: str) -> None:
        self._root = root
        for name in ("root", "repos"):
            (root / name).mkdir(parents=True)
        settings = {"name": "b", "enabled": "1", "gpgcheck": "0", "autorefresh": "1", way: url}
        lines = ["[b]\n", *(f"{key}={value}\n" for key, value in settings.items())]
        (root / "repos" / "b.repo").write_text("".join(lines))

    def __call__(self, *arguments: str) -> CompletedProcess[str]:
        root = self._root
        options = {"root": "root", "reposd-dir": "repos", "raw-cache-dir": "raw", "solv-cache-dir": "solv"}
        options["pkg-cache-dir"] = "packages"
        given = [f"--{name}={root / directory}" for name, directory in options.items()]
        return run("zypper", "--non-interactive", "--no-gpg-checks", "--releasever=9", *given, *arguments, cwd=root)


@pytest.mark.parametrize(("way", "url"), WAYS)
def test_zypper_refreshes_and_searches_through_every_spelling(
    tmp_path: Path, shared: Network, way: str, url: str
) -> None:
    zypper = Zypper(tmp_path / "zypper", way, shared.url + url)
    refreshed, found = zypper("refresh", "--force"), zypper("search", "--details", "hello")

    assert refreshed.returncode == 0, refreshed.stdout + refreshed.stderr
    assert "2.0-1" in found.stdout
    assert REPOMD in shared.requests("first")


@pytest.mark.parametrize(("way", "url"), [WAYS[0], WAYS[5]])
def test_zypper_gets_round_a_dead_mirror(tmp_path: Path, shared: Network, way: str, url: str) -> None:
    zypper = Zypper(tmp_path / "zypper", way, shared.url + url)
    with shared.down("first"):
        refreshed = zypper("refresh", "--force")

    assert refreshed.returncode == 0, refreshed.stdout + refreshed.stderr
    assert REPOMD in shared.requests("second")


def test_zypper_is_told_that_a_repository_does_not_exist(tmp_path: Path, shared: Network) -> None:
    failed = Zypper(tmp_path / "zypper", "mirrorlist", f"{shared.url}/mirrorlist/$releasever/nope")("refresh")

    assert failed.returncode != 0
    assert all(shared.requests(name) == [] for name in shared.mirrors)
