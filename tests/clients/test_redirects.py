"""Real downloaders and package managers at the redirector."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.clients.dnf import Dnf
from tests.clients.network import ARCH, ORIGIN, Network
from tests.clients.redirects import BIG, BIG_BYTES, IMAGE, PACKAGES, POOL, image, redirecting
from tests.clients.test_apt import Apt
from tests.clients.test_zypper import Zypper
from tests.clients.tools import need, run

pytestmark = pytest.mark.client

CHECKSUM_ERROR = 32
"""aria2's exit status when a file is not what its checksum says."""
EVERYBODY = ("first", "second", "third", ORIGIN)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    with redirecting(tmp_path_factory.mktemp("redirects")) as made:
        yield made


@pytest.fixture
def here(running: Network) -> Network:
    """The network, with empty logs."""
    running.forget()
    return running


def aria2(directory: Path, url: str, *options: str) -> CompletedProcess[str]:
    need("aria2c")
    directory.mkdir(parents=True, exist_ok=True)
    given = ["--no-conf", "--summary-interval=0", "--connect-timeout=5"]
    return run("aria2c", *given, *options, url, cwd=directory)


def curl(directory: Path, *arguments: str) -> CompletedProcess[str]:
    need("curl")
    return run("curl", "-sS", "--globoff", *arguments, cwd=directory)


def asked(network: Network) -> dict[str, list[str]]:
    """Who was asked for what, but for nothing."""
    return {name: found for name in EVERYBODY if (found := network.requests(name))}


@pytest.mark.slow
def test_curl_follows_to_the_first_mirror(tmp_path: Path, here: Network) -> None:
    got = curl(tmp_path, "--location", "--output", "x", "--write-out", "%{num_redirects}", f"{here.url}/dl/{IMAGE}")

    assert got.stdout == "1"
    assert (tmp_path / "x").read_bytes() == image(IMAGE, 50_000)
    assert asked(here) == {"first": [f"GET /{IMAGE}"]}


def test_curl_asks_for_headers_only(tmp_path: Path, here: Network) -> None:
    got = curl(tmp_path, "--head", f"{here.url}/dl/{IMAGE}")

    assert got.stdout.startswith("HTTP/1.1 302")
    assert f"location: {here.addresses['first']}{IMAGE}" in got.stdout.replace("Location", "location")
    assert asked(here) == {}


def test_curl_goes_round_a_dead_mirror_by_its_name(tmp_path: Path, here: Network) -> None:
    with here.down("first"):
        failed = curl(tmp_path, "--location", "--output", "x", f"{here.url}/dl/{IMAGE}")
        got = curl(tmp_path, "--location", "--output", "x", f"{here.url}/dl/{IMAGE}?avoid=first.example.org")

    assert (failed.returncode, got.returncode) == (7, 0)
    assert asked(here) == {"second": [f"GET /{IMAGE}"]}


def test_curl_checks_a_checksum(tmp_path: Path, here: Network) -> None:
    got = curl(tmp_path, f"{here.url}/dl/{IMAGE}.sha256")
    assert got.stdout == f"{sha256(image(IMAGE, 50_000)).hexdigest()}  image.iso\n"
    (tmp_path / "image.iso").write_bytes(image(IMAGE, 50_000))
    (tmp_path / "sums").write_text(got.stdout)
    assert run("sha256sum", "--check", "sums", cwd=tmp_path).returncode == 0


def test_aria2_verifies_the_digest_of_a_redirect(tmp_path: Path, here: Network) -> None:
    done = aria2(tmp_path, f"{here.url}/dl/{IMAGE}", "--split=1")

    assert done.returncode == 0, done.stdout
    assert "Verification finished successfully" in done.stdout
    assert (tmp_path / "image.iso").read_bytes() == image(IMAGE, 50_000)


def test_aria2_refuses_what_the_digest_does_not_fit(tmp_path: Path, here: Network) -> None:
    file = here.tree("first") / IMAGE
    file.write_bytes(bytes(50_000))
    try:
        done = aria2(tmp_path, f"{here.url}/dl/{IMAGE}", "--split=1")
    finally:
        file.write_bytes(image(IMAGE, 50_000))

    assert done.returncode == CHECKSUM_ERROR, done.stdout


def test_aria2_goes_to_a_duplicate_when_the_first_mirror_is_dead(tmp_path: Path, here: Network) -> None:
    with here.down("first"):
        done = aria2(tmp_path, f"{here.url}/dl/{IMAGE}")

    assert done.returncode == 0, done.stdout
    assert (tmp_path / "image.iso").read_bytes() == image(IMAGE, 50_000)
    assert "first" not in asked(here)


