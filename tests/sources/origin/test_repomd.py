""""""

from __future__ import annotations

import gzip
import hashlib
import itertools
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirrorlist.core.catalogue.metadata import REPOMD
from mirrorlist.core.errors import OriginError, UnsizedError
from mirrorlist.core.model import Checksummed
from mirrorlist.sources.origin.repomd import (
    LARGEST,
    LARGEST_KEPT,
    KeptAnswers,
    directory_fetch,
    directory_written,
    http_fetch,
    http_size,
    http_written,
    known_size,
    summed_up,
)
from mirrorlist.sources.origin.web import WebExchange, origin_session
from tests.serving import served


def _repomd(*stamps: str, inside: str = "", root: str = "repomd", head: str = "") -> bytes:
    parts = "".join(f'<data type="d{n}"><timestamp>{stamp}</timestamp></data>' for n, stamp in enumerate(stamps))
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n{head}'
        f'<{root} xmlns="http://linux.duke.edu/metadata/repo"><revision>1</revision>{parts}{inside}</{root}>\n'
    ).encode()


FINE = _repomd("1790000000", "1790000005", "1790000003")


@pytest.mark.parametrize(
    ("data", "timestamp"),
    [
        pytest.param(FINE, 1_790_000_005, id="the latest of its parts"),
        pytest.param(_repomd("1790000000.9"), 1_790_000_000, id="a fraction, as createrepo_c may write"),
        pytest.param(_repomd(" 1790000000\n"), 1_790_000_000, id="blanks around"),
        pytest.param(_repomd("no", "7", ""), 7, id="one that is a number"),
        pytest.param(_repomd("no"), 0, id="none that is a number"),
        pytest.param(_repomd("nan", "inf", "-inf", "1e400", "-5"), 0, id="none that is a sane number"),
        pytest.param(_repomd(str(2**40), "5"), 5, id="one out of bounds"),
        pytest.param(_repomd("12<!-- a comment -->34"), 1234, id="a comment inside"),
        pytest.param(
            _repomd("5", inside="<data><other/></data><timestamp>9</timestamp>"), 5, id="one in another place"
        ),
        pytest.param(FINE.decode().replace("UTF-8", "UTF-16").encode("utf-16"), 1_790_000_005, id="another encoding"),
    ],
)
def test_a_repomd_is_summed_up_by_its_bytes_and_its_latest_timestamp(data: bytes, timestamp: int) -> None:
    assert summed_up(data, "x") == Checksummed(
        len(data), timestamp, hashlib.sha256(data).hexdigest(), hashlib.sha512(data).hexdigest()
    )


_BOMB = "<!DOCTYPE repomd [<!ENTITY a '1'>" + "".join(
    f"<!ENTITY {after} '&{before};&{before};&{before};&{before};&{before};&{before};&{before};&{before};'>"
    for before, after in itertools.pairwise("abcdefghijkl")
) + "]>"  # fmt: skip


def test_an_entity_bomb_is_refused_and_not_expanded() -> None:
    began = time.monotonic()
    with pytest.raises(OriginError, match="not XML: Maximum entity amplification"):
        summed_up(_repomd("5", inside="<data><timestamp>&l;</timestamp></data>", head=_BOMB), "x")
    assert time.monotonic() - began < 10


def test_an_entity_gives_no_timestamp() -> None:
    head = "<!DOCTYPE repomd [<!ENTITY x '1790000000'>]>"
    assert summed_up(_repomd("5", "&x;", head=head), "x").timestamp == 5


def test_an_entity_reads_no_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("1234")
    head = f"<!DOCTYPE repomd [<!ENTITY x SYSTEM '{(tmp_path / 'secret').as_uri()}'>]>"
    assert summed_up(_repomd("5", "&x;", head=head), "x").timestamp == 5


