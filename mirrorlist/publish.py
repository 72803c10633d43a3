"""Compiles snapshots: something changed? read it, judge it, write a new one. One process does this.

Nothing bad replaces something good: a service file, a mirror file or a database that breaks leaves what was
last good in force, and the log says so.
"""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path

import structlog

from mirrorlist.core.compile import network_classes, place_orders
from mirrorlist.core.errors import Finding, MirrorlistError, ServiceFileError, Severity, SnapshotError
from mirrorlist.core.health import Subject, Verdict
from mirrorlist.core.health_table import health_table
from mirrorlist.core.ladder import rungs
from mirrorlist.core.lifecycle import status_on
from mirrorlist.core.metadata import Change, metadata_from
from mirrorlist.core.model import MAIN, Mirror, RepoMetadata
from mirrorlist.core.observed import superseded
from mirrorlist.core.public_file import encode_record
from mirrorlist.core.public_record import History, Known, public_record
from mirrorlist.core.service import GeoSources, Service
from mirrorlist.core.shares import shares
from mirrorlist.core.snapshot import Facts, Snapshot, encode
from mirrorlist.core.usability import HealthTable
from mirrorlist.core.visits import wanted_repositories
from mirrorlist.sources.address_sources import AddressData, AddressSources
from mirrorlist.sources.cities import city_of
from mirrorlist.sources.commit import commit_of
from mirrorlist.sources.last_good import LastGood
from mirrorlist.sources.locations import placed, read_atlas
from mirrorlist.sources.logos import read_logos
from mirrorlist.sources.mirror_files import read_mirror_files
from mirrorlist.sources.service_file import read_service
from mirrorlist.sources.subnet_lists import with_published_subnets
from mirrorlist.store.health import HealthStore
from mirrorlist.store.history import HistoryStore
from mirrorlist.store.metadata import MetadataStore
from mirrorlist.store.snapshot_files import read_newest, signature, write_snapshot

log = structlog.get_logger()

DATES_SECONDS = 600
"""How often dates are looked at: a pause that is over, an alternate that expires, a mirror's time to sync."""
GUARDED_ABOVE = 10
LEAST_SHARE = 0.7
CACHE = "cache"
"""Compiled databases of addresses, in the state directory; it may be removed at any time."""


