"""Read lists of mirrors in the forms that projects keep them in, as records of named values.

CSV in any of its spellings, JSON, YAML, pacman's mirrorlist, Debian's Mirrors.masterlist, a directory of small shell
files as Termux has, plain lines. To add one: a function here and its row in FORMS.
"""

from __future__ import annotations

import csv
import io
import re
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mirrorlist.core.errors import ImportFault
from mirrorlist.importing.documents import Loss, data_of, json_of, text_of, yaml_of
from mirrorlist.importing.imported_mirror import masked, rows, strays
from mirrorlist.sources.mirrors.urls import SCHEMES
from mirrorlist.sources.places.countries import read_countries
from mirrorlist.sources.places.gazetteer import read_gazetteer

MOST_RECORDS = 20_000
MOST_LINES_LOOKED_AT = 50
LARGEST_SHELL_FILE = 64 * 1024
DELIMITERS = "\t;|,"
FURTHER = "cells beyond the last column"
_ADDRESS = re.compile(r"\s*(?:[a-z]+://|[\w-]+(?:\.[\w-]+)+(?:/|\s*$)|[\w.-]+::)", re.IGNORECASE)
_SERVER = re.compile(r"\s*#?\s*Server\s*=\s*(\S+)\s*")
_HEADING = re.compile(r"\s*#+\s*([^#=\s][^=]*?)\s*")
_ASSIGNED = re.compile(r"\s*(?:export\s+)?([A-Za-z_]\w*)=(?:\"([^\"]*)\"|'([^']*)'|(\S*))\s*(?:#.*)?", re.ASCII)


@dataclass(slots=True)
class TableRecords:
    """What a file holds. ``columns`` are in its order; ``are_named`` is whether it names them itself."""

    columns: list[str]
    records: list[Mapping[str, Any]]
    are_named: bool = True
    lost: list[Loss] = field(default_factory=list)


def read_records(source: Path, encoding: str | None) -> TableRecords:
    """The records of a file, or of the files of a directory.

    Raises:
        ImportFault: it cannot be read, or holds none.
    """
    if source.is_dir():
        found = shell_records(source, encoding)
    else:
        data = data_of(source)
        text = text_of(data, source, encoding)
        form = next(form for is_it, form in FORMS if is_it(text, source.suffix.lower()))
        found = form(text, source)
    if not found.records:
        raise ImportFault(f"{source} has no mirror; name a table, a list or a directory of mirrors")
    if len(found.records) > MOST_RECORDS:
        raise ImportFault(f"{source} has more than {MOST_RECORDS} records; import it in parts")
    return found


def json_records(text: str, source: Path) -> TableRecords:
    """A list of mirrors, or a mapping that has one."""
    return _listed(json_of(text.encode(), source), source, [])


def yaml_records(text: str, source: Path) -> TableRecords:
    """A list of mirrors, or a mapping that has one; aliases and tags are refused."""
    begun = re.sub(r"\A\ufeff?(?:\s*(?:#[^\n]*)?\n)*?---[^\n]*\n", "\n", text)
    is_list = re.match(r"(?:\s*(?:#[^\n]*)?\n)*\s*- ", begun) is not None
    lost: list[Loss] = []
    found = yaml_of((f"mirrors:\n{begun}" if is_list else text).encode(), source, lost)
    return _listed(found["mirrors"] if is_list else found, source, lost)


def _listed(found: Any, source: Path, lost: list[Loss]) -> TableRecords:
    """The records of a document: a list, or the only list of mappings in it, or mappings by name."""
    if isinstance(found, dict):
        lists = [each for each in found.values() if isinstance(each, list) and (rows(each) or _are_texts(each))]
        if len(lists) > 1:
            names = ", ".join(str(key) for key, each in found.items() if each in lists)
            raise ImportFault(f"{source} has several lists: {names}; save the one of mirrors alone")
        if lists:
            lost += [Loss(str(key), masked(each), "it is beside the list of mirrors")
                     for key, each in found.items() if each is not lists[0]]  # fmt: skip
            found = lists[0]
    if isinstance(found, list) and _are_texts(found):
        return TableRecords(["url"], [{"url": each} for each in found], lost=lost)
    records = rows(found)
    lost += strays(found)
    flat: list[Mapping[str, Any]] = [dict(_flat(each)) for each in records]
    return TableRecords(list(dict.fromkeys(key for each in flat for key in each)), flat, lost=lost)


def _are_texts(value: list[Any]) -> bool:
    return bool(value) and all(isinstance(each, str) for each in value)


