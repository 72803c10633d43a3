"""Visits to mirrors on loopback: what each kind of mirror comes to, and how much it is asked."""

from __future__ import annotations

import gzip
import hashlib
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

import pytest

from mirrorlist.checks.fetching.fetch import Ask, Fetch
from mirrorlist.checks.fetching.result import Failure, FailureKind, Fetched
from mirrorlist.checks.probing.requests import ProbeTerms, validator_of
from mirrorlist.checks.probing.visit import Visited, visit
from mirrorlist.core.catalogue.metadata import REPOMD
from mirrorlist.core.health.elsewhere import Elsewhere
from mirrorlist.core.health.probe_plan import TURNS, Trip, Wanted
from mirrorlist.core.health.verdicts import Family, HealthPolicy, Probe, ProbeOutcome, Subject, Verdict, judged
from mirrorlist.core.model import MAIN, Mirror, Protocol
from tests.building import NOW
from tests.checks.fetching.test_bounded_socket import TRUSTING, serving_tls
from tests.checks.servers import (
    ALLOWED_HOST,
    Talk,
    answer,
    drips,
    floods,
    has_ipv6,
    redirect,
    says,
    serving,
    stays_silent,
)
from tests.checks.trees import (
    CURRENT,
    HTML,
    LAST,
    NEVER,
    NEWER,
    OLD,
    PATHS,
    TERMS,
    TIMEOUT,
    WANTED,
    Fetching,
    Tree,
    mirror,
    mirrored,
    now,
    published,
)

GOOD_TIME = str(int(NOW) - 600).encode()
needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="::1 cannot be listened on here")


def visited(
    of: Mirror,
    fetching: Fetch | None = None,
    *,
    wanted: Wanted = WANTED,
    verdicts: Mapping[Subject, Verdict] | None = None,
    time_file: str | None = None,
    run: int = 0,
    images: Mapping[str, int | None] | None = None,
    terms: ProbeTerms = TERMS,
) -> Visited:
    trip = Trip(
        mirror=of, wanted=wanted, now=NOW, run=run, verdicts=verdicts or {}, time_file=time_file,
        images={MAIN: images or {}},
    )  # fmt: skip
    return visit(trip, terms, fetching or Fetching(), time.monotonic, now)


def probes(found: Visited, family: Family = Family.IPV4) -> dict[str, Probe]:
    """The probes over a family by path; "" is the tree."""
    return {probe.subject.spelled: probe for probe in found.probes if probe.subject.family is family}


def outcomes(found: Visited, family: Family = Family.IPV4) -> dict[str, ProbeOutcome]:
    return {path: probe.outcome for path, probe in probes(found, family).items()}


def judged_by(found: Visited, before: Mapping[Subject, Verdict]) -> dict[Subject, Verdict]:
    after = dict(before)
    for probe in found.probes:
        after[probe.subject] = judged(after.get(probe.subject), probe, HealthPolicy())
    return after


def test_a_good_mirror_is_fresh_in_everything() -> None:
    with mirrored(Tree()) as (of, server):
        found = visited(of)
    assert outcomes(found) == {"": ProbeOutcome.GOOD, **dict.fromkeys(PATHS, ProbeOutcome.FRESH)}
    assert outcomes(found, Family.IPV6) == {"": ProbeOutcome.NO_ADDRESS}
    assert (found.requests, server.connections) == (5, 4)
    assert {probe.sha256 for path, probe in probes(found).items() if path} == {WANTED[MAIN][PATHS[0]].current.sha256}  # type: ignore[union-attr]  # known here


CONTENT: list[tuple[bytes, ProbeOutcome, str, ProbeOutcome]] = [
    (LAST, ProbeOutcome.LAGGING, "an older version that is still accepted", ProbeOutcome.GOOD),
    (OLD, ProbeOutcome.STALE, "a version that the origin has replaced", ProbeOutcome.GOOD),
    (NEWER, ProbeOutcome.AHEAD, "", ProbeOutcome.GOOD),
    (NEVER, ProbeOutcome.WRONG, "a repomd.xml that the origin never published", ProbeOutcome.WRONG),
    (CURRENT[:-20], ProbeOutcome.WRONG, "a repomd.xml that ends early", ProbeOutcome.WRONG),
    (HTML, ProbeOutcome.WRONG, "an HTML page", ProbeOutcome.WRONG),
    (b"", ProbeOutcome.WRONG, "an empty file", ProbeOutcome.WRONG),
    (b"hello", ProbeOutcome.WRONG, "not a repomd.xml", ProbeOutcome.WRONG),
]


@pytest.mark.parametrize(("body", "outcome", "detail", "tree"), CONTENT)
def test_the_content_is_compared_with_the_origins(
    body: bytes, outcome: ProbeOutcome, detail: str, tree: ProbeOutcome
) -> None:
    with mirrored(Tree().put(body)) as (of, _):
        found = probes(visited(of))
    assert {(probe.outcome, probe.detail) for path, probe in found.items() if path} == {(outcome, detail)}
    assert set(found) == {"", *PATHS}
    assert found[""].outcome is tree


def test_what_is_older_than_all_that_is_known_may_have_been_the_origins() -> None:
    """Right after installing only the newest version is known; those that did not sync it yet are behind, not wrong."""
    terms = replace(TERMS, history={}, oldest=dict.fromkeys(PATHS, int(NOW) - 3600))
    with mirrored(Tree().put(OLD)) as (of, _):
        found = probes(visited(of, terms=terms))
    assert {probe.outcome for path, probe in found.items() if path} == {ProbeOutcome.STALE}
    assert found[""].outcome is ProbeOutcome.GOOD


