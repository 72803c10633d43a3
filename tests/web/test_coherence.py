"""List, metalink and redirect never disagree: random networks, the same client, a file of the same repository."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from lxml import etree

from mirrorlist.core.catalogue.trees import RedirectTree
from mirrorlist.core.health.columns import HealthTable, SyncState
from mirrorlist.core.model import MAIN, FallbackLevel, Mirror, Protocol
from mirrorlist.core.selection.usability import LEVEL_NOTES
from tests.building import CITIES, metadata, snapshot
from tests.file_indexes import Has, indexed
from tests.web.asking import Both, both
from tests.web.redirects.test_views import FALLBACKS, REPO, placed

RPM = f"{REPO}Packages/hello.rpm"
AT = {"192.0.2.0/24": "berlin", "198.51.100.0/24": "tokyo", "203.0.113.0/24": "chicago"}
NETWORKS = ("192.0.2", "198.51.100", "203.0.113")


def network(dice: random.Random) -> list[Mirror]:
    found = []
    for number in range(dice.randint(2, 14)):
        name, city = f"m{number}", dice.choice(sorted(CITIES))
        fields: dict[str, Any] = {"bandwidth_mbps": dice.choice([None, 100, 10_000])}
        if dice.random() < 0.3:
            fields |= {"subnets": [f"{dice.choice(NETWORKS)}.{dice.randrange(4) * 64}/26"]}
            fields |= {"private": dice.random() < 0.6, "monopoly": dice.random() < 0.3}
        if dice.random() < 0.2:
            fields["urls"] = {MAIN: {Protocol.HTTP: f"http://{name}.example.org/linux/"}}
        found.append(placed(name, city, **fields))
    return found


def service(dice: random.Random) -> tuple[Both, frozenset[str]]:
    """A service, and the names of the mirrors that lack the file."""
    mirrors = network(dice)
    holds = bytes(dice.choice([SyncState.FRESH, SyncState.FRESH, SyncState.STALE, SyncState.LAGGING]) for _ in mirrors)
    lacking = tuple(mirror.name.partition(".")[0] for mirror in mirrors if dice.random() < 0.2)
    made = snapshot(
        mirrors, at=AT, trees=(RedirectTree(prefix="/dl/", module=MAIN, allow_http=True),), fallbacks=FALLBACKS,
        metadata={REPO: metadata(REPO)}, origins={MAIN: "https://origin.example.org/"},
        facts={"health": HealthTable({REPO: holds})},
    )  # fmt: skip
    if dice.random() < 0.5:
        return both(made), frozenset()
    files = {RPM: Has(20, None, lacking), f"{REPO}repodata/repomd.xml": Has(3000, None, lacking)}
    return both(indexed(made, files)), frozenset(f"{name}.example.org" for name in lacking)


def trees_of(text: str) -> list[str]:
    return [line.removesuffix(REPO) for line in text.splitlines() if line and not line.startswith("#")]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(60))
def test_they_agree(seed: int) -> None:
    dice = random.Random(seed)
    asked, lacking = service(dice)
    fallbacks = set(FALLBACKS[MAIN])
    for _ in range(6):
        peer = f"{dice.choice(NETWORKS)}.{dice.randrange(256)}"
        narrowed = dice.choice(["", "", "protocol=https", "country=DE", "country=JP,US"])
        text = asked.get("/mirrorlist/9/baseos", f"arch=x86_64&{narrowed}", peer).body.decode()
        listed = trees_of(text)
        answer = asked.get(f"/dl/{RPM}", narrowed, peer)
        first = answer.headers["location"].removesuffix(RPM)
        told = json.loads(asked.get(f"/dl/{RPM}", f"json&{narrowed}", peer).body)["urls"]
        metalink = etree.fromstring(asked.get(f"/dl/{RPM}.meta4", narrowed, peer).body)
        urls = [str(each.text) for each in metalink.iter("{*}url")]
        assert told == urls
        assert told[0] == f"{first}{RPM}"
        if LEVEL_NOTES[FallbackLevel.LAST_KNOWN] in text:
            assert first in fallbacks, "no mirror is known to be good, and a redirect names but one"
        elif listed[0].split("/")[2] not in lacking:
            assert first == listed[0]
        elif first not in fallbacks:
            assert first.split("/")[2] not in lacking, "drawn again, among those that have it"
        of_metadata = asked.get(f"/dl/{REPO}repodata/repomd.xml", narrowed, peer).headers["location"]
        if of_metadata.split("/")[2] not in {tree.split("/")[2] for tree in fallbacks}:
            assert of_metadata.removesuffix(f"{REPO}repodata/repomd.xml") == listed[0], "holders do not matter here"
