"""Runs over several mirrors on loopback, one run after the other, as the prober does."""

from __future__ import annotations

import gzip
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from itertools import pairwise

import pytest

from mirrorlist.checks.fetching.fetch import Ask, Fetch
from mirrorlist.checks.fetching.result import Failure, FailureKind, Fetched
from mirrorlist.checks.probing.runner import Job, Outside, Ran, controls_of, probed_mirrors, resorts_of, run
from mirrorlist.checks.probing.visit import Visited
from mirrorlist.core.catalogue.trees import RedirectTree as FileTree
from mirrorlist.core.health.verdicts import Family, ProbeOutcome, Subject, Verdict
from mirrorlist.core.model import MAIN, Mirror, Protocol, Status
from tests.building import NOW, service
from tests.building import mirror as described
from tests.checks.fetching.test_bounded_socket import STRANGE_AUTHORITY, TRUSTING, serving_tls
from tests.checks.servers import (
    ALLOWED_HOST,
    Server,
    answer,
    drips,
    floods,
    has_ipv6,
    redirect,
    says,
    serving,
    stays_silent,
)
from tests.checks.trees import CURRENT, HTML, NEVER, OLD, PATHS, TERMS, TIMEOUT, WANTED, Fetching, Tree, mirror

EVERY = 900.0


@dataclass
class Watch:
    """A prober: each run is a quarter of an hour after the one before, and goes on from its verdicts."""

    mirrors: tuple[Mirror, ...]
    controls: tuple[Mirror, ...] = ()
    fetching: Fetch = field(default_factory=Fetching)
    time_file: str | None = None
    verdicts: dict[Subject, Verdict] = field(default_factory=dict)
    runs: int = 0
    told: list[Visited] = field(default_factory=list)

    def run(self) -> Ran:
        self.runs += 1
        job = Job(mirrors=self.mirrors, wanted=WANTED, run=self.runs, verdicts=self.verdicts, controls=self.controls,
                  time_file=self.time_file, terms=TERMS)  # fmt: skip
        at = NOW + self.runs * EVERY
        ran = run(job, Outside(fetch=self.fetching, now=lambda: at), self.told.append)
        self.verdicts = {**self.verdicts, **ran.round.verdicts}
        for subject in ran.forgotten:
            self.verdicts.pop(subject, None)
        return ran

    def is_good(self, name: str) -> bool:
        """Whether nothing is held against a mirror over IPv4."""
        return all(
            verdict.good_now
            for subject, verdict in self.verdicts.items()
            if subject.mirror == name and subject.family is Family.IPV4
        )


@contextmanager
def network(trees: dict[str, Tree]) -> Iterator[dict[str, Mirror]]:
    """A mirror for each tree, over http."""
    with ExitStack() as stack:
        yield {name: mirror(name, http=stack.enter_context(serving(tree))) for name, tree in trees.items()}


FAULTS: dict[str, Tree] = {
    "stale.test": Tree().put(OLD),
    "never.test": Tree().put(NEVER),
    "truncated.test": Tree().put(CURRENT[:-15]),
    "html.test": Tree().put(HTML),
    "login.test": Tree(talk=says(redirect("http://m9.test/login"))),
    "metadata.test": Tree(talk=says(redirect("http://169.254.169.254/"))),
    "drip.test": Tree(talk=drips(b"HTTP/1.1 200 OK\r\n\r\n", lambda _: b"x", 0.1)),
    "silent.test": Tree(talk=stays_silent),
    "endless.test": Tree(talk=floods(b"HTTP/1.1 200 OK\r\n\r\n", b"a" * 65_536)),
    "bomb.test": Tree(talk=says(answer("200 OK", gzip.compress(bytes(50_000_000)), "Content-Encoding: gzip"))),
    "loop.test": Tree(talk=says(redirect("/again"))),
    "empty.test": Tree({}),
}


@pytest.mark.slow
def test_every_fault_is_out_within_two_runs_and_nothing_good_is_dropped() -> None:
    good = {f"m{number}.test": Tree() for number in range(20)}
    with network(good | FAULTS) as mirrors:
        watch = Watch(tuple(mirrors.values()))
        changes = [change.subject.mirror for _ in range(4) for change in watch.run().round.changes]
    assert {name for name in mirrors if not watch.is_good(name)} == set(FAULTS)
    assert set(changes) == set(FAULTS)
    assert sorted(visited.mirror for visited in watch.told) == sorted([*mirrors] * 4)


