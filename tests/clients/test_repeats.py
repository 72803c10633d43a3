"""Real clients whose first mirror is dead, before the prober knows: their own retries reach a living one."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.dnf import Dnf
from tests.clients.network import ARCH, ORIGIN, Network, command, network
from tests.clients.redirects import BIG, BIG_BYTES, IMAGE, NEW, PACKAGES, POOL, TREES, image, prepare
from tests.clients.test_apt import Apt
from tests.clients.test_pacman import DATABASE, write_database
from tests.clients.tools import need, run
from tests.serving import until_all

pytestmark = pytest.mark.client


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    """The first mirror is dead for good, and was never probed."""

    def prepared(tree: Path) -> None:
        prepare(tree)
        write_database(tree / DATABASE)

    states = {"first": NEW, "second": NEW, "third": NEW}
    keys: dict[str, object] = {"trees": TREES, "policy": {"repeat_within": "30s"}}
    with network(tmp_path_factory.mktemp("repeats"), states, prepare=prepared, redirects=keys) as made:
        made.end("first")
        yield made


@pytest.fixture
def here(running: Network) -> Network:
    running.forget()
    return running


@pytest.mark.slow
def test_curl_with_retries_gets_the_file(tmp_path: Path, here: Network) -> None:
    need("curl")
    given = ["--silent", "--show-error", "--location", "--retry", "4", "--retry-connrefused", "--retry-delay", "1"]
    got = run("curl", *given, "--output", "x", f"{here.url}/dl/{IMAGE}", cwd=tmp_path)

    assert got.returncode == 0, got.stderr
    assert (tmp_path / "x").read_bytes() == image(IMAGE, 50_000)


def test_wget2_that_is_started_again_gets_the_file(tmp_path: Path, here: Network) -> None:
    """By itself it asks the redirect's target again, not the redirector."""
    need("wget2")
    for _ in range(2):
        run("wget2", "--tries=1", "--output-document=x", f"{here.url}/dl/{BIG}", cwd=tmp_path)
    assert (tmp_path / "x").stat().st_size == BIG_BYTES


def test_apt_updates_and_downloads_when_it_is_started_again(tmp_path: Path, here: Network) -> None:
    """The retries of apt 2.6 ask the redirect's target again, not the redirector."""
    need("apt-get")
    apt = Apt(tmp_path / "apt", f"{here.url}/dl/debian")
    updated = apt("apt-get", "update")
    got = [apt("apt-get", "download", "hello") for _ in range(2)]

    assert updated.returncode == 0, updated.stdout + updated.stderr
    assert got[0].returncode != 0, "the first mirror is dead"
    assert got[1].returncode == 0, got[1].stdout + got[1].stderr
    everybody = [each for name in ("second", "third", ORIGIN) for each in here.requests(name)]
    assert f"GET /debian/{PACKAGES}" in everybody
    assert f"GET /{POOL}" in everybody


def test_pacman_with_the_redirector_named_as_often_as_it_may_try(tmp_path: Path, here: Network) -> None:
    """pacman asks each of its servers once."""
    need("pacman")
    for name in ("db", "cache", "gnupg", "root", "hooks"):
        (tmp_path / name).mkdir()
    servers = f"Server = {here.url}/dl/arch/core/os/x86_64\n" * 4
    (tmp_path / "pacman.conf").write_text(
        f"[options]\nArchitecture = x86_64\nSigLevel = Never\n[core]\nSigLevel = Never\n{servers}"
    )
    places = {"config": "pacman.conf", "dbpath": "db", "cachedir": "cache", "gpgdir": "gnupg", "root": "root"}
    options = [f"--{option}={tmp_path / place}" for option, place in places.items()]
    synced = run(
        "pacman",
        *options,
        f"--hookdir={tmp_path / 'hooks'}",
        f"--logfile={tmp_path / 'log'}",
        "--noconfirm",
        "-Sy",
        cwd=tmp_path,
    )

    assert synced.returncode == 0, synced.stdout + synced.stderr


def test_dnf_with_the_redirector_as_its_base(tmp_path: Path, here: Network) -> None:
    need("dnf")
    client = Dnf(tmp_path)
    client.add_repository("baseos", baseurl=f"{here.url}/dl/9.8/BaseOS/$basearch/os/")
    made = client.makecache()
    got = client.download("hello")

    assert made.returncode == 0, made.stdout + made.stderr
    assert got.returncode == 0, got.stdout + got.stderr
    assert client.downloaded() == ["hello-2.0-1.noarch.rpm"]


def lines(network: Network) -> list[str]:
    """The URLs of the list that a client on this machine gets."""
    with urllib.request.urlopen(f"{network.url}/mirrorlist/9/baseos?arch={ARCH}", timeout=20) as answer:
        return [line for line in answer.read().decode().splitlines() if not line.startswith("#")]


@pytest.mark.slow
def test_dnf_succeeds_when_only_the_fallback_lives(tmp_path: Path) -> None:
    """Six mirrors are known to be dead: more than ``policy.fallback_minimum``."""
    need("dnf")
    states = {f"m{number}": NEW for number in range(6)}
    with network(tmp_path / "network", states, origin=NEW, redirects={"intranet_networks": ["127.0.0.0/8"]}) as made:
        config = made.root / "service.yml"
        for name in states:
            made.end(name)
        for _ in range(2):
            command(config, "probe", "--once")
        command(config, "publish")
        until_all(30, lambda: made.addresses[ORIGIN] in lines(made)[0])
        assert len(lines(made)) == 7, "the dead ones follow: they may be back"
        for number, setting in enumerate(("metalink", "mirrorlist")):
            client = Dnf(tmp_path / str(number))
            client.add_repository("baseos", **{setting: getattr(made, setting)})
            done = client.makecache()
            got = client.download("hello")
            assert done.returncode == 0, done.stdout + done.stderr
            assert got.returncode == 0, got.stdout + got.stderr
