"""Read all mirrors: from their files, or from the last good form of those that broke."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import structlog

from mirrorlist.core.errors import Finding, Severity
from mirrorlist.core.mirror import is_public, status_on
from mirrorlist.core.model import MAIN, Mirror
from mirrorlist.sources.mirrors.files import NOT_READ, MirrorFiles, read_mirror_files
from mirrorlist.sources.mirrors.subnet_lists import list_findings, with_published_subnets
from mirrorlist.sources.mirrors.urls import url_key
from mirrorlist.sources.places.locations import placed
from mirrorlist.sources.submissions.guarded import ReadFile, guarded, name_findings
from mirrorlist.sources.submissions.submission import SubmissionCode, SubmissionTerms
from mirrorlist.sources.yaml.documents import Document, shown

KEPT_SECONDS = 7 * 86_400
"""How long a mirror file that broke stays in effect in its last good version."""


class LastGood:
    """Remembers the last good mirror of each file, and since when a file is broken."""

    def __init__(self) -> None:
        self._mirrors: dict[str, Mirror] = {}
        self._broken_since: dict[str, float] = {}

    def merged(self, files: MirrorFiles, now: float) -> dict[str, Mirror]:
        """The mirrors of these files, by file name in order, broken ones in their last good version.

        A file that is gone is gone on purpose. Of two mirrors with one name the first by file name stays.
        """
        broken = files.files.keys() - files.mirrors.keys()
        self._broken_since = {name: self._broken_since.get(name, now) for name in broken}
        kept = {
            name: self._mirrors[name]
            for name in broken & self._mirrors.keys()
            if now - self._broken_since[name] < KEPT_SECONDS
        }
        self._mirrors = {**files.mirrors, **kept}
        holders: dict[str, str] = {}
        for file_name in sorted(self._mirrors):
            holders.setdefault(self._mirrors[file_name].name, file_name)
        return {file_name: self._mirrors[file_name] for file_name in holders.values()}


log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class ReadMirrors:
    """The mirrors, and the remarks on their files. ``paths`` leads from a mirror's name to its file; ``unusable`` is
    how many files give no mirror, not even a former one."""

    mirrors: tuple[Mirror, ...]
    findings: tuple[Finding, ...]
    paths: Mapping[str, str]
    unusable: int


class MirrorReader:
    """Reads a directory of mirror files again and again; it remembers what each file last said that was good.

    ``logged`` are remarks that were logged before, as those of a former snapshot.
    """

    def __init__(self, state_dir: Path, logged: Iterable[Finding] = ()) -> None:
        self._state_dir = state_dir
        self._logged = frozenset(map(str, logged))
        self._last_good = LastGood()
        self._documents: dict[str, Document] = {}
        self._unread: tuple[str, ...] = ()

    def read(self, directory: Path, terms: SubmissionTerms, now: float, former: Collection[Mirror] = ()) -> ReadMirrors:
        """What the files say now, without what they may not; ``former`` are the mirrors in effect so far."""
        atlas = terms.atlas
        files = read_mirror_files(directory, frozenset(terms.service.modules), atlas.countries, atlas)
        for finding in files.findings:
            if finding.severity is Severity.ERROR:
                log.error("mirror file refused", finding=str(finding))
        unread = tuple(str(each) for each in files.findings if each.code in NOT_READ)
        if unread != self._unread:
            for told in unread:
                log.warning("file not read", finding=told)
        self._unread = unread
        merged = self._last_good.merged(files, now)
        broken = {finding.path for finding in files.findings if finding.severity is Severity.ERROR}
        by_path = {str(directory / name): mirror for name, mirror in merged.items()}
        on_lists = list_findings(by_path, self._state_dir, now)
        for each in on_lists:
            log.warning("subnets", finding=str(each))
        # the mirrors by path without what they may not have, also those whose file is broken by now
        newest = {**self._documents, **files.documents}
        self._documents = {name: newest[name] for name in map(_name, by_path)}
        read = {
            path: ReadFile(self._documents[_name(path)], with_published_subnets(mirror, self._state_dir, now))
            for path, mirror in by_path.items()
        }
        served = guarded(read, terms, former)
        withheld = tuple(each.finding for mirror in served.values() for each in mirror.withheld)
        shared = tuple(shared_urls({_name(path): mirror for path, mirror in served.items()}, self._documents))
        names = tuple(name_findings(read, terms))
        for event, remarks in (("withheld", withheld), ("address in two files", shared), ("name of no host", names)):
            for told in map(str, remarks):
                if told not in self._logged:
                    log.warning(event, finding=told)
        self._logged = frozenset(map(str, (*withheld, *shared, *names)))
        today = datetime.fromtimestamp(now, UTC).date()
        return ReadMirrors(
            tuple(placed(status_on(mirror, today), atlas) for mirror in served.values()),
            tuple(dict.fromkeys(files.findings + on_lists + withheld + shared + names)),
            {mirror.name: path for path, mirror in by_path.items()},
            len(broken) - len(merged.keys() - files.mirrors.keys()),
        )


def shared_urls(mirrors: Mapping[str, Mirror], documents: Mapping[str, Document]) -> Iterator[Finding]:
    """A warning on each address of a public mirror's main tree that a file before has too; both are by file name."""
    holders: dict[str, str] = {}
    for file, mirror in mirrors.items():
        for protocol, url in mirror.urls.get(MAIN, {}).items() if is_public(mirror) else ():
            if (first := holders.setdefault(url_key(url), file)) != file:
                remedy = "for one name with many places keep one file, and write places or 'global: true' in it"
                message = f"address.{protocol} {shown(url)} is that of {shown(first)} too; {remedy}"
                yield documents[file].warning(("address", protocol.value), SubmissionCode.DUPLICATE_URL, message)


def _name(path: str) -> str:
    return Path(path).name


def names_in(directory: Path) -> list[str]:
    """What a directory holds; nothing where it cannot be read, which reading it will tell."""
    try:
        return sorted(entry.name for entry in directory.iterdir())
    except OSError:
        return []