def _flat(record: Mapping[Any, Any], before: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    """The values of a record; those of mappings in it under both keys, with a dot between."""
    for key, value in record.items():
        if isinstance(value, Mapping) and value and depth < 4:
            yield from _flat(value, f"{before}{key}.", depth + 1)
        else:
            yield f"{before}{key}", value


def pacman_records(text: str, _: Path) -> TableRecords:
    """``Server =`` lines below headings with a country. In lists to choose from all of them are commented out."""
    records: list[Mapping[str, Any]] = []
    country: str | None = None
    lost = []
    for number, line in enumerate(text.splitlines(), start=1):
        if server := _SERVER.fullmatch(line):
            url = re.split(r"\$(?:repo|arch)\b|\$\{(?:repo|arch)\}", server[1], maxsplit=1)[0]
            records.append({"url": url, **({"location": country} if country else {})})
        elif heading := _HEADING.fullmatch(line):
            if read_countries().normalise(heading[1]) or heading[1].casefold() in ("worldwide", "global", "world"):
                country = heading[1]
        elif line.strip(" #\t"):
            lost.append(Loss("line", f"{number} {masked(line)}", "it is no Server line"))
    return TableRecords(["url", "location"], records, lost=lost)


def masterlist_records(text: str, _: Path) -> TableRecords:
    """Paragraphs of fields, with a site and the paths of several trees on it."""
    records, lost = read_masterlist(text)
    return TableRecords(list(dict.fromkeys(key for each in records for key in each)), records, lost=lost)


def _entries(directory: Path) -> list[Path]:
    """What is in a directory and right below it; raises ImportFault as ``read_records`` does."""
    found: list[Path] = []
    try:
        for each in sorted(directory.iterdir()):
            found += [each] if not each.is_dir() else [] if each.is_symlink() else sorted(each.iterdir())
            if len(found) > MOST_RECORDS:
                raise ImportFault(f"{directory} has more than {MOST_RECORDS} files; name the directory of the mirrors")
    except OSError as error:
        raise ImportFault(f"{error.filename}: {error.strerror}; name a directory that can be read") from None
    return found


def _is_small_file(path: Path) -> bool:
    """Whether a path is a regular file of some bytes, and not too many."""
    try:
        found = path.lstat()
    except OSError:
        return False
    return stat.S_ISREG(found.st_mode) and 0 < found.st_size <= LARGEST_SHELL_FILE


def shell_records(directory: Path, encoding: str | None) -> TableRecords:
    """A record for each file in a directory and those right below it: what it assigns, and its first remark."""
    columns: dict[str, None] = {"file": None}
    records: list[Mapping[str, Any]] = []
    lost = []
    for path in _entries(directory):
        if not _is_small_file(path):
            lost.append(Loss("file", path.name, "it is no small file of assignments"))
            continue
        record: dict[str, Any] = {"file": path.name}
        if path.parent != directory:
            record["directory"] = path.parent.name.replace("_", " ")
        try:
            text = text_of(data_of(path), path, encoding)
        except ImportFault as fault:
            lost.append(Loss("file", path.name, str(fault)))
            continue
        for line in text.splitlines()[:1000]:
            if found := _ASSIGNED.fullmatch(line):
                record[found[1]] = next(each for each in (found[2], found[3], found[4], "") if each is not None)
            elif (
                line.startswith("#")
                and not line.startswith("#!")
                and "remark" not in record
                and "mirror" in line.lower()
            ):
                record["remark"] = line.strip("# ")
        if not any(_ADDRESS.match(str(value)) for key, value in record.items() if key not in ("file", "remark")):
            lost.append(Loss("file", path.name, "it assigns no address"))
            continue
        records.append(record)
        columns.update(dict.fromkeys(record))
    return TableRecords(list(columns), records, lost=lost)


def delimited_records(text: str, source: Path) -> TableRecords:
    """Cells between tabs, semicolons, bars, commas or, without any of these, blanks; with a heading or without one."""
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    delimiter = _delimiter(lines[:MOST_LINES_LOOKED_AT])
    try:
        if delimiter:
            found = [(number, row) for number, row in _csv_rows(text, delimiter) if any(map(str.strip, row))]
        else:
            found = [(number, line.split()) for number, line in enumerate(lines, start=1)]
    except csv.Error as error:
        raise ImportFault(f"{source} is no table ({error}); look for quotes that are not closed") from None
    if not found:
        return TableRecords([], [])
    head = [] if any(_ADDRESS.match(cell) for cell in found[0][1]) else [cell.strip() for cell in found[0][1]]
    body = found[1:] if head else found
    width = len(head) or max(len(row) for _, row in body)
    columns = _distinct([*head, *(f"column {number}" for number in range(len(head) + 1, width + 1))])
    return TableRecords(columns, [_cells(row, columns) for _, row in body], are_named=bool(head))


def _csv_rows(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True, strict=True)
    for row in reader:
        if not (row and row[0].lstrip().startswith("#")):
            yield reader.line_num, row


def _delimiter(lines: Sequence[str]) -> str | None:
    """The one that every line has; of several the one that they have equally often, then the most of."""
    counts = {each: [line.count(each) for line in lines] for each in DELIMITERS}
    possible = [each for each in DELIMITERS if counts[each] and min(counts[each]) > 0]
    return max(possible, key=lambda each: (len(set(counts[each])) == 1, min(counts[each])), default=None)


def _distinct(columns: Sequence[str]) -> list[str]:
    found: list[str] = []
    for number, column in enumerate(columns, start=1):
        name = column or f"column {number}"
        found.append(name if name not in found else f"{name} ({number})")
    return found


def _cells(row: Sequence[str], columns: Sequence[str]) -> dict[str, Any]:
    record: dict[str, Any] = {name: cell.strip() for name, cell in zip(columns, row, strict=False)}
    if further := [cell.strip() for cell in row[len(columns) :] if cell.strip()]:
        record[FURTHER] = further
    return record


def _begins(*starts: str) -> Callable[[str, str], bool]:
    return lambda text, _: text.lstrip("\ufeff \t\r\n").startswith(starts)


def _has(pattern: str) -> Callable[[str, str], bool]:
    found = re.compile(pattern, re.MULTILINE)
    return lambda text, _: found.search(text) is not None


FORMS: tuple[tuple[Callable[[str, str], bool], Callable[[str, Path], TableRecords]], ...] = (
    (_begins("{", "["), json_records),
    (lambda _, suffix: suffix in (".yml", ".yaml"), yaml_records),
    (_begins("- ", "---\n", "---\r\n"), yaml_records),
    (_has(r"^\s*#?\s*Server\s*=\s*\S"), pacman_records),
    (_has(r"^Site:[ \t]*\S"), masterlist_records),
    (lambda *_: True, delimited_records),
)
"""How each form is recognised, and read; the first that fits."""


_DEB822 = re.compile(r"([A-Za-z][A-Za-z0-9-]*):[ \t]*(.*)")


def read_masterlist(text: str) -> tuple[list[Mapping[str, Any]], list[Loss]]:
    """The sites by their fields, with whole addresses, and the lines that are no field of a site."""
    records: list[Mapping[str, Any]] = []
    lost = []
    for paragraph in re.split(r"\n[ \t]*\n", text.replace("\r\n", "\n")):
        record: dict[str, Any] = {}
        last = ""
        for line in paragraph.splitlines():
            if found := _DEB822.fullmatch(line):
                last = found[1]
                key = last if last not in record else f"{last} (again)"
                between = " | " if last == "Location" else ", "
                record[key] = f"{record[key]}{between}{found[2].strip()}" if key in record else found[2].strip()
            elif line.startswith((" ", "\t")) and last:
                record[last] = f"{record[last]} {line.strip()}".strip()
            elif line.strip() and not line.startswith("#"):
                lost.append(Loss("line", masked(line), "it is no field"))
        if "Site" in record:
            records.append(dict(_of_site(record)))
        elif record:
            lost.append(Loss("paragraph", masked(next(iter(record.values()))), "it names no Site"))
    return records, lost


def _of_site(record: Mapping[str, str]) -> Iterator[tuple[str, Any]]:
    """The fields with whole addresses, a code for the country, the sponsor apart from its page, and several places."""
    if {"Country (again)", "Location (again)"} & record.keys():
        yield "Location", _places(record)
        record = {key: value for key, value in record.items() if key.split(" ")[0] not in ("Country", "Location")}
    for key, value in record.items():
        scheme = key.rpartition("-")[2].lower()
        if "-" in key and scheme in SCHEMES and "://" not in value:
            yield key, f"{scheme}://{record['Site']}/{value.lstrip('/')}"
        elif key == "Country":
            yield key, value.split(" ")[0]
        elif key == "Sponsor" and "://" in value:
            name, _, page = value.rpartition(" ")
            yield from (("Sponsor", name.strip()), ("Sponsor-URL", page))
        else:
            yield key, value


def _places(record: Mapping[str, str]) -> list[str]:
    """The places of a site in several countries or cities: each city in that of its countries that has it."""
    codes = [
        each.strip().split(" ")[0] for key in ("Country", "Country (again)") for each in record.get(key, "").split(", ")
    ]
    cities = [record.get("Location", ""), *record.get("Location (again)", "").split(" | ")]
    left, found = codes, []
    for city in filter(None, cities):
        name = city.split(",")[0].strip()
        of = next((code for code in left if read_gazetteer().cities(code, name)), left[0] if left else "")
        found.append(f"{city}, {of}")
        codes = [code for code in codes if code != of]
    return [*found, *codes]
