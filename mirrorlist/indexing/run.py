"""Run over the modules: list the origin, list or ask the mirrors, and build the index."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

from mirrorlist.checks.probing.one_byte import tree_of
from mirrorlist.core.catalogue.service import Service
from mirrorlist.core.container import Sealed
from mirrorlist.core.errors import MirrorlistError, OriginError, SnapshotError
from mirrorlist.core.files.build import IndexDraft
from mirrorlist.core.files.index import Indexed, IndexFacts
from mirrorlist.core.files.mirror_listing import Holdings, Listing, nothing_held
from mirrorlist.core.health.elsewhere import elsewhere
from mirrorlist.core.health.probe_plan import agents_for
from mirrorlist.core.model import Mirror, Status
from mirrorlist.core.rules import is_carrier
from mirrorlist.core.updates import UpdateOutcome, UpdateResult
from mirrorlist.files_on_disk import alone
from mirrorlist.indexing.mirrors import Sizes, Ways, ask_mirror, beyond, is_listed, list_mirror, sample, wanted_of
from mirrorlist.indexing.origin import OriginFiles, Rsync, list_origin, place_of
from mirrorlist.indexing.weighing import Doubts, Evidence, doubts_of, weighed
from mirrorlist.store.index_files import prune_indexes, write_index
from mirrorlist.store.listings import DIRECTORY, Attempt, Listings

ORIGIN = "the origin"
TOO_OLD = "its list is too old"


@dataclass(frozen=True, slots=True)
class Built:
    """An index, and what it says of itself."""

    facts: IndexFacts
    files: int
    index: Sealed


def build_index(
    listings: Listings, module: str, mirrors: Sequence[Mirror], allowed_seconds: float, now: float
) -> Built:
    """The index of what the origin and the mirrors listed.

    A list or an answer older than ``allowed_seconds`` says nothing any more. A mirror that is outdated for longer than
    that has nothing that counts.

    Raises:
        SnapshotError: there is no list of the origin.
    """
    origin, since = listings.origin_facts(), now - allowed_seconds
    if origin is None:
        raise SnapshotError(f"there is no list of the origin's files of {module}; run mirrorlist update files")
    draft = IndexDraft(listings.origin_files(), len(mirrors))
    if len(draft.tree) != origin.files:
        told = (
            f"{len(draft.tree)} files of the origin are listed, not {origin.files}; run mirrorlist update files again"
        )
        raise SnapshotError(told)
    doubts = doubts_of(draft, (_evidence(listings, module, each, since)[0] for each in mirrors), since)
    attempts = listings.attempts()
    indexed: list[Indexed] = []
    for number, mirror in enumerate(mirrors):
        said, held = _judged(draft, mirror.name, _evidence(listings, module, mirror, since), doubts, since, attempts)
        indexed.append(said)
        if held is not None:
            draft.add(number, held)
    facts = IndexFacts(module, now, origin.listed_at, origin.source, tuple(indexed), origin.links, doubts.remarks)
    return Built(facts, len(draft.tree), draft.sealed(facts))


def _evidence(listings: Listings, module: str, mirror: Mirror, since: float) -> tuple[Evidence, Listing | None]:
    """What counts of a mirror, and its last list, which may be too old to count."""
    listed = listings.read(mirror.name) if is_listed(mirror, module) else None
    answers = {path: said for path, said in listings.asked(mirror.name).items() if said.at >= since}
    return Evidence(listed if listed is not None and listed.listed_at >= since else None, answers), listed


def _judged(
    draft: IndexDraft,
    name: str,
    known: tuple[Evidence, Listing | None],
    doubts: Doubts,
    since: float,
    attempts: Mapping[str, Attempt],
) -> tuple[Indexed, Holdings | None]:
    found, last = known
    attempt = attempts.get(name)
    looked = last is not None or bool(found.asked)
    why = attempt.error if attempt else "" if looked else "nobody has listed it yet"
    if found.listed is None and not found.asked:
        listed_at = last.listed_at if last is not None else None
        too_old = TOO_OLD if last is not None else ""
        return Indexed(name, listed_at, last is None or last.complete, why=why or too_old), None
    result = weighed(draft, found, doubts.by_size)
    held = result.held
    if held is None:
        return Indexed(name, why=why), None
    outdated = held.outdated_since if held.outdated_since is not None and held.outdated_since < since else None
    if outdated is not None:
        held = nothing_held(draft.tree)
    listed_at = found.listed.listed_at if found.listed is not None else max(said.at for said in found.asked.values())
    said = Indexed(
        name,
        listed_at,
        found.listed is not None and found.listed.complete and not result.doubted,
        held=int((held.having & held.known).sum()),
        outdated_since=outdated,
        why=why or (TOO_OLD if last is not None and found.listed is None else ""),
        known=int(held.known.sum()),
        offset=held.offset if held.offset and held.offset != doubts.offset else None,
        asked=result.asked,
        wrong=result.wrong,
        doubted=result.doubted,
    )
    return said, held


LISTED_AT_ONCE = 4
"""Lists of half a million rows are held in memory while they come."""
ASKED_AT_ONCE = 16
TURN_SECONDS = 600.0
"""In which files of which mirrors without a list are asked for others."""
SPARE_LINES = 100_000
FORGOTTEN_SECONDS = 30 * 86_400.0


@dataclass(frozen=True, slots=True)
class IndexJob:
    """What a run is for: these modules, all that have a place to list by default, and perhaps one mirror only."""

    modules: tuple[str, ...] = ()
    mirror: str | None = None
    force: bool = False


@dataclass(frozen=True, slots=True)
class Indexing:
    """What runs work with. ``origin_rsync`` reaches the operator's own servers, ``ways`` the mirrors."""

    state_dir: Path
    service: Service
    mirrors: tuple[Mirror, ...]
    origin_rsync: Rsync
    ways: Ways
    now: Callable[[], float]

    def run(self, wanted: IndexJob) -> Iterator[UpdateResult]:
        """Does the work, and reports each step when it is done.

        Raises:
            MirrorlistError: another process updates the indexes of this state directory.
        """
        directory = self.state_dir / DIRECTORY
        busy = MirrorlistError(f"another process updates the indexes in {directory}; wait until it ends")
        with alone(directory / "lock", busy):
            for module in wanted.modules or self.service.modules:
                place = place_of(self.service, module, self.origin_rsync)
                if place is not None:
                    yield from self._module(module, place, wanted)
                elif wanted.modules:
                    yield UpdateResult(ORIGIN, UpdateOutcome.FAILED, f"nothing names its files; {REMEDY}", module)
            prune_indexes(self.state_dir, self.now())

    def carrying(self, module: str) -> tuple[Mirror, ...]:
        """The mirrors of a module that clients may be sent to."""
        return tuple(mirror for mirror in self.mirrors if is_carrier(mirror, module))

    def joining(self, module: str) -> tuple[Mirror, ...]:
        """The mirrors that copy a module and can be listed: no client is sent there, but people ask how far."""
        syncing = (each for each in self.mirrors if module in each.urls and each.status is Status.SYNCING)
        return tuple(each for each in syncing if is_listed(each, module))

    def steps(self, wanted: IndexJob) -> int:
        """How many steps a run reports at most."""
        modules = wanted.modules or tuple(self.service.modules)
        each = (1 if wanted.mirror else len(self.carrying(module) + self.joining(module)) for module in modules)
        return 2 * sum(each) + 2 * len(modules)

    def _module(self, module: str, place: OriginFiles, wanted: IndexJob) -> Iterator[UpdateResult]:
        listings = Listings(self.state_dir, module)
        carrying, joining = self.carrying(module), self.joining(module)
        if wanted.mirror is None or listings.origin_facts() is None:
            yield self._origin(listings, module, place, wanted.force)
        if listings.origin_facts() is None:
            return
        chosen = [mirror for mirror in carrying + joining if wanted.mirror in (None, mirror.name)]
        # mirrors with a list first, few at once; then all are asked for single files
        attempts = listings.attempts()
        failed: dict[str, bool] = {}
        for step in chain(self._listed(listings, module, chosen), self._asked(listings, module, chosen, failed)):
            if step.what not in failed:  # how its list went, where it has one: the answers are beside that
                failed[step.what] = step.outcome in (UpdateOutcome.FAILED, UpdateOutcome.KEPT)
                attempts[step.what] = Attempt(self.now(), step.detail if failed[step.what] else "")
            yield step
        listings.write_attempts(attempts)
        try:
            built = build_index(listings, module, carrying, self.service.allowed_outdate_seconds, self.now())
        except SnapshotError as error:
            yield UpdateResult(ORIGIN, UpdateOutcome.FAILED, str(error), module)
            return
        write_index(self.state_dir, module, built.index)
        if wanted.mirror is None:
            listings.forget([mirror.name for mirror in carrying + joining], self.now() - FORGOTTEN_SECONDS)
        known = sum(mirror.listed_at is not None for mirror in built.facts.mirrors)
        for remark in built.facts.remarks:
            yield UpdateResult(ORIGIN, UpdateOutcome.WARNING, remark, module)
        told = f"the index of {built.files} files, with {known} of {len(carrying)} mirrors"
        yield UpdateResult("", UpdateOutcome.BUILT, told, module)

    def _origin(self, listings: Listings, module: str, place: OriginFiles, force: bool) -> UpdateResult:
        try:
            told = list_origin(listings, self.service, module, place, self.now(), force)
        except OriginError as error:
            outcome = UpdateOutcome.FAILED if listings.origin_facts() is None else UpdateOutcome.KEPT
            return UpdateResult(ORIGIN, outcome, str(error), module)
        return UpdateResult(ORIGIN, UpdateOutcome.LISTED, told, module)

    def _listed(self, listings: Listings, module: str, mirrors: Sequence[Mirror]) -> Iterator[UpdateResult]:
        listed = [mirror for mirror in mirrors if is_listed(mirror, module)]
        # no mirror's list may be much longer than the origin's: a stranger could fill the memory with it
        origin = listings.origin_facts()
        lines = min(self.ways.bounds.lines, 2 * (origin.files if origin else 0) + SPARE_LINES)
        ways = replace(self.ways, bounds=replace(self.ways.bounds, lines=lines))
        with ThreadPoolExecutor(LISTED_AT_ONCE) as pool:
            yield from pool.map(lambda mirror: list_mirror(listings, module, mirror, ways, self.now()), listed)

    def _asked(
        self, listings: Listings, module: str, mirrors: Sequence[Mirror], failed: Mapping[str, bool]
    ) -> Iterator[UpdateResult]:
        asked = [
            mirror
            for mirror in mirrors
            if is_carrier(mirror, module)
            and (not is_listed(mirror, module) or tree_of(mirror.urls[module]) is not None)
        ]
        if not asked:
            return
        wanted = self._wanted(listings, module, asked, failed)
        others = elsewhere(self.service, self.mirrors)
        agent = agents_for(self.service.catalogue, module)[0].user_agent

        def ask(mirror: Mirror) -> UpdateResult:
            own = others.but_for(mirror)
            return ask_mirror(listings, module, mirror, wanted[mirror.name], self.ways, self.now(), own, agent)

        with ThreadPoolExecutor(ASKED_AT_ONCE) as pool:
            yield from pool.map(ask, asked)

    def _wanted(
        self, listings: Listings, module: str, mirrors: Sequence[Mirror], failed: Mapping[str, bool]
    ) -> dict[str, Sizes]:
        """What each mirror is asked for: all of the sample where it has no list, or that failed."""
        turn = int(self.now() // TURN_SECONDS)
        drawn = sample(listings, turn)
        draft: IndexDraft | None = None
        found: dict[str, Sizes] = {}
        for mirror in mirrors:
            listed = listings.read(mirror.name) if is_listed(mirror, module) else None
            good = listed is not None and not failed.get(mirror.name, True)
            found[mirror.name] = wanted_of(listings, mirror, drawn, good)
            if listed is not None and good and (listed.unseen or not listed.complete):
                draft = draft or IndexDraft(listings.origin_files(), 0)
                found[mirror.name] |= beyond(draft, listed, turn)
        return found


REMEDY = "write origin with a directory, modules.<module>.rsync, or file_lists into service.yml"
