"""A filter: the mirrors that a client wants or does not want, and what is given up where nobody is left."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

NOTES = {
    "countries": "no mirror in the countries asked for has this; the usual order follows",
    "only": "no mirror of those asked for has this; the usual order follows",
    "avoid_countries": "no mirror outside the countries to avoid has this; the usual order follows",
    "avoid": "only mirrors to avoid have this; the usual order follows",
}
"""The note for people on each part that is given up."""
_GIVEN_UP = (
    (), ("countries",), ("only",), ("countries", "only"), ("countries", "only", "avoid_countries"),
    ("countries", "only", "avoid_countries", "avoid"),
)  # fmt: skip
"""What is given up, step by step: an answer with somebody else helps more than none, and a mirror that does not work
for the client helps least."""


@dataclass(frozen=True, slots=True)
class Filter:
    """``countries`` and ``only`` name what is wanted, if anything; ``avoid_countries`` and ``avoid`` what is not.

    Countries are codes in upper case. ``only`` and ``avoid`` are hosts or names of mirrors in lower case.
    """

    countries: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    avoid_countries: tuple[str, ...] = ()
    avoid: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.countries or self.only or self.avoid_countries or self.avoid)

    def steps(self) -> Iterator[tuple[Filter, tuple[str, ...]]]:
        """The filter itself and what is left of it step by step, with notes on what was given up; at last nothing."""
        seen: set[Filter] = set()
        for names in _GIVEN_UP:
            left = replace(self, **dict.fromkeys(names, ()))
            if left not in seen:
                seen.add(left)
                yield left, tuple(NOTES[name] for name in names if getattr(self, name))

    def allows(self, tree: str) -> bool:
        """Whether the project's own tree at a URL may be given: its host counts, and it has no country."""
        return not is_at((tree,), starts(self.avoid)) and (not self.only or is_at((tree,), starts(self.only)))


NO_FILTER = Filter()


def starts(hosts: Iterable[str]) -> tuple[str, ...]:
    """How URLs at the hosts begin behind the scheme, whatever the port."""
    return tuple(f"//{host}{end}" for host in hosts for end in "/:")


def is_at(urls: Iterable[str], starts: tuple[str, ...]) -> bool:
    """Whether one of the URLs is at one of the hosts that begin so."""
    return any(url.lower().startswith(starts, url.find("//")) for url in urls)
