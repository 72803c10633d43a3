"""The transition between generations: news, carried data, the guard against losses, releases, votes, quotas."""

from __future__ import annotations

from calendar import monthrange
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import structlog

from mirrorlist.core.catalogue.catalogue import Catalogue, PendingRelease, published_contents
from mirrorlist.core.catalogue.policy import AnswerShares, MonthTime, Policy, QuotaShare, quota_share, weight_of
from mirrorlist.core.catalogue.service import Service, Vantage
from mirrorlist.core.errors import Shrunk
from mirrorlist.core.health.columns import HealthTable
from mirrorlist.core.health.release_gate import ReleaseObservations, releases
from mirrorlist.core.health.vantages import VoteTally, tally
from mirrorlist.core.mirror import is_public, quotas_of
from mirrorlist.core.model import SERVED_STATUSES, Mirror, RepoMetadata, Status
from mirrorlist.core.selection.fallbacks import moves, rungs
from mirrorlist.core.selection.usability import LEVEL_NAMES
from mirrorlist.core.snapshot import Facts
from mirrorlist.core.statistics import by_country, summed
from mirrorlist.sources.places.countries import read_countries
from mirrorlist.store.count_files import CountFiles
from mirrorlist.store.records import Recorded, Records

log = structlog.get_logger()

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
        told = {"before": LEVEL_NAMES[was], "now": LEVEL_NAMES[rung], "repositories": len(paths)}
        yield News("rung", rung > was, {**told, "first": paths[:MOST_NAMED]})
    # mirrors whose retirement was announced or has come
    statuses = {mirror.name: mirror.status for mirror in before.mirrors} if before else {}
    for mirror in after.mirrors if before else ():
        if mirror.status in (Status.RETIRING, Status.RETIRED) and statuses.get(mirror.name) is not mirror.status:
            when: dict[str, object] = {"until": mirror.status_until, "reason": mirror.status_reason}
            yield News(f"mirror {mirror.status.value}", False, {"mirror": mirror.name, **when})
    waited = {each.major: each for each in before.waiting} if before else {}
    for each in after.waiting:
        if waited.pop(each.major, None) != each:
            yield News("release waits", True, {"reason": str(each)})
    for major in waited:
        yield News("release", False, {"major": major, "means": after.service.catalogue.latest.get(major)})


# A database that is away, or that was lost and starts empty, must not look like a network without checksums in which
# every mirror is good: until it is back, the former generation is carried over.


def carried_metadata(
    found: Mapping[str, RepoMetadata], former: Mapping[str, RepoMetadata], catalogue: Catalogue
) -> dict[str, RepoMetadata]:
    """What was found, and of other paths that are still published what the former generation said."""
    keys = {each.key for each in published_contents(catalogue)}
    return {key: known for key, known in former.items() if key in keys} | dict(found)


def carried_health(former: HealthTable, were: Sequence[Mirror], mirrors: Sequence[Mirror]) -> HealthTable:
    """The former table for these mirrors; ``were`` are those that it is of. Of a new mirror nothing is known."""
    numbers = {mirror.name: number for number, mirror in enumerate(were)}
    order = [numbers.get(mirror.name) for mirror in mirrors]
    out = set(former.out)
    return HealthTable(
        holds={path: _reordered(column, order) for path, column in former.holds.items()},
        bad_reach={key: _reordered(column, order) for key, column in former.bad_reach.items()},
        out=tuple(number for number, was in enumerate(order) if was in out),
        overrides=former.overrides,
        since={
            key: b"".join(bytes(4) if was is None else column[4 * was : 4 * was + 4] for was in order)
            for key, column in former.since.items()
        },
        dead_trees=former.dead_trees,
        dead_trees_over=former.dead_trees_over,
        holds_over={key: _reordered(column, order) for key, column in former.holds_over.items()},
        told=former.told,
    )


def _reordered(column: bytes, order: Iterable[int | None]) -> bytes:
    return bytes(0 if was is None else column[was] for was in order)


GUARDED_ABOVE = 10
"""Mirrors; a network this small may lose as many as it likes, but not all."""
LEAST_SHARE = 0.7


