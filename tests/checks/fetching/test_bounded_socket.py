""""""

from __future__ import annotations

import gzip
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
import trustme

from mirrorlist.checks.fetching.fetch import Ask, fetch
from mirrorlist.checks.fetching.result import Failure, FailureKind, Fetched
from tests.checks.asking import LOOPBACK, PLAIN_CONTEXT, alone, guard, names
from tests.checks.servers import (
    ALLOWED_HOST,
    Server,
    Talk,
    answer,
    drips,
    floods,
    redirect,
    says,
    serving,
    stays_silent,
    tls_that_never_ends,
)

NOW = datetime.now(UTC)
DEADLINE_SECONDS = 1.0
PATIENCE_SECONDS = 30.0
"""For answers that come: the handshakes of a busy machine take longer than what is to end may."""
SLACK_SECONDS = 8.0
"""What a busy machine may add; without a deadline these answers would not end."""
OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
BLOCK = 65_536

SLOW: dict[str, tuple[Talk, FailureKind]] = {
    "accepts and never answers": (stays_silent, FailureKind.TIMEOUT),
    "a byte of the status line": (drips(b"", lambda n: OK[n % 15 :][:1], 0.2), FailureKind.DEADLINE),
    "a byte of a header": (drips(OK + b"X-A: ", lambda _: b"a", 0.2), FailureKind.DEADLINE),
    "a header at a time": (drips(OK, lambda n: b"X-%d: a\r\n" % n, 0.2), FailureKind.DEADLINE),
    "an interim answer at a time": (drips(b"", lambda _: b"HTTP/1.1 100 Continue\r\n\r\n", 0.2), FailureKind.DEADLINE),
    "a byte of the body": (drips(OK + b"\r\n", lambda _: b"a", 0.2), FailureKind.DEADLINE),
    "a byte of an announced body": (
        drips(OK + b"Content-Length: 1000\r\n\r\n", lambda _: b"a", 0.2),
        FailureKind.DEADLINE,
    ),
    "a byte of a chunk": (drips(CHUNKED + b"ffff\r\n", lambda _: b"a", 0.2), FailureKind.DEADLINE),
    "a chunk at a time": (drips(CHUNKED, lambda _: b"1\r\na\r\n", 0.2), FailureKind.DEADLINE),
    "a byte of a chunk's size": (drips(CHUNKED, lambda _: b"0", 0.2), FailureKind.DEADLINE),
    "a trailer at a time": (drips(CHUNKED + b"0\r\n", lambda _: b"X: a\r\n", 0.2), FailureKind.DEADLINE),
}

