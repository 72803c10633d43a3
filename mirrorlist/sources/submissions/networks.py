"""Check the clients that a submitted file claims: networks, autonomous systems, cloud regions, private mirrors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import ip_network

from mirrorlist.core.errors import Finding
from mirrorlist.core.model import Prefix
from mirrorlist.core.network.addresses import Claim, covered, doubts, overlap, size
from mirrorlist.core.network.prefixes import GLOBAL_UNICAST, packed, spelled
from mirrorlist.sources.mirrors.urls import url_parts
from mirrorlist.sources.submissions.submission import (
    Check,
    Guard,
    Network,
    Submission,
    SubmissionFault,
    SubmissionTerms,
    asked,
    prefix_of,
)
from mirrorlist.sources.submissions.submission import SubmissionCode as Code
from mirrorlist.sources.yaml.documents import Pointer

MOST_NETWORKS = 1024
MOST_ASNS = 64
MOST_TOLD = 20
ALONE: Pointer = ("monopoly",)
SHORTEST = {4: 16, 6: 32}
"""The widest network that a file may claim unreviewed, and the most that all of its networks cover together."""

OR_APPROVAL = ", or ask the maintainers to approve it"
"""They write the mirror's name under ``approved`` in service.yml."""

MOST_ANNOUNCED = 1 << 24
"""IPv4 addresses that the claimed systems may announce together: a /8. Of over 75,000 systems 26 announce more."""


RESERVED_ASNS: tuple[tuple[int, int, str], ...] = (
    (0, 0, "reserved"),
    (23_456, 23_456, "a stand-in for numbers of 32 bits"),
    (64_496, 64_511, "for documentation"),
    (64_512, 65_534, "private"),
    (65_535, 65_535, "reserved"),
    (65_536, 65_551, "for documentation"),
    (65_552, 131_071, "reserved"),
    (4_200_000_000, 4_294_967_295, "private or reserved"),
)
"""IANA's registry of special-purpose AS numbers: RFC 7607, 6793, 5398, 6996, 7300."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A network that a file claims."""

    pointer: Pointer
    network: Network
    prefix: Prefix

    def __str__(self) -> str:
        return f"subnets[{self.pointer[1]}] '{self.network}'"


def claimed_networks(submission: Submission) -> list[Claimed]:
    """As many as a file may name; more are reported as too many."""
    rows = [Claimed(pointer, network, prefix_of(network)) for pointer, network in submission.networks()]
    return rows[:MOST_NETWORKS]


def claims_are_few(submission: Submission, _: SubmissionTerms) -> Iterator[SubmissionFault]:
    """The most networks and autonomous systems that a file may name."""
    for key, entries, most in (
        ("subnets", [pointer for pointer, _ in submission.networks()], MOST_NETWORKS),
        ("asn", [pointer for pointer, _ in submission.asns()], MOST_ASNS),
    ):
        if len(entries) > most:
            message = f"{key} has {len(entries)} entries; write at most {most}, as wider networks or fewer systems"
            yield SubmissionFault((key,), Code.TOO_MANY_CLAIMS, message, tuple(entries[most:]))


def networks_are_of_the_internet(submission: Submission, terms: SubmissionTerms) -> Iterator[SubmissionFault]:
    """A claimed network holds addresses that clients can come from."""
    for row in () if _is_approved(submission, terms) else claimed_networks(submission):
        if name := _special(row, terms):
            message = f"{row} is not public ({name}); write networks that clients come from{OR_APPROVAL}"
            yield SubmissionFault(row.pointer, Code.RESERVED_NETWORK, message)


def _special(row: Claimed, terms: SubmissionTerms) -> str | None:
    """What a network holds that is not the internet's. In an intranet its own networks count as public."""
    inside = [prefix_of(ip_network(text)) for text in terms.service.intranet_networks] if not terms.is_public else []
    if any(overlap(each, row.prefix) and each.length <= row.prefix.length for each in inside):
        return None
    name = next((name for special, name in terms.special if overlap(special, row.prefix)), None)
    outside = row.network.version == 6 and not overlap(GLOBAL_UNICAST, row.prefix)
    return name or ("not global" if outside or not row.network.is_global else None)