@pytest.mark.parametrize(
    ("data", "words"),
    [
        pytest.param(b"", "not XML", id="empty"),
        pytest.param(b"<html><body>Not found<br></body></html>", "not XML", id="html"),
        pytest.param(FINE[:-20], "not XML", id="truncated"),
        pytest.param(FINE + b"x", "not XML", id="something after it"),
        pytest.param(FINE.replace(b"UTF-8", b"UTF-99"), "not XML", id="an unknown encoding"),
        pytest.param(gzip.compress(FINE), "not XML", id="compressed"),
        pytest.param(b"\xff\xfe" + FINE, "not XML", id="another encoding than it says"),
        pytest.param(_repomd("5", root="updates"), "the root element is not repomd", id="another root"),
        pytest.param(_repomd(), "it names no data", id="no parts"),
    ],
)
def test_what_is_no_repomd_is_refused_with_its_place_and_reason(data: bytes, words: str) -> None:
    with pytest.raises(OriginError) as caught:
        summed_up(data, "9/os/repodata/repomd.xml")
    assert str(caught.value).startswith(f"9/os/repodata/repomd.xml: {words}")
    assert "None" not in str(caught.value)


def test_without_a_timestamp_the_time_of_the_file_counts() -> None:
    data = _repomd(inside='<data type="primary"><location href="repodata/p.xml.gz"/></data>')
    assert summed_up(data, "x", lambda: 1_790_000_000).timestamp == 1_790_000_000
    assert summed_up(data, "x").timestamp == 0
    assert summed_up(FINE, "x", lambda: 5).timestamp == 1_790_000_005


@given(st.one_of(st.binary(), st.binary().map(lambda tail: FINE[:60] + tail), st.text().map(str.encode)))
def test_any_bytes_are_summed_up_or_refused(data: bytes) -> None:
    try:
        summed_up(data, "x")
    except OriginError as error:
        assert str(error).startswith("x: ")


def _tree(directory: Path, data: bytes) -> Path:
    (directory / "repodata").mkdir(parents=True)
    (directory / REPOMD).write_bytes(data)
    return directory


def test_a_directory_gives_its_file_or_none(tmp_path: Path) -> None:
    fetch = directory_fetch(_tree(tmp_path / "9", FINE).parent)
    assert fetch(f"9/{REPOMD}") == FINE
    assert fetch(f"8/{REPOMD}") is None
    assert fetch(f"9/{REPOMD}/more") is None
    assert directory_fetch(tmp_path / "nowhere")(REPOMD) is None


def test_a_directory_in_place_of_the_file_is_told(tmp_path: Path) -> None:
    (tmp_path / REPOMD).mkdir(parents=True)
    with pytest.raises(OriginError, match="Is a directory"):
        directory_fetch(tmp_path)(REPOMD)


@pytest.mark.parametrize(("size", "fine"), [(LARGEST, True), (LARGEST + 1, False)])
def test_a_file_may_be_as_large_as_the_bound(tmp_path: Path, size: int, fine: bool) -> None:
    fetch = directory_fetch(_tree(tmp_path, bytes(size)))
    if fine:
        assert fetch(REPOMD) == bytes(size)
    else:
        with pytest.raises(OriginError, match=f"larger than {LARGEST} bytes"):
            fetch(REPOMD)


def test_a_directory_tells_when_a_file_was_written(tmp_path: Path) -> None:
    os.utime(_tree(tmp_path, FINE) / REPOMD, (0, 1_790_000_000.9))
    assert (directory_written(tmp_path)(REPOMD), directory_written(tmp_path)("other")) == (1_790_000_000, 0)


Answer = Callable[[BaseHTTPRequestHandler], None]


def _sends(data: bytes, status: int = 200, **headers: str) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in {"Content-Length": str(len(data)), **headers}.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(data)

    return answer


def _streams(chunk: bytes, pause: float, seconds: float = 20.0) -> Answer:
    """Never says how much there is; gives up when the client does, or after ``seconds``."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            handler.wfile.write(chunk)
            time.sleep(pause)

    return answer


def _hangs_up(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b"too short")


def _speaks_nonsense(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"220 ftp.example.org ready\r\n\r\n")


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is what some of these tests want."""


