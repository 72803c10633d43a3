"""List the mirrors of a module: over rsync where they offer it, else single files over the web."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice

from mirrorlist.checks.fetching.fetch import Fetch
from mirrorlist.checks.fetching.result import Clock
from mirrorlist.checks.probing.one_byte import Timeouts, ask, tree_of
from mirrorlist.checks.probing.rsync import Bounds, NotListed
from mirrorlist.core.files.build import IndexDraft
from mirrorlist.core.files.index import File
from mirrorlist.core.files.list_parser import Line, ListedFile, Refusal, SymbolicLink, rsync_lines
from mirrorlist.core.files.mirror_listing import ABSENT, UNKNOWN, Listing, listing
from mirrorlist.core.health.elsewhere import NOWHERE, Elsewhere
from mirrorlist.core.model import Mirror, Protocol
from mirrorlist.core.updates import UpdateOutcome, UpdateResult
from mirrorlist.store.listings import FileObservation, Listings

LARGEST_FILES = 20
OTHER_FILES = 20
"""Files per run that a mirror without a list is asked for: the largest, and others in turn."""
BESIDE_A_LIST = 5
"""Of each kind for a mirror with a list: its web server may not serve what its rsync server lists."""
ASKED_AGAIN = 10
"""Files per run that are asked for again because a mirror lists them but its web server refused them."""
BEYOND_A_LIST = 20
"""Files per run, in turn, that a mirror's list says nothing about."""
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


Sizes = dict[str, int | None]
"""Paths of the origin's files to their sizes, where these are known."""


def sample(listings: Listings, turn: int) -> tuple[list[File], list[File]]:
    """The files to ask for: the largest, and those whose turn it is.

    Raises:
        SnapshotError: there is no list of the origin.
    """
    largest = heapq.nlargest(LARGEST_FILES, listings.origin_files(), key=lambda file: file.size or 0)
    facts = listings.origin_facts()
    first = turn * OTHER_FILES % max(facts.files if facts else 0, 1)
    return largest, list(islice(listings.origin_files(), first, first + OTHER_FILES))


