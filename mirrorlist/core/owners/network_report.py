"""The mirrors of a network that need attention: pending, on their way, below requirements, or down."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from mirrorlist.core.catalogue.requirements import Level, MeasuredQuality, Shortfall, shortfalls
from mirrorlist.core.catalogue.service import Service
from mirrorlist.core.errors import Severity
from mirrorlist.core.files.found import by_mirror, sentences
from mirrorlist.core.files.index import IndexFacts
from mirrorlist.core.health.history import ReachHistory
from mirrorlist.core.health.verdicts import ProbeOutcome
from mirrorlist.core.mirror import is_public
from mirrorlist.core.model import SERVED_STATUSES, Mirror, Status
from mirrorlist.core.snapshot import Facts

OFFER_WORKING_DAYS = 3
DOWN_DAYS = 14
NOT_READ = frozenset({"unread-file", "not-a-regular-file"})
"""The codes of findings on files that nobody reads."""
ON_THE_WAY = (Status.SYNCING, Status.DEPLOYING)
USUAL_DAYS = {Status.ACCEPTED: 7, Status.PAPERWORK: 31, Status.DEPLOYING: 31, Status.SYNCING: 124}
"""How long a step between offer and launch takes at most, as large networks plan it; an offer waits working days."""


@dataclass(frozen=True, slots=True)
class Held:
    """How many of the origin's files a mirror had when it was listed."""

    has: int
    of: int
    listed_at: float

    @property
    def percent(self) -> float:
        """Rounded down, so that only a whole copy is 100."""
        return 100.0 if self.has >= self.of else min(99.9, int(1000 * self.has / self.of) / 10)


@dataclass(frozen=True, slots=True)
class Observations:
    """What was seen of the mirrors, by their names."""

    reach: Mapping[str, ReachHistory] = field(default_factory=dict)
    held: Mapping[str, Held] = field(default_factory=dict)
    indexes: Mapping[str, IndexFacts] = field(default_factory=dict)
    """By module what the newest index of files says of itself."""
    bounces: Mapping[str, str] = field(default_factory=dict)
    """Why the last mail to a mirror's owner came back."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What is too long: working days for an offer, days for a mirror that is down."""

    offer_days: int = OFFER_WORKING_DAYS
    down_days: float = DOWN_DAYS


@dataclass(frozen=True, slots=True)
class PendingMirror:
    """An offer that nobody has answered; ``working_days`` is None where the file does not say since when."""

    mirror: str
    since: str | None
    working_days: int | None


@dataclass(frozen=True, slots=True)
class Step:
    """A mirror between offer and launch; ``days`` in its present step are None where the file does not say since when.
    ``usual_days`` is how long the step takes at most."""

    mirror: str
    status: Status
    since: str | None
    days: int | None
    usual_days: int

    @property
    def is_late(self) -> bool:
        """Whether the step takes longer than it usually does."""
        return self.days is not None and self.days > self.usual_days


@dataclass(frozen=True, slots=True)
class Coming:
    """A mirror that copies the tree. ``live_on`` is the day on which it may go live; None is not known yet."""

    mirror: str
    status: Status
    percent: float | None
    live_on: str | None
    why: str


@dataclass(frozen=True, slots=True)
class Below:
    """A mirror that does not offer what is asked, the minimum first."""

    mirror: str
    shortfalls: tuple[Shortfall, ...]


@dataclass(frozen=True, slots=True)
class Down:
    """A served mirror that has not answered for days."""

    mirror: str
    since: float
    days: float
    outcome: ProbeOutcome | None


@dataclass(frozen=True, slots=True)
class Without:
    """A part of a mirror's file that the service does without; ``reason`` is the name of the Reason."""

    mirror: str
    of: str
    reason: str
    told: str


@dataclass(frozen=True, slots=True)
class Leaving:
    """A mirror that retires; it leaves all lists after ``until``. None: nobody wrote a day."""

    mirror: str
    until: str | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Differing:
    """A mirror whose files of a module are not all as at the origin, or could not be listed."""

    mirror: str
    module: str
    has: int
    compared: int
    told: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PairInForce:
    """A pair of ``reach:``, and how many mirrors it concerns; ``km`` is None where they are never reached."""

    clients: str
    mirrors: str
    km: int | None
    concerned: int


@dataclass(frozen=True, slots=True)
class NetworkReport:
    """The whole. ``states`` has every state that a mirror is in, in the order of a mirror's life."""

    name: str
    at: float
    commit: str | None
    behind: str | None
    states: Mapping[Status, tuple[str, ...]]
    offers: tuple[PendingMirror, ...]
    coming: tuple[Coming, ...]
    below: tuple[Below, ...]
    down: tuple[Down, ...]
    leaving: tuple[Leaving, ...]
    withheld: tuple[Without, ...] = ()
    origin: tuple[str, ...] = ()
    files: tuple[Differing, ...] = ()
    unread: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    bounces: Mapping[str, str] = field(default_factory=dict)
    pairs: tuple[PairInForce, ...] = ()
    steps: tuple[Step, ...] = ()


LIFE = (
    Status.OFFERED, Status.ACCEPTED, Status.PAPERWORK, Status.DEPLOYING, Status.SYNCING, Status.LIVE, Status.PAUSED,
    Status.RETIRING, Status.RETIRED, Status.DECLINED,
)  # fmt: skip


