"""What those who run the service should hear of when a generation replaces another one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mirrorlist.core.model import Status
from mirrorlist.core.rungs import moves, rungs
from mirrorlist.core.snapshot import Facts
from mirrorlist.core.usability import RUNG_NAMES

MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class News:
    """One line of the log: what happened, whether for the worse, and the facts by name."""

    event: str
    worse: bool
    facts: dict[str, object]


def news(before: Facts | None, after: Facts) -> Iterator[News]:
    """What is new in a generation: repositories that moved on the ladder, majors that wait or do so no more."""
    for (was, rung), paths in moves(rungs(before) if before else {}, rungs(after)).items():
        told = {"before": RUNG_NAMES[was], "now": RUNG_NAMES[rung], "repositories": len(paths)}
        yield News("rung", rung > was, {**told, "first": paths[:MOST_NAMED]})
    yield from _retiring(before, after)
    waited = {each.major: each for each in before.waiting} if before else {}
    for each in after.waiting:
        if waited.pop(each.major, None) != each:
            yield News("release waits", True, {"reason": str(each)})
    for major in waited:
        yield News("release", False, {"major": major, "means": after.service.catalogue.latest.get(major)})


def _retiring(before: Facts | None, after: Facts) -> Iterator[News]:
    """Mirrors whose retirement was announced or has come."""
    was = {mirror.name: mirror.status for mirror in before.mirrors} if before else {}
    for mirror in after.mirrors if before else ():
        if mirror.status in (Status.RETIRING, Status.RETIRED) and was.get(mirror.name) is not mirror.status:
            when: dict[str, object] = {"until": mirror.status_until, "reason": mirror.status_reason}
            yield News(f"mirror {mirror.status.value}", False, {"mirror": mirror.name, **when})
