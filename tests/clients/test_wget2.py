"""Real wget2 with the service's metalinks, of both versions.

wget2 1.99 takes the first URL only: with a dead or a stale first mirror it does not turn to the next one. It does
check what it got.
"""

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


def wget2(directory: Path, shared: Network, repository: str, form: str, seconds: int = 30) -> CompletedProcess[str]:
    url = f"{shared.url}/metalink?repo={repository}-9&arch={ARCH}&format={form}"
    options = ["--no-config", "--metalink", "--tries=2"]
    return run("timeout", str(seconds), "wget2", *options, url, cwd=directory)


@pytest.mark.parametrize("form", FORMATS)
def test_wget2_fetches_and_verifies_what_the_origin_publishes(tmp_path: Path, shared: Network, form: str) -> None:
    done = wget2(tmp_path, shared, "baseos", form)

    assert "Checksum OK" in done.stdout + done.stderr
    expected = shared.root / "origin" / "9.8" / "BaseOS" / ARCH / "os" / "repodata" / "repomd.xml"
    assert (tmp_path / "repomd.xml").read_bytes() == expected.read_bytes()


@pytest.mark.parametrize("form", FORMATS)
def test_a_stale_first_mirror_does_not_win_silently(tmp_path: Path, shared: Network, form: str) -> None:
    """wget2 1.99 asks the same mirror again and again when a checksum differs, so it is ended after a second."""
    done = wget2(tmp_path, shared, "aging", form, seconds=1)

    assert shared.requests("first") != [], "the stale mirror was asked first"
    assert done.returncode != 0
    assert "Checksum OK" not in done.stdout + done.stderr
