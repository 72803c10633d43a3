"""Made-up networks with a public record, as large and as ill as a test wants them."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from mirrorlist.core.catalogue.policy import MeasuredBandwidth, Policy, QuotaShare
from mirrorlist.core.catalogue.service import Link, Module, PublishedImage, Site
from mirrorlist.core.health.history import Sighting
from mirrorlist.core.health.table import health_table
from mirrorlist.core.health.verdicts import Event, EventKind, Family, Override, Probe, ProbeOutcome, Subject, Verdict
from mirrorlist.core.model import MAIN, CloudRegions, Location, Mirror, PlaceSource, Protocol, Status
from mirrorlist.core.public.encoding import encode_record, rung_counts, served, shares
from mirrorlist.core.public.record import History, RecordInputs, public_record
from mirrorlist.core.public.statistics import Compiled, compiled
from mirrorlist.core.public.types import OWN_LOGO, Logo, PublicRun
from mirrorlist.core.snapshot import Snapshot
from mirrorlist.core.statistics import NO_SYSTEM, AskedCell, DayCounts, SystemName, registers_of
from mirrorlist.sources.mirrors.address_places import in_time_zones
from mirrorlist.sources.places.countries import read_countries
from tests.building import NOW, metadata, mirror, service, snapshot

REPOSITORIES = tuple(
    f"{version}/{name}/{arch}/os/"
    for version in ("9.8", "10.2")
    for name in ("BaseOS", "AppStream")
    for arch in ("x86_64", "aarch64")
)
ODD_SPONSORS = (
    "شركة المرايا المفتوحة للبرمجيات الحرة", "אוניברסיטת הדוגמה", "東京オープンソース大学情報基盤センター",
    "Rechenzentrum der " + "außerordentlich" * 8 + "en Hochschule", "<script>alert(1)</script> & \"Sons\" 'Ltd'",
    "{{ 7*7 }}{% raw %}", "Example\u202eEvil", "a" * 200,
)  # fmt: skip
PLACES = (
    ("DE", "Berlin", 52.52, 13.40), ("US", "Chicago", 41.88, -87.63), ("BR", "São Paulo", -23.55, -46.63),
    ("JP", "Tokyo", 35.68, 139.69), ("ZA", "Cape Town", -33.92, 18.42), ("AU", "Sydney", -33.87, 151.21),
    ("FR", "Paris", 48.86, 2.35), ("IN", "Pune", 18.52, 73.86), ("CA", "Toronto", 43.65, -79.38),
    ("SE", "Umeå", 63.83, 20.26), ("KE", "Nairobi", -1.29, 36.82), ("TW", "Taipei", 25.03, 121.57),
    ("SG", "Singapore", 1.35, 103.82), ("AR", "Córdoba", -31.42, -64.18), ("NZ", "Wellington", -41.29, 174.78),
)  # fmt: skip
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154789c6360606000000004000"
    "1f61738550000000049454e44ae426082"
)
SITE = Site(
    url="https://mirrors.example.org/",
    join_text="Your name stands beside every download.\n\nAsk on https://example.org/ <b>first</b>.",
    contacts=(Link("Form", "https://example.org/form"), Link("Chat", "ircs://irc.example.org/mirrors")),
    geo_corrections=(Link("Example Geo", "https://example.org/mend"),),
    images=(
        PublishedImage(
            title="DVD", file="Example-{version}-{arch}-dvd.iso", torrent="Example-{version}-{arch}-dvd.torrent"
        ),
        PublishedImage(title="Boot", file="Example-{version}-{arch}-boot.iso"),
    ),
    image_checksums="CHECKSUM",
)


ORIGIN_FAULTS = ("The origin's time file: not a time.",)


def made_up(count: int, seed: int = 1) -> list[Mirror]:
    """So many public mirrors all over the world, odd sponsors and statuses among them."""
    chance = random.Random(seed)
    return list(in_time_zones(_made_up(number, chance) for number in range(count)))


def _made_up(number: int, chance: random.Random) -> Mirror:
    country, city, latitude, longitude = PLACES[number % len(PLACES)]
    name = (
        f"mirror{number}" if number % 41 else f"a-very-long-mirror-name-with-many-words-{number}.department.university"
    )
    if number == 11:
        name = ".".join(["mirror", *["as-long-as-a-label-can-be-without-a-place-to-break-it-abcdefghij"] * 3])
    host = f"{name}.example.org"
    tree = {
        Protocol.HTTPS: f"https://{host}/pub/linux/",
        Protocol.HTTP: f"http://{host}/pub/linux/",
        **({Protocol.RSYNC: f"rsync://{host}/linux/"} if number % 2 else {}),
    }
    urls = {MAIN: tree} | ({"kitten": {Protocol.HTTPS: f"https://{host}/kitten/"}} if number % 10 == 0 else {})
    status = {7: Status.PAUSED, 11: Status.RETIRING, 13: Status.SYNCING}.get(number % 97, Status.LIVE)
    return mirror(
        name,
        urls=urls,
        status=status,
        status_reason="New disks are on their way." if status is Status.PAUSED else None,
        status_since="2026-11-02" if status is Status.PAUSED else None,
        status_until="2026-12-31" if status in (Status.PAUSED, Status.RETIRING) else None,
        live_from="2026-12-01" if status is Status.SYNCING else None,
        sponsor=ODD_SPONSORS[number // 20 % len(ODD_SPONSORS)] if number % 20 == 3 else f"Example Sponsor {number}",
        sponsor_url=f"https://www.sponsor{number}.example.org/" if number % 3 else None,
        email="admin@secret.example.org",
        contact_name="Secret Person",
        sync_from="192.0.2.99",
        bandwidth_mbps=chance.choice([None, 100, 1000, 2500, 10_000, 100_000]),
        update_frequency_seconds=chance.choice([3600, 10_800]),
        time_zone="Europe/Berlin" if country == "DE" else None,
        location=Location(
            country=country, city=city, latitude=latitude + chance.uniform(-3, 3),
            longitude=longitude + chance.uniform(-3, 3), precision_km=25.0, source=PlaceSource.CITY,
        ),
    )  # fmt: skip


HIDDEN = (
    mirror("hidden-private", "berlin", private=True, subnets=["203.0.113.0/24"], sponsor="Hidden Private Ltd"),
    mirror("hidden-alone", "berlin", private=True, monopoly=True, subnets=["198.51.100.0/24"], sponsor="Hidden Alone"),
    mirror("hidden-cloud", "berlin", cloud=CloudRegions("aws", None), sponsor="Hidden Cloud Inc"),
    mirror("hidden-declined", "berlin", status=Status.DECLINED, status_reason="Hidden talk."),
    mirror("hidden-offered", "berlin", status=Status.OFFERED),
)
"""What must not be on any page, not even by name, but for the networks of the first two."""


def with_record(
    mirrors: Sequence[Mirror],
    *,
    stale: float = 0.1,
    probed: bool = True,
    at: dict[str, str] | None = None,
    bandwidths: Mapping[str, MeasuredBandwidth] | None = None,
    quotas: Mapping[str, QuotaShare] | None = None,
    **fields: Any,
) -> Snapshot:
    """A snapshot with a public record of these mirrors: ``stale`` of them hold old content."""
    origin = {path: metadata(path, "a", alternates="bc") for path in REPOSITORIES}
    verdicts = _verdicts(mirrors, stale) if probed else {}
    overrides = {
        found.name: Override(
            found.name, "Disks fail; ask boss@secret.example.org", "Secret Author", NOW - 900, NOW + 9e4
        )
        for found in mirrors[17:18]
    }
    policy = Policy()
    health = health_table(mirrors, verdicts, origin, overrides, service(policy=policy), NOW)
    settings: dict[str, Any] = {
        "site": SITE, "url": "https://example.org/", "name": "Example Linux", "policy": policy,
        "modules": {
            MAIN: Module(title="Example Linux", rsync="rsync://rsync.example.org/linux/", space_gb=900,
                         interval_seconds=10_800),
            "kitten": Module(title="Example Linux Kitten"),
        },
        "origins": {MAIN: "/srv/linux"}, **fields,
    }  # fmt: skip
    made = snapshot(mirrors, at=at, metadata=origin, facts={"health": health, "generation": 7}, **settings)
    known = RecordInputs(
        mirrors=mirrors,
        health=health,
        modules=dict.fromkeys(REPOSITORIES, MAIN),
        now=NOW,
        verdicts=verdicts,
        overrides=overrides,
        history=_history(mirrors, verdicts) if probed else History(),
        old={path: {"b" * 64: NOW - 20_000, "c" * 64: NOW - 2e5} for path in REPOSITORIES},
        shares=shares(mirrors, made.orders[MAIN], made.facts.country_places, served(mirrors, health, REPOSITORIES)),
        logos={found.name: Logo("image/png", PNG) for found in mirrors[:40:4]}
        | ({OWN_LOGO: Logo("image/png", PNG)} if made.facts.service.site.logo else {}),
        origin_changed_at=NOW - 20_000,
        commit="0123456789abcdef0123456789abcdef01234567",
        rungs=rung_counts(made.facts),
        statistics=made_up_statistics(mirrors) if probed else None,
        origin_faults=ORIGIN_FAULTS,
        bandwidths=bandwidths or {},
        quotas=quotas or {},
    )
    return replace(made, public=encode_record(public_record(known)))


TODAY = datetime.fromtimestamp(NOW, UTC).date()


@cache
def _some_clients(number: int) -> bytes:
    chance = random.Random(number)
    return registers_of(chance.getrandbits(32) for _ in range(number))


def made_up_statistics(mirrors: Sequence[Mirror]) -> Compiled | None:
    """Statistics of 13 months: each country's mirrors come first for its clients, and Tuvalu has two of these."""
    of = AskedCell("lists", "baseos", "9.8", "x86_64")
    countries = {code: sum(ord(letter) for letter in code) % 40 * 25 + 20 for code in sorted(read_countries().by_code)}
    countries["TV"] = 2
    by_country: dict[str, list[str]] = {}
    for each in mirrors:
        by_country.setdefault((each.location and each.location.country) or "DE", []).append(each.name)
    names = [*by_country.values()]

    def day(back: int) -> DayCounts:
        asked, given = {}, {}
        for number, (country, clients) in enumerate(countries.items()):
            for repository, age in (("baseos", "-"), ("appstream", "-"), ("baseos", "1"), ("baseos", "4")):
                system = SystemName("Example Linux", "9.8", "generic", "x86_64") if age != "-" else NO_SYSTEM
                cell = of._replace(repository=repository, country=country, age=age, system=system)
                asked[cell.label] = clients * (4 if age == "-" else 1) + (450 - back) // 4
            asked[of._replace(kind="files", country=country).label] = clients * 9
            own = by_country.get(country) or names[number % len(names)]
            given |= {f"{country}\t{name}": 3 + clients * (at % 7 + 1) for at, name in enumerate(own)}
        return DayCounts(asked, given, {country: _some_clients(number) for country, number in countries.items()})

    return compiled(((TODAY - timedelta(days=back), day(back)) for back in range(400, 0, -7)), TODAY) if names else None


