"""Builds the index of a module from the lists that are kept of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mirrorlist.core.errors import SnapshotError
from mirrorlist.core.file_index import Indexed, IndexFacts
from mirrorlist.core.file_index_build import IndexDraft
from mirrorlist.core.listing import Holdings, Listing, Tree, holdings, nothing_held
from mirrorlist.core.model import Mirror
from mirrorlist.core.sealed import Sealed
from mirrorlist.indexing.mirrors import asked_listing, is_listed
from mirrorlist.store.listings import Attempt, Listings


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

    A list older than ``allowed_seconds`` says nothing any more. A mirror that is outdated for longer than that has
    nothing that counts.

    Raises:
        SnapshotError: there is no list of the origin.
    """
    origin = listings.origin_facts()
    if origin is None:
        raise SnapshotError(f"there is no list of the origin's files of {module}; run mirrorlist update files")
    draft = IndexDraft(listings.origin_files(), len(mirrors))
    if len(draft.tree) != origin.files:
        told = (
            f"{len(draft.tree)} files of the origin are listed, not {origin.files}; run mirrorlist update files again"
        )
        raise SnapshotError(told)
    attempts = listings.attempts()
    indexed: list[Indexed] = []
    for number, mirror in enumerate(mirrors):
        found = _listing(listings, module, mirror, now - allowed_seconds)
        said, held = _judged(mirror.name, found, draft.tree, now - allowed_seconds, attempts)
        indexed.append(said)
        if held is not None:
            draft.add(number, held)
    facts = IndexFacts(module, now, origin.listed_at, origin.source, tuple(indexed), origin.links)
    return Built(facts, len(draft.tree), draft.sealed(facts))


def _listing(listings: Listings, module: str, mirror: Mirror, since: float) -> Listing | None:
    if is_listed(mirror, module):
        return listings.read(mirror.name)
    return asked_listing(listings.asked(mirror.name), since)


def _judged(
    name: str, found: Listing | None, tree: Tree, since: float, attempts: Mapping[str, Attempt]
) -> tuple[Indexed, Holdings | None]:
    attempt = attempts.get(name)
    why = attempt.error if attempt else "nobody has listed it yet"
    if found is None:
        return Indexed(name, why=why), None
    if found.listed_at < since:
        return Indexed(name, found.listed_at, found.complete, why=why or "its list is too old"), None
    held = holdings(tree, found)
    outdated = held.outdated_since
    if outdated is not None and outdated < since:
        return Indexed(name, found.listed_at, found.complete, 0, outdated, why), nothing_held(tree)
    return Indexed(name, found.listed_at, found.complete, int(held.having.sum()), None, why), held
