"""Whose clients a submitted file asks for: networks, autonomous systems, cloud regions, and whom it serves alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import ip_network

from mirrorlist.core.claims import covered, overlap
from mirrorlist.core.errors import Finding
from mirrorlist.core.model import Prefix
from mirrorlist.core.ownership import announced4, doubts
from mirrorlist.core.prefixes import GLOBAL_UNICAST, packed, spelled
from mirrorlist.sources.documents import Pointer
from mirrorlist.sources.submission import Check, Network, Submission, Terms, prefix_of
from mirrorlist.sources.submission_codes import SubmissionCode as Code
from mirrorlist.sources.urls_compared import url_parts

MOST_NETWORKS = 1024
MOST_ASNS = 64
MOST_TOLD = 20
SHORTEST = {4: 16, 6: 32}
"""The widest network that a file may claim by itself, and the most that all of its networks cover together."""

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
class _Claimed:
    pointer: Pointer
    network: Network
    prefix: Prefix

    def __str__(self) -> str:
        return f"subnets[{self.pointer[1]}] '{self.network}'"


def _claimed(submission: Submission) -> list[_Claimed]:
    """As many as a file may name; more are told as too many."""
    rows = [_Claimed(pointer, network, prefix_of(network)) for pointer, network in submission.networks()]
    return rows[:MOST_NETWORKS]


def claims_are_few(submission: Submission, _: Terms) -> Iterator[Finding]:
    """A file names so many networks and autonomous systems at most."""
    for key, entries, most in (
        ("subnets", submission.networks(), MOST_NETWORKS),
        ("asn", submission.asns(), MOST_ASNS),
    ):
        count = sum(1 for _ in entries)
        if count > most:
            message = f"{key} has {count} entries; write at most {most}, as wider networks or fewer systems"
            yield submission.error((key,), Code.TOO_MANY_CLAIMS, message)


def networks_are_of_the_internet(submission: Submission, terms: Terms) -> Iterator[Finding]:
    """A claimed network holds addresses that clients can come from."""
    for row in () if _is_approved(submission, terms) else _claimed(submission):
        if name := _special(row, terms):
            message = f"{row} is not public ({name}); write networks that clients come from{OR_APPROVAL}"
            yield submission.error(row.pointer, Code.RESERVED_NETWORK, message)


def _special(row: _Claimed, terms: Terms) -> str | None:
    """What a network holds that is not the internet's. In an intranet its own networks count as public."""
    inside = [prefix_of(ip_network(text)) for text in terms.service.intranet_networks] if not terms.is_public else []
    if any(overlap(each, row.prefix) and each.length <= row.prefix.length for each in inside):
        return None
    name = next((name for special, name in terms.special if overlap(special, row.prefix)), None)
    outside = row.network.version == 6 and not overlap(GLOBAL_UNICAST, row.prefix)
    return name or ("not global" if outside or not row.network.is_global else None)


def networks_are_narrow(submission: Submission, terms: Terms) -> Iterator[Finding]:
    """A file claims no more than a /16 and a /32, in one network or in all together, unless it is approved."""
    if _is_approved(submission, terms):
        return
    claimed = _claimed(submission)
    for version, shortest in SHORTEST.items():
        rows = [row for row in claimed if row.network.version == version]
        wide = [row for row in rows if row.prefix.length < shortest]
        for row in wide:
            message = f"{row} is wider than /{shortest}; write the networks that are yours{OR_APPROVAL}"
            yield submission.error(row.pointer, Code.WIDE_NETWORK, message)
        bits = 32 if version == 4 else 128
        if not wide and covered(row.prefix for row in rows) > 1 << (bits - shortest):
            what = f"the IPv{version} networks of subnets hold more addresses than a /{shortest}"
            message = f"{what}; write the networks that are yours{OR_APPROVAL}"
            yield submission.error(("subnets",), Code.WIDE_NETWORK, message)


def networks_are_nobody_elses(submission: Submission, terms: Terms) -> Iterator[Finding]:
    """No other mirror claims addresses of the network; never one that serves its networks alone."""
    approved, told = _is_approved(submission, terms), 0
    for row in _claimed(submission):
        others = {claim.holder: claim.prefix for claim in submission.neighbours.claims.sharing(row.prefix)}
        others.pop(submission.path, None)
        alone = [holder for holder in others if submission.neighbours.mirrors[holder].monopoly]
        holder = next(iter(alone or others), None)
        if holder is None or told == MOST_TOLD or (approved and not alone):
            continue
        told += 1
        said = f"{row} shares addresses with {spelled(others[holder])} of {submission.others([holder])[0]}"
        if alone:
            message = f"{said}, which serves them alone; remove it, or ask that mirror's owner"
            yield submission.error(row.pointer, Code.CLAIM_OF_MONOPOLY, message)
        else:
            message = f"{said}; remove it from one of the two{OR_APPROVAL}"
            yield submission.error(row.pointer, Code.OVERLAPPING_CLAIM, message)


