"""The page of one mirror: its facts, its health over each way, what its owner can do."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mirrorlist.core.found_files import sentences
from mirrorlist.core.health import GOOD_OUTCOMES, SAYS_NOTHING, Family, Outcome
from mirrorlist.core.observed import days_until
from mirrorlist.core.public import PublicCheck, PublicMirror, State
from mirrorlist.web.drawings import availability_bars, lag_bars
from mirrorlist.web.published import Published

MOST_SHARES = 12
_QUIET = GOOD_OUTCOMES | SAYS_NOTHING | {Outcome.NO_ADDRESS}


def mirror_page(published: Published, mirror: PublicMirror) -> dict[str, Any]:
    """What the template shows of a public mirror."""
    detail = published.detail(mirror.name)
    trees = [check for check in detail.checks if not check.path]
    repositories = [check for check in detail.checks if check.path]
    service = published.service
    return {
        "mirror": mirror,
        "detail": detail,
        "trees": trees,
        "bad": [check for check in repositories if not _is_fine(check)],
        "fine": [check for check in repositories if _is_fine(check)],
        "remedies": remedies(detail.checks),
        "days": _days(published.now),
        "strip": availability_bars(detail.days),
        "available": mean(detail.days),
        "lags": lag_bars(detail.lag_days, service.allowed_outdate_seconds),
        "allowed": service.allowed_outdate_seconds,
        "shares": sorted((detail.shares or {}).items(), key=lambda row: (-row[1], row[0]))[:MOST_SHARES],
        "sentence": sentence_of(mirror),
        "files": {module: tuple(sentences(found)) for module, found in mirror.files.items()},
        "ipv4_only": all(check.outcome is Outcome.NO_ADDRESS for check in trees if check.family is Family.IPV6),
        "map_link": map_link(mirror),
    }


SENTENCES = {
    State.FRESH: "Every repository that was compared with the origin is current.",
    State.UP: "The mirror answers. Its content was not compared with the origin yet.",
    State.LAGGING: "The mirror has an older version that metalinks still accept; text lists leave it out.",
    State.STALE: "Something on the mirror is too old, damaged or cannot be read; lists leave it out there.",
    State.DOWN: "The mirror cannot be reached over any of its addresses; no list holds it.",
    State.UNKNOWN: "Nobody has looked at this mirror yet; lists hold it until something bad is known.",
    State.OUT: "The operators took the mirror out for a time, whatever its probes say.",
    State.PAUSED: "The mirror rests, as its file says; no list holds it.",
    State.SOON: "The mirror is announced and will be listed from its day on.",
}


BAD_FILES = "Its files are not the origin's, whatever its repositories say; redirects pass it over. See Files below."


def sentence_of(mirror: PublicMirror) -> str:
    """What the state means, and of how many files it was seen."""
    if mirror.state is State.STALE and mirror.fresh == mirror.repositories:
        return BAD_FILES
    if mirror.state is not State.FRESH or not mirror.files:
        return SENTENCES[mirror.state]
    has, compared = (sum(getattr(each, name) for each in mirror.files.values()) for name in ("has", "compared"))
    return f"{SENTENCES[mirror.state]} It has {has} of {compared} files that were compared."


def _is_fine(check: PublicCheck) -> bool:
    """A good one with a remark was not compared."""
    return check.good and (check.outcome is Outcome.FRESH or (check.outcome is Outcome.GOOD and not check.detail))


def remedies(checks: Iterable[PublicCheck]) -> list[tuple[str, str]]:
    """What is wrong in a word, and what its owner can do, once each."""
    found = {check.outcome.value: check.remedy for check in checks if check.outcome not in _QUIET}
    return list(found.items())


def mean(days: Iterable[float | None]) -> float | None:
    """The mean of the days on which something was observed."""
    known = [part for part in days if part is not None]
    return sum(known) / len(known) if known else None


def _days(now: float) -> tuple[float, ...]:
    return days_until(now)[:-1]


def map_link(mirror: PublicMirror) -> str | None:
    """Where the mirror's place is shown on a map."""
    if mirror.latitude is None or mirror.longitude is None:
        return None
    at = f"{mirror.latitude:.2f}", f"{mirror.longitude:.2f}"
    return f"https://www.openstreetmap.org/?mlat={at[0]}&mlon={at[1]}#map=8/{at[0]}/{at[1]}"