@pytest.mark.parametrize("ending", [".meta4", ".metalink"])
def test_aria2_fetches_from_several_mirrors_by_a_metalink(tmp_path: Path, here: Network, ending: str) -> None:
    options = ("--follow-metalink=mem", "--split=3", "--min-split-size=1M", "--max-connection-per-server=1")
    done = aria2(tmp_path, f"{here.url}/dl/{BIG}{ending}", *options)

    assert done.returncode == 0, done.stdout
    assert (tmp_path / "big.iso").read_bytes() == image(BIG, BIG_BYTES)
    assert len(asked(here)) > 1


RIGHT = f"sha-256={sha256(image(IMAGE, 50_000)).hexdigest()}"


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ((), "image.iso"),
        (("-o", "out.iso"), "out.iso"),
        ((f"--checksum={RIGHT}",), "image.iso"),
        (("-o", "x.deb", f"--checksum={RIGHT}", "--split=4", "--min-split-size=1M"), "x.deb"),
        (("--follow-metalink=false",), "image.iso"),
        (("--follow-metalink=mem", "--conditional-get=true", "--allow-overwrite=true"), "image.iso"),
        (("--header=User-Agent: apt-fast", "-o", "own-agent.iso"), "own-agent.iso"),
    ],
)
def test_aria2_gets_the_file_itself_whatever_it_is_told(
    tmp_path: Path, here: Network, options: tuple[str, ...], name: str
) -> None:
    """It names metalink types beside ``*/*`` in every request."""
    done = aria2(tmp_path, f"{here.url}/dl/{IMAGE}", *options)

    assert done.returncode == 0, done.stdout
    assert [file.name for file in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_bytes() == image(IMAGE, 50_000)


def test_aria2_gets_a_list_of_files_as_apt_fast_writes_it(tmp_path: Path, here: Network) -> None:
    need("aria2c")
    packages = sha256(b"0123456789").hexdigest()
    (tmp_path / "list").write_text(
        f"{here.url}/dl/{POOL}\n checksum=sha-256={packages}\n out=hello.deb\n"
        f"{here.url}/dl/{IMAGE}\t{here.url}//dl//{IMAGE}\n checksum={RIGHT}\n out=image\n"
    )
    done = run("aria2c", "--no-conf", "--summary-interval=0", "-c", "-j", "16", "-x", "16", "-i", "list", cwd=tmp_path)

    assert done.returncode == 0, done.stdout
    assert (tmp_path / "hello.deb").read_bytes() == b"0123456789"
    assert (tmp_path / "image").read_bytes() == image(IMAGE, 50_000)


@pytest.mark.parametrize("followed", ["plain", "list"])
def test_aria2_refuses_a_wrong_checksum_of_its_own(tmp_path: Path, here: Network, followed: str) -> None:
    wrong = f"sha-256={'0' * 64}"
    if followed == "plain":
        done = aria2(tmp_path, f"{here.url}/dl/{IMAGE}", f"--checksum={wrong}")
    else:
        (tmp_path / "list").write_text(f"{here.url}/dl/{IMAGE}\n checksum={wrong}\n")
        done = run("aria2c", "--no-conf", "--summary-interval=0", "-i", "list", cwd=tmp_path)
    assert done.returncode == CHECKSUM_ERROR, done.stdout


def test_zypper_at_a_tree_takes_metalinks_for_its_files(tmp_path: Path, here: Network) -> None:
    """It names metalink types beside ``*/*`` as aria2 does, and does follow them."""
    need("zypper")
    zypper = Zypper(tmp_path / "zypper", "baseurl", f"{here.url}/dl/9.8/BaseOS/{ARCH}/os/")
    refreshed, found = zypper("refresh", "--force"), zypper("search", "--details", "hello")
    assert refreshed.returncode == 0, refreshed.stdout + refreshed.stderr
    assert "2.0-1" in found.stdout
    with here.down("first"):
        got = zypper("download", "hello")

    assert got.returncode == 0, got.stdout + got.stderr
    assert [file.name for file in (tmp_path / "zypper" / "packages").rglob("*.rpm")] == ["hello-2.0-1.noarch.rpm"]
    assert any(each.endswith(".rpm") for each in here.requests("second")), "a redirect knows the first alone"


def test_wget2_gets_the_file_once(tmp_path: Path, here: Network) -> None:
    """Before 2.2.1 it fetches duplicates too, and writes the file twice: it is not told of any."""
    need("wget2")
    done = run("wget2", "--quiet", "--output-document=x", f"{here.url}/dl/{IMAGE}", cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    assert (tmp_path / "x").read_bytes() == image(IMAGE, 50_000)
    assert asked(here) == {"first": [f"GET /{IMAGE}"]}


def test_dnf_takes_metadata_and_packages_from_one_mirror(tmp_path: Path, here: Network) -> None:
    need("dnf")
    dnf = Dnf(tmp_path)
    dnf.add_repository("baseos", baseurl=f"{here.url}/dl/9.8/BaseOS/$basearch/os/")
    made = dnf.makecache()
    assert made.returncode == 0, made.stdout + made.stderr
    got = dnf.download("hello")

    assert dnf.downloaded() == ["hello-2.0-1.noarch.rpm"], got.stdout + got.stderr
    assert list(asked(here)) == ["first"]
    assert f"GET /9.8/BaseOS/{ARCH}/os/repodata/repomd.xml" in here.requests("first")


def test_dnf_takes_metadata_from_the_origin_where_the_tree_says_so(tmp_path: Path, here: Network) -> None:
    need("dnf")
    dnf = Dnf(tmp_path)
    dnf.add_repository("baseos", baseurl=f"{here.url}/strict/9.8/BaseOS/$basearch/os/")
    dnf.makecache()
    dnf.download("hello")

    assert dnf.downloaded() == ["hello-2.0-1.noarch.rpm"]
    assert here.requests(ORIGIN) == [f"GET /9.8/BaseOS/{ARCH}/os/repodata/repomd.xml"]
    assert any(each.endswith(".rpm") for each in here.requests("first"))


def test_apt_keeps_what_has_not_changed_and_sees_what_has(tmp_path: Path, here: Network) -> None:
    """It sends the time of its copy along, and whoever gives the file answers 304; the index knows of no change yet."""
    need("apt-get")
    apt = Apt(tmp_path / "apt", f"{here.url}/dl/debian")
    release = here.root / "origin" / "debian" / "dists" / "stable" / "Release"
    times = release.stat()
    outputs = []
    try:
        for change in ("", "", "Description: newer\n"):
            release.write_text(release.read_text() + change)
            if not change:
                os.utime(release, (times.st_atime, times.st_mtime))
            updated = apt("apt-get", "update")
            assert updated.returncode == 0, updated.stdout + updated.stderr
            outputs.append(updated.stdout)
            assert "GET /debian/dists/stable/Release" in here.requests(ORIGIN)
            here.forget()
    finally:
        release.write_text(release.read_text().replace("Description: newer\n", ""))
        os.utime(release, (times.st_atime, times.st_mtime))
    told = [re.findall(r"^(\w+):.* Release( \[.*)?$", each, re.MULTILINE) for each in outputs]
    assert [[word for word, _ in each] for each in told] == [["Get"], ["Hit"], ["Get"]], outputs


def test_curl_keeps_what_has_not_changed(tmp_path: Path, here: Network) -> None:
    given = ("--location", "--output", "x", "--write-out", "%{http_code}", f"{here.url}/dl/{IMAGE}")
    assert curl(tmp_path, "--remote-time", *given).stdout == "200"
    assert curl(tmp_path, "--time-cond", "x", *given).stdout == "304"
    assert curl(tmp_path, "--time-cond", "Thu, 01 Jan 1970 00:00:01 GMT", *given).stdout == "200"


@pytest.mark.slow
@pytest.mark.parametrize("tree", ["dl", "strict"])
def test_apt_takes_release_from_the_origin_and_the_rest_from_a_mirror(tmp_path: Path, here: Network, tree: str) -> None:
    need("apt-get")
    apt = Apt(tmp_path / "apt", f"{here.url}/{tree}/debian")
    updated = apt("apt-get", "update")
    assert updated.returncode == 0, updated.stdout + updated.stderr
    got = apt("apt-get", "download", "hello")
    assert got.returncode == 0, got.stdout + got.stderr

    assert (tmp_path / "apt" / "hello_2.0_all.deb").read_bytes() == b"0123456789"
    assert "GET /debian/dists/stable/Release" in here.requests(ORIGIN)
    assert not any("Release" in each for each in here.requests("first"))
    assert f"GET /debian/{PACKAGES}" in here.requests(ORIGIN), "apt stays where Release came from"
    assert here.requests("first") == [f"GET /{POOL}"]
    assert set(asked(here)) == {"first", ORIGIN}
