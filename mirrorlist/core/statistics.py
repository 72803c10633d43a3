"""Sums of answers that identify nobody: by repository, country, system and mirror. What is published is chosen in
core/public/statistics.py.

Clients are estimated from a few bits of a keyed checksum each, never listed (Flajolet et al., "HyperLogLog", 2007).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import reduce
from itertools import groupby
from math import log, sqrt
from typing import NamedTuple

NONE = "-"
"""The value of what is not known, or was not asked for."""
OTHER = "*"
"""Stands for values that are too many to be kept, or too rare to be shown."""
LISTS, FILES = "lists", "files"
"""The kinds of requests: for a list of mirrors, and for a file."""
AGES = ("1", "2", "3", "4")
"""The steps of dnf's ``countme``: a system is in its first week, in weeks 2 to 4, in 5 to 24, older (dnf.conf)."""
AGE_WORDS = ("first week", "first month", "first half year", "older")
FLOOR = 10
"""The fewest clients of a country, and the smallest sum, that are published."""


class SystemName(NamedTuple):
    """What a system says of itself in dnf's User-Agent; empty where it does not."""

    name: str = ""
    version: str = ""
    variant: str = ""
    arch: str = ""


NO_SYSTEM = SystemName()
LONGEST_AGENT = 160
_AGENT = re.compile(
    r"(?:libdnf5?|rpm-ostree)(?:/\S{1,32})? \("
    r"([A-Za-z0-9][A-Za-z0-9 ./+_-]{0,39}) ([0-9a-z._-]{0,20}); ([0-9a-z._-]{0,32}); [\w./]{1,24}\.(\w{1,16})\)",
    re.ASCII,
)


def system_of(agent: str) -> SystemName:
    """The system of a User-Agent of libdnf or rpm-ostree, such as ``libdnf (Fedora 32; workstation; Linux.x86_64)``."""
    found = _AGENT.match(agent) if len(agent) <= LONGEST_AGENT else None
    return SystemName(*found.groups()) if found else NO_SYSTEM


class AskedCell(NamedTuple):
    """What one sum of requests is about. ``age`` and ``system`` are those of requests with ``countme``."""

    kind: str
    repository: str
    version: str
    arch: str
    country: str = NONE
    age: str = NONE
    system: SystemName = NO_SYSTEM

    @property
    def label(self) -> str:
        """The cell as one text."""
        return "\t".join((*self[:6], *self.system))

    @classmethod
    def read(cls, label: str) -> AskedCell:
        """The cell of a label; one that is none stands for others."""
        parts = label.split("\t")
        if len(parts) != 10:
            return cls(LISTS, OTHER, OTHER, OTHER, OTHER)
        kind, repository, version, arch, country, age, *system = parts
        return cls(kind, repository, version, arch, country, age, SystemName(*system))


def given_label(country: str, mirror: str) -> str:
    """The label of answers to a country's clients in which a mirror came first."""
    return f"{country}\t{mirror}"


# Estimates of how many clients there were: registers, of which each client can raise one.

REGISTERS = 64
RANKS = 27
"""One more than the bits of a checksum that are not the register's number."""
_ALPHA = 0.709


NO_CLIENT = (1 << 32) - 1
"""The largest checksum: where a register has no client."""


def registers_of(checksums: Iterable[int]) -> bytes:
    """The registers of clients by 32-bit checksums of their addresses; the last six bits choose the register."""
    found = bytearray(REGISTERS)
    for checksum in checksums:
        if checksum != NO_CLIENT:
            at, rank = checksum & 63, RANKS - (checksum >> 6).bit_length()
            found[at] = max(found[at], rank)
    return bytes(found)


def united(one: bytes, other: bytes) -> bytes:
    """The registers of those who are in either."""
    return bytes(map(max, one, other))


def estimated(registers: bytes) -> int:
    """How many clients were noted, give or take 13 %; nearly exact below 20."""
    empty = registers.count(0)
    found = _ALPHA * REGISTERS**2 / sum(2.0**-rank for rank in registers)
    if empty and found <= 2.5 * REGISTERS:
        found = REGISTERS * log(REGISTERS / empty)
    return round(found)


