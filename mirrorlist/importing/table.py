"""Import a table of mirrors: what its columns mean is said with ``--columns``, or known by their headings."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from mirrorlist.core.errors import ImportFault
from mirrorlist.importing.imported_mirror import (
    Export,
    ImportedMirror,
    ImportedRow,
    ImportRequest,
    is_blank,
    masked,
    text,
)
from mirrorlist.importing.table_files import FURTHER, TableRecords, read_records
from mirrorlist.importing.table_meanings import ADDRESSES, HEADINGS, MEANINGS
from mirrorlist.sources.mirrors.forms import truth
from mirrorlist.sources.mirrors.urls import SCHEMES

LEFT_OUT = "-"
UNMEANT = "say what the column means with --columns"
_NOTHING = frozenset({"", "-", "--", "n/a", "null", "none", "nil", "?", "unknown"})
_RULE = re.compile(r"\s*:?-+:?\s*")
_LINKED = re.compile(r"\[[^\]]*\]\(<?([^\s()<>]+)>?\)|<([^\s<>]+)>")
"""How Markdown writes an address in a cell."""
_FORMULA = re.compile(r"[=@\t]|[+-](?![\d.])")


def read(request: ImportRequest) -> Export:
    """Every record of the table; those of one mirror with an address for each protocol become one.

    Raises:
        ImportFault: it cannot be read, or no column gives an address.
    """
    found = read_records(request.source, request.encoding)
    meanings = _meanings(request, found)
    mirrors: list[ImportedMirror] = []
    by_name: dict[str, ImportedMirror] = {}
    for record in found.records:
        if all(map(_says_nothing, record.values())):
            continue
        mirror = _mirror(ImportedRow(record), meanings, request.module)
        known = by_name.setdefault(mirror.name, mirror) if mirror.name else mirror
        if known is mirror or not _joined(known, mirror):
            mirrors.append(mirror)
    return Export(mirrors, found.lost)


def _meanings(request: ImportRequest, found: TableRecords) -> dict[str, str]:
    """What each column means that is carried over; raises ImportFault as ``read`` does."""
    said = request.columns
    if not found.are_named and said and not any("=" in each for each in said):
        if len(said) != len(found.columns):
            raise ImportFault(
                f"{request.source} has {len(found.columns)} columns, and --columns names {len(said)}; write "
                f"{LEFT_OUT} for one that is left out"
            )
        meanings = dict(zip(found.columns, said, strict=True))
    elif said and not any("=" in each for each in said) and len(said) == len(found.columns):
        meanings = dict(zip(found.columns, said, strict=True))
    else:
        meanings = _named_meanings(request, found)
    for column, meaning in meanings.items():
        if meaning not in (*MEANINGS, LEFT_OUT) and not _is_of_module(meaning, request.modules):
            raise ImportFault(
                f"--columns: {meaning!r} for {column!r} is no meaning; known are {', '.join(MEANINGS)}, those of a "
                f"module such as kitten.url, and {LEFT_OUT} for none"
            )
    if not any(meaning.rpartition(".")[2] in ADDRESSES for meaning in meanings.values()):
        raise ImportFault(
            f"{request.source} has no column with an address that is known as one; its columns are "
            f"{', '.join(map(repr, found.columns[:20]))}. Say what they mean with --columns, as in --columns name,url,-"
        )
    return meanings


def _named_meanings(request: ImportRequest, found: TableRecords) -> dict[str, str]:
    known = {column: meaning for column in found.columns if (meaning := _by_heading(column, request.modules))}
    if not found.are_named and not known and len(found.columns) == 1:
        known = {found.columns[0]: "url"}
    by_small_name = {column.casefold(): column for column in found.columns}
    wanted = []
    for each in request.columns:
        name, _, meaning = each.partition("=")
        column = by_small_name.get(name.strip().casefold())
        if column is None:
            raise ImportFault(
                f"{request.source} has no column {name!r}; it has {', '.join(map(repr, found.columns[:20]))}"
            )
        known[column] = meaning.strip() or known.get(column, name.strip().casefold())
        wanted.append(column)
    bare = bool(wanted) and not any("=" in each for each in request.columns)
    return {column: known[column] for column in wanted} if bare else known


def _by_heading(column: str, modules: frozenset[str]) -> str | None:
    small = column.casefold().strip()
    if small in MEANINGS or _is_of_module(small, modules):
        return small
    words = " ".join(re.findall(r"[^\W_]+", small))
    return HEADINGS.get(words) or HEADINGS.get(words.rpartition(" ")[2] if "." in column else words)


def _is_of_module(meaning: str, modules: frozenset[str]) -> bool:
    module, _, kind = meaning.partition(".")
    return module in modules and kind in ADDRESSES


def _mirror(row: ImportedRow, meanings: Mapping[str, str], module: str) -> ImportedMirror:
    mirror = ImportedMirror("")
    urls: dict[str, list[Any]] = {}
    later: list[tuple[str, str, Any]] = []
    for column, meaning in meanings.items():
        value = row.take(column)
        if meaning == LEFT_OUT or _says_nothing(value):
            continue
        if isinstance(value, str) and _FORMULA.match(value):
            mirror.lose(column, value, "it is a formula; export the values")
            continue
        of, dot, kind = meaning.partition(".")
        if (kind if dot else meaning) in ADDRESSES:
            found = _urls(mirror, column, value, kind if dot else meaning)
            urls.setdefault(of if dot else module, []).extend(found)
        else:
            later.append((column, meaning, value))
    name = next((value for _, meaning, value in later if meaning == "name"), None)
    for of, given in urls.items():
        mirror.addresses(given, of)
    mirror.said = text(name) or mirror.name or masked(next((url for each in urls.values() for url in each), "a row"))
    for column, meaning, value in later:
        MEANINGS[meaning](mirror, column, value)
    place = mirror.fields.get("geolocation", {})
    for column, other in (("latitude", "longitude"), ("longitude", "latitude")):
        if column in place and other not in place:
            mirror.lose(column, place.pop(column), f"there is no {other}")
    _leave(mirror, row)
    return mirror


def _says_nothing(value: object) -> bool:
    """Also the line below the heading of a table in Markdown."""
    said = value.strip().casefold() if isinstance(value, str) else None
    return is_blank(value) or (said is not None and (said in _NOTHING or _RULE.fullmatch(said) is not None))


def _urls(mirror: ImportedMirror, column: str, value: Any, kind: str) -> Iterator[object]:
    """The addresses in a cell, with their scheme; ``yes`` and ``no`` of a column that only says whether are none."""
    linked = [one or other for one, other in _LINKED.findall(value)] if isinstance(value, str) else []
    for each in linked or (value if isinstance(value, list) else [value]):
        said = truth(each) if isinstance(each, str | int) else None
        if said is None:
            if kind == "url" and isinstance(each, str) and not {".", ":", "/"} & set(each):
                mirror.lose(column, each, "it is no address")
                continue
            bare = kind != "url" and isinstance(each, str) and "://" not in each and "::" not in each
            yield f"{kind}://{each.strip().lstrip('/')}" if bare else each
        elif said:
            mirror.lose(column, each, "it is no address")


def _leave(mirror: ImportedMirror, row: ImportedRow) -> None:
    """Loses the columns without a meaning, but for the protocol, where the address says it as well."""
    for key, value in row.left():
        if _says_nothing(value) or (key.casefold() == "protocol" and str(value).lower() in SCHEMES):
            continue
        mirror.lose(key, value, "its line has more cells than the heading" if key == FURTHER else UNMEANT)


def _joined(known: ImportedMirror, other: ImportedMirror) -> bool:
    """Whether a record could be added to the mirror of an earlier one: its addresses are over other protocols."""
    books = [each.fields.get("address", {}) for each in (known, other)]
    if not all(books) or books[0].keys() & books[1].keys() or "address_optional" in {**known.fields, **other.fields}:
        return False
    is_off = ["status" in each.fields and not each.paused for each in (known, other)]
    if any(is_off) and not all(is_off):
        for url in books[is_off.index(True)].values():
            known.lose("address", url, "it is not active in the table")
        if is_off[0]:
            known.fields = {**known.fields, **other.fields}
            del known.fields["status"], known.fields["status_reason"]
        known.lost += [each for each in other.lost if each not in known.lost]
        return True
    known.fields["address"] = {scheme: book[scheme] for scheme in ("https", "http", "rsync", "ftp")
                               for book in books if scheme in book}  # fmt: skip
    for key, value in other.fields.items():
        if key != "address" and known.fields.setdefault(key, value) != value:
            known.lose(key, value, "an earlier line of the mirror says something else")
    known.lost += [each for each in other.lost if each not in known.lost]
    known.paused = known.paused or other.paused
    return True
