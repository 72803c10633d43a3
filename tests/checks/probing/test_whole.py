"""Files that metadata names, asked of servers on loopback: faults of mirrors, and oddities that are none."""

from __future__ import annotations

import socket
from collections.abc import Callable
from functools import partial

import pytest

from mirrorlist.checks.fetching.exchange import Method
from mirrorlist.checks.fetching.fetch import Ask, fetch
from mirrorlist.checks.fetching.result import Failure, Fetched
from mirrorlist.checks.probing.whole import FilesSeen, look_at_files
from mirrorlist.core.content import NamedFile
from mirrorlist.core.health.whole import EACH_LOOK
from tests.checks.asking import LOOPBACK, guard, names
from tests.checks.servers import ALLOWED_HOST, Talk, answer, redirect, says, serving

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
    assert looked(server(_ranges), FILES[:6]) == FilesSeen(6, good=6)
    assert looked(server(_ranges)) == FilesSeen(EACH_LOOK, good=EACH_LOOK)


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
        assert found.fault.startswith(f"{path}: {why}"), found
        assert found.requests <= EACH_LOOK


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
    assert found.fault.startswith("repodata/0.xml.gz: "), found


SILENT = answer("429 Too Many Requests"), answer("503 Service Unavailable"), b""


@pytest.mark.parametrize("said", SILENT)
def test_what_says_nothing_of_a_file_is_no_fault(said: bytes) -> None:
    found = looked(server(at("repodata/2.xml.gz", said)))
    assert (found.good, found.fault) == (None, "")


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
    assert found.fault == ""
    assert found.good is not None
    assert found.good >= 4, "and in a few looks all files are seen"
    assert found.requests <= EACH_LOOK


def test_without_a_known_size_being_there_is_enough() -> None:
    files = tuple(NamedFile(file.path) for file in FILES[:2])
    assert looked(server(_ranges), files) == FilesSeen(2, good=2)
    page = answer("200 OK", HTML, "Content-Type: text/html")
    assert looked(says(page), files).fault == "repodata/0.xml.gz: an HTML page"


def test_an_empty_file_has_no_first_byte() -> None:
    said = answer("416 Range Not Satisfiable", b"", "Content-Range: bytes */0")
    assert looked(says(said), (NamedFile("a", 0),)) == FilesSeen(1, good=1)
    assert looked(server(partial(lambda verb, path: None)), (NamedFile("a", 0),)).fault