def _verdicts(mirrors: Sequence[Mirror], stale: float) -> dict[Subject, Verdict]:
    """Most mirrors are well; every 23rd is down, every 29th lags, every seventh has no IPv6."""
    found: dict[Subject, Verdict] = {}
    many = max(1, round(1 / stale)) if stale else 0
    for number, each in enumerate(mirrors):
        if (number and number % 53 == 0) or each in HIDDEN:
            continue  # nobody looked at it yet
        down, lags, old = number % 23 == 5, number % 29 == 4, bool(many) and number % many == 1
        for module, urls in each.urls.items():
            for protocol in urls:
                if protocol in (Protocol.HTTPS, Protocol.HTTP):
                    for family in Family:
                        found[Subject(each.name, module, protocol, family)] = _way(number, family, down)
        for path in REPOSITORIES if MAIN in each.urls and not down else ():
            subject = Subject(each.name, MAIN, Protocol.HTTPS, Family.IPV4, path)
            if old and "BaseOS" in path:
                found[subject] = Verdict(
                    False,
                    NOW - 90_000,
                    ProbeOutcome.STALE,
                    NOW - 300,
                    "is 26 hours behind the origin",
                    bad=9,
                    sha256="c" * 64,
                )
            else:
                outcome = ProbeOutcome.LAGGING if lags else ProbeOutcome.FRESH
                found[subject] = Verdict(
                    True, NOW - 2e6, outcome, NOW - 300, good=99, sha256="b" * 64 if lags else "a" * 64
                )
    return found