ANSWERS: list[tuple[str, Talk, ProbeOutcome]] = [
    ("404", says(answer("404 Not Found")), ProbeOutcome.MISSING),
    ("410", says(answer("410 Gone")), ProbeOutcome.MISSING),
    ("403", says(answer("403 Forbidden")), ProbeOutcome.REFUSED),
    ("500", says(answer("500 Internal Server Error")), ProbeOutcome.REFUSED),
    ("429", says(answer("429 Too Many Requests", b"", "Retry-After: 60")), ProbeOutcome.LIMITED),
    ("503", says(answer("503 Service Unavailable")), ProbeOutcome.LIMITED),
    ("redirect to cloud metadata", says(redirect("http://169.254.169.254/latest/")), ProbeOutcome.FORBIDDEN),
    ("redirects without end", says(redirect("/again")), ProbeOutcome.WRONG),
    ("silence", stays_silent, ProbeOutcome.TIMEOUT),
    (
        "a byte a second",
        drips(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n", lambda _: b"x", 0.1),
        ProbeOutcome.TIMEOUT,
    ),
    ("an endless body", floods(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 65_536), ProbeOutcome.WRONG),
    ("a gzip bomb", says(answer("200 OK", gzip.compress(bytes(10**7)), "Content-Encoding: gzip")), ProbeOutcome.WRONG),
    ("cut off", says(answer(body=CURRENT)[:-30]), ProbeOutcome.UNREACHABLE),
    ("no HTTP", says(b"SSH-2.0-OpenSSH_9.6\r\n"), ProbeOutcome.WRONG),
]


@pytest.mark.parametrize(("talk", "outcome"), [pytest.param(*each[1:], id=each[0]) for each in ANSWERS])
def test_what_a_mirror_answers_is_what_its_tree_comes_to(talk: Talk, outcome: ProbeOutcome) -> None:
    with mirrored(Tree(talk=talk)) as (of, _):
        start = time.monotonic()
        found = visited(of)
        seconds = time.monotonic() - start
    assert outcomes(found)[""] is outcome
    assert seconds < 1.25 * TIMEOUT + 8


def test_a_mirror_that_asks_us_to_come_back_is_asked_no_more() -> None:
    with mirrored(Tree(talk=says(answer("429 Too Many Requests")))) as (of, server):
        visited(of)
    assert server.connections == 1


TIMES: list[tuple[bytes, ProbeOutcome]] = [
    (GOOD_TIME, ProbeOutcome.GOOD),
    (GOOD_TIME + b"\n", ProbeOutcome.GOOD),
    (f"{NOW + 599:.0f}".encode(), ProbeOutcome.GOOD),
    (f"{NOW + 601:.0f}".encode(), ProbeOutcome.FUTURE),
    (b"9999999999", ProbeOutcome.FUTURE),
    (b"inf", ProbeOutcome.FUTURE),
    (b"nan", ProbeOutcome.FUTURE),
    (b"9" * 90, ProbeOutcome.FUTURE),
    (f"{NOW - 12 * 3600 + 9:.0f}".encode(), ProbeOutcome.GOOD),
    (f"{NOW - 12 * 3600 - 9:.0f}".encode(), ProbeOutcome.OUTDATED),
    (b"-5", ProbeOutcome.OUTDATED),
    (f"{datetime.fromtimestamp(NOW - 600, UTC):%a %b %d %H:%M:%S UTC %Y}\n".encode(), ProbeOutcome.GOOD),
    (
        f"{datetime.fromtimestamp(NOW - 86_400, UTC):%a %b %d %H:%M:%S UTC %Y}\nUsing dvd\n".encode(),
        ProbeOutcome.OUTDATED,
    ),
    (b"Sat Nov 22 01:02:03 UTC 2036", ProbeOutcome.FUTURE),
    (HTML, ProbeOutcome.WRONG),
    (b"", ProbeOutcome.WRONG),
    (b"soon", ProbeOutcome.WRONG),
    (b"\xff\xfe", ProbeOutcome.WRONG),
]


@pytest.mark.parametrize(("body", "outcome"), TIMES)
def test_the_time_file_tells_when_the_mirror_synced(body: bytes, outcome: ProbeOutcome) -> None:
    tree = Tree()
    tree.files["TIME"] = body
    with mirrored(tree) as (of, _):
        found = outcomes(visited(of, time_file="TIME"))
    assert found == {"": outcome, **dict.fromkeys(PATHS, ProbeOutcome.FRESH)}


def test_a_redirect_to_a_login_page_is_wrong() -> None:
    def talk(connection: object, head: bytes) -> None:
        page = answer(body=HTML) if b"GET /login" in head else redirect("/login")
        connection.sendall(page)  # type: ignore[attr-defined]  # a socket

    with mirrored(Tree(talk=talk)) as (of, _):
        assert outcomes(visited(of, time_file="TIME"))[""] is ProbeOutcome.WRONG
        assert set(outcomes(visited(of)).values()) == {ProbeOutcome.WRONG}


def test_a_mirror_without_the_time_file_is_judged_by_its_repositories() -> None:
    with mirrored(Tree()) as (of, server):
        found = visited(of, time_file="TIME")
        again = visited(of, time_file="TIME", verdicts=judged_by(found, {}), run=50)
    assert outcomes(found) == {"": ProbeOutcome.GOOD, **dict.fromkeys(PATHS, ProbeOutcome.FRESH)}
    assert probes(found)[""].detail == "the time file: status 404"
    assert outcomes(again)[""] is ProbeOutcome.GOOD
    assert server.connections < 8


def test_a_partial_mirror_is_good_for_what_it_carries() -> None:
    with mirrored(Tree({PATHS[1] + REPOMD: CURRENT})) as (of, _):
        found = visited(of)
        verdicts = judged_by(found, {})
        for run in range(1, 9):
            verdicts = judged_by(visited(of, verdicts=verdicts, run=run), verdicts)
    assert outcomes(found) == {
        "": ProbeOutcome.GOOD, PATHS[0]: ProbeOutcome.MISSING, PATHS[1]: ProbeOutcome.FRESH, PATHS[2]: ProbeOutcome.MISSING,
    }  # fmt: skip
    states = {s.spelled: v.good_now for s, v in verdicts.items() if s.family is Family.IPV4}
    assert states == {"": True, PATHS[0]: False, PATHS[1]: True, PATHS[2]: False}


OVER_IPV4 = [Subject("m.test", MAIN, Protocol.HTTP, Family.IPV4, path) for path in (None, *PATHS)]


def test_a_tree_that_moved_away_is_out_after_two_visits_and_comes_back_after_two() -> None:
    tree = Tree()
    with mirrored(tree) as (of, _):
        verdicts = judged_by(visited(of), {})
        files, tree.files = tree.files, {}
        for run in (1, 2):
            verdicts = judged_by(visited(of, verdicts=verdicts, run=run), verdicts)
        gone = {subject.spelled: verdicts[subject].good_now for subject in OVER_IPV4}
        tree.files = files
        for run in (3, 4):
            verdicts = judged_by(visited(of, verdicts=verdicts, run=run), verdicts)
    assert gone[""] is False
    assert all(verdicts[subject].good_now for subject in OVER_IPV4)


def test_when_protocols_disagree_the_other_tree_is_walked_too() -> None:
    with serving_tls("m.test", talk=Tree()) as secure, serving(Tree().put(OLD)) as plain:
        of = mirror(http=plain, https=secure)
        found = visited(of, Fetching(context=TRUSTING))
    stale = [probe for probe in found.probes if probe.outcome is ProbeOutcome.STALE]
    fresh = [probe for probe in found.probes if probe.outcome is ProbeOutcome.FRESH]
    assert {(probe.subject.protocol, probe.subject.spelled) for probe in stale} == {
        ("http", path) for path in ("", *PATHS)
    }
    assert {(probe.subject.protocol, probe.subject.spelled) for probe in fresh} == {("https", path) for path in PATHS}


def test_when_protocols_agree_one_of_them_is_walked_and_the_other_forgotten_once_it_is_good() -> None:
    other = Tree().put(OLD)
    with serving_tls("m.test", talk=Tree()) as secure, serving(other) as plain:
        of, fetching = mirror(http=plain, https=secure), Fetching(context=TRUSTING)
        verdicts: dict[Subject, Verdict] = {}
        for run in (1, 2):
            verdicts = judged_by(visited(of, fetching, verdicts=verdicts, run=run), verdicts)
        other.put(CURRENT)
        forgotten: list[frozenset[Subject]] = []
        for run in (3, 4, 5):
            found = visited(of, fetching, verdicts=verdicts, run=run)
            verdicts = judged_by(found, verdicts)
            forgotten.append(found.forgotten)
    own = {subject for subject in verdicts if subject.protocol is Protocol.HTTP and subject.spelled}
    assert all(verdicts[subject].good_now for subject in own)
    assert forgotten == [frozenset(), frozenset(), frozenset(own)]


CERTIFICATES = [("m.test", -1.0, "expired"), ("other.test", 30.0, "wrong name")]


@pytest.mark.parametrize(("identity", "days", "detail"), CERTIFICATES)
def test_a_bad_certificate_leaves_http_in_place(identity: str, days: float, detail: str) -> None:
    with serving_tls(identity, talk=Tree(), days=days) as secure, serving(Tree()) as plain:
        found = visited(mirror(http=plain, https=secure), Fetching(context=TRUSTING))
    by_way = {
        (p.subject.protocol, p.subject.spelled): p for p in found.probes if p.subject.family is Family.IPV4
    }  # fmt: skip
    assert by_way[Protocol.HTTPS, ""].outcome is ProbeOutcome.CERTIFICATE
    assert detail in by_way[Protocol.HTTPS, ""].detail
    assert by_way[Protocol.HTTP, ""].outcome is ProbeOutcome.GOOD
    assert by_way[Protocol.HTTP, PATHS[0]].outcome is ProbeOutcome.FRESH


def test_the_days_left_of_a_certificate_are_told() -> None:
    with serving_tls("m.test", talk=Tree(), days=5.5) as secure:
        found = visited(mirror(https=secure), Fetching(context=TRUSTING))
    assert probes(found)[""].certificate_days == 5
    assert judged_by(found, {})[probes(found)[""].subject].certificate_days == 5


ISO = "9/isos/x86_64/dvd.iso"
HEADS: list[tuple[str, bytes | None, int | None, ProbeOutcome]] = [
    ("there", answer("200 OK", b"x" * 700), 700, ProbeOutcome.GOOD),
    ("of unknown size at the origin", answer("200 OK", b"x" * 7), None, ProbeOutcome.GOOD),
    ("without a size", b"HTTP/1.1 200 OK\r\n\r\nx", 700, ProbeOutcome.GOOD),
    ("without anything", b"HTTP/1.1 200 OK\r\n\r\n", 700, ProbeOutcome.WRONG),
    ("a page without a size", b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<", 700, ProbeOutcome.WRONG),
    ("a range of nothing", answer("206 Partial Content", b"x"), 700, ProbeOutcome.WRONG),
    (
        "several ranges",
        answer("206 Partial Content", b"--x", "Content-Type: multipart/byteranges; boundary=x"),
        700,
        ProbeOutcome.WRONG,
    ),
    ("compressed", answer("200 OK", b"x" * 7, "Content-Encoding: gzip"), 700, ProbeOutcome.WRONG),
    ("cut off or older", answer("200 OK", b"x" * 7), 700, ProbeOutcome.STALE),
    ("not there", None, 700, ProbeOutcome.MISSING),
    ("a page", answer("200 OK", HTML, "Content-Type: text/html; charset=utf-8"), 700, ProbeOutcome.WRONG),
    ("taken for a page", answer("200 OK", bytes(700), "Content-Type: text/html"), 700, ProbeOutcome.GOOD),
    ("refused", answer("403 Forbidden"), 700, ProbeOutcome.REFUSED),
    ("neither HEAD nor GET here", answer("405 Method Not Allowed"), 700, ProbeOutcome.REFUSED),
    ("by its first byte", answer("206 Partial Content", b"x", "Content-Range: bytes 0-0/700"), 700, ProbeOutcome.GOOD),
    (
        "another by its first byte",
        answer("206 Partial Content", b"x", "Content-Range: bytes 0-0/7"),
        700,
        ProbeOutcome.STALE,
    ),
    (
        "by a first byte of many",
        answer("206 Partial Content", b"x", "Content-Range: bytes 0-0/*"),
        700,
        ProbeOutcome.GOOD,
    ),
    ("empty", answer("416 Range Not Satisfiable", b"", "Content-Range: bytes */0"), 700, ProbeOutcome.STALE),
    ("no range here", answer("416 Range Not Satisfiable"), 700, ProbeOutcome.REFUSED),
    ("not now", answer("503 Service Unavailable"), 700, ProbeOutcome.LIMITED),
    ("in a private network", redirect("http://169.254.169.254/dvd.iso"), 700, ProbeOutcome.FORBIDDEN),
]


@pytest.mark.parametrize(("said", "size", "outcome"), [row[1:] for row in HEADS], ids=[row[0] for row in HEADS])
def test_an_image_is_judged_by_its_first_byte(said: bytes | None, size: int | None, outcome: ProbeOutcome) -> None:
    tree = Tree()

    def talk(connection: socket.socket, head: bytes) -> None:
        if said is None or ISO.encode() not in head:
            tree(connection, head)
        else:
            connection.sendall(said)

    with mirrored(talk) as (of, server):
        found = visited(of, images={ISO: size})
    assert outcomes(found) == {"": ProbeOutcome.GOOD, ISO: outcome, **dict.fromkeys(PATHS, ProbeOutcome.FRESH)}
    (head,) = [head for head in server.heads if ISO.encode() in head]
    assert head.startswith(b"GET ")
    assert b"\r\nRange: bytes=0-0\r\n" in head


@dataclass
class ByMethod:
    """An image that HEAD and GET are answered differently for; what is None is not answered at all."""

    head: bytes | None
    get: bytes | None
    asked: list[str] = field(default_factory=list)

    def __call__(self, connection: socket.socket, head: bytes) -> None:
        method = head.split()[0].decode()
        if ISO.encode() not in head:
            Tree()(connection, head)
            return
        self.asked.append(method)
        said = self.head if method == "HEAD" else self.get
        if said is not None:
            connection.sendall(said.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" if method == "HEAD" else said)


THERE = answer("200 OK", b"x" * 700)
RUN_OF_HEAD = TURNS
"""A run in which images are asked for by HEAD."""


def seen_before(of: Mirror) -> dict[Subject, Verdict]:
    """The verdicts of a mirror whose image was there, but not since yesterday."""
    subject = Subject(of.name, MAIN, Protocol.HTTP, Family.IPV4, ISO)
    return {subject: Verdict(True, NOW - 90_000, ProbeOutcome.GOOD, NOW - 90_000, good=1)}


@pytest.mark.parametrize(
    "refused",
    [
        pytest.param(answer(status), id=status.partition(" ")[0])
        for status in ("400 Bad Request", "401 Unauthorized", "403 Forbidden", "404 Not Found", "405 Method Not Allowed",
                       "500 Internal Server Error", "501 Not Implemented", "503 Service Unavailable")
    ] + [
        pytest.param(None, id="hung up"),
        pytest.param(b"nonsense\r\n\r\n", id="nonsense"),
        pytest.param(answer("200 OK"), id="of no size"),
        pytest.param(redirect("http://m.test/elsewhere"), id="a redirect into nothing"),
    ],
)  # fmt: skip
def test_a_refused_head_is_no_verdict_while_the_file_is_given(refused: bytes | None) -> None:
    with mirrored(talk := ByMethod(refused, THERE)) as (of, _):
        found = visited(of, images={ISO: 700}, run=RUN_OF_HEAD, verdicts=seen_before(of))
    assert outcomes(found)[ISO] is ProbeOutcome.GOOD
    assert talk.asked == ["HEAD", "GET"]


def test_a_good_head_is_enough_in_its_turn() -> None:
    with mirrored(talk := ByMethod(THERE, None)) as (of, _):
        found = visited(of, images={ISO: 700}, run=RUN_OF_HEAD, verdicts=seen_before(of))
    assert (outcomes(found)[ISO], talk.asked) == (ProbeOutcome.GOOD, ["HEAD"])


def test_what_is_bad_by_both_is_told_by_get() -> None:
    with mirrored(talk := ByMethod(answer("403 Forbidden"), answer("404 Not Found"))) as (of, _):
        found = visited(of, images={ISO: 700}, run=RUN_OF_HEAD, verdicts=seen_before(of))
    assert (outcomes(found)[ISO], talk.asked) == (ProbeOutcome.MISSING, ["HEAD", "GET"])


def test_a_file_that_only_head_finds_is_lost_and_stays_so() -> None:
    with mirrored(ByMethod(THERE, answer("403 Forbidden"))) as (of, _):
        verdicts: dict[Subject, Verdict] = {}
        for run in range(3 * RUN_OF_HEAD):
            verdicts = judged_by(visited(of, verdicts=verdicts, run=run, images={ISO: 700}), verdicts)
    assert not next(verdict.good_now for subject, verdict in verdicts.items() if subject.spelled == ISO)


def test_of_a_server_without_ranges_only_the_beginning_is_read() -> None:
    whole = answer("200 OK", b"x" * 50_000_000)
    with mirrored(ByMethod(None, whole)) as (of, _):
        start = time.monotonic()
        found = visited(of, images={ISO: 50_000_000})
    assert outcomes(found)[ISO] is ProbeOutcome.GOOD
    assert time.monotonic() - start < 5


def test_a_mirror_without_an_image_stays_for_its_repositories() -> None:
    with mirrored(Tree()) as (of, _):
        verdicts: dict[Subject, Verdict] = {}
        for run in range(3):
            verdicts = judged_by(visited(of, verdicts=verdicts, run=run, images={ISO: 700}), verdicts)
    bad = {
        subject.spelled for subject, verdict in verdicts.items() if not verdict.good_now and subject.family == "ipv4"
    }
    assert bad == {ISO}


def conditional(tree: Tree, always_304: bool = False) -> Talk:
    """Answers as web servers do that know ETags; or 304 to everything."""

    def talk(connection: socket.socket, head: bytes) -> None:
        body = tree.files.get(head.split(b" ", 2)[1].decode().removeprefix("/"), b"")
        etag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
        if always_304 or f"If-None-Match: {etag}".encode() in head:
            connection.sendall(b"HTTP/1.1 304 Not Modified\r\n\r\n")
        else:
            connection.sendall(answer("200 OK", body, f"ETag: {etag}"))

    return talk


def test_what_did_not_change_is_not_sent_again() -> None:
    tree = Tree()
    with mirrored(conditional(tree)) as (of, server):
        first = judged_by(visited(of), {})
        del server.heads[:]
        found = visited(of, verdicts=first, run=1)
    ours = [head for head in server.heads if b"Range:" not in head]
    asked = [head for head in ours if b"If-None-Match" in head]
    assert (len(asked), len(ours)) == (1, 1)
    assert [(p.path, p.outcome) for p in unchanged(found)] == [(PATHS[1], ProbeOutcome.FRESH)]
    after = judged_by(found, first)
    path = probes(found)[PATHS[1]].subject
    assert (after[path].sha256, after[path].validator) == (first[path].sha256, first[path].validator)


@dataclass(frozen=True)
class Unchanged:
    path: str
    outcome: ProbeOutcome


def unchanged(found: Visited) -> list[Unchanged]:
    return [
        Unchanged(probe.subject.spelled, probe.outcome)
        for probe in found.probes
        if probe.unchanged and probe.subject.spelled
    ]


def test_a_mirror_that_calls_everything_unchanged_is_believed_a_day_and_not_after_a_change() -> None:
    tree = Tree()
    with mirrored(conditional(tree)) as (of, server):
        verdicts = judged_by(visited(of), {})
    with mirrored(conditional(tree, always_304=True)) as (of, server):
        before = {subject: verdict for subject, verdict in verdicts.items() if subject.family is Family.IPV4}
        believed = outcomes(visited(of, verdicts=before, run=1))
        newer = {MAIN: {path: published(path, NEWER) for path in PATHS}}
        changed = visited(of, verdicts=before, run=1, wanted=newer)
        yesterday = {s: replace(v, sha256_at=v.sha256_at and NOW - 86_400) for s, v in before.items()}
        later = visited(of, verdicts=yesterday, run=1)
    assert set(believed.values()) == {ProbeOutcome.GOOD, ProbeOutcome.FRESH}
    for found in (changed, later):
        assert set(outcomes(found).values()) == {ProbeOutcome.REFUSED}
        assert {probe.detail for probe in found.probes if probe.subject.family is Family.IPV4} == {"status 304"}
    assert not any(b"If-None-Match" in head for head in server.heads[-1:])


def test_an_older_file_with_an_older_date_is_found_out() -> None:
    """Servers call a file unchanged that is older than the date they are asked by; so they are not asked by dates."""
    tree = Tree()
    date = "Sat, 21 Nov 2026 00:00:00 GMT"

    def talk(connection: socket.socket, head: bytes) -> None:
        if b"If-Modified-Since: " in head:
            connection.sendall(b"HTTP/1.1 304 Not Modified\r\n\r\n")
        else:
            body = tree.files[head.split(b" ", 2)[1].decode().removeprefix("/")]
            connection.sendall(answer("200 OK", body, f"Last-Modified: {date}"))

    with mirrored(talk) as (of, server):
        verdicts = judged_by(visited(of), {})
        assert unchanged(visited(of, verdicts=verdicts, run=1)) == []
    assert not any(b"If-Modified-Since" in head for head in server.heads)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"etag": '"5f-1"', "last-modified": "Sat, 21 Nov 2026 00:00:00 GMT"}, '"5f-1"'),
        ({"etag": 'W/"5f-1"'}, 'W/"5f-1"'),
        ({"etag": "5f-1"}, None),
        ({"etag": '"' + "x" * 500 + '"'}, None),
        ({"etag": '"a" "b"'}, None),
        ({"etag": '"\u00e4"', "last-modified": "Sat, 21 Nov 2026 00:00:00 GMT"}, None),
        ({"last-modified": "Sat, 21 Nov 2026 00:00:00 GMT"}, None),
        ({}, None),
    ],
)
def test_only_usual_validators_are_kept(headers: dict[str, str], expected: str | None) -> None:
    assert validator_of(headers) == expected


