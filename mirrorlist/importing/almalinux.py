"""Import AlmaLinux's directory of YAML files: the loader reads them as they are; repairs are written back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from mirrorlist.core.errors import Finding, ImportFault, Severity
from mirrorlist.importing.documents import Loss
from mirrorlist.importing.imported_mirror import Export, ImportedMirror, ImportRequest
from mirrorlist.sources.mirrors.files import judged_document, mirror_file_names, read_regular, unread_files
from mirrorlist.sources.mirrors.repairs import Surroundings
from mirrorlist.sources.places.countries import read_countries
from mirrorlist.sources.yaml.documents import Code, shown
from mirrorlist.sources.yaml.schemas import load_schema

QUIET = (Code.FILE_NAME, Code.PRIVATE_WITHOUT_NETWORKS, Code.UNKNOWN_REGION)
"""The file gets a new name; the others are reported again for the new file."""


def read(request: ImportRequest) -> Export:
    """Every file of a directory, or of its ``mirrors.d``.

    Raises:
        ImportFault: there is no such directory.
    """
    source = request.source
    directory = source / "mirrors.d" if (source / "mirrors.d").is_dir() else source
    names, faults = mirror_file_names(directory)
    if faults:
        raise ImportFault(str(faults[0]))
    if not names:
        raise ImportFault(f"{directory} has no mirror files; name the repository, or its mirrors.d")
    unread = [Loss(each.path, "", each.message) for each in unread_files(directory)]
    return Export(_mirrors(directory, names, request), unread)


def _mirrors(directory: Path, names: list[str], request: ImportRequest) -> Iterator[ImportedMirror]:
    known, around = load_schema("mirror")["properties"], Surroundings(request.modules, read_countries())
    for name in names:
        mirror = ImportedMirror(name)
        data = read_regular(directory / name)
        if isinstance(data, Finding):
            mirror.lost.append(Loss(data.code, "", data.message))
        else:
            document = judged_document(data, name, around)
            mirror.lost += [
                Loss(each.code, f"in line {each.line}", each.message or shown(each.code))
                for each in document.findings
                if each.code not in QUIET
            ]
            broken = any(each.severity is Severity.ERROR for each in document.findings)
            root = {} if broken or document.root is None else document.root
            mirror.fields = {key: value for key, value in root.items() if key in known}
        yield mirror
