"""Gather what is known of the whole network now: the public record, the verdicts, and what was measured of mirrors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from mirrorlist.core.catalogue.requirements import Level
from mirrorlist.core.catalogue.service import Service
from mirrorlist.core.health.history import reaches
from mirrorlist.core.health.report import ending_soon, report
from mirrorlist.core.health.verdicts import Subject, Verdict, by_mirror
from mirrorlist.core.mirror import is_public
from mirrorlist.core.model import Mirror
from mirrorlist.core.owners.network_report import NetworkReport, Observations, network_report
from mirrorlist.core.owners.notices import Condition, conditions
from mirrorlist.core.public.encoding import PublicFile
from mirrorlist.core.public.types import PublicDetail
from mirrorlist.core.snapshot import Facts
from mirrorlist.indexing.reasons import held_by
from mirrorlist.sources.mirrors.files import read_mirror_files
from mirrorlist.sources.places.countries import read_countries
from mirrorlist.store.health import HealthStore
from mirrorlist.store.index_files import current_indexes, read_facts
from mirrorlist.store.snapshot_files import read_newest

MOST_EVENTS = 1_000_000


def observations(engine: sa.Engine, state_dir: Path, facts: Facts, now: float) -> Observations:
    """What was seen of the mirrors over time: their availability, and their files."""
    store = HealthStore(engine)
    reach = reaches(store.verdicts(), store.events(limit=MOST_EVENTS), now)
    indexes = read_facts(state_dir, tuple(current_indexes(state_dir).items()))
    return Observations(reach, held_by(state_dir, facts.service.modules, facts.mirrors), indexes)


@dataclass(frozen=True, slots=True)
class NetworkNow:
    """What is known of the network: the public record of the snapshot, verdicts, and the report on requirements.

    ``files`` are the mirrors as their files say, with the addresses of their owners, which no snapshot has.
    """

    record: PublicFile
    files: Sequence[Mirror]
    verdicts: Mapping[Subject, Verdict]
    report: NetworkReport

    def conditions(self, now: float) -> list[Condition]:
        """What owners should know, of every mirror that is for everybody."""
        verdicts, files = by_mirror(self.verdicts), {each.name: each for each in self.files if is_public(each)}
        lacks = {
            each.mirror: [str(lack) for lack in each.shortfalls if lack.level is Level.MINIMUM]
            for each in self.report.below
        }
        found: list[Condition] = []
        for mirror in self.record.network().mirrors:
            if mirror.name in files:
                rows = report(files[mirror.name], verdicts.get(mirror.name, {}))
                detail = self.record.detail(mirror.name) or PublicDetail()
                found += conditions(mirror, detail, ending_soon(rows), lacks.get(mirror.name, ()), now)
        return found


def network_now(service: Service, engine: sa.Engine, now: float) -> NetworkNow:
    """The network as the newest snapshot, the mirror files and the database say.

    Raises:
        SnapshotError: nothing was published yet.
    """
    state_dir = Path(service.state_dir)
    snapshot = read_newest(state_dir)
    files = read_mirror_files(Path(service.mirrors_dir), frozenset(service.modules), read_countries())
    return NetworkNow(
        PublicFile(memoryview(snapshot.public)),  # type: ignore[arg-type]
        tuple(files.mirrors.values()),
        HealthStore(engine).verdicts(),
        network_report(snapshot.facts, observations(engine, state_dir, snapshot.facts, now), now),
    )
