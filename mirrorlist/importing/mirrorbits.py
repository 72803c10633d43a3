"""Import from mirrorbits: its JSON, a mirror's YAML, what ``list`` and ``export mirmon`` print, scripts of ``add``."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from itertools import dropwhile, groupby, pairwise
from pathlib import Path
from typing import Any

from mirrorlist.core.errors import ImportFault
from mirrorlist.importing.documents import Loss, data_of, json_of, text_of, yaml_of
from mirrorlist.importing.imported_mirror import (
    Export,
    ImportedMirror,
    ImportedRow,
    ImportRequest,
    entries,
    is_blank,
    masked,
    number,
    rows,
    strays,
    text,
)
from mirrorlist.sources.places.countries import continents, read_countries

LOST = {
    "score": "write a factor under weights in service.yml",
    "sponsorlogourl": "put the picture beside the file and write logo",
    "comment": "write a comment into the file",
    "allowredirects": "a mirror that redirects is judged by where it leads",
}
OBSERVED = (
    "id", "up", "httpup", "httpsup", "since", "reason", "downreason", "httpdownreason", "httpsdownreason", "statesince",
    "lastsync", "lastsuccessfulsync", "lastsuccessfulsyncprotocol", "lastsuccessfulsyncprecision", "lastmodtime",
    "tzoffset", "excludereason", "absoluteurl", "distance", "computedscore", "rank", "weight", "filepath", "fileinfo",
    "countryfields", "asname",
)  # fmt: skip
"""What mirrorbits found out, or worked out for one request."""
ANSWERED = {"sponsorname": "sponsor", "sponsorurl": "sponsor_url", "adminemail": "email", "adminname": "contact_name",
            "asnum": "asn"}  # fmt: skip
ADDRESSES = ("HttpURL", "RsyncURL", "FtpURL")
COLUMNS = {
    "identifier": "Name", "name": "Name", "http": "HttpURL", "rsync": "RsyncURL", "ftp": "FtpURL",
    "location": "CountryCodes", "state": "State", "score": "Score",
}  # fmt: skip
OPTIONS = {
    **{scheme: f"{scheme.capitalize()}URL" for scheme in ("http", "rsync", "ftp")},
    "sponsor-name": "SponsorName", "sponsor-url": "SponsorURL", "sponsor-logo": "SponsorLogoURL",
    "admin-name": "AdminName", "admin-email": "AdminEmail", "custom-data": "CustomData", "score": "Score",
    "comment": "Comment", "continent-only": "ContinentOnly", "country-only": "CountryOnly", "as-only": "ASOnly",
}  # fmt: skip
"""The options of ``mirrorbits add`` and the fields that they set."""
COMMENTS = re.compile(rb"^(##### Comments go below this line #####|Comment:)\s*$", re.MULTILINE)
"""What ``edit`` and ``show`` write under the YAML; words of people follow."""
TAB = 8
"""Columns between the stops to which ``list`` aligns its table, with tabs."""
_WORD = re.compile(r"\S+")
_MIRMON = re.compile(r"\s*([A-Za-z]{2})\s+((?:https?|rsync|ftp)://\S+)(?:\s+(\S+@\S+))?\s*", re.ASCII)
COMMANDS = ("add", "enable", "disable", "scan", "remove")


def read(request: ImportRequest) -> Export:
    """Every mirror of an export.

    Raises:
        ImportFault: it is in none of the layouts.
    """
    data = data_of(request.source)
    lost: list[Loss] = []
    found = _records(data, request.source, lost)
    if not found:
        raise ImportFault(f"{request.source} has no mirror; export them again")
    return Export([_mirror(each, request.module) for each in found], lost)


def _mirror(record: Mapping[Any, Any], module: str) -> ImportedMirror:
    row = ImportedRow(record)
    name = text(row.take("name"))
    mirror = ImportedMirror(name or masked(record.get("HttpURL", "a mirror without a name")))
    given = [row.take(key) for key in ADDRESSES]
    mirror.addresses((url for each in given for url in (each if isinstance(each, list) else [each])), module)
    for key, answer in ANSWERED.items():
        if (value := row.take(key)) != 0 and not is_blank(value):
            mirror.read(key, value, answer)
    mirror.coordinates(row)
    _clients(mirror, row)
    state = (text(row.take("state")) or "").lower().split()
    enabled = row.take("enabled")
    if "disabled" in state[:1] or not (is_blank(enabled) or mirror.flag("Enabled", enabled)):
        mirror.disable("Disabled in mirrorbits.")
    row.drop(OBSERVED)
    mirror.leave(row, LOST)
    return mirror


def _clients(mirror: ImportedMirror, row: ImportedRow) -> None:
    """Takes where the mirror is and who may have it. What cannot be carried over pauses it."""
    said = [each for each in entries(row.take("countrycodes")) if not re.fullmatch(r"\([A-Z]{2}\)|/|\(\)", str(each))]
    continent = text(row.take("continentcode"))
    if said:
        mirror.read("CountryCodes", said[0], "country")
    elif continent:
        mirror.place("continent", next(iter(continents(continent)), None))
    if mirror.flag("CountryOnly", row.take("countryonly")):
        mirror.countries("CountryOnly", said, "countries_only")
        if not said:
            mirror.pause("CountryOnly without a country cannot be carried over.")
    else:
        mirror.countries("CountryCodes", said[1:], "places")
        if "places" in mirror.fields:
            mirror.fields["places"] = [{"country": code} for code in mirror.fields["places"]]
    if mirror.flag("ContinentOnly", row.take("continentonly")) and "countries_only" not in mirror.fields:
        _continent_only(mirror, continent)
    if mirror.flag("ASOnly", row.take("asonly")):
        mirror.put("private", True)
        if "asn" not in mirror.fields:
            mirror.lose("ASOnly", True, "no number is known, so the mirror serves nobody until it has asn or subnets")
    mirror.countries("ExcludedCountryCodes", entries(row.take("excludedcountrycodes")), "countries_never")


def _continent_only(mirror: ImportedMirror, continent: str | None) -> None:
    countries = read_countries().by_code
    country = countries.get(mirror.fields.get("geolocation", {}).get("country"))
    code = country.continent if country else continent
    inside = [each.code for each in countries.values() if each.continent == code]
    if inside:
        mirror.put("countries_only", inside)
    else:
        mirror.lose("ContinentOnly", True, "no continent is known; name the countries in countries_only")
        mirror.pause("ContinentOnly without a continent cannot be carried over.")


def _records(data: bytes, source: Path, lost: list[Loss]) -> Sequence[Mapping[Any, Any]]:
    if data.lstrip()[:1] in (b"{", b"["):
        found = json_of(data, source)
        if isinstance(found, dict) and ("MirrorList" in found or "ExcludedList" in found):
            found = [*(found.get("MirrorList") or ()), *(found.get("ExcludedList") or ())]
        if isinstance(found, dict) and "HttpURL" in found:
            return [found]
        lost += strays(found)
        return rows(found)
    lines = text_of(data, source).splitlines()
    for read_lines in (_mirmon, _script):
        if records := read_lines(lines, lost):
            return records
    head = next((index for index, line in enumerate(lines) if _is_head(line)), None)
    if head is not None:
        return _table(source, *(line.expandtabs(TAB) for line in lines[head:]))
    only = yaml_of(COMMENTS.split(data, maxsplit=1)[0], source, lost)
    keys = {str(key).lower() for key in only}
    if "httpurl" in keys:
        return [only]
    if {"redisaddress", "repository"} & keys:
        raise ImportFault(f"{source} is mirrorbits' own configuration; docs/moving.md says what becomes of its keys")
    found = rows(only)
    if any("httpurl" in {str(key).lower() for key in each} for each in found):
        lost += strays(only)
        return found
    raise ImportFault(
        f"{source} is no export of mirrorbits; give its JSON, or what mirrorbits list -http -rsync -location prints"
    )


def _mirmon(lines: Sequence[str], lost: list[Loss]) -> list[Mapping[str, Any]]:
    """The mirrors of ``export mirmon``, which has a line for each address."""
    known: dict[str, dict[str, Any]] = {}
    unread = []
    for number_of_line, line in enumerate(lines, start=1):
        if found := _MIRMON.fullmatch(line):
            host = found[2].split("/")[2].rpartition("@")[2]
            row = known.setdefault(host, {"Name": host, "CountryCodes": found[1], "HttpURL": []})
            row["HttpURL"].append(found[2])
            if found[3]:
                row.setdefault("AdminEmail", found[3])
        elif line.strip() and not line.lstrip().startswith("#"):
            unread.append(Loss("line", f"{number_of_line} {masked(line)}", "it is no country, address and e-mail"))
    if known:
        lost += unread
    return list(known.values())


def _script(lines: Sequence[str], lost: list[Loss]) -> list[Mapping[str, Any]]:
    """The mirrors that a script or a shell's history adds; those that it never enables are off."""
    known: dict[str, dict[str, Any]] = {}
    on, says, unread = set[str](), False, []
    for begun, line in _joined(lines):
        try:
            commands = list(_commands(line))
            if not commands and {"mirrorbits", "add"} <= set(re.split(r"[^a-z]+", line)):
                unread.append(Loss("line", f"{begun} {masked(line)}", "no command of mirrorbits is understood in it"))
        except ValueError as error:
            unread.append(Loss("line", f"{begun} {masked(line)}", f"{error}; correct its quotes"))
            continue
        for command, words in commands:
            if command == "add":
                added = _added(words)
                if added is None:
                    unread.append(
                        Loss("line", f"{begun} {masked(line)}", "it has no name, or an option without a value")
                    )
                elif known.setdefault(added["Name"], added) is not added:
                    unread.append(Loss("line", f"{begun} {masked(line)}", "it adds a mirror that is added before"))
                continue
            says = says or command in ("enable", "disable") or any(word.strip("-") == "enable" for word in words)
            _switch(command, words, known, on)
    if known:
        lost += unread
        if not says:
            lost.append(Loss("enable", "", "no line enables or disables a mirror, so all are written as live"))
    for name, record in known.items():
        record["Enabled"] = name in on or not says
    return list(known.values())


