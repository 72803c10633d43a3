""""""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mirrorlist import __version__
from mirrorlist.checks.fetching.exchange import Method
from mirrorlist.checks.fetching.fetch import Ask, fetch
from mirrorlist.checks.fetching.result import Failure, FailureKind, Fetched
from mirrorlist.core.health.verdicts import Family
from mirrorlist.core.model import Protocol
from tests.checks.asking import LOOPBACK, alone, guard, names
from tests.checks.servers import (
    ALLOWED_HOST,
    answer,
    by_path,
    canary,
    drips,
    floods,
    has_ipv6,
    redirect,
    says,
    serving,
    serving_together,
    stays_silent,
)

needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="::1 cannot be listened on here")


def failure(found: Fetched | Failure) -> Failure:
    assert isinstance(found, Failure), found
    return found


def success(found: Fetched | Failure) -> Fetched:
    assert isinstance(found, Fetched), found
    return found


def test_a_file_comes_with_its_headers_and_where_it_came_from() -> None:
    sent = answer("200 OK", b"1700000000\n", 'ETag: "a"', "X-Other: b", "Last-Modified: Tue, 14 Nov 2023 22:13:20 GMT")
    with serving(says(sent)) as server:
        url = server.url("/TIME", host="mirror.test")
        found = success(fetch(url, Ask(), guard(resolver=names({"mirror.test": [ALLOWED_HOST]}))))
    assert found == Fetched(
        status=200,
        headers={"content-length": "11", "etag": '"a"', "last-modified": "Tue, 14 Nov 2023 22:13:20 GMT"},
        body=b"1700000000\n",
        url=url,
        address=ALLOWED_HOST,
        seconds=found.seconds,
        certificate_days_left=None,
    )
    assert 0 < found.seconds < 10


def test_the_request_says_who_asks_and_nothing_else() -> None:
    with serving(says(answer())) as server:
        fetch(server.url("/a?b=%0d%0ac", host="Mirror.test"), Ask(), guard(resolver=lambda _: [ALLOWED_HOST]))
    assert server.heads[0].decode().split("\r\n") == [
        "GET /a?b=%0d%0ac HTTP/1.1",
        f"Host: mirror.test:{server.port}",
        f"User-Agent: mirrorlist/{__version__}",
        "Accept: */*",
        "Accept-Encoding: identity",
        "Connection: close",
        "",
        "",
    ]


@pytest.mark.parametrize("status", ["404 Not Found", "403 Forbidden", "503 Service Unavailable", "300 Choices"])
def test_other_statuses_are_answers_without_a_body(status: str) -> None:
    with serving(says(answer(status, b"an explanation", "Retry-After: 120"))) as server:
        found = success(fetch(server.url(), Ask(), guard()))
    assert (found.status, found.body, found.headers["retry-after"]) == (int(status[:3]), b"", "120")


def test_head_gives_the_headers_alone() -> None:
    with serving(says(b"HTTP/1.1 200 OK\r\nContent-Length: 9999999999\r\n\r\n")) as server:
        found = success(fetch(server.url(), Ask(method=Method.HEAD), guard()))
    assert (found.status, found.body, found.headers["content-length"]) == (200, b"", "9999999999")
    assert server.heads[0].startswith(b"HEAD / HTTP/1.1\r\n")


def test_a_conditional_request_may_be_answered_by_304() -> None:
    ask = Ask(etag='W/"a"', modified_since="Tue, 14 Nov 2023 22:13:20 GMT")
    with serving(says(b'HTTP/1.1 304 Not Modified\r\nETag: W/"a"\r\n\r\n')) as server:
        found = success(fetch(server.url(), ask, guard()))
    assert (found.status, found.body, found.headers) == (304, b"", {"etag": 'W/"a"'})
    assert b'If-None-Match: W/"a"\r\nIf-Modified-Since: Tue, 14 Nov 2023 22:13:20 GMT\r\n' in server.heads[0]


@pytest.mark.parametrize("etag", ['"a"\r\nX-Evil: b', '"a"\n', '"a"\r\n b', "\x00", '"\xfc"', "a" * 257])
def test_a_validator_that_could_split_the_request_is_not_sent(etag: str) -> None:
    with serving(says(answer())) as server:
        success(fetch(server.url(), Ask(etag=etag, modified_since=etag), guard()))
    assert b"If-" not in server.heads[0]
    assert b"Evil" not in server.heads[0]


