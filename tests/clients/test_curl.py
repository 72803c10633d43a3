"""Real curl, as scripts and people use the lists."""

from __future__ import annotations

from pathlib import Path
from subprocess import CompletedProcess

import pytest

from mirrorlist.web.responses import LEAST_BYTES
from tests.clients.network import ARCH, PATH, Network
from tests.clients.tools import need, run

pytestmark = pytest.mark.client

LIST = "/mirrorlist?repo=baseos-9&arch=x86_64"
METALINK = "/metalink?repo=baseos-9&arch=x86_64"


@pytest.fixture(autouse=True)
def _needs_curl() -> None:
    need("curl")


def curl(cwd: Path, *arguments: str) -> CompletedProcess[str]:
    return run("curl", "--disable", "--silent", "--show-error", "--max-time", "20", *arguments, cwd=cwd)


def headers_in(text: str) -> dict[str, str]:
    rows = (line.partition(":") for line in text.splitlines() if ":" in line)
    return {name.lower(): value.strip() for name, _, value in rows}


def test_curl_reads_a_list_that_a_shell_can_loop_over(tmp_path: Path, shared: Network) -> None:
    got = curl(tmp_path, f"{shared.url}{LIST}")

    expected = [f"{shared.addresses[name]}{PATH}/" for name in shared.mirrors]
    assert got.stdout.splitlines() == ["# repo = baseos-9 arch = x86_64 ", *expected]
    assert got.stdout.endswith("\n")


@pytest.mark.parametrize("path", [LIST, METALINK, "/mirrorlist/9/baseos"])
def test_compressed_or_not_the_answer_is_the_same(tmp_path: Path, shared: Network, path: str) -> None:
    plain = curl(tmp_path, f"{shared.url}{path}")
    packed = curl(tmp_path, "--compressed", f"{shared.url}{path}")
    asked = curl(tmp_path, "--head", "--header", "Accept-Encoding: gzip", f"{shared.url}{path}")
    is_long = len(plain.stdout) >= LEAST_BYTES

    assert packed.stdout == plain.stdout != ""
    assert headers_in(asked.stdout).get("content-encoding") == ("gzip" if is_long else None)
    assert headers_in(asked.stdout)["vary"] == "Accept-Encoding"


@pytest.mark.parametrize(
    "path", [LIST, METALINK, f"{LIST}&redirect=1", f"/isolist/9/{ARCH}", "/mirrorlist/9/nope", "/metalink", "/nothing"]
)
def test_head_tells_what_get_does(tmp_path: Path, shared: Network, path: str) -> None:
    told = curl(tmp_path, "--head", f"{shared.url}{path}")
    got = curl(tmp_path, "--include", f"{shared.url}{path}")
    head, _, body = got.stdout.partition("\n\n")

    expected = headers_in(head)
    assert told.stdout.splitlines()[0] == head.splitlines()[0]
    assert expected["content-length"] == str(len(body.encode()))
    assert {**headers_in(told.stdout), "date": ""} == {**expected, "date": ""}


def test_redirect_leads_to_the_file_on_the_first_mirror(tmp_path: Path, shared: Network) -> None:
    asked = f"{shared.url}/mirrorlist?path=9/BaseOS/x86_64/os/repodata/repomd.xml&redirect=1"
    got = curl(tmp_path, "--location", asked)

    expected = shared.tree("first") / PATH / "repodata" / "repomd.xml"
    assert got.stdout == expected.read_text()
    assert shared.requests("first") == [f"GET /{PATH}/repodata/repomd.xml"]


@pytest.mark.parametrize(
    ("path", "status", "ends"),
    [
        ("/mirrorlist/$releasever/baseos", "404", ""),
        ("/mirrorlist?repo=baseos-$releasever&arch=$basearch", "404", ""),
        ("/metalink?repo=baseos-9&arch=$basearch", "400", ""),
        ("/mirrorlist?release=9&repo=baseos&arch=$basearch", "200", "9.8/BaseOS/$basearch/os/"),
        ("/mirrorlist/9/baseos", "200", "9.8/BaseOS/$basearch/os/"),
    ],
)
def test_variables_that_nobody_filled_in(tmp_path: Path, shared: Network, path: str, status: str, ends: str) -> None:
    """yum fills in ``$releasever`` and ``$basearch``; a shell with single quotes does not."""
    got = curl(tmp_path, "--globoff", "--write-out", "%{http_code}", f"{shared.url}{path}")

    *lines, code = got.stdout.splitlines()
    assert code == status
    assert [line for line in lines if not line.startswith("#")] == [
        f"{shared.addresses[name]}{ends}" for name in shared.mirrors if ends
    ]


def test_another_method_is_told_which_ones_work(tmp_path: Path, shared: Network) -> None:
    got = curl(tmp_path, "--include", "--data", "repo=baseos-9", f"{shared.url}/mirrorlist")

    assert got.stdout.splitlines()[0].split()[1] == "405"
    assert headers_in(got.stdout)["allow"] == "GET, HEAD"
