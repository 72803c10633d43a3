"""Add to a review what asking the mirror comes to, and place the mirror by its addresses where its file does not."""

from __future__ import annotations

import socket
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from enum import Enum
from functools import cache, partial
from ipaddress import ip_address
from itertools import chain
from pathlib import Path

import click

from mirrorlist.checks.fetching.fetch import fetch, guard_of
from mirrorlist.checks.probing.checks import CHECKS, Check, guarded
from mirrorlist.checks.probing.judge import Observation
from mirrorlist.core.catalogue.catalogue import published_contents
from mirrorlist.core.catalogue.metadata import metadata_from
from mirrorlist.core.catalogue.service import Service
from mirrorlist.core.errors import Finding, MirrorlistError
from mirrorlist.core.health.elsewhere import elsewhere
from mirrorlist.core.health.probe_plan import wanted_repositories
from mirrorlist.core.health.report import REMEDIES
from mirrorlist.core.health.verdicts import GOOD_OUTCOMES, SAYS_NOTHING, Family, ProbeOutcome
from mirrorlist.core.model import MAIN, ClientPlace, Mirror, Protocol
from mirrorlist.core.network.addresses import KnownAddress, PlaceOf, address_location, doubts, foreign_asns
from mirrorlist.core.network.prefixes import spelled as prefix_spelled
from mirrorlist.core.review import EndpointResult, Reviewed
from mirrorlist.core.updates import UpdateOutcome
from mirrorlist.probing.survey import Endpoint, Plan, survey, unreached
from mirrorlist.publishing.canaries import update_canaries
from mirrorlist.publishing.named_files import update_named_files
from mirrorlist.publishing.origin_update import update_metadata, update_time_files
from mirrorlist.sources.geo.sources import AddressData, AddressSources
from mirrorlist.sources.places.checks import placed_by
from mirrorlist.sources.submissions.judge import Judged
from mirrorlist.sources.submissions.networks import origin_doubt, system_doubt
from mirrorlist.sources.submissions.submission import SubmissionCode, SubmissionTerms
from mirrorlist.sources.submissions.terms import CACHE
from mirrorlist.sources.yaml.documents import Code, Document, Pointer, shown, spelled
from mirrorlist.store.addresses import AddressStore
from mirrorlist.store.database import open_database
from mirrorlist.store.metadata import MetadataStore
from mirrorlist.store.origin_faults import FaultKind

AT_ONCE = 8
UNTOLD = SAYS_NOTHING | {ProbeOutcome.LIMITED}
"""Asked once, a mirror that was busy is no bad one."""
PROBE_ADDRESSES = {Family.IPV4: (socket.AF_INET, "192.0.2.1"), Family.IPV6: (socket.AF_INET6, "2001:db8::1")}
"""Where a route is looked up; nothing is sent there."""


class Speed(Enum):
    """Whether mirrors are measured."""

    LEFT_OUT = 0
    MEASURED = 1


@dataclass(frozen=True, slots=True)
class OnlineCheck:
    """What asking a mirror came to, with the addresses that its names led to; no mirror, no addresses."""

    reviewed: Reviewed
    addresses: tuple[KnownAddress, ...] = ()


def asked(
    judged: Sequence[Judged],
    terms: SubmissionTerms,
    timeout_seconds: float,
    speed: Speed,
    checks: Mapping[Protocol, Check] = CHECKS,
) -> tuple[OnlineCheck, ...]:
    """The reviews, with what the mirrors themselves came to; files that describe no mirror stay as they are."""
    plan = _plan(terms.service, timeout_seconds, speed)
    guard = guard_of(terms.service)
    look = partial(survey, plan=plan, fetch=partial(fetch, guard=guard), checks=guarded(checks, guard))

    def one(each: Judged) -> OnlineCheck:
        if each.mirror is None or each.document is None:
            return OnlineCheck(each.reviewed)
        ways = [unreached(way, has_route) for way in look(each.mirror)]
        found = sorted({address for way in ways for address in way.addresses})
        known = (KnownAddress(str(ip_address(packed)), terms.asns().at(packed) or None) for packed in found)
        return OnlineCheck(with_ways(each.reviewed, each.document, each.mirror, ways, terms), tuple(known))

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return tuple(pool.map(one, judged))