def chain(length: int) -> dict[str, bytes]:
    return {f"/{hop}": redirect(f"/{hop + 1}") for hop in range(length)} | {f"/{length}": answer(body=b"end")}


def test_three_redirects_are_followed() -> None:
    with serving(by_path(chain(3))) as server:
        found = success(fetch(server.url("/0"), Ask(), guard()))
    assert (found.body, found.url) == (b"end", server.url("/3"))
    assert [head.split(b" ")[1] for head in server.heads] == [b"/0", b"/1", b"/2", b"/3"]


def test_a_sixth_redirect_is_not_followed() -> None:
    with serving(by_path(chain(6))) as server:
        found = failure(fetch(server.url("/0"), Ask(), guard()))
    assert (found.kind, server.connections) == (FailureKind.TOO_MANY_REDIRECTS, 6)
    assert server.url("/5") in found.detail


REDIRECTS = [
    ("http://169.254.169.254/latest/meta-data/", FailureKind.FORBIDDEN_ADDRESS),
    ("http://127.0.0.1:{port}/", FailureKind.FORBIDDEN_ADDRESS),
    ("http://[::1]:{port}/", FailureKind.FORBIDDEN_ADDRESS),
    ("http://[::ffff:127.0.0.1]:{port}/", FailureKind.FORBIDDEN_ADDRESS),
    ("http://[::ffff:127.0.0.2]:{port}/", FailureKind.FORBIDDEN_ADDRESS),
    ("http://10.0.0.1/", FailureKind.FORBIDDEN_ADDRESS),
    ("//10.0.0.1/", FailureKind.FORBIDDEN_ADDRESS),
    ("http://2130706433:{port}/", FailureKind.FORBIDDEN_ADDRESS),
    ("http://loopback.test:{port}/", FailureKind.FORBIDDEN_ADDRESS),
    ("http://mixed.test:{port}/", FailureKind.FORBIDDEN_ADDRESS),
    ("http://unknown.test/", FailureKind.UNRESOLVABLE),
    ("file:///etc/passwd", FailureKind.FORBIDDEN_REDIRECT),
    ("http://user:pass@127.0.0.2:{port}/", FailureKind.FORBIDDEN_REDIRECT),
    ("http://127.0.0.2:6379/", FailureKind.FORBIDDEN_REDIRECT),
    ("http://127.0.0.2:25/", FailureKind.FORBIDDEN_REDIRECT),
    ("gopher://127.0.0.2:{port}/_FLUSHALL", FailureKind.FORBIDDEN_REDIRECT),
    ("http://\xe4.test/", FailureKind.FORBIDDEN_REDIRECT),
]


@pytest.mark.parametrize(("location", "kind"), REDIRECTS)
@pytest.mark.parametrize("status", ["301 Moved", "307 Temporary"])
def test_a_redirect_is_judged_anew_as_a_whole(location: str, kind: FailureKind, status: str) -> None:
    resolver = names({"loopback.test": ["127.0.0.1"], "mixed.test": [ALLOWED_HOST, "127.0.0.1"]})
    with canary() as birds, serving(says(redirect(location.format(port=birds[0].port), status))) as server:
        found = failure(fetch(server.url(), Ask(), guard(resolver=resolver)))
    assert (found.kind, [bird.connections for bird in birds]) == (kind, [0] * len(birds))
    assert f"redirected from {server.url()}" in found.detail
    assert server.connections == 1


def test_a_redirect_without_a_location_leads_nowhere() -> None:
    with serving(says(answer("302 Found"))) as server:
        found = fetch(server.url(), Ask(), guard())
    assert isinstance(found, Fetched)
    assert found.status == 302


def test_the_scheme_that_is_expected_holds_for_every_hop() -> None:
    with serving(says(redirect(f"https://{ALLOWED_HOST}:8443/"))) as server:
        hop = failure(fetch(server.url(), Ask(scheme=Protocol.HTTP), guard()))
        start = failure(fetch(server.url(), Ask(scheme=Protocol.HTTPS), guard()))
    assert (hop.kind, start.kind, server.connections) == (FailureKind.OTHER_SCHEME, FailureKind.OTHER_SCHEME, 1)


