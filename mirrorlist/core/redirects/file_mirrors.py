"""One file for one client: its metadata, and the mirrors that have it, best first.

core/selection/select.py decides, as for lists, so a list, a metalink and a redirect agree. A file adds to it: its
repository's health counts, mirrors that are known to lack it are left out, and the project's own trees are asked
where no mirror is good, or where a tree's metadata comes from the origin.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from mirrorlist.core.catalogue.trees import MetadataFrom, RedirectTree, TreePath
from mirrorlist.core.errors import NotFound, NotReady
from mirrorlist.core.files.metadata_files import fits_one, lists_others
from mirrorlist.core.filter import NO_FILTER, Filter
from mirrorlist.core.health.verdicts import Family
from mirrorlist.core.mirror import is_on, is_public
from mirrorlist.core.model import WEB_PROTOCOLS, Client, FallbackLevel, Mirror, Protocol, Query, RepositoryTarget
from mirrorlist.core.reasons import Reason
from mirrorlist.core.selection.answer import Choice, Rejected, Selection
from mirrorlist.core.selection.fallbacks import last_resorts
from mirrorlist.core.selection.known_files import (
    APT_METADATA,
    FileMetadata,
    RepositoryLocator,
    known_file,
    located,
    really,
)
from mirrorlist.core.selection.select import OUT_OF_REACH_NOTE, select
from mirrorlist.core.selection.usability import Exclusions, family_of
from mirrorlist.core.snapshot import Snapshot

RELAXED = "no mirror on the continent asked for has this; the usual order follows"
_PROVES_A_MATCH = frozenset(
    {
        Reason.PROTOCOL, Reason.UNREACHABLE, Reason.MISSING, Reason.WRONG, Reason.INCOMPLETE, Reason.STALE,
        Reason.LAGGING, Reason.SAME_ADDRESS,
        Reason.TAKEN_OUT, Reason.LIST_FULL, Reason.MONOPOLY, Reason.NO_FILE, Reason.AVOIDED, Reason.CONTINENT_ASKED,
        Reason.COUNTRY_ASKED, Reason.NOT_AMONG_ONLY, Reason.OUT_OF_REACH,
        Reason.NOT_REACHED_FROM,
    }
)  # fmt: skip
_TELLS_NOTHING = frozenset(
    {
        Reason.NOT_LIVE_YET, Reason.DECLINED, Reason.RETIRED, Reason.NOT_CARRIED, Reason.ADDRESS_REFUSED,
        Reason.CLAIM_REFUSED, Reason.NO_FILE,
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class FileQuery:
    """What a request asks for: a place, and what narrows the mirrors.

    ``protocols`` are those that the client may be sent to, the preferred one first; ``filter`` is which mirrors it
    wants; ``networks`` is whether the client's networks count.
    """

    place: TreePath
    protocols: tuple[Protocol, ...]
    filter: Filter = NO_FILTER
    family: Family | None = None
    networks: bool = True


@dataclass(frozen=True, slots=True)
class FileSource:
    """A URL of the file. ``mirror`` is None for a tree that the project keeps itself."""

    url: str
    mirror: Mirror | None


@dataclass(frozen=True, slots=True)
class FileSelection:
    """The answer for one file, or for one directory: where to get it, best first, and the selection behind it.

    ``known`` is None where nothing is known of the file.
    """

    place: TreePath
    known: FileMetadata | None
    sources: tuple[FileSource, ...]
    selection: Selection

    @property
    def choices(self) -> tuple[Choice, ...]:
        """The mirrors among the sources as they were chosen; none where the origin gives the file."""
        given = {source.mirror.name for source in self.sources if source.mirror is not None}
        return tuple(choice for choice in self.selection.choices if choice.mirror.name in given)

    @property
    def name(self) -> str:
        """The file's own name."""
        return self.place.path.rstrip("/").rpartition("/")[2]

    def after(self, turn: int) -> FileSelection:
        """The same, where this many sources go to the end: for a client that came back as often for the same file."""
        first = turn % len(self.sources)
        return replace(self, sources=(*self.sources[first:], *self.sources[:first]))

    @property
    def is_desperate(self) -> bool:
        """Whether the first source is a mirror that was good once, or is out of reach, for lack of a better one."""
        told = self.selection
        is_bad = told.level is FallbackLevel.LAST_KNOWN or OUT_OF_REACH_NOTE in told.notes
        return is_bad and self.sources[0].mirror is not None

    @property
    def shown(self) -> tuple[Rejected, ...]:
        """The mirrors that have the file and are left out, as far as this client may know of them.

        One that strangers do not get is among them only where its reason shows that this client is none.
        """
        return tuple(
            each
            for each in self.selection.rejected
            if each.reason not in _TELLS_NOTHING and (is_public(each.mirror) or each.reason in _PROVES_A_MATCH)
        )

    @property
    def lacking(self) -> int:
        """How many public mirrors are known not to have the file."""
        lacking = (each for each in self.selection.rejected if each.reason is Reason.NO_FILE)
        return sum(is_public(each.mirror) for each in lacking)


