"""Asking a mirror for single files: which answers to GET and HEAD count, and when to stop."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from mirrorlist.checks.fetching.exchange import Method
from mirrorlist.checks.fetching.fetch import Ask, Fetch, Guard, fetch
from mirrorlist.checks.fetching.result import Failure, FailureKind, Fetched
from mirrorlist.checks.probing.one_byte import (
    NOT_GIVEN,
    FileAnswer,
    FileReply,
    FilesSeen,
    Timeouts,
    ask,
    by_get,
    by_head,
    look_at_files,
    tree_of,
)
from mirrorlist.core.content import NamedFile
from mirrorlist.core.files.mirror_listing import ABSENT, UNKNOWN
from mirrorlist.core.health.elsewhere import Elsewhere
from mirrorlist.core.health.whole import EACH_LOOK
from mirrorlist.core.model import Protocol
from tests.checks.asking import LOOPBACK, guard, names
from tests.checks.servers import ALLOWED_HOST, Talk, answer, by_path, redirect, says, serving
from tests.indexing.daemons import HOST, web_server

URL = "http://m/file"
GONE = FileReply(FileAnswer(ABSENT))


def lacks(why: str) -> FileReply:
    return FileReply(FileAnswer(ABSENT, why=why))


def reply(status: int, body: bytes = b"", **headers: str) -> Fetched:
    return Fetched(status, {key.replace("_", "-"): value for key, value in headers.items()}, body, URL, "", 0, None)


@pytest.mark.parametrize(
    ("got", "said"),
    [
        (reply(206, b"x", content_range="bytes 0-0/7"), FileReply(FileAnswer(7))),
        (reply(206, b"x", content_range="bytes 0-0/77"), FileReply(FileAnswer(77))),
        (reply(206, b"x", content_range="Bytes 0-0/*"), FileReply(FileAnswer(UNKNOWN))),
        (reply(206, b"x"), lacks("another range than the one that was asked for")),
        (reply(206, b"x", content_range="bytes 0-6/7"), lacks("another range than the one that was asked for")),
        (reply(206, content_range="bytes 0-0/7"), lacks("another range than the one that was asked for")),
        (reply(416, content_range="bytes */7"), lacks("status 416 for its first byte: ranges are broken")),
        (reply(200, b"x", content_length="7"), FileReply(FileAnswer(7), whole=True)),
        (reply(200, b"x", content_length="77"), FileReply(FileAnswer(77), whole=True)),
        (reply(200, b"", content_length="0"), FileReply(FileAnswer(0))),
        (reply(200, b"x"), FileReply(FileAnswer(UNKNOWN), whole=True)),
        (reply(200, b"x", content_length="9" * 40), FileReply(FileAnswer(UNKNOWN), whole=True)),
        (reply(200), lacks("an empty answer")),
        (reply(200, b"<", content_type="text/html"), lacks("an HTML page")),
        (reply(200, b"<", content_type="text/html", content_length="77"), lacks("an HTML page")),
        (reply(200, b"x", content_type="text/html", content_length="7"), FileReply(FileAnswer(7), whole=True)),
        (reply(200, b"x", content_encoding="br"), lacks("compressed on the way, although identity was asked for")),
        (reply(404), GONE),
        (reply(410), GONE),
        *((reply(status), lacks(f"status {status}")) for status in (204, 300, 302, 403, 451, 500, 502, 504, 508)),
        (reply(429), FileReply(None)),
        (reply(503), FileReply(None)),
        (Failure(FailureKind.TIMEOUT, "m"), FileReply(None, failed=True)),
        *((Failure(kind, "m"), lacks(f"{kind.value}: m")) for kind in sorted(NOT_GIVEN)),
    ],
)
def test_the_first_byte_proves_a_file(got: Fetched | Failure, said: FileReply) -> None:
    assert by_get(URL, NamedFile("file", 7), Ask(), lambda url, ask: got) == said


@pytest.mark.parametrize(
    "refusal",
    [*(reply(status) for status in (400, 401, 403, 404, 405, 429, 500, 501, 503)), reply(200),
     reply(200, content_length="0"), reply(200, content_length="8"), Failure(FailureKind.BROKEN_OFF, "m"), Failure(FailureKind.ELSEWHERE, "m")],
)  # fmt: skip
def test_a_head_that_is_refused_in_any_way_proves_nothing(refusal: Fetched | Failure) -> None:
    def fetches(url: str, ask: Ask) -> Fetched | Failure:
        return refusal if ask.method is Method.HEAD else reply(206, b"x", content_range="bytes 0-0/7")

    assert by_head(URL, NamedFile("file", 7), Ask(), fetches) == FileReply(FileAnswer(7))


def test_one_byte_of_a_large_file_is_read_and_no_more() -> None:
    with serving(by_path({"/big": answer("200 OK", b"x" * 3_000_000)})) as server:
        found = by_get(
            server.url("/big"), NamedFile("big", 3_000_000), Ask(), lambda url, ask: fetch(url, ask, guard())
        )
    assert found == FileReply(FileAnswer(3_000_000), whole=True)
    assert b"Range: bytes=0-0" in server.heads[0]


def test_a_redirect_to_somebody_else_is_no_possession_and_is_not_followed() -> None:
    with serving(by_path({})) as origin, serving(by_path({"/a": redirect(origin.url("/a"))})) as server:

        def fetches(url: str, ask: Ask) -> Fetched | Failure:
            return fetch(url, ask, guard())

        others = Elsewhere({f"{ALLOWED_HOST}:{origin.port}": "the origin"})
        found = by_get(server.url("/a"), NamedFile("a"), Ask(elsewhere=others), fetches)
        assert not origin.heads
    assert found.answer is not None
    told = f"redirect to another's tree: {origin.url('/a')} is the origin"
    assert (found.answer.size, found.answer.why.startswith(told)) == (ABSENT, True)


def test_a_circle_of_redirects_is_seen() -> None:
    with serving(by_path({"/a": redirect("/b"), "/b": redirect("/a")})) as server:
        found = fetch(server.url("/a"), Ask(), guard())
    assert isinstance(found, Failure)
    assert found.kind is FailureKind.CIRCLE


def test_a_real_mirror_is_asked(tmp_path: Path) -> None:
    file = tmp_path / "isos" / "a b%.iso"
    file.parent.mkdir()
    file.write_bytes(b"12345")
    os.utime(file, (1_700_000_000, 1_700_000_000))
    with web_server(tmp_path) as port:
        wanted = dict.fromkeys(["isos/a b%.iso", "isos/none.iso", "isos"], 5)
        fetches = partial(fetch, guard=Guard(allowed=LOOPBACK))
        found = ask(f"http://{HOST}:{port}/", wanted, fetches, time.monotonic, Timeouts())
    assert found["isos/a b%.iso"] == FileAnswer(5, 1_700_000_000)
    assert found["isos/none.iso"] == FileAnswer(ABSENT)


def asked(*replies: Fetched | Failure) -> tuple[dict[str, FileAnswer], list[str]]:
    """What is known of files 0, 1, 2, ... and what was asked for."""
    waiting, urls = list(replies), []

    def replying(url: str, wanted: Ask) -> Fetched | Failure:
        urls.append(f"{wanted.method.verb} {url.rpartition('/')[2]}")
        return waiting.pop(0)

    fetches: Fetch = replying
    return ask(
        "http://m/", {str(number): None for number in range(len(replies))}, fetches, lambda: 0.0, Timeouts()
    ), urls


def test_a_server_that_sends_whole_files_is_asked_by_head_and_by_get_in_turn() -> None:
    whole, head = reply(200, b"x", content_length="7"), reply(200, content_length="7")
    found, requests = asked(whole, head, head, head, reply(403), head)
    assert requests == ["GET 0", "HEAD 1", "HEAD 2", "HEAD 3", "GET 4", "HEAD 5"]
    assert found["4"] == FileAnswer(ABSENT, why="status 403")


def test_the_size_is_that_of_the_whole_file() -> None:
    found, _ = asked(
        reply(206, b"x", content_range="bytes 0-0/700", content_length="1"), reply(416, content_range="bytes */0"),
        reply(206, b"x", content_range="bytes 0-0/*"),
    )  # fmt: skip
    assert found == {"0": FileAnswer(700), "1": FileAnswer(0), "2": FileAnswer(UNKNOWN)}


def test_what_a_mirror_redirects_to_others_it_does_not_have() -> None:
    found, urls = asked(*[Failure(FailureKind.ELSEWHERE, "m")] * 5)
    assert ({each.size for each in found.values()}, len(urls)) == ({ABSENT}, 5)


def test_a_mirror_that_does_not_answer_is_left_alone() -> None:
    dead = Failure(FailureKind.TIMEOUT, "m")
    found, urls = asked(reply(404), dead, dead, reply(404), dead, dead, dead, reply(404))
    assert (list(found), len(urls)) == (["0", "3"], 7)


@pytest.mark.parametrize("refusal", [reply(403), reply(404), reply(429), reply(200, b"<", content_type="text/html")])
def test_who_refuses_the_prober_alone_is_asked_as_a_client(refusal: Fetched) -> None:
    agents: list[str | None] = []

    def fetches(url: str, wanted: Ask) -> Fetched:
        agents.append(wanted.user_agent)
        return reply(206, b"x", content_range="bytes 0-0/7") if wanted.user_agent else refusal

    found = ask("http://m/", {"a": 7, "b": 7}, fetches, lambda: 0.0, Timeouts(), user_agent="libdnf")
    assert (found, agents) == ({"a": FileAnswer(7), "b": FileAnswer(7)}, [None, "libdnf", "libdnf"])


def test_refusals_of_everybody_are_doubted_three_times() -> None:
    agents: list[str | None] = []

    def fetches(url: str, wanted: Ask) -> Fetched:
        agents.append(wanted.user_agent)
        return reply(404)

    ask("http://m/", dict.fromkeys("abcde", 7), fetches, lambda: 0.0, Timeouts(), user_agent="apt")
    assert (agents.count(None), agents.count("apt")) == (5, 3)


def test_all_requests_to_a_mirror_have_one_deadline() -> None:
    clock = iter(range(0, 1000, 50))
    found = ask(
        "http://m/",
        {str(n): None for n in range(9)},
        lambda url, wanted: reply(404),
        lambda: float(next(clock)),
        Timeouts(),
    )
    assert 0 < len(found) < 5


def test_https_is_asked_before_http() -> None:
    assert tree_of({Protocol.HTTP: "http://m/", Protocol.HTTPS: "https://m/"}) == "https://m/"
    assert tree_of({Protocol.FTP: "ftp://m/"}) is None


DATA = b"\x1f\x8b" + b"x" * 700
FILES = tuple(NamedFile(f"repodata/{number}.xml.gz", len(DATA)) for number in range(10))
Change = Callable[[bytes, bytes], bytes | None]
"""What a server says in place of the usual answer to a request's head, by the file; None for the usual."""