def _way(number: int, family: Family, down: bool) -> Verdict:
    if down:
        told = "connection refused; see https://user:secret@mirror.example.org/"
        return Verdict(False, NOW - 7200, ProbeOutcome.UNREACHABLE, NOW - 300, told, bad=8)
    if family is Family.IPV6 and number % 7 == 2:
        return Verdict(False, NOW - 2e6, ProbeOutcome.NO_ADDRESS, NOW - 300, bad=99)
    return Verdict(True, NOW - 2e6 + number * 100, ProbeOutcome.GOOD, NOW - 300, good=99)


def _history(mirrors: Sequence[Mirror], verdicts: dict[Subject, Verdict]) -> History:
    events: dict[str, list[Event]] = {}
    probes: dict[str, list[Probe]] = {}
    sightings: dict[str, list[Sighting]] = {}
    for number, each in enumerate(mirrors):
        way = Subject(each.name, next(iter(each.urls)), Protocol.HTTPS, Family.IPV4)
        if way not in verdicts:
            continue
        if number % 3 == 0:
            events[each.name] = [
                Event(each.name, EventKind.UP, NOW - 3e5, "reachable", way),
                Event(each.name, EventKind.DOWN, NOW - 3e5 - 4000 * (number % 50), "too slow: no answer in 10 s", way),
            ]
        probes[each.name] = [Probe(way, NOW - 300 - 900 * turn, 0.21, ProbeOutcome.GOOD) for turn in range(8)]
        held = verdicts.get(Subject(each.name, MAIN, Protocol.HTTPS, Family.IPV4, REPOSITORIES[0]))
        seen_at = {"c": NOW - 2e6, "b": NOW - 1.9e5, "a": NOW - 15_000}
        sightings[each.name] = [
            Sighting(REPOSITORIES[0], at, digit * 64)
            for digit, at in seen_at.items()
            if held is None or (held.sha256 or "a") <= digit * 64
        ]
    for each in mirrors[17:18]:
        events.setdefault(each.name, []).insert(
            0,
            Event(
                each.name,
                EventKind.OVERRIDDEN,
                NOW - 900,
                "Disks fail; ask boss@secret.example.org",
                None,
                "Secret Author",
            ),
        )
    runs = tuple(
        PublicRun(
            number=50 - turn, started_at=NOW - 600 - 900 * turn, seconds=84.2, mirrors=len(mirrors), requests=21_000,
            kept=(Family.IPV6,) if turn == 4 else (),
        )
        for turn in range(24)
    )  # fmt: skip
    seen = {each.name: NOW - 2e6 for each in mirrors}
    return History(events=events, probes=probes, sightings=sightings, first_seen=seen, runs=runs)


def record_of(count: int, **fields: Any) -> Snapshot:
    """A snapshot of so many public mirrors and the hidden ones."""
    return with_record([*made_up(count), *HIDDEN], at={"192.0.2.0/24": "berlin"}, **fields)
