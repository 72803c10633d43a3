"""Requirements that a service has for its mirrors, a minimum and a preference, and what a mirror lacks of them.

To add one: a field of Asked, a check here and its place in CHECKS, the key in schemas/service.json and docs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from mirrorlist.core.model import MAIN, Mirror, Protocol


class Level(StrEnum):
    """How much weight a requirement has."""

    MINIMUM = "minimum"
    PREFERRED = "preferred"


@dataclass(frozen=True, slots=True, kw_only=True)
class RequirementLevel:
    """What one level asks; ``None`` and () ask nothing. The percentages are of time and of the origin's files."""

    bandwidth_mbps: int | None = None
    storage_gb: int | None = None
    update_frequency_seconds: int | None = None
    protocols: tuple[Protocol, ...] = ()
    availability_percent: float | None = None
    complete_percent: float | None = None
    agreement: str | None = None


@dataclass(frozen=True, slots=True)
class Requirements:
    """Both levels."""

    minimum: RequirementLevel = field(default_factory=RequirementLevel)
    preferred: RequirementLevel = field(default_factory=RequirementLevel)

    def levels(self) -> tuple[tuple[Level, RequirementLevel], ...]:
        """The stronger one first."""
        return (Level.MINIMUM, self.minimum), (Level.PREFERRED, self.preferred)


@dataclass(frozen=True, slots=True)
class MeasuredQuality:
    """What was seen of a mirror, in percent; None where nothing is known, which speaks against nobody."""

    availability_percent: float | None = None
    complete_percent: float | None = None


@dataclass(frozen=True, slots=True)
class Shortfall:
    """Something that a mirror lacks. ``key`` is that of its file, or of the requirement where a file cannot say it."""

    level: Level
    key: str
    has: str
    asked: str

    def __str__(self) -> str:
        return f"{self.key} is {self.has}, {self.level} is {self.asked}"


Lack = tuple[str, str, str]
"""Key, what the mirror has, what is asked."""
Check = Callable[[Mirror, MeasuredQuality, RequirementLevel], Lack | None]


def bandwidth(mirror: Mirror, _: MeasuredQuality, asked: RequirementLevel) -> Lack | None:
    """The declared bandwidth is enough."""
    return _enough("bandwidth_mbps", mirror.bandwidth_mbps, asked.bandwidth_mbps, " Mbit/s")


def storage(mirror: Mirror, _: MeasuredQuality, asked: RequirementLevel) -> Lack | None:
    """The disk space that is set aside is enough."""
    return _enough("storage_gb", mirror.storage_gb, asked.storage_gb, " GB")


def frequency(mirror: Mirror, _: MeasuredQuality, asked: RequirementLevel) -> Lack | None:
    """The mirror syncs often enough."""
    most, found = asked.update_frequency_seconds, mirror.update_frequency_seconds
    if most is None or (found is not None and found <= most):
        return None
    return "update_frequency", "not given" if found is None else _span(found), _span(most)


def protocols(mirror: Mirror, _: MeasuredQuality, asked: RequirementLevel) -> Lack | None:
    """Every module that the mirror carries is there over every protocol."""
    for module, book in mirror.urls.items():
        if [each for each in asked.protocols if each not in book]:
            key = "address" if module == MAIN else f"address_optional.{module}"
            return key, " and ".join(each.value for each in book), " and ".join(each.value for each in asked.protocols)
    return None


def agreement(mirror: Mirror, _: MeasuredQuality, asked: RequirementLevel) -> Lack | None:
    """The accepted version of the agreement is new enough; 2026-02 is older than 2026-10, and 9 than 10."""
    if asked.agreement is None or (mirror.agreement and _version(mirror.agreement) >= _version(asked.agreement)):
        return None
    return "agreement", repr(mirror.agreement) if mirror.agreement else "not given", repr(asked.agreement)


def availability(_: Mirror, measured: MeasuredQuality, asked: RequirementLevel) -> Lack | None:
    """The mirror was reachable for long enough."""
    return _share("availability_percent", measured.availability_percent, asked.availability_percent)


def completeness(_: Mirror, measured: MeasuredQuality, asked: RequirementLevel) -> Lack | None:
    """The mirror has enough of the origin's files."""
    return _share("complete_percent", measured.complete_percent, asked.complete_percent)


CHECKS: tuple[Check, ...] = (bandwidth, storage, frequency, protocols, agreement, availability, completeness)


def shortfalls(
    mirror: Mirror, requirements: Requirements, measured: MeasuredQuality = MeasuredQuality()
) -> Iterator[Shortfall]:
    """What a mirror lacks; each key once, by the stronger level."""
    told = set()
    for level, asked in requirements.levels():
        for check in CHECKS:
            if check not in told and (lack := check(mirror, measured, asked)):
                told.add(check)
                yield Shortfall(level, *lack)


def _enough(key: str, found: int | None, least: int | None, unit: str) -> Lack | None:
    if least is None or (found is not None and found >= least):
        return None
    return key, "not given" if found is None else f"{found}{unit}", f"{least}{unit}"


def _share(key: str, found: float | None, least: float | None) -> Lack | None:
    if least is None or found is None or found >= least:
        return None
    return key, f"{found:.4g} %", f"{least:g} %"


def _span(seconds: int) -> str:
    for unit, length in (("d", 86_400), ("h", 3600), ("m", 60)):
        if seconds % length == 0:
            return f"{seconds // length}{unit}"
    return f"{seconds}s"


def _version(text: str) -> list[tuple[int, int, str]]:
    """The parts in order; numbers count as numbers."""
    return [(1, int(part), "") if part.isdecimal() else (0, 0, part) for part in re.findall(r"\d+|[^\W\d_]+", text)]