def server(change: Change, body: bytes = DATA) -> Talk:
    """A server that knows HEAD and ranges, and gives ``body`` for everything."""

    def talk(connection: socket.socket, head: bytes) -> None:
        verb, path, _ = head.split(b" ", 2)
        said = change(verb, path) if change is not _ranges else None
        if said is None:
            said = usual(head, body)
        connection.sendall(said)

    return talk


def usual(head: bytes, body: bytes) -> bytes:
    if head.startswith(b"HEAD "):
        return answer(body=body)[: -len(body)]
    if b"bytes=0-0" in head:
        return answer("206 Partial Content", body[:1], f"Content-Range: bytes 0-0/{len(body)}")
    return answer(body=body)


def _ranges(verb: bytes, path: bytes) -> bytes | None:
    return None


def looked(talk: Talk, files: tuple[NamedFile, ...] = FILES, most: float = 2.0) -> FilesSeen:
    of = guard(LOOPBACK, names({"m.test": [ALLOWED_HOST]}))
    with serving(talk, ALLOWED_HOST) as running:

        def asked(path: str, method: Method) -> Fetched | Failure | None:
            return fetch(running.url(host="m.test") + path, Ask(method=method, deadline_seconds=most), of)

        return look_at_files(files, asked)


def at(path: str, said: bytes, verbs: bytes = b"HEAD GET") -> Change:
    return lambda verb, of: said if of == f"/{path}".encode() and verb in verbs.split() else None