def _commands(line: str) -> Iterator[tuple[str, list[str]]]:
    """The commands of mirrorbits in a line of a shell script, with their words; raises ValueError for open quotes."""
    if "mirrorbits" not in line:
        return
    lexer = shlex.shlex(line, posix=True, punctuation_chars=";&|()")
    lexer.whitespace_split = True
    for is_between, group in groupby(lexer, key=lambda token: set(token) <= set(";&|()")):
        words = list(group)
        called = [index for index, word in enumerate(words) if word.rpartition("/")[2] == "mirrorbits"]
        if is_between or not called:
            continue
        # also behind sudo -u mirrorbits and options such as -P password
        if rest := list(dropwhile(lambda word: word not in COMMANDS, words[called[0] + 1 :])):
            yield rest[0], rest[1:]


def _joined(lines: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Lines of a shell script without comments, those that end in a backslash with the next one, and their numbers."""
    begun, text_so_far = 0, ""
    for number_of_line, line in enumerate([*lines, ""], start=1):
        begun = begun or number_of_line
        if line.rstrip().endswith("\\"):
            text_so_far += line.rstrip()[:-1] + " "
            continue
        whole = text_so_far + line
        if not whole.lstrip().startswith("#"):
            yield begun, whole
        begun, text_so_far = 0, ""


def _added(words: Sequence[str]) -> dict[str, Any] | None:
    """The record that ``mirrorbits add`` makes; None where the words are no such command."""
    found: dict[str, Any] = {}
    left = list(words)
    while left:
        word = left.pop(0)
        if not word.startswith("-"):
            return {"Name": word, **found, **({"further words": " ".join(left)} if left else {})}
        name, is_given, value = word.lstrip("-").partition("=")
        if name.endswith("-only"):
            found[OPTIONS.get(name, name)] = value or "true"
            continue
        if not is_given:
            if not left:
                return None
            value = left.pop(0)
        found[OPTIONS.get(name, name)] = int(value) if name == "score" and number(value) is not None else value
    return None


def _switch(command: str, words: Sequence[str], known: dict[str, dict[str, Any]], on: set[str]) -> None:
    """Enables, disables or removes what a command names."""
    options = {word.strip("-") for word in words if word.startswith("-")}
    names = set(known) if "all" in options else {*words}
    if command == "enable" or "enable" in options:
        on |= names
    elif command == "disable":
        on -= names
    elif command == "remove":
        for name in names:
            known.pop(name, None)


def _is_head(line: str) -> bool:
    words = line.split()
    return len(words) > 1 and words[0].lower() in ("identifier", "name") and all(each.isupper() for each in words[1:])


def _table(source: Path, head: str, *lines: str) -> list[Mapping[str, str]]:
    """The rows of what ``list`` prints; columns begin where the words of the heading do."""
    starts = [(found.start(), found[0].lower()) for found in _WORD.finditer(head)]
    if not {"http", "rsync", "ftp"} & {word for _, word in starts}:
        raise ImportFault(
            f"{source} is a list without addresses; have them printed by mirrorbits list -http -rsync -ftp -location "
            "-score, or by mirrorbits export mirmon"
        )
    ends = [*(after[0] for _, after in pairwise(starts)), None]
    found = [
        {COLUMNS.get(word, word): line[at:end].strip() for (at, word), end in zip(starts, ends, strict=True)}
        for line in lines
    ]
    return [{key: value for key, value in row.items() if value not in ("", "0")} for row in found if row.get("Name")]
