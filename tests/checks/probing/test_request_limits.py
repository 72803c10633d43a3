"""How often a mirror is asked whose owner sets a limit."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from mirrorlist.checks.fetching.fetch import Ask
from mirrorlist.checks.fetching.result import Failure, Fetched
from mirrorlist.checks.probing.request_limits import MINUTE, RequestLimits
from mirrorlist.checks.probing.requests import ProbeTerms
from mirrorlist.checks.probing.visit import visit
from mirrorlist.core.health.probe_plan import Trip
from mirrorlist.core.health.verdicts import GOOD_OUTCOMES, ProbeOutcome
from mirrorlist.core.model import MAIN, Mirror, Protocol
from tests.building import NOW
from tests.checks.trees import CURRENT, HISTORY, now, published

MANY = {MAIN: {f"9/R{number}/": published(f"9/R{number}/") for number in range(40)}}
TERMS = ProbeTerms(timeout_seconds=10.0, visit_seconds=120.0,
                   history=dict.fromkeys(MANY[MAIN], HISTORY["9/A/"]))  # fmt: skip


class Watch:
    """A clock that stands still but for pauses and requests."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.sent: list[float] = []

    def __call__(self) -> float:
        return self.now

    def pause(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds

    def fetch(self, url: str, ask: Ask) -> Fetched | Failure:
        self.sent.append(self.now)
        self.now += 0.1
        return Fetched(
            status=200, headers={}, body=CURRENT, url=url, address="192.0.2.1", seconds=0.1, certificate_days_left=None
        )


def mirror(at_most: int | None) -> Mirror:
    return Mirror(name="m", urls={MAIN: {Protocol.HTTPS: "https://m/"}}, requests_per_minute=at_most)


def most_in_a_minute(sent: list[float]) -> int:
    return max(sum(at <= other < at + MINUTE for other in sent) for at in sent)


@pytest.mark.parametrize("at_most", [1, 7, 30])
def test_a_visit_sends_no_more_within_any_minute(at_most: int) -> None:
    watch = Watch()
    limits = RequestLimits(watch, watch.pause)
    trip = Trip(mirror=mirror(at_most), wanted=MANY, now=NOW, run=0)
    for _ in range(3):
        found = visit(trip, TERMS, watch.fetch, watch, now, limits=limits)
        assert 0 < found.requests <= 2 * at_most + 1
        assert {probe.outcome for probe in found.probes} <= GOOD_OUTCOMES | {ProbeOutcome.UNCHECKED}
        assert all(probe.seconds < 1 for probe in found.probes)  # a wait is no slow answer
    assert most_in_a_minute(watch.sent) == at_most


def test_without_a_limit_nobody_waits() -> None:
    watch = Watch()
    limits = RequestLimits(watch, watch.pause)
    found = visit(Trip(mirror=mirror(None), wanted=MANY, now=NOW, run=0), TERMS, watch.fetch, watch, now, limits=limits)
    assert found.requests == len(watch.sent) > 30
    assert watch.now - 1000 == pytest.approx(0.1 * len(watch.sent))


def test_each_mirror_has_a_limit_of_its_own_over_all_threads() -> None:
    limits, sent = RequestLimits(pause=lambda seconds: held.wait()), []
    held, lock = threading.Event(), threading.Lock()

    def ask(name: str) -> None:
        limits.take(replace(mirror(5), name=name))
        with lock:
            sent.append(name)

    with ThreadPoolExecutor(20) as pool:
        waiting = [pool.submit(ask, name) for name in ("a", "b") for _ in range(5)]
        for each in waiting:
            each.result(30)
        assert sorted(sent) == ["a"] * 5 + ["b"] * 5
        assert 0 < limits.seconds_until_free(replace(mirror(5), name="a")) <= MINUTE
        assert limits.seconds_until_free(replace(mirror(5), name="c")) == 0.0
        assert limits.seconds_until_free(replace(mirror(6), name="a")) == 0.0
        held.set()


@pytest.mark.parametrize(("at_most", "looks"), [(1, 0), (2, 1), (3, 1), (30, 15)])
def test_quick_looks_leave_half_of_the_requests_to_the_runs(at_most: int, looks: int) -> None:
    watch = Watch()
    limits = RequestLimits(watch, watch.pause)
    assert [limits.take_of_half(mirror(at_most)) for _ in range(20)].count(True) == looks
    for _ in range(at_most - looks):
        assert limits.seconds_until_free(mirror(at_most)) == 0
        limits.take(mirror(at_most))
    assert limits.seconds_until_free(mirror(at_most)) > 0
    watch.now += MINUTE
    assert limits.take_of_half(mirror(at_most)) is (looks > 0)


def test_quick_looks_without_a_limit_are_free() -> None:
    limits = RequestLimits(Watch())
    assert all(limits.take_of_half(mirror(None)) for _ in range(100))
