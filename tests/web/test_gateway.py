"""Requests in the form of ASGI become a WSGI environ in which no header is taken for another one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from mirrorlist.web.gateway import Apart, Gateway


class Exchange:
    def __init__(self) -> None:
        self.sent: list[dict[str, object]] = []

    def send(self, message: dict[str, object]) -> None:
        self.sent.append(message)


def scope(*headers: tuple[bytes, bytes], path: bytes = b"/", query: bytes = b"") -> dict[str, Any]:
    return {
        "type": "http", "http_version": "1.1", "method": "GET", "scheme": "http", "raw_path": path, "path": "unread",
        "query_string": query, "headers": list(headers), "client": ("192.0.2.1", "4711"), "server": ("127.0.0.1", "80"),
    }  # fmt: skip


def unread(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    raise AssertionError


def headers_of(*headers: tuple[bytes, bytes]) -> dict[str, str]:
    environ = Gateway(unread).environ(scope(*headers))
    return {key: value for key, value in environ.items() if key.startswith(("HTTP_", "CONTENT_"))}


REAL, FAKES = b"x-forwarded-for", (b"x_forwarded_for", b"x-forwarded_for", b"x_forwarded-for")


@pytest.mark.parametrize("fake", [*FAKES, *(name.upper() for name in FAKES), b"X_Forwarded_For"])
def test_a_name_with_an_underscore_is_left_out_before_and_after_the_real_one(fake: bytes) -> None:
    own, real = (fake, b"198.51.100.1"), (REAL, b"192.0.2.7")
    assert headers_of(own) == {}
    for order in ((own, real), (real, own), (own, real, own)):
        assert headers_of(*order) == {"HTTP_X_FORWARDED_FOR": "192.0.2.7"}


@pytest.mark.parametrize(
    "name", [b"x_forwarded_proto", b"accept_encoding", b"user_agent", b"content_length", b"if_none_match", b"_", b""]
)
def test_no_other_header_is_taken_from_an_ambiguous_name(name: bytes) -> None:
    assert headers_of((name, b"1")).keys() <= {"HTTP_"}


def test_a_header_that_comes_twice_is_one_list_in_its_order() -> None:
    assert headers_of((REAL, b"192.0.2.7"), (b"accept", b"a/b"), (b"X-Forwarded-For", b"192.0.2.8")) == {
        "HTTP_X_FORWARDED_FOR": "192.0.2.7,192.0.2.8", "HTTP_ACCEPT": "a/b",
    }  # fmt: skip


def test_bytes_stay_as_they_came() -> None:
    environ = Gateway(unread).environ(scope((REAL, b"1.1.1.1\xff"), path=b"/a%20%FF%2f%252F\xe9", query=b"x=%FF\xe9"))
    assert environ["PATH_INFO"] == "/a \xff/%2F\xe9"
    assert environ["QUERY_STRING"] == "x=%FF\xe9"
    assert environ["HTTP_X_FORWARDED_FOR"] == "1.1.1.1\xff"


def test_many_names_of_strangers_leave_nothing_behind() -> None:
    gateway = Gateway(unread)
    for number in range(5000):
        gateway.environ(scope((b"x-%d" % number, b"1"), (b"y" * 100 + b"%d" % number, b"1")))
    assert len(gateway._keys) <= 1024
    assert "HTTP_X_4999" in gateway.environ(scope((b"x-4999", b"1")))


def test_what_the_application_answers_is_sent_whole() -> None:
    closed = []

    class Body(list[bytes]):
        def close(self) -> None:
            closed.append(True)

    def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("302 Found", [("Location", "http://a/\xe9"), ("Vary", "Accept"), ("vary", "Host")])
        return Body([b"one, ", b"two"])

    exchange = Exchange()
    Gateway(application)(scope((b"host", b"a")), exchange)
    assert exchange.sent == [
        {
            "type": "http.response.start", "status": 302,
            "headers": [(b"location", b"http://a/\xe9"), (b"vary", b"Accept"), (b"vary", b"Host")],
        },
        {"type": "http.response.body", "body": b"one, two"},
    ]  # fmt: skip
    assert closed == [True]


@pytest.mark.parametrize(
    ("hosts", "is_answered"),
    [((), True), ((b"a",), True), ((b"",), True), ((b"a", b"b"), False), ((b"a", b"a"), False), ((b"a,b",), False)],
)
def test_a_request_names_at_most_one_host(hosts: tuple[bytes, ...], is_answered: bool) -> None:
    def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [])
        return (b"answer",)

    exchange = Exchange()
    assert Gateway(application)(scope(*((b"host", host) for host in hosts)), exchange) is None
    assert [message.get("status", message.get("body")) for message in exchange.sent] == (
        [200, b"answer"] if is_answered else [400, b"# send one Host header\n"]
    )


@pytest.mark.parametrize(
    ("server", "believed"),
    [
        ("gunicorn/22.0.0", True), ("gunicorn/27.0.1", True), ("gunicorn/100.0", True), ("gunicorn/21.2.0", False),
        ("gunicorn/2.2", False), ("gunicorn/20.1.0", False), ("waitress", True), ("Apache/2.4.62 (Debian)", True),
        ("Apache/2.2.34", False), ("Granian", False), ("WSGIServer/0.2 CPython/3.11", False), ("", False),
    ],
)  # fmt: skip
def test_forwarded_headers_count_from_servers_that_drop_ambiguous_names(server: str, believed: bool) -> None:
    seen: dict[str, Any] = {}

    def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        seen.update(environ)
        return ()

    sent = {"HTTP_X_FORWARDED_FOR": "192.0.2.7", "HTTP_X_FORWARDED_PROTO": "https", "HTTP_HOST": "a"}
    Apart(application)({"SERVER_SOFTWARE": server, **sent}, unread)
    assert {key: seen.get(key) for key in sent} == (sent if believed else {**dict.fromkeys(sent), "HTTP_HOST": "a"})
