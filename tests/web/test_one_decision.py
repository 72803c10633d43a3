"""No two forms of an answer contradict each other: random networks, asked for one path in every form that there is."""

from __future__ import annotations

import itertools
import json
import random
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st
from lxml import etree

from mirrorlist.core.catalogue.catalogue import Image, directories, published_contents
from mirrorlist.core.catalogue.policy import Policy
from mirrorlist.core.catalogue.query import asked_filter
from mirrorlist.core.catalogue.trees import CONTINENTS, Keeps, MetadataFrom, RedirectTree
from mirrorlist.core.content import ContentKind
from mirrorlist.core.files.index import Holding
from mirrorlist.core.health.columns import (
    CURRENT,
    HealthTable,
    Reach,
    SyncState,
    held_key,
    literal_family,
    reach_key,
    reach_over,
    worst_held,
)
from mirrorlist.core.health.verdicts import Family
from mirrorlist.core.mirror import is_on, is_public, is_shown
from mirrorlist.core.model import MAIN, WEB_PROTOCOLS, FallbackLevel, Location, Mirror, Protocol, Repository, Status
from mirrorlist.core.network.prefixes import packed
from mirrorlist.core.public.types import public_fields
from mirrorlist.core.reasons import Reason
from mirrorlist.core.rules import is_open_to_strangers, reason_against
from mirrorlist.core.selection.causes import faults_of
from mirrorlist.core.selection.client import client_at
from mirrorlist.core.selection.fallbacks import Answering, answering
from mirrorlist.core.selection.known_files import RepositoryLocator, changes_in_place, unwanted
from mirrorlist.core.selection.rank import network_matches
from mirrorlist.core.selection.usability import LEVEL_NOTES
from mirrorlist.core.snapshot import Snapshot
from mirrorlist.indexing.reasons import standings
from mirrorlist.store.listings import Listings
from tests.building import CATALOGUE, CITIES, metadata, mirror, nobody, snapshot
from tests.file_indexes import Has, indexed
from tests.web.asking import Both, both

REPO = "9.8/BaseOS/x86_64/os/"
ISOS = "9.8/isos/x86_64"
DVD, BOOT = f"{ISOS}/X-9.8-x86_64-dvd.iso", f"{ISOS}/X-9.8-x86_64-boot.iso"
RPM, TEXT = f"{REPO}Packages/a.rpm", "9.8/odd/f.txt"
DEB, INDEX = "9.8/deb/pool/a.deb", "9.8/deb/dists/stable/main/binary-amd64/Packages.xz"
PACKAGE, APK, TOOL = "9.8/core/os/a.pkg.tar.zst", "9.8/alpine/a.apk", "9.8/tools/tool.bin"
LISTS = ("9.8/core/os/core.files", "9.8/core/os/core.db", "9.8/alpine/APKINDEX.tar.gz")
FILES = (DVD, BOOT, RPM, TEXT, DEB, INDEX, PACKAGE, APK, TOOL, *LISTS)
KINDS = (
    Repository("deb", "deb/", kind=ContentKind.APT, suites=("stable", "testing")),
    Repository("core", "core/os/", kind=ContentKind.PACMAN),
    Repository("alpine", "alpine/", kind=ContentKind.APK),
    Repository("tools", "tools/", kind=ContentKind.PLAIN, canaries=("tool.bin",)),
)
OF = replace(
    CATALOGUE,
    repositories={**CATALOGUE.repositories, **{each.name: each for each in KINDS}},
    images=tuple(Image(f"isos/$basearch/X-{{version}}-$basearch-{name}.iso") for name in ("dvd", "boot")),
)
TREES = (RedirectTree(prefix="/dl/", module=MAIN, allow_http=True),)
OWN_HOST = "dl.example.org"
MORE_TREES = (
    *TREES, RedirectTree(prefix="/", module=MAIN, host=OWN_HOST, allow_http=True),
    RedirectTree(prefix="/strict/", module=MAIN, metadata=MetadataFrom.ORIGIN, allow_http=True),
    RedirectTree(prefix="/asked/", module=MAIN, protocol=Keeps.AS_ASKED, allow_http=True),
)  # fmt: skip
NARROWED = (
    *[""] * 6, "country=DE", "country=-DE", "country=JP,US", "avoid_country=DE,FR,AT", "only=m1.example.org,m2.example.org",
    "only=own.example.org", "avoid=m0.example.org,m1.example.org", "avoid=own.example.org", "protocol=http", "protocol=https",
    "ipv=4", "ipv=6", "ipv=6&country=DE", "only=m3.example.org&avoid=m0.example.org&country=JP",
)  # fmt: skip
OWN = ("https://own.example.org/linux/", "http://own.example.org/linux/")
ORIGIN = "https://origin.example.org/linux/"
PEERS = {
    "192.0.2.7": Family.IPV4,
    "198.51.100.9": Family.IPV4,
    "2001:db8::7": Family.IPV6,
    "2a01:4f8:1::1": Family.IPV6,
}
CONTINENT_OF = {
    **dict.fromkeys(("DE", "AT", "CZ", "FR"), "EU"), "US": "NA", "BR": "SA", "JP": "AS", "ZA": "AF", "AU": "OC",
}  # fmt: skip
AT = {"192.0.2.0/24": "berlin", "2001:db8::/32": "tokyo", "198.51.100.0/24": "chicago"}


@dataclass(frozen=True)
class Network:
    """A snapshot, and by path which mirrors lack it, by name."""

    snapshot: Snapshot
    lacking: dict[str, frozenset[str]]

    @property
    def is_indexed(self) -> bool:
        return bool(self.snapshot.files)