def asns_are_given_out(submission: Submission, terms: Terms) -> Iterator[Finding]:
    """A claimed autonomous system is one of the internet's, and nobody serves it alone."""
    for pointer, asn in list(submission.asns())[:MOST_ASNS]:
        name = next((name for first, last, name in RESERVED_ASNS if first <= asn <= last), None)
        if name and terms.is_public and not _is_approved(submission, terms):
            remedy = f"write the number that your registry gave you{OR_APPROVAL}"
            message = f"{_asn_at(pointer, asn)} is {name}; {remedy}"
            yield submission.error(pointer, Code.RESERVED_ASN, message)
        if others := submission.others(submission.neighbours.monopolists.get(asn, ())):
            message = f"{_asn_at(pointer, asn)} is served by {others[0]} alone; remove it, or ask that mirror's owner"
            yield submission.error(pointer, Code.CLAIM_OF_MONOPOLY, message)


def systems_are_narrow(submission: Submission, terms: Terms) -> Iterator[Finding]:
    """The claimed systems are no provider of a whole country, whose clients would all get this mirror first."""
    asns = {asn for _, asn in list(submission.asns())[:MOST_ASNS] if asn > 0}
    if not asns or not terms.is_public or _is_approved(submission, terms):
        return
    count = announced4(terms.asns(), asns)
    if count > MOST_ANNOUNCED:
        yield _unapproved(submission, ("asn",), f"asn stands for {count:,} IPv4 addresses, which is more than a /8 and")


def _asn_at(pointer: Pointer, asn: int) -> str:
    return f"asn {asn}" if len(pointer) == 1 else f"asn[{pointer[1]}] {asn}"


def monopolies_are_approved(submission: Submission, terms: Terms) -> Iterator[Finding]:
    """By its own narrow networks a mirror may serve alone; by anything else only with the maintainers' word."""
    if not submission.monopoly:
        return
    keys = [key for key in ("subnets", "asn", "cloud_type") if submission.root.get(key)]
    if not keys:
        message = "monopoly is true, but no network is named that the mirror would serve alone; add subnets"
        yield submission.error(("monopoly",), Code.NEEDS_APPROVAL, message)
    if _is_approved(submission, terms):
        return
    if isinstance(submission.root.get("subnets"), str):
        yield _unapproved(
            submission, ("subnets",), "a monopoly over a list at a URL, which can change after the review,"
        )
    if "asn" in keys:
        yield _unapproved(submission, ("asn",), "a monopoly over a whole autonomous system")
    if "cloud_type" in keys:
        yield _unapproved(submission, ("cloud_regions",), "a monopoly over regions of a cloud")


def whole_clouds_are_approved(submission: Submission, terms: Terms) -> Iterator[Finding]:
    """All regions of a cloud are more clients than most countries have."""
    regions = submission.root.get("cloud_regions")
    everything = regions == "all" or (isinstance(regions, list) and "all" in [str(each).lower() for each in regions])
    if everything and not _is_approved(submission, terms):
        yield _unapproved(submission, ("cloud_regions",), "every region of a cloud")


def claims_agree_with_routing(submission: Submission, terms: Terms) -> Iterator[Finding]:
    """The claimed networks are announced by the claimed systems, or by that of an address in the file's URLs."""
    claimed = {row.prefix: row for row in _claimed(submission) if not _special(row, terms)}
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
    return f"the mirror stands in {_systems(own)}, and asn names {_systems(claimed)}; {ASK}"


ASK = "for the maintainer: have the owner show that the network is theirs"


def _systems(asns: Sequence[int]) -> str:
    named = ", ".join(f"AS{asn}" for asn in asns[:3])
    return named if len(asns) <= 3 else f"{named} and {len(asns) - 3} more"


def _is_approved(submission: Submission, terms: Terms) -> bool:
    return submission.name in terms.service.approved


def _unapproved(submission: Submission, pointer: Pointer, what: str) -> Finding:
    message = f"{what} needs approval; leave it out{OR_APPROVAL}"
    return submission.error(pointer, Code.NEEDS_APPROVAL, message)


NETWORK_CHECKS: tuple[Check, ...] = (
    claims_are_few,
    networks_are_of_the_internet,
    networks_are_narrow,
    networks_are_nobody_elses,
    asns_are_given_out,
    systems_are_narrow,
    monopolies_are_approved,
    whole_clouds_are_approved,
    claims_agree_with_routing,
)
