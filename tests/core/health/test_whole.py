"""Looks at the files that metadata names: which are due, and in what portions."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mirrorlist.core.content import NamedFile, NamedFiles
from mirrorlist.core.health.verdicts import DAY, HealthPolicy, Probe, ProbeOutcome, Verdict, judged
from mirrorlist.core.health.whole import DRAWN, EACH_LOOK, WholeLook, is_due, whole_look
from mirrorlist.core.model import MAIN
from tests.building import NOW
from tests.core.health.test_probe_run import probe

FILES = tuple(NamedFile(f"9/A/repodata/{number}", number) for number in range(11))
POOL = tuple(NamedFile(f"9/A/Packages/{number}.rpm", number) for number in range(30))
NAMED = NamedFiles(FILES, POOL)
DIGEST, OTHER = "a" * 64, "b" * 64
FRESH = Verdict(True, NOW, ProbeOutcome.FRESH, NOW, sha256=DIGEST)


def look(known: Verdict | None, digest: str = DIGEST, now: float = NOW) -> WholeLook | None:
    return whole_look(NAMED, known, digest, "9/A/", now)


def test_after_a_change_all_files_are_looked_at_in_portions() -> None:
    first = look(None)
    assert first == WholeLook(FILES[:EACH_LOOK])
    second = look(replace(FRESH, whole_sha256=DIGEST, whole_at=NOW, looked=first.looked(EACH_LOOK)))
    assert second is not None
    assert (second.files, second.looked(3)) == (FILES[EACH_LOOK:], 11)
    done = replace(FRESH, whole_sha256=DIGEST, whole_at=NOW, looked=11)
    assert look(done) is None
    assert look(done, OTHER) == WholeLook(FILES[:EACH_LOOK])
    assert look(replace(done, looked=4)) == WholeLook(FILES[4:], 4), "a portion of which few were reached goes on there"


def test_afterwards_each_day_draws_a_few_for_all_mirrors_alike() -> None:
    done = replace(FRESH, whole_sha256=DIGEST, whole_at=NOW - DAY, looked=11)
    drawn = [look(replace(done, whole_at=NOW + day * DAY - DAY), now=NOW + day * DAY) for day in range(12)]
    assert all(each is not None and len(each.files) == DRAWN and each.looked(DRAWN) == 11 for each in drawn)
    assert len({file for each in drawn if each for file in each.files}) > 20
    assert look(done) == look(replace(done, detail="another mirror"))
    assert whole_look(NamedFiles(FILES), done, DIGEST, "9/A/", NOW) is not None
    assert whole_look(NamedFiles(), done, DIGEST, "9/A/", NOW) is None


@pytest.mark.parametrize("blamed", [FILES[0], FILES[10], POOL[7]])
def test_what_was_at_fault_is_asked_for_first(blamed: NamedFile) -> None:
    bad = replace(FRESH, outcome=ProbeOutcome.INCOMPLETE, detail=f"{blamed.path}: missing", bad=1)
    found = look(bad)
    assert found is not None
    assert found.files[0] == blamed
    assert len(set(found.files)) == EACH_LOOK
    assert found.looked(EACH_LOOK) == EACH_LOOK - 1


@pytest.mark.parametrize("doubted", [FILES[2], FILES[10], POOL[7]])
def test_what_others_lack_is_asked_for_before_what_is_due(doubted: NamedFile) -> None:
    faults = ["9/A/of/another/version: missing", f"{doubted.path}: missing"]
    first = whole_look(NAMED, None, DIGEST, "9/A/", NOW, faults)
    assert first is not None
    assert first.files[0] == doubted
    assert len(set(first.files)) == EACH_LOOK
    assert first.looked(EACH_LOOK) == EACH_LOOK - 1
    done = replace(FRESH, whole_sha256=DIGEST, whole_at=NOW, looked=11)
    again = whole_look(NAMED, done, DIGEST, "9/A/", NOW, faults)
    assert again == WholeLook((doubted,), None)
    assert again.looked(1) is None, "the day's draw is due when it was"
    assert whole_look(NAMED, done, DIGEST, "9/A/", NOW, faults[:1]) is None


def test_incomplete_is_out_after_two_looks_and_back_after_one_whole_look() -> None:
    policy, known = HealthPolicy(), None
    subject = replace(probe(0, ProbeOutcome.FRESH, path="9/A/").subject, module=MAIN)

    def seen(number: int, outcome: ProbeOutcome, looked: int | None = None) -> Verdict:
        return judged(known, Probe(subject, NOW + number, 0.1, outcome, "x: missing", DIGEST, looked=looked), policy)

    for turn in range(0, 40, 4):  # however often it happens
        known = seen(turn, ProbeOutcome.INCOMPLETE)
        assert known.good_now
        known = seen(turn + 1, ProbeOutcome.INCOMPLETE)
        assert not known.good_now
        known = seen(turn + 2, ProbeOutcome.UNCHECKED)
        assert not known.good_now
        known = seen(turn + 3, ProbeOutcome.FRESH, looked=8)
        assert (known.good_now, known.whole_sha256, known.whole_at, known.looked) == (True, DIGEST, NOW + turn + 3, 8)


def test_it_is_due_until_all_was_looked_at() -> None:
    assert is_due(NAMED, FRESH, DIGEST)
    assert is_due(NAMED, replace(FRESH, whole_sha256=DIGEST, looked=10), DIGEST)
    assert not is_due(NAMED, replace(FRESH, whole_sha256=DIGEST, looked=11), DIGEST)
    assert not is_due(NAMED, replace(FRESH, sha256=OTHER), DIGEST)
    assert not is_due(None, FRESH, DIGEST)
    assert not is_due(NAMED, None, DIGEST)
