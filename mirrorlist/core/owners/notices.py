"""Decide which mirror owners to write to, and about what: conditions now, compared with what was sent before."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from mirrorlist.core.health.verdicts import ORIGIN
from mirrorlist.core.public.types import MirrorState, PublicDetail, PublicMirror


class NoticeKind(StrEnum):
    """What an owner is written to about; the values are those of ``notify.events`` in service.yml."""

    OUT = "out"
    BACK = "back"
    CERTIFICATE = "certificate"
    REQUIREMENT = "requirement"
    SOURCE = "source"


@dataclass(frozen=True, slots=True)
class Condition:
    """Something that the owner of a mirror should know, as it is now.

    ``key`` distinguishes conditions of one kind and mirror, so that each is sent once. ``since`` is in seconds since
    1970, None where nobody knows. ``lines`` say what is wrong and ``remedies`` what to do, in plain text.
    """

    mirror: str
    kind: NoticeKind
    key: str
    since: float | None
    lines: tuple[str, ...]
    remedies: tuple[str, ...] = ()


class Channel(StrEnum):
    """The way that a notice takes; each has a history of its own."""

    MAIL = "mail"
    WEBHOOK = "webhook"
    DIGEST = "digest"


@dataclass(frozen=True, slots=True)
class SentNotice:
    """A notice that went out at ``at``, or that a mail server refused for good: then ``bounce`` says why."""

    channel: Channel
    mirror: str
    kind: NoticeKind
    key: str
    at: float
    bounce: str | None = None


@dataclass(frozen=True, slots=True)
class NoticePolicy:
    """What is sent, and how much of it."""

    kinds: frozenset[NoticeKind] = frozenset(NoticeKind)
    settle_seconds: float = 1800.0
    """How long a mirror has to be out before its owner is written to; most outages are over by then."""
    most_per_day: int = 2
    """Mails per mirror in 24 hours, whatever it does."""
    widespread: float = 0.4
    """Where a greater part of all mirrors is out at once, the fault is not theirs, and nobody is written to."""


CERTIFICATE_DAYS = (14, 3)
DAY_SECONDS = 86_400.0
MOST_LINES = 12
SOURCE_SETTLE_SECONDS = 6 * 3600.0
"""How long a source has to be at fault before those that copy it are written to; most syncs come later anyway."""


def conditions(
    mirror: PublicMirror, detail: PublicDetail, certificates: Mapping[str, int], shortfalls: Sequence[str], now: float
) -> Iterator[Condition]:
    """What the owner of a public mirror should know; nothing of one that is paused or not live yet.

    ``certificates`` leads from an address to the days that its certificate is still valid; ``shortfalls`` are
    sentences.
    """
    if mirror.state in (MirrorState.PAUSED, MirrorState.SOON, MirrorState.UNKNOWN):
        return
    if mirror.override is not None:
        until = f"{datetime.fromtimestamp(mirror.override.until, UTC):%Y-%m-%d %H:%M} UTC"
        lines = (f"A maintainer took it out until {until}: {mirror.override.reason}",)
        yield Condition(mirror.name, NoticeKind.OUT, "override", mirror.override.since, lines)
    elif broken := [each for each in detail.checks if not each.good and each.state == "OUT"]:
        since = min(each.since for each in broken)
        shown = [
            f"{each.module}{f'/{each.path}' if each.path else ''} over {each.protocol} ({each.family}): "
            f"{each.detail or each.outcome}"
            for each in broken
        ]
        more = (f"and {len(shown) - MOST_LINES} more",) if len(shown) > MOST_LINES else ()
        remedies = tuple(dict.fromkeys(each.remedy for each in broken if not each.remedy.startswith("Nothing to do")))
        yield Condition(mirror.name, NoticeKind.OUT, "checks", since, (*shown[:MOST_LINES], *more), remedies)
    for url, days in certificates.items():
        reached = [limit for limit in CERTIFICATE_DAYS if days <= limit]
        if reached:
            day = datetime.fromtimestamp(now + days * DAY_SECONDS, UTC)
            line = f"The certificate of {url} ends in {days} day{'' if days == 1 else 's'}, on {day:%Y-%m-%d}."
            yield Condition(mirror.name, NoticeKind.CERTIFICATE, f"{min(reached)} {url}", None, (line,))
    source = detail.upstream
    if source is not None and source.fault and source.since is not None and source.name != ORIGIN:
        yield Condition(mirror.name, NoticeKind.SOURCE, source.name, source.since, (f"{source.name}: {source.fault}",))
    if shortfalls:
        month = f"{datetime.fromtimestamp(now, UTC):%Y-%m}"
        yield Condition(mirror.name, NoticeKind.REQUIREMENT, month, None, tuple(shortfalls))


def due(
    mirrors: Sequence[PublicMirror],
    found: Iterable[Condition],
    sent: Iterable[SentNotice],
    now: float,
    policy: NoticePolicy,
) -> dict[str, tuple[Condition, ...]]:
    """Mirror to what is written to its owner now, in one mail.

    ``sent`` is the history of one channel. What was sent before is not sent again while it lasts; an outage that ended
    is followed by one notice that the mirror is back, if the owner had heard of the outage.
    """
    present = [each for each in found if each.kind in policy.kinds]
    out = {each.mirror for each in present if each.kind is NoticeKind.OUT}
    spared = len(out) > policy.widespread * max(len(mirrors), 1) and len(out) > 1
    history: dict[str, list[SentNotice]] = {}
    for each in sent:
        history.setdefault(each.mirror, []).append(each)
    due_now: dict[str, tuple[Condition, ...]] = {}
    for mirror in mirrors:
        before = sorted(history.get(mirror.name, ()), key=lambda each: each.at)
        mine = [each for each in present if each.mirror == mirror.name]
        news = [
            each
            for each in mine
            if _is_news(each, before, now, policy) and not (spared and each.kind is NoticeKind.OUT)
        ]
        is_served = mirror.state in (MirrorState.FRESH, MirrorState.UP, MirrorState.LAGGING)
        if mirror.name not in out and NoticeKind.BACK in policy.kinds and is_served and _heard_out(before):
            news.append(Condition(mirror.name, NoticeKind.BACK, "back", mirror.since, ("It is listed again.",)))
        recent = {each.at for each in before if each.at > now - DAY_SECONDS}
        if news and len(recent) < policy.most_per_day:
            due_now[mirror.name] = tuple(news)
    return due_now


def _is_news(condition: Condition, before: Sequence[SentNotice], now: float, policy: NoticePolicy) -> bool:
    if condition.kind is NoticeKind.OUT:
        settled = condition.since is None or now - condition.since >= policy.settle_seconds
        last = next((each for each in reversed(before) if each.kind in (NoticeKind.OUT, NoticeKind.BACK)), None)
        heard = last is not None and last.kind is NoticeKind.OUT and last.key == condition.key
        return settled and not heard
    if condition.kind is NoticeKind.CERTIFICATE:  # a renewed certificate ends months later, and is reported again
        return not any(
            each.kind is condition.kind and each.key == condition.key and each.at > now - 30 * DAY_SECONDS
            for each in before
        )
    if condition.kind is NoticeKind.SOURCE:
        begun = condition.since or 0.0
        heard = any(each.kind is condition.kind and each.key == condition.key and each.at >= begun for each in before)
        return now - begun >= SOURCE_SETTLE_SECONDS and not heard
    return not any(each.kind is condition.kind and each.key == condition.key for each in before)


def _heard_out(before: Sequence[SentNotice]) -> bool:
    last = next((each for each in reversed(before) if each.kind in (NoticeKind.OUT, NoticeKind.BACK)), None)
    return last is not None and last.kind is NoticeKind.OUT
