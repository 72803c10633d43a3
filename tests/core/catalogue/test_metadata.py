""""""

from __future__ import annotations

import pytest

from mirrorlist.core.catalogue.metadata import MOST_ALTERNATES, MetadataChange, metadata_from
from mirrorlist.core.model import Checksummed, RepoMetadata

PATH = "9.8/BaseOS/x86_64/os/"
DAY = 86_400.0
NOW = 1_795_000_000.0


def _version(mark: str, timestamp: int = 1_790_000_000) -> Checksummed:
    return Checksummed(1000, timestamp, mark * 64, mark * 128)


A, B, C = _version("a"), _version("b"), _version("c")
A_OLD, A_NEW = _version("a", 1_780_000_000), _version("a", 1_799_000_000)


@pytest.mark.parametrize(
    ("changes", "current", "first_seen", "alternates"),
    [
        pytest.param([(A, 5.0)], A, 5.0, (), id="one version"),
        pytest.param([(A, 5.0), (B, 1.0)], B, 1.0, (A,), id="a newer one"),
        pytest.param([(A, 3.0), (B, 2.0), (C, 1.0)], C, 1.0, (B, A), id="the newest alternate first"),
        pytest.param([(A, 3.0), (B, 2.0), (A, 1.0)], A, 1.0, (B,), id="back to the first, same timestamps"),
        pytest.param(
            [(A_OLD, 3.0), (B, 2.0), (A_OLD, 1.0)], A_OLD, 1.0, (B,), id="back to one with an older timestamp"
        ),
        pytest.param([(A_NEW, 3.0), (B, 2.0), (A_NEW, 1.0)], A_NEW, 1.0, (B,), id="back to one with a newer timestamp"),
        pytest.param([(A_NEW, 3.0), (B, 2.0)], B, 2.0, (A_NEW,), id="the later seen has the older timestamp"),
        pytest.param([(A, 4.0), (B, 3.0), (A, 2.0), (C, 1.0)], C, 1.0, (A, B), id="back and on: each alternate once"),
        pytest.param([(A, 3.0), (A, 2.0), (B, 1.0)], B, 1.0, (A,), id="the same noted twice"),
        pytest.param([(A, 3.0), (A, 2.0)], A, 2.0, (), id="the same noted twice is no alternate of itself"),
    ],
)
def test_the_order_of_changes_alone_makes_current_and_alternates(
    changes: list[tuple[Checksummed, float]],
    current: Checksummed,
    first_seen: float,
    alternates: tuple[Checksummed, ...],
) -> None:
    history = [MetadataChange(version, NOW - days * DAY) for version, days in changes]
    assert metadata_from(PATH, history, NOW, 4.0) == RepoMetadata(PATH, current, NOW - first_seen * DAY, alternates)


@pytest.mark.parametrize(
    ("superseded_days", "accepted"), [(3.999, True), (4.0, False), (4.001, False), (0.0, True), (-1.0, True)]
)
def test_an_alternate_ends_four_days_after_it_was_superseded(superseded_days: float, accepted: bool) -> None:
    """Not four days after it was first seen; a clock that stood wrong makes nothing end early."""
    history = [MetadataChange(A, NOW - 100 * DAY), MetadataChange(B, NOW - superseded_days * DAY)]
    assert metadata_from(PATH, history, NOW, 4.0).alternates == ((A,) if accepted else ())


def test_an_alternate_that_was_current_twice_counts_from_its_last_end() -> None:
    history = [
        MetadataChange(A, NOW - 9 * DAY),
        MetadataChange(B, NOW - 8 * DAY),
        MetadataChange(A, NOW - 7 * DAY),
        MetadataChange(C, NOW - DAY),
    ]
    assert metadata_from(PATH, history, NOW, 4.0).alternates == (A,)


def test_what_is_not_accepted_is_no_alternate_but_may_be_current() -> None:
    history = [
        MetadataChange(A, NOW - 3, accepted=False),
        MetadataChange(B, NOW - 2),
        MetadataChange(C, NOW - 1, accepted=False),
    ]
    assert metadata_from(PATH, history, NOW, 4.0) == RepoMetadata(PATH, C, NOW - 1, (B,))


def test_no_days_mean_no_alternates() -> None:
    assert metadata_from(PATH, [MetadataChange(A, NOW - 2), MetadataChange(B, NOW - 1)], NOW, 0.0).alternates == ()


def test_at_most_ten_alternates_stay_and_they_are_the_newest() -> None:
    versions = [Checksummed(1000, 1_790_000_000, f"{number:064x}", f"{number:0128x}") for number in range(30)]
    history = [MetadataChange(version, NOW - 30 + number) for number, version in enumerate(versions)]
    found = metadata_from(PATH, history, NOW, 4.0)
    assert (found.current, found.alternates) == (versions[29], tuple(reversed(versions[19:29])))
    assert MOST_ALTERNATES == 10


def test_it_is_known_when_the_origin_gave_up_each_of_the_older_ones() -> None:
    history = [
        MetadataChange(A, NOW - 9),
        MetadataChange(B, NOW - 7),
        MetadataChange(A, NOW - 5),
        MetadataChange(C, NOW - 2),
    ]
    found = metadata_from(PATH, history, NOW, 4.0)
    assert (found.alternates, found.replaced_at) == ((A, B), (NOW - 2, NOW - 5))
