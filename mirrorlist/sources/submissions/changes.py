"""A change of mirror files: all mirrors without it and with it."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path

from mirrorlist.core.errors import ClientCountsError, Finding
from mirrorlist.core.mirror import status_on
from mirrorlist.core.model import Mirror, Status
from mirrorlist.core.network.population import Counted
from mirrorlist.core.network.prefixes import parse_prefix
from mirrorlist.core.preview.preview import NetworkChange
from mirrorlist.sources.mirrors.files import parse_mirror, read_mirror_files, read_regular
from mirrorlist.sources.mirrors.subnet_lists import with_published_subnets
from mirrorlist.sources.places.countries import Countries
from mirrorlist.sources.places.locations import placed
from mirrorlist.sources.submissions.guarded import guarded_files
from mirrorlist.sources.submissions.submission import SubmissionTerms
from mirrorlist.sources.yaml.documents import printable, shown

NOT_YET = frozenset({Status.OFFERED, Status.ACCEPTED, Status.PAPERWORK, Status.DEPLOYING, Status.SYNCING})
"""Who has one of these is shown as if it were live: that is what its file is for."""


@dataclass(frozen=True, slots=True)
class Told:
    """A change that was read. ``not_yet`` are the statuses of mirrors that are shown as if they were live, by name;
    ``missing`` the names of removed files that are nowhere."""

    change: NetworkChange
    not_yet: Mapping[str, Status]
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Directories:
    """That of all mirrors, that of the files as they were (None: the same one), and the state."""

    mirrors: Path
    former: Path | None
    state: Path


def read_change(
    files: Mapping[Path, Mirror | None], removed: Sequence[str], where: Directories, terms: SubmissionTerms, now: float
) -> Told:
    """What files that were accepted change, together with the files of these names that are removed.

    A file that lies in the directory itself is new unless ``former`` has one of its name.
    """
    reader = _Reader(terms, where.state, now)
    around = reader.directory(where.mirrors)
    former = reader.directory(where.former) if where.former else around
    new = [reader.read(mirror) for mirror in files.values() if mirror]
    directory = where.mirrors.resolve() if where.former is None else None
    inside = {path.name for path in files if path.parent.resolve() == directory}
    touched = {path.name for path in files} | set(removed)
    old = [former[name] for name in sorted(touched - inside) if name in former]
    others = [mirror for name, mirror in around.items() if name not in touched]
    live = [replace(mirror, status=Status.LIVE) if mirror.status in NOT_YET else mirror for mirror in new]
    after = _by_name([*others, *live])
    return Told(
        NetworkChange(_by_name([*others, *old]), after, tuple(dict.fromkeys(mirror.name for mirror in [*new, *old]))),
        {mirror.name: mirror.status for mirror in new if mirror.status in NOT_YET},
        tuple(name for name in removed if name not in former),
    )


class _Reader:
    """Takes mirrors as the service would today."""

    def __init__(self, terms: SubmissionTerms, state: Path, now: float) -> None:
        self._terms = terms
        self._state = state
        self._now = now

    def directory(self, directory: Path) -> dict[str, Mirror]:
        """The mirrors of a directory, by file name."""
        modules = frozenset(self._terms.service.modules)
        files = read_mirror_files(directory, modules, self._terms.atlas.countries)
        served = guarded_files(files, directory, self._terms, self._listed)
        return {name: self._placed(mirror) for name, mirror in served.items()}

    def read(self, mirror: Mirror) -> Mirror:
        """The mirror with its place, today's status, and the subnets that it published, as far as they are known."""
        return self._placed(self._listed(mirror))

    def _listed(self, mirror: Mirror) -> Mirror:
        return with_published_subnets(mirror, self._state, self._now)

    def _placed(self, mirror: Mirror) -> Mirror:
        today = datetime.fromtimestamp(self._now, UTC).date()
        return placed(status_on(mirror, today), self._terms.atlas)


def _by_name(mirrors: Sequence[Mirror]) -> tuple[Mirror, ...]:
    return tuple({mirror.name: mirror for mirror in mirrors}.values())


# Edits change a few lines, as a person would; everything else stays as it is.

_STATUS = re.compile(rb"status(_reason|_since|_until)?[ \t]*:")
_END = re.compile(rb"\.\.\.[ \t\r]*\n?")


def paused(data: bytes, name: str, reason: str, today: date, around: tuple[Collection[str], Countries]) -> bytes | None:
    """The file with the status paused since today; None where a few lines cannot do that.

    ``reason`` is a plain sentence of ours. ``around`` are the modules and countries by which files are read.
    """
    before = parse_mirror(data, name, *around)[0]
    lines = [line for line in data.split(b"\n") if not _STATUS.match(line)]
    end = next((index for index, line in enumerate(lines) if _END.fullmatch(line + b"\n")), len(lines))
    while end and not lines[end - 1].strip():
        end -= 1
    feed = b"\r" if lines[0].endswith(b"\r") else b""
    added = [f"status: paused\nstatus_reason: {reason}\nstatus_since: {today.isoformat()}"]
    new = [each.encode() + feed for each in added[0].split("\n")]
    edited = b"\n".join([*lines[:end], *new, *lines[end:]])
    edited = edited if edited.endswith(b"\n") else edited + b"\n"
    wanted = before and replace(
        before, status=Status.PAUSED, status_reason=reason, status_since=today.isoformat(), status_until=None
    )
    return edited if wanted and parse_mirror(edited, name, *around)[0] == wanted else None