@needs_ipv6
def test_a_mirror_with_ipv6_only_is_walked_over_it() -> None:
    with mirrored(Tree(), host="::1") as (of, _):
        found = visited(of, Fetching({"m.test": ["::1"]}))
    assert outcomes(found, Family.IPV6) == {"": ProbeOutcome.GOOD, **dict.fromkeys(PATHS, ProbeOutcome.FRESH)}
    assert outcomes(found, Family.IPV4) == {"": ProbeOutcome.NO_ADDRESS}


def test_ipv6_that_leads_nowhere_is_bad_for_ipv6_alone() -> None:
    with mirrored(Tree()) as (of, _):
        found = visited(of, Fetching({"m.test": [ALLOWED_HOST, "::1"]}))
    assert outcomes(found)[""] is ProbeOutcome.GOOD
    assert outcomes(found, Family.IPV6) == {"": ProbeOutcome.CLOSED}


@pytest.mark.parametrize(
    ("private", "addresses", "outcome"),
    [
        (True, ["10.0.0.1"], ProbeOutcome.UNCHECKED),
        (False, ["10.0.0.1"], ProbeOutcome.FORBIDDEN),
        (True, [], ProbeOutcome.UNCHECKED),
        (False, [], ProbeOutcome.UNREACHABLE),
    ],
)
def test_a_private_mirror_out_of_reach_is_unchecked(private: bool, addresses: list[str], outcome: ProbeOutcome) -> None:
    of = replace(mirror(), urls={MAIN: {Protocol.HTTP: "http://m.test/"}}, private=private)
    found = visited(of, Fetching({"m.test": addresses}))
    assert outcomes(found) == {"": outcome}