def test_files_that_are_there_cost_a_request_each() -> None:
    assert looked(server(_ranges), FILES[:6]) == FilesSeen(6, 6)
    assert looked(server(_ranges)) == FilesSeen(EACH_LOOK, EACH_LOOK)


def test_a_look_goes_on_after_a_fault_and_ends_after_some() -> None:
    def lacking(*numbers: int) -> FilesSeen:
        gone = {f"/repodata/{number}.xml.gz".encode() for number in numbers}
        return looked(server(lambda verb, path: answer("404 Not Found") if path in gone else None), FILES[:6])

    def missing(*numbers: int) -> tuple[str, ...]:
        return tuple(f"repodata/{number}.xml.gz: missing" for number in numbers)

    assert lacking(0, 4) == FilesSeen(6, 6, missing(0, 4))
    assert lacking(0, 1, 2, 3) == FilesSeen(3, 3, missing(0, 1, 2))


HTML = b"<html>not found, but 200</html>"
FAULTS = {
    "missing": (answer("404 Not Found"), "missing"),
    "gone": (answer("410 Gone"), "missing"),
    "forbidden": (answer("403 Forbidden"), "status 403"),
    "broken": (answer("500 Internal Server Error"), "status 500"),
    "no backend": (answer("502 Bad Gateway"), "status 502"),
    "short": (answer(body=DATA[:-1]), f"{len(DATA) - 1} bytes, but {len(DATA)} at the origin"),
    "empty": (answer(body=b""), f"0 bytes, but {len(DATA)} at the origin"),
    "a page": (answer("200 OK", HTML, "Content-Type: text/html; charset=utf-8"), "an HTML page"),
    "to no web address": (redirect("ftp://m.test/x"), "forbidden redirect"),
    "a circle": (redirect("/repodata/3.xml.gz"), "redirects in a circle"),
}  # fmt: skip