def _mirror(number: int, dice: random.Random) -> Mirror:
    name = f"m{number}"
    has_network = dice.random() < 0.3
    literals = [f"[2001:db8:9::{number:x}]", f"203.0.113.{number}"]
    host = dice.choice([f"{name}.example.org"] * (2 if has_network else 6) + literals)
    urls = {protocol: f"{protocol}://{host}/linux/" for protocol in dice.choice([WEB_PROTOCOLS, WEB_PROTOCOLS[1:]])}
    fields: dict[str, Any] = {"bandwidth_mbps": dice.choice([None, 100, 10_000])}
    if has_network:
        fields |= {"subnets": [dice.choice(["192.0.2.0/28", "2001:db8::/48"])], "private": dice.random() < 0.5}
        fields |= {"monopoly": dice.random() < 0.3}
    if dice.random() < 0.15:
        fields |= dice.choice([
            {"status": Status.PAUSED}, {"status": Status.RETIRING}, {"countries_only": ("DE",)}, {"rests": True},
            {"countries_never": ("JP", "US")}, {"is_global": True}, {"asns": (64500,)},
        ])  # fmt: skip
    country, latitude, longitude = CITIES[dice.choice(sorted(CITIES))]
    fields["location"] = Location(CONTINENT_OF[country], country, latitude=latitude, longitude=longitude)
    return mirror(name, urls={MAIN: urls}, **fields)


def network(dice: random.Random) -> Network:
    """Mirrors with verdicts over families, on images and repositories, overrides, an index or none, own trees or none."""
    mirrors = [_mirror(number, dice) for number in range(dice.randint(1, 9))]
    bad = dice.choice([0.0, 0.2, 0.5, 0.9])

    unseen = dice.choice([0.0, 0.1, 0.5])

    def column(values: Sequence[int]) -> bytes:
        good = (SyncState.UNKNOWN if dice.random() < unseen else SyncState.FRESH for _ in mirrors)
        return bytes(dice.choice(values) if dice.random() < bad else state for state in good)

    images = {
        path: column([SyncState.MISSING, SyncState.STALE, SyncState.WRONG, SyncState.INCOMPLETE])
        for path in (DVD, BOOT)
        if dice.random() < 0.6
    }
    holds = images | {
        directory: bytes(map(worst_held, zip(*(images[path] for path in paths), strict=True)))
        for directory, paths in directories(images).items()
    }
    for content in published_contents(OF):
        if content.path.startswith("9.8/") and dice.random() < 0.6:
            holds[content.key] = column(HELD)
    suites = [holds[path] for path in SUITES if path in holds]
    if suites:
        holds["9.8/deb/"] = bytes(map(worst_held, zip(*suites, strict=True)))
    ways = [reach_key(MAIN, protocol, family) for protocol in WEB_PROTOCOLS for family in Family]
    reach = {way: column([*Reach][1:]) for way in ways if dice.random() < 0.6}
    for (way, states), other in itertools.product(reach.items(), Family):
        if other is not Family(way.rpartition("/")[2]):  # an address has no other family
            literal = [literal_family(next(iter(each.urls[MAIN].values()))) for each in mirrors]
            told = zip(states, literal, strict=True)
            reach[way] = bytes(Reach.NO_ADDRESS if of is other else state for state, of in told)
    over = {
        held_key(family, path): column(HELD if path.endswith("/") else [SyncState.MISSING, SyncState.STALE])
        for path in holds for family in Family if dice.random() < 0.1
    }  # fmt: skip
    out = tuple(number for number in range(len(mirrors)) if dice.random() < 0.1)
    made = snapshot(
        mirrors, at=AT, trees=MORE_TREES, catalogue=OF, asns={"198.51.100.0/24": 64500},
        policy=Policy(limit=dice.choice([20, 20, 3, 1]), fallback_minimum=dice.choice([5, 5, 0, 1, 2])), metadata={REPO: metadata(REPO)},
        fallbacks=dice.choice([{}, {MAIN: OWN}]), origins=dice.choice([{}, {MAIN: ORIGIN}, {MAIN: "/srv/linux"}]),
        facts={
            "health": HealthTable(
                holds, reach, out, holds_over=over, dead_trees=dice.choice([(), OWN, OWN[:1], (ORIGIN,)]),
                dead_trees_over=dice.choice([{}, {"ipv6": OWN[1:]}, {"ipv4": (ORIGIN, *OWN), "ipv6": OWN[:1]}]),
            )
        },
    )  # fmt: skip
    names = [each.name.partition(".")[0] for each in mirrors]
    lacking = {path: tuple(name for name in names if dice.random() < bad) for path in FILES}
    if dice.random() < 0.4:
        return Network(made, {path: frozenset() for path in FILES})
    unknown = [name for name in names if dice.random() < 0.2]
    of = indexed(made, {path: Has(9, None, lacking[path]) for path in FILES}, unknown=unknown)
    return Network(
        of, {path: frozenset(f"{each}.example.org" for each in lacking[path] if each not in unknown) for path in FILES}
    )


HELD = [
    SyncState.LAGGING, SyncState.STALE, SyncState.MISSING, SyncState.UNREACHABLE, SyncState.GRACE, SyncState.INCOMPLETE,
]  # fmt: skip
SUITES = ("9.8/deb/dists/stable/", "9.8/deb/dists/testing/")


