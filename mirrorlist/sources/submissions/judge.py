"""Judge submitted files among all others; report on the submitted ones only.

The loader is lenient, because a service must go on with the files that it has. Somebody who submits a file is still
there to correct it, so here small faults count, and so does what the file would take from others. The questions are
the tuples in CHECKS; to add one, write a function in the file of its subject and put it into that file's tuple.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import unquote, urlsplit

from mirrorlist.core.catalogue.catalogue import Catalogue, spelled_versions
from mirrorlist.core.errors import Finding, Severity
from mirrorlist.core.mirror import is_public
from mirrorlist.core.model import Mirror, PlaceSource
from mirrorlist.core.review import Reviewed
from mirrorlist.sources.mirrors.files import judged_document, mirror_file_names, mirror_of, read_regular
from mirrorlist.sources.mirrors.logos import MOST_BYTES, READERS, picture_fault
from mirrorlist.sources.mirrors.repairs import Surroundings
from mirrorlist.sources.places.checks import VAGUE, place_findings, placed_by
from mirrorlist.sources.places.locations import placed
from mirrorlist.sources.submissions.facts import ABSENCE_CHECKS, FACT_CHECKS, LINK_CHECKS, REQUIREMENT_CHECKS
from mirrorlist.sources.submissions.guarded import ReadFile, by_itself
from mirrorlist.sources.submissions.hosts import HOST_CHECKS
from mirrorlist.sources.submissions.networks import NETWORK_CHECKS
from mirrorlist.sources.submissions.submission import (
    HELD_TO,
    Check,
    Neighbours,
    Submission,
    SubmissionCode,
    SubmissionTerms,
    neighbours,
)
from mirrorlist.sources.submissions.text import TEXT_CHECKS
from mirrorlist.sources.yaml.documents import START, Code, Document, finding, printable, shown, spelled

# A submitted URL is the top of a tree, not a version's directory or a page inside one.

FILE_ENDINGS = (".html", ".htm", ".php", ".iso", ".xml", ".xz", ".gz", ".zst", ".bz2", ".zip", ".img", ".rpm", ".deb")
_MINOR = re.compile(r"([0-9]+)(?:\.[0-9]+)+", re.ASCII)
INSIDE_REPOSITORIES = ("repodata", "dists", "pool", "packages")


def urls_are_tops_of_trees(submission: Submission, terms: SubmissionTerms) -> Iterator[Finding]:
    """The URL ends where the versions begin. What looks otherwise may be right, so that is a question."""
    for pointer, url in submission.urls():
        steps = [step for step in unquote(urlsplit(url).path).split("/") if step]
        if steps and (what := _inside(steps[-1], terms.service.catalogue)):
            message = f"{spelled(pointer)} {shown(url)} looks like {what}; write the address of the directory above all"
            yield submission.warning(pointer, SubmissionCode.NOT_A_TREE, f"{message} versions")


def _inside(step: str, catalogue: Catalogue) -> str | None:
    """What in a tree a path ends at, by its last step."""
    if step.lower().endswith(FILE_ENDINGS):
        return "a file"
    known = spelled_versions(catalogue)
    major = _MINOR.fullmatch(step)  # an older minor, or the next one
    if step in known or (major and major[1] in {version.partition(".")[0] for version in known}):
        return f"the directory of version {step}"
    below = [each.path for each in catalogue.repositories.values() if not each.path.startswith("/")]
    parts = {part for path in below for part in path.split("/") if part and "$" not in part}
    if step.lower() in INSIDE_REPOSITORIES or step in parts:
        return "a part of a repository"
    return None


TREE_CHECKS: tuple[Check, ...] = (urls_are_tops_of_trees,)


CHECKS: tuple[Check, ...] = (
    *TEXT_CHECKS,
    *HOST_CHECKS,
    *LINK_CHECKS,
    *NETWORK_CHECKS,
    *FACT_CHECKS,
    *REQUIREMENT_CHECKS,
    *ABSENCE_CHECKS,
    *TREE_CHECKS,
)

MOST_FINDINGS = 100
"""The most findings reported per file; nobody reads more."""

_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,253}\.ya?ml", re.ASCII)
_PICTURE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}\.(png|webp)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Judged:
    """A submitted file: its findings, the document, and the mirror where the loader would take it."""

    reviewed: Reviewed
    document: Document | None = None
    mirror: Mirror | None = None


@dataclass(frozen=True, slots=True)
class _File:
    """A file that could be read, and what the loader makes of it."""

    path: Path
    document: Document
    text: str
    mirror: Mirror | None


def submitted_files(directory: Path) -> tuple[Path, ...]:
    """All mirror files of a directory; none where it cannot be read."""
    return tuple(directory / name for name in mirror_file_names(directory)[0])


def judge_submissions(paths: Sequence[Path], directory: Path, terms: SubmissionTerms) -> tuple[Judged, ...]:
    """Every path judged, in this order, among the mirrors of a directory, with what the service honours of their files.

    A path outside the directory is judged as if it lay there, in place of a file of its name. Never raises: what is
    missing, a link, a device or hostile in its name or its contents is refused with a finding, and nothing is followed.
    """
    named = dict.fromkeys(paths)
    read = {path: _read(path, directory, terms) for path in named}
    files = {str(path): file for path, file in read.items() if isinstance(file, _File)}
    replaced = {path.name for path in named if not _lies_below(path, directory)}
    around = (directory / name for name in mirror_file_names(directory)[0] if name not in replaced)
    others = {str(path): _opened(path, terms) for path in around}
    mirrors = {key: file.mirror for key, file in files.items() if file.mirror}
    in_force = {
        key: by_itself(ReadFile(file.document, file.mirror), terms).mirror
        for key, file in others.items()
        if isinstance(file, _File) and file.mirror
    }
    everybody = in_force | mirrors
    known = neighbours({_path(Path(key)): mirror for key, mirror in everybody.items()})
    return tuple(_judged(each, directory, known, terms) for each in read.values())


def _lies_below(path: Path, directory: Path) -> bool:
    """Whether a file lies in a directory of the directory, where the loader does not look."""
    parent, real = os.path.realpath(path.parent), os.path.realpath(directory)
    return parent != real and parent.startswith(real + os.sep)


def _read(path: Path, directory: Path, terms: SubmissionTerms) -> _File | Reviewed:
    """The file, or why it is refused before it is read; a picture is judged at once."""
    if _PICTURE_NAME.fullmatch(path.name) and path.suffix[1:] in READERS:
        data = read_regular(path, MOST_BYTES)
        if isinstance(data, Finding):
            return _refused(path, data)
        said = picture_fault(path.name, data)
        found = (_at_start(path, SubmissionCode.BAD_LOGO, f"the picture {said}"),) if said else ()
        return Reviewed(_path(path), found)
    if fault := _name_fault(path, directory):
        return _refused(path, fault)
    return _opened(path, terms)


def _name_fault(path: Path, directory: Path) -> Finding | None:
    if not _FILE_NAME.fullmatch(path.name):
        remedy = "write letters, digits, '.', '_' and '-', and .yml at the end"
        message = f"{shown(path.name)} is no name of a mirror file; {remedy}"
        return _at_start(path, SubmissionCode.STRAY_FILE, message)
    if _lies_below(path, directory):
        message = (
            f"the file lies below {shown(directory.name)}, where nobody reads it; put it into the directory itself"
        )
        return _at_start(path, SubmissionCode.STRAY_FILE, message)
    return None


def _opened(path: Path, terms: SubmissionTerms) -> _File | Reviewed:
    data = read_regular(path)
    if isinstance(data, Finding):
        return _refused(path, data)
    countries = terms.atlas.countries
    document = judged_document(data, _path(path), Surroundings(frozenset(terms.service.modules), countries))
    text = data.decode("utf-8", "replace").removeprefix("\ufeff")
    return _File(path, document, text, mirror_of(document, countries))


def _refused(path: Path, fault: Finding) -> Reviewed:
    return Reviewed(_path(path), (replace(fault, severity=Severity.ERROR),))


def _judged(file: _File | Reviewed, directory: Path, known: Neighbours, terms: SubmissionTerms) -> Judged:
    if isinstance(file, Reviewed):
        return Judged(file)
    is_inside = os.path.realpath(file.path.parent) == os.path.realpath(directory)
    beside = directory if is_inside else file.path.parent
    submission = Submission(file.document, file.text, beside, file.mirror, known)
    mirror = placed(file.mirror, terms.atlas) if file.mirror else None
    findings = _findings(submission, terms)
    if len(findings) > MOST_FINDINGS:  # the errors of a very long list first of all
        findings = sorted(findings, key=lambda each: (each.severity is not Severity.ERROR, each))[:MOST_FINDINGS]
    reviewed = Reviewed(
        path=file.document.path,
        findings=tuple(sorted(findings)),
        name=mirror.name if mirror else None,
        place=placed_by(mirror.location) if mirror else None,
    )
    return Judged(reviewed, file.document, mirror)


def _findings(submission: Submission, terms: SubmissionTerms) -> list[Finding]:
    """The loader's findings as they count here, and what only a submission is asked that can be read."""
    found = [_held_to(each) for each in submission.document.findings]
    if submission.document.root is None:
        return found
    if submission.mirror:
        # A place of which only the country is known is an error of place_can_be_found here.
        vague = (PlaceSource.STATE,) if is_public(submission.mirror) else VAGUE
        found += map(_held_to, place_findings(submission.document, submission.mirror, terms.atlas, vague))
    told = {(each.line, each.column) for each in found if each.severity is Severity.ERROR and each.code in SHAPE}
    news = [each for check in (name_is_its_own, *CHECKS) for each in check(submission, terms)]
    # A continent that is not the country's is an error of places_are_places here.
    kept = [
        each
        for each in found
        if each.code != Code.WRONG_CONTINENT and (each.code != Code.FILE_NAME or (each.line, each.column) not in told)
    ]
    return [*kept, *(each for each in news if (each.line, each.column) not in told)]


SHAPE = frozenset({Code.BAD_VALUE, Code.WRONG_TYPE, Code.OUT_OF_RANGE, Code.BAD_URL, Code.BAD_NETWORK})
"""Of a value of the wrong shape nothing more is reported."""


def _held_to(found: Finding) -> Finding:
    return replace(found, severity=Severity.ERROR) if found.code in HELD_TO else found


def name_is_its_own(submission: Submission, _: SubmissionTerms) -> list[Finding]:
    """No other file has the mirror's name."""
    others = submission.others(submission.neighbours.names.get(submission.name, ()))
    message = f"name {shown(submission.name)} is taken by {', '.join(others[:3])}; rename one, or remove it"
    return [submission.error(("name",), Code.DUPLICATE_NAME, message)] if others else []


def _path(path: Path) -> str:
    return printable(str(path))


def _at_start(path: Path, code: str, message: str) -> Finding:
    return finding(_path(path), START, Severity.ERROR, code, message)