@pytest.mark.parametrize(("said", "why"), [pytest.param(*each, id=name) for name, each in FAULTS.items()])
def test_the_first_file_at_fault_is_named(said: bytes, why: str) -> None:
    for number in (0, 3):
        path = f"repodata/{number}.xml.gz"
        moved = redirect(f"/{path}") if b"/repodata/3.xml.gz" in said else said
        found = looked(server(at(path, moved)))
        assert found.faults[0].startswith(f"{path}: {why}"), found
        assert found.requests <= EACH_LOOK


def test_where_nothing_tells_the_size_the_first_byte_does() -> None:
    """A cache in front of a mirror may give status 200, and no size, to a page that is no HTML."""

    def given(body: bytes, path: str) -> tuple[str, ...]:
        chunked = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n"
        return looked(says(chunked + b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)), (NamedFile(path, 99),)).faults

    for path, body in (
        ("a.rpm", b"\xed\xab"), ("a.deb", b"!<arch>"), ("p.xml.gz", b"\x1f\x8b"), ("p.xml.zst", b"(\xb5/\xfd"),
        ("p.zst", b"P*M\x18"), ("P.xz", b"\xfd7z"), ("P.bz2", b"BZh"), ("core.db", b"n"), ("x.iso", b"n"),
    ):  # fmt: skip
        assert given(body, path) == ()
    for path in ("a.rpm", "a.deb", "p.xml.gz", "p.xml.zst", "P.xz", "P.bz2"):
        assert given(b"no such file", path) == (f"{path}: another file: it begins as none of this kind",)


