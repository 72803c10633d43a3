"""The decision for one query and client: the mirrors that were chosen, those that were left out, and why."""

from __future__ import annotations

from dataclasses import dataclass

from mirrorlist.core.model import Client, FallbackLevel, Mirror, Proximity, Query
from mirrorlist.core.reasons import Cause, Reason

BEST_PREFERENCE = 100
"""The preference of the first URL of an answer."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A mirror in an answer, its URL for this query, and how it got there.

    ``url`` is the repository's directory or the file; ``more_urls`` the same under other protocols, where all were
    asked for. ``preference`` falls strictly. ``band`` is the number of the group of equally close mirrors."""

    mirror: Mirror
    url: str
    proximity: Proximity
    distance_km: int | None
    band: int
    weight: int
    preference: int
    more_urls: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rejected:
    """A mirror left out, and why; the cause where its health or an override is the reason."""

    mirror: Mirror
    reason: Reason
    cause: Cause | None = None


@dataclass(frozen=True, slots=True)
class Selection:
    """The whole decision for one query and client: chosen and left out are all mirrors of the snapshot.

    ``fallbacks`` are URLs of the project's own trees, in order, and ``ahead`` how many of the choices come before each;
    where it says nothing they come last. ``heading`` and ``notes`` are comments for people, before and after the list.
    ``level`` is FRESH for a monopoly and for the vault, whatever the public mirrors are like.
    """

    query: Query
    client: Client
    choices: tuple[Choice, ...]
    rejected: tuple[Rejected, ...]
    fallbacks: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    heading: tuple[str, ...] = ()
    level: FallbackLevel = FallbackLevel.FRESH
    ahead: tuple[int, ...] = ()

    @property
    def in_order(self) -> list[tuple[str, Choice | None]]:
        """Every URL, best first, with the choice that it is of; None for the project's own."""
        rows: list[tuple[str, Choice | None]] = [(choice.url, choice) for choice in self.choices]
        ahead = self.ahead or (len(rows),) * len(self.fallbacks)
        for at, url in reversed(list(zip(ahead, self.fallbacks, strict=True))):
            rows.insert(at, (url, None))
        return rows