# Client counts: a CSV file, or the output of ``mirrorlist counts --json``.

HEADER = "client,count"
UNKNOWN = "-"
"""A client of which nothing is known."""
MOST_BYTES = 8 << 20
MOST_ROWS = 100_000
MOST_CLIENTS = 10**15
_COUNT = re.compile(r"0|[1-9][0-9]{0,15}", re.ASCII)
_ASN = re.compile(r"AS([1-9][0-9]{0,9})", re.ASCII)
_MOST_ASN = 2**32 - 2


def read_client_counts(path: Path, countries: Countries) -> tuple[Counted, ...]:
    """The counts of a file, in its order; those of 0 are left out.

    Raises:
        ClientCountsError: the file cannot be read or is malformed; the message names it, the line and the remedy.
    """
    data = read_regular(path, MOST_BYTES)
    if isinstance(data, Finding):
        raise ClientCountsError(f"{data.path}: {data.message}")
    name = printable(str(path))
    if len(data) > MOST_BYTES:
        raise ClientCountsError(
            f"{name}: the file is larger than {MOST_BYTES >> 20} MiB; count larger networks together"
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ClientCountsError(f"{name}: the file is not UTF-8; write it again as UTF-8") from None
    rows = _json_rows(text, name) if text.lstrip().startswith("{") else _csv_rows(text, name)
    found = tuple(_counted(rows, countries))
    if not found:
        raise ClientCountsError(f"{name}: no clients are counted in it; write lines such as DE,1200 below {HEADER}")
    return found


Row = tuple[str, str, int]
"""Where it is, who is counted, how many."""


def _csv_rows(text: str, name: str) -> Iterator[Row]:
    lines = text.splitlines()
    if not lines or lines[0] != HEADER:
        raise ClientCountsError(f"{name}:1: the first line is {shown(lines[0] if lines else '')}; write {HEADER}")
    if len(lines) > MOST_ROWS + 1:
        raise ClientCountsError(f"{name}:{MOST_ROWS + 2}: there are more than {MOST_ROWS} counts; leave out small ones")
    for number, line in enumerate(lines[1:], start=2):
        cells = line.split(",")
        if len(cells) != 2:
            raise ClientCountsError(f"{name}:{number}: {shown(line)} has {len(cells)} columns; write two, as DE,1200")
        if not _COUNT.fullmatch(cells[1]) or int(cells[1]) > MOST_CLIENTS:
            remedy = f"write a whole number up to {MOST_CLIENTS}"
            raise ClientCountsError(f"{name}:{number}: the count {shown(cells[1])} is none; {remedy}")
        yield f"{name}:{number}", cells[0], int(cells[1])


def _json_rows(text: str, name: str) -> Iterator[Row]:
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        raise ClientCountsError(f"{name}: the file is no JSON; write it by mirrorlist counts --json") from None
    sums = said.get("country")
    if not isinstance(sums, dict) or len(sums) > MOST_ROWS:
        raise ClientCountsError(f"{name}: there are no counts under country; write it by mirrorlist counts --json")
    for who, count in sums.items():
        if not isinstance(count, int) or isinstance(count, bool) or not 0 <= count <= MOST_CLIENTS:
            raise ClientCountsError(f"{name}: country {shown(who)}: the count is no whole number from 0 on")
        yield f"{name}: country", who, count


def _counted(rows: Iterator[Row], countries: Countries) -> Iterator[Counted]:
    seen: dict[Counted, str] = {}
    for where, who, count in rows:
        each = _who(who, countries)
        if each is None:
            remedy = "write a country (DE), a network (192.0.2.0/24), a system (AS64500), or - for clients unknown"
            raise ClientCountsError(f"{where}: {shown(who)} is none of these; {remedy}")
        first = seen.setdefault(each, where)
        if first != where:
            raise ClientCountsError(f"{where}: {shown(who)} is counted at {first} already; add them up in one line")
        if count:
            yield Counted(float(count), each.country, each.prefix, each.asn)


def _who(text: str, countries: Countries) -> Counted | None:
    """Who is counted, without a number; None for anything that is not written as it should."""
    if text == UNKNOWN:
        return Counted(0.0)
    if text in countries.by_code:
        return Counted(0.0, country=text)
    if system := _ASN.fullmatch(text):
        asn = int(system[1])
        return Counted(0.0, asn=asn) if asn <= _MOST_ASN else None
    if "/" not in text:
        return None
    try:
        prefix, exact = parse_prefix(text)
    except ValueError:
        return None
    return Counted(0.0, prefix=prefix) if exact and text == text.strip() else None