class Asked:
    """Every form of the answer for one path to one client."""

    def __init__(self, of: Both, network: Network, path: str, peer: str, narrowed: str) -> None:
        self._of, self.peer, self.narrowed = of, peer, narrowed
        self._hosts = {
            url: each.name for each in network.snapshot.mirrors for urls in each.urls.values() for url in urls.values()
        }
        self.path = path
        self.text, self.listed = self._lines("/mirrorlist", f"path={path}")
        self.redirected = [self._location("/mirrorlist", f"path={path}&redirect=1"), self._location(f"/dl/{path}")]
        self.redirected += [self._location(f"/{path}", HOST=OWN_HOST)]
        self.urls, self.left_out = self._json(f"/dl/{path}")
        self.metalinks = [
            self._metalink(f"{tree}{path}{end}", **host)
            for tree, host in (("/dl/", {}), ("/", {"HOST": OWN_HOST}))
            for end in (".meta4", ".metalink")
        ]
        if network.is_indexed:
            self.metalinks += [self._metalink("/metalink", f"path={path}")]
            self.metalinks += [self._metalink("/metalink", f"path={path}&format=metalink4")]
        found = [self.get("/mirrorlist", f"path={path}&format={each}") for each in ("json", *NAMED_FORMATS[1:])]
        self.lists = [
            json.loads(answer.body)["urls"] if number == 0 else re.findall(r"https?://[^\s]+", answer.body.decode())
            for number, answer in enumerate(found) if answer.status == 200
        ]  # fmt: skip

    def get(self, path: str, query: str = "", **headers: str) -> Any:
        return self._of.get(path, "&".join(filter(None, (query, self.narrowed))), self.peer, **headers)

    def names(self, urls: Sequence[str], path: str | None = None) -> list[str]:
        """The mirrors of these URLs, without the project's own trees."""
        trees = [url.removesuffix(self.path if path is None else path) for url in urls]
        return [self._hosts[tree] for tree in trees if tree in self._hosts]

    def tree(self, front: str) -> tuple[list[str], list[str | None], list[list[str]]]:
        """The URLs of a further tree, or of a part of the world: as JSON, the first one, and in the other forms."""
        urls, _ = self._json(f"{front}{self.path}")
        found = [self._metalink(f"{front}{self.path}{end}") for end in (".meta4", ".metalink")]
        return urls, [self._location(f"{front}{self.path}")], found

    def _json(self, path: str) -> tuple[list[str], set[str]]:
        answer, page = self.get(path, "json"), self.get(path, "mirrorlist")
        if answer.status != 200:
            assert page.status == answer.status
            return [], set()
        told = json.loads(answer.body)
        urls = [url for url in told["urls"] if self.names([url])]
        assert [each["url"] for each in told["mirrors"]] == urls, "the mirrors are those of the URLs"
        shown = re.findall(r'<th scope="row" class="name"><a href="([^"]+)"', page.body.decode())
        assert shown == urls, "and those of the page"
        assert f'class="button" href="{told["urls"][0]}"' in page.body.decode()
        return told["urls"], {each["name"] for each in told["left_out"]}

    def _lines(self, path: str, query: str) -> tuple[str, list[str]]:
        answer = self.get(path, query)
        text = answer.body.decode() if answer.status == 200 else ""
        return text, [line for line in text.splitlines() if line and not line.startswith("#")]

    def _location(self, path: str, query: str = "", **headers: str) -> str | None:
        return self.get(path, query, **headers).headers.get("location")

    def _metalink(self, path: str, query: str = "", **headers: str) -> list[str]:
        answer = self.get(path, query, **headers)
        if answer.status != 200:
            return []
        return [str(each.text) for each in etree.fromstring(answer.body).iter("{*}url")]


def holds_of(network: Network, path: str, family: Family) -> bytes | None:
    """What is known that the mirrors hold of a repository or image, for clients of a family."""
    health = network.snapshot.facts.health
    return health.holds_over.get(held_key(family, path)) or health.holds.get(path)


def ways_of(
    network: Network, number: int, over: Family, client_over: Family, protocols: Iterable[Protocol] = WEB_PROTOCOLS
) -> bool:
    """Whether a mirror works over a family, by a protocol that is not known to be wrong for the client's family."""
    of, health = network.snapshot.mirrors[number], network.snapshot.facts.health
    reaches = {
        (protocol, family): reach_over(health.bad_reach, number, of, MAIN, protocol, family)
        for protocol in of.urls[MAIN] for family in Family
    }  # fmt: skip
    return any(
        reaches[protocol, over] is Reach.GOOD
        and reaches[protocol, client_over] is not Reach.WRONG
        and Reach.FORBIDDEN not in (reaches[protocol, family] for family in Family)
        for protocol in of.urls[MAIN]
        if protocol in protocols
    )


def is_fit(
    network: Network, number: int, path: str, family: Family, over: Sequence[Family], within: Sequence[str | None],
    protocols: Iterable[Protocol] = WEB_PROTOCOLS, accepted: Iterable[int] = CURRENT,
) -> bool:  # fmt: skip
    """Whether nothing that anybody knows speaks against a mirror for a path to a client of a family, over one of the
    families at least."""
    mirror, health = network.snapshot.mirrors[number], network.snapshot.facts.health
    lacks = mirror.name in network.lacking[path] and not changes_in_place(path)
    if number in health.out or lacks:
        return False
    columns = [column for each in within if each is not None and (column := holds_of(network, each, family))]
    if any(column[number] not in accepted for column in columns):
        return False
    return any(ways_of(network, number, each, family, protocols) for each in over)


