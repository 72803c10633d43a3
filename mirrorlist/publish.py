"""Compiles snapshots: something changed? read it, judge it, write a new one. One process does this.

Nothing bad replaces something good: a service file, a mirror file or a database that breaks leaves what was
last good in force, and the log says so.
"""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import structlog

from mirrorlist.core.compile import country_places, network_classes, place_orders
from mirrorlist.core.errors import Finding, GeoDatabaseError, MirrorlistError, ServiceFileError, Severity, SnapshotError
from mirrorlist.core.lifecycle import status_on
from mirrorlist.core.metadata import metadata_from
from mirrorlist.core.model import MAIN, Mirror, Prefix, RepoMetadata
from mirrorlist.core.service import GeoSources, Service
from mirrorlist.core.snapshot import Facts, Snapshot, encode
from mirrorlist.sources.cloud_ranges import Region, read_cloud_ranges
from mirrorlist.sources.countries import read_countries
from mirrorlist.sources.geo_database import GeoTables, read_geo_databases
from mirrorlist.sources.last_good import LastGood
from mirrorlist.sources.locations import placed
from mirrorlist.sources.mirror_files import read_mirror_files
from mirrorlist.sources.service_file import read_service
from mirrorlist.store.metadata import MetadataStore
from mirrorlist.store.snapshot_files import read_newest, signature, write_snapshot

log = structlog.get_logger()

GUARDED_ABOVE = 10
LEAST_SHARE = 0.7


