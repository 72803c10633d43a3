"""What people read of a mirror's files."""

from __future__ import annotations

import pytest

from mirrorlist.core.files.found import FoundFiles, by_mirror, sentences
from mirrorlist.core.files.index import Indexed, IndexFacts
from mirrorlist.core.health.columns import SyncState
from mirrorlist.core.health.verdicts import ProbeOutcome, Verdict
from mirrorlist.core.public.record import state_of
from mirrorlist.core.public.types import MirrorState
from tests.building import NOW, mirror

REACHED = Verdict(True, NOW, ProbeOutcome.GOOD, NOW)


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (FoundFiles(), []),
        (FoundFiles(failed="refused"), ["not listed: refused"]),
        (FoundFiles(listed_at=NOW, compared=5, has=3), ["it has 3 of 5 files that were compared with the origin"]),
        (FoundFiles(compared=5, has=5, failed="x"), ["it has 5 of 5 files that were compared with the origin",
                                                     "its list was not renewed: x"]),
        (FoundFiles(compared=5, outdated_since=1_700_000_000),
         ["outdated: it has not followed the origin's files since 2023-11-14 22:13 UTC, so redirects pass it over: "
          "sync it"]),
        (FoundFiles(compared=22, has=0, asked=22, wrong=22),
         ["it has 0 of 22 files that were compared with the origin",
          "22 of 22 files that were asked for over the web are not the origin's"]),
        (FoundFiles(compared=9, has=9, offset_seconds=-3600),
         ["it has 9 of 9 files that were compared with the origin",
          "its files' times are 1 hour earlier than the origin's: sync with times (rsync -t), and keep its clock in UTC"]),
        (FoundFiles(contradicted=True),
         ["its web server does not give what its rsync server lists: let both serve the same tree"]),
    ],
)  # fmt: skip
def test_each_finding_has_its_sentence(found: FoundFiles, told: list[str]) -> None:
    assert [text % values for text, values in sentences(found)] == told


def test_only_a_whole_copy_leaves_nothing_to_say() -> None:
    assert FoundFiles(compared=5, has=5).is_whole
    for each in (FoundFiles(), FoundFiles(compared=5, has=4), FoundFiles(compared=5, has=5, offset_seconds=60)):
        assert not each.is_whole


def test_of_each_mirror_what_every_module_says() -> None:
    facts = IndexFacts("main", NOW, NOW, "/srv", (Indexed("m.example.org", NOW, held=3, known=4, offset=60),))
    assert by_mirror({"main": facts}) == {
        "m.example.org": {"main": FoundFiles(listed_at=NOW, compared=4, has=3, offset_seconds=60)}
    }


@pytest.mark.parametrize(
    ("found", "bad"),
    [
        (FoundFiles(compared=9, has=1), False),
        (FoundFiles(compared=9, outdated_since=1.0), True),
        (FoundFiles(compared=22, asked=22, wrong=22), True),
        (FoundFiles(compared=22, has=20, asked=22, wrong=2), False),
        (FoundFiles(compared=22, has=11, asked=22, wrong=11), False),
        (FoundFiles(compared=22, has=10, asked=22, wrong=12), True),
        (FoundFiles(compared=2, asked=2, wrong=2), False),
    ],
)
def test_a_mirror_whose_files_are_others_is_not_called_current(found: FoundFiles, bad: bool) -> None:
    assert found.is_bad is bad
    state = state_of(mirror("m"), False, [REACHED], [SyncState.FRESH], found.is_bad)
    assert state is (MirrorState.STALE if bad else MirrorState.FRESH)
