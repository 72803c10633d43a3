"""Whole lists over rsync: real daemons, addresses that are refused, and servers and clients without measure."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mirrorlist.checks.probing.rsync_list import Bounds, Lister, NotListed, installed_lister, listed_lines, lister_of
from mirrorlist.core.files.list_parser import UNREAD_LINE, ListedFile, SymbolicLink, rsync_lines
from tests.checks.asking import LOOPBACK, guard, names
from tests.checks.servers import ALLOWED_HOST, serving, stays_silent
from tests.indexing.daemons import HOST, needs_rsync, rsync_daemon

GUARD = guard(
    LOOPBACK,
    names(
        {
            "m.test": [HOST],
            "m2.test": [ALLOWED_HOST],
            "in.test": ["10.0.0.1"],
            "six.test": ["::1"],
            "meta.test": ["169.254.169.254"],
        }
    ),
)


def lines(url: str, lister: Lister | None, bounds: Bounds | None = None) -> list[bytes]:
    return list(listed_lines(url, bounds or Bounds(seconds=60), GUARD, lister))


def said(url: str, lister: Lister | None, bounds: Bounds | None = None) -> str:
    with pytest.raises(NotListed) as caught:
        lines(url, lister, bounds)
    return str(caught.value)


@needs_rsync
def test_a_real_tree_in_utc_with_exact_sizes_and_any_name(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "9" / ".~tmp~").mkdir(parents=True)
    (tree / "9" / ".~tmp~" / "half.rpm").write_bytes(b"x")
    sizes = {"9/big.iso": 1_234_567, "9/grüße und $HOME.txt": 3, "9/new\nline": 1, "9/back\\slash": 1, "empty": 0}
    for name, size in sizes.items():
        (tree / name).write_bytes(b"x" * size)
        os.utime(tree / name, (1_700_000_000, 1_700_000_000))
    (tree / "current").symlink_to("9")
    with rsync_daemon(tree, tmp_path / "rsyncd.conf") as port:
        found = list(rsync_lines(lines(f"rsync://m.test:{port}/linux/", installed_lister())))
        missing = said(f"rsync://m.test:{port}/other/", installed_lister())
    assert {row.path.decode(): row.size for row in found if isinstance(row, ListedFile)} == {
        name: size for name, size in sizes.items() if "\n" not in name and "\\" not in name
    }
    assert {row.mtime for row in found if isinstance(row, ListedFile)} == {1_700_000_000}
    assert [row for row in found if isinstance(row, SymbolicLink)] == [SymbolicLink(b"current", b"9")]
    assert "Unknown module" in missing


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("rsync://in.test/linux/", "private"), ("rsync://unknown.test/linux/", "does not resolve"),
        ("rsync://m.test/-e/x;y", "plain path"), ("rsync://user:secret@m.test/linux/", "plain path"),
        ("http://m.test/linux/", "rsync://"), ("rsync://meta.test/linux/", "metadata"),
        ("rsync://m.test:99999/linux/", "not a URL"),
    ],
)  # fmt: skip
def test_an_address_that_is_not_allowed_is_never_connected_to(url: str, expected: str) -> None:
    def lister(url: str, bounds: Bounds) -> Iterator[bytes]:
        raise AssertionError(url)

    assert expected in said(url, lister)


def test_the_client_gets_the_address_that_was_judged() -> None:
    def lister(url: str, bounds: Bounds) -> Iterator[bytes]:
        yield url.encode()

    assert lines("rsync://m.test:8730/linux/", lister) == [f"rsync://{HOST}:8730/linux/".encode()]
    assert lines("rsync://six.test/linux/", lister) == [b"rsync://[::1]:873/linux/"]


def test_without_a_client_nothing_is_listed() -> None:
    assert said("rsync://m.test/linux/", None) == "the rsync client is not installed here"


@needs_rsync
def test_a_server_that_stays_silent_is_given_up() -> None:
    with serving(stays_silent) as server:
        begun = time.monotonic()
        told = said(f"rsync://m2.test:{server.port}/linux/", installed_lister(), Bounds(seconds=1))
    assert "within 1 s" in told
    assert time.monotonic() - begun < 30


def program(tmp_path: Path, script: str) -> Lister:
    """A client that prints what a hostile server would have it print."""
    file = tmp_path / "client"
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
    return lister_of(str(file))


ROW = "-rw-r--r-- 1 2024/01/02 03:04:05 a"


@pytest.mark.parametrize(
    ("script", "bounds", "expected"),
    [
        (f"yes -- '{ROW}'", Bounds(lines=100_000), "more than 100000 lines"),
        ("yes 'x'", Bounds(most_bytes=1_000_000), "1000000 bytes"),
        ("head -c 100000000 /dev/zero", Bounds(), "a line of more than"),
        (f"yes -- '{ROW}' | head -n 5; exec sleep 600", Bounds(seconds=1), "within 1 s"),
        (f"echo '{ROW}'; echo 'broken pipe' >&2; exit 12", Bounds(), "rsync ended with 12: broken pipe"),
        ("head -c 50000000 /dev/zero >&2; printf '\\n\\033[31mred' >&2; exit 5", Bounds(), "rsync ended with 5"),
        ("exit 10", Bounds(), "rsync ended with 10"),
        ("kill -24 $$", Bounds(), "rsync ended with -24"),
    ],
)
def test_a_client_without_measure_is_ended(script: str, bounds: Bounds, expected: str, tmp_path: Path) -> None:
    told = said("rsync://m.test/linux/", program(tmp_path, script), bounds)
    assert expected in told
    assert told.isprintable()
    assert told.isascii()


def test_what_may_not_be_read_or_vanished_spoils_no_list(tmp_path: Path) -> None:
    for status in (0, 23, 24):
        mark = [UNREAD_LINE] if status == 23 else []
        told = lines("rsync://m.test/linux/", program(tmp_path, f"echo '{ROW}'; exit {status}"))
        assert told == [ROW.encode(), *mark]


def test_a_client_has_no_environment_of_ours_and_bounded_memory(tmp_path: Path) -> None:
    script = "sleep 0.2; ulimit -v; env | cut -d= -f1 | sort | tr '\\n' ' '"
    limit, environment = lines("rsync://m.test/linux/", program(tmp_path, script), Bounds(memory_bytes=1 << 30))
    assert limit == b"1048576"
    assert set(environment.split()) - {b"PWD", b"_", b"SHLVL", b"OLDPWD"} == {b"LC_ALL", b"TZ"}
