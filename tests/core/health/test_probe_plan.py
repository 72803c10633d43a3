"""The plan of a visit: what is asked over every way, and which repositories have their turn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

import pytest

from mirrorlist.core.catalogue.metadata import REPOMD
from mirrorlist.core.health.columns import contents, first_way
from mirrorlist.core.health.probe_plan import (
    LONG_MISSING,
    ROUTINE,
    TURNS,
    Aim,
    Trip,
    due,
    look,
    overdue,
    reach,
    reach_path,
    wanted_repositories,
    whole,
)
from mirrorlist.core.health.verdicts import DAY, Family, ProbeOutcome, Subject, Verdict
from mirrorlist.core.model import MAIN, Mirror, Protocol, RepoMetadata
from tests.building import CATALOGUE, NOW, metadata, mirror

M = mirror("m")
TREE = Subject(M.name, MAIN, Protocol.HTTPS, Family.IPV4)
PATHS = tuple(f"9.8/R{number:03}/x86_64/os/" for number in range(60))
CURRENT, OLDER = "a" * 64, "b" * 64


def trip(
    verdicts: Mapping[str, Verdict] | None = None,
    *,
    paths: tuple[str, ...] = PATHS,
    run: int = 0,
    time_file: str | None = "TIME",
    of: Mirror = M,
) -> Trip:
    """A trip to a mirror that is to carry these paths, with verdicts on some over https and IPv4."""
    known = {replace(TREE, path=path): verdict for path, verdict in (verdicts or {}).items()}
    wanted: dict[str, RepoMetadata | None] = {path: metadata(path, "a", "b") for path in paths}
    return Trip(mirror=of, wanted={MAIN: wanted}, now=NOW, run=run, verdicts=known, time_file=time_file)


def verdict(sha256: str | None = CURRENT, age: float = 900.0, **fields: object) -> Verdict:
    """A good verdict on a repository that was fresh ``age`` seconds ago."""
    known = Verdict(True, NOW - 5 * DAY, ProbeOutcome.FRESH, NOW - age, good=9, sha256=sha256, sha256_at=NOW - age)
    return replace(known, **fields)  # type: ignore[arg-type]  # a test names fields


def asked(looks: tuple[object, ...]) -> list[str]:
    return [look.subject.spelled for look in looks]  # type: ignore[attr-defined]  # looks


def test_the_first_looks_go_over_every_way_in_order() -> None:
    assert [(look.url, look.subject.family) for look in reach(trip())] == [
        ("https://m.example.org/linux/TIME", Family.IPV4),
        ("http://m.example.org/linux/TIME", Family.IPV4),
        ("https://m.example.org/linux/TIME", Family.IPV6),
        ("http://m.example.org/linux/TIME", Family.IPV6),
    ]


def test_rsync_and_ftp_are_not_asked_over_http() -> None:
    urls = {MAIN: {Protocol.RSYNC: "rsync://m.example.org/linux/", Protocol.HTTP: "http://m.example.org/linux/"}}
    assert {look.subject.protocol for look in reach(trip(of=mirror("m", urls=urls)))} == {Protocol.HTTP}


def test_each_module_is_a_tree_of_its_own() -> None:
    of = mirror("m", urls={module: {Protocol.HTTP: f"http://m.example.org/{module}/"} for module in (MAIN, "kitten")})
    assert [look.url for look in reach(trip(of=of)) if look.subject.family is Family.IPV4] == [
        "http://m.example.org/main/TIME",
        "http://m.example.org/kitten/TIME",
    ]


def test_without_a_time_file_a_repository_shows_that_the_tree_answers() -> None:
    looks = reach(trip(time_file=None, paths=PATHS[:1]))
    assert {look.url.removeprefix("http").lstrip("s") for look in looks} == {
        f"://m.example.org/linux/{PATHS[0]}repodata/repomd.xml"
    }


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ({}, PATHS[3]),
        ({PATHS[7]: verdict()}, PATHS[7]),
        ({PATHS[7]: verdict(), PATHS[9]: verdict(good_now=False)}, PATHS[7]),
        ({PATHS[9]: verdict(good_now=False)}, PATHS[9]),
        ({PATHS[9]: verdict(None, outcome=ProbeOutcome.MISSING)}, PATHS[3]),
    ],
)
def test_the_first_look_is_at_what_the_mirror_is_known_to_carry(
    verdicts: dict[str, Verdict], expected: str
) -> None:  # fmt: skip
    assert reach_path(trip(verdicts, time_file=None, run=3), MAIN) == expected


def test_a_module_in_which_nothing_can_be_compared_is_asked_for_its_root() -> None:
    looks = reach(trip(time_file=None, paths=()))
    assert {(look.aim, look.url, look.subject.is_tree) for look in looks} == {
        (Aim.ROOT, "https://m.example.org/linux/", True),
        (Aim.ROOT, "http://m.example.org/linux/", True),
    }


def test_a_repository_at_the_root_is_no_time_file() -> None:
    """Its path is empty, and its repomd.xml is what is asked for."""
    of = trip(time_file=None, paths=("",))
    assert {(look.aim, look.url, look.subject.path) for look in reach(of)} == {
        (Aim.INDEX, f"{scheme}://m.example.org/linux/{REPOMD}", "") for scheme in ("https", "http")
    }
    timed = trip(time_file="TIME", paths=("",))
    assert {look.aim for look in reach(timed)} == {Aim.TIME_FILE}
    assert [(look.subject.spelled, look.url) for look in due(timed, TREE)] == [
        ("/", f"https://m.example.org/linux/{REPOMD}")
    ]


def test_a_mirror_that_was_never_seen_is_looked_at_in_pieces() -> None:
    assert asked(due(trip(), TREE)) == list(PATHS[:ROUTINE])


def test_what_changed_is_always_asked_for() -> None:
    known = {path: verdict(OLDER) for path in PATHS}
    assert set(asked(due(trip(known), TREE))) == set(PATHS)


def test_a_steady_mirror_is_asked_for_a_tenth_in_each_run_and_for_everything_in_ten() -> None:
    known = {path: verdict() for path in PATHS}
    by_run = [asked(due(trip(known, run=run), TREE)) for run in range(TURNS)]
    assert sorted(path for paths in by_run for path in paths) == sorted(PATHS)
    assert max(map(len, by_run)) < len(PATHS) / 3


def test_the_oldest_comes_first() -> None:
    known = {path: verdict(OLDER, age=100.0 + number) for number, path in enumerate(PATHS)}
    assert asked(due(trip(known), TREE)) == list(reversed(PATHS))


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        (verdict(), False),
        (verdict(age=DAY), True),
        (verdict(OLDER), True),
        (verdict(bad=1, good=0, outcome=ProbeOutcome.TIMEOUT), True),
        (verdict(good_now=False), True),
        (verdict(None, bad=LONG_MISSING - 1, good=0, outcome=ProbeOutcome.MISSING), True),
        (verdict(None, bad=LONG_MISSING, good=0, outcome=ProbeOutcome.MISSING), False),
        (verdict(None, bad=LONG_MISSING, good=0, outcome=ProbeOutcome.MISSING, age=DAY), True),
    ],
)
def test_what_brings_a_repository_its_turn(known: Verdict, expected: bool) -> None:
    run = next(run for run in range(TURNS) if not due(trip({PATHS[0]: verdict()}, paths=PATHS[:1], run=run), TREE))
    assert bool(due(trip({PATHS[0]: known}, paths=PATHS[:1], run=run), TREE)) is expected


def test_overdue_is_what_nobody_looked_at_for_a_day() -> None:
    known = {PATHS[0]: verdict(age=DAY + 1), PATHS[1]: verdict(OLDER), PATHS[2]: verdict()}
    assert asked(overdue(trip(known, paths=PATHS[:3]), TREE)) == [PATHS[0]]


def test_the_whole_walk_asks_for_everything_that_can_be_compared() -> None:
    of = trip({PATHS[0]: verdict()})
    blind = replace(of, wanted={MAIN: {**of.wanted[MAIN], "9.8/New/": None}})
    assert asked(whole(blind, TREE)) == [*PATHS[1:], PATHS[0]]


@pytest.mark.parametrize(
    ("ways", "expected"),
    [
        ([("http", "ipv4"), ("https", "ipv6"), ("https", "ipv4")], ("https", "ipv4")),
        ([("http", "ipv4"), ("https", "ipv6")], ("https", "ipv6")),
        ([("http", "ipv6"), ("http", "ipv4")], ("http", "ipv4")),
    ],
)
def test_repositories_are_compared_over_https_before_http_and_ipv4_before_ipv6(
    ways: list[tuple[str, str]], expected: tuple[str, str]
) -> None:
    trees = [replace(TREE, protocol=Protocol(protocol), family=Family(family)) for protocol, family in ways]
    found = first_way(trees)
    assert found is not None
    assert (found.protocol, found.family) == expected


def test_nothing_reachable_is_no_way() -> None:
    assert first_way([]) is None


def test_wanted_is_what_mirrors_carry_by_module_with_what_is_known_of_it() -> None:
    path = "9.8/BaseOS/x86_64/os/"
    found = wanted_repositories(CATALOGUE, {path: metadata(path)})
    assert found[MAIN][path] == metadata(path)
    assert found[MAIN]["10.2/PowerTools/aarch64/os/"] is None
    assert set(found["kitten"]) == {"10-kitten/BaseOS/x86_64/os/", "10-kitten/AppStream/x86_64/os/"}
    assert not [path for path in found[MAIN] if "Source" in path]


@pytest.mark.parametrize(
    ("trees", "ways", "expected"),
    [
        ({"https": True, "http": True}, ["https", "http"], "https"),
        ({"https": False, "http": True}, ["https", "http"], "http"),
        ({"https": False}, ["https"], "https"),
        ({"https": True, "http": True}, ["http"], "http"),
    ],
)
def test_contents_are_those_over_the_first_way_that_works(
    trees: dict[str, bool], ways: list[str], expected: str
) -> None:
    known = {replace(TREE, protocol=Protocol(way)): verdict(good_now=good) for way, good in trees.items()}
    known |= {replace(TREE, protocol=Protocol(way), path=PATHS[0]): verdict(detail=way) for way in ways}
    found = contents(known)
    assert {key: each.detail for key, each in found.items()} == {(M.name, MAIN, PATHS[0]): expected}


ISOS = {f"9.8/isos/x86_64/{number:02}.iso": 700 for number in range(40)}


def test_images_take_their_turn_in_the_room_that_repositories_leave() -> None:
    of = replace(trip(paths=PATHS[:10]), images={MAIN: ISOS})
    looks = [look for look in due(of, TREE) if look.aim is Aim.IMAGE]
    assert len(looks) == ROUTINE - 10
    assert looks[0].url == "https://m.example.org/linux/9.8/isos/x86_64/00.iso"
    busy = replace(trip(paths=PATHS), images={MAIN: ISOS})
    assert sum(look.aim is Aim.IMAGE for look in due(busy, TREE)) == len(ISOS) // TURNS


def test_steady_images_are_asked_for_once_in_ten_runs_and_bad_ones_each_time() -> None:
    bad = verdict(None, outcome=ProbeOutcome.MISSING, bad=2, good_now=False)
    verdicts = {path: verdict(None, outcome=ProbeOutcome.GOOD) for path in ISOS}
    verdicts |= {"9.8/isos/x86_64/07.iso": bad, "9.8/isos/x86_64/08.iso": replace(bad, bad=LONG_MISSING)}
    asked_for = [asked(due(replace(trip(verdicts, paths=(), run=run), images={MAIN: ISOS}), TREE)) for run in range(10)]
    counts = Counter(path for paths in asked_for for path in paths)
    assert counts.pop("9.8/isos/x86_64/07.iso") == 10
    assert set(counts.values()) == {1}
    assert len(counts) == len(ISOS) - 1


def test_a_module_of_images_alone_is_reached_by_one_of_them() -> None:
    of = replace(trip(paths=(), time_file=None), images={MAIN: ISOS})
    assert {look.aim is Aim.IMAGE for look in reach(of)} == {True}


VALIDATOR = '"5f-1"'


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        (verdict(validator=VALIDATOR), VALIDATOR),
        (verdict(), None),
        (verdict(OLDER, validator=VALIDATOR), None),
        (verdict(validator=VALIDATOR, outcome=ProbeOutcome.MISSING, bad=1), None),
        (verdict(validator=VALIDATOR, sha256_at=NOW - DAY), None),
    ],
    ids=["current", "no validator", "the origin changed", "bad last time", "seen a day ago"],
)
def test_only_what_the_origin_publishes_still_is_asked_for_by_its_validator(
    known: Verdict, expected: str | None
) -> None:
    of = trip({PATHS[0]: known}, paths=PATHS[:1])
    assert look(of, TREE, PATHS[0]).validator == expected