def is_unseen(network: Network, number: int, within: Sequence[str | None], family: Family) -> bool:
    """Whether nobody has seen of a mirror what decides about a path."""
    columns = [column for each in within if each is not None and (column := holds_of(network, each, family))]
    return any(column[number] == SyncState.UNKNOWN for column in columns)


def private_of(of: Snapshot) -> set[str]:
    """The mirrors that strangers do not get; they are listed only while they are good."""
    return {each.name for each in of.mirrors if each.private or each.monopoly}


def check(asked: Asked, network: Network) -> None:
    path, of = asked.path, network.snapshot
    given = dict(pair.split("=") for pair in asked.narrowed.split("&") if pair)
    family = Family(f"ipv{given['ipv']}") if "ipv" in given else PEERS[asked.peer]
    first = asked.urls[0] if asked.urls else None
    assert asked.redirected == [first] * 3, "one address is one address"
    assert all(urls == asked.urls for urls in asked.metalinks), (path, asked.urls, asked.metalinks)
    assert asked.names(asked.listed) == asked.names(asked.urls), "the same mirrors in the same order"
    assert all(urls == asked.listed for urls in asked.lists), "whatever the format"
    own_listed = [url for url in asked.urls if not asked.names([url])]
    assert [url for url in asked.listed if url in own_listed] == [url for url in asked.listed if not asked.names([url])]
    if asked.listed and (of.facts.service.fallbacks or LEVEL_NOTES[FallbackLevel.LAST_KNOWN] not in asked.text):
        assert asked.listed[0] == first
    who = client_at(of, packed(asked.peer), b"", nobody)
    near = network_matches(of.mirrors, who)
    open_to = [n for n, each in enumerate(of.mirrors) if reason_against(each, MAIN, who.place, near.get(n)) is None]
    wanted = [n for n in open_to if n not in unwanted(asked_filter(given), of.mirrors, MAIN)]
    protocols = [each for each in WEB_PROTOCOLS if given.get("protocol", each) == each]
    within = RepositoryLocator(OF).judged(MAIN, path)

    def fits(number: int, *over: Family, accepted: Iterable[int] = CURRENT) -> bool:
        return is_fit(network, number, path, family, over, within, protocols, accepted)

    numbers = {each.name: number for number, each in enumerate(of.mirrors)}
    over = [family] if "ipv" in given else [*Family]
    if LEVEL_NOTES[FallbackLevel.LAST_KNOWN] in asked.text:
        enough = Answering.WELL if "ipv" in given else Answering.OVER_ANOTHER
        trees = of.facts.service.fallbacks.get(MAIN, ())
        own = [tree for tree in trees if answering(of.facts.health, tree, family) <= enough]
        living = [url for url in asked.listed if url.removesuffix(path) in own]
        dead = [url for url in asked.listed if (names := asked.names([url])) and not private_of(of) & {*names}]
        assert [*living, *dead] == [url for url in asked.listed if url in {*living, *dead}], "no dead one goes before"
        goods = [
            *(url for url in asked.urls if any(fits(numbers[name], *over) for name in asked.names([url]))),
            *(url for url in asked.urls if not of.facts.service.fallbacks and url == ORIGIN + path),
        ]
        assert goods == [url for url in asked.urls if url in goods], "nor an origin nobody named before a good mirror"
    handed = asked.names(asked.urls)
    assert not set(handed) & asked.left_out
    assert {numbers[name] for name in handed} <= {*open_to}, "nobody gets what is not for him"
    if network.is_indexed:
        index = of.files[MAIN]
        number = index.find(path)
        assert number is not None
        holders = index.holders(number)
        lacking = [name for name in handed if holders.of(numbers[name]) is Holding.LACKS]
        assert not lacking or changes_in_place(path), (
            "as mirrorlist which says; what changes in place the prober judges"
        )
        rows = {row.mirror.name: row for row in standings(of, index, number, Listings(Path("nowhere"), MAIN))}
        if LEVEL_NOTES[FallbackLevel.LAST_KNOWN] not in asked.text:
            told = [rows[name].why for name in handed if not is_public(of.mirrors[numbers[name]])] + [
                rows[of.mirrors[n].name].why for n in wanted if is_public(of.mirrors[n]) and fits(n, *Family)
            ]
            assert not [why for why in told if "left out:" in why or f"left out over {family}:" in why]
    for name in handed:
        faults = {fault.reason for fault in faults_of(of.facts.health, numbers[name], of.mirrors[numbers[name]])}
        assert Reason.TAKEN_OUT not in faults, "as mirrorlist health says"
        assert numbers[name] not in of.facts.health.out
    public = [n for n in wanted if is_public(of.mirrors[n]) and is_open_to_strangers(of.mirrors[n], MAIN)]
    if any(fits(n, family) for n in public):
        assert handed, "somebody has it"
        good = [fits(numbers[name], family) for name in handed]
        assert good[0], "one that works over the client's family, as long as there is any"
        assert good == sorted(good, reverse=True), "and those before the others"
        assert {numbers[name] for name in handed} <= {*wanted}, "a filter is meant while there is anybody"
        fit = [name for name, is_good in zip(handed, good, strict=True) if is_good and numbers[name] not in near]
        unseen = [is_unseen(network, numbers[name], within, family) for name in fit]
        assert unseen == sorted(unseen), "what was compared goes before what nobody has seen"
        assert all(fits(numbers[name], *Family) for name in handed)
        assert "ipv" not in given or all(good), "ipv= is meant"
    for front in ("/strict/", "/asked/", "/region/EU/dl/", "/region/default/dl/"):
        urls, redirected, metalinks = asked.tree(front)
        assert redirected == urls[:1] or (redirected == [None] and not urls), front
        assert all(each == urls for each in metalinks), front
        continents = [*CONTINENTS.get(front.split("/")[2].upper(), ())]
        there = [n for n in public if continents and is_on(of.mirrors[n], continents)]
        if any(fits(n, family) for n in there):
            found = [numbers[name] for name in asked.names(urls)]
            assert fits(found[0], family), front
            assert all(is_on(of.mirrors[n], continents) for n in found), front