ENDLESS: dict[str, tuple[Talk, FailureKind]] = {
    "body": (floods(OK + b"\r\n", b"a" * BLOCK), FailureKind.TOO_LARGE),
    "announced body": (floods(OK + b"Content-Length: 99999999999\r\n\r\n", b"a" * BLOCK), FailureKind.TOO_LARGE),
    "chunks": (floods(CHUNKED, b"10000\r\n" + b"a" * BLOCK + b"\r\n"), FailureKind.TOO_LARGE),
    "small chunks": (floods(CHUNKED, b"1\r\na\r\n" * 9000), FailureKind.TOO_LARGE),
    "chunk of a negative size": (floods(CHUNKED + b"-1\r\n", b"a" * BLOCK), FailureKind.TOO_LARGE),
    "trailers": (floods(CHUNKED + b"0\r\n", b"X: a\r\n" * 9000), FailureKind.TOO_LARGE),
    "status line": (floods(b"HTTP/1.1 200 ", b"a" * BLOCK), FailureKind.TOO_LARGE),
    "header line": (floods(OK + b"X: ", b"a" * BLOCK), FailureKind.TOO_LARGE),
    "long headers": (floods(OK, b"X: " + b"a" * 9000 + b"\r\n"), FailureKind.TOO_LARGE),
    "interim answers": (floods(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 3000), FailureKind.TOO_LARGE),
    "short headers": (floods(OK, b"X: a\r\n" * 9000), FailureKind.MALFORMED),
    "chunk size": (floods(CHUNKED, b"0" * BLOCK), FailureKind.BROKEN_OFF),
    "gzip": (
        floods(OK + b"Content-Encoding: gzip\r\n\r\n", gzip.compress(bytes(50_000_000))),
        FailureKind.ENCODED,
    ),
    "transfer in gzip": (
        floods(OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n", gzip.compress(bytes(50_000_000))),
        FailureKind.ENCODED,
    ),
}


@pytest.mark.parametrize("way", SLOW)
def test_a_slow_answer_ends_at_the_deadline(way: str) -> None:
    talk, kind = SLOW[way]
    with serving(talk) as server:
        start = time.monotonic()
        found = fetch(server.url(), Ask(deadline_seconds=DEADLINE_SECONDS), guard())
        seconds = time.monotonic() - start
    assert isinstance(found, Failure)
    assert found.kind is kind
    assert DEADLINE_SECONDS - 0.1 < seconds < DEADLINE_SECONDS + SLACK_SECONDS


@pytest.mark.parametrize("talk", [stays_silent, drips(OK, lambda _: b"X", 0.25)], ids=["silent", "dripping"])
def test_a_single_read_waits_no_longer_than_the_time_that_is_left(talk: Talk) -> None:
    with serving(talk) as server:
        start = time.monotonic()
        found = fetch(server.url(), Ask(deadline_seconds=0.3), guard())
        seconds = time.monotonic() - start
    assert isinstance(found, Failure)
    assert 0.2 < seconds < 0.3 + SLACK_SECONDS


def test_the_deadline_holds_over_redirects_together() -> None:
    def slowly(connection: socket.socket, _: bytes) -> None:
        time.sleep(0.6)
        connection.sendall(redirect("/again"))

    with serving(slowly) as server:
        start = time.monotonic()
        found = fetch(server.url(), Ask(deadline_seconds=DEADLINE_SECONDS), guard())
        seconds = time.monotonic() - start
    assert isinstance(found, Failure)
    assert (found.kind, seconds < DEADLINE_SECONDS + SLACK_SECONDS) == (FailureKind.TIMEOUT, True)


@pytest.mark.parametrize("what", ENDLESS)
def test_an_endless_answer_ends_early_and_costs_little_memory(what: str) -> None:
    talk, kind = ENDLESS[what]
    with serving(talk) as server:
        outcome, growth_kib, seconds = alone(server.url(), {})
    assert outcome == kind.name
    assert growth_kib <= 16 * 1024
    assert seconds < SLACK_SECONDS


def test_a_body_of_just_the_size_comes_whole() -> None:
    with serving(says(answer(body=b"a" * 1000))) as server:
        whole = fetch(server.url(), Ask(most_bytes=1000), guard())
        over = fetch(server.url(), Ask(most_bytes=999), guard())
    assert isinstance(whole, Fetched)
    assert isinstance(over, Failure)
    assert (len(whole.body), over) == (1000, Failure(FailureKind.TOO_LARGE, "1000 bytes announced, 999 wanted"))


AUTHORITY = trustme.CA()
STRANGE_AUTHORITY = trustme.CA()


def trusting(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


TRUSTING = trusting(AUTHORITY)


@contextmanager
def serving_tls(
    *identities: str,
    authority: trustme.CA = AUTHORITY,
    talk: Talk = says(answer(body=b"secret")),  # noqa: B008  # a function that is only called
    days: float = 30.5,
    begun_days_ago: float = 60,
    on: str = ALLOWED_HOST,
) -> Iterator[Server]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    begin, end = NOW - timedelta(days=begun_days_ago), NOW + timedelta(days=days)
    authority.issue_cert(*identities, not_before=begin, not_after=end).configure_cert(context)
    with serving(talk, on, tls=context) as server:
        yield server


MIRROR_NAMES = names({"mirror.test": [ALLOWED_HOST]})


def asked_over_tls(
    server: Server,
    context: ssl.SSLContext = TRUSTING,
    host: str = "mirror.test",
    deadline_seconds: float = PATIENCE_SECONDS,
) -> Fetched | Failure:
    url = server.url(scheme="https", host=host)
    return fetch(url, Ask(deadline_seconds=deadline_seconds), guard(LOOPBACK, MIRROR_NAMES, context))


def test_a_good_certificate_tells_the_days_that_it_has_left() -> None:
    with serving_tls("mirror.test") as server:
        found = asked_over_tls(server)
    assert isinstance(found, Fetched)
    assert (found.body, found.address, found.certificate_days_left) == (b"secret", ALLOWED_HOST, 30)
    assert f"Host: mirror.test:{server.port}".encode() in server.heads[0]


def test_a_certificate_may_be_for_an_address() -> None:
    with serving_tls(ALLOWED_HOST) as server:
        assert isinstance(asked_over_tls(server, host=ALLOWED_HOST), Fetched)


def test_the_name_is_told_to_the_server_although_an_address_is_connected_to() -> None:
    told: list[str | None] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    AUTHORITY.issue_cert("mirror.test").configure_cert(context)
    context.sni_callback = lambda _, name, __: told.append(name)
    with serving(says(answer()), tls=context) as server:
        asked_over_tls(server)
    assert told == ["mirror.test"]


def test_the_fewest_days_left_on_the_way_count() -> None:
    with serving_tls("mirror.test", days=90.5) as last:
        talk = says(redirect(last.url(scheme="https", host="mirror.test")))
        with serving_tls("mirror.test", talk=talk, days=5.5) as first:
            found = asked_over_tls(first)
    assert isinstance(found, Fetched)
    assert (found.body, found.certificate_days_left) == (b"secret", 5)


@pytest.mark.parametrize(
    ("identity", "authority", "days", "begun_days_ago", "detail"),
    [
        ("mirror.test", AUTHORITY, -1, 60, "expired"),
        ("mirror.test", AUTHORITY, 30, -1, "not valid yet"),
        ("other.test", AUTHORITY, 30, 60, "wrong name: Hostname mismatch"),
        ("*.mirror.test", AUTHORITY, 30, 60, "wrong name: Hostname mismatch"),
        ("mirror.test", STRANGE_AUTHORITY, 30, 60, "unknown issuer: "),
    ],
)
def test_a_bad_certificate_is_told_by_its_fault(
    identity: str, authority: trustme.CA, days: float, begun_days_ago: float, detail: str
) -> None:
    with serving_tls(identity, authority=authority, days=days, begun_days_ago=begun_days_ago) as server:
        found = asked_over_tls(server)
    assert isinstance(found, Failure)
    assert (found.kind, found.detail.startswith(detail), server.heads) == (FailureKind.CERTIFICATE, True, [])


def test_a_certificate_for_another_address_has_the_wrong_name() -> None:
    with serving_tls("127.0.0.9") as server:
        found = asked_over_tls(server, host=ALLOWED_HOST)
    assert isinstance(found, Failure)
    assert (found.kind, found.detail.startswith("wrong name: IP address mismatch")) == (FailureKind.CERTIFICATE, True)


def test_the_systems_authorities_do_not_know_ours() -> None:
    with serving_tls("mirror.test") as server:
        found = asked_over_tls(server, PLAIN_CONTEXT)
    assert isinstance(found, Failure)
    assert (found.kind, found.detail.startswith("unknown issuer")) == (FailureKind.CERTIFICATE, True)


def test_plain_http_on_the_port_of_https_is_a_fault_of_tls() -> None:
    with serving(says(answer())) as server:
        found = asked_over_tls(server)
    assert isinstance(found, Failure)
    assert (found.kind, "WRONG_VERSION_NUMBER" in found.detail) == (FailureKind.TLS, True)


def test_an_https_mirror_may_not_redirect_to_http() -> None:
    with serving(says(answer())) as plain, serving_tls("mirror.test", talk=says(redirect(plain.url()))) as server:
        found = asked_over_tls(server)
    assert isinstance(found, Failure)
    assert (found.kind, plain.connections) == (FailureKind.DOWNGRADE, 0)


def test_a_handshake_that_never_ends_is_given_up_at_the_deadline() -> None:
    with tls_that_never_ends() as server:
        start = time.monotonic()
        found = asked_over_tls(server, deadline_seconds=DEADLINE_SECONDS)
        seconds = time.monotonic() - start
    assert isinstance(found, Failure)
    assert (found.kind, found.detail.startswith("no TLS handshake")) == (FailureKind.TIMEOUT, True)
    assert seconds < DEADLINE_SECONDS + SLACK_SECONDS


@pytest.mark.parametrize("way", ["a byte of a header", "a byte of the body", "accepts and never answers"])
def test_a_slow_answer_over_tls_ends_at_the_deadline(way: str) -> None:
    talk, kind = SLOW[way]
    with serving_tls("mirror.test", talk=talk) as server:
        start = time.monotonic()
        found = asked_over_tls(server, deadline_seconds=DEADLINE_SECONDS)
        seconds = time.monotonic() - start
    assert isinstance(found, Failure)
    assert (found.kind, seconds < DEADLINE_SECONDS + SLACK_SECONDS) == (kind, True)
