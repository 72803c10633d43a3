"""Quick looks at real servers on loopback: every address, kept connections, bounds."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field

import pytest

from mirrorlist.checks.fetching.fetch import Guard
from mirrorlist.checks.probing.quick import QuickLooker, TreeFile
from mirrorlist.core.health.quick_look import AddressSight, QuickLook
from mirrorlist.core.health.verdicts import Family, ProbeOutcome
from mirrorlist.core.model import MAIN, Prefix, Protocol
from tests.checks.fetching.test_bounded_socket import TRUSTING, serving_tls
from tests.checks.servers import answer, by_path, redirect, says, serving, serving_together, stays_silent
from tests.serving import until

LOOPBACK = Prefix(bytes([127, 0, 0, 0]), 8), Prefix(bytes(15) + b"\1", 128)
SECONDS = 0.4


@dataclass
class Names:
    """A resolver that gives what the test says."""

    found: dict[str, Sequence[str]] = field(default_factory=dict)

    def __call__(self, name: str) -> Sequence[str]:
        if name not in self.found:
            raise OSError("Name or service not known")
        return self.found[name]


def looker(names: Names | None = None, guard: Guard | None = None) -> QuickLooker:
    return QuickLooker(guard or Guard(allowed=LOOPBACK, resolver=names or Names()), SECONDS)


def file(url: str, protocol: Protocol = Protocol.HTTP, module: str = MAIN) -> TreeFile:
    return TreeFile("m", module, protocol, url, "libdnf")


def look(url: str, names: Names | None = None, times: int = 1) -> list[tuple[AddressSight, ...]]:
    with closing(looker(names)) as looking:
        return [looking.look(QuickLook("m", turn), [file(url)]).sights for turn in range(times)]


def keeps_open(connection: socket.socket, head: bytes) -> None:
    """A server that answers any number of requests on a connection."""
    with suppress(OSError):
        while head:
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n")
            head = connection.recv(4096)


@pytest.mark.parametrize(
    ("talk", "outcome", "detail"),
    [
        (says(answer()), ProbeOutcome.GOOD, ""),
        (says(redirect("https://m.test/")), ProbeOutcome.GOOD, ""),
        (says(answer("404 Not Found")), ProbeOutcome.MISSING, "answers with status 404"),
        (says(answer("403 Forbidden")), ProbeOutcome.MISSING, "answers with status 403"),
        (says(answer("500 Oh no")), ProbeOutcome.REFUSED, "answers with status 500"),
        (says(answer("502 Bad Gateway")), ProbeOutcome.REFUSED, "answers with status 502"),
        (says(answer("503 Busy")), ProbeOutcome.LIMITED, "answers with status 503"),
        (says(answer("429 Slow down")), ProbeOutcome.LIMITED, "answers with status 429"),
        (stays_silent, ProbeOutcome.TIMEOUT, "no byte of an answer within 0.4 s"),
        (says(b"SSH-2.0-OpenSSH_9.6\r\n"), ProbeOutcome.UNREACHABLE, "malformed answer"),
        (says(b""), ProbeOutcome.UNREACHABLE, "ended early"),
        (says(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 20_000), ProbeOutcome.UNREACHABLE, ""),
    ],
)
def test_what_a_server_answers_is_seen(talk: object, outcome: ProbeOutcome, detail: str) -> None:
    with serving(talk) as server:  # type: ignore[arg-type]  # a table of talks
        ((sight,),) = look(server.url("/time"))
    assert (sight.outcome, sight.asked, sight.at.address) == (outcome, True, server.host)
    assert detail in sight.detail


def test_a_closed_port_is_refused_and_costs_no_request() -> None:
    with serving(says(answer())) as server:
        pass
    with closing(looker()) as looking:
        seen = looking.look(QuickLook("m", 0), [file(server.url())])
    ((sight),) = seen.sights
    assert (sight.outcome, sight.detail, sight.asked, seen.requests) == (
        ProbeOutcome.CLOSED, f"port {server.port}", False, 0,
    )  # fmt: skip


def test_a_server_that_allows_it_is_asked_over_one_connection_and_each_look_makes_sure_that_it_accepts_new_ones() -> (
    None
):
    with serving(keeps_open) as server:
        looks = look(server.url("/time"), times=4)
        assert all(sight.outcome is ProbeOutcome.GOOD for (sight,) in looks)
        until(5, lambda: server.connections >= 4)
    assert server.connections == 4
    assert len(server.heads) == 1
    assert b"Connection: keep-alive" in server.heads[0]
    with serving(says(answer())) as server:
        looks = look(server.url("/time"), times=3)
    assert all(sight.outcome is ProbeOutcome.GOOD for (sight,) in looks)
    assert len(server.heads) == 3


def test_a_refused_head_is_asked_again_by_get_and_from_then_on() -> None:
    def talk(connection: socket.socket, head: bytes) -> None:
        connection.sendall(answer("405 Method Not Allowed") if head.startswith(b"HEAD") else answer(body=b"1"))

    with serving(talk) as server, closing(looker()) as looking:
        seen = [looking.look(QuickLook("m", turn), [file(server.url("/time"))]) for turn in (0, 1)]
    assert [each.requests for each in seen] == [2, 1]
    assert all(each.sights[0].outcome is ProbeOutcome.GOOD for each in seen)
    assert [head.split()[0] for head in server.heads] == [b"HEAD", b"GET", b"GET"]
    assert b"Range: bytes=0-0" in server.heads[1]


def test_a_mirror_that_may_not_be_asked_now_is_connected_to_and_sent_nothing() -> None:
    with serving(says(answer("503 Busy"))) as server, closing(looker()) as looking:
        seen = looking.look(QuickLook("m", 0), [file(server.url("/time"))], lambda: False)
        ((sight),) = seen.sights
        assert (sight.outcome, sight.asked, seen.requests) == (ProbeOutcome.GOOD, False, 0)
        until(5, lambda: server.connections == 1)
    assert server.heads == []


def test_a_refused_head_is_not_asked_by_get_where_one_request_is_allowed() -> None:
    allowed = iter([True, False])
    with serving(says(answer("405 Method Not Allowed"))) as server, closing(looker()) as looking:
        seen = looking.look(QuickLook("m", 0), [file(server.url("/time"))], lambda: next(allowed))
    assert (seen.sights[0].outcome, seen.sights[0].asked, seen.requests) == (ProbeOutcome.UNCHECKED, False, 1)
    assert [head.split()[0] for head in server.heads] == [b"HEAD"]


def test_every_address_of_a_name_is_looked_at_and_one_is_asked_in_turn() -> None:
    names = Names({"m.test": ["127.0.0.3", "127.0.0.2", "127.0.0.4"]})
    with serving_together(dict.fromkeys(("127.0.0.2", "127.0.0.3"), says(answer()))) as (first, second):
        looks = look(f"http://m.test:{first.port}/time", names, times=3)
    outcomes = [{sight.at.address: sight.outcome for sight in sights} for sights in looks]
    expected = {"127.0.0.2": ProbeOutcome.GOOD, "127.0.0.3": ProbeOutcome.GOOD, "127.0.0.4": ProbeOutcome.CLOSED}
    assert outcomes == [expected] * 3
    assert (len(first.heads), len(second.heads)) == (2, 1)
    assert b"Host: m.test:%d" % first.port in first.heads[0]


def test_of_many_addresses_eight_are_looked_at_and_of_both_families() -> None:
    names = Names({"m.test": [*(f"127.0.0.{number}" for number in range(2, 40)), "::1"]})
    ((*sights,),) = look("http://m.test:1029/", names)
    assert len(sights) == 8
    assert {sight.at.tree.family for sight in sights} == {*Family}


def test_an_address_that_is_not_public_is_never_connected_to() -> None:
    with serving(says(answer()), "127.0.0.1") as server:
        names = Names({"m.test": ["192.0.2.1"]})
        with closing(looker(guard=Guard(resolver=names))) as looking:
            seen = [looking.look(QuickLook("m", 0), [file(server.url(host="127.0.0.1"))])]
            names.found["m.test"] = ["127.0.0.1"]
            seen.append(looking.look(QuickLook("m", 1), [file(f"http://m.test:{server.port}/")]))
    assert server.connections == 0
    assert not any(sight.outcome is ProbeOutcome.GOOD for each in seen for sight in each.sights)


def test_a_name_that_resolves_no_more_fails_at_the_addresses_that_it_had() -> None:
    names = Names({"m.test": ["127.0.0.2"]})
    with serving(says(answer())) as server, closing(looker(names)) as looking:
        files = [file(f"http://m.test:{server.port}/")]
        assert looking.look(QuickLook("m", 0), files).sights[0].outcome is ProbeOutcome.GOOD
        names.found.clear()
        (sight,) = looking.look(QuickLook("m", 1), files).sights
    assert (sight.outcome, sight.at.address) == (ProbeOutcome.UNREACHABLE, "127.0.0.2")
    assert "m.test" in sight.detail


def test_over_https_the_certificate_counts_and_the_connection_is_kept() -> None:
    names = Names({"m.test": ["127.0.0.2"]})
    guard = Guard(allowed=LOOPBACK, resolver=names, context=TRUSTING)
    for days, outcome in ((30.0, ProbeOutcome.GOOD), (-1.0, ProbeOutcome.CERTIFICATE)):
        with serving_tls("m.test", talk=keeps_open, days=days) as server, closing(looker(guard=guard)) as looking:
            files = [file(f"https://m.test:{server.port}/time", Protocol.HTTPS)]
            found = [looking.look(QuickLook("m", turn), files).sights[0] for turn in (0, 1)]
        assert [sight.outcome for sight in found] == [outcome] * 2
        assert len(server.heads) == (1 if outcome is ProbeOutcome.GOOD else 0)


def test_what_is_doubtful_is_asked_all_at_once_and_under_a_clients_name() -> None:
    modules = [f"module{number}" for number in range(6)]
    with serving(by_path({"/module1/": answer()})) as server, closing(looker()) as looking:
        files = [file(server.url(f"/{module}/"), module=module) for module in modules]
        at = [sight.at for sight in looking.look(QuickLook("m", 0), files).sights]
        seen = looking.look(QuickLook("m", 1, tuple(at), 28, disguised=True), files)
    assert {sight.at.tree.module: sight.outcome for sight in seen.sights if sight.asked} == {
        module: ProbeOutcome.GOOD if module == "module1" else ProbeOutcome.MISSING for module in modules
    }
    assert seen.requests == 6
    assert sum(b"User-Agent: libdnf" in head for head in server.heads) == 6


@pytest.mark.parametrize(
    "refusal",
    [answer("429 Too Many Requests"), answer("503 Service Unavailable"), answer("500 Oops"), b"", b"nonsense\r\n\r\n"],
    ids=["429", "503", "500", "hung up", "nonsense"],
)
def test_a_head_that_is_refused_in_any_way_is_no_fault(refusal: bytes) -> None:
    def talk(connection: socket.socket, head: bytes) -> None:
        connection.sendall(refusal if head.startswith(b"HEAD") else answer(body=b"1"))

    with serving(talk) as server, closing(looker()) as looking:
        seen = [looking.look(QuickLook("m", turn), [file(server.url("/time"))]) for turn in (0, 1)]
    assert [(each.sights[0].outcome, each.requests) for each in seen] == [
        (ProbeOutcome.GOOD, 2),
        (ProbeOutcome.GOOD, 1),
    ]
