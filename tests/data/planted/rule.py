"""Asks every path of the service for a mirror that a planted rule leaves out. Prints where it still turns up."""

from __future__ import annotations

import json
import sys

from mirrorlist.checks.probing.runner import probed_mirrors
from mirrorlist.core.catalogue.catalogue import Catalogue
from mirrorlist.core.catalogue.policy import Policy
from mirrorlist.core.catalogue.trees import RedirectTree
from mirrorlist.core.health.columns import HealthTable, SyncState
from mirrorlist.core.health.release_gate import ReleaseObservations, releases
from mirrorlist.core.model import MAIN, FallbackLevel, Repository
from mirrorlist.core.preview.preview import Ground, NetworkChange, preview
from mirrorlist.core.selection.compile import Proof, cloud_table
from mirrorlist.core.selection.fallbacks import rungs
from mirrorlist.core.selection.select import select
from tests.building import NOW, client, mirror, place, query, snapshot
from tests.web.asking import both

PLANTED = "planted.example.org"
MIRRORS = (
    mirror("planted", "berlin", subnets=("198.51.100.0/24",), bandwidth_mbps=100_000),
    mirror("munich", "munich"),
    mirror("paris", "paris"),
)
"""The planted mirror is the nearest, the strongest, and the client's own."""
SNAPSHOT = snapshot(
    MIRRORS,
    at={"198.51.100.0/24": "berlin", "203.0.113.0/24": "berlin"},
    trees=(RedirectTree(prefix="/dl/", module=MAIN),),
)
OWN, NEAR = "198.51.100.7", "203.0.113.7"


RELEASED = Catalogue(
    versions=("9", "9.7", "9.8"),
    latest={"9": "9.8"},
    arches={"9": ("x86_64",)},
    repositories={"baseos": Repository("baseos", "BaseOS/$basearch/os/")},
)
HOLDS = {
    "9.7/BaseOS/x86_64/os/": bytes([SyncState.FRESH] * 3),
    "9.8/BaseOS/x86_64/os/": bytes([SyncState.MISSING, SyncState.FRESH, SyncState.FRESH]),
}
OBSERVED = ReleaseObservations(MIRRORS, HealthTable(HOLDS), HOLDS.keys())
"""All but the planted mirror have the new minor; it is waited for only as long as the planted one counts."""


def main() -> None:
    """Prints a JSON object: the name of each path, and whether the planted mirror counts there."""
    service = both(SNAPSHOT)
    texts = {
        f"{path}?{asked} {peer}": service.get(path, asked, peer).body.decode()
        for peer in (OWN, NEAR)
        for path, asked in (
            ("/mirrorlist/9/baseos", ""),
            ("/mirrorlist/9/baseos", "country=DE"),
            ("/mirrorlist/9/baseos", "format=json"),
            ("/isolist/9/x86_64", ""),
        )
    }
    texts |= {
        f"urls of a file {peer}": json.dumps(json.loads(service.get("/dl/9.8/file.iso", "json", peer).body)["urls"])
        for peer in (OWN, NEAR)
    }
    texts |= {f"redirect {peer}": service.get("/dl/9.8/file.iso", "", peer).headers["location"] for peer in (OWN, NEAR)}
    chosen = {
        f"select {peer}": " ".join(
            choice.mirror.name for choice in select(SNAPSHOT, query(), client(peer, place("berlin")), NOW).choices
        )
        for peer in (OWN, NEAR)
    }
    ground = Ground(
        located=SNAPSHOT.located,
        asns=SNAPSHOT.asns,
        clouds=cloud_table(()),
        proof=Proof(),
        places=SNAPSHOT.facts.places,
        country_places=SNAPSHOT.facts.country_places,
        policy=SNAPSHOT.policy,
        counted=None,
    )
    [effect] = preview(NetworkChange(MIRRORS[1:], MIRRORS, (PLANTED,)), ground).effects
    levels = rungs(snapshot(MIRRORS[:1]).facts)
    others = {
        "preview": effect.after.first > 0,
        "releases": bool(releases(RELEASED, {"9": "9.7"}, OBSERVED, Policy(release_minimum_percent=100)).waiting),
        "fallback levels": levels["9.8/BaseOS/x86_64/os/"] is FallbackLevel.FRESH,
        "prober": PLANTED in {each.name for each in probed_mirrors(MIRRORS)},
    }
    json.dump({name: PLANTED in text for name, text in (texts | chosen).items()} | others, sys.stdout)


main()
