"""The command line, the API and the page tell the same about the same client, over random networks and questions."""

from __future__ import annotations

import json
import random
import re
from dataclasses import dataclass
from io import StringIO
from typing import Any
from urllib.parse import urlencode

import pytest
from lxml import html
from rich.console import Console

from mirrorlist.cli.explain import tell
from mirrorlist.cli.shared.compiled import question_of
from mirrorlist.core.health.columns import HealthTable, Reach, SyncState, reach_key
from mirrorlist.core.health.verdicts import Family
from mirrorlist.core.mirror import is_public, is_shown
from mirrorlist.core.model import MAIN, WEB_PROTOCOLS, CloudRegions, Mirror, Protocol, Status
from mirrorlist.core.network.prefixes import packed
from mirrorlist.core.reasons import Cause
from mirrorlist.core.selection.client import client_at
from mirrorlist.core.snapshot import Snapshot
from tests.building import CITIES, NOW, metadata, mirror, nobody, snapshot
from tests.web.asking import Both, both

REPO = "9.8/BaseOS/x86_64/os/"
NETWORKS = ("192.0.2", "198.51.100", "203.0.113")
AT = {"192.0.2.0/24": "berlin", "198.51.100.0/24": "tokyo", "2001:db8:1::/48": "chicago", "2001:db8:2::/48": "DE"}
ASNS = {"198.51.100.0/25": 64500, "2001:db8:1::/48": 64501}
CLOUDS = {"203.0.113.0/25": ("aws", "eu-north-1")}
WIDE = 4000


def network(dice: random.Random) -> list[Mirror]:
    found = []
    for number in range(dice.randint(1, 40)):
        fields: dict[str, Any] = {"bandwidth_mbps": dice.choice([None, 100, 10_000])}
        kind = dice.random()
        if kind < 0.2:
            net = dice.choice([f"{dice.choice(NETWORKS)}.{dice.randrange(4) * 64}/26", "2001:db8:1::/49"])
            fields |= {"subnets": [net], "private": dice.random() < 0.7, "monopoly": dice.random() < 0.3}
        elif kind < 0.3:
            fields |= {"asns": (dice.choice([64500, 64501]),), "private": dice.random() < 0.5}
        elif kind < 0.4:
            fields |= {"cloud": CloudRegions("aws", None)}
        elif kind < 0.5:
            fields |= {"status": dice.choice([Status.PAUSED, Status.DECLINED, Status.SYNCING, Status.RETIRING])}
        elif kind < 0.6:
            fields |= {"countries_never": ("DE",)}
        if dice.random() < 0.2:
            fields["urls"] = {MAIN: {Protocol.HTTP: f"http://m{number}.example.org/linux/"}}
        found.append(mirror(f"m{number}", dice.choice([None, *sorted(CITIES)]), **fields))
    return found


def made(dice: random.Random) -> Snapshot:
    mirrors = network(dice)
    holds = bytes(
        dice.choice([SyncState.FRESH, SyncState.FRESH, SyncState.STALE, SyncState.LAGGING, SyncState.MISSING])
        for _ in mirrors
    )
    silent = bytes(dice.choice([Reach.GOOD, Reach.NO_ADDRESS, Reach.SILENT]) for _ in mirrors)
    bad = {reach_key(MAIN, protocol, dice.choice([*Family])): silent for protocol in WEB_PROTOCOLS}
    out = {number: Cause(NOW - 60) for number in range(len(mirrors)) if dice.random() < 0.05}
    return snapshot(
        mirrors, at=AT, asns=ASNS, clouds=CLOUDS, metadata={REPO: metadata(REPO)},
        facts={"health": HealthTable({REPO: holds}, bad, out=out)},
    )  # fmt: skip


@dataclass(frozen=True)
class Told:
    """What one of the three tells: the chosen in order, each with its facts, and the left out under their reasons."""

    chosen: tuple[tuple[str, ...], ...]
    left_out: frozenset[tuple[str, str]]


def by_api(service: Both, question: dict[str, str], peer: str) -> Told:
    answer = json.loads(service.get("/api/v1/selection", urlencode(question), peer).body)
    rows = ("rank", "name", "country", "proximity", "distance_km", "band", "weight")
    return Told(
        tuple(tuple("?" if row[key] is None else str(row[key]) for key in rows) for row in answer["chosen"]),
        frozenset((row["name"], row["why"]) for row in answer["left_out"]),
    )