def _plan(service: Service, timeout_seconds: float, speed: Speed) -> Plan:
    """What the origin publishes now, read again; the state of a running service is left alone."""
    with tempfile.TemporaryDirectory() as scratch:
        store = MetadataStore(open_database(Path(scratch)))
        for update in update_metadata(service, store, time.time()):
            if update.outcome is UpdateOutcome.FAILED:
                click.echo(f"the origin: {update.what}: {update.detail}; it is not compared", err=True)
        for update in update_time_files(service, store, time.time()):
            if update.outcome is UpdateOutcome.FAILED:
                click.echo(f"the origin: {update.what}: {update.detail}", err=True)
        for update in chain(*(step(service, store, time.time()) for step in (update_named_files, update_canaries))):
            if update.outcome in (UpdateOutcome.CHANGED, UpdateOutcome.UNCHANGED):
                continue
            click.echo(f"the origin: {update.what}: {update.detail}", err=True)
        named = store.files.named()
        changes, untimed = store.changes(), store.faults.of(FaultKind.TIME_FILE)
    known = {path: metadata_from(path, each, time.time(), 0) for path, each in changes.items()}
    return Plan(
        wanted=wanted_repositories(service.catalogue, known),
        time_file=service.time_file,
        untimed=untimed,
        named=named,
        contents={each.key: each for each in published_contents(service.catalogue)},
        elsewhere=elsewhere(service, ()),
        allowed_outdate_seconds=service.allowed_outdate_seconds,
        timeout_seconds=timeout_seconds,
        speed=speed is Speed.MEASURED,
        now=time.time,
        clock=time.monotonic,
    )