def test_a_private_mirror_with_wrong_content_is_judged_like_any_other() -> None:
    with mirrored(Tree().put(HTML)) as (of, _):
        assert outcomes(visited(replace(of, private=True)))[""] is ProbeOutcome.WRONG


def test_rsync_is_asked_over_each_family_unless_the_host_is_silent() -> None:
    urls = {Protocol.HTTP: "http://m.test/", Protocol.RSYNC: "rsync://m.test/linux/"}
    of = Trip(mirror=Mirror(name="m", urls={MAIN: urls}), wanted=WANTED, now=NOW, run=0)
    asked: list[tuple[str, float]] = []

    def rsync(subject: Subject, url: str, seconds: float) -> Probe:
        asked.append((url, seconds))
        return Probe(subject, NOW, 0.1, ProbeOutcome.GOOD)

    checks = {Protocol.RSYNC: rsync}
    clock = Clock()
    found = visit(of, TERMS, slow(clock, lambda url, ask: 0.1), clock, now, checks)
    assert asked == [("rsync://m.test/linux/", TIMEOUT)] * 2
    over = [probe.subject for probe in found.probes if probe.subject.protocol is Protocol.RSYNC]
    assert [subject.family for subject in over] == [Family.IPV4, Family.IPV6]
    visit(of, TERMS, slow(clock, lambda url, ask: None), clock, now, checks)
    assert len(asked) == 2


