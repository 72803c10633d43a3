"""What majors mean in the next generation, by what the database recorded, or the former snapshot while it is away."""

from __future__ import annotations

from dataclasses import replace

from mirrorlist.core.releases import Seen, Waiting, releases
from mirrorlist.core.service import Service
from mirrorlist.core.snapshot import Facts
from mirrorlist.store.records import Recorded


def released(
    recorded: Recorded | None, former: Facts | None, service: Service, seen: Seen
) -> tuple[Service, tuple[Waiting, ...]]:
    """The service with the versions that its majors mean now. Nothing waits for a prober that does not run.

    What the database does not know, as after an upgrade, the former snapshot tells: what the majors meant.
    """
    knows = recorded is not None and recorded.verdicts
    meant = {**(former.service.catalogue.latest if former else {}), **(recorded.meant if recorded and knows else {})}
    if not (recorded.watched if recorded and knows else seen.health.holds):
        return service, ()
    found = releases(service.catalogue, meant, seen, service.policy)
    return replace(service, catalogue=found.catalogue), found.waiting
