"""Real dnf against the running service: what a distribution's users do all day."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.dnf import Dnf
from tests.clients.network import NEW, OLD, PATH, Network, network, replace_repomd
from tests.clients.tools import need

pytestmark = pytest.mark.client

REPOMD = f"GET /{PATH}/repodata/repomd.xml"


@pytest.fixture(autouse=True)
def _needs_dnf() -> None:
    need("dnf")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    """Two mirrors that are good; a test that ends one starts it again."""
    with network(tmp_path_factory.mktemp("two"), {"first": NEW, "second": NEW}) as made:
        yield made


@pytest.fixture
def made(running: Network) -> Network:
    """The network, with empty logs."""
    running.forget()
    return running


def dnf_with(root: Path, **url: str) -> Dnf:
    dnf = Dnf(root / "dnf")
    dnf.add_repository("baseos", **url)
    return dnf


@pytest.mark.slow
@pytest.mark.parametrize("way", ["metalink", "mirrorlist"])
def test_dnf_takes_metadata_and_packages_from_the_first_mirror(made: Network, tmp_path: Path, way: str) -> None:
    dnf = dnf_with(tmp_path, **{way: getattr(made, way)})
    made_cache, asked = dnf.makecache(), dnf.repoquery("hello")
    downloaded = dnf.download("hello")

    assert made_cache.returncode == 0, made_cache.stderr
    assert asked.stdout.split() == ["hello-0:1.0-1.noarch", "hello-0:2.0-1.noarch"]
    assert (downloaded.returncode, dnf.downloaded()) == (0, ["hello-2.0-1.noarch.rpm"]), downloaded.stderr
    assert f"GET /{PATH}/Packages/hello-2.0-1.noarch.rpm" in made.requests("first")
    assert made.requests("second") == []


@pytest.mark.parametrize("way", ["metalink", "mirrorlist"])
def test_dnf_gets_round_a_dead_mirror(made: Network, tmp_path: Path, way: str) -> None:
    with made.down("first"):
        downloaded = dnf_with(tmp_path, **{way: getattr(made, way)}).download("hello")

    assert downloaded.returncode == 0, downloaded.stderr
    assert REPOMD in made.requests("second")


@pytest.mark.slow
def test_a_metalink_leads_dnf_past_a_stale_mirror_to_fresh_data(tmp_path: Path) -> None:
    with network(tmp_path, {"first": OLD, "second": NEW}) as made:
        dnf = dnf_with(tmp_path, metalink=made.metalink)

        assert dnf.repoquery("hello").stdout.split() == ["hello-0:1.0-1.noarch", "hello-0:2.0-1.noarch"]
        assert made.requests("first")[0] == REPOMD, "the stale mirror was asked first"
        assert REPOMD in made.requests("second")


@pytest.mark.slow
def test_dnf_refuses_mirrors_that_all_hold_something_else(tmp_path: Path) -> None:
    with network(tmp_path, {"first": NEW, "second": NEW}) as made:
        for name in made.mirrors:
            replace_repomd(made.tree(name), "<repomd>not the origin's</repomd>")
        refused = dnf_with(tmp_path, metalink=made.metalink).makecache()

        assert refused.returncode == 1
        assert [REPOMD in made.requests(name) for name in made.mirrors] == [True, True]


@pytest.mark.parametrize(
    "url", ["{url}/mirrorlist/$releasever/nope", "{url}/metalink?repo=nope-$releasever&arch=$basearch"]
)
def test_an_unknown_repository_is_told_as_404(made: Network, tmp_path: Path, url: str) -> None:
    way = "metalink" if "metalink" in url else "mirrorlist"
    failed = dnf_with(tmp_path, **{way: url.format(url=made.url)}).makecache()

    assert failed.returncode == 1
    assert "404" in failed.stdout + failed.stderr
    assert made.requests("first") == []


@pytest.mark.slow
def test_countme_does_not_change_the_answer(made: Network, tmp_path: Path) -> None:
    dnf = dnf_with(tmp_path, metalink=made.metalink, countme="1")

    assert dnf.makecache().returncode == 0