def band(part: int, whole: int, clients: int) -> tuple[float, float]:
    """The share of ``part`` in ``whole`` answers lies between these, in 95 of 100 cases (Wilson's interval).

    The answers to one client are alike, so they count as one observation: ``clients``, if these are fewer.
    """
    n = max(1, min(whole, clients))
    share, z2 = part / whole if whole else 0.0, 1.96**2
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    spread = 1.96 * sqrt(share * (1 - share) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    return max(0.0, middle - spread), min(1.0, middle + spread)


@dataclass(frozen=True, slots=True)
class DayCounts:
    """What was counted on some days by all workers: by the labels of ``AskedCell``, by those of ``given_label``, and
    the registers of each country's clients."""

    asked: Mapping[str, int] = field(default_factory=dict)
    given: Mapping[str, int] = field(default_factory=dict)
    clients: Mapping[str, bytes] = field(default_factory=dict)


def summed(many: Iterable[DayCounts]) -> DayCounts:
    """All of them as one."""
    asked, given, clients = Counter[str](), Counter[str](), dict[str, bytes]()
    for each in many:
        asked.update(each.asked)
        given.update(each.given)
        for country, registers in each.clients.items():
            clients[country] = united(registers, clients[country]) if country in clients else registers
    return DayCounts(asked, given, clients)


def cells_of(counts: DayCounts) -> Iterator[tuple[AskedCell, int]]:
    """The cells of the requests, with their sums."""
    return ((AskedCell.read(label), times) for label, times in counts.asked.items())


def by_country(counts: DayCounts) -> dict[str, Counter[str]]:
    """Of each country how many answers named which mirror first."""
    found: dict[str, Counter[str]] = {}
    for label, times in counts.given.items():
        country, _, mirror = label.partition("\t")
        found.setdefault(country, Counter())[mirror or OTHER] += times
    return found


def sums_by(counts: DayCounts, of: Callable[[AskedCell], str]) -> Counter[str]:
    """Requests by what ``of`` says of their cells."""
    found = Counter[str]()
    for cell, times in cells_of(counts):
        found[of(cell)] += times
    return found


def clients_of(counts: DayCounts) -> bytes:
    """The registers of the clients of all countries."""
    return reduce(united, counts.clients.values(), bytes(REGISTERS))


def systems_of(counts: DayCounts) -> tuple[int, ...]:
    """The systems of a week by age: the requests with ``countme`` for the repository that has most."""
    found: dict[str, Counter[str]] = {}
    for cell, times in cells_of(counts):
        if cell.age != NONE:
            found.setdefault(cell.repository, Counter())[cell.age] += times
    most = max(found.values(), key=Counter.total, default=Counter[str]())
    return tuple(most[age] for age in AGES)


def week_of(day: date) -> date:
    """The Monday of a day's week, where dnf's weeks begin (UTC)."""
    return day - timedelta(days=day.weekday())


def by_week(days: Iterable[tuple[date, DayCounts]]) -> Iterator[tuple[date, DayCounts]]:
    """The sums of weeks by their Mondays, of days in their order; one week is held at a time."""
    for monday, those in groupby(days, lambda each: week_of(each[0])):
        yield monday, summed(counts for _, counts in those)


# The layout of Fedora's countme totals: https://data-analysis.fedoraproject.org/csv-reports/countme/

COUNTME_COLUMNS = (
    "week_start", "week_end", "hits", "os_name", "os_version", "os_variant", "os_arch", "sys_age", "repo_tag",
    "repo_arch",
)  # fmt: skip


def countme_rows(week: date, counts: DayCounts, floor: int) -> Iterator[tuple[str, ...]]:
    """The rows of a week with at least ``floor`` hits, in the order of their columns.

    What a system said of itself is left out of rarer rows, which are summed, and of these the rarer ones go.
    """
    plain, named = Counter[tuple[str, ...]](), Counter[tuple[str, ...]]()
    for cell, times in cells_of(counts):
        if cell.age != NONE:
            named[*cell.system, cell.age, f"{cell.repository}-{cell.version}", cell.arch] += times
    for row, times in tuple(named.items()):
        if times < floor:
            plain[*NO_SYSTEM, *row[4:]] += named.pop(row)
    named.update(plain)
    for row, times in sorted(named.items()):
        if times >= floor:
            yield week.isoformat(), (week + timedelta(days=6)).isoformat(), str(times), *row