def test_bad_certificates_are_out_at_once_and_good_ones_stay() -> None:
    with (
        serving_tls("good.test", talk=Tree()) as good,
        serving_tls("expired.test", talk=Tree(), days=-1.0) as expired,
        serving_tls("other.test", talk=Tree()) as wrong_name,
        serving_tls("strange.test", talk=Tree(), authority=STRANGE_AUTHORITY) as strange,
    ):
        servers = {"good.test": good, "expired.test": expired, "wrong.test": wrong_name, "strange.test": strange}
        mirrors = tuple(mirror(name, https=server) for name, server in servers.items())
        watch = Watch(mirrors, fetching=Fetching(context=TRUSTING))
        watch.run()
        once = [watch.is_good(name) for name in servers]
        watch.run()
    assert once == [watch.is_good(name) for name in servers] == [True, False, False, False]


@pytest.mark.skipif(not has_ipv6(), reason="::1 cannot be listened on here")
def test_mirrors_of_one_family_are_good_over_theirs_and_no_fault_over_the_other() -> None:
    addresses = {"four.test": [ALLOWED_HOST], "six.test": ["::1"], "broken.test": [ALLOWED_HOST, "::1"]}
    with (
        serving(Tree()) as four,
        serving(Tree(), "::1") as six,
        serving(Tree()) as broken,
    ):
        mirrors = tuple(
            mirror(name, http=server)
            for name, server in (("four.test", four), ("six.test", six), ("broken.test", broken))
        )
        watch = Watch(mirrors, fetching=Fetching(addresses))
        for _ in range(2):
            changes = watch.run().round.changes
    states = {
        (subject.mirror, subject.family.value): verdict.outcome
        for subject, verdict in watch.verdicts.items()
        if not subject.spelled
    }
    assert states == {
        ("four.test", "ipv4"): ProbeOutcome.GOOD, ("four.test", "ipv6"): ProbeOutcome.NO_ADDRESS,
        ("six.test", "ipv4"): ProbeOutcome.NO_ADDRESS, ("six.test", "ipv6"): ProbeOutcome.GOOD,
        ("broken.test", "ipv4"): ProbeOutcome.GOOD, ("broken.test", "ipv6"): ProbeOutcome.CLOSED,
    }  # fmt: skip
    assert [(change.subject.mirror, change.subject.family) for change in changes] == [("broken.test", Family.IPV6)]


def test_a_time_file_in_the_future_is_out_within_two_runs() -> None:
    trees = {"m0.test": Tree(), "ahead.test": Tree(), "behind.test": Tree()}
    for name, at in (("m0.test", NOW), ("ahead.test", 9_999_999_999), ("behind.test", NOW - 86_400)):
        trees[name].files["TIME"] = f"{at:.0f}\n".encode()
    with network(trees) as mirrors:
        watch = Watch(tuple(mirrors.values()), time_file="TIME")
        for _ in range(2):
            watch.run()
    assert [watch.is_good(name) for name in mirrors] == [True, False, False]


def test_a_mirror_that_goes_stale_is_out_and_comes_back() -> None:
    tree = Tree()
    with network({"m0.test": tree, "m1.test": Tree()}) as mirrors:
        watch = Watch(tuple(mirrors.values()))
        watch.run()
        states = []
        for body in (OLD, OLD, CURRENT, CURRENT):
            tree.put(body)
            watch.run()
            states.append((watch.is_good("m0.test"), watch.is_good("m1.test")))
    assert states == [(True, True), (False, True), (False, True), (True, True)]


