"""Lists the mirrors of a module: over rsync where they offer it, single files over the web where they do not."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from mirrorlist.checks.deadline import Clock
from mirrorlist.checks.fetch import Fetch
from mirrorlist.checks.heads import Answer, Timeouts, ask, tree_of
from mirrorlist.checks.rsync_list import Bounds, NotListed
from mirrorlist.core.listed import Line, Refusal, Row, rsync_lines
from mirrorlist.core.listing import Listing, listing
from mirrorlist.core.model import Mirror, Protocol
from mirrorlist.indexing.steps import Outcome, Step
from mirrorlist.store.listings import Asked, Listings

LARGEST_FILES = 20
OTHER_FILES = 20
"""A mirror without a list is asked for so many files in a run: the largest, and others in turn."""
MOST_ASKED = 5000
"""Answers of one mirror that are kept, the newest."""

Rsync = Callable[[str, Bounds], Iterator[bytes]]
"""The lines of a mirror's rsync server, guarded; raises NotListed."""


@dataclass(frozen=True, slots=True)
class Ways:
    """How mirrors are reached, and how long that may take."""

    rsync: Rsync
    fetch: Fetch
    clock: Clock
    bounds: Bounds = field(default_factory=Bounds)
    timeouts: Timeouts = field(default_factory=Timeouts)


def sample(listings: Listings, turn: int) -> list[str]:
    """The files to ask for: the largest, and those whose turn it is.

    Raises:
        SnapshotError: there is no list of the origin.
    """
    largest = heapq.nlargest(LARGEST_FILES, listings.origin_files(), key=lambda file: file.size or 0)
    facts = listings.origin_facts()
    first = turn * OTHER_FILES % max(facts.files if facts else 0, 1)
    others = islice(listings.origin_files(), first, first + OTHER_FILES)
    return list(dict.fromkeys(file.path for file in (*largest, *others)))


def is_listed(mirror: Mirror, module: str) -> bool:
    """Whether a mirror offers a list of the module."""
    return Protocol.RSYNC in mirror.urls[module]


def list_mirror(listings: Listings, module: str, mirror: Mirror, ways: Ways, now: float) -> Step:
    """Lists a mirror over rsync; what it listed before stays where that fails."""
    url = mirror.urls[module][Protocol.RSYNC]
    refused: Counter[Refusal] = Counter()
    try:
        found = listing(url, now, _rows(rsync_lines(ways.rsync(url, ways.bounds)), refused))
    except NotListed as error:
        kept = listings.read(mirror.name) is not None
        return Step(module, mirror.name, Outcome.KEPT if kept else Outcome.FAILED, str(error))
    listings.write(mirror.name, replace(found, refused=refused.total()))
    told = "".join(f"; {count} lines left out: {reason.value}" for reason, count in refused.items())
    return Step(module, mirror.name, Outcome.LISTED, f"{len(found)} files over rsync{told}")


def _rows(lines: Iterable[Line], refused: Counter[Refusal]) -> Iterator[Row]:
    for line in lines:
        if isinstance(line, Row):
            yield line
        elif isinstance(line, Refusal):
            refused[line] += 1


def ask_mirror(listings: Listings, module: str, mirror: Mirror, paths: Sequence[str], ways: Ways, now: float) -> Step:
    """Asks a mirror without a list for single files, and keeps what it says beside what it said before."""
    tree = tree_of(mirror.urls[module])
    if tree is None:
        return Step(module, mirror.name, Outcome.FAILED, "it offers neither rsync nor http")
    answers = ask(tree, paths, ways.fetch, ways.clock, ways.timeouts)
    if not answers:
        return Step(module, mirror.name, Outcome.FAILED, "it answered none of the requests clearly")
    known = listings.asked(mirror.name) | {path: _asked(answer, now) for path, answer in answers.items()}
    newest = sorted(known, key=lambda path: -known[path].at)[:MOST_ASKED]
    listings.write_asked(mirror.name, {path: known[path] for path in newest})
    there = sum(answer.size >= 0 for answer in answers.values())
    return Step(module, mirror.name, Outcome.ASKED, f"it has {there} of {len(answers)} files")


def _asked(answer: Answer, now: float) -> Asked:
    return Asked(now, answer.size, answer.mtime)


def asked_listing(asked: dict[str, Asked], since: float) -> Listing | None:
    """What a mirror said of single files since a time; None if that is nothing."""
    rows = {path: Row(path.encode(), said.size, said.mtime) for path, said in asked.items() if said.at >= since}
    if not rows:
        return None
    return listing("single requests", max(asked[path].at for path in rows), rows.values(), complete=False)
