"""Explain why a mirror counts as having a file, or not: from the index, and from the list behind it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from mirrorlist.core.errors import SnapshotError
from mirrorlist.core.files.build import IndexDraft
from mirrorlist.core.files.index import File, FileIndex, Holding, Indexed
from mirrorlist.core.files.mirror_listing import ABSENT, UNKNOWN, Listing, path_key
from mirrorlist.core.health.verdicts import Family
from mirrorlist.core.model import SERVED_STATUSES, WEB_PROTOCOLS, Mirror, Query, RepositoryTarget
from mirrorlist.core.owners.network_report import Held
from mirrorlist.core.reasons import Reason
from mirrorlist.core.selection.known_files import RepositoryLocator, located
from mirrorlist.core.selection.usability import UsableWays, usability_by
from mirrorlist.core.snapshot import Snapshot
from mirrorlist.indexing.mirrors import is_listed
from mirrorlist.indexing.weighing import Evidence, asked_listing, doubts_of, weighed
from mirrorlist.store.listings import Listings


@dataclass(frozen=True, slots=True)
class FileStanding:
    """The state of one file on one mirror, and why; ``listed_at`` is when that was seen, None for never.

    ``checked`` is how deep the prober checked what decides about the file.
    """

    mirror: Mirror
    holding: Holding
    why: str
    listed_at: float | None
    checked: str = ""


def standings(snapshot: Snapshot, index: FileIndex, number: int, listings: Listings) -> list[FileStanding]:
    """Every mirror of the snapshot that carries the module: those that have the file first."""
    file, holders, module = index.file(number), index.holders(number), index.facts.module
    indexed = {said.name: said for said in index.facts.mirrors}
    query, ways = query_of(snapshot, module, file.path), UsableWays(snapshot.mirrors, snapshot.facts.health)
    usable = {family: usability_by(ways, query, family) for family in Family}
    rows = []
    for at, mirror in enumerate(snapshot.mirrors):
        if module in mirror.urls:
            # why the prober or a person keeps it out of answers for the file, to clients of each family
            left_out = {family: of.reasons[at] for family, of in usable.items() if not of.urls[at]}
            row = _standing(mirror, holders.of(at), indexed.get(mirror.name), file, listings, module)
            rows.append(_told(row, left_out))
    order = list(Holding)
    return sorted(rows, key=lambda row: (order.index(row.holding), row.mirror.name))


def query_of(snapshot: Snapshot, module: str, path: str) -> Query:
    """The query for a file that the index of a module has."""
    query = Query(RepositoryTarget("", "", module, path, False, ()), None, WEB_PROTOCOLS, file=path)
    return located(snapshot, RepositoryLocator(snapshot.facts.service.catalogue), query, snapshot.facts.built_at)


def _told(row: FileStanding, left_out: Mapping[Family, Reason | None]) -> FileStanding:
    """The standing, with what keeps a mirror out although its list is no reason to: for all, or over one family."""
    if row.holding is Holding.LACKS or row.mirror.status not in SERVED_STATUSES:
        return row
    told = {family: reason.value for family, reason in left_out.items() if reason not in (None, Reason.PROTOCOL)}
    is_for_all = len(told) == len(Family) and len({*told.values()}) == 1
    parts = [f"left out{'' if is_for_all else f' over {family}'}: {why}" for family, why in told.items()]
    return replace(row, why="; ".join(part for part in (row.why, *(parts[:1] if is_for_all else parts)) if part))


def _standing(
    mirror: Mirror, holding: Holding, said: Indexed | None, file: File, listings: Listings, module: str
) -> FileStanding:
    listed_at = said.listed_at if said else None
    if holding is Holding.HAS:
        why = said.why if said is not None else ""
        if said is not None and why:
            why = f"its list was not renewed: {why}" if said.complete else f"it was asked; it has no list: {why}"
        return FileStanding(mirror, holding, why, listed_at)
    if holding is Holding.UNKNOWN:
        return FileStanding(mirror, holding, _why_unknown(mirror, said, module), listed_at)
    if said is not None and said.outdated_since is not None:
        why = f"outdated: it has not followed the origin since {_day(said.outdated_since)}"
        return FileStanding(mirror, holding, why, listed_at)
    answer = listings.asked(mirror.name).get(file.path)
    if answer is not None and answer.size == ABSENT:
        why = f"it was asked, and does not have it{f': {answer.why}' if answer.why else ''}"
        return FileStanding(mirror, holding, why, listed_at)
    found = listings.read(mirror.name) if is_listed(mirror, module) else None
    if found is None or (answer is not None and answer.at >= found.listed_at):
        found = asked_listing(listings.asked(mirror.name), 0)
    return FileStanding(mirror, holding, _why_lacking(file, found), listed_at)


def _why_unknown(mirror: Mirror, said: Indexed | None, module: str) -> str:
    if mirror.status not in SERVED_STATUSES:
        return f"it is not served: {mirror.status.value}"
    if said is None:
        return "it is new since the last mirrorlist update files"
    if said.listed_at is not None and not said.complete and not said.why:
        no_list = "it offers no rsync"
        if is_listed(mirror, module):
            what = "its list has lines that nobody understands"
            no_list = "its web server contradicts its list" if said.doubted else what
        return f"{no_list}, and it was not asked for this file"
    if said.listed_at is not None and said.complete and not said.why:
        return "its list ends at a link or a closed directory, and it was not asked for this file"
    return said.why or "nobody has listed it yet"


def _why_lacking(file: File, found: Listing | None) -> str:
    if found is None:
        return "not in its list"
    key = path_key(file.path.encode())
    at = int(np.searchsorted(found.keys, np.uint64(key)))
    if at == len(found) or int(found.keys[at]) != key:
        return "not in its list"
    size, mtime = int(found.sizes[at]), int(found.mtimes[at])
    if size == ABSENT:
        return "it was asked, and does not have it"
    if size not in (UNKNOWN, file.size) and file.size is not None:
        return f"it has {size} bytes, the origin {file.size}"
    if mtime != UNKNOWN and file.mtime is not None and mtime < file.mtime:
        return f"its file is of {_day(mtime)}, the origin's of {_day(file.mtime)}"
    return "it has changed since the index was built"


def _day(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M")


def held_by(state_dir: Path, modules: Iterable[str], mirrors: Iterable[Mirror]) -> dict[str, Held]:
    """What mirrors hold of all modules that they carry and that were listed; who has no whole list is left out."""
    found: dict[str, Held] = {}
    known = tuple(mirrors)
    for module in modules:
        listings = Listings(state_dir, module)
        try:
            draft = IndexDraft(listings.origin_files(), 0)
        except SnapshotError:
            continue

        def evidence(mirror: Mirror, module: str = module, listings: Listings = listings) -> Evidence:
            listed = listings.read(mirror.name) if module in mirror.urls else None
            return Evidence(listed if listed is not None and listed.complete else None, listings.asked(mirror.name))

        doubts = doubts_of(draft, map(evidence, known), 0.0)
        for mirror in known if len(draft.tree) else ():
            seen = evidence(mirror)
            held = weighed(draft, seen, doubts.by_size)
            if seen.listed is not None and held.held is not None and not held.doubted:
                former = found.get(mirror.name, Held(0, 0, seen.listed.listed_at))
                has = former.has + int((held.held.having & held.held.known).sum())
                since = min(former.listed_at, seen.listed.listed_at)
                found[mirror.name] = Held(has, former.of + len(draft.tree), since)
    return found