def networks_are_narrow(submission: Submission, terms: SubmissionTerms) -> Iterator[SubmissionFault]:
    """A file claims no more than a /16 and a /32, in one network or in all together, unless it is approved.

    Of several that are too many together a service honours the first ones that are not.
    """
    if _is_approved(submission, terms):
        return
    claimed = claimed_networks(submission)
    for version, shortest in SHORTEST.items():
        most = 1 << ((32 if version == 4 else 128) - shortest)
        rows = [row for row in claimed if row.network.version == version]
        for row in (row for row in rows if row.prefix.length < shortest):
            message = f"{row} is wider than /{shortest}; write the networks that are yours{OR_APPROVAL}"
            yield SubmissionFault(row.pointer, Code.WIDE_NETWORK, message)
        narrow = [row for row in rows if row.prefix.length >= shortest]
        if covered(row.prefix for row in narrow) > most:
            what = f"the IPv{version} networks of subnets hold more addresses than a /{shortest}"
            message = f"{what}; write the networks that are yours{OR_APPROVAL}"
            yield SubmissionFault(("subnets",), Code.WIDE_NETWORK, message, tuple(_beyond(narrow, most)))


def _beyond(rows: Sequence[Claimed], most: int) -> Iterator[Pointer]:
    """Those that hold too many addresses together with the ones before them."""
    total = 0
    for row in rows:
        if total + size(row.prefix) > most:
            yield row.pointer
        else:
            total += size(row.prefix)


def networks_are_nobody_elses(submission: Submission, terms: SubmissionTerms) -> Iterator[Finding]:
    """No other mirror claims addresses of the network; never one that serves its networks alone."""
    approved, told = _is_approved(submission, terms), 0
    for row in claimed_networks(submission):
        others = list(sharers(submission, row))
        alone = [each for each in others if is_alone(submission, each)]
        first = next(iter(alone or others), None)
        if first is not None and told < MOST_TOLD and (alone or not approved):
            told += 1
            fault = shared_claim(submission, row, first)
            yield submission.error(fault.pointer, fault.code, fault.message)


def sharers(submission: Submission, row: Claimed) -> Iterator[Claim]:
    """The claims of other mirrors that share addresses with a claimed network, the widest first."""
    found = submission.neighbours.claims.sharing(row.prefix)
    return (claim for claim in found if claim.holder != submission.path)


def is_alone(submission: Submission, claim: Claim) -> bool:
    """Whether the holder of a claim serves it alone."""
    return submission.neighbours.mirrors[claim.holder].monopoly


def shared_claim(submission: Submission, row: Claimed, claim: Claim) -> SubmissionFault:
    """The fault of a network that is another mirror's as well."""
    said = f"{row} shares addresses with {spelled(claim.prefix)} of {submission.others([claim.holder])[0]}"
    if is_alone(submission, claim):
        message = f"{said}, which serves them alone; remove it, or ask that mirror's owner"
        return SubmissionFault(row.pointer, Code.CLAIM_OF_MONOPOLY, message)
    return SubmissionFault(row.pointer, Code.OVERLAPPING_CLAIM, f"{said}; remove it from one of the two{OR_APPROVAL}")


def asns_are_given_out(submission: Submission, terms: SubmissionTerms) -> Iterator[SubmissionFault]:
    """A claimed autonomous system is one of the internet's."""
    for pointer, asn in list(submission.asns())[:MOST_ASNS]:
        name = next((name for first, last, name in RESERVED_ASNS if first <= asn <= last), None)
        if name and terms.is_public and not _is_approved(submission, terms):
            remedy = f"write the number that your registry gave you{OR_APPROVAL}"
            yield SubmissionFault(pointer, Code.RESERVED_ASN, f"{_asn_at(pointer, asn)} is {name}; {remedy}")


def asns_are_nobody_elses(submission: Submission, _: SubmissionTerms) -> Iterator[SubmissionFault]:
    """Nobody serves a claimed autonomous system alone."""
    for pointer, asn in list(submission.asns())[:MOST_ASNS]:
        if others := submission.others(submission.neighbours.monopolists.get(asn, ())):
            message = f"{_asn_at(pointer, asn)} is served by {others[0]} alone; remove it, or ask that mirror's owner"
            yield SubmissionFault(pointer, Code.CLAIM_OF_MONOPOLY, message)


def systems_are_narrow(submission: Submission, terms: SubmissionTerms) -> Iterator[SubmissionFault]:
    """The claimed systems are no provider of a whole country, whose clients would all get this mirror first."""
    asns = {asn for _, asn in list(submission.asns())[:MOST_ASNS] if asn > 0}
    if not asns or not terms.is_public or _is_approved(submission, terms):
        return
    announced = terms.announced4()
    count = sum(announced.get(asn, 0) for asn in asns)
    if count > MOST_ANNOUNCED:
        yield _unapproved(("asn",), f"asn stands for {count:,} IPv4 addresses, which is more than a /8 and")