BROKEN_RANGES = {
    "another range": answer("206 Partial Content", b"xx", f"Content-Range: bytes 5-6/{len(DATA)}"),
    "no word on it": answer("206 Partial Content", b"x"),
    "another size": answer("206 Partial Content", b"x", "Content-Range: bytes 0-0/5"),
    "refused": answer("416 Range Not Satisfiable", b"", f"Content-Range: bytes */{len(DATA)}"),
    "compressed": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("said", [pytest.param(each, id=name) for name, each in BROKEN_RANGES.items()])
def test_a_broken_range_and_changed_bytes_are_faults(said: bytes) -> None:
    found = looked(server(at("repodata/0.xml.gz", said, b"GET")))
    assert found.faults[0].startswith("repodata/0.xml.gz: "), found


SILENT = answer("429 Too Many Requests"), answer("503 Service Unavailable"), b""


@pytest.mark.parametrize("said", SILENT)
def test_what_says_nothing_of_a_file_is_no_fault(said: bytes) -> None:
    found = looked(server(at("repodata/2.xml.gz", said)))
    assert (found.seen, found.faults) == (None, ())


def chunked(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)


ODD: dict[str, Change] = {
    "HEAD refused": lambda verb, path: answer("405 Method Not Allowed") if verb == b"HEAD" else None,
    "HEAD forbidden": lambda verb, path: answer("403 Forbidden") if verb == b"HEAD" else None,
    "HEAD without a length": lambda verb, path: b"HTTP/1.1 200 OK\r\n\r\n" if verb == b"HEAD" else None,
    "HEAD of length 0": lambda verb, path: b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" if verb == b"HEAD" else None,
    "no ranges": lambda verb, path: answer(body=DATA) if verb == b"GET" else None,
    "no ranges, no length": lambda verb, path: chunked(DATA) if verb == b"GET" else None,
    "no size in the range": lambda verb, path: (
        answer("206 Partial Content", b"x", "Content-Range: bytes 0-0/*") if verb == b"GET" else None
    ),
    "labelled as gzip": lambda verb, path: (
        answer(body=DATA)
        if verb == b"GET"
        else b"HTTP/1.1 200 OK\r\nContent-Encoding: x-gzip\r\nContent-Length: %d\r\n\r\n" % len(DATA)
    ),
    "named as a page": lambda verb, path: answer("200 OK", DATA, "Content-Type: text/html") if verb == b"GET" else None,
    "redirects within the host": lambda verb, path: (
        redirect(f"/real{path.decode()}") if not path.startswith(b"/real") else None
    ),
}


@pytest.mark.parametrize("change", [pytest.param(each, id=name) for name, each in ODD.items()])
def test_an_odd_server_that_gives_the_files_is_whole(change: Change) -> None:
    found = looked(server(change))
    assert found.faults == ()
    assert found.seen is not None
    assert found.seen >= 4, "and in a few looks all files are seen"
    assert found.requests <= EACH_LOOK


def test_without_a_known_size_being_there_is_enough() -> None:
    files = tuple(NamedFile(file.path) for file in FILES[:2])
    assert looked(server(_ranges), files) == FilesSeen(2, 2)
    page = answer("200 OK", HTML, "Content-Type: text/html")
    assert looked(says(page), files).faults[0] == "repodata/0.xml.gz: an HTML page"


def test_an_empty_file_has_no_first_byte() -> None:
    said = answer("416 Range Not Satisfiable", b"", "Content-Range: bytes */0")
    assert looked(says(said), (NamedFile("a", 0),)) == FilesSeen(1, 1)
    assert looked(server(partial(lambda verb, path: None)), (NamedFile("a", 0),)).faults