def source_over_rsync(
    bodies: Mapping[str, bytes], name: str = "source://a", time_file: str | None = "TIME", **more: str
) -> tuple[list[tuple[ProbeOutcome, str, str | None]], list[str]]:
    """What a machine with rsync comes to that has these files, by their names; and which were read there."""
    urls = {Protocol.RSYNC: "rsync://m.test/linux/", **{Protocol(each): url for each, url in more.items()}}
    read: list[str] = []

    def fetching(url: str, ask: Ask) -> Fetched | Failure:
        if not url.startswith("rsync://"):
            return Fetched(404, {}, b"", url, ALLOWED_HOST, 0.1, None)
        read.append(url)
        body = bodies.get(url.rpartition("/")[2])
        return Fetched(404 if body is None else 200, {}, body or b"", url, ALLOWED_HOST, 0.1, None)

    trip = Trip(
        mirror=Mirror(name=name, urls={MAIN: urls}), wanted=WANTED, now=NOW, run=0, time_file=time_file,
        families=(Family.IPV4,),
    )  # fmt: skip
    checks = {Protocol.RSYNC: lambda subject, url, seconds: Probe(subject, NOW, 0.1, ProbeOutcome.GOOD)}
    found = visit(trip, TERMS, fetching, Clock(), now, checks)
    trees = [each for each in found.probes if each.subject.protocol is Protocol.RSYNC]
    return [(each.outcome, each.detail, each.sha256) for each in trees], read