SPELLINGS = [
    "127.0.0.1", "127.0.0.1.", "127.1", "127.0.1", "127.255.255.254", "2130706433", "017700000001", "0177.0.0.1",
    "0177.0.0.01", "0x7f.0.0.1", "0x7f000001", "0X7F.1", "0x7f.1", "127.0.0.01", "00000127.0.0.1", "127.0.0.0x1",
    "0", "0.0.0.0", "0x0", "localhost", "localhost.", "LOCALHOST", "a.localhost", "loopback.test", "loopback.test.",
    "%31%32%37.0.0.1", "127.0.0.1%00.test", "127%2e0%2e0%2e1", "[::1]", "[0:0:0:0:0:0:0:1]", "[::0001]", "[::]",
    "[::1%25lo]", "[::1%lo]", "[fe80::1%25lo]", "[::127.0.0.1]", "[::7f00:1]", "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]", "[0:0:0:0:0:ffff:7f00:0001]", "[::ffff:0:127.0.0.1]", "[64:ff9b::127.0.0.1]",
    "[64:ff9b:1::127.0.0.1]", "[2002:7f00:1::]", "[2001:0:4136:e378:8000:63bf:80ff:fffe]", "[fd00:ec2::254]",
    "169.254.169.254", "[::ffff:169.254.169.254]", "user:pass@127.0.0.1", "127.0.0.2@127.0.0.1",
    "127.0.0.2\\@127.0.0.1", "127.0.0.2#@127.0.0.1", "\uff11\uff12\uff17.0.0.1", "127\u30020\u30020\u30021",
    "127.0.0.2:80@127.0.0.1",
]  # fmt: skip


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_no_spelling_of_a_forbidden_place_is_connected_to(spelling: str) -> None:
    guarded = guard(resolver=lambda _: ["127.0.0.1"])
    with canary() as birds:
        url = f"http://{spelling}:{birds[0].port}/"
        found = failure(fetch(url, Ask(deadline_seconds=1.0), guarded))
        with serving(says(b"HTTP/1.1 302 Found\r\nLocation: " + url.encode() + b"\r\n\r\n")) as server:
            hop = failure(fetch(server.url(), Ask(deadline_seconds=1.0), guarded))
    assert [bird.connections for bird in birds] == [0] * len(birds)
    refusals = {FailureKind.FORBIDDEN_ADDRESS, FailureKind.FORBIDDEN_URL, FailureKind.FORBIDDEN_REDIRECT}
    unreachable = {FailureKind.REFUSED, FailureKind.UNREACHABLE}
    assert {found.kind, hop.kind} <= (refusals | unreachable if "#" in spelling else refusals), (found, hop)