@cache
def has_route(family: Family) -> bool:
    """Whether this machine has a route to addresses of the family."""
    kind, address = PROBE_ADDRESSES[family]
    with socket.socket(kind, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((address, 9))
        except OSError:
            return False
    return True


def with_ways(
    before: Reviewed, document: Document, mirror: Mirror, ways: Sequence[Endpoint], terms: SubmissionTerms
) -> Reviewed:
    """The review with what the ways to the mirror came to; its own addresses then speak for or against its claims."""
    found = [*_tree_findings(document, ways), *_repository_findings(document, ways)]
    addresses = {address for way in ways for address in way.addresses}
    kept = list(before.findings)
    if addresses and terms.is_public and (mirror.subnets or mirror.asns):
        kept = [each for each in kept if each.code != SubmissionCode.DOUBTFUL_CLAIM]
        found += _doubts(document, mirror, addresses, terms)
    return replace(before, findings=tuple(sorted({*kept, *found})), seen=tuple(map(_seen, ways)))


def _pointer(way: Endpoint) -> Pointer:
    subject = way.subject
    base = ("address",) if subject.module == MAIN else ("address_optional", subject.module)
    return (*base, str(subject.protocol))


def _over(way: Endpoint) -> str:
    return f"{way.subject.protocol} {way.subject.family}"


def _said(seen: Observation) -> str:
    return f"{seen.outcome}: {seen.detail}" if seen.detail else str(seen.outcome)


def _tree_findings(document: Document, ways: Sequence[Endpoint]) -> Iterator[Finding]:
    """What is wrong with whole trees. A family without an address is no fault while the other one has one."""
    found = [way.subject for way in ways if way.tree.outcome is not ProbeOutcome.NO_ADDRESS]
    reachable = {(subject.module, subject.protocol) for subject in found}
    for way in ways:
        outcome = way.tree.outcome
        other = outcome is ProbeOutcome.NO_ADDRESS and (way.subject.module, way.subject.protocol) in reachable
        if outcome in GOOD_OUTCOMES or other:
            continue
        said = f"{spelled(_pointer(way))} {shown(way.url)} over {way.subject.family}: {_said(way.tree)}"
        if outcome in UNTOLD:
            message = f"{said}; look from a machine that can reach it"
            yield document.warning(_pointer(way), SubmissionCode.NOT_CHECKED, message)
        else:
            yield document.error(_pointer(way), SubmissionCode.UNREACHABLE, f"{said}; {_remedy(outcome)}")


def _remedy(outcome: ProbeOutcome) -> str:
    text = "Add an address to the name." if outcome is ProbeOutcome.NO_ADDRESS else REMEDIES[outcome]
    return text[0].lower() + text[1:].rstrip(".")


def _repository_findings(document: Document, ways: Sequence[Endpoint]) -> Iterator[Finding]:
    """What is wrong with single repositories, reported once for all ways over which it is the same."""
    told: dict[tuple[str, str, ProbeOutcome], list[Endpoint]] = {}
    for way in ways:
        for outcome, paths in _bad(way).items():
            told.setdefault((way.subject.module, "\0".join(paths), outcome), []).append(way)
    for (_, joined, outcome), same in told.items():
        paths = joined.split("\0")
        more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
        over = ", ".join(_over(way) for way in same)
        said = f"{spelled(_pointer(same[0]))}: {paths[0]}{more} over {over}: {_said(same[0].repositories[paths[0]])}"
        if outcome in UNTOLD:
            yield document.warning(_pointer(same[0]), SubmissionCode.NOT_CHECKED, f"{said}; run it again")
        else:
            yield document.error(_pointer(same[0]), SubmissionCode.BAD_REPOSITORY, f"{said}; {_remedy(outcome)}")


def _bad(way: Endpoint) -> Mapping[ProbeOutcome, list[str]]:
    found: dict[ProbeOutcome, list[str]] = {}
    if way.tree.outcome in GOOD_OUTCOMES:
        for path, seen in way.repositories.items():
            if seen.outcome not in GOOD_OUTCOMES:
                found.setdefault(seen.outcome, []).append(path)
    return found


def _doubts(document: Document, mirror: Mirror, addresses: set[bytes], terms: SubmissionTerms) -> Iterator[Finding]:
    """What the mirror's own addresses say about the networks that it claims."""
    table = terms.asns()
    for doubt in doubts(table, mirror.subnets, mirror.asns, addresses):
        message = origin_doubt(f"subnets {prefix_spelled(doubt.prefix)}", doubt.origins, sorted(mirror.asns))
        yield document.warning(("subnets",), SubmissionCode.DOUBTFUL_CLAIM, message)
    if foreign := foreign_asns(table, mirror.asns, addresses):
        own = sorted({number for each in addresses if (number := table.at(each))})
        yield document.warning(("asn",), SubmissionCode.DOUBTFUL_CLAIM, system_doubt(own, foreign))


def _seen(way: Endpoint) -> EndpointResult:
    """A way as a row. A family without an address and what could not be looked at say nothing."""
    outcome = way.tree.outcome
    silent = outcome in UNTOLD or outcome is ProbeOutcome.NO_ADDRESS
    good = None if silent else outcome in GOOD_OUTCOMES and not _bad(way)
    came = _said(way.tree)
    if way.repositories:
        fine = sum(each.outcome in GOOD_OUTCOMES for each in way.repositories.values())
        came += f"; {fine} of {len(way.repositories)} repositories good"
    return EndpointResult(way.subject.module, _over(way), way.url, good, came, way.seconds, way.mbps)


# The place of a mirror by its addresses, which the prober records and asking reveals; nothing is looked up for this.

Known = Mapping[str, Sequence[KnownAddress]]


def noted_addresses(database: str | None, service: Service) -> Known:
    """What the prober of this service noted; nothing where none works, or its database is away."""
    if not Path(service.state_dir).is_dir():
        return {}
    try:
        return AddressStore(open_database(Path(service.state_dir), database)).known()
    except MirrorlistError:
        return {}


def place_data(service: Service) -> PlaceOf:
    """Where an address is by the data of a service, which is read when it is first asked for."""

    @cache
    def data() -> AddressData:
        return AddressSources(Path(service.state_dir) / CACHE).read(service.geo)

    def place_of(address: bytes) -> ClientPlace:
        return data().place_at(address)

    return place_of


def placed_by_step(judged: Judged, reviewed: Reviewed, known: Known, place_of: PlaceOf) -> Reviewed:
    """The review; of a mirror without a place in its file with that of its addresses, where these tell one."""
    mirror = judged.mirror
    if mirror is None or mirror.private or (mirror.location is not None and mirror.location.latitude is not None):
        return reviewed
    found = address_location(known.get(mirror.name, ()), place_of)
    if found is None:
        return reviewed
    place = placed_by(found)
    remedy = f"so the mirror is {place}; write country, state_province and city"
    findings = tuple(
        replace(each, message=f"{each.message.partition(',')[0]}, {remedy}") if each.code == Code.NO_PLACE else each
        for each in reviewed.findings
    )
    return replace(reviewed, place=place, findings=findings)
