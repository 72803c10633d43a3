"""Renew downloaded databases and cloud ranges: downloaded aside, checked against what is known, then swapped.

Nothing bad replaces something good: what is damaged, older, much smaller or contradicts the registries' data is refused
with a reason, and the former file stays in effect.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import msgspec
import numpy as np

from mirrorlist.core.catalogue.service import DOWNLOADS, Download, Service, Vendor
from mirrorlist.core.errors import DownloadError, GeoDatabaseError, MirrorlistError
from mirrorlist.core.network.intervals import as_numbers
from mirrorlist.core.updates import UpdateOutcome, UpdateResult
from mirrorlist.files_on_disk import alone, open_regular, write_whole
from mirrorlist.settings import Settings
from mirrorlist.sources.geo.bundled import read_embedded_asns
from mirrorlist.sources.geo.clouds import embedded_cloud_ranges, read_cloud_ranges, serial_of
from mirrorlist.sources.geo.databases import compiled, entry_name, load, save
from mirrorlist.sources.geo.downloads import CLOUD_URLS, Downloader, Validators
from mirrorlist.sources.geo.mmdb import built_at
from mirrorlist.sources.geo.tables import GeoTables
from mirrorlist.sources.submissions.terms import CACHE

SAMPLES = 3000
"""Addresses that are looked up in a new database, evenly spread over IPv4; 2,574 of them are delegated in 2026."""
LEAST_AGREEMENT = 0.6
"""Of the sampled addresses that both know. DB-IP's city data of June 2026 agrees with the registries in 0.91."""
LEAST_COVERAGE = 0.5
"""Of the delegated addresses, for a vendor's whole database; an operator's own may be of few networks."""
LEAST_SIZE = 0.5
"""Of the number of networks before."""
LONGEST_KEY = 4096


class DownloadNote(msgspec.Struct, frozen=True):
    """What is remembered of a download. Times are seconds since 1970; ``error`` is the last one, empty if none."""

    checked_at: float = 0.0
    changed_at: float = 0.0
    built_at: float = 0.0
    url: str = ""
    etag: str | None = None
    modified: str | None = None
    error: str = ""

    @property
    def validators(self) -> Validators:
        return Validators(url=self.url, etag=self.etag, modified=self.modified)


class DownloadNotes:
    """The notes on all downloads of a service, kept in one file beside them."""

    def __init__(self, state_dir: Path) -> None:
        self._file = state_dir / DOWNLOADS / "notes.json"

    def read(self) -> dict[str, DownloadNote]:
        """Name to note; nothing where the file is missing or damaged, which costs one download of each."""
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=dict[str, DownloadNote])
        except (OSError, msgspec.MsgspecError):
            return {}

    def write(self, name: str, note: DownloadNote) -> None:
        """Replaces the note on one download; raises OSError."""
        write_whole(self._file, [msgspec.json.format(msgspec.json.encode(self.read() | {name: note}))])


@dataclass(frozen=True, slots=True)
class Known:
    """What a new database is held against: the country and the ASN of a packed address, None or 0 if unknown."""

    country_of: Callable[[bytes], str | None]
    asn_of: Callable[[bytes], int] = field(default_factory=lambda: read_embedded_asns().table.at)


@dataclass(frozen=True, slots=True)
class DownloadUpdate:
    """One run over the downloads of a service; ``accepted`` names those whose doubts the operator overrules."""

    service: Service
    downloader: Downloader
    now: float
    accepted: Collection[str] = ()
    compile: Callable[[Path], GeoTables] = compiled

    def databases(self, keys: Mapping[Vendor, str], known: Known) -> Iterator[UpdateResult]:
        """Renews each database of ``geo.downloads``.

        Raises:
            DownloadError: another run is under way.
        """
        with self._alone():
            for wanted in self.service.geo.downloads:
                yield self._renewed(wanted.edition, Path(wanted.path), partial(self._database, wanted, keys, known))

    def clouds(self, urls: Mapping[str, str] = CLOUD_URLS) -> Iterator[UpdateResult]:
        """Renews the ranges of each provider of ``geo.cloud_downloads``; raises as ``databases``."""
        with self._alone():
            for provider, path in self.service.geo.cloud_downloads.items():
                target = Path(path)
                yield self._renewed(provider, target, partial(self._ranges, provider, urls[provider], target))

    def _alone(self) -> AbstractContextManager[None]:
        busy = DownloadError("another update of downloads is running; wait for it to end")
        return alone(Path(self.service.state_dir) / DOWNLOADS / ".lock", busy)

    def _renewed(
        self, name: str, target: Path, take: Callable[[Path, Validators], tuple[Validators, float] | None]
    ) -> UpdateResult:
        """Puts a renewed file in place and notes it; of a failure it notes the reason.

        ``take`` writes the new file, and gives its validators and when it was built; None where nothing changed.
        """
        notes = DownloadNotes(Path(self.service.state_dir))
        former = notes.read().get(name, DownloadNote())
        new = target.with_name(f".{name}.new")
        try:
            taken = take(new, former.validators if target.exists() else Validators())
            if taken is None:
                notes.write(name, msgspec.structs.replace(former, checked_at=self.now, error=""))
                return UpdateResult(name, UpdateOutcome.UNCHANGED, built_on(former.built_at))
            new.replace(target)
            found, built = taken
            notes.write(name, DownloadNote(self.now, self.now, built, found.url, found.etag, found.modified))
            return UpdateResult(name, UpdateOutcome.CHANGED, built_on(built))
        except (MirrorlistError, OSError) as error:
            text = str(error) if isinstance(error, MirrorlistError) else f"{target}: {error.strerror or error}"
            reason = text.replace(str(new), name)
            with suppress(OSError):
                notes.write(name, msgspec.structs.replace(former, checked_at=self.now, error=reason))
            return UpdateResult(name, UpdateOutcome.REFUSED, reason)
        finally:
            new.unlink(missing_ok=True)

    def _database(
        self, wanted: Download, keys: Mapping[Vendor, str], known: Known, new: Path, former: Validators
    ) -> tuple[Validators, float] | None:
        key = keys.get(wanted.vendor)
        if wanted.key_file:
            with open_regular(Path(wanted.key_file)) as file:
                key = file.read(LONGEST_KEY).decode("ascii", "replace").strip()
        answer = self.downloader.database(wanted, key, former, self.now, new)
        if answer is None:
            return None
        tables, target = self.compile(new), Path(wanted.path)
        cache = Path(self.service.state_dir) / CACHE
        built = built_at(new)
        if wanted.edition not in self.accepted:
            doubt = _older(built, target) or _smaller(tables, cache, target)
            if doubt := doubt or contradiction(tables, known, whole=wanted.vendor is not Vendor.URL):
                raise DownloadError(f"{doubt}; look at it, and take it up with --accept {wanted.edition}")
        save(cache / entry_name(new), tables)
        return answer.validators, built

    def _ranges(
        self, provider: str, url: str, target: Path, new: Path, former: Validators
    ) -> tuple[Validators, float] | None:
        answer = self.downloader.ranges(provider, url, former, new)
        if answer is None:
            return None
        found = len(read_cloud_ranges({provider: str(new)}))
        if provider not in self.accepted and (doubt := _cloud_doubt(provider, found, new, target)):
            raise DownloadError(f"{doubt}; look at it, and take it up with --accept {provider}")
        return answer.validators, self.now


