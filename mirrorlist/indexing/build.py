"""Builds the index of a module from the lists that are kept of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mirrorlist.core.errors import SnapshotError
from mirrorlist.core.file_index import Indexed, IndexFacts
from mirrorlist.core.file_index_build import IndexDraft
from mirrorlist.core.listing import Holdings, Listing, nothing_held
from mirrorlist.core.model import Mirror
from mirrorlist.core.sealed import Sealed
from mirrorlist.indexing.mirrors import is_listed
from mirrorlist.indexing.weighing import Doubts, Evidence, doubts_of, weighed
from mirrorlist.store.listings import Attempt, Listings

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
