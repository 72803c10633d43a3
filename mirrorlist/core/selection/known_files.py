"""Metadata of a file as the origin has it, and the mirrors that have the path that a query asks for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from mirrorlist.core.catalogue.catalogue import Catalogue, directories, published, published_contents, published_images
from mirrorlist.core.catalogue.metadata import REPODATA
from mirrorlist.core.catalogue.trees import TreePath, quoted
from mirrorlist.core.content import content_key
from mirrorlist.core.errors import NotFound
from mirrorlist.core.files.index import SHA256_BYTES, FileIndex, FilePieces, Holders
from mirrorlist.core.filter import Filter, is_at, starts
from mirrorlist.core.health.columns import SyncState
from mirrorlist.core.mirror import countries_of
from mirrorlist.core.model import MAIN, Mirror, Query
from mirrorlist.core.reasons import Reason
from mirrorlist.core.selection.usability import Exclusions
from mirrorlist.core.snapshot import Snapshot

# Which repository a file lies in and which image it is, so that their health decides who may give it.


class RepositoryLocator:
    """The directories of one catalogue's repositories. Make one for each snapshot and keep it."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._by_module: dict[str, dict[str, str]] = {}
        self._named: dict[str, tuple[str, str, str]] = {}
        self._vault = frozenset(catalogue.vault_versions) if catalogue.vault_urls else frozenset[str]()
        self._plain = catalogue.plain.keys()
        every = published_contents(catalogue)
        found = [(each.module, each.path) for each in every if each.index]
        for each, arch in published(catalogue):
            found.append((each.module, each.path.replace("$basearch", arch or "")))
            self._named[content_key(*found[-1])] = each.repository, each.version, arch or ""
        for module, path in found:
            known = self._by_module.setdefault(module, {})
            known[path] = content_key(module, path)
            for name, version in catalogue.latest.items():
                if path.startswith(f"{version}/"):  # on mirrors 9 is a link to 9.8
                    known.setdefault(name + path.removeprefix(version), path)
        indexes = {each.key: each.index for each in every if each.index}
        self._described = {
            (module, path + indexes[key]): key
            for module, known in self._by_module.items()
            for path, key in known.items()
            if key in indexes
        }
        self._images = _images(catalogue)
        self._names: dict[tuple[str, str], frozenset[str]] = {
            (module, directory.rstrip("/")): frozenset(path.rpartition("/")[2] for path in paths)
            for module, known in self._images.items()
            for directory, paths in directories(path for path in known if not path.endswith("/")).items()
        }

    def repository(self, module: str, path: str) -> str | None:
        """The name of the innermost repository that a file or directory lies in; None if it lies in none."""
        known = self._by_module.get(module, {})
        end = len(path)
        while (end := path.rfind("/", 0, end)) >= 0:
            if found := known.get(path[: end + 1]):
                return found
        return known.get("")

    def named(self, module: str, path: str) -> tuple[str, str, str] | None:
        """Name, version and arch of the repository that a file lies in; without an arch it has those of all."""
        return self._named.get(self.repository(module, path) or "")

    def image(self, module: str, path: str) -> str | None:
        """The image that a path is, or the directory of images, as verdicts name it; None if it is neither."""
        return self._images.get(module, {}).get(path)

    def images_in(self, module: str, directory: str) -> frozenset[str]:
        """The names of the images right in a directory, which is spelled without a slash at its end."""
        return self._names.get((module, directory), frozenset())

    def judged(self, module: str, path: str) -> tuple[str | None, ...]:
        """The names whose verdicts count for a file or directory: its repository's, an image's, a plain tree's."""
        plain = content_key(module, "") if module in self._plain else None
        return self.repository(module, path), self.image(module, path), plain

    def described(self, module: str, path: str) -> str | None:
        """The name of the repository whose index, such as repomd.xml, a path is; None if it is none's."""
        return self._described.get((module, path))

    def is_in_vault(self, module: str, path: str) -> bool:
        """Whether a path is below a version that mirrors no longer carry."""
        return module == MAIN and path.partition("/")[0] in self._vault