def network_report(facts: Facts, known: Observations, now: float, limits: Limits = Limits()) -> NetworkReport:
    """The report on the mirrors of a snapshot, whose statuses are those of its day."""
    mirrors, today = sorted(facts.mirrors, key=lambda each: each.name), datetime.fromtimestamp(now, UTC).date()
    by_status = {status: tuple(each.name for each in mirrors if each.status is status) for status in LIFE}
    return NetworkReport(
        name=facts.service.name,
        at=now,
        commit=facts.commit,
        behind=facts.behind,
        states={status: names for status, names in by_status.items() if names},
        offers=tuple(_offers(mirrors, today, limits)),
        steps=tuple(
            Step(each.name, each.status, each.status_since, _days_since(each.status_since, today), usual)
            for status, usual in USUAL_DAYS.items()
            for each in mirrors
            if each.status is status
        ),
        coming=tuple(_coming(each, facts.service, known, today) for each in mirrors if each.status in ON_THE_WAY),
        below=tuple(_below(mirrors, facts.service, known)),
        bounces=known.bounces,
        down=tuple(sorted(_down(mirrors, known, now, limits), key=lambda each: each.since)),
        leaving=tuple(leaving(mirrors)),
        withheld=tuple(
            Without(each.name, part.of, part.reason.name.lower(), str(part))
            for each in mirrors
            for part in each.withheld
        ),
        origin=tuple(f"{module}: {remark}" for module, each in known.indexes.items() for remark in each.remarks),
        files=tuple(_differing(mirrors, known)),
        pairs=tuple(
            PairInForce(each.clients, each.mirrors, each.km, sum(each in mirror.pairs for mirror in mirrors))
            for each in facts.service.policy.reach
        ),
        unread=tuple(str(each) for each in facts.findings if each.code in NOT_READ),
        refused=tuple(str(each) for each in facts.findings if each.severity is Severity.ERROR),
    )


def _differing(mirrors: Iterable[Mirror], known: Observations) -> Iterator[Differing]:
    found = by_mirror(known.indexes)
    for mirror in mirrors:
        for module, files in found.get(mirror.name, {}).items():
            if (
                module in mirror.urls
                and not files.is_whole
                and (told := tuple(text % values for text, values in sentences(files)))
            ):
                yield Differing(mirror.name, module, files.has, files.compared, told)


def leaving(mirrors: Iterable[Mirror]) -> Iterator[Leaving]:
    """The mirrors that retire, for everybody who wrote their addresses down."""
    for each in mirrors:
        if each.status is Status.RETIRING:
            yield Leaving(each.name, each.status_until, each.status_reason)


def working_days(since: date, today: date) -> int:
    """How many days from Monday to Friday ended since then; a holiday counts as any other."""
    days = (today - since).days
    return sum((since + timedelta(day)).weekday() < 5 for day in range(1, min(days, 3660) + 1))


def _days_since(day: str | None, today: date) -> int | None:
    return max(0, (today - date.fromisoformat(day)).days) if day else None


def _offers(mirrors: list[Mirror], today: date, limits: Limits) -> Iterator[PendingMirror]:
    for each in mirrors:
        if each.status is Status.OFFERED:
            days = working_days(date.fromisoformat(each.status_since), today) if each.status_since else None
            if days is None or days > limits.offer_days:
                yield PendingMirror(each.name, each.status_since, days)


def _coming(mirror: Mirror, service: Service, known: Observations, today: date) -> Coming:
    held = known.held.get(mirror.name)
    least = service.requirements.minimum.complete_percent or 100.0
    promised = max(mirror.live_from or "", today.isoformat())
    if held is None:
        why = "not listed yet: it needs an rsync address, and mirrorlist update files"
        return Coming(mirror.name, mirror.status, None, None, why)
    if held.percent >= least:
        return Coming(mirror.name, mirror.status, held.percent, promised, "complete: write status: live")
    if mirror.status_since is None or held.has == 0:
        why = "write status_since for an estimate" if held.has else "it has no file yet"
        return Coming(mirror.name, mirror.status, held.percent, None, why)
    begun = datetime.fromisoformat(mirror.status_since).replace(tzinfo=UTC).timestamp()
    days = max(held.listed_at - begun, 3600.0) * held.of / held.has / 86_400
    if days > 3660:
        return Coming(mirror.name, mirror.status, held.percent, None, "it hardly moves")
    ready = (date.fromisoformat(mirror.status_since) + timedelta(int(days) + 1)).isoformat()
    return Coming(mirror.name, mirror.status, held.percent, max(ready, promised), "at its pace so far")


def _below(mirrors: list[Mirror], service: Service, known: Observations) -> Iterator[Below]:
    for each in mirrors:
        if is_public(each) and each.status in (Status.LIVE, Status.PAUSED) and each.name not in service.approved:
            reach, held = known.reach.get(each.name), known.held.get(each.name)
            measured = MeasuredQuality(reach.percent if reach else None, held.percent if held else None)
            if found := tuple(shortfalls(each, service.requirements, measured)):
                yield Below(each.name, tuple(sorted(found, key=lambda lack: lack.level is not Level.MINIMUM)))


def _down(mirrors: list[Mirror], known: Observations, now: float, limits: Limits) -> Iterator[Down]:
    for each in mirrors:
        reach = known.reach.get(each.name)
        if each.status in SERVED_STATUSES and reach and reach.down_since is not None:
            days = (now - reach.down_since) / 86_400
            if days > limits.down_days:
                yield Down(each.name, reach.down_since, days, reach.outcome)