def hold_together(networks: int, start: int) -> None:
    service = both()

    def agree(dice: random.Random, questions: list[tuple[str, str, str]]) -> None:
        made = network(dice)
        service.held.put(made.snapshot)
        for path, peer, narrowed in questions:
            check(Asked(service, made, path, peer, narrowed), made)

    question = st.tuples(st.sampled_from(FILES), st.sampled_from(sorted(PEERS)), st.sampled_from(NARROWED))
    drawn = given(st.randoms(use_true_random=True), st.lists(question, min_size=1, max_size=6))
    seed(start)(settings(max_examples=networks, deadline=None, database=None)(drawn(agree)))()


@pytest.mark.slow
@pytest.mark.parametrize("half", range(2))
def test_no_form_of_an_answer_contradicts_another_in_30_networks(half: int) -> None:
    hold_together(15, half)


@pytest.mark.slow
@pytest.mark.parametrize("kind", (*KINDS, CATALOGUE.repositories["baseos"]), ids=lambda kind: kind.name)
def test_a_repository_s_list_is_the_same_in_every_form(kind: Repository) -> None:
    service, path = both(), f"9.8/{kind.path}".replace("$basearch", "x86_64")
    for number in range(20):
        dice = random.Random(f"{kind.name} {number}")
        made = network(dice)
        service.held.put(made.snapshot)
        for peer in PEERS:
            narrowed = dice.choice(NARROWED)
            agree_on_a_repository(service, made, kind, path, peer, narrowed)


@pytest.mark.slow
def test_the_directory_of_images_is_listed_alike_whoever_asks_for_it() -> None:
    service = both()
    for number in range(40):
        dice = random.Random(f"images {number}")
        made = network(dice)
        service.held.put(made.snapshot)
        peer, narrowed = dice.choice(sorted(PEERS)), dice.choice(NARROWED)
        asked = [("/mirrorlist", f"path={ISOS}"), ("/isolist/9/x86_64", ""), ("/isolist/9.8/x86_64", "")]
        found = [service.get(where, f"{query}&{narrowed}", peer) for where, query in asked]
        assert len({answer.status for answer in found}) == 1
        text = found[0].body.decode()
        listed = [line for line in text.splitlines() if line and not line.startswith("#")]
        if found[0].status == 200:
            assert [json.loads(answer.body) for answer in found[1:]] == [listed] * 2
        first = service.get("/mirrorlist", f"path={ISOS}&redirect=1&{narrowed}", peer).headers.get("location")
        if listed and LEVEL_NOTES[FallbackLevel.LAST_KNOWN] not in text:
            assert first == listed[0]


def agree_on_a_repository(service: Both, made: Network, kind: Repository, path: str, peer: str, narrowed: str) -> None:
    named = "&".join(filter(None, (f"repo={kind.name}-9.8&arch=x86_64", narrowed)))
    found = [service.get("/mirrorlist", f"{named}&format={each}", peer) for each in NAMED_FORMATS]
    found += [service.get(f"/mirrorlist/9.8/{kind.name}", f"arch=x86_64&{narrowed}", peer)]
    found += [service.get("/mirrorlist", f"path={path}&{narrowed}", peer)]
    assert len({answer.status for answer in found}) == 1
    if found[0].status != 200:
        assert (
            service.get("/mirrorlist", f"{named}&redirect=1", peer).status != 302 or made.snapshot.facts.service.origins
        )
        return
    texts = [
        "\n".join(line for line in answer.body.decode().splitlines() if not line.startswith("#")) for answer in found
    ]
    urls, *others = [[url.rstrip("/") for url in re.findall(r"https?://[^\s\"]+", text)] for text in texts]
    assert others == [urls] * (len(texts) - 1)
    if not narrowed.startswith("protocol="):  # the form of the API has one protocol
        listed = json.loads(service.get("/mirrorlist", f"{named}&format=json", peer).body)
        assert [url.rstrip("/") for url in listed["urls"]] == urls
    told = json.loads(service.get("/api/v1/selection", named, peer).body)
    ranked = {row["rank"]: row["url"] for row in told["chosen"]} | dict(
        zip(told["fallback_ranks"], told["fallbacks"], strict=True)
    )
    assert [url.rstrip("/") for _, url in sorted(ranked.items())] == urls, "as explain and the API say"
    chosen, left_out = {row["name"] for row in told["chosen"]}, {row["name"] for row in told["left_out"]}
    assert not chosen & left_out
    shown = {each.name for each in made.snapshot.mirrors if is_shown(each)}
    assert shown <= chosen | left_out, "every mirror that may be spoken of"
    first = service.get("/mirrorlist", f"{named}&redirect=1", peer).headers["location"]
    if LEVEL_NOTES[FallbackLevel.LAST_KNOWN] not in texts[0] + " ".join(told["notes"]):
        assert first.rstrip("/") == urls[0]
    metalinks = [
        re.findall(
            r"https?://[^<]+(?=repodata/repomd)", service.get("/metalink", f"{asked}&{narrowed}", peer).body.decode()
        )
        for asked in (named, f"{named}&format=metalink4", f"path={path}", f"path={path}repodata/repomd.xml")
        if kind.kind is ContentKind.RPM and not (made.is_indexed and asked.endswith(".xml"))
    ]
    held = made.snapshot.facts.health
    lag = any(SyncState.LAGGING in column for column in (*held.holds.values(), *held.holds_over.values()))
    for found_there in metalinks:
        assert found_there == metalinks[0]
        assert lag or [url.rstrip("/") for url in found_there] == urls, "older versions do no harm below checksums"
    if not made.is_indexed and kind.kind is not ContentKind.APT:
        asked = Asked(service, made, f"{path}a", peer, narrowed)
        assert asked.names(asked.listed) == asked.names([f"{url}/" for url in urls], path), "as for a file in it"


