"""Compile snapshots: something changed? read it, judge it, write a new one. One process does this.

Nothing bad replaces something good: a service file, a mirror file or a database that breaks leaves what was
last good in effect, and the log says so; at startup that is the data of the last snapshot. For how generations of
several publishers follow one another see ``store/publications.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import structlog

from mirrorlist.core.catalogue.catalogue import wanted_images
from mirrorlist.core.catalogue.metadata import metadata_from
from mirrorlist.core.catalogue.service import GeoSources, Notify, Service
from mirrorlist.core.errors import FilesBehind, Finding, Overtaken, ServiceFileError, SnapshotError
from mirrorlist.core.files.found import by_mirror
from mirrorlist.core.health.columns import HealthTable
from mirrorlist.core.health.release_gate import ReleaseObservations
from mirrorlist.core.health.table import health_table
from mirrorlist.core.health.vantages import VoteTally, with_votes
from mirrorlist.core.mirror import systems_of, with_pairs
from mirrorlist.core.model import MAIN, Mirror, RepoMetadata
from mirrorlist.core.public.encoding import encode_record, known_of
from mirrorlist.core.public.record import public_record
from mirrorlist.core.public.types import without_contacts
from mirrorlist.core.selection.compile import network_classes, place_orders
from mirrorlist.core.snapshot import Facts, PlaceOrders, Pulled, Snapshot, encode
from mirrorlist.publishing.geo_update import build_dates
from mirrorlist.publishing.mirror_reader import MirrorReader, names_in
from mirrorlist.publishing.transition import (
    Polls,
    carried_health,
    carried_metadata,
    news,
    quotas_now,
    refuse_loss,
    released,
)
from mirrorlist.sources.geo.sources import AddressData, AddressSources, cloud_files, database_files, with_former
from mirrorlist.sources.mirrors.address_places import (
    address_findings,
    at_their_hours,
    in_systems,
    in_time_zones,
    placed_by_addresses,
)
from mirrorlist.sources.mirrors.logos import read_logos
from mirrorlist.sources.origin.commit import commit_of, read_pulled
from mirrorlist.sources.places.gazetteer import city_of
from mirrorlist.sources.places.locations import read_atlas
from mirrorlist.sources.service.file import read_service
from mirrorlist.sources.submissions.terms import CACHE, terms_of
from mirrorlist.store.count_files import STATISTICS, CountFiles, read_statistics
from mirrorlist.store.index_files import CURRENT, current_indexes, index_path, read_facts
from mirrorlist.store.publications import Publication, PublisherLead, only_one
from mirrorlist.store.records import Recorded, Records
from mirrorlist.store.snapshot_files import (
    NAME,
    Signature,
    newest_facts,
    read_newest,
    read_snapshot,
    signature,
    write_snapshot,
)

log = structlog.get_logger()

DATES_SECONDS = 600
"""How often dates are looked at: a pause that is over, an alternate that expires, a mirror's time to sync."""
MOST_TRIES = 10  # each that fails is a publication of another publisher


@dataclass(frozen=True, slots=True)
class Inputs:
    """The files that a publisher reads; ``None`` is what the service file says."""

    config: Path
    mirrors: Path | None = None
    state: Path | None = None


