"""Cells are read as they were written, clients are estimated, and totals have Fedora's layout."""

from __future__ import annotations

import random
from datetime import date

import pytest

from mirrorlist.core.statistics import (
    COUNTME_COLUMNS,
    NO_SYSTEM,
    AskedCell,
    DayCounts,
    SystemName,
    band,
    by_country,
    by_week,
    countme_rows,
    estimated,
    registers_of,
    summed,
    system_of,
    systems_of,
    united,
)

MONDAY = date(2026, 11, 16)


@pytest.mark.parametrize(
    ("agent", "expected"),
    [
        ("libdnf (Fedora 32; workstation; Linux.x86_64)", SystemName("Fedora", "32", "workstation", "x86_64")),
        ("libdnf/0.35.5 (Fedora Linux 41; ; Linux.aarch64)", SystemName("Fedora Linux", "41", "", "aarch64")),
        ("libdnf5 (AlmaLinux 9.8; generic; Linux.s390x)", SystemName("AlmaLinux", "9.8", "generic", "s390x")),
        ("rpm-ostree (Fedora 33; coreos; Linux.x86_64)", SystemName("Fedora", "33", "coreos", "x86_64")),
        ("libdnf (Debian GNU/Linux 12; generic; Linux.x86_64)", SystemName("Debian GNU/Linux", "12", "generic", "x86_64")),
        ("libdnf (CentOS Stream 9; ; Linux.x86_64) more", SystemName("CentOS Stream", "9", "", "x86_64")),
        ("curl/8.5", NO_SYSTEM),
        ("", NO_SYSTEM),
        ("libdnf (a\tb 1; x; Linux.x86_64)", NO_SYSTEM),
        ("libdnf (<b>x</b> 1; x; Linux.x86_64)", NO_SYSTEM),
        ("libdnf (=HYPERLINK 1; x; Linux.x86_64)", NO_SYSTEM),
        ("libdnf (" + "a" * 200 + " 1; x; Linux.x86_64)", NO_SYSTEM),
    ],
)  # fmt: skip
def test_what_a_system_says_of_itself_is_read_or_left_out(agent: str, expected: SystemName) -> None:
    assert system_of(agent) == expected


def test_a_label_leads_back_to_its_cell() -> None:
    cell = AskedCell("lists", "baseos", "9.8", "x86_64", "DE", "1", SystemName("AlmaLinux", "9.8", "", "x86_64"))
    assert AskedCell.read(cell.label) == cell
    assert AskedCell.read("made by another release") == AskedCell("lists", "*", "*", "*", "*")


@pytest.mark.parametrize("clients", [0, 1, 2, 5, 10, 20, 100, 1000, 50_000])
def test_clients_are_estimated_within_their_error(clients: int) -> None:
    draw = random.Random(clients)
    off = []
    for _ in range(20):
        seen = [draw.getrandbits(32) for _ in range(clients)]
        half = registers_of(seen[: clients // 2])
        assert united(half, registers_of(seen)) == registers_of(seen + seen)
        off.append(estimated(registers_of(seen)) - clients)
    assert abs(sum(off)) / 20 <= max(0.06 * clients, 0.5)
    assert max(map(abs, off)) <= max(0.45 * clients, 1)


def test_where_each_register_has_a_client_none_is_empty_for_the_estimate_of_few() -> None:
    assert estimated(bytes([1] * 64)) == 91


def test_a_share_has_a_band_that_narrows_with_the_clients_not_with_their_requests() -> None:
    assert band(120, 1000, 1000) == pytest.approx((0.101, 0.142), abs=0.001)
    assert band(120_000, 1_000_000, 1000) == band(120, 1000, 1000)
    low, high = band(12, 100, 10)
    assert low < 0.05
    assert high > 0.35
    assert band(0, 0, 0) == pytest.approx((0.0, 0.793), abs=0.001)
    assert band(5, 5, 5)[1] == 1.0


def test_totals_have_the_columns_of_fedora_and_rare_systems_are_not_told_apart() -> None:
    alma = AskedCell("lists", "baseos", "9.8", "x86_64", "DE", "1", SystemName("AlmaLinux", "9.8", "generic", "x86_64"))
    rare = alma._replace(system=SystemName("Secret Linux", "1", "", "x86_64"))
    counts = DayCounts(
        {
            alma.label: 8,
            alma._replace(country="FR").label: 4,
            rare.label: 6,
            rare._replace(system=SystemName("Other", "1", "", "")).label: 5,
            alma._replace(age="4").label: 9,
            alma._replace(age="-").label: 1000,
        }
    )
    assert len(COUNTME_COLUMNS) == 10
    assert [*countme_rows(MONDAY, counts, 10)] == [
        ("2026-11-16", "2026-11-22", "11", "", "", "", "", "1", "baseos-9.8", "x86_64"),
        ("2026-11-16", "2026-11-22", "12", "AlmaLinux", "9.8", "generic", "x86_64", "1", "baseos-9.8", "x86_64"),
    ]
    assert sum(int(row[2]) for row in countme_rows(MONDAY, counts, 1)) == 32


def test_systems_are_those_of_the_repository_that_has_most() -> None:
    of = AskedCell("lists", "baseos", "9.8", "x86_64", "DE", "1")
    counts = DayCounts({of.label: 7, of._replace(age="4").label: 3, of._replace(repository="extras").label: 9})
    assert systems_of(counts) == (7, 0, 0, 3)
    assert systems_of(DayCounts()) == (0, 0, 0, 0)


def test_weeks_begin_on_monday_and_sums_add_up() -> None:
    days = [
        (date(2026, 11, day), DayCounts({}, {"DE\ta": day}, {"DE": registers_of([day])})) for day in (15, 16, 22, 23)
    ]
    found = dict(by_week(days))
    assert {monday.isoformat(): counts.given["DE\ta"] for monday, counts in found.items()} == {
        "2026-11-09": 15,
        "2026-11-16": 38,
        "2026-11-23": 23,
    }
    whole = summed(counts for _, counts in days)
    assert by_country(whole) == {"DE": {"a": 76}}
    assert estimated(whole.clients["DE"]) == 4