@contextmanager
def _origin(answers: dict[str, Answer]) -> Iterator[str]:
    """The URL of a server on a free port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answers.get(self.path, _sends(b"no", 404))(self)

        do_HEAD = do_GET  # noqa: N815  # the name that http.server calls

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with served(_Server(("127.0.0.1", 0), Handler)) as url:
        yield f"{url}/tree"


def _fetched(answer: Answer, clock: Callable[[], float] = time.monotonic, **more: Answer) -> bytes | None:
    others = {f"/{name}": other for name, other in more.items()}
    with _origin({f"/tree/{REPOMD}": answer, **others}) as url, origin_session() as session:
        return http_fetch(url, session, clock)(REPOMD)


@pytest.mark.parametrize("slash", ["", "/"])
def test_an_http_origin_gives_its_file(slash: str) -> None:
    with _origin({f"/tree/{REPOMD}": _sends(FINE)}) as url, origin_session() as session:
        fetch = http_fetch(url + slash, session)
        assert (fetch(REPOMD), fetch(f"8/{REPOMD}")) == (FINE, None)


def test_a_file_that_comes_compressed_is_unpacked() -> None:
    assert _fetched(_sends(gzip.compress(FINE), Content_Encoding="gzip")) == FINE


def test_a_redirect_is_followed() -> None:
    assert _fetched(_sends(b"", 302, Location="/elsewhere"), elsewhere=_sends(FINE)) == FINE


@pytest.mark.parametrize("status", [404, 410])
def test_a_file_that_is_not_there_is_none(status: int) -> None:
    assert _fetched(_sends(b"no", status)) is None


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        pytest.param(_sends(b"", 500), "status 500", id="500"),
        pytest.param(_sends(FINE, 203), "status 203", id="203"),
        pytest.param(_sends(b"", 403), "status 403", id="403"),
        pytest.param(_sends(b"", 302, Location=f"/tree/{REPOMD}"), "TooManyRedirects", id="a redirect to itself"),
        pytest.param(_sends(b"", 302, Location="gopher://example.org/"), "InvalidSchema", id="a redirect to no web"),
        pytest.param(_hangs_up, "", id="an end before the end"),
        pytest.param(_speaks_nonsense, "ConnectionError", id="another protocol"),
        pytest.param(_sends(b"no gzip", Content_Encoding="gzip"), "", id="broken compression"),
        pytest.param(_sends(bytes(LARGEST + 1)), f"larger than {LARGEST} bytes", id="too large"),
        pytest.param(
            _sends(gzip.compress(bytes(LARGEST * 30)), Content_Encoding="gzip"),
            f"larger than {LARGEST} bytes",
            id="bomb",
        ),
        pytest.param(_streams(bytes(2**20), 0), f"larger than {LARGEST} bytes", id="endless and fast"),
    ],
)
def test_any_other_answer_is_told_with_the_url(answer: Answer, words: str) -> None:
    with pytest.raises(OriginError) as caught:
        _fetched(answer)
    where, _, reason = str(caught.value).partition(f"/tree/{REPOMD}: ")
    assert where.startswith("http://127.0.0.1:")
    assert reason.startswith(words)
    assert reason


@pytest.mark.parametrize(
    ("chunk", "pause"),
    [pytest.param(bytes(1000), 0.01, id="endless"), pytest.param(b"x", 0.05, id="a byte at a time")],
)
def test_an_answer_that_does_not_end_is_given_up_at_the_deadline(chunk: bytes, pause: float) -> None:
    """The clock runs a hundred times as fast: 30 s are over in 0.3 s."""
    began = time.monotonic()
    with pytest.raises(OriginError, match="not complete after 30 s"):
        _fetched(_streams(chunk, pause, seconds=5), clock=lambda: time.monotonic() * 100)
    assert 0.2 < time.monotonic() - began < 3


def _drips_its_head(handler: BaseHTTPRequestHandler) -> None:
    """A byte of the head now and then: no single read ever times out."""
    handler.wfile.write(b"HTTP/1.0 200 OK\r\n")
    end = time.monotonic() + 20
    while time.monotonic() < end:
        handler.wfile.write(b"X")
        time.sleep(0.05)


def _redirects_with_an_endless_body(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(302)
    handler.send_header("Location", "/tree/other")
    handler.end_headers()
    end = time.monotonic() + 20
    while time.monotonic() < end:
        handler.wfile.write(bytes(100))
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("answer", "method"),
    [
        (_drips_its_head, "GET"), (_drips_its_head, "HEAD"), (_redirects_with_an_endless_body, "GET"),
        (_streams(b"x", 0.05), "GET"),
    ],
)  # fmt: skip
def test_the_deadline_holds_for_heads_redirects_and_bodies(answer: Answer, method: str) -> None:
    began = time.monotonic()
    with (
        _origin({f"/tree/{REPOMD}": answer}) as url,
        origin_session() as session,
        pytest.raises(OriginError, match=rf"{REPOMD}: not complete after 0 s"),
        WebExchange(f"{url}/{REPOMD}", 0.3) as exchange,
        exchange.answer(session, method) as found,
    ):
        while found.raw.read1(10):
            exchange.check()
    assert time.monotonic() - began < 3


def test_what_has_an_etag_is_sent_once() -> None:
    sent: list[str | None] = []

    def conditional(handler: BaseHTTPRequestHandler) -> None:
        sent.append(handler.headers["If-None-Match"])
        if handler.headers["If-None-Match"] == '"one"':
            _sends(b"", 304, ETag='"one"')(handler)
        else:
            _sends(FINE, ETag='"one"')(handler)

    kept = KeptAnswers()
    with _origin({f"/tree/{REPOMD}": conditional}) as url, origin_session() as session:
        fetch = http_fetch(url, session, kept=kept)
        assert [fetch(REPOMD), fetch(REPOMD), fetch(REPOMD)] == [FINE] * 3
    assert sent == [None, '"one"', '"one"']


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(_sends(FINE), id="no etag"),
        pytest.param(_sends(FINE, ETag="one"), id="none in quotes"),
        pytest.param(_sends(FINE, ETag='"' + "x" * 300 + '"'), id="overlong"),
        pytest.param(_sends(FINE, Last_Modified="Mon, 21 Sep 2026 13:33:20 GMT"), id="a date only"),
        pytest.param(_sends(bytes(LARGEST_KEPT + 1), ETag='"one"'), id="large"),
    ],
)
def test_what_cannot_be_asked_for_by_its_etag_is_not_kept(answer: Answer) -> None:
    kept = KeptAnswers()
    with _origin({f"/tree/{REPOMD}": answer}) as url, origin_session() as session:
        http_fetch(url, session, kept=kept)(REPOMD)
    assert kept.found == {}


def test_an_unasked_304_is_no_answer() -> None:
    with pytest.raises(OriginError, match="status 304"):
        _fetched(_sends(b"", 304))


def test_an_origin_that_does_not_listen_is_told() -> None:
    with socket.socket() as taken, origin_session() as session:
        taken.bind(("127.0.0.1", 0))  # bound and not listening, so nobody else can answer there
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(OriginError) as caught:
            http_fetch(url, session)(REPOMD)
        assert str(caught.value) == f"{url}/{REPOMD}: ConnectionError"


@pytest.mark.parametrize(
    ("headers", "written"),
    [
        ({"Last_Modified": "Mon, 21 Sep 2026 13:33:20 GMT"}, 1_789_997_600),
        ({"Last_Modified": "Mon, 21 Sep 2026 15:33:20 +0200"}, 1_789_997_600),
        ({"Last_Modified": "Mon, 21 Sep 2026 13:33:20"}, 1_789_997_600),
        ({"Last_Modified": "Monday, 21-Sep-26 13:33:20 GMT"}, 1_789_997_600),
        ({"Last_Modified": "Mon Sep 21 13:33:20 2026"}, 1_789_997_600),
        ({"Last_Modified": "yesterday"}, 0),
        ({}, 0),
    ],
)
def test_an_http_origin_tells_when_a_file_was_written(headers: dict[str, str], written: int) -> None:
    with _origin({f"/tree/{REPOMD}": _sends(b"", **headers)}) as url, origin_session() as session:
        assert http_written(url, session)(REPOMD) == written
        assert http_written("http://[2001:db8::/", session)(REPOMD) == 0


def _by_method(head: Answer, get: Answer) -> Answer:
    return lambda handler: (head if handler.command == "HEAD" else get)(handler)


def _hangs_up(handler: BaseHTTPRequestHandler) -> None:
    handler.close_connection = True


def _unsized(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()


@pytest.mark.parametrize(
    "refusal",
    [*(_sends(b"", status) for status in (400, 401, 403, 404, 405, 406, 410, 429, 500, 501, 503)),
     _sends(b""), _unsized, _hangs_up, _sends(b"pck", Content_Encoding="br")],
)  # fmt: skip
def test_an_origin_that_refuses_heads_in_any_way_is_asked_by_get(refusal: Answer) -> None:
    answer = _by_method(refusal, _sends(b"seven b", Last_Modified="Thu, 01 Jan 1970 00:00:09 GMT"))
    with _origin({f"/tree/{REPOMD}": answer}) as url, origin_session() as session:
        assert http_size(url, session)(REPOMD) == 7
        assert http_written(url, session)(REPOMD) == 9


@pytest.mark.parametrize(("status", "told"), [(404, None), (410, None), (403, OriginError), (503, OriginError)])
def test_what_get_is_refused_has_no_size(status: int, told: type[OriginError] | None) -> None:
    with _origin({f"/tree/{REPOMD}": _sends(b"seven b", status)}) as url, origin_session() as session:
        if told is None:
            assert http_size(url, session)(REPOMD) is None
        else:
            with pytest.raises(told, match=f"status {status}"):
                http_size(url, session)(REPOMD)


@pytest.mark.parametrize(("path", "size"), [("x.gz", 7), ("x.xml", None)])
def test_the_size_of_what_was_packed_on_the_way_is_not_that_of_the_file(path: str, size: int | None) -> None:
    with _origin({f"/tree/{path}": _sends(b"seven b", Content_Encoding="gzip")}) as url, origin_session() as session:
        assert known_size(http_size(url, session), path, None) == size


def test_where_a_server_tells_no_size_that_of_metadata_counts() -> None:
    with _origin({f"/tree/{REPOMD}": _unsized}) as url, origin_session() as session:
        with pytest.raises(UnsizedError, match="without a size"):
            http_size(url, session)(REPOMD)
        assert known_size(http_size(url, session), REPOMD, 7) == 7
        assert known_size(http_size(url, session), "no", 7) is None


def test_a_size_is_that_of_the_file_as_it_is() -> None:
    """Asked for what it may compress, a server tells no size, or that of what it would send."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        packs = "gzip" in handler.headers.get("Accept-Encoding", "")
        (_sends(b"gz", Content_Encoding="gzip") if packs else _sends(b"seven b"))(handler)

    with _origin({f"/tree/{REPOMD}": answer}) as url, origin_session() as session:
        assert http_size(url, session)(REPOMD) == 7


def test_a_url_that_cannot_be_is_told() -> None:
    with origin_session() as session, pytest.raises(OriginError):
        http_fetch("http://[2001:db8::/", session)(REPOMD)


@pytest.mark.parametrize("name", [b"", b' xmlns="urn:other"'])
def test_a_namespace_that_no_client_looks_at_is_not_asked_for(name: bytes) -> None:
    data = b"<repomd%s><data type='primary'><timestamp>7</timestamp></data></repomd>" % name
    assert summed_up(data, "here").timestamp == 7
