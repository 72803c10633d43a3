"""Find who has the path that a query asks for, by the verdicts and the module's index of files.

Lists and redirects, answers for one address and for many, all ask here, so that none hands out what another leaves
out.
"""

from __future__ import annotations

from dataclasses import replace

from mirrorlist.core.catalogue.metadata import REPODATA
from mirrorlist.core.catalogue.trees import quoted
from mirrorlist.core.errors import NotFound
from mirrorlist.core.files.index import FileIndex, Holders
from mirrorlist.core.health.columns import SyncState
from mirrorlist.core.model import Query
from mirrorlist.core.reasons import Reason
from mirrorlist.core.selection.known_files import RepositoryLocator, changes_in_place, real_path
from mirrorlist.core.selection.usability import Exclusions
from mirrorlist.core.snapshot import Snapshot


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


def _may_be_newer(snapshot: Snapshot, index: FileIndex, path: str, repository: str, now: float) -> bool:
    """Whether an index that does not know a file may be wrong about it.

    A repository's metadata names its files by checksum, and mirrors hold older names for a while: what a client was
    just told of must not be 404 here. So it is while a change is newer than the index, or than the time that
    mirrors have for it; and for repodata always.
    """
    if not repository:
        return False
    metadata = snapshot.facts.metadata.get(repository)
    if f"/{REPODATA}" in path:
        return True
    if metadata is None:
        return False
    changed = metadata.first_seen
    return changed > index.facts.listed_at or changed + snapshot.policy.lag_grace_seconds > now


def narrowed(snapshot: Snapshot, query: Query, narrowing: Exclusions) -> Exclusions:
    """The narrowing, with what the index of files knows of the query's path.

    Mirrors that lack a file are left out of its answers whatever the rung. Of a directory it is a matter of rungs:
    first those that have every file in it, then those that have some of what is below it, then the others.
    """
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
    return query.within is not None and bool(query.within[0])
