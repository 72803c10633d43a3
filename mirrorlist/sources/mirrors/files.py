"""Read a directory of mirror files: every usable mirror, and every fault of the rest."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Collection, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

from mirrorlist.core.errors import Finding, Severity
from mirrorlist.core.model import Mirror
from mirrorlist.sources.mirrors.fields import CHECKS, mirror_from, settled
from mirrorlist.sources.mirrors.repairs import MirrorDraft, Surroundings
from mirrorlist.sources.places.checks import place_findings
from mirrorlist.sources.places.countries import Countries
from mirrorlist.sources.places.locations import Atlas
from mirrorlist.sources.yaml.documents import START, Code, Document, printable, shown
from mirrorlist.sources.yaml.documents import finding as finding_of
from mirrorlist.sources.yaml.reader import MAX_BYTES, read_leniently
from mirrorlist.sources.yaml.schemas import findings_on

SUFFIXES = (".yml", ".yaml")
"""Of mirror files; whatever ends otherwise is read by nobody."""
PICTURES = (".png", ".webp")
DOCUMENTS = ("readme", "license", "contributing", "codeowners", "makefile")
"""Files that people keep beside mirror files, whatever comes after a dot."""
NOT_READ = frozenset({Code.UNREAD_FILE, Code.NOT_A_REGULAR_FILE})
"""The codes of findings on entries of the directory that nobody reads."""
MOST_UNREAD = 100
MOST_LOOKED_AT = 10_000
"""Entries of a directory below."""
UNREAD = "nobody reads a file of this name; end it with .yml if it is a mirror's, else remove it"
NESTED = "it lies in a directory below, where nobody reads it; move it up, or remove it"


@dataclass(frozen=True, slots=True)
class MirrorFiles:
    """What a directory says. ``mirrors``, ``documents`` and ``files`` are keyed by file name, in its order.

    ``documents`` describe the mirrors as the files do; ``files`` holds the SHA-256 of every file that could be read,
    whether it gave a mirror or not.
    """

    mirrors: Mapping[str, Mirror] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    documents: Mapping[str, Document] = field(default_factory=dict)


def parse_mirror(
    data: bytes, path: str, modules: Collection[str], countries: Countries, atlas: Atlas | None = None
) -> tuple[Mirror | None, tuple[Finding, ...]]:
    """The mirror that a file describes, or None when an error is among the findings.

    Never raises. The findings are in the order of the file. Places are judged where an atlas is given.
    """
    document = judged_document(data, path, Surroundings(modules, countries))
    mirror = mirror_of(document, countries)
    return mirror, tuple(sorted((*document.findings, *_on_place(document, mirror, atlas))))


def read_mirror_files(
    directory: Path, modules: Collection[str], countries: Countries, atlas: Atlas | None = None
) -> MirrorFiles:
    """All mirrors of a directory. What cannot be read or used is reported, and never stops the rest.

    Of two mirrors with one name the first by file name is kept. Places are judged where an atlas is given.
    """
    names, lost = mirror_file_names(directory)
    lost += unread_files(directory)
    read = {name: read_regular(directory / name) for name in names}
    contents = {name: data for name, data in read.items() if isinstance(data, bytes)}
    lost += [data for data in read.values() if isinstance(data, Finding)]
    around = Surroundings(modules, countries)
    documents = {name: judged_document(data, str(directory / name), around) for name, data in contents.items()}
    mirrors, taken = _by_file({name: (each, mirror_of(each, countries)) for name, each in documents.items()})
    told = [each for document in documents.values() for each in document.findings]
    told += [each for name, mirror in mirrors.items() for each in _on_place(documents[name], mirror, atlas)]
    files = {name: hashlib.sha256(data).hexdigest() for name, data in contents.items()}
    kept = {name: documents[name] for name in mirrors}
    return MirrorFiles(mirrors, tuple(sorted([*lost, *told, *taken])), files, kept)


def _by_file(
    judged: Mapping[str, tuple[Document, Mirror | None]],
) -> tuple[dict[str, Mirror], list[Finding]]:
    """The mirrors whose names are their own, by file name, and an error on every other."""
    mirrors: dict[str, Mirror] = {}
    holders: dict[str, str] = {}
    taken = []
    for file, (document, mirror) in judged.items():
        if mirror is None:
            continue
        if holders.setdefault(mirror.name, file) == file:
            mirrors[file] = mirror
        else:
            first = holders[mirror.name]
            message = f"name {shown(mirror.name)} is taken by {shown(first)}; rename one, or remove it"
            taken.append(document.error(("name",), Code.DUPLICATE_NAME, message))
    return mirrors, taken


def judged_document(data: bytes, path: str, around: Surroundings) -> Document:
    """The repaired document with all findings, in the order of the file. Never raises."""
    document = read_leniently(data, path)
    if document.root is None:
        return document
    draft = MirrorDraft(document)
    refused = settled(draft, around)
    for check in CHECKS:
        check(draft)
    repaired = draft.finished()
    told = {(each.line, each.column) for each in repaired.findings if each.severity is Severity.ERROR}
    news = (each for each in findings_on(repaired, refused) if (each.line, each.column) not in told)
    return replace(repaired, findings=tuple(sorted(dict.fromkeys((*repaired.findings, *news)))))


def mirror_of(document: Document, countries: Countries) -> Mirror | None:
    """The mirror that a document describes; None where it has an error."""
    broken = any(each.severity is Severity.ERROR for each in document.findings)
    return None if broken or document.root is None else mirror_from(document.root, countries)


def _on_place(document: Document, mirror: Mirror | None, atlas: Atlas | None) -> tuple[Finding, ...]:
    return place_findings(document, mirror, atlas) if mirror and atlas else ()


def mirror_file_names(directory: Path) -> tuple[list[str], list[Finding]]:
    """The names of the mirror files, sorted, or why there are none. Hidden files are none."""
    try:
        names = [entry.name for entry in directory.iterdir()]
    except OSError as error:
        remedy = "see that it is there and may be read, or name another with mirrors_dir or --mirrors"
        message = f"the directory cannot be read: {error.strerror}; {remedy}"
        return [], [_fault(directory, Code.UNREADABLE_FILE, message)]
    return sorted(name for name in names if name.endswith(SUFFIXES) and not name.startswith(".")), []


def unread_files(directory: Path) -> list[Finding]:
    """A warning for each entry that looks like a mirror file to a person and is none to the loader; hidden ones too."""
    try:
        entries = sorted(directory.iterdir())
        unread = [found for each in entries for found in _unread(each)]
    except OSError:
        return []
    left = len(unread) - MOST_UNREAD
    more = [_fault(directory, Code.UNREAD_FILE, f"{left} more files are read by nobody", Severity.WARNING)]
    found = [_fault(path, Code.UNREAD_FILE, message, Severity.WARNING) for path, message in unread[:MOST_UNREAD]]
    return found + (more if left > 0 else [])


def _unread(path: Path) -> Iterator[tuple[Path, str]]:
    """The entry, or what lies in it where it is a directory, and why nobody reads that."""
    if path.is_dir() and not path.is_symlink():
        with closing(iter(path.rglob("*"))) as entries:
            below = [] if path.name.startswith(".") else list(islice(entries, MOST_LOOKED_AT))
        for each in sorted(below):
            hidden = any(part.startswith(".") for part in each.relative_to(path).parts[:-1])
            if not hidden and not each.is_dir() and _may_be_a_mirror(each.name):
                yield each, NESTED
    elif _may_be_a_mirror(path.name) and (path.name.startswith(".") or not path.name.endswith(SUFFIXES)):
        yield path, UNREAD


def _may_be_a_mirror(name: str) -> bool:
    """Whether people may take a file of this name for a mirror's; of the hidden ones only those with a suffix."""
    small = name.lower()
    if small.startswith("."):
        return any(suffix in small for suffix in SUFFIXES)
    return not small.endswith(PICTURES) and small.partition(".")[0] not in DOCUMENTS


def read_regular(path: Path, most_bytes: int = MAX_BYTES) -> bytes | Finding:
    """The beginning of a regular file, long enough to see that it is too long; else why it cannot be read."""
    if not path.name.isprintable():
        return _fault(path, Code.FILE_NAME, "the file's name has characters that cannot be shown; rename it")
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            message = "only regular files are read, no links or others; put the file itself here"
            return _fault(path, Code.NOT_A_REGULAR_FILE, message, Severity.WARNING)
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            return file.read(most_bytes + 1)
    except FileNotFoundError:
        return _fault(path, Code.UNREADABLE_FILE, "there is no such file; look at its name and where you are")
    except OSError as error:
        return _fault(path, Code.UNREADABLE_FILE, f"the file cannot be read: {error.strerror}; correct that")


def _fault(path: Path, code: Code, message: str, severity: Severity = Severity.ERROR) -> Finding:
    return finding_of(printable(str(path)), START, severity, code, message)