def _images(catalogue: Catalogue) -> dict[str, dict[str, str]]:
    """By module and by every spelling of its path each image, and each directory of images."""
    by_module: dict[str, list[str]] = {}
    for module, path in published_images(catalogue):
        by_module.setdefault(module, []).append(path)
    found: dict[str, dict[str, str]] = {}
    for module, paths in by_module.items():
        known = found[module] = {path: path for path in (*paths, *directories(paths))}
        for name, version in catalogue.latest.items():
            for path in tuple(known) if name != version else ():
                if path == version or path.startswith(f"{version}/"):
                    known.setdefault(name + path.removeprefix(version), path)
    return found


APT_METADATA = frozenset({"InRelease", "Release", "Release.gpg"})
METADATA = APT_METADATA | {"repomd.xml", "repomd.xml.asc", "repomd.xml.key", "APKINDEX.tar.gz"}
METADATA_ENDS = (".db", ".db.sig", ".db.tar.gz", ".db.tar.gz.sig", ".files", ".files.sig")
YEAR_10000 = 253_402_300_800
"""No calendar goes farther."""


@dataclass(frozen=True, slots=True)
class Pieces:
    """The SHA-256 of each piece of a file; all but the last have this length in bytes."""

    length: int
    sha256: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileMetadata:
    """What is known of a file as the origin has it; digests are in hexadecimal. ``changes``: in place, so that a
    mirror may give an older one that is still good."""

    size: int | None = None
    mtime: int | None = None
    sha256: str | None = None
    sha512: str | None = None
    pieces: Pieces | None = None
    changes: bool = False


def really(snapshot: Snapshot, place: TreePath) -> TreePath:
    """The place with its path free of symbolic links, as far as an index knows them."""
    index = snapshot.files.get(place.tree.module)
    real = place.path if index is None else real_path(index, place.path)
    return place if real == place.path else replace(place, real=real)


def real_path(index: FileIndex, path: str) -> str:
    """A path free of symbolic links, as far as the index knows them."""
    if not index.facts.links:
        return path
    number = index.find(path) if path and not path.endswith("/") else None
    return index.real_path(path) if number is None else index.file(number).path


def changes_in_place(path: str) -> bool:
    """Whether a file lists others and is written again under the same name."""
    name = path.rpartition("/")[2]
    return name in METADATA or name.endswith(METADATA_ENDS)


def known_file(snapshot: Snapshot, belonging: RepositoryLocator, place: TreePath) -> FileMetadata | None:
    """What is known of the file: from the checksums of repository metadata, else from the index."""
    if place.is_directory:
        return None
    changes = changes_in_place(place.path)
    described = belonging.described(place.tree.module, place.path)
    if described and (metadata := snapshot.facts.metadata.get(described)):
        current = metadata.current
        return FileMetadata(
            size=current.size, mtime=current.timestamp, sha256=current.sha256, sha512=current.sha512, changes=True
        )
    index = snapshot.files.get(place.tree.module)
    number = None if index is None else index.find(place.path)
    if index is None or number is None:
        return None
    file = index.file(number)
    sha256 = file.sha256.hex() if file.sha256 else None
    mtime = file.mtime if file.mtime is not None and 0 <= file.mtime < YEAR_10000 else None
    sha512 = file.sha512.hex() if file.sha512 else None
    return FileMetadata(
        size=file.size, mtime=mtime, sha256=sha256, sha512=sha512, pieces=_pieces(file.pieces), changes=changes
    )


def _pieces(found: FilePieces | None) -> Pieces | None:
    if found is None:
        return None
    digests = found.sha256.hex()
    each = 2 * SHA256_BYTES
    return Pieces(found.length, tuple(digests[at : at + each] for at in range(0, len(digests), each)))


# Who has the path that a query asks for. Lists and redirects, answers for one address and for many, all ask here, so
# that none hands out what another leaves out.


def located(snapshot: Snapshot, belonging: RepositoryLocator, query: Query, now: float) -> Query:
    """The query with the verdicts that count for its path, and with the path as mirrors have it, free of links.

    Raises:
        NotFound: the index says that there is no such file or directory.
    """
    path, module = query.file, query.target.module
    if path is None:
        return query
    index = snapshot.files.get(module)
    target = query.target
    if index is not None:
        if is_there(index, path):
            target = replace(target, vault=False)
        elif not target.vault and not _may_be_newer(snapshot, index, path, belonging.repository(module, path), now):
            raise NotFound("there is no such file")
        real = real_path(index, path)
        if real != path:
            target, path = replace(target, path=quoted(real)), real
    judged = belonging.judged(module, path)
    within = judged if any(judged) else belonging.judged(module, query.file or "")
    return replace(query, target=target, file=path, within=within)