class Rebinding:
    """Answers an allowed address first and a forbidden one from then on."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, name: str) -> list[str]:
        self.asked.append(name)
        return [ALLOWED_HOST] if len(self.asked) == 1 else ["127.0.0.1"]


def test_a_name_is_resolved_once_and_the_judged_address_is_connected_to() -> None:
    resolver = Rebinding()
    with serving_together({ALLOWED_HOST: says(answer(body=b"good")), "127.0.0.1": says(answer())}) as (server, bird):
        first = success(fetch(server.url(host="rebinding.test"), Ask(), guard(resolver=resolver)))
        asked_once = list(resolver.asked)
        second = failure(fetch(server.url(host="rebinding.test"), Ask(), guard(resolver=resolver)))
    assert (first.body, first.address, asked_once) == (b"good", ALLOWED_HOST, ["rebinding.test"])
    assert (second.kind, server.connections, bird.connections) == (FailureKind.FORBIDDEN_ADDRESS, 1, 0)


def test_a_redirect_to_the_same_name_is_resolved_and_judged_again() -> None:
    resolver = Rebinding()
    with serving_together({ALLOWED_HOST: says(redirect("/again")), "127.0.0.1": says(answer())}) as (server, bird):
        found = failure(fetch(server.url(host="rebinding.test"), Ask(), guard(resolver=resolver)))
    assert (found.kind, len(resolver.asked), bird.connections) == (FailureKind.FORBIDDEN_ADDRESS, 2, 0)


@pytest.mark.parametrize(
    "addresses",
    [
        [ALLOWED_HOST, "127.0.0.1"],
        ["127.0.0.1", ALLOWED_HOST],
        [ALLOWED_HOST, "::1"],
        [ALLOWED_HOST, "169.254.169.254"],
        [ALLOWED_HOST, "::ffff:127.0.0.2"],
        [ALLOWED_HOST, "not an address"],
        [ALLOWED_HOST, "fe80::1%lo"],
    ],
)
@pytest.mark.parametrize("family", [*Family, None])
def test_one_forbidden_address_among_several_refuses_the_name(addresses: list[str], family: Family | None) -> None:
    with serving_together({ALLOWED_HOST: says(answer()), "127.0.0.1": says(answer())}) as (server, bird):
        resolver = names({"mixed.test": addresses})
        found = failure(fetch(server.url(host="mixed.test"), Ask(family=family), guard(resolver=resolver)))
    assert (found.kind, server.connections, bird.connections) == (FailureKind.FORBIDDEN_ADDRESS, 0, 0)


@needs_ipv6
@pytest.mark.parametrize(
    ("family", "addresses", "expected"),
    [
        (Family.IPV4, ["127.0.0.2", "::1"], "127.0.0.2"),
        (Family.IPV6, ["127.0.0.2", "::1"], "::1"),
        (None, ["::1", "127.0.0.2"], "::1"),
        (None, ["127.0.0.2", "::1"], "127.0.0.2"),
        (Family.IPV4, ["::1"], FailureKind.NO_ADDRESS_IN_FAMILY),
        (Family.IPV6, ["127.0.0.2"], FailureKind.NO_ADDRESS_IN_FAMILY),
    ],
)
def test_a_fetch_keeps_to_the_family_asked_for(
    family: Family | None, addresses: list[str], expected: str | FailureKind
) -> None:
    guarded = guard(LOOPBACK, names({"mirror.test": addresses}))
    with serving_together({ALLOWED_HOST: says(answer()), "::1": says(answer())}) as (four, six):
        found = fetch(four.url(host="mirror.test"), Ask(family=family), guarded)
    assert (found.address if isinstance(found, Fetched) else found.kind) == expected
    assert [four.connections, six.connections] == [expected == "127.0.0.2", expected == "::1"]


@needs_ipv6
def test_an_address_in_the_url_is_not_resolved() -> None:
    with serving(says(answer(body=b"six")), "::1") as server:
        found = success(fetch(server.url(), Ask(family=Family.IPV6), guard(LOOPBACK)))
    assert (found.body, found.address, found.url) == (b"six", "::1", f"http://[::1]:{server.port}/")
    assert f"Host: [::1]:{server.port}".encode() in server.heads[0]


def test_the_next_address_is_tried_where_one_refuses() -> None:
    resolver = names({"mirror.test": ["127.0.0.3", ALLOWED_HOST]})
    with serving(says(answer(body=b"good"))) as server:
        found = success(fetch(server.url(host="mirror.test"), Ask(), guard(LOOPBACK, resolver)))
    assert (found.body, found.address) == (b"good", ALLOWED_HOST)


def test_a_refused_connection_names_the_address() -> None:
    with serving(says(answer())) as server:
        pass
    found = failure(fetch(server.url(), Ask(), guard()))
    assert found == Failure(FailureKind.REFUSED, f"{ALLOWED_HOST} port {server.port}")


def raises(error: Exception) -> Callable[[str], list[str]]:
    def resolver(name: str) -> list[str]:
        raise error

    return resolver


@pytest.mark.parametrize(
    ("resolver", "word"),
    [
        (names({}), "unknown"),
        (lambda _: [], "no address"),
        (raises(socket.gaierror(socket.EAI_NONAME, "Name or service not known")), "not known"),
        (raises(UnicodeError("label too long")), "label too long"),
        (raises(TimeoutError()), "no answer for"),
    ],
)
def test_a_name_without_an_address_is_told(resolver: Callable[[str], list[str]], word: str) -> None:
    found = failure(fetch("http://nowhere.test/", Ask(), guard(resolver=resolver)))
    assert (found.kind, word in found.detail, "nowhere.test" in found.detail) == (FailureKind.UNRESOLVABLE, True, True)


def test_a_resolver_that_hangs_ends_at_the_deadline() -> None:
    given_up = threading.Event()

    def hangs(name: str) -> list[str]:
        given_up.wait(60)
        return [ALLOWED_HOST]

    start = time.monotonic()
    found = failure(fetch("http://slow.test/", Ask(deadline_seconds=0.5), guard(resolver=hangs)))
    seconds = time.monotonic() - start
    given_up.set()
    assert found.kind is FailureKind.UNRESOLVABLE
    assert seconds < 10


def test_environment_proxies_and_netrc_are_ignored(tmp_path: Path) -> None:
    (tmp_path / ".netrc").write_text(f"machine {ALLOWED_HOST} login me password secret\n")
    (tmp_path / ".netrc").chmod(0o600)
    with canary() as birds, serving(says(answer())) as server:
        proxy = birds[0].url()
        keys = ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
        environment = dict.fromkeys(keys, proxy) | {"HOME": str(tmp_path), "no_proxy": "", "NO_PROXY": ""}
        outcome, _, _ = alone(server.url(), environment)
    assert (outcome, server.connections, birds[0].connections) == ("200", 1, 0)
    assert b"uthorization" not in server.heads[0]


def test_cookies_are_neither_kept_nor_sent() -> None:
    answers = {"/": answer("302 Found", b"", "Location: /b", "Set-Cookie: a=b; Path=/"), "/b": answer()}
    with serving(by_path(answers)) as server:
        found = success(fetch(server.url(), Ask(), guard()))
    assert "set-cookie" not in found.headers
    assert b"ookie" not in b"".join(server.heads)


def open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def eventually(holds: Callable[[], bool]) -> bool:
    """Whether it holds within ten seconds: the servers in this process close their ends a little later."""
    ends = time.monotonic() + 10
    while not holds() and time.monotonic() < ends:
        time.sleep(0.05)
    return holds()


def test_64_visits_at_once_end_in_time_and_leave_no_socket_open() -> None:
    ends, comes, guarded = Ask(deadline_seconds=1.0), Ask(deadline_seconds=30.0), guard()
    slow = drips(b"HTTP/1.1 200 OK\r\n\r\n", lambda _: b"x", 0.2)
    with serving(stays_silent) as silent, serving(slow) as slowly, serving(says(answer(body=b"good"))) as good:
        visits = [(silent.url(), ends), (slowly.url(), ends), (good.url(), comes), (good.url(), comes)] * 16
        before = open_files()
        start = time.monotonic()
        with ThreadPoolExecutor(64) as pool:
            found = list(pool.map(lambda visit: fetch(*visit, guarded), visits))
        seconds = time.monotonic() - start
        settled = eventually(lambda: open_files() <= before)
    kinds = [entry.kind if isinstance(entry, Failure) else entry.body for entry in found]
    assert kinds == [FailureKind.TIMEOUT, FailureKind.DEADLINE, b"good", b"good"] * 16
    assert (seconds < 15, settled) == (True, True)


def part(most_bytes: int = 4000, seconds: float = 5.0) -> Ask:
    return Ask(Method.PART, None, most_bytes, seconds)


@pytest.mark.parametrize("status", ["206 Partial Content", "200 OK"])
def test_of_a_part_so_many_bytes_are_read_and_none_are_kept(status: str) -> None:
    with serving(floods(f"HTTP/1.1 {status}\r\n\r\n".encode(), bytes(1000))) as server:
        found = success(fetch(server.url("/x.iso"), part(2_000_000), guard()))
    assert b"Range: bytes=0-1999999\r\n" in server.heads[0]
    assert found.transfer is not None and found.transfer.mbps is not None
    assert (found.body, found.transfer.mbps > 1) == (b"", True)
    assert 2_000_000 <= found.transfer.size < 2_100_000


def test_of_a_part_that_does_not_come_in_time_the_speed_is_told_by_what_came() -> None:
    head = b"HTTP/1.1 206 Partial Content\r\nContent-Length: 4000\r\n\r\n"
    with serving(drips(head, lambda _: b"x" * 10, 0.05)) as server:
        found = success(fetch(server.url("/x.iso"), part(seconds=1.0), guard()))
    assert found.transfer is not None and found.transfer.mbps is not None
    assert 0 < found.transfer.size < 1000
    assert found.transfer.mbps == pytest.approx(found.transfer.size * 8e-6, rel=0.2)


@pytest.mark.parametrize(
    ("sent", "size"),
    [(answer("404 Not Found", b"none"), None), (answer("200 OK", b"small"), 5), (answer("206 Partial Content"), 0)],
)
def test_a_part_of_little_or_nothing_says_so(sent: bytes, size: int | None) -> None:
    with serving(says(sent)) as server:
        found = success(fetch(server.url("/x.iso"), part(), guard()))
    assert (found.transfer and found.transfer.size) == size
    assert size != 0 or (found.transfer is not None and found.transfer.mbps is None)


def test_a_part_that_breaks_off_is_a_failure() -> None:
    sent = b"HTTP/1.1 206 Partial Content\r\nContent-Length: 4000\r\n\r\nabc"
    with serving(says(sent)) as server:
        assert failure(fetch(server.url("/x.iso"), part(), guard())).kind is FailureKind.BROKEN_OFF