class Shrunk(MirrorlistError):
    """A new generation lost so many mirrors that it is probably a mistake."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """The files that a publisher reads; ``None`` is what the service file says."""

    config: Path
    mirrors: Path | None = None
    state: Path | None = None


@dataclass(frozen=True, slots=True)
class Networks:
    """What is known of addresses, read from the files of service.yml."""

    geo: GeoTables
    clouds: Sequence[tuple[Prefix, Region]]
    country_places: Mapping[str, int]


class Publisher:
    """Reads the inputs and writes snapshots; ``new_key`` makes the spread's key of a first snapshot."""

    def __init__(self, inputs: Inputs, store: MetadataStore, service: Service, new_key: Callable[[], bytes]) -> None:
        self._inputs = inputs
        self._store = store
        self._service = service
        self._service_findings: tuple[Finding, ...] = ()
        self._state_dir = Path(service.state_dir)
        self._new_key = new_key
        self._last_good = LastGood()
        self._networks: tuple[Hashable, Networks] | None = None
        self._former = _former(self._state_dir)

    @property
    def service(self) -> Service:
        """The service file in force."""
        return self._service

    def fingerprint(self, now: float) -> Hashable:
        """A value that changes whenever a new snapshot would differ: files, metadata, or dates (each hour)."""
        directory = Path(self._service.mirrors_dir)
        names = sorted(entry.name for entry in directory.iterdir()) if directory.is_dir() else []
        return (
            signature(self._inputs.config),
            tuple((name, signature(directory / name)) for name in names),
            self._network_signature(self._service.geo),
            self._store.version(),
            int(now // 3600),
        )

    def publish(self, now: float, force: bool = False) -> Snapshot:
        """Compiles and writes the next generation.

        Raises:
            Shrunk: too many mirrors vanished without their files being deleted; the former snapshot stays.
        """
        with only_one(self._state_dir):
            self._former = _former(self._state_dir)
            snapshot = self.compiled(now, force)
            write_snapshot(self._state_dir, encode(snapshot))
        log.info("published", generation=snapshot.facts.generation, mirrors=len(snapshot.mirrors))
        return snapshot

    def compiled(self, now: float, force: bool = False) -> Snapshot:
        """The next generation, not written; raises as ``publish``."""
        self._read_service()
        return self._compile(now, force)

    def _read_service(self) -> None:
        """Takes up service.yml; one that broke leaves the last good one in force."""
        try:
            service, findings = read_service(self._inputs.config, self._inputs.mirrors, self._inputs.state)
        except ServiceFileError as error:
            log.error("service file refused, the last good one stays in force", findings=list(map(str, error.findings)))
            self._service_findings = error.findings
        else:
            self._service, self._service_findings = service, findings

    def _compile(self, now: float, force: bool) -> Snapshot:
        service = self._service
        mirrors, findings = self._read_mirrors(now)
        if not force:
            self._guard(mirrors)
        networks = self._read_networks(service.geo)
        geo = networks.geo
        table, classes = network_classes(mirrors, networks.clouds, geo.asns)
        key = self._former.key if self._former else self._new_key()
        facts = Facts(
            generation=self._former.generation + 1 if self._former else 1,
            built_at=now,
            key=key,
            service=service,
            mirrors=mirrors,
            places=geo.places,
            country_places=networks.country_places,
            classes=classes,
            metadata=self._metadata(service, now),
            findings=self._service_findings + findings,
        )
        modules = sorted({MAIN, *service.modules})
        orders = {module: place_orders(mirrors, module, geo.places, service.policy, key) for module in modules}
        return Snapshot(facts, table, geo.located, geo.asns, orders)

    def _read_mirrors(self, now: float) -> tuple[tuple[Mirror, ...], tuple[Finding, ...]]:
        countries = read_countries()
        files = read_mirror_files(Path(self._service.mirrors_dir), frozenset(self._service.modules), countries)
        for finding in files.findings:
            if finding.severity is Severity.ERROR:
                log.error("mirror file refused", finding=str(finding))
        merged = self._last_good.merged(files, now)
        return tuple(placed(status_on(mirror, _day(now)), countries) for mirror in merged.values()), files.findings

    def _guard(self, mirrors: Sequence[Mirror]) -> None:
        """Refuses a generation with under 70 % of the former mirrors, unless their files were deleted."""
        if self._former is None or len(self._former.mirrors) <= GUARDED_ABOVE:
            return
        there = {mirror.name for mirror in mirrors}
        lost = [mirror.name for mirror in self._former.mirrors if mirror.name not in there]
        directory = Path(self._service.mirrors_dir)
        lost = [name for name in lost if not mirrors or (directory / f"{name}.yml").exists()]
        if len(lost) > (1 - LEAST_SHARE) * len(self._former.mirrors):
            raise Shrunk(
                f"{len(lost)} of {len(self._former.mirrors)} mirrors are lost, but their files were not deleted; "
                f"the former snapshot stays. If this is meant, run mirrorlist publish --force. "
                f"First lost: {', '.join(lost[:5])}"
            )

    def _network_signature(self, geo: GeoSources) -> Hashable:
        paths = (*geo.databases, *geo.clouds.values())
        return geo.databases, tuple(geo.clouds.items()), tuple(signature(Path(path)) for path in paths)

    def _read_networks(self, geo: GeoSources) -> Networks:
        """The tables of the named files, read anew when one changed; the former ones if one is broken."""
        marked = self._network_signature(geo)
        if self._networks is not None and self._networks[0] == marked:
            return self._networks[1]
        try:
            found = _read_networks(geo)
        except GeoDatabaseError as error:
            log.error("address data refused, the former stays in force", reason=str(error))
            found = self._networks[1] if self._networks else _read_networks(GeoSources())
        self._networks = (marked, found)
        return found

    def _metadata(self, service: Service, now: float) -> dict[str, RepoMetadata]:
        days = service.policy.alternates_days
        return {path: metadata_from(path, changes, now, days) for path, changes in self._store.changes().items()}


@contextmanager
def only_one(state_dir: Path) -> Iterator[None]:
    """Held while a snapshot is compiled, so that generations of several publishers follow one another."""
    state_dir.mkdir(parents=True, exist_ok=True)
    with (state_dir / "publish.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _former(state_dir: Path) -> Facts | None:
    try:
        return read_newest(state_dir).facts
    except SnapshotError:
        return None


def _read_networks(geo: GeoSources) -> Networks:
    centres = {code: (found.latitude, found.longitude) for code, found in read_countries().by_code.items()}
    places, numbers = country_places(centres)
    return Networks(read_geo_databases(geo.databases, places, numbers), read_cloud_ranges(geo.clouds), numbers)


def _day(now: float) -> date:
    return datetime.fromtimestamp(now, UTC).date()