@pytest.mark.parametrize(
    ("bodies", "outcome", "detail", "version"),
    [
        ({"TIME": GOOD_TIME, "repomd.xml": CURRENT}, ProbeOutcome.FRESH, "", CURRENT),
        ({"repomd.xml": CURRENT}, ProbeOutcome.FRESH, "", CURRENT),
        ({"TIME": GOOD_TIME, "repomd.xml": LAST}, ProbeOutcome.LAGGING, "{}: an older version that", LAST),
        ({"TIME": GOOD_TIME, "repomd.xml": OLD}, ProbeOutcome.STALE, "{}: a version that the origin has", OLD),
        ({"TIME": b"1000000000", "repomd.xml": CURRENT}, ProbeOutcome.OUTDATED, "synced ", None),
        ({"TIME": GOOD_TIME}, ProbeOutcome.GOOD, "", None),
        ({"TIME": HTML, "repomd.xml": HTML}, ProbeOutcome.GOOD, "", None),
        ({"TIME": GOOD_TIME, "repomd.xml": NEWER}, ProbeOutcome.GOOD, "", None),
        ({}, ProbeOutcome.GOOD, "", None),
    ],
)
def test_how_new_a_source_is_that_offers_rsync_alone_is_read_over_it(
    bodies: dict[str, bytes], outcome: ProbeOutcome, detail: str, version: bytes | None
) -> None:
    (found,), read = source_over_rsync(bodies)
    digest = hashlib.sha256(version).hexdigest() if version else None
    assert (found[0], found[2]) == (outcome, digest)
    assert found[1].startswith(detail.format(min(PATHS))) if detail else not found[1]
    index = f"rsync://m.test/linux/{min(PATHS)}repodata/repomd.xml"
    assert read == ["rsync://m.test/linux/TIME", index][: 1 if outcome is ProbeOutcome.OUTDATED else 2]