def is_there(index: FileIndex, path: str) -> bool:
    """Whether an index knows the file or directory at a path."""
    return (not _names_a_directory(path) and index.find(path) is not None) or index.entries(path) is not None


def _names_a_directory(path: str) -> bool:
    return not path or path.endswith("/")


def _may_be_newer(snapshot: Snapshot, index: FileIndex, path: str, repository: str | None, now: float) -> bool:
    """Whether an index that does not know a file may be wrong about it.

    A repository's metadata names its files by checksum, and mirrors hold older names for a while: what a client was
    just told of must not be 404 here. So it is while a change is newer than the index, or than the time that
    mirrors have for it; and for repodata always.
    """
    if repository is None:
        return False
    metadata = snapshot.facts.metadata.get(repository)
    if f"/{REPODATA}" in f"/{path}":
        return True
    if metadata is None:
        return False
    changed = metadata.first_seen
    return changed > index.facts.listed_at or changed + snapshot.policy.lag_grace_seconds > now


def narrowed(snapshot: Snapshot, query: Query, narrowing: Exclusions) -> Exclusions:
    """The narrowing, with what the query's filter leaves out, and what the index of files knows of the query's path.

    Mirrors that lack a file are left out of its answers whatever the level. Of a directory it is a matter of levels:
    first those that have every file in it, then those that have some of what is below it, then the others.
    """
    if query.filter and not query.target.vault:
        wanted, module = query.filter, query.target.module
        left_out = snapshot.kept((wanted, module), lambda: unwanted(wanted, snapshot.mirrors, module))
        narrowing = replace(narrowing, unwanted=left_out)
    index = snapshot.files.get(query.target.module)
    if query.file is None or index is None or query.target.vault:
        return narrowing
    holders = holders_of(index, query)
    if holders is not None:
        lacking = {number: Reason.NO_FILE for number in range(len(snapshot.mirrors)) if holders.lack(number)}
        return replace(narrowing, without={**narrowing.without, **lacking}) if lacking else narrowing
    if not _names_a_directory(query.file) and index.find(query.file) is not None:
        return narrowing
    # A byte of ``SyncState`` for each mirror: whether it has all files of a directory, some below it, or none.
    # In a repository the files come and go, and the prober judges: there all that have some are equal.
    path = (query.file or "").rstrip("/")
    some, all_ = index.holders_below(path)
    if _is_in_repository(query):
        all_ = some
    holds = bytes(
        SyncState.MISSING if some.lack(number) else SyncState.STALE if all_.lack(number) else SyncState.UNKNOWN
        for number in range(len(index.bits))
    )
    return replace(narrowing, holds=holds) if any(holds) else narrowing


def unwanted(wanted: Filter, mirrors: Sequence[Mirror], module: str) -> dict[int, Reason]:
    """The mirrors of a module, by number, that a filter leaves out, and why."""
    found: dict[int, Reason] = {}
    avoided, only = starts(wanted.avoid), starts(wanted.only)
    for number, mirror in enumerate(mirrors):
        countries, urls = countries_of(mirror), mirror.urls.get(module, {}).values()
        is_elsewhere = wanted.countries and countries.isdisjoint(wanted.countries)
        if is_elsewhere or not countries.isdisjoint(wanted.avoid_countries):
            found[number] = Reason.COUNTRY_ASKED
        elif avoided and (mirror.name.lower() in wanted.avoid or is_at(urls, avoided)):
            found[number] = Reason.AVOIDED
        elif only and not (mirror.name.lower() in wanted.only or is_at(urls, only)):
            found[number] = Reason.NOT_AMONG_ONLY
    return found


def holders_of(index: FileIndex, query: Query) -> Holders | None:
    """Which mirrors have the file that is asked for; None where that is not known.

    What changes in place in a repository is the prober's matter: a mirror whose older version is still accepted is in
    the lists, and so it is here.
    """
    path = query.file
    if path is None or _names_a_directory(path) or (_is_in_repository(query) and changes_in_place(path)):
        return None
    number = index.find(path)
    return None if number is None else index.holders(number)


def _is_in_repository(query: Query) -> bool:
    return query.within is not None and query.within[0] is not None
