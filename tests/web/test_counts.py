"""Every answer is counted once in each dimension, whichever way it went; and the sums reach their files."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from mirrorlist.core.health.columns import HealthTable, SyncState, reach_key
from mirrorlist.core.health.verdicts import Family
from mirrorlist.core.model import MAIN, Protocol
from mirrorlist.core.statistics import AskedCell, DayCounts, SystemName, estimated, registers_of
from mirrorlist.store.count_files import MOST_CELLS, MOST_SYSTEMS, CountFiles
from mirrorlist.web.counts import Counting, Counts, Dimension, merged
from mirrorlist.web.lists.prepared_answers import MOST_AGENTS, MOST_REMEMBERED
from tests.building import NOW, mirror, snapshot
from tests.web.asking import ask, both, environ

AT = {"198.51.100.0/24": "berlin", "192.0.2.0/24": "tokyo"}


def test_answers_are_counted_by_what_was_asked_by_whom_and_who_came_first() -> None:
    own = mirror("own", "berlin", private=True, subnets=["198.51.100.7/32"])
    service = both(snapshot([mirror("public", "berlin"), own], at=AT))
    service.get("/mirrorlist/9/baseos", "countme=3&arch=x86_64", "198.51.100.7")
    service.get("/mirrorlist", "repo=appstream-9&arch=x86_64&countme=9", "198.51.100.8")
    service.get("/mirrorlist/9/baseos", "country=DE", "192.0.2.1")
    service.get("/mirrorlist/9/none")
    service.front.collect()
    plain = service.counts[0].take()
    assert plain == {
        "route": {"mirrorlist/mirrorlist": 3},
        "repository": {"appstream": 1, "baseos": 2},
        "version": {"9.8": 3},
        "countme": {"-": 2, "3": 1},
        "rung": {"fresh": 3},
        "proximity": {"nearby": 1, "subnet": 1, "world": 1},
        "country": {"DE": 2, "JP": 1},
        "first": {"own.example.org": 1, "public.example.org": 2},
        "given": {"DE\town.example.org": 1, "DE\tpublic.example.org": 1, "JP\tpublic.example.org": 1},
        "asked": {
            AskedCell("lists", "appstream", "9.8", "x86_64", "DE").label: 1,
            AskedCell("lists", "baseos", "9.8", "-", "JP").label: 1,
            AskedCell("lists", "baseos", "9.8", "x86_64", "DE", "3").label: 1,
        },
    }
    fast = service.counts[1].take()
    assert fast.pop("answers") == {"mirrorlist 200": 9}
    assert fast == {of: {label: 3 * times for label, times in sums.items()} for of, sums in plain.items()}


def test_what_a_system_says_of_itself_is_counted_once_a_week_only() -> None:
    service = both(snapshot([mirror("public", "berlin")], at=AT))
    agent = "libdnf (AlmaLinux 9.8; generic; Linux.x86_64)"
    service.get("/mirrorlist", "repo=baseos-9&arch=x86_64&countme=1", "198.51.100.7", USER_AGENT=agent)
    service.get("/mirrorlist", "repo=baseos-9&arch=x86_64", "198.51.100.7", USER_AGENT=agent)
    service.get("/mirrorlist", "repo=baseos-9&arch=x86_64&countme=1", "198.51.100.8", USER_AGENT="libdnf (\t; x)" * 40)
    of = AskedCell("lists", "baseos", "9.8", "x86_64", "DE", "1")
    plain = service.counts[0].take()["asked"]
    named = SystemName("AlmaLinux", "9.8", "generic", "x86_64")
    assert plain == {of._replace(system=named).label: 1, of.label: 1, of._replace(age="-").label: 1}
    service.hot.collect()
    assert service.counts[1].take()["asked"] == {label: 3 * times for label, times in plain.items()}


def test_clients_are_estimated_alike_by_both_paths_and_by_several_workers() -> None:
    service = both(snapshot([mirror("public", "berlin")], at=AT))
    for number in range(15):
        service.get("/mirrorlist/9/baseos", "arch=x86_64", f"198.51.100.{number}")
    service.get("/mirrorlist/9/baseos", "arch=x86_64", "192.0.2.1")
    service.hot.collect()
    plain, fast = (counts.take_clients() for counts in service.counts)
    assert plain == fast
    assert {country: estimated(registers) for country, registers in plain.items()} == {
        "DE": pytest.approx(15, abs=2),
        "JP": 1,
    }
    assert service.counts[1].take_clients() == {}


def test_questions_that_clients_make_up_are_bounded() -> None:
    service = both(snapshot([mirror("public", "berlin")], at=AT))
    for number in range(3 * MOST_AGENTS):
        agent = f"libdnf (Made Up {number}; generic; Linux.x86_64)"
        ask(service.fronted, environ("/mirrorlist/9/baseos", "arch=x86_64&countme=1", USER_AGENT=agent))
    service.hot.collect()
    asked = service.counts[1].take()["asked"]
    assert sum(asked.values()) == 3 * MOST_AGENTS
    assert len(asked) <= MOST_AGENTS + 1


def test_the_rung_is_counted() -> None:
    path = "9.8/BaseOS/x86_64/os/"
    health = HealthTable({path: bytes([SyncState.STALE])}, {reach_key(MAIN, Protocol.HTTPS, Family.IPV4): bytes(1)})
    service = both(snapshot([mirror("a", "berlin")], at=AT, facts={"health": health}))
    service.get("/mirrorlist/9/baseos", "arch=x86_64", "198.51.100.7")
    assert service.counts[0].take()["rung"] == {"last_known": 1}
    service.front.collect()
    assert service.counts[1].take()["rung"] == {"last_known": 3}


def test_nothing_is_lost_when_a_generation_or_a_memo_goes() -> None:
    service = both(snapshot([mirror("a", "berlin")], at=AT))
    for number in range(20):
        service.get("/mirrorlist/9/baseos", "", f"198.51.100.{number}")
        service.held.put(snapshot([mirror("a", "berlin")], at=AT, facts={"generation": number + 2}))
    service.assert_counted_alike()
    for number in range(MOST_REMEMBERED // 100):
        service.get("/mirrorlist/9/baseos", f"n={number}", "198.51.100.1")
    service.assert_counted_alike()


def test_workers_and_days_have_files_of_their_own_and_old_ones_go(tmp_path: Path) -> None:
    first, second = CountFiles(tmp_path), CountFiles(tmp_path)
    day = 86_400
    first.add({"country": {"DE": 1}}, NOW - 401 * day)
    first.add({"country": {"DE": 2}}, NOW - day)
    first.add({"country": {"DE": 3, "FR": 1}}, NOW)
    first.add({"country": {"DE": 4}}, NOW)
    second.add({"country": {"DE": 10}, "rung": {"fresh": 10}}, NOW)
    today = datetime.fromtimestamp(NOW, UTC).date()
    (tmp_path / "counts" / today.isoformat() / "half.json").write_text('{"country"')
    (tmp_path / "counts" / "notes").mkdir()

    def summed(first_day: date, last_day: date) -> dict[str, dict[str, int]]:
        found = merged(CountFiles(tmp_path).read(first_day, last_day))
        return {of: dict(sums) for of, sums in found.items() if sums}

    assert summed(today, today) == {"country": {"DE": 17, "FR": 1}, "rung": {"fresh": 10}}
    assert summed(date.min, today) == {"country": {"DE": 19, "FR": 1}, "rung": {"fresh": 10}}
    assert len(list((tmp_path / "counts" / today.isoformat()).glob("*.json"))) >= 2


def test_cells_of_workers_and_days_are_merged_once_and_copied_files_do_not_count_again(tmp_path: Path) -> None:
    day, today = 86_400, datetime.fromtimestamp(NOW, UTC).date()
    cell = AskedCell("lists", "baseos", "9.8", "x86_64", "DE").label
    workers, seen = [CountFiles(tmp_path), CountFiles(tmp_path)], registers_of(range(0, 1 << 31, 1 << 27))
    for worker in workers:
        worker.add({"asked": {cell: 2}, "given": {"DE\ta": 2}}, NOW - day, {"DE": seen})
    [yesterday] = (tmp_path / "counts").iterdir()
    copies = {file.name: file.read_bytes() for file in yesterday.glob("*.cells")}
    before = workers[0].signature(today)
    workers[0].add({"asked": {cell: 5}}, NOW, {})
    assert workers[0].signature(today) == before
    expected = [DayCounts({cell: 4}, {"DE\ta": 4}, {"DE": seen}), DayCounts({cell: 5}, {}, {})]
    for _ in range(2):
        workers[0].merge(today)
        for name, data in copies.items():
            (yesterday / name).write_bytes(data)
        (yesterday / "broken.cells").write_bytes(b"no cells")
        assert [counts for _, counts in CountFiles(tmp_path).cells(date.min, today)] == expected
    assert workers[0].signature(today) != before
    workers[0].merge(today)
    assert [file.name for file in yesterday.glob("*.cells")] == ["broken.cells"]


def test_a_day_of_made_up_systems_and_cells_stays_bounded(tmp_path: Path) -> None:
    files, today = CountFiles(tmp_path), datetime.fromtimestamp(NOW, UTC).date()
    cells = [
        AskedCell("lists", "baseos", "9", "-", "DE", "1", SystemName(f"os{number}", "", "", ""))
        for number in range(MOST_SYSTEMS + 50)
    ]
    files.add({"asked": dict.fromkeys([cell.label for cell in cells], 1)}, NOW)
    [(_, counts)] = files.cells(today, today)
    assert len(counts.asked) == MOST_SYSTEMS + 1
    many = {AskedCell("lists", f"r{number}", "9", "-", "DE").label: 1 for number in range(MOST_CELLS)}
    given = {f"DE\tm{number}": 1 for number in range(MOST_CELLS + 10)}
    files.add({"asked": many, "given": given}, NOW)
    [(_, counts)] = files.cells(today, today)
    assert len(counts.asked) == MOST_CELLS + 1
    assert sum(counts.asked.values()) == MOST_CELLS + MOST_SYSTEMS + 50
    assert (len(counts.given), counts.given["DE\t*"]) == (MOST_CELLS + 1, 10)


def test_counting_goes_on_when_the_disk_is_full(tmp_path: Path) -> None:
    counts = Counts()
    (tmp_path / "counts").write_text("a file where the directory belongs")
    counting = Counting(lambda: None, counts, CountFiles(tmp_path), 3600, lambda: NOW)
    counts.add({Dimension.COUNTRY: "DE"})
    counting.write()
    (tmp_path / "counts").unlink()
    counts.add({Dimension.COUNTRY: "DE"})
    counting.write()
    [file] = (tmp_path / "counts").glob(f"*/{os.getpid()}-*.json")
    assert file.read_text() == '{"country":{"DE":2}}'
