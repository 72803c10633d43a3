"""Who announces a claimed network is asked of the databases of service.yml, and of the mirror's own addresses."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path

import pytest

from mirrorlist.checks.probing.judge import Observation
from mirrorlist.core.health.verdicts import Family, ProbeOutcome, Subject
from mirrorlist.core.model import MAIN, Protocol
from mirrorlist.probing.online import with_ways
from mirrorlist.probing.survey import Endpoint, unreached
from mirrorlist.sources.service.file import read_service
from mirrorlist.sources.submissions.judge import Judged, judge_submissions
from mirrorlist.sources.submissions.submission import SubmissionTerms
from mirrorlist.sources.submissions.terms import terms_of
from tests.data.submissions import FILE, HEAD, NAME, SERVICE
from tests.sources.databases import asn, write_database


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, SubmissionTerms]:
    """A service whose database says that AS1 announces 59.1.0.0/16, and AS2 59.2.0.0/16."""
    root = tmp_path_factory.mktemp("evidence")
    (root / "mirrors.d").mkdir()
    write_database(root / "asn.mmdb", "GeoLite2-ASN", {"59.1.0.0/16": asn(1), "59.2.0.0/16": asn(2)})
    (root / "service.yml").write_text(SERVICE + "geo: {databases: [asn.mmdb]}\n")
    return root / "mirrors.d" / FILE, terms_of(read_service(root / "service.yml")[0])


def judged(place: tuple[Path, SubmissionTerms], claims: str) -> Judged:
    file, terms = place
    file.write_text(HEAD + claims)
    return judge_submissions((file,), file.parent, terms)[0]


def told(found: tuple[object, ...]) -> list[str]:
    return [str(each).partition("] ")[2].partition(";")[0] for each in found]


@pytest.mark.parametrize(
    ("claims", "said"),
    [
        ("asn: 1\nsubnets: [59.1.4.0/24]\n", []),
        ("asn: 2\nsubnets: [59.1.4.0/24]\n", ["subnets[0] '59.1.4.0/24' is announced by AS1, and not by AS2 of asn"]),
        ("subnets: [59.1.4.0/24]\n", []),
        ("subnets: [59.9.4.0/24]\n", ["subnets[0] '59.9.4.0/24' is announced by nobody"]),
        ("asn: 7\n", []),
    ],
)
def test_the_configured_database_speaks(place: tuple[Path, SubmissionTerms], claims: str, said: list[str]) -> None:
    assert told(judged(place, claims).reviewed.findings) == said


def way(address: str, outcome: ProbeOutcome = ProbeOutcome.GOOD, family: Family = Family.IPV4) -> Endpoint:
    subject = Subject(NAME, MAIN, Protocol.HTTPS, family)
    addresses = frozenset({ip_address(address).packed}) if address else frozenset()
    return Endpoint(subject, f"https://{NAME}/linux/", Observation(outcome), {}, 0.1, addresses)


@pytest.mark.parametrize(
    ("claims", "address", "said"),
    [
        ("asn: 1\nsubnets: [59.1.4.0/24]\n", "59.1.9.9", []),
        ("subnets: [59.1.4.0/24]\n", "59.1.9.9", []),
        ("subnets: [59.1.4.0/24]\n", "59.2.9.9", ["subnets 59.1.4.0/24 is announced by AS1"]),
        ("subnets: [59.9.4.0/24]\n", "59.9.4.7", []),
        ("asn: 2\nsubnets: [59.1.4.0/24]\n", "59.1.4.7", ["the mirror is in AS1, and asn names AS2"]),
        ("asn: 2\n", "59.1.9.9", ["the mirror is in AS1, and asn names AS2"]),
        ("asn: [1, 2]\n", "59.1.9.9", ["the mirror is in AS1, and asn names AS2"]),
        ("asn: 2\n", "59.2.9.9", []),
        ("asn: 2\n", "", []),
    ],
)
def test_the_mirrors_own_address_speaks(
    place: tuple[Path, SubmissionTerms], claims: str, address: str, said: list[str]
) -> None:
    found = judged(place, claims)
    assert found.document is not None
    assert found.mirror is not None

    review = with_ways(found.reviewed, found.document, found.mirror, [way(address)], place[1])

    assert told(review.findings) == said
    assert {each.code for each in review.findings} <= {"doubtful-claim"}


@pytest.mark.parametrize(("routed", "outcome"), [(True, ProbeOutcome.UNREACHABLE), (False, ProbeOutcome.UNCHECKED)])
def test_a_machine_without_a_family_says_nothing_against_it(routed: bool, outcome: ProbeOutcome) -> None:
    lost = way("", ProbeOutcome.UNREACHABLE, Family.IPV6)
    assert unreached(lost, lambda family: routed).tree.outcome is outcome
    assert unreached(way("59.1.1.1"), lambda family: False).tree.outcome is ProbeOutcome.GOOD
