"""Real wget2 with the service's metalinks, of both versions."""

from __future__ import annotations

from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.clients.network import ARCH, Network
from tests.clients.tools import need, run

pytestmark = pytest.mark.client

FORMATS = ["metalink3", "metalink4"]


@pytest.fixture(autouse=True)
def _needs_wget2() -> None:
    need("wget2")


def wget2(directory: Path, shared: Network, repository: str, form: str) -> CompletedProcess[str]:
    url = f"{shared.url}/metalink?repo={repository}-9&arch={ARCH}&format={form}"
    return run("wget2", "--no-config", "--metalink", "--tries=2", url, cwd=directory)


@pytest.mark.parametrize("form", FORMATS)
def test_wget2_fetches_and_verifies_what_the_origin_publishes(tmp_path: Path, shared: Network, form: str) -> None:
    done = wget2(tmp_path, shared, "baseos", form)

    assert "Checksum OK" in done.stdout + done.stderr
    expected = shared.root / "origin" / "9.8" / "BaseOS" / ARCH / "os" / "repodata" / "repomd.xml"
    assert (tmp_path / "repomd.xml").read_bytes() == expected.read_bytes()


@pytest.mark.parametrize("form", FORMATS)
def test_a_stale_first_mirror_does_not_win_silently(tmp_path: Path, shared: Network, form: str) -> None:
    done = wget2(tmp_path, shared, "aging", form)

    assert shared.requests("first") != [], "the stale mirror was asked first"
    file = tmp_path / "repomd.xml"
    expected = shared.root / "origin" / "9.8" / "Aging" / ARCH / "os" / "repodata" / "repomd.xml"
    if file.exists() and file.read_bytes() == expected.read_bytes():
        return
    assert "Checksum OK" not in done.stdout + done.stderr