def test_a_mirror_that_flaps_with_every_probe_changes_six_times_at_most_in_a_hundred() -> None:
    tree = Tree()
    states = [True]
    with network({"m0.test": tree, "m1.test": Tree()}) as mirrors:
        watch = Watch(tuple(mirrors.values()))
        for number in range(100):
            tree.talk = says(b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n") if number % 2 else None
            watch.run()
            states.append(watch.is_good("m0.test"))
            assert watch.is_good("m1.test")
    assert sum(before != after for before, after in pairwise(states)) <= 6


class Net:
    """The prober's network, which can be taken away: all of it, or for some names only."""

    def __init__(self) -> None:
        self.gone: set[str] | None = set()
        self._fetching = Fetching()

    def __call__(self, url: str, ask: Ask) -> Fetched | Failure:
        if self.gone is None or any(name in url for name in self.gone):
            return Failure(FailureKind.UNREACHABLE, "no route to host")
        return self._fetching(url, ask)


@contextmanager
def watched(count: int) -> Iterator[tuple[Watch, Net]]:
    net = Net()
    trees = {f"m{number}.test": Tree() for number in range(count)}
    with network(trees) as mirrors, serving(Tree()) as origin:
        yield Watch(tuple(mirrors.values()), (mirror("control", http=origin),), net), net


def test_when_only_the_probers_network_is_down_everything_stays() -> None:
    with watched(10) as (watch, net):
        watch.run()
        net.gone = None
        for _ in range(3):
            assert watch.run().round.kept == {Family.IPV4}
        assert all(watch.is_good(each.name) for each in watch.mirrors)
        net.gone = set()
        assert watch.run().round.kept == set()


def test_when_everything_is_down_but_the_origin_everything_is_bad() -> None:
    with watched(10) as (watch, net):
        watch.run()
        net.gone = {each.name for each in watch.mirrors}
        for _ in range(2):
            assert watch.run().round.kept == set()
    assert not any(watch.is_good(each.name) for each in watch.mirrors)


class Dead(Net):
    """Some names fail in one way, or all, as where the network is gone."""

    def __init__(self, kind: FailureKind) -> None:
        super().__init__()
        self.kind = kind

    def __call__(self, url: str, ask: Ask) -> Fetched | Failure:
        if ask.family is Family.IPV6:
            return Failure(FailureKind.NO_ADDRESS_IN_FAMILY, "none")
        found = super().__call__(url, ask)
        return Failure(self.kind, "told") if isinstance(found, Failure) else found


FEW: list[tuple[str, int, bool, FailureKind, set[int] | None, bool]] = [
    ("one of one, the origin answers", 1, True, FailureKind.TIMEOUT, {0}, False),
    ("one of two, the origin answers", 2, True, FailureKind.TIMEOUT, {0}, False),
    ("both, the origin answers", 2, True, FailureKind.UNREACHABLE, {0, 1}, False),
    ("one of one, the net is gone", 1, True, FailureKind.UNREACHABLE, None, True),
    ("both, the net is gone", 2, True, FailureKind.TIMEOUT, None, True),
    ("one of two without an origin", 2, False, FailureKind.TIMEOUT, {0}, False),
    ("one of one refuses without an origin", 1, False, FailureKind.REFUSED, {0}, False),
    ("both refuse without an origin", 2, False, FailureKind.REFUSED, {0, 1}, False),
    ("three refuse without an origin", 3, False, FailureKind.REFUSED, {0, 1, 2}, True),
    ("one of one is silent without an origin", 1, False, FailureKind.TIMEOUT, {0}, True),
    ("one of one has no route without an origin", 1, False, FailureKind.UNREACHABLE, {0}, True),
    ("one refuses, and so does the origin", 1, True, FailureKind.REFUSED, None, True),
]


@pytest.mark.parametrize(
    ("count", "has_origin", "kind", "dead", "stays"), [row[1:] for row in FEW], ids=[row[0] for row in FEW]
)
def test_one_or_two_mirrors_are_judged_where_the_net_is_known_to_work(
    count: int, has_origin: bool, kind: FailureKind, dead: set[int] | None, stays: bool
) -> None:
    with watched(count) as (watch, _):
        net = watch.fetching = Dead(kind)
        watch.controls = watch.controls if has_origin else ()
        watch.run()
        net.gone = None if dead is None else {f"m{number}.test" for number in dead}
        for _ in range(2):
            watch.run()
    good = {number for number in range(count) if watch.is_good(f"m{number}.test")}
    assert good == (set(range(count)) if stays else set(range(count)) - (dead or set()))


def test_a_net_that_goes_in_the_midst_of_a_run_is_noticed_by_asking_the_controls_again() -> None:
    with watched(10) as (watch, net):
        watch.run()
        asked: list[str] = []

        def fetching(url: str, ask: Ask) -> Fetched | Failure:
            asked.append(url)
            if "control" in url and len(asked) <= 2:
                return net(url, ask)
            return Failure(FailureKind.UNREACHABLE, "no route to host")

        watch.fetching = fetching
        assert watch.run().round.kept == {Family.IPV4}
    assert sum("control" in url for url in asked) == 4


def test_the_same_answer_for_everything_is_the_probers_own_network() -> None:
    page = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(HTML), HTML)
    with watched(10) as (watch, _), serving(says(page)) as portal:
        watch.run()
        there = Fetching()

        def fetching(url: str, ask: Ask) -> Fetched | Failure:
            return there(portal.url(), ask)

        watch.fetching = fetching
        assert watch.run().round.kept == {Family.IPV4}
    assert all(watch.is_good(each.name) for each in watch.mirrors)