def test_over_rsync_nothing_is_read_that_the_web_shows_nor_from_mirrors() -> None:
    files = {"TIME": GOOD_TIME, "repomd.xml": CURRENT}
    assert source_over_rsync(files, name="m") == ([(ProbeOutcome.GOOD, "", None)], [])
    assert source_over_rsync(files, https="https://m.test/")[1] == []
    assert len(source_over_rsync(files, time_file=None)[1]) == 1


class Clock:
    """Time that passes only when a fetch says so."""

    def __init__(self) -> None:
        self.at = 100.0

    def __call__(self) -> float:
        return self.at


def slow(clock: Clock, wanted: Callable[[str, Ask], float | None]) -> Fetch:
    """Answers after some seconds of a clock; None is never."""

    def fetching(url: str, ask: Ask) -> Fetched | Failure:
        seconds = wanted(url, ask)
        if seconds is None or seconds > ask.deadline_seconds:
            clock.at += ask.deadline_seconds
            return Failure(FailureKind.TIMEOUT, "silence")
        clock.at += seconds
        return Fetched(200, {}, CURRENT, url, ALLOWED_HOST, seconds, None)

    return fetching


BOTH = Mirror(name="m", urls={MAIN: {Protocol.HTTPS: "https://m.test/", Protocol.HTTP: "http://m.test/"}})


def slowly(wanted: Callable[[str, Ask], float | None], timeout: float = 10.0, seconds: float = 120.0) -> Visited:
    clock = Clock()
    terms = replace(TERMS, timeout_seconds=timeout, visit_seconds=seconds)
    return visit(Trip(mirror=BOTH, wanted=WANTED, now=NOW, run=0), terms, slow(clock, wanted), clock, now)


def test_a_silent_host_costs_a_timeout_and_a_quarter() -> None:
    found = slowly(lambda url, ask: None)
    assert found.seconds <= 12.5
    assert [probe.outcome for probe in found.probes] == [ProbeOutcome.TIMEOUT] * 4


def test_a_host_that_falls_silent_in_its_walk_costs_no_more() -> None:
    found = slowly(lambda url, ask: 1.0 if "9/A" in url else None)
    assert found.seconds <= 4 + 1 + 10
    assert {probe.outcome for probe in found.probes if probe.subject.spelled == PATHS[1]} == {ProbeOutcome.TIMEOUT}
    assert {probe.outcome for probe in found.probes if not probe.subject.spelled} == {ProbeOutcome.GOOD}


def test_a_slow_host_behind_a_dead_port_is_not_called_silent() -> None:
    quick = {"https": None, "http": 1.0}
    found = slowly(lambda url, ask: quick[url.partition(":")[0]])
    over = {(p.subject.protocol, p.subject.family): p.outcome for p in found.probes if not p.subject.spelled}
    assert over[Protocol.HTTP, Family.IPV4] is ProbeOutcome.GOOD
    assert over[Protocol.HTTPS, Family.IPV4] is ProbeOutcome.TIMEOUT


def test_a_visit_ends_at_its_deadline() -> None:
    found = slowly(lambda url, ask: 9.0, seconds=50.0)
    assert found.seconds <= 50.0
    assert {probe.outcome for probe in found.probes} <= {ProbeOutcome.GOOD, ProbeOutcome.FRESH}


def leading(of: Mirror, **trip: Any) -> Visited:
    elsewhere = Elsewhere({"other.test": "the mirror other", "service.test": "this service", "hop.test": "the origin"})
    made = Trip(mirror=of, wanted=WANTED, now=NOW, run=0, elsewhere=elsewhere.but_for(of), **trip)
    return visit(made, TERMS, Fetching(), time.monotonic, now)


def leads(to: str, only: str = "") -> Talk:
    """Redirects every path that holds a text."""

    def talk(connection: socket.socket, head: bytes) -> None:
        path = head.split(b" ", 2)[1].decode()
        if only in path:
            connection.sendall(redirect(to + path))
        else:
            Tree()(connection, head)

    return talk


@pytest.mark.parametrize(
    ("to", "owner"),
    [
        ("http://service.test", "this service"),
        ("https://SERVICE.test.", "this service"),
        ("//service.test:80", "this service"),
        ("http://other.test", "the mirror other"),
    ],
)
def test_a_mirror_that_redirects_to_others_has_nothing(to: str, owner: str) -> None:
    with mirrored(leads(to)) as (of, _):
        found = leading(of)
    tree = probes(found)[""]
    assert tree.outcome is ProbeOutcome.ELSEWHERE
    assert f" is {owner} (redirected from " in tree.detail
    assert not judged_by(found, {})[tree.subject].good_now


def test_one_hop_to_another_on_the_way_is_enough() -> None:
    with serving(leads("http://hop.test")) as cdn, mirrored(leads(cdn.url("", host="cdn.test"))) as (of, _):
        assert probes(leading(of))[""].outcome is ProbeOutcome.ELSEWHERE