def offer(
    snapshot: Snapshot, belonging: RepositoryLocator, wanted: FileQuery, client: Client, now: float
) -> FileSelection:
    """The offer of a file or directory.

    Raises:
        NotFound: the index says that there is no such file, or nobody has it under a protocol that is wanted.
        NotReady: nobody can give it right now.
    """
    place = really(snapshot, wanted.place)
    wanted = replace(wanted, place=place)
    query = file_query(snapshot, belonging, wanted, now)
    without = left_out(snapshot, wanted)
    selection = select(snapshot, query, client, now, Exclusions(without, wanted.family))
    if place.continents and not selection.choices:
        selection = select(snapshot, query, client, now, Exclusions(family=wanted.family))
        selection = replace(selection, notes=(*selection.notes, RELAXED))
    sources = tuple(sources_of(snapshot, wanted, selection))
    if not sources:
        raise _nobody(snapshot, wanted)
    return FileSelection(place, known_file(snapshot, belonging, place), sources, selection)


def file_query(snapshot: Snapshot, belonging: RepositoryLocator, wanted: FileQuery, now: float) -> Query:
    """The query for a file; raises NotFound if the index says that there is no such file."""
    place = wanted.place
    module = place.tree.module
    target = RepositoryTarget("", "", module, place.quoted, belonging.is_in_vault(module, place.path), ())
    query = Query(
        target, None, wanted.protocols, wanted.filter, networks=wanted.networks, file=place.path, by_tree=True
    )
    return located(snapshot, belonging, query, now)


def left_out(snapshot: Snapshot, wanted: FileQuery) -> dict[int, Reason]:
    """The mirrors, by number, that are not on the continents that the address names."""
    continents = wanted.place.continents
    return {
        number: Reason.CONTINENT_ASKED
        for number, mirror in enumerate(snapshot.mirrors if continents else ())
        if not is_on(mirror, continents)
    }


def wanted_by(query: Query) -> FileQuery:
    """What a query for a list wants, as if a tree were asked for its path."""
    path = query.path if query.file is None else query.file
    place = TreePath(RedirectTree(prefix="/", module=query.target.module), path)
    return FileQuery(place, query.protocols, query.filter, networks=query.networks)


def sources_of(snapshot: Snapshot, wanted: FileQuery, selection: Selection) -> list[FileSource]:
    """The URLs of a selection that a redirector asked for, each once; those of the origin alone for its metadata."""
    family = wanted.family or family_of(selection.client)
    if not selection.query.target.vault and (urls := origin_urls(snapshot, wanted, family)):
        return _once(FileSource(url, None) for url in urls)
    return _once(FileSource(url, choice.mirror if choice else None) for url, choice in selection.in_order)


def _once(sources: Iterable[FileSource]) -> list[FileSource]:
    """Each URL once: the origin may be an ordinary mirror too."""
    found: dict[str, FileSource] = {}
    for source in sources:
        if source.url not in found or source.mirror is not None:
            found[source.url] = source
    return list(found.values())


def resort_urls(snapshot: Snapshot, wanted: FileQuery, family: Family | None) -> list[str]:
    """The URLs of a place in the project's own trees, as far as a client of a family may be sent there."""
    return [tree + wanted.place.quoted for tree in _resorts(snapshot, wanted, family)]


def origin_urls(snapshot: Snapshot, wanted: FileQuery, family: Family | None) -> list[str]:
    """The same for a file that the origin is to give; none while no such tree answers, or mirrors may give it."""
    if not comes_from_origin(wanted.place):
        return []
    trees = _resorts(snapshot, wanted, family)
    one_answers = any(tree not in snapshot.facts.health.dead_trees for tree in trees)
    return [tree + wanted.place.quoted for tree in trees] if one_answers else []


def _resorts(snapshot: Snapshot, wanted: FileQuery, family: Family | None) -> list[str]:
    allowed = tuple(f"{protocol}:" for protocol in wanted.protocols)
    return [tree for tree in last_resorts(snapshot, wanted.place.tree.module, family) if tree.startswith(allowed)]


def comes_from_origin(place: TreePath) -> bool:
    """Whether a file is one that its tree has the origin give: it points clients to others, or the operator says so."""
    if place.is_directory:
        return False
    if place.tree.from_origin and fits_one(place.path, place.tree.from_origin):
        return True
    if place.tree.metadata is MetadataFrom.MIRROR:
        return False
    if place.tree.metadata is MetadataFrom.ORIGIN:
        return lists_others(place.path)
    return place.path.rpartition("/")[2] in APT_METADATA


def _nobody(snapshot: Snapshot, wanted: FileQuery) -> NotFound | NotReady:
    offered: set[Protocol] = set()
    urls: Iterable[Mapping[Protocol, str]] = (
        mirror.urls.get(wanted.place.tree.module, {}) for mirror in snapshot.mirrors if is_public(mirror)
    )
    for each in urls:
        offered.update(each)
    if offered.intersection(WEB_PROTOCOLS) and not offered.intersection(wanted.protocols):
        return NotFound("nobody gives this by %(protocols)s", protocols=" / ".join(wanted.protocols))
    return NotReady("no mirror can give this right now; try again in a minute")
