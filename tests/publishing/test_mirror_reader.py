""""""

from __future__ import annotations

from mirrorlist.core.model import Mirror
from mirrorlist.publishing.mirror_reader import KEPT_SECONDS, LastGood
from mirrorlist.sources.mirrors.files import MirrorFiles
from tests.building import NOW, mirror

A, B, A_NEW = mirror("a"), mirror("b"), mirror("a", sponsor="new")
DAY = 86_400.0


def _files(broken: tuple[str, ...] = (), **good: Mirror) -> MirrorFiles:
    """What a directory gave: ``a=A`` is a good file a.yml."""
    mirrors = {f"{name}.yml": found for name, found in good.items()}
    return MirrorFiles(mirrors, (), dict.fromkeys([*mirrors, *(f"{name}.yml" for name in broken)], "0" * 64))


def test_good_files_give_their_mirrors_in_the_order_of_their_names() -> None:
    assert list(LastGood().merged(_files(b=B, a=A), NOW).items()) == [("a.yml", A), ("b.yml", B)]


def test_a_file_that_breaks_keeps_its_mirror_for_seven_days_from_when_it_broke() -> None:
    keeper = LastGood()
    keeper.merged(_files(a=A, b=B), NOW - 100 * DAY)
    broken = _files(("a",), b=B)
    for days in (0.0, 1.0, 6.0, 6.999):
        assert keeper.merged(broken, NOW + days * DAY) == {"a.yml": A, "b.yml": B}
    for days in (7.0, 8.0):
        assert keeper.merged(broken, NOW + days * DAY) == {"b.yml": B}
    assert KEPT_SECONDS == 7 * DAY


def test_once_the_days_are_over_a_clock_that_goes_back_brings_nothing_back() -> None:
    keeper = LastGood()
    keeper.merged(_files(a=A), NOW)
    keeper.merged(_files(("a",)), NOW)
    keeper.merged(_files(("a",)), NOW + 8 * DAY)
    assert keeper.merged(_files(("a",)), NOW + DAY) == {}


def test_a_repaired_file_counts_anew_and_has_its_new_content() -> None:
    keeper = LastGood()
    keeper.merged(_files(a=A), NOW)
    keeper.merged(_files(("a",)), NOW + DAY)
    assert keeper.merged(_files(a=A_NEW), NOW + 6 * DAY) == {"a.yml": A_NEW}
    assert keeper.merged(_files(("a",)), NOW + 7 * DAY) == {"a.yml": A_NEW}
    assert keeper.merged(_files(("a",)), NOW + 13 * DAY) == {"a.yml": A_NEW}
    assert keeper.merged(_files(("a",)), NOW + 14 * DAY) == {}


def test_a_file_that_was_never_good_gives_nothing() -> None:
    keeper = LastGood()
    assert keeper.merged(_files(("a",)), NOW) == {}


def test_a_file_that_is_deleted_is_gone_at_once_broken_or_not() -> None:
    keeper = LastGood()
    keeper.merged(_files(a=A, b=B), NOW)
    keeper.merged(_files(("a",), b=B), NOW)
    assert keeper.merged(_files(), NOW + 1) == {}
    assert keeper.merged(_files(("a",)), NOW + 2) == {}


def test_a_mirror_that_moves_to_another_file_stands_there_once() -> None:
    keeper = LastGood()
    keeper.merged(_files(b=A), NOW)
    assert keeper.merged(_files(("b",), a=A_NEW), NOW) == {"a.yml": A_NEW}
    keeper = LastGood()
    keeper.merged(_files(a=A), NOW)
    assert keeper.merged(_files(("a",), b=A_NEW), NOW) == {"a.yml": A}
    assert keeper.merged(_files(b=A_NEW), NOW) == {"b.yml": A_NEW}
