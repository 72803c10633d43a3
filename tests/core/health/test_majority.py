"""Whether the mirrors or the origin are wrong."""

from __future__ import annotations

import pytest

from mirrorlist.core.health.majority import Contradiction, weighed
from mirrorlist.core.health.verdicts import Family, Probe, ProbeOutcome, Subject
from mirrorlist.core.model import MAIN, Protocol
from tests.building import NOW

PATH = "9/BaseOS/x86_64/os/"
AHEAD = (ProbeOutcome.AHEAD, "")
FRESH = (ProbeOutcome.FRESH, None)


def probes(*told: tuple[ProbeOutcome, str | None], path: str = PATH) -> list[Probe]:
    """One of each mirror."""
    return [
        Probe(Subject(f"m{n}", MAIN, Protocol.HTTPS, Family.IPV4, path), NOW, 0.1, outcome, said=said)
        for n, (outcome, said) in enumerate(told)
    ]


@pytest.mark.parametrize(
    ("told", "count"),
    [
        pytest.param([AHEAD] * 2, 2, id="all of two"),
        pytest.param([AHEAD] * 9 + [FRESH], 9, id="nine of ten"),
        pytest.param([AHEAD] * 8 + [FRESH] * 2, 0, id="eight of ten"),
        pytest.param([AHEAD], 0, id="one alone"),
        pytest.param([AHEAD] * 3 + [(ProbeOutcome.UNREACHABLE, None)] * 9, 3, id="those out of reach do not count"),
        pytest.param([(ProbeOutcome.OUTDATED, "1")] * 3, 3, id="one and the same time"),
        pytest.param([(ProbeOutcome.OUTDATED, str(n)) for n in range(3)], 0, id="a time of each one's own"),
        pytest.param([(ProbeOutcome.FUTURE, "")] * 3, 3, id="a clock that is ahead"),
        pytest.param([(ProbeOutcome.WRONG, "a" * 64)] * 3, 3, id="the same unknown file"),
        pytest.param([(ProbeOutcome.WRONG, None)] * 3, 0, id="pages"),
        pytest.param([(ProbeOutcome.STALE, None)] * 3, 0, id="what the origin had before"),
    ],
)
def test_nearly_all_mirrors_outweigh_the_origin(told: list[tuple[ProbeOutcome, str | None]], count: int) -> None:
    before = probes(*told)
    after, found = weighed(before)
    assert [each.mirrors for each in found] == ([count] if count else [])
    assert sum(probe.outcome is ProbeOutcome.GOOD for probe in after) == count
    assert [each for each in after if each.outcome is not ProbeOutcome.GOOD] == before[count:]


def test_a_mirror_counts_once_however_many_ways_lead_to_it() -> None:
    (one,) = probes(AHEAD)
    assert weighed([one, one])[1] == []


def test_each_file_is_weighed_alone() -> None:
    _, found = weighed([*probes(AHEAD, AHEAD), *probes(FRESH, FRESH, path="other/"), *probes(AHEAD, FRESH, path="x/")])
    assert found == [Contradiction(MAIN, PATH, AHEAD, 2, 2)]
    assert str(found[0]).startswith("2 of 2 mirrors contradict the origin in the same way (newer than what")


def test_the_project_s_own_trees_are_no_mirrors() -> None:
    (one,) = probes(AHEAD)
    own = Probe(Subject("https://origin.example.org/", MAIN, Protocol.HTTPS, Family.IPV4, PATH), NOW, 0.1, *AHEAD)
    assert weighed([one, own])[1] == []
