"""What a new generation takes over from the former one while the database, which knows more, cannot be asked.

A database that is away, or that was lost and begins anew, must not look like a world without checksums in which
every mirror is good.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from mirrorlist.core.catalogue import Catalogue, published
from mirrorlist.core.model import Mirror, RepoMetadata
from mirrorlist.core.usability import HealthTable


def carried_metadata(
    found: Mapping[str, RepoMetadata], former: Mapping[str, RepoMetadata], catalogue: Catalogue
) -> dict[str, RepoMetadata]:
    """What was found, and of other paths that are still published what the former generation said."""
    paths = {each.path.replace("$basearch", arch or "") for each, arch in published(catalogue)}
    return {path: known for path, known in former.items() if path in paths} | dict(found)


def carried_health(former: HealthTable, were: Sequence[Mirror], mirrors: Sequence[Mirror]) -> HealthTable:
    """The former table for these mirrors; ``were`` are those that it is of. Of a new mirror nothing is known."""
    numbers = {mirror.name: number for number, mirror in enumerate(were)}
    order = [numbers.get(mirror.name) for mirror in mirrors]
    out = set(former.out)
    return HealthTable(
        holds={path: _reordered(column, order) for path, column in former.holds.items()},
        bad_reach={key: _reordered(column, order) for key, column in former.bad_reach.items()},
        out=tuple(number for number, was in enumerate(order) if was in out),
        overrides=former.overrides,
        since={key: _moments(column, order) for key, column in former.since.items()},
        dead_trees=former.dead_trees,
        holds_over={key: _reordered(column, order) for key, column in former.holds_over.items()},
    )


def _reordered(column: bytes, order: Iterable[int | None]) -> bytes:
    return bytes(0 if was is None else column[was] for was in order)


def _moments(column: bytes, order: Iterable[int | None]) -> bytes:
    """The same for columns of four bytes a mirror."""
    return b"".join(bytes(4) if was is None else column[4 * was : 4 * was + 4] for was in order)
