""""""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mirrorlist.checks.fetching.fetch import Ask, fetch
from mirrorlist.checks.fetching.result import Failure, FailureKind, Fetched
from tests.checks.asking import guard
from tests.checks.servers import says, serving

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
QUICK = Ask(deadline_seconds=1.0, most_bytes=10_000)


def outcome(sent: bytes) -> Fetched | Failure:
    with serving(says(sent)) as server:
        return fetch(server.url(), QUICK, guard())


@pytest.mark.parametrize(
    ("sent", "kind"),
    [
        (b"", FailureKind.BROKEN_OFF),
        (b"HTTP", FailureKind.MALFORMED),
        (b"\r\n\r\n", FailureKind.MALFORMED),
        (b"SSH-2.0-OpenSSH_9.9\r\n", FailureKind.MALFORMED),
        (b"HTTP/1.1 20 OK\r\n\r\n", FailureKind.MALFORMED),
        (b"HTTP/1.1 2000 OK\r\n\r\n", FailureKind.MALFORMED),
        (b"HTTP/1.1 abc\r\n\r\n", FailureKind.MALFORMED),
        (b"HTTP/2.0 200 OK\r\n\r\n", FailureKind.MALFORMED),
        (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: evil\r\n\r\n", FailureKind.MALFORMED),
        (OK + b"Content-Length: 5, 6\r\n\r\nhello", FailureKind.MALFORMED),
        (OK + b"Content-Length: 6\r\n\r\nhello", FailureKind.BROKEN_OFF),
        (CHUNKED + b"zz\r\nhello\r\n", FailureKind.MALFORMED),
        (CHUNKED + b"-5\r\nhello\r\n", FailureKind.MALFORMED),
        (CHUNKED + b"5\r\nhel", FailureKind.BROKEN_OFF),
        (CHUNKED + b"5\r\nhello\r\n", FailureKind.BROKEN_OFF),
        (OK + b"Content-Encoding: br\r\n\r\nhello", FailureKind.ENCODED),
        (OK + b"Content-Encoding: identity, gzip\r\n\r\nhello", FailureKind.ENCODED),
        (OK + b"Transfer-Encoding: gzip\r\n\r\nhello", FailureKind.ENCODED),
    ],
)
def test_a_broken_answer_is_told_by_its_kind(sent: bytes, kind: FailureKind) -> None:
    found = outcome(sent)
    assert isinstance(found, Failure)
    assert found.kind is kind


@pytest.mark.parametrize(
    "sent",
    [
        b"HTTP/1.0 200 OK\r\n\r\nhello",
        b"HTTP/1.1 200\r\n\r\nhello",
        b"HTTP/1.1 200 OK\n\nhello",
        b"HTTP/1.1 100 Continue\r\n\r\n" + OK + b"\r\nhello",
        OK + b"Content-Length: 5\r\nContent-Encoding: identity\r\n\r\nhello and what follows",
        OK + b"Content-Length: 5, 5\r\n\r\nhello",
        CHUNKED + b"2;name=value\r\nhe\r\n3\r\nllo\r\n0\r\nTrailer: a\r\n\r\n",
        OK + b"Content-Length: 99\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        OK + b"a header without a colon\r\n\r\nhello",
        OK + b"Content-Type: multipart/mixed\r\n\r\nhello",
    ],
)
def test_an_odd_answer_that_can_be_read_is_read_and_not_logged(sent: bytes, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        found = outcome(sent)
    assert isinstance(found, Fetched), found
    assert (found.body, caplog.records) == (b"hello", [])


@pytest.mark.parametrize(
    ("path", "encoding", "is_read"),
    [
        ("/APKINDEX.tar.gz", "x-gzip", True), ("/a.gz?x=1", "gzip", True), ("/a.tgz", "GZIP", True),
        ("/a.gz", "br", False), ("/a.gz", "gzip, gzip", False), ("/repomd.xml", "gzip", False), ("/a?x=.gz", "gzip", False),
    ],
)  # fmt: skip
def test_a_label_on_a_packed_file_changes_no_byte(path: str, encoding: str, is_read: bool) -> None:
    with serving(
        says(OK + f"Content-Length: 5\r\nContent-Encoding: {encoding}\r\n\r\n\x1f\x8bgz!".encode("latin-1"))
    ) as server:
        found = fetch(server.url(path), QUICK, guard())
    assert (isinstance(found, Fetched) and found.body == b"\x1f\x8bgz!") is is_read


def test_what_is_kept_of_headers_can_be_printed() -> None:
    found = outcome(OK + b"Server: a\x1b[31m\x00\xffb\r\nETag: " + b"e" * 9000 + b"\r\nContent-Length: 0\r\n\r\n")
    assert isinstance(found, Fetched)
    assert (found.headers["server"], len(found.headers["etag"])) == ("a?[31m?\xffb", 2048)


PIECES = [
    b"HTTP/1.1 200 OK", b"HTTP/1.1 302 Found", b"Location: /", b"Location:", b"Content-Length: 3", b"\r\n", b"\n",
    b"Transfer-Encoding: chunked", b"Content-Length: -1", b"Content-Encoding: gzip", b"\r\n\r\n", b"0", b"3", b"-1",
    b" folded", b": empty", b"\x00", b"\xff", b"abc", b"Content-Type: multipart/x; boundary=a", b"--a",
]  # fmt: skip
HEADS = st.lists(st.sampled_from(PIECES) | st.binary(max_size=8)).map(b"".join)


@contextmanager
def changing_server(answers: list[bytes]) -> Iterator[str]:
    with serving(lambda connection, _: connection.sendall(answers[-1])) as server:
        yield server.url()


@pytest.mark.slow
def test_no_bytes_raise() -> None:
    answers = [b""]
    guarded = guard()
    with changing_server(answers) as url:

        @settings(max_examples=300, deadline=None, database=None)
        @given(HEADS)
        def one(sent: bytes) -> None:
            answers.append(b"HTTP/1.1 200 OK\r\n" + sent)
            assert isinstance(fetch(url, QUICK, guarded), Fetched | Failure)
            answers.append(sent)
            assert isinstance(fetch(url, QUICK, guarded), Fetched | Failure)

        one()