def _asn_at(pointer: Pointer, asn: int) -> str:
    return f"asn {asn}" if len(pointer) == 1 else f"asn[{pointer[1]}] {asn}"


def monopolies_are_approved(submission: Submission, terms: SubmissionTerms) -> Iterator[SubmissionFault]:
    """By its own narrow networks a mirror may serve alone; by anything else only with the maintainers' word."""
    if not submission.monopoly:
        return
    keys = [key for key in ("subnets", "asn", "cloud_type") if submission.root.get(key)]
    if not keys:
        message = "monopoly is true, but no network is named that the mirror would serve alone; add subnets"
        yield SubmissionFault(ALONE, Code.NEEDS_APPROVAL, message)
    if _is_approved(submission, terms):
        return
    if isinstance(submission.root.get("subnets"), str):
        yield _unapproved(("subnets",), "a monopoly over a list at a URL, which can change after the review,", ALONE)
    if "asn" in keys:
        yield _unapproved(("asn",), "a monopoly over a whole autonomous system", ALONE)
    if "cloud_type" in keys:
        yield _unapproved(("cloud_regions",), "a monopoly over regions of a cloud", ALONE)


def whole_clouds_are_approved(submission: Submission, terms: SubmissionTerms) -> Iterator[SubmissionFault]:
    """All regions of a cloud are more clients than most countries have."""
    regions = submission.root.get("cloud_regions")
    everything = regions == "all" or (isinstance(regions, list) and "all" in [str(each).lower() for each in regions])
    if everything and not _is_approved(submission, terms):
        yield _unapproved(("cloud_regions",), "every region of a cloud")


def claims_agree_with_routing(submission: Submission, terms: SubmissionTerms) -> Iterator[Finding]:
    """The claimed networks are announced by the claimed systems, or by that of an address in the file's URLs."""
    claimed = {row.prefix: row for row in claimed_networks(submission) if not _special(row, terms)}
    if not claimed or not terms.is_public:
        return
    asns = {asn for _, asn in submission.asns()}
    literal = {packed(url_parts(url).host) for _, url in submission.urls()}
    found = doubts(terms.asns(), claimed, asns, {each for each in literal if each})
    for doubt in found[:MOST_TOLD]:
        row = claimed[doubt.prefix]
        yield submission.warning(row.pointer, Code.DOUBTFUL_CLAIM, origin_doubt(str(row), doubt.origins, sorted(asns)))


def origin_doubt(claim: str, origins: Sequence[int], asns: Sequence[int]) -> str:
    """What a maintainer has to ask about a claimed network."""
    by = f"is announced by {_systems(origins)}" if origins else "is announced by nobody"
    but = f", and not by {_systems(asns)} of asn" if asns and origins else ""
    return f"{claim} {by}{but}; {ASK}"


def system_doubt(own: Sequence[int], claimed: Sequence[int]) -> str:
    """What a maintainer has to ask about claimed systems that are not the mirror's."""
    return f"the mirror is in {_systems(own)}, and asn names {_systems(claimed)}; {ASK}"


ASK = "for the maintainer: have the owner show that the network is theirs"


def _systems(asns: Sequence[int]) -> str:
    named = ", ".join(f"AS{asn}" for asn in asns[:3])
    return named if len(asns) <= 3 else f"{named} and {len(asns) - 3} more"


def _is_approved(submission: Submission, terms: SubmissionTerms) -> bool:
    return submission.name in terms.service.approved


def _unapproved(pointer: Pointer, what: str, lost: Pointer | None = None) -> SubmissionFault:
    message = f"{what} needs approval; leave it out{OR_APPROVAL}"
    return SubmissionFault(pointer, Code.NEEDS_APPROVAL, message, (lost,) if lost else ())


NETWORK_GUARDS: tuple[Guard, ...] = (
    claims_are_few,
    networks_are_of_the_internet,
    networks_are_narrow,
    asns_are_given_out,
    systems_are_narrow,
    monopolies_are_approved,
    whole_clouds_are_approved,
)

NETWORK_CHECKS: tuple[Check, ...] = (
    *map(asked, NETWORK_GUARDS),
    networks_are_nobody_elses,
    asked(asns_are_nobody_elses),
    claims_agree_with_routing,
)
