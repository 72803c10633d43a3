"""Asking a mirror for single files: what counts as an answer, and when to stop."""

from __future__ import annotations

import os
import time
from functools import partial
from pathlib import Path

from mirrorlist.checks.fetching.fetch import Ask, Fetch, Guard, fetch
from mirrorlist.checks.fetching.result import Failure, FailureKind, Fetched
from mirrorlist.checks.probing.heads import Timeouts, ask, tree_of
from mirrorlist.checks.probing.one_byte import FileAnswer
from mirrorlist.core.files.mirror_listing import ABSENT, UNKNOWN
from mirrorlist.core.model import Protocol
from tests.checks.asking import LOOPBACK
from tests.indexing.daemons import HOST, web_server


def test_a_real_mirror_is_asked(tmp_path: Path) -> None:
    file = tmp_path / "isos" / "a b%.iso"
    file.parent.mkdir()
    file.write_bytes(b"12345")
    os.utime(file, (1_700_000_000, 1_700_000_000))
    with web_server(tmp_path) as port:
        wanted = ["isos/a b%.iso", "isos/none.iso", "isos"]
        fetches = partial(fetch, guard=Guard(allowed=LOOPBACK))
        found = ask(f"http://{HOST}:{port}/", wanted, fetches, time.monotonic, Timeouts())
    assert found["isos/a b%.iso"] == FileAnswer(5, 1_700_000_000)
    assert found["isos/none.iso"] == FileAnswer(ABSENT)


def answers(status: int, body: bytes = b"", **headers: str) -> Fetched:
    return Fetched(status, {key.replace("_", "-"): value for key, value in headers.items()}, body, "", "", 0, None)


def asked(*replies: Fetched | Failure) -> tuple[dict[str, FileAnswer], list[str]]:
    """What is known of files 0, 1, 2, ... and what was asked for."""
    waiting, urls = list(replies), []

    def replying(url: str, wanted: Ask) -> Fetched | Failure:
        urls.append(f"{wanted.method.verb} {url.rpartition('/')[2]}")
        return waiting.pop(0)

    fetches: Fetch = replying
    return ask("http://m/", [str(number) for number in range(len(replies))], fetches, lambda: 0.0, Timeouts()), urls


def test_a_server_that_sends_whole_files_is_asked_by_head_and_by_get_in_turn() -> None:
    whole, head = answers(200, b"x", content_length="7"), answers(200, content_length="7")
    found, requests = asked(whole, head, head, head, answers(403), head)
    assert requests == ["GET 0", "HEAD 1", "HEAD 2", "HEAD 3", "GET 4", "HEAD 5"]
    assert found["4"] == FileAnswer(ABSENT, why="status 403")


def test_the_size_is_that_of_the_whole_file() -> None:
    found, _ = asked(
        answers(206, content_range="bytes 0-0/700", content_length="1"), answers(206, content_length="1"),
        answers(416, content_range="bytes */0"), answers(206, content_range="bytes 0-0/*"), answers(416),
    )  # fmt: skip
    assert found == {"0": FileAnswer(700), "2": FileAnswer(0), "3": FileAnswer(UNKNOWN)}


def test_what_a_mirror_redirects_to_others_it_does_not_have() -> None:
    found, urls = asked(*[Failure(FailureKind.ELSEWHERE, "m")] * 5)
    assert ({each.size for each in found.values()}, len(urls)) == ({ABSENT}, 5)


def test_a_mirror_that_does_not_answer_is_left_alone() -> None:
    dead = Failure(FailureKind.TIMEOUT, "m")
    found, urls = asked(answers(404), dead, dead, answers(404), dead, dead, dead, answers(404))
    assert (list(found), len(urls)) == (["0", "3"], 7)


def test_all_requests_to_a_mirror_have_one_deadline() -> None:
    clock = iter(range(0, 1000, 50))
    found = ask(
        "http://m/",
        [str(n) for n in range(9)],
        lambda url, wanted: answers(404),
        lambda: float(next(clock)),
        Timeouts(),
    )
    assert 0 < len(found) < 5


def test_https_is_asked_before_http() -> None:
    assert tree_of({Protocol.HTTP: "http://m/", Protocol.HTTPS: "https://m/"}) == "https://m/"
    assert tree_of({Protocol.FTP: "ftp://m/"}) is None