NAMED_FORMATS = ("mirrorlist", "apt", "pacman", "apk")


@pytest.mark.slow
@pytest.mark.parametrize("quarter", range(4))
def test_no_form_of_an_answer_contradicts_another_in_300_networks(quarter: int) -> None:
    hold_together(75, 100 + quarter)


def served(
    *names: str, files: Mapping[str, Has] | None = None, trees: tuple[RedirectTree, ...] = TREES, **health: Any
) -> tuple[Both, Snapshot]:
    """A service of mirrors in Berlin, with an index of these files, if any."""
    made = snapshot(
        [mirror(name, "berlin") for name in names], trees=trees, catalogue=OF,
        facts={"health": HealthTable(**health)}, origins={MAIN: "/srv/linux"},
    )  # fmt: skip
    made = made if files is None else indexed(made, files)
    return both(made), made


def hosts(answers: Iterable[str]) -> set[str]:
    """The first names of the mirrors in these texts."""
    return set(re.findall(r"https?://([a-z]+)\.example\.org/", " ".join(answers)))


CLIENTS = [f"192.0.2.{last}" for last in range(1, 20)]
FORMS = [
    (f"/mirrorlist?path={DVD}", 200), (f"/mirrorlist?path=/{DVD}&format=json", 200),
    (f"/mirrorlist?path={DVD.replace('9.8/', '9/', 1)}", 200), (f"/mirrorlist?path={DVD}&redirect=1", 302),
    (f"/mirrorlist?path={ISOS}", 200), (f"/mirrorlist?path={ISOS}/", 200), (f"/mirrorlist?path={ISOS}&redirect=1", 302),
    ("/isolist/9/x86_64", 200), (f"/dl/{DVD}", 302), (f"/dl/{DVD.replace('9.8/', '9/', 1)}", 302),
    (f"/dl/{DVD}.meta4", 200), (f"/dl/{DVD}.metalink", 200), (f"/dl/{DVD}?mirrorlist", 200),
]  # fmt: skip


def answers(of: Both, form: str, status: int) -> set[str]:
    """Every mirror that some client is given; the page for people also names those that are left out, without URL."""
    path, _, query = form.partition("?")
    found = [of.get(path, query, peer) for peer in CLIENTS]
    assert {answer.status for answer in found} == {status}
    return hosts(answer.headers.get("location", "") + answer.body.decode() for answer in found)


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS, ids=lambda form: form[0])
@pytest.mark.parametrize(
    "held", [SyncState.INCOMPLETE, SyncState.MISSING, SyncState.WRONG, SyncState.STALE, SyncState.UNREACHABLE]
)
def test_a_bad_verdict_on_an_image_counts_in_every_form(form: tuple[str, int], held: SyncState) -> None:
    bad = bytes([0, held, 0])
    holds = dict.fromkeys((DVD, ISOS, f"{ISOS}/"), bad)
    of, _ = served("good", "bad", "fine", holds=holds)
    assert answers(of, *form) == {"good", "fine"}
    links = {"9": "9.8"}
    having = indexed(served("good", "bad", "fine", holds=holds)[1], {DVD: Has(), BOOT: Has()}, links=links)
    assert answers(both(having), *form) == {"good", "fine"}


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS, ids=lambda form: form[0])
def test_a_mirror_that_lacks_a_file_by_the_index_is_in_no_form(form: tuple[str, int]) -> None:
    _, made = served("good", "bad", "fine")
    of = both(indexed(made, {DVD: Has(lacking=("bad",)), f"{ISOS}/CHECKSUM": Has()}, links={"9": "9.8"}))
    assert answers(of, *form) == {"good", "fine"}


def test_the_neighbours_of_an_image_stay_with_all_mirrors() -> None:
    of, _ = served("good", "bad", holds={path: bytes([0, SyncState.MISSING]) for path in (DVD, ISOS, f"{ISOS}/")})
    for path in (BOOT, DVD, BOOT, f"{ISOS}/CHECKSUM", DVD):
        expected = {"good"} if path == DVD else {"good", "bad"}
        assert answers(of, f"/dl/{path}", 302) == answers(of, f"/mirrorlist?path={path}", 200) == expected


def test_of_a_directory_that_nobody_has_whole_those_that_have_some_are_listed_with_a_note() -> None:
    files = {DVD: Has(lacking=("half", "none")), BOOT: Has(lacking=("other", "none"))}
    of, _ = served("half", "other", "none", files=files)
    text = of.get("/mirrorlist", f"path={ISOS}", CLIENTS[0]).body.decode()
    assert hosts([text]) == {"half", "other"}
    assert LEVEL_NOTES[FallbackLevel.LAST_KNOWN] in text