def refuse_loss(former: Sequence[Mirror], mirrors: Sequence[Mirror], unusable: int) -> None:
    """Refuses a generation with under 70 % of the former mirrors, unless their files were deleted.

    ``unusable`` is how many files yield no mirror. A snapshot does not say from which file it has a mirror; but no more
    of them are lost than files are unusable.

    Raises:
        Shrunk: too many are lost; the message names the first.
    """
    if not former or (mirrors and len(former) <= GUARDED_ABOVE):
        return
    there = {mirror.name for mirror in mirrors}
    gone = [mirror.name for mirror in former if mirror.name not in there]
    lost = min(len(gone), unusable) if mirrors else len(gone)
    if lost > (1 - LEAST_SHARE) * len(former):
        raise Shrunk(
            f"{lost} of {len(former)} mirrors are lost, but their files were not deleted; the former snapshot stays. "
            f"If this is meant, run mirrorlist publish --force. First gone: {', '.join(gone[:5])}"
        )


def released(
    recorded: Recorded | None, former: Facts | None, service: Service, seen: ReleaseObservations
) -> tuple[Service, tuple[PendingRelease, ...]]:
    """The service with the versions that its majors mean now. Nothing waits for a prober that does not run.

    What the database does not know, as after an upgrade, the former snapshot knows: what the majors meant.
    """
    knows = recorded is not None and recorded.verdicts
    meant = {**(former.service.catalogue.latest if former else {}), **(recorded.meant if recorded and knows else {})}
    if not (recorded.watched if recorded and knows else seen.health.holds):
        return service, ()
    found = releases(service.catalogue, meant, seen, service.policy)
    return replace(service, catalogue=found.catalogue), found.waiting


# Votes of vantage points.

VOTES_SECONDS = 60
"""How often it is looked which votes have expired."""


class Polls:
    """What the votes come to, counted again when there are new ones; ``former`` are the mirrors of the last snapshot.

    While the database is away, what it said last stays; after a start, what the last snapshot says of countries.
    """

    def __init__(self, records: Records, former: Iterable[Mirror]) -> None:
        self._records = records
        pairs = {pair for mirror in former for pair in mirror.pairs if pair.since is not None}
        self._of: Hashable = None
        self._tally = VoteTally(pairs=tuple(sorted(pairs, key=lambda pair: (pair.mirrors, pair.clients))))

    def tally(self, vantages: Sequence[Vantage], mirrors: Sequence[Mirror], now: float) -> VoteTally:
        """What the votes on these mirrors come to now."""
        if not vantages:
            return VoteTally()
        number = self._records.vote_version()
        of = number, vantages, int(now // VOTES_SECONDS)
        if number is not None and self._of != of and (found := self._records.votes()):
            continents = {code: country.continent for code, country in read_countries().by_code.items()}
            told = tally(vantages, found[0], mirrors, found[1], continents, now)
            known = {each.name for each in self._tally.standings if each.ignored}
            for each in told.standings:
                if each.ignored and each.name not in known:
                    log.warning("a vantage point is ignored", vantage=each.name, reason=each.ignored)
            if told.doubted and not self._tally.doubted:
                log.warning("vantage points say that many mirrors fail at once, so they are not believed")
            self._tally, self._of = told, of
        return self._tally


# Quotas: what mirrors carried this month, by their part of the answers, decides how much of their weight counts.


def quotas_now(
    counts: CountFiles, mirrors: Iterable[Mirror], policy: Policy, former: Mapping[str, QuotaShare], now: float
) -> dict[str, QuotaShare]:
    """How each public mirror with a quota is held to it; nobody where service.yml does not say what all carry."""
    public = [mirror for mirror in mirrors if is_public(mirror) and mirror.status in SERVED_STATUSES]
    total, quotas = policy.tib_per_month, quotas_of(public)
    if total is None or not quotas:
        return {}
    at = datetime.fromtimestamp(now, UTC)
    today, yesterday = at.date(), at.date() - timedelta(days=1)
    time = MonthTime(
        day=today.isoformat(),
        days=monthrange(today.year, today.month)[1],
        past=today.day - 1,
        part=(at - at.replace(hour=0, minute=0, second=0, microsecond=0)).total_seconds() / 86_400,
    )
    days = {"today": (today, today)}
    if any(name not in former or former[name].day != time.day for name in quotas):
        days |= {"yesterday": (yesterday, yesterday), "month": (today.replace(day=1), yesterday)}
    answers = {
        name: sum(by_country(summed(each for _, each in counts.cells(*span))).values(), Counter[str]())
        for name, span in days.items()
    }
    weights = {mirror.name: weight_of(mirror, policy) for mirror in public}

    def held_to(name: str, quota_tib: float) -> QuotaShare:
        shares = {span: sums[name] / sums.total() for span, sums in answers.items() if sums}
        usual = weights[name] / sum(weights.values())
        return quota_share(quota_tib, total, time, AnswerShares(**shares), former.get(name), usual)

    return {name: held_to(name, quota) for name, quota in quotas.items()}
