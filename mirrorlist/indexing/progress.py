"""How much of the origin each mirror has, from the lists that are kept; also of mirrors that are not served yet."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from mirrorlist.core.errors import SnapshotError
from mirrorlist.core.file_index_build import IndexDraft
from mirrorlist.core.listing import holdings
from mirrorlist.core.model import Mirror
from mirrorlist.core.network_report import Held
from mirrorlist.store.listings import Listings


def held_by(state_dir: Path, modules: Iterable[str], mirrors: Iterable[Mirror]) -> dict[str, Held]:
    """What mirrors hold of all modules that they carry and that were listed; who has no whole list is left out."""
    found: dict[str, Held] = {}
    known = tuple(mirrors)
    for module in modules:
        listings = Listings(state_dir, module)
        try:
            tree = IndexDraft(listings.origin_files(), 0).tree
        except SnapshotError:
            continue
        for mirror in known:
            listing = listings.read(mirror.name) if module in mirror.urls and len(tree) else None
            if listing is not None and listing.complete:
                former = found.get(mirror.name, Held(0, 0, listing.listed_at))
                has = former.has + int(holdings(tree, listing).having.sum())
                found[mirror.name] = Held(has, former.of + len(tree), min(former.listed_at, listing.listed_at))
    return found