def test_what_the_index_does_not_have_is_404_in_every_form() -> None:
    of, _ = served("good", files={TEXT: Has()})
    for path in (DVD, ISOS):
        asked = [("/mirrorlist", f"path={path}"), ("/mirrorlist", f"path={path}&redirect=1"), (f"/dl/{path}", "")]
        assert [of.get(*each).status for each in (*asked, ("/metalink", f"path={path}"))] == [404] * 4
    assert of.get("/isolist/9/x86_64").status == 404


def test_a_metalink_by_path_is_the_file_s_own() -> None:
    of, _ = served("good", "bad", files={DVD: Has(700, bytes(32), ("bad",)), RPM: Has()})
    for path in (DVD, RPM):
        for form, ending in (("metalink3", ".metalink"), ("metalink4", ".meta4")):
            asked = of.get("/metalink", f"path={path}&format={form}", CLIENTS[0])
            told = of.get(f"/dl/{path}{ending}", "", CLIENTS[0])
            assert (asked.status, asked.body, asked.headers["content-type"]) == (
                200,
                told.body,
                told.headers["content-type"],
            )
    assert of.get("/metalink", f"path={ISOS}", CLIENTS[0]).status == 404


def test_without_trees_the_page_of_images_gives_each_where_it_is() -> None:
    files = {DVD: Has(lacking=("half",)), BOOT: Has(lacking=("other",))}
    of, _ = served("half", "other", files=files, trees=())
    page = of.get("/isos/x86_64/9.8", "", CLIENTS[0]).body.decode()
    assert f"https://other.example.org/linux/{DVD}" in page
    assert f"https://half.example.org/linux/{BOOT}" in page


@pytest.mark.parametrize("ipv", ["", "ipv=6"])
def test_a_redirect_takes_a_mirror_that_works_over_the_family_as_long_as_there_is_any(ipv: str) -> None:
    names = ("six", *(f"four{letter}" for letter in "abcdefgh"))
    none = bytes([0, *[Reach.NO_ADDRESS] * 8])
    bad = {reach_key(MAIN, protocol, Family.IPV6): none for protocol in WEB_PROTOCOLS}
    of, made = served(*names, bad_reach=bad)
    for each in (of, both(indexed(made, {TEXT: Has()}))):
        found = [each.get(f"/dl/{TEXT}", ipv, f"2a01:4f8:{n:x}::1").headers["location"] for n in range(20)]
        assert hosts(found) == {"six"}
    lacking = both(indexed(made, {TEXT: Has(lacking=("six",))}))
    assert "six" not in hosts([lacking.get(f"/dl/{TEXT}", ipv, "2a01:4f8::1").headers["location"]])


@pytest.mark.parametrize(
    ("named", "dead_over", "expected"),
    [
        ((), {}, ["inside", "origin", "dead"]),
        (OWN, {}, ["own", "inside", "dead"]),
        (OWN[:1], {"ipv4": OWN[:1]}, ["inside", "own", "dead"]),
    ],
)
def test_while_no_public_mirror_is_good_a_private_one_of_the_other_family_comes_before_all_but_named_fallbacks(
    named: tuple[str, ...], dead_over: dict[str, tuple[str, ...]], expected: list[str]
) -> None:
    inside = mirror("inside", "berlin", subnets=["192.0.2.0/24"], private=True)
    silent = {Family.IPV4: bytes([Reach.NO_ADDRESS, Reach.SILENT]), Family.IPV6: bytes([0, Reach.SILENT])}
    bad = {reach_key(MAIN, protocol, family): column for family, column in silent.items() for protocol in WEB_PROTOCOLS}
    of = both(snapshot(
        [inside, mirror("dead", "berlin")], at=AT, trees=TREES, catalogue=OF, origins={MAIN: ORIGIN},
        fallbacks={MAIN: named} if named else {},
        facts={"health": HealthTable(bad_reach=bad, dead_trees_over=dead_over)},
    ))  # fmt: skip
    answer = of.get(f"/dl/{TEXT}", "mirrorlist&format=json", "192.0.2.7")
    links = of.get(f"/dl/{TEXT}.meta4", "", "192.0.2.7").body.decode()
    assert answer.status == 200
    assert list(dict.fromkeys(re.findall(r"https?://([a-z]+)\.example\.org/", links))) == expected
    first = of.get(f"/dl/{TEXT}", "", "192.0.2.7").headers["location"]
    assert hosts([first]) == {expected[0]}
    listed = of.get("/mirrorlist", f"path={TEXT}", "192.0.2.7").body.decode()
    assert re.findall(r"^https://([a-z]+)", listed, re.MULTILINE) == [each for each in expected if each in listed]


