"""What an owner reads of a mirror's health."""

from __future__ import annotations

from dataclasses import replace

from mirrorlist.core.health.report import ending_soon, fresh_below, images_below, remedies, report, said_nothing, worst
from mirrorlist.core.health.verdicts import Family, Probe, ProbeOutcome, Subject, Verdict
from mirrorlist.core.model import MAIN, Protocol
from tests.building import NOW, mirror

M = mirror("m")
TREE = Subject(M.name, MAIN, Protocol.HTTPS, Family.IPV4)
PLAIN = replace(TREE, protocol=Protocol.HTTP)
BASEOS, APPSTREAM = "9.8/BaseOS/x86_64/os/", "9.8/AppStream/x86_64/os/"
DVD, BOOT = "9.8/isos/x86_64/dvd.iso", "9.8/isos/x86_64/boot.iso"


def verdict(outcome: ProbeOutcome, good: bool = True, days: int | None = None) -> Verdict:
    return Verdict(good, NOW - 60, outcome, NOW, certificate_days=days)


VERDICTS = {
    replace(TREE, path=DVD): verdict(ProbeOutcome.GOOD),
    replace(TREE, path=BOOT): verdict(ProbeOutcome.MISSING, False),
    replace(TREE, path=APPSTREAM): verdict(ProbeOutcome.STALE, False),
    replace(TREE, path=BASEOS): verdict(ProbeOutcome.FRESH, days=14),
    TREE: verdict(ProbeOutcome.GOOD, days=14),
    PLAIN: verdict(ProbeOutcome.GOOD),
    replace(TREE, protocol=Protocol.RSYNC): verdict(ProbeOutcome.GOOD),
    replace(TREE, mirror="other.example.org"): verdict(ProbeOutcome.GOOD),
}


def test_a_tree_stands_before_its_repositories_and_what_is_not_offered_is_left_out() -> None:
    rows = report(M, VERDICTS)
    assert [(row.subject.protocol, row.subject.spelled) for row in rows] == [
        ("https", ""), ("https", APPSTREAM), ("https", BASEOS), ("https", BOOT), ("https", DVD), ("http", ""),
    ]  # fmt: skip
    assert rows[4].url == f"https://m.example.org/linux/{DVD}"


def test_what_is_in_order_is_counted_and_the_rest_is_shown() -> None:
    rows = report(M, VERDICTS)
    assert [row.subject.spelled for row in worst(rows)] == ["", APPSTREAM, BOOT, ""]
    assert (fresh_below(rows, TREE), images_below(rows, TREE), images_below(rows, PLAIN)) == (1, 1, 0)
    more = report(M, VERDICTS | {replace(TREE, path="9.8/CRB/x86_64/os/"): verdict(ProbeOutcome.FRESH)})
    assert (fresh_below(more, TREE), images_below(more, TREE)) == (2, 1)
    assert list(remedies(rows)) == [ProbeOutcome.STALE, ProbeOutcome.MISSING]


def test_the_days_of_a_certificate_are_told_of_trees_and_warned_of_from_fourteen_on() -> None:
    rows = report(M, VERDICTS)
    assert [row.certificate_days for row in rows] == [14, None, None, None, None, None]
    assert ending_soon(rows) == {"https://m.example.org/linux/": 14}
    assert ending_soon(report(M, {TREE: verdict(ProbeOutcome.GOOD, days=15)})) == {}


def test_a_newest_look_that_said_nothing_is_told_beside_what_is_known() -> None:
    rows = report(M, VERDICTS)
    silent = Probe(TREE, NOW, 0.1, ProbeOutcome.UNCHECKED, "connection refused")
    former = Probe(TREE, NOW - 900, 0.1, ProbeOutcome.GOOD)
    assert said_nothing(rows, [silent, former]) == (silent,)
    assert said_nothing(rows, [former, replace(silent, at=NOW - 1800)]) == ()
    assert said_nothing(rows, [replace(silent, subject=replace(TREE, path=BASEOS))]) == ()


def test_a_tree_is_called_good_for_what_was_compared_in_it_and_is_good() -> None:
    bad = {replace(TREE, path=BASEOS): verdict(ProbeOutcome.STALE, False), TREE: verdict(ProbeOutcome.GOOD)}
    fresh = bad | {replace(TREE, path=DVD): verdict(ProbeOutcome.GOOD)}
    assert [report(M, each)[0].state for each in (bad, fresh)] == ["reachable", "good"]