def test_one_request_at_a_time_is_sent_to_a_mirror() -> None:
    together: list[int] = []
    tree = Tree()

    class Counting(Tree):
        open = 0

        def __call__(self, connection: socket.socket, head: bytes) -> None:
            self.open += 1
            together.append(self.open)
            tree(connection, head)
            self.open -= 1

    with network({"m0.test": Counting()}) as mirrors:
        Watch(tuple(mirrors.values())).run()
    assert together == [1] * 4


def test_silent_mirrors_cost_little_more_than_a_timeout_for_each_batch() -> None:
    trees = {f"m{number}.test": Tree(talk=stays_silent if number % 2 else None) for number in range(48)}
    with network(trees) as mirrors:
        watch = Watch(tuple(mirrors.values()))
        for _ in range(2):
            ran = watch.run()
    assert ran.seconds < 1.25 * TIMEOUT + 5
    assert [watch.is_good(name) for name in mirrors] == [number % 2 == 0 for number in range(48)]


def test_the_requests_are_counted() -> None:
    with network({"m0.test": Tree()}) as mirrors:
        ran = Watch(tuple(mirrors.values())).run()
    assert (ran.mirrors, ran.requests) == (1, len(PATHS) + 2)


def test_only_what_is_served_is_probed() -> None:
    mirrors = [described(status.value, status=status) for status in Status]
    assert [each.status for each in probed_mirrors(mirrors)] == [Status.LIVE, Status.RETIRING]


def test_the_controls_are_the_origins_fallbacks_and_vaults_on_the_web() -> None:
    of = service(
        origins={MAIN: "https://origin.example.org/linux/", "kitten": "/srv/kitten"},
        fallbacks={MAIN: ("https://repo.example.org/linux/", "http://repo.example.org/linux/")},
    )
    assert [each.urls for each in controls_of(of)] == [
        {MAIN: {Protocol.HTTPS: "https://origin.example.org/linux/"}},
        {MAIN: {Protocol.HTTPS: "https://repo.example.org/linux/"}},
        {MAIN: {Protocol.HTTP: "http://repo.example.org/linux/"}},
        {MAIN: {Protocol.HTTP: "http://vault.example.org/"}},
    ]


def test_a_private_mirror_behind_a_firewall_stays() -> None:
    def fetching(url: str, ask: Ask) -> Fetched | Failure:
        return Failure(FailureKind.TIMEOUT, "silence")

    of = replace(mirror("own.test", http=Server("own.test", 80)), private=True)
    watch = Watch((of,), fetching=fetching)
    for _ in range(3):
        watch.run()
    assert {verdict.good_now for verdict in watch.verdicts.values()} == {True}
    assert {verdict.outcome for verdict in watch.verdicts.values()} == {ProbeOutcome.UNCHECKED}


def test_the_trees_that_lists_and_redirects_end_at_are_probed_under_their_urls() -> None:
    trees = (FileTree(prefix="/dl/", module="main"), FileTree(prefix="/old/", module="main"))
    urls = ("https://repo.example.org/linux/", "http://repo2.example.org/")
    assert [(each.name, each.urls) for each in resorts_of(service(fallbacks={"main": urls}, trees=trees))] == [
        (urls[0], {"main": {Protocol.HTTPS: urls[0]}}),
        (urls[1], {"main": {Protocol.HTTP: urls[1]}}),
    ]
    origin = {"main": urls[0]}
    assert [each.name for each in resorts_of(service(origins=origin, trees=trees))] == [urls[0]]
    assert [each.name for each in resorts_of(service(fallbacks={"main": urls}))] == list(urls), "lists end there too"
    assert resorts_of(service(origins=origin)) == (), "without trees nobody is sent to the origin"


def test_mirrors_that_clients_need_most_are_visited_first() -> None:
    """Nobody answers, and one is visited after the other."""
    mirrors = tuple(
        Mirror(name=f"m{number}.test", urls={MAIN: {Protocol.HTTP: f"http://m{number}.test/"}}) for number in range(9)
    )
    told: list[str] = []
    outside = Outside(fetch=lambda url, ask: Failure(FailureKind.REFUSED, "no"), now=lambda: NOW)
    job = Job(mirrors=mirrors, wanted=WANTED, run=0, needed={"m7.test": 5, "m2.test": 900})
    run(job, outside, lambda visited: told.append(visited.mirror), at_once=1)
    assert told[:2] == ["m2.test", "m7.test"]
    assert sorted(told) == [each.name for each in mirrors]