@pytest.mark.parametrize(
    ("reach", "held", "expected"),
    [
        (Reach.GOOD, SyncState.FRESH, ["six"]),
        (Reach.GOOD, SyncState.LAGGING, ["six"]),
        (Reach.GOOD, SyncState.STALE, ["six", "own"]),
        (Reach.RECOVERING, SyncState.FRESH, ["six", "own"]),
        (Reach.SILENT, SyncState.FRESH, ["six", "four", "own"]),
        (Reach.SILENT, SyncState.STALE, ["four", "own"]),
        (Reach.WRONG, SyncState.FRESH, ["four", "own"]),
        (Reach.NO_ADDRESS, SyncState.STALE, ["four", "own"]),
    ],
)
def test_who_asks_for_a_family_gets_what_works_over_it_and_else_what_works(
    reach: Reach, held: SyncState, expected: list[str]
) -> None:
    silent = bytes([reach, Reach.NO_ADDRESS])
    made = snapshot(
        [mirror("six", "berlin"), mirror("four", "tokyo")], at=AT, trees=TREES, catalogue=OF,
        fallbacks={MAIN: OWN}, policy=Policy(fallback_minimum=1),
        facts={
            "health": HealthTable(
                {REPO: bytes([held, SyncState.FRESH])},
                {reach_key(MAIN, protocol, Family.IPV6): silent for protocol in WEB_PROTOCOLS},
                dead_trees_over={Family.IPV6: OWN},
            )
        },
    )  # fmt: skip
    of = both(made)
    for path, query in (
        (f"/dl/{RPM}.meta4", ""),
        ("/mirrorlist", f"path={RPM}"),
        ("/mirrorlist/9/baseos", "arch=x86_64"),
    ):
        body = of.get(path, f"{query}&ipv=6", "192.0.2.7").body.decode()
        found = list(dict.fromkeys(re.findall(r"https?://([a-z]+)\.example\.org/linux", body)))
        assert found == expected, path


@pytest.mark.parametrize("ipv", ["4", "6"])
def test_a_family_that_is_asked_for_counts_in_every_form(ipv: str) -> None:
    names = ("six", *(f"four{letter}" for letter in "abc"))
    silent = {Family.IPV6: bytes([0, *[Reach.NO_ADDRESS] * 3]), Family.IPV4: bytes([Reach.NO_ADDRESS, 0, 0, 0])}
    bad = {reach_key(MAIN, protocol, family): column for family, column in silent.items() for protocol in WEB_PROTOCOLS}
    of, _ = served(*names, bad_reach=bad)
    peer = "192.0.2.1" if ipv == "6" else "2a01:4f8::1"
    wanted = {"six"} if ipv == "6" else {"foura", "fourb", "fourc"}
    lists = "/mirrorlist/9/baseos"
    urls = of.get(lists, f"ipv={ipv}", peer).body.decode().split()
    assert hosts(urls) == wanted
    for path, query in (
        (f"/dl/{TEXT}", ""),
        (lists, "arch=x86_64&redirect=1&"),
        ("/mirrorlist", f"path={TEXT}&redirect&"),
    ):
        assert hosts([of.get(path, f"{query}ipv={ipv}", peer).headers["location"]]) <= wanted, path
    assert of.get(lists, "ipv=5").status == of.get(f"/dl/{TEXT}", "ipv=5").status == 400


def test_what_a_sponsor_wrote_is_cleaned_in_every_form_of_a_file() -> None:
    named = mirror(
        "a", "berlin", sponsor="Bob bob@secret.example (http://u:pw@h.example/)", sponsor_url="javascript:alert(1)"
    )
    hidden = replace(named, name="b.example.org", sponsor_url="https://u:pw@h.example/")
    of = both(snapshot([named, hidden], trees=TREES))
    for query in ("mirrorlist", "json"):
        body = of.get(f"/dl/{TEXT}", query).body.decode()
        assert "Bob" in body
        assert not [word for word in ("bob@secret", "u:pw", "javascript:") if word in body]


def test_names_of_places_are_cleaned_as_other_texts_are() -> None:
    placed = mirror("a", location=Location(city="Berlin bob@secret.example", region="http://u:pw@h.example/"))
    fields = public_fields(placed)
    assert "bob@secret" not in str(fields)
    assert "u:pw" not in str(fields)
    assert str(fields["city"]).startswith("Berlin")


def test_which_tells_why_a_mirror_that_has_a_file_is_left_out(tmp_path: Path) -> None:
    _, made = served(
        "good", "bad", "lacks", files={DVD: Has(lacking=("lacks",))}, holds={DVD: bytes([0, SyncState.WRONG, 0])}
    )
    index = made.files[MAIN]
    number = index.find(DVD)
    assert number is not None
    rows = {row.mirror.name: row.why for row in standings(made, index, number, Listings(tmp_path, MAIN))}
    assert rows["good.example.org"] == ""
    assert rows["bad.example.org"] == f"left out: {Reason.WRONG.value}"
    assert "left out" not in rows["lacks.example.org"]


def test_which_tells_over_which_family_a_mirror_is_left_out(tmp_path: Path) -> None:
    ways = {
        reach_key(MAIN, protocol, Family.IPV6): bytes([Reach.NO_ADDRESS, Reach.WRONG, 0, Reach.WRONG])
        for protocol in WEB_PROTOCOLS
    }
    over = {held_key(Family.IPV6, REPO): bytes([0, 0, SyncState.STALE, 0])}
    _, made = served(
        "single", "other", "behind", "dead", files={RPM: Has()}, holds={REPO: bytes([1, 1, 1, SyncState.STALE])},
        bad_reach=ways, holds_over=over,
    )  # fmt: skip
    index = made.files[MAIN]
    number = index.find(RPM)
    assert number is not None
    rows = {row.mirror.name: row.why for row in standings(made, index, number, Listings(tmp_path, MAIN))}
    assert rows["single.example.org"] == "", "a mirror without IPv6 is not out"
    assert rows["other.example.org"] == f"left out over ipv6: {Reason.UNREACHABLE.value}"
    assert rows["behind.example.org"] == f"left out over ipv6: {Reason.STALE.value}"
    assert rows["dead.example.org"].startswith("left out over ipv4: ")
    assert "; left out over ipv6: " in rows["dead.example.org"]