class Publisher:
    """Reads the inputs and writes snapshots; ``new_key`` makes the spread's key of a first snapshot."""

    def __init__(self, inputs: Inputs, records: Records, service: Service, new_key: Callable[[], bytes]) -> None:
        self._inputs, self._records, self._service = inputs, records, service
        self._service_findings: tuple[Finding, ...] = ()
        self._state_dir = Path(service.state_dir)
        self._new_key = new_key
        self._address_sources = AddressSources(self._state_dir / CACHE)
        self._addresses: tuple[Hashable, AddressData] | None = None
        self._orders: tuple[object, Mapping[str, PlaceOrders]] | None = None
        self._good_sources: GeoSources | None = None
        self._former = newest_facts(self._state_dir)
        self._mirrors = MirrorReader(self._state_dir, self._former.findings if self._former else ())
        self._written: tuple[Signature | None, int] | None = None
        """The file of the last generation that was put in place here, and its number."""
        self._leads: PublisherLead | None = None
        self._polls = Polls(records, self._former.mirrors if self._former else ())

    @property
    def service(self) -> Service:
        """The current service file."""
        return self._service

    @property
    def generation(self) -> int:
        """The generation that the last one was compiled after; 0 where there was none."""
        return self._former.generation if self._former else 0

    def lead(self, leads: PublisherLead | None) -> None:
        """This publisher leads from its next publication on, or does not any more."""
        self._leads = leads
        self._records.lead(leads)

    def fingerprint(self, now: float) -> Hashable:
        """A value that changes whenever a new snapshot would differ: files, metadata, health, or dates."""
        directory = Path(self._service.mirrors_dir)
        return (
            signature(self._inputs.config),
            read_pulled(self._inputs.config),
            tuple((name, signature(directory / name)) for name in names_in(directory)),
            tuple(signature(Path(tree.names_file)) for tree in self._service.trees if tree.names_file),
            self._address_signature(self._service.geo),
            *(signature(self._state_dir / name) for name in ("subnets", CURRENT, STATISTICS)),
            self._records.version(now),
            self._tally(now).signature,
            int(now // DATES_SECONDS),
        )

    def is_in_place(self) -> bool:
        """Whether the snapshot is still the one that was put there last, or a newer one; broken and older ones are
        not, nor is none."""
        found = signature(self._state_dir / NAME)
        if self._written is None or found == self._written[0]:
            return True
        try:
            facts = read_snapshot(self._state_dir / NAME).facts
        except SnapshotError:
            return False
        if facts.generation < self._written[1]:
            return False
        self._written = found, facts.generation
        return True

    def publish(self, now: float, force: bool = False) -> Snapshot:
        """Compiles and writes the next generation; starts again while other publishers are faster.

        Raises:
            Shrunk: too many mirrors vanished without their files being deleted; the former snapshot stays.
            LeadLost: another publisher leads by now; its snapshot stays.
            FilesBehind: another publisher published newer files than those here; its snapshot stays.
        """
        for _ in range(MOST_TRIES - 1):
            try:
                return self._publish(now, force)
            except Overtaken as error:
                log.warning("compiled again", reason=str(error))
        return self._publish(now, force)

    def _publish(self, now: float, force: bool) -> Snapshot:
        found, pulled = signature(self._state_dir / NAME), read_pulled(self._inputs.config)
        self._former = newest_facts(self._state_dir)
        generation = max(self.generation, self._written[1] if self._written else 0)
        key = self._former.key if self._former else self._new_key()
        turn = self._records.begin(key, generation, now)
        if self._former:
            self._records.restore(self._former, now)
        if self._leads is PublisherLead.DATABASE and not force:
            self._refuse_behind(pulled)
        self._read_service()
        snapshot = self._compile(now, force, key, 1 + max(generation, turn.generation if turn else 0))
        snapshot = replace(snapshot, public=self._public(snapshot, now))
        data = encode(snapshot)
        if read_pulled(self._inputs.config) != pulled:
            raise Overtaken("the files were pulled meanwhile")
        with only_one(self._state_dir):
            if signature(self._state_dir / NAME) != found:
                raise Overtaken("another publisher put a snapshot in place meanwhile")
            if turn:
                indexes = [index_path(self._state_dir, each) for each in {*snapshot.facts.file_indexes.values()}]
                compiled = Publication(snapshot.facts.generation, snapshot.facts.built_at, data, indexes)
                self._records.claim(turn, compiled, now)
            write_snapshot(self._state_dir, data)
            self._written = signature(self._state_dir / NAME), snapshot.facts.generation
        self._records.note_releases(snapshot.facts.service.catalogue.latest, now)
        for each in news(self._former, snapshot.facts):
            (log.warning if each.worse else log.info)(each.event, **each.facts)
        log.info("published", generation=snapshot.facts.generation, mirrors=len(snapshot.mirrors))
        return snapshot

    def _refuse_behind(self, pulled: Pulled | None) -> None:
        """Refuses files that are older than those of the former generation, if another publisher made it."""
        former = self._former
        if former is None or former.committed_at is None or (self._written and self._written[1] == former.generation):
            return
        if pulled is None or pulled.committed_at < former.committed_at:
            here = "not pulled" if pulled is None else f"those of commit {pulled.commit}"
            raise FilesBehind(
                f"generation {former.generation} has the files of commit {former.commit}, and those here are {here}, "
                "which is older; run mirrorlist pull, or mirrorlist publish --force if the older ones are right"
            )

    def compiled(self, now: float, force: bool = False) -> Snapshot:
        """The next generation, not written and without a public record; raises as ``publish``."""
        self._read_service()
        return self._compile(now, force, *self._next())

    def compiled_as(self, service: Service, now: float) -> Snapshot:
        """A generation by another service than the file says, not written: for measurements."""
        self._service = service
        return self._compile(now, True, *self._next())

    def _next(self) -> tuple[bytes, int]:
        """The key and the number of the next generation, as far as the former snapshot knows."""
        return (self._former.key, self._former.generation + 1) if self._former else (self._new_key(), 1)

    def _read_service(self) -> None:
        """Takes up service.yml; one that broke leaves the last good one in effect."""
        try:
            service, findings = read_service(self._inputs.config, self._inputs.mirrors, self._inputs.state, city_of)
        except ServiceFileError as error:
            if error.findings != self._service_findings:
                told = list(map(str, error.findings))
                log.error("service file refused, the last good one stays current", findings=told)
            self._service_findings = error.findings
        else:
            self._service, self._service_findings = service, findings

    def _compile(self, now: float, force: bool, key: bytes, generation: int) -> Snapshot:
        service = self._service
        addresses, recorded = (
            self._read_addresses(service.geo, systems_of(service.policy.reach)),
            self._records.read(now),
        )
        terms = terms_of(service, lambda: addresses.geo.asns)
        in_force = self._former.mirrors if self._former else ()
        read = self._mirrors.read(Path(service.mirrors_dir), terms, now, in_force)
        if not force and self._former:
            refuse_loss(self._former.mirrors, read.mirrors, read.unusable)
        known = recorded.addresses if recorded else {}
        mirrors = in_time_zones(placed_by_addresses(read.mirrors, known, addresses.place_at))
        recorded = self._voted(now, mirrors)
        mirrors = with_pairs(in_systems(mirrors, known, in_force), (*service.policy.reach, *self._tally(now).pairs))
        mirrors = at_their_hours(mirrors, service.policy.peak_hours, now)
        on_addresses = address_findings(mirrors, known, addresses.place_at, read_atlas(), read.paths)
        geo = addresses.geo
        table, classes = network_classes(mirrors, addresses.clouds, geo.asns, addresses.proof)
        metadata = self._metadata(recorded, service, now)
        health = self._health_table(recorded, mirrors, metadata, service, now)
        service, waiting = released(recorded, self._former, service, ReleaseObservations(mirrors, health, metadata))
        measured = recorded or self._former
        quotas = self._former.quotas if self._former else {}
        pulled = read_pulled(self._inputs.config)
        facts = Facts(
            generation=generation,
            built_at=now,
            key=key,
            service=replace(service, notify=Notify()),
            mirrors=tuple(map(without_contacts, mirrors)),
            places=geo.places,
            country_places=addresses.country_places,
            system_places=addresses.system_places,
            classes=classes,
            metadata=metadata,
            health=health,
            lowered=measured.lowered if measured else {},
            bandwidths=measured.bandwidths if measured else {},
            quotas=quotas_now(CountFiles(self._state_dir), mirrors, service.policy, quotas, now),
            waiting=waiting,
            asns_built_on=addresses.asns_built_on,
            places_built_on=addresses.places_built_on,
            downloads=build_dates(service),
            findings=self._service_findings + read.findings + on_addresses,
            file_indexes={
                module: digest
                for module, digest in current_indexes(self._state_dir).items()
                if module in service.modules
            },
            **asdict(pulled) if pulled else {},
        )
        return Snapshot(facts, table, geo.located, geo.asns, self._orders_of(facts))

    def _orders_of(self, facts: Facts) -> Mapping[str, PlaceOrders]:
        """The orders of all places; most generations differ in health alone, and keep those of the one before."""
        made_of = facts.mirrors, facts.places, facts.service.policy, facts.key, facts.weights, facts.service.modules
        if self._orders is None or self._orders[0] != made_of:
            mirrors, places, policy, key, weights, modules = made_of
            orders = {
                module: place_orders(mirrors, module, places, policy, key, weights)
                for module in sorted({MAIN, *modules})
            }
            self._orders = made_of, orders
        return self._orders[1]

    def _public(self, snapshot: Snapshot, now: float) -> bytes:
        """What pages may tell, chosen there. Of what only the database knows it says nothing while that is away."""
        recorded, history = self._voted(now, snapshot.facts.mirrors), self._records.history(now)
        directory = Path(snapshot.facts.service.mirrors_dir)
        known = known_of(
            snapshot,
            verdicts=recorded.verdicts if recorded else {},
            overrides=recorded.overrides if recorded else {},
            changes=recorded.changes if recorded else {},
            history=history,
            origin_faults=recorded.origin_faults if recorded else (),
            spreads=self._records.spreads(snapshot.facts, now),
            logos=read_logos(directory, snapshot.facts.mirrors, snapshot.facts.service.site.logo),
            commit=snapshot.facts.commit or commit_of(directory),
            now=now,
            named=recorded.named if recorded else {},
            files=by_mirror(read_facts(self._state_dir, tuple(snapshot.facts.file_indexes.items()))),
            statistics=read_statistics(self._state_dir),
        )
        record = public_record(known)
        self._records.tell_sources(record.network.sources)
        return encode_record(record)

    def _address_signature(self, geo: GeoSources) -> Hashable:
        databases, clouds = database_files(geo), tuple(cloud_files(geo).items())
        paths = (*databases, *(path for _, path in clouds))
        return (databases, clouds, geo.overrides), tuple(signature(Path(path)) for path in paths)

    def _read_addresses(self, geo: GeoSources, systems: frozenset[int]) -> AddressData:
        """The contents of the named files, read again when one changed; for a broken file, its former contents."""
        marked = self._address_signature(geo), systems
        if self._addresses is None or self._addresses[0] != marked:
            found = self._address_sources.read(geo)
            for reason in found.refusals:
                log.error("address data refused, the former stays current", reason=reason)
            if not found.refusals:
                self._good_sources = geo
            elif self._good_sources != geo and self._former and self._former.service.geo == geo:
                found = with_former(found, read_newest(self._state_dir))
            self._addresses = (marked, found.by_systems(systems))
        return self._addresses[1]

    def _voted(self, now: float, mirrors: Sequence[Mirror]) -> Recorded | None:
        """What the database says, with the verdicts of vantage points that hold for all."""
        found = self._records.read(now)
        return found and replace(found, verdicts=with_votes(found.verdicts, mirrors, self._tally(now).out, now))

    def _tally(self, now: float) -> VoteTally:
        return self._polls.tally(self._service.vantages, self._former.mirrors if self._former else (), now)

    def _health_table(
        self,
        recorded: Recorded | None,
        mirrors: Sequence[Mirror],
        metadata: Mapping[str, RepoMetadata],
        service: Service,
        now: float,
    ) -> HealthTable:
        """What the verdicts come to; while there are none, what they came to in the former snapshot."""
        carried = carried_health(self._former.health, self._former.mirrors, mirrors) if self._former else HealthTable()
        if recorded is None:
            return carried
        wanted = wanted_images(service.catalogue, recorded.sizes)
        images = [path for paths in wanted.values() for path in paths]
        found = health_table(mirrors, recorded.verdicts, metadata, recorded.overrides, service, now, images)
        return found if recorded.verdicts else replace(carried, out=found.out, overrides=found.overrides)

    def _metadata(self, recorded: Recorded | None, service: Service, now: float) -> dict[str, RepoMetadata]:
        days = service.policy.alternates_days
        changes = recorded.changes if recorded else {}
        found = {path: metadata_from(path, each, now, days) for path, each in changes.items()}
        former = self._former.metadata if self._former else {}
        return carried_metadata(found, former, service.catalogue)