def by_page(service: Both, question: dict[str, str], peer: str) -> Told:
    repo, _, version = question["repo"].partition("-")
    given = {**question, "repo": repo, "version": version, "arch": question.get("arch", "")}
    page = html.document_fromstring(service.get("/yours", urlencode(given), peer).body.decode())
    words = {"by distance": "nearby", "in your network": "subnet", "in your cloud region": "cloud_region",
             "in your provider's network": "asn"}  # fmt: skip
    chosen = []
    for row in page.xpath("//table[contains(@class,'chosen')]/tbody/tr"):
        rank, name, _, country, why, km, band, weight = (" ".join(cell.text_content().split()) for cell in row)
        band = "country" if band == "your country" else band.removesuffix(" km")
        chosen.append((rank, name.split()[0].split("http")[0], country, words.get(why, "world"), km[:-3] or "?", band,
                       weight))  # fmt: skip
    left_out = frozenset(
        (item.text_content().split()[0], " ".join(group.find("summary").text.split()))
        for group in page.xpath("//details[summary/b]")
        for item in group.findall(".//li")
    )
    return Told(tuple(chosen), left_out)


def by_command(found: Snapshot, question: dict[str, str], peer: str) -> Told:
    repo, _, version = question["repo"].partition("-")
    wishes = ("arch", "protocol", "country", "avoid_country", "avoid", "only", "ipv")
    asked = question_of(found, version, repo, **{name: question.get(name, "") for name in wishes})
    written = StringIO()
    address = packed(peer)
    assert address
    tell(Console(file=written, width=WIDE), found, asked, client_at(found, address, b"", nobody), NOW)
    text = written.getvalue()
    rows = [
        re.split(r"\s{2,}|(?<=\d) (?=m\d)", line.strip()) for line in text.splitlines() if re.match(r" *\d+ +m", line)
    ]
    chosen = tuple((*row[:3], row[3].replace(" ", "_"), *row[4:]) for row in _split(rows))
    left_out = set()
    for block in re.findall(r"left out \(\d+\): (.+)\n((?:  .*\n?)*)", text):
        left_out |= {(name, block[0]) for name in re.findall(r"m\d+\.example\.org", block[1])}
    return Told(chosen, frozenset(left_out))


def _split(rows: list[list[str]]) -> list[list[str]]:
    """Two columns may stand one blank apart where the longest value fills its own."""
    found = []
    for row in rows:
        text = " ".join(row)
        match = re.fullmatch(
            r"(\d+) (\S+) (\S+) (subnet|cloud region|asn|nearby|world) (\S+) (to \d+|country|farther|any) (\d+)", text
        )
        assert match, text
        found.append(list(match.groups()))
    return found


def random_peer(dice: random.Random) -> str:
    if dice.random() < 0.3:
        return f"2001:db8:{dice.choice([1, 2, 3])}::{dice.randrange(1, 9999):x}"
    return f"{dice.choice([*NETWORKS, '8.8.8'])}.{dice.randrange(256)}"


def random_question(dice: random.Random) -> dict[str, str]:
    question = {"repo": dice.choice(["baseos-9", "baseos-9.8", "baseos-10"])}
    if dice.random() < 0.7:
        question["arch"] = dice.choice(["x86_64", "aarch64"])
    if dice.random() < 0.3:
        question["protocol"] = dice.choice(["http", "https"])
    if dice.random() < 0.3:
        question["country"] = dice.choice(["DE", "US,JP", "AQ"])
    if dice.random() < 0.3:
        question["ipv"] = dice.choice("46")
    return question


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(40))
def test_all_three_tell_the_same(seed: int) -> None:
    dice = random.Random(seed)
    found = made(dice)
    service = both(found)
    shown = {each.name for each in found.mirrors if is_shown(each)}
    public = {each.name for each in found.mirrors if is_public(each)}
    for _ in range(5):
        question, peer = random_question(dice), random_peer(dice)
        api, page = by_api(service, question, peer), by_page(service, question, peer)
        command = by_command(found, question, peer)
        assert api.chosen == command.chosen
        assert [row[:2] + row[3:] for row in page.chosen] == [row[:2] + row[3:] for row in api.chosen]
        assert page.left_out == api.left_out
        told = {row[1] for row in api.chosen} | {name for name, _ in api.left_out}
        assert shown <= told, "every public mirror is chosen or left out with its reason"
        assert api.left_out <= command.left_out, "the command line tells the same of them"
        chosen = {row[1] for row in command.chosen}
        assert chosen.isdisjoint(name for name, _ in command.left_out)
        assert chosen | {name for name, _ in command.left_out} == {each.name for each in found.mirrors}
        others = json.loads(service.get("/api/v1/selection", urlencode({**question, "ip": peer}), "8.8.8.8").body)
        named = {row["name"] for row in (*others["chosen"], *others["left_out"])}
        assert named == shown, "for another address there are public mirrors only"
        assert named <= public