def test_a_redirect_of_what_is_missing_leaves_the_rest_good() -> None:
    with mirrored(leads("http://service.test", only=PATHS[1])) as (of, _):
        found = leading(of)
    assert outcomes(found) == {
        "": ProbeOutcome.GOOD, PATHS[0]: ProbeOutcome.FRESH, PATHS[1]: ProbeOutcome.ELSEWHERE, PATHS[2]: ProbeOutcome.FRESH,
    }  # fmt: skip


def test_an_image_that_others_give_is_not_the_mirror_s() -> None:
    with mirrored(leads("http://service.test", only="isos")) as (of, _):
        found = leading(of, images={MAIN: {ISO: 700}})
    assert outcomes(found)[ISO] is ProbeOutcome.ELSEWHERE


def test_redirects_within_a_mirror_and_to_its_own_cdn_count() -> None:
    with serving(Tree()) as cdn, mirrored(leads(cdn.url("", host="cdn.test"))) as (of, _):
        assert outcomes(leading(of)) == {"": ProbeOutcome.GOOD, **dict.fromkeys(PATHS, ProbeOutcome.FRESH)}


@pytest.mark.parametrize("body", [b"Sun 29 Nov", b"\xff", f"{NOW - 10 * 86_400:.0f}".encode(), None])
def test_a_time_file_that_is_the_origin_s_fault_is_not_held_against_mirrors(body: bytes | None) -> None:
    tree = Tree()
    if body is not None:
        tree.files["TIME"] = body
    with mirrored(tree) as (of, _):
        made = Trip(mirror=of, wanted=WANTED, now=NOW, run=0, time_file="TIME", untimed=frozenset({MAIN}))
        found = visit(made, TERMS, Fetching(), time.monotonic, now)
        alone = visit(replace(made, wanted={}), TERMS, Fetching(), time.monotonic, now)
    assert outcomes(found) == {"": ProbeOutcome.GOOD, **dict.fromkeys(PATHS, ProbeOutcome.FRESH)}
    assert outcomes(alone) == {"": ProbeOutcome.GOOD}


@pytest.mark.parametrize("body", [b"", b"<repomd", HTML, NEVER])
def test_what_the_origin_gives_in_place_of_its_repomd_is_not_held_against_mirrors(body: bytes) -> None:
    with mirrored(Tree().put(body)) as (of, _):
        found = visited(of, terms=replace(TERMS, unreadable=frozenset(PATHS)))
    assert set(outcomes(found).values()) == {ProbeOutcome.GOOD}


def test_a_newer_repomd_without_timestamps_is_newer_by_its_time() -> None:
    body = b'<repomd xmlns="http://linux.duke.edu/metadata/repo"><data type="primary"/></repomd>'
    at = format_datetime(datetime.fromtimestamp(NOW - 60, UTC), usegmt=True)
    with mirrored(says(answer("200 OK", body, f"Last-Modified: {at}"))) as (of, _):
        assert {outcome for path, outcome in outcomes(visited(of)).items() if path} == {ProbeOutcome.AHEAD}


AUTOINDEX = answer(body=b"<html><head><title>Index of /</title></head><body>..</body></html>")


def test_a_repository_at_the_root_is_compared_and_a_page_about_the_root_is_not_taken_for_it() -> None:
    """nginx's autoindex, which our own kit turns on, answers for the root: a repository there is its repomd.xml."""
    tree = Tree({REPOMD: CURRENT})

    def talk(connection: socket.socket, head: bytes) -> None:
        if head.split(b" ", 2)[1] == b"/":
            connection.sendall(AUTOINDEX)
        else:
            tree(connection, head)

    wanted = {MAIN: {"": published("")}}
    with mirrored(talk) as (of, _):
        first = visited(of, wanted=wanted)
        tree.files[REPOMD] = OLD
        history = {"/main": frozenset(hashlib.sha256(body).hexdigest() for body in (OLD, CURRENT))}
        terms = replace(TERMS, history=history)
        second = visited(of, wanted=wanted, verdicts=judged_by(first, {}), terms=terms)
        timed = visited(of, wanted=wanted, terms=terms, time_file="TIME")
    assert outcomes(first) == {"": ProbeOutcome.GOOD, "/": ProbeOutcome.FRESH}
    assert outcomes(second) == {"": ProbeOutcome.GOOD, "/": ProbeOutcome.STALE}
    assert outcomes(timed) == {"": ProbeOutcome.GOOD, "/": ProbeOutcome.STALE}, "the time file is missing"


@pytest.mark.parametrize(
    ("talk", "outcome"),
    [
        (says(AUTOINDEX), ProbeOutcome.GOOD),
        (says(answer("403 Forbidden")), ProbeOutcome.GOOD),
        (says(answer("404 Not Found")), ProbeOutcome.GOOD),
        (says(answer("500 Internal Server Error")), ProbeOutcome.REFUSED),
        (stays_silent, ProbeOutcome.TIMEOUT),
    ],
)
def test_a_module_in_which_nothing_can_be_compared_is_asked_all_the_same(talk: Talk, outcome: ProbeOutcome) -> None:
    with mirrored(talk) as (of, _):
        found = visited(of, wanted={})
    assert outcomes(found) == {"": outcome}
    assert found.requests > 0
    assert outcome is not ProbeOutcome.GOOD or "nothing on it is compared" in probes(found)[""].detail


def test_a_module_without_repositories_whose_port_refuses_is_known_to_refuse() -> None:
    with mirrored(Tree()) as (of, _):
        pass
    assert outcomes(visited(of, wanted={})) == {"": ProbeOutcome.CLOSED}
