"""Asking rsync servers: which addresses, which words, and what its endings mean."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mirrorlist.checks.fetching.fetch import Ask
from mirrorlist.checks.fetching.result import Failure, FailureKind, Fetched
from mirrorlist.checks.fetching.subprocesses import MOST_TOLD
from mirrorlist.checks.probing.rsync import (
    MOST_IN_A_FILE,
    Bounds,
    Client,
    Lister,
    NotListed,
    client_of,
    installed_client,
    installed_lister,
    listed_lines,
    lister_of,
    probe,
    read,
)
from mirrorlist.core.files.list_parser import UNREAD_LINE, ListedFile, SymbolicLink, rsync_lines
from mirrorlist.core.health.verdicts import Family, ProbeOutcome, Subject
from mirrorlist.core.model import MAIN, Protocol
from tests.checks.asking import LOOPBACK, guard, names
from tests.checks.servers import ALLOWED_HOST, serving, stays_silent
from tests.indexing.daemons import HOST, needs_rsync, rsync_daemon

GUARD = guard(LOOPBACK, names({"m.test": [ALLOWED_HOST], "inside.test": ["10.0.0.1"], "both.test": ["10.0.0.1"]}))


def asked(
    url: str, client: Client | None, family: Family = Family.IPV4, seconds: float = 30.0
) -> tuple[ProbeOutcome, str]:
    found = probe(Subject("m", MAIN, Protocol.RSYNC, family), url, seconds, GUARD, client)
    return found.outcome, found.detail


def ends(status: int, said: str = "") -> Client:
    return lambda arguments, seconds: (status, said)


def hangs(arguments: list[str], seconds: float) -> tuple[int, str]:
    raise TimeoutError("no end within 1 s")


@pytest.mark.parametrize(
    ("url", "client", "outcome"),
    [
        ("rsync://m.test/linux/", ends(0), ProbeOutcome.GOOD),
        ("rsync://m.test/linux/", ends(5, "@ERROR: Unknown module 'linux'"), ProbeOutcome.MISSING),
        (
            "rsync://m.test/linux/",
            ends(5, "@ERROR: max connections (9) reached -- try again later"),
            ProbeOutcome.LIMITED,
        ),
        ("rsync://m.test/linux/", ends(10, "Connection refused"), ProbeOutcome.UNREACHABLE),
        ("rsync://m.test/linux/", hangs, ProbeOutcome.TIMEOUT),
        ("rsync://m.test/linux/", None, ProbeOutcome.UNCHECKED),
        ("rsync://inside.test/linux/", ends(0), ProbeOutcome.FORBIDDEN),
        ("rsync://unknown.test/linux/", ends(0), ProbeOutcome.UNREACHABLE),
        ("rsync://user@m.test/linux/", ends(0), ProbeOutcome.FORBIDDEN),
        ("rsync://m.test/", ends(0), ProbeOutcome.FORBIDDEN),
        ("rsync://m.test/-e/x;y", ends(0), ProbeOutcome.FORBIDDEN),
        ("rsync://m.test:99999/linux/", ends(0), ProbeOutcome.FORBIDDEN),
        ("http://m.test/linux/", ends(0), ProbeOutcome.FORBIDDEN),
    ],
)
def test_how_rsync_ends_is_what_it_comes_to(url: str, client: Client | None, outcome: ProbeOutcome) -> None:
    assert asked(url, client)[0] is outcome


def test_the_client_connects_to_the_address_that_was_judged() -> None:
    told: list[str] = []

    def client(arguments: list[str], seconds: float) -> tuple[int, str]:
        told.extend(arguments)
        return 0, ""

    asked("rsync://m.test:8730/linux/", client)
    assert told[-1] == f"rsync://{ALLOWED_HOST}:8730/linux/"
    assert "--list-only" in told


def test_a_family_without_an_address_is_told() -> None:
    assert asked("rsync://m.test/linux/", ends(0), Family.IPV6)[0] is ProbeOutcome.NO_ADDRESS


@contextmanager
def daemon(directory: Path) -> Iterator[int]:
    """An rsync daemon with a module called linux."""
    (directory / "tree").mkdir()
    with socket.socket() as free:
        free.bind((ALLOWED_HOST, 0))
        port = int(free.getsockname()[1])
    config = directory / "rsyncd.conf"
    config.write_text(f"use chroot = no\n[linux]\npath = {directory / 'tree'}\nread only = yes\n")
    command = ["rsync", "--daemon", "--no-detach", f"--port={port}", f"--address={ALLOWED_HOST}", f"--config={config}"]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL) as process:
        try:
            for _ in range(100):
                with socket.socket() as tried:
                    if tried.connect_ex((ALLOWED_HOST, port)) == 0:
                        break
                time.sleep(0.02)
            yield port
        finally:
            process.kill()


@needs_rsync
def test_a_real_server_lists_its_module_and_no_other(tmp_path: Path) -> None:
    with daemon(tmp_path) as port:
        client = installed_client()
        assert asked(f"rsync://m.test:{port}/linux/", client) == (ProbeOutcome.GOOD, "")
        assert asked(f"rsync://m.test:{port}/other/", client)[0] is ProbeOutcome.MISSING


@needs_rsync
def test_a_server_that_stays_silent_is_too_slow() -> None:
    with serving(stays_silent) as server:
        start = time.monotonic()
        found = asked(f"rsync://m.test:{server.port}/linux/", installed_client(), seconds=1.0)
    assert found[0] in (ProbeOutcome.TIMEOUT, ProbeOutcome.UNREACHABLE)
    assert time.monotonic() - start < 15


def program(directory: Path, text: str) -> Client:
    file = directory / "rsync"
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)
    return client_of(str(file))


def test_what_a_server_says_without_end_is_cut(tmp_path: Path) -> None:
    status, said = program(tmp_path, "/usr/bin/head -c 30000000 /dev/zero | /usr/bin/tr '\\0' x >&2; exit 5")([], 30.0)
    assert (status, len(said)) == (5, MOST_TOLD)


@pytest.mark.slow
def test_a_client_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    client = program(tmp_path, "/bin/sleep 300 & echo $! > pid; cd /; wait".replace("pid", str(tmp_path / "pid")))
    with pytest.raises(TimeoutError, match="no end within 2 s"):
        client([], 2.0)
    started = Path("/proc") / (tmp_path / "pid").read_text().strip()
    deadline = time.monotonic() + 30
    while started.exists() and "\tZ" not in (started / "status").read_text() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not started.exists() or "\tZ" in (started / "status").read_text()


def writes(body: bytes | None, status: int = 0, said: str = "") -> Client:
    """Copies these bytes to where it is told."""

    def client(arguments: list[str], seconds: float) -> tuple[int, str]:
        if body is not None:
            Path(arguments[-1]).write_bytes(body)
        return status, said

    return client


FILE = "rsync://m.test/linux/a"


@pytest.mark.parametrize(
    ("url", "client", "expected"),
    [
        (FILE, writes(b"now"), (200, b"now")),
        (FILE, writes(b""), (200, b"")),
        (FILE, writes(None, 23, 'rsync: link_stat "/a" failed: No such file or directory (2)'), (404, b"")),
        (FILE, writes(None, 23, "Permission denied"), FailureKind.BROKEN_OFF),
        (FILE, writes(b"half", 12, "error in rsync protocol data stream"), FailureKind.BROKEN_OFF),
        (FILE, writes(None), FailureKind.TOO_LARGE),
        (FILE, hangs, FailureKind.DEADLINE),
        (FILE, None, FailureKind.LOCAL),
        ("rsync://inside.test/linux/a", writes(b"now"), FailureKind.FORBIDDEN_ADDRESS),
        ("rsync://unknown.test/linux/a", writes(b"now"), FailureKind.UNRESOLVABLE),
        ("rsync://m.test/linux/%60id%60", writes(b"now"), FailureKind.FORBIDDEN_ADDRESS),
    ],
)
def test_a_file_is_read_as_over_the_web(
    url: str, client: Client | None, expected: tuple[int, bytes] | FailureKind
) -> None:
    found = read(url, Ask(), GUARD, client)
    assert (found.kind if isinstance(found, Failure) else (found.status, found.body)) == expected


def test_a_link_that_a_client_leaves_is_not_followed() -> None:
    def client(arguments: list[str], seconds: float) -> tuple[int, str]:
        Path(arguments[-1]).symlink_to("/etc/hostname")
        return 0, ""

    found = read(FILE, Ask(), GUARD, client)
    assert isinstance(found, Failure)


@needs_rsync
def test_a_real_server_gives_its_files_within_bounds(tmp_path: Path) -> None:
    with daemon(tmp_path) as port:
        tree = tmp_path / "tree"
        (tree / "sub").mkdir()
        (tree / "sub/repomd.xml").write_bytes(b"x" * 1000)
        (tree / "TIME").symlink_to("sub/repomd.xml")
        (tree / "outside").symlink_to("/etc/hostname")

        def of(path: str, most: int = 1000, family: Family = Family.IPV4) -> object:
            ask = Ask(most_bytes=most, family=family, deadline_seconds=20.0)
            found = read(f"rsync://m.test:{port}/linux/{path}", ask, GUARD, installed_client())
            return (found.status, len(found.body)) if isinstance(found, Fetched) else found.kind

        assert [of("sub/repomd.xml"), of("TIME"), of("absent")] == [(200, 1000), (200, 1000), (404, 0)]
        assert of("sub/repomd.xml", 999) is FailureKind.TOO_LARGE
        assert of("sub") is FailureKind.TOO_LARGE
        assert of("TIME", family=Family.IPV6) is FailureKind.NO_ADDRESS_IN_FAMILY
        assert of("outside") != (200, len(Path("/etc/hostname").read_bytes()))


def test_a_file_without_end_is_cut(tmp_path: Path) -> None:
    client = program(tmp_path, 'for last; do :; done; exec /usr/bin/head -c 60000000 /dev/zero > "$last"')
    found = client([str(tmp_path / "copied")], 30.0)
    assert found[0] != 0
    assert (tmp_path / "copied").stat().st_size == MOST_IN_A_FILE


LISTING_GUARD = guard(
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
    return list(listed_lines(url, bounds or Bounds(seconds=60), LISTING_GUARD, lister))


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


def lists(tmp_path: Path, script: str) -> Lister:
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
    told = said("rsync://m.test/linux/", lists(tmp_path, script), bounds)
    assert expected in told
    assert told.isprintable()
    assert told.isascii()


def test_what_may_not_be_read_or_vanished_spoils_no_list(tmp_path: Path) -> None:
    for status in (0, 23, 24):
        mark = [UNREAD_LINE] if status == 23 else []
        told = lines("rsync://m.test/linux/", lists(tmp_path, f"echo '{ROW}'; exit {status}"))
        assert told == [ROW.encode(), *mark]


def test_a_client_has_no_environment_of_ours_and_bounded_memory(tmp_path: Path) -> None:
    script = "sleep 0.2; ulimit -v; env | cut -d= -f1 | sort | tr '\\n' ' '"
    limit, environment = lines("rsync://m.test/linux/", lists(tmp_path, script), Bounds(memory_bytes=1 << 30))
    assert limit == b"1048576"
    assert set(environment.split()) - {b"PWD", b"_", b"SHLVL", b"OLDPWD"} == {b"LC_ALL", b"TZ"}
