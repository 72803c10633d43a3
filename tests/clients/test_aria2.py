"""Real aria2 with the service's metalinks: several sources, and nothing that the origin did not publish."""

from __future__ import annotations

from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.clients.conftest import BIG
from tests.clients.network import ARCH, Network
from tests.clients.tools import need, run

pytestmark = pytest.mark.client

FORMATS = ["metalink3", "metalink4"]
CHECKSUM_ERROR = 32
AGING = f"9.8/Aging/{ARCH}/os/repodata/repomd.xml"


@pytest.fixture(autouse=True)
def _needs_aria2() -> None:
    need("aria2c")


def aria2(directory: Path, shared: Network, repository: str, form: str, *options: str) -> CompletedProcess[str]:
    directory.mkdir(parents=True, exist_ok=True)
    url = f"{shared.url}/metalink?repo={repository}-9&arch={ARCH}&format={form}"
    given = ["--no-conf", "--follow-metalink=mem", "--summary-interval=0", "--max-tries=2", "--connect-timeout=5"]
    return run("aria2c", *given, *options, url, cwd=directory)


def origin(shared: Network, path: str) -> bytes:
    return (shared.root / "origin" / path).read_bytes()


@pytest.mark.parametrize("form", FORMATS)
def test_aria2_fetches_and_verifies_what_the_origin_publishes(tmp_path: Path, shared: Network, form: str) -> None:
    done = aria2(tmp_path, shared, "baseos", form)

    assert done.returncode == 0, done.stdout
    assert (tmp_path / "repomd.xml").read_bytes() == origin(shared, f"9.8/BaseOS/{ARCH}/os/repodata/repomd.xml")
    assert len(shared.requests("first")) == 1
    assert shared.requests("second") == shared.requests("third") == []


@pytest.mark.parametrize("form", FORMATS)
def test_aria2_gets_round_a_dead_mirror(tmp_path: Path, shared: Network, form: str) -> None:
    with shared.down("first"):
        done = aria2(tmp_path, shared, "baseos", form)

    assert done.returncode == 0, done.stdout
    assert shared.requests("second") != []


@pytest.mark.parametrize("form", FORMATS)
def test_aria2_fetches_a_big_file_from_several_mirrors_at_once(tmp_path: Path, shared: Network, form: str) -> None:
    done = aria2(tmp_path, shared, "big", form, "--split=3", "--min-split-size=1M")

    assert done.returncode == 0, done.stdout
    assert (tmp_path / "repomd.xml").read_bytes() == origin(shared, BIG)
    assert len([name for name in shared.mirrors if shared.requests(name)]) > 1


@pytest.mark.parametrize("form", FORMATS)
def test_a_stale_first_mirror_does_not_win_silently(tmp_path: Path, shared: Network, form: str) -> None:
    """aria2 1.36 ends with an error at the first wrong checksum of a whole file."""
    done = aria2(tmp_path, shared, "aging", form)

    assert shared.requests("first") != [], "the stale mirror was asked first"
    accepted = (tmp_path / "repomd.xml").read_bytes() == origin(shared, AGING)
    assert accepted if done.returncode == 0 else (done.returncode == CHECKSUM_ERROR and not accepted), done.stdout
