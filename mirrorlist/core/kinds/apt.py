"""Suites of apt repositories: InRelease, its dates, and the indexes and packages that it leads to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain

from mirrorlist.core.content import Content, NamedFile, NamedFiles, written_at
from mirrorlist.core.errors import OriginError
from mirrorlist.core.kinds.rpm import Read, is_page, sampled, unpacked

_FIELD = r"(?m)^%s:(.*)$"
_SUM = re.compile(r"(?m)^ ([0-9a-f]{64}) +([0-9]{1,15}) +([!-~]{1,300})\r?$")
_INDEX = re.compile(r"(?:(?:[!-~]+/)?binary-([a-z0-9-]+)/)?Packages(\.xz|\.gz|\.zst|\.bz2|)")
"""Without an arch it is that of a flat suite, which has all packages in one."""
_DEBIAN_NAMES = {
    "x86_64": "amd64", "aarch64": "arm64", "armv7hl": "armhf", "i686": "i386", "ppc64le": "ppc64el",
    "loongarch64": "loong64",
}  # fmt: skip
"""Arches that dpkg spells otherwise than rpm (dpkg's cputable). A service may spell all of them as rpm does."""
_PACKED = (".xz", ".gz", ".zst", ".bz2", "")
"""The forms of an index, as apt prefers them. Mirrors are asked for one of them."""
_SIGNED, _SIGNED_END = b"-----BEGIN PGP SIGNED MESSAGE-----", b"-----END PGP SIGNATURE-----"
_FILENAME, _SIZE = re.compile(rb"(?m)^Filename: ([!-~]{1,500})$"), re.compile(rb"(?m)^Size: ([0-9]{1,15})$")
LONGEST, _LONGEST_DATE = 1 << 20, 100
MOST_INDEXES = 6
"""Of one suite; arches and components beyond have their turn in the day's draw."""


def fault(body: bytes) -> str:
    """What is wrong with the bytes of an InRelease or Release; nothing where it is one."""
    if not body:
        return "an empty file"
    if is_page(body):
        return "an HTML page"
    if _told(body, "Date") is None or _SUM.search(body.decode("utf-8", "replace")) is None:
        return "not an InRelease or Release"
    is_signed = body.lstrip().startswith(_SIGNED)
    return "an InRelease that ends early" if is_signed and _SIGNED_END not in body[-200:] else ""


def written(body: bytes) -> int:
    """The time in its field ``Date``; 0 where that is none."""
    return int(_told(body, "Date") or 0)


def expired(body: bytes, now: float) -> bool:
    """Whether clients refuse it, because its ``Valid-Until`` is over."""
    until = _told(body, "Valid-Until")
    return until is not None and until < now


def named(body: bytes, content: Content, read: Read) -> tuple[NamedFiles, str]:
    """The indexes of the arches that clients ask for, by hash where the suite has it, and a sample of packages."""
    text = body.decode("utf-8", "replace")
    by_hash = re.search(_FIELD % "Acquire-By-Hash", text)
    is_by_hash = by_hash is not None and by_hash[1].strip().lower() == "yes"
    arches = {*content.arches, *(_DEBIAN_NAMES.get(each, each) for each in content.arches), "all", None}
    found: dict[str, dict[str, tuple[str, int]]] = {}
    for digest, size, path in _SUM.findall(text):
        index = _INDEX.fullmatch(path)
        if index and int(size) and (not content.arches or index[1] in arches):
            found.setdefault(path.removesuffix(index[2]), {})[index[2]] = digest, int(size)
    files: list[NamedFile] = []
    names: list[str] = []
    for path, forms in sorted(found.items()):
        packed = next(each for each in _PACKED if each in forms)
        digest, size = forms[packed]
        hashed = f"{path.removesuffix('Packages')}by-hash/SHA256/{digest}"
        files.append(NamedFile(content.path + (hashed if is_by_hash else path + packed), size))
        names.append(path + packed)
    root = content.path if content.part_of is None else content.part_of
    pool: list[NamedFile] = []
    why = "" if files else "it names no Packages of these arches"
    for number, name in enumerate(names[:MOST_INDEXES]):
        plain = replace(files[number], path=content.path + name)
        try:
            files[number], packages = _opened(files[number], plain, root, read)
        except OriginError as error:
            why = str(error)
        else:
            pool += packages
    return NamedFiles((*files[:MOST_INDEXES], *pool[:2]), (*pool, *files[MOST_INDEXES:])), why


def _opened(file: NamedFile, plain: NamedFile, root: str, read: Read) -> tuple[NamedFile, list[NamedFile]]:
    """An index, or its plain form where a suite promises indexes by hash and has none, and a sample of its packages."""
    try:
        return file, sampled(_listed(unpacked(read(file.path), plain.path)), root)[1]
    except OriginError:
        if file == plain:
            raise
    return plain, sampled(_listed(unpacked(read(plain.path), plain.path)), root)[1]


def _listed(chunks: Iterator[bytes]) -> Iterator[tuple[str, int, int]]:
    """Path and size of each package of an index, which gives no times."""
    rest = b""
    for chunk in chain(chunks, (b"\n\n",)):  # the last entry may end with the file
        *whole, rest = (rest + chunk).split(b"\n\n")
        if len(rest) > LONGEST:
            raise OriginError("an index with an entry that does not end")
        for each in whole:
            name, size = _FILENAME.search(each), _SIZE.search(each)
            if name and size and b"/../" not in b"/" + name[1] and not name[1].startswith(b"/"):
                yield name[1].decode().removeprefix("./"), int(size[1]), 0


def _told(body: bytes, field: str) -> float | None:
    """Seconds since 1970 in a field of a Release."""
    found = re.search(_FIELD % field, body.decode("utf-8", "replace"))
    return written_at(found[1].strip()[:_LONGEST_DATE]) if found else None