def build_dates(service: Service) -> dict[str, str]:
    """Each downloaded database that is there, and the day that it was built on."""
    notes = DownloadNotes(Path(service.state_dir)).read()
    return {
        each.edition: f"{datetime.fromtimestamp(notes[each.edition].built_at, UTC):%Y-%m-%d}"
        for each in service.geo.downloads
        if each.edition in notes and Path(each.path).exists()
    }


def keys_of(settings: Settings) -> dict[Vendor, str]:
    """The vendors' keys of the environment."""
    found = {Vendor.MAXMIND: settings.maxmind_key, Vendor.IPINFO: settings.ipinfo_token}
    return {vendor: key for vendor, key in found.items() if key}


def built_on(seconds: float) -> str:
    """When something was built, for people."""
    return f"built on {datetime.fromtimestamp(seconds, UTC):%Y-%m-%d}" if seconds else "never downloaded"


def _older(built: int, target: Path) -> str | None:
    try:
        former = built_at(target)
    except GeoDatabaseError:  # there is none, or none that is worth keeping
        return None
    return f"{built_on(built)}, which is older than the present one, {built_on(former)}" if built < former else None


def _smaller(tables: GeoTables, cache: Path, target: Path) -> str | None:
    former = load(cache / entry_name(target)) if target.exists() else None
    if former is None:
        return None
    before, after = (len(each.located.starts4) + len(each.asns.starts4) for each in (former, tables))
    return f"{after} networks, where the present one has {before}" if after < LEAST_SIZE * before else None


def contradiction(tables: GeoTables, known: Known, whole: bool) -> str | None:
    """What speaks against a database when its answers are held against the registries'; None if nothing does.

    ``whole``: it should know most addresses. What it holds neither of, places or ASNs, is not asked about.
    """
    addresses = [(number * 2_654_435_761 % 2**32).to_bytes(4, "big") for number in range(SAMPLES)]
    questions: list[tuple[str, Callable[[bytes], object], Callable[[bytes], object]]] = []
    if len(tables.places) > 1:
        questions.append(("countries", known.country_of, lambda each: tables.places[tables.located.at(each)].country))
    if np.any(as_numbers(tables.asns.ids4)):
        questions.append(("ASNs", known.asn_of, tables.asns.at))
    for what, right, said in questions:
        pairs = [(right(each), said(each)) for each in addresses]
        asked = [pair for pair in pairs if pair[0]]
        answered = [pair for pair in asked if pair[1]]
        if whole and len(answered) < LEAST_COVERAGE * len(asked):
            return f"it knows the {what} of {len(answered)} of {len(asked)} sampled addresses only"
        same = sum(a == b for a, b in answered)
        if same < LEAST_AGREEMENT * len(answered):
            return f"its {what} agree with the registries' for {same} of {len(answered)} sampled addresses only"
    return None


def _cloud_doubt(provider: str, found: int, new: Path, target: Path) -> str | None:
    """What speaks against new ranges: none, an older edition, or far fewer than now."""
    if not found:
        return f"no address range of {provider} in it"
    former = {provider: str(target)} if target.exists() else {}
    try:
        before = len(read_cloud_ranges(former) if former else embedded_cloud_ranges([provider]))
        if former and serial_of(provider, new) < serial_of(provider, target):
            return "it is older than the present one"
    except GeoDatabaseError:  # the present one is of no use
        return None
    return f"{found} address ranges, where there are {before} now" if found < LEAST_SIZE * before else None