class Shrunk(MirrorlistError):
    """A new generation lost so many mirrors that it is probably a mistake."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """The files that a publisher reads; ``None`` is what the service file says."""

    config: Path
    mirrors: Path | None = None
    state: Path | None = None


class Publisher:
    """Reads the inputs and writes snapshots; ``new_key`` makes the spread's key of a first snapshot."""

    def __init__(
        self,
        inputs: Inputs,
        store: MetadataStore,
        service: Service,
        new_key: Callable[[], bytes],
        health: HealthStore | None = None,
        history: HistoryStore | None = None,
    ) -> None:
        self._inputs = inputs
        self._store = store
        self._health = health
        self._history = history
        self._verdicts: tuple[Hashable, Mapping[Subject, Verdict]] | None = None
        self._service = service
        self._service_findings: tuple[Finding, ...] = ()
        self._state_dir = Path(service.state_dir)
        self._new_key = new_key
        self._last_good = LastGood()
        self._address_sources = AddressSources(self._state_dir / CACHE)
        self._addresses: tuple[Hashable, AddressData] | None = None
        self._former = _former(self._state_dir)

    @property
    def service(self) -> Service:
        """The service file in force."""
        return self._service

    def fingerprint(self, now: float) -> Hashable:
        """A value that changes whenever a new snapshot would differ: files, metadata, health, or dates."""
        directory = Path(self._service.mirrors_dir)
        return (
            signature(self._inputs.config),
            tuple((name, signature(directory / name)) for name in _names(directory)),
            self._address_signature(self._service.geo),
            signature(self._state_dir / "subnets"),
            self._store.version(),
            self._health.version(now) if self._health else None,
            int(now // DATES_SECONDS),
        )

    def publish(self, now: float, force: bool = False) -> Snapshot:
        """Compiles and writes the next generation.

        Raises:
            Shrunk: too many mirrors vanished without their files being deleted; the former snapshot stays.
        """
        with only_one(self._state_dir):
            self._former = _former(self._state_dir)
            compiled = self.compiled(now, force)
            snapshot = replace(compiled, public=encode_record(public_record(self._known(compiled, now))))
            write_snapshot(self._state_dir, encode(snapshot))
        log.info("published", generation=snapshot.facts.generation, mirrors=len(snapshot.mirrors))
        return snapshot

    def compiled(self, now: float, force: bool = False) -> Snapshot:
        """The next generation, not written and without a public record; raises as ``publish``."""
        self._read_service()
        return self._compile(now, force)

    def compiled_as(self, service: Service, now: float) -> Snapshot:
        """A generation by another service than the file says, not written: for measurements."""
        self._service = service
        return self._compile(now, force=True)

    def _read_service(self) -> None:
        """Takes up service.yml; one that broke leaves the last good one in force."""
        try:
            service, findings = read_service(self._inputs.config, self._inputs.mirrors, self._inputs.state, city_of)
        except ServiceFileError as error:
            log.error("service file refused, the last good one stays in force", findings=list(map(str, error.findings)))
            self._service_findings = error.findings
        else:
            self._service, self._service_findings = service, findings

    def _compile(self, now: float, force: bool) -> Snapshot:
        service = self._service
        mirrors, findings, unusable = self._read_mirrors(now)
        if not force:
            self._guard(mirrors, unusable)
        addresses = self._read_addresses(service.geo)
        geo = addresses.geo
        table, classes = network_classes(mirrors, addresses.clouds, geo.asns, addresses.proof)
        key = self._former.key if self._former else self._new_key()
        metadata = _metadata(self._store.changes(), service, now)
        facts = Facts(
            generation=self._former.generation + 1 if self._former else 1,
            built_at=now,
            key=key,
            service=service,
            mirrors=mirrors,
            places=geo.places,
            country_places=addresses.country_places,
            classes=classes,
            metadata=metadata,
            health=self._health_table(mirrors, metadata, service, now),
            asns_built_on=addresses.asns_built_on,
            findings=self._service_findings + findings,
        )
        modules = sorted({MAIN, *service.modules})
        orders = {module: place_orders(mirrors, module, geo.places, service.policy, key) for module in modules}
        return Snapshot(facts, table, geo.located, geo.asns, orders)

    def _known(self, snapshot: Snapshot, now: float) -> Known:
        """What the public record is made from; everything of it that is told is chosen there."""
        facts, changes = snapshot.facts, self._store.changes()
        by_module = wanted_repositories(facts.service.catalogue, facts.metadata)
        usable = frozenset(range(len(facts.mirrors))).difference(facts.health.out)
        return Known(
            mirrors=facts.mirrors,
            health=facts.health,
            modules={path: module for module, paths in by_module.items() for path in paths},
            now=now,
            verdicts=self._verdicts[1] if self._verdicts else {},
            overrides=self._health.overrides(now) if self._health else {},
            history=self._history.history(now) if self._history else History(),
            old=superseded(changes),
            shares=shares(facts.mirrors, snapshot.orders[MAIN], facts.country_places, usable),
            rungs=rungs(facts.mirrors, facts.health, facts.service.catalogue, facts.service.policy),
            logos=read_logos(Path(facts.service.mirrors_dir), facts.mirrors),
            commit=commit_of(Path(facts.service.mirrors_dir)),
            origin_changed_at=max((history[-1].seen_at for history in changes.values()), default=None),
        )

    def _read_mirrors(self, now: float) -> tuple[tuple[Mirror, ...], tuple[Finding, ...], int]:
        """The mirrors, the remarks on their files, and how many files give no mirror, not even a former one."""
        atlas, modules = read_atlas(), frozenset(self._service.modules)
        files = read_mirror_files(Path(self._service.mirrors_dir), modules, atlas.countries, atlas)
        for finding in files.findings:
            if finding.severity is Severity.ERROR:
                log.error("mirror file refused", finding=str(finding))
        merged = self._last_good.merged(files, now)
        broken = {finding.path for finding in files.findings if finding.severity is Severity.ERROR}
        unusable = len(broken) - len(merged.keys() - files.mirrors.keys())
        mirrors = (placed(status_on(mirror, _day(now)), atlas) for mirror in merged.values())
        return tuple(self._with_subnets(mirror) for mirror in mirrors), files.findings, unusable

    def _with_subnets(self, mirror: Mirror) -> Mirror:
        return with_published_subnets(mirror, self._state_dir, lambda reason: log.warning("subnets", reason=reason))

    def _guard(self, mirrors: Sequence[Mirror], unusable: int) -> None:
        """Refuses a generation with under 70 % of the former mirrors, unless their files were deleted.

        A snapshot does not say which file a mirror came from; but no more of them are lost than files are unusable.
        """
        if self._former is None or not self._former.mirrors:
            return
        if mirrors and len(self._former.mirrors) <= GUARDED_ABOVE:
            return
        there = {mirror.name for mirror in mirrors}
        gone = [mirror.name for mirror in self._former.mirrors if mirror.name not in there]
        lost = min(len(gone), unusable) if mirrors else len(gone)
        if lost > (1 - LEAST_SHARE) * len(self._former.mirrors):
            raise Shrunk(
                f"{lost} of {len(self._former.mirrors)} mirrors are lost, but their files were not deleted; "
                f"the former snapshot stays. If this is meant, run mirrorlist publish --force. "
                f"First gone: {', '.join(gone[:5])}"
            )

    def _address_signature(self, geo: GeoSources) -> Hashable:
        paths = (*geo.databases, *geo.clouds.values())
        said = (geo.databases, tuple(geo.clouds.items()), geo.overrides)
        return said, tuple(signature(Path(path)) for path in paths)

    def _read_addresses(self, geo: GeoSources) -> AddressData:
        """What the named files say, read anew when one changed; of a broken one, what it said before."""
        marked = self._address_signature(geo)
        if self._addresses is None or self._addresses[0] != marked:
            found = self._address_sources.read(geo)
            for reason in found.refusals:
                log.error("address data refused, the former stays in force", reason=reason)
            self._addresses = (marked, found)
        return self._addresses[1]

    def _health_table(
        self, mirrors: Sequence[Mirror], metadata: Mapping[str, RepoMetadata], service: Service, now: float
    ) -> HealthTable:
        if self._health is None:
            return HealthTable()
        checked = self._history.version() if self._history else 0
        version = self._health.version(now)[0], checked  # pages tell when each was last checked
        if self._verdicts is None or self._verdicts[0] != version:
            self._verdicts = version, self._health.verdicts()  # 80,000 of them take a second to read
        out = self._health.overrides(now)
        return health_table(mirrors, self._verdicts[1], metadata, out, service.policy, now)


def _metadata(changes: Mapping[str, Sequence[Change]], service: Service, now: float) -> dict[str, RepoMetadata]:
    days = service.policy.alternates_days
    return {path: metadata_from(path, history, now, days) for path, history in changes.items()}


@contextmanager
def only_one(state_dir: Path) -> Iterator[None]:
    """Held while a snapshot is compiled, so that generations of several publishers follow one another."""
    state_dir.mkdir(parents=True, exist_ok=True)
    with (state_dir / "publish.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _names(directory: Path) -> list[str]:
    """What a directory holds; nothing where it cannot be read, which reading it will tell."""
    try:
        return sorted(entry.name for entry in directory.iterdir())
    except OSError:
        return []


def _former(state_dir: Path) -> Facts | None:
    try:
        return read_newest(state_dir).facts
    except SnapshotError:
        return None


def _day(now: float) -> date:
    return datetime.fromtimestamp(now, UTC).date()