def wanted_of(listings: Listings, mirror: Mirror, drawn: tuple[list[File], list[File]], counts: bool) -> Sizes:
    """The files of a sample that a mirror is asked for; few where it has a list that ``counts``, and again those
    that it refused."""
    largest, others = drawn
    if not counts:
        return {file.path: file.size for file in (*largest, *others)}
    known = {file.path: file.size for file in (*largest, *others)}
    refused = [path for path, said in listings.asked(mirror.name).items() if said.size == ABSENT][:ASKED_AGAIN]
    spread = others[:: max(len(others) // BESIDE_A_LIST, 1)][:BESIDE_A_LIST]
    few = [file.path for file in (*largest[:BESIDE_A_LIST], *spread)]
    return {path: known.get(path) for path in dict.fromkeys((*refused, *few))}


def beyond(draft: IndexDraft, found: Listing, turn: int) -> Sizes:
    """The files that a mirror's list says nothing about, as many as are asked for in a turn."""
    numbers = draft.unlisted(found).nonzero()[0]
    if not len(numbers):
        return {}
    first = turn * BEYOND_A_LIST % len(numbers)
    return {draft.path(int(number)): draft.size(int(number)) for number in numbers[first : first + BEYOND_A_LIST]}


# The places that a list of files cannot see into: links, closed directories, and lines that nobody understands.
#
# Below such a place a mirror may have everything or nothing. Its web server, which clients meet, can be asked.

MOST_UNSEEN = 10_000
"""With more such places, whatever is not in a list counts as unknown."""
BLIND = (Refusal.FORMAT, Refusal.SIZE)
"""Lines that may have been files."""


@dataclass(slots=True)
class Sight:
    """Reads the lines of one list. ``refused`` counts what was left out of it, by reason."""

    refused: Counter[Refusal] = field(default_factory=Counter)
    _links: set[bytes] = field(default_factory=set)
    _directories: dict[bytes, bool] = field(default_factory=dict)
    _parents: set[bytes] = field(default_factory=set)

    def rows(self, lines: Iterable[Line]) -> Iterator[ListedFile]:
        """The files among the lines; the rest is noted."""
        parent: bytes | None = None
        for line in lines:
            if isinstance(line, Refusal):
                self.refused[line] += 1
                continue
            if line is None:
                continue
            if line.path:  # the tree itself is in no directory of its list
                above = line.path.rpartition(b"/")[0]
                if above != parent:
                    self._parents.add(above)
                    parent = above
            if isinstance(line, ListedFile):
                yield line
            elif isinstance(line, SymbolicLink):
                self._links.add(line.path)
            else:
                self._directories[line.path] = line.is_open

    @property
    def unseen(self) -> tuple[bytes, ...]:
        """The paths at and below which the list says nothing: links, and empty directories that were closed."""
        all_are_doubtful = self.refused[Refusal.UNREAD] > 0
        empty = (
            path
            for path, is_open in self._directories.items()
            if path not in self._parents and (all_are_doubtful or not is_open)
        )
        return tuple(sorted({*self._links, *empty})[:MOST_UNSEEN])

    @property
    def is_whole(self) -> bool:
        """Whether a file that is neither in the list nor below an unseen path is not there."""
        return len(self.unseen) < MOST_UNSEEN and not any(self.refused[reason] for reason in BLIND)


def is_listed(mirror: Mirror, module: str) -> bool:
    """Whether a mirror offers a list of the module."""
    return Protocol.RSYNC in mirror.urls[module]


def list_mirror(listings: Listings, module: str, mirror: Mirror, ways: Ways, now: float) -> UpdateResult:
    """Lists a mirror over rsync; what it listed before stays where that fails."""
    url = mirror.urls[module][Protocol.RSYNC]
    sight = Sight()
    try:
        found = listing(url, now, sight.rows(rsync_lines(ways.rsync(url, ways.bounds))))
    except NotListed as error:
        kept = listings.read(mirror.name) is not None
        return UpdateResult(mirror.name, UpdateOutcome.KEPT if kept else UpdateOutcome.FAILED, str(error), module)
    unseen = sight.unseen
    found = replace(found, complete=sight.is_whole, refused=sight.refused.total(), unseen=unseen)
    listings.write(mirror.name, found)
    told = "".join(f"; {count} lines left out: {reason.value}" for reason, count in sight.refused.items())
    told += f"; nothing is known below {len(unseen)} links and closed directories" if unseen else ""
    return UpdateResult(mirror.name, UpdateOutcome.LISTED, f"{len(found)} files over rsync{told}", module)


def ask_mirror(
    listings: Listings,
    module: str,
    mirror: Mirror,
    wanted: Sizes,
    ways: Ways,
    now: float,
    elsewhere: Elsewhere = NOWHERE,
    user_agent: str | None = None,
) -> UpdateResult:
    """Asks a mirror for single files over the web, and keeps what it says beside what it said before."""
    tree = tree_of(mirror.urls[module])
    if tree is None:
        return UpdateResult(mirror.name, UpdateOutcome.FAILED, "it offers no http", module)
    answers = ask(tree, wanted, ways.fetch, ways.clock, ways.timeouts, elsewhere, user_agent)
    if not answers:
        return UpdateResult(mirror.name, UpdateOutcome.FAILED, "it answered none of the requests clearly", module)
    observed = {path: FileObservation(now, each.size, each.mtime, each.why) for path, each in answers.items()}
    known = listings.asked(mirror.name) | observed
    newest = sorted(known, key=lambda path: -known[path].at)[:MOST_ASKED]
    listings.write_asked(mirror.name, {path: known[path] for path in newest})
    # how many files are there, and how many of these are not the origin's; a few that are not there, and why
    there = {path: answer.size for path, answer in answers.items() if answer.size != ABSENT}
    fit = sum(size in (UNKNOWN, wanted[path]) or wanted[path] is None for path, size in there.items())
    told = f"it has {fit} of {len(answers)} files that it was asked for"
    told += f"; {len(there) - fit} more have another size" if fit < len(there) else ""
    reasons = Counter(answer.why.partition(": ")[0] for answer in answers.values() if answer.why)
    told += "".join(f"; {count} times: {why}" for why, count in reasons.items())
    return UpdateResult(mirror.name, UpdateOutcome.ASKED, told, module)
