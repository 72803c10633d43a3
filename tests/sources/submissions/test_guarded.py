"""Nothing is served that a submitted file is refused for: addresses, claims, and texts that deceive."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from mirrorlist.core.errors import Severity
from mirrorlist.core.model import MAIN, Mirror, WithheldKind
from mirrorlist.core.network.prefixes import spelled
from mirrorlist.sources.mirrors.files import read_mirror_files
from mirrorlist.sources.places.countries import read_countries
from mirrorlist.sources.service.file import read_service
from mirrorlist.sources.submissions.guarded import ReadFile, guarded, guarded_files
from mirrorlist.sources.submissions.judge import judge_submissions
from mirrorlist.sources.submissions.submission import SubmissionCode as Code
from mirrorlist.sources.submissions.submission import SubmissionTerms
from mirrorlist.sources.submissions.terms import terms_of
from tests.data.submissions import FILE, HEAD, HOSTILE, NAME, NEIGHBOURS, PLACE, SERVICE, VALID, WEB, contents

GUARDED = {
    Code.HOST_NOT_PUBLIC, Code.BAD_HOST, Code.BAD_PORT, Code.BAD_PATH, Code.RESERVED_NETWORK, Code.WIDE_NETWORK,
    Code.TOO_MANY_CLAIMS, Code.OVERLAPPING_CLAIM, Code.RESERVED_ASN, Code.CLAIM_OF_MONOPOLY, Code.NEEDS_APPROVAL,
    Code.HIDDEN_CHARACTER, Code.LOOK_ALIKE,
}  # fmt: skip
"""What ``validate`` refuses and no service serves, by its codes."""
MODULES = frozenset({"main", "kitten"})
ROWS = [(kind, *row) for kind, rows in HOSTILE.items() if kind != "name" for row in rows if row[1] in GUARDED]


@cache
def terms(root: Path, profile: str = "") -> SubmissionTerms:
    return terms_of(read_service(root / f"service{profile}.yml", root / "mirrors.d")[0])


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("network")
    (root / "mirrors.d").mkdir()
    (root / "service.yml").write_text(SERVICE)
    (root / "service-approved.yml").write_text(SERVICE.replace("approved: [", f"approved: [{NAME}, "))
    (root / "service-intranet.yml").write_text(SERVICE + "profile: intranet\nintranet_networks: [10.0.0.0/8]\n")
    for name, text in NEIGHBOURS.items():
        (root / "mirrors.d" / name).write_text(text)
    return root


def served(network: Path, data: bytes, profile: str = "") -> Mirror | None:
    """The mirror of a file among the others as it is served; None where the file gives none."""
    file = network / "mirrors.d" / FILE
    file.write_bytes(data)
    try:
        files = read_mirror_files(file.parent, MODULES, read_countries())
        return guarded_files(files, file.parent, terms(network, profile)).get(FILE)
    finally:
        file.unlink()


def refused(network: Path, data: bytes) -> set[str]:
    """The guarded codes for which ``validate`` refuses a file."""
    file = network / "mirrors.d" / FILE
    file.write_bytes(data)
    try:
        found = judge_submissions((file,), file.parent, terms(network))[0].reviewed
    finally:
        file.unlink()
    errors = {each.code for each in found.findings if each.severity is Severity.ERROR}
    return {str(code) for code in GUARDED} & errors


def as_file(mirror: Mirror) -> bytes:
    """What is left of a mirror, as somebody would submit it."""
    books = {module: {str(key): url for key, url in book.items()} for module, book in mirror.urls.items()}
    place = mirror.location
    texts: dict[str, Any] = {
        "sponsor": mirror.sponsor, "sponsor_url": mirror.sponsor_url, "status_reason": mirror.status_reason,
        "contact_name": mirror.contact_name, "agreement": mirror.agreement, "peerings": list(mirror.peerings),
        "geolocation": place and {"country": place.country, "state_province": place.region, "city": place.city},
        "sync": {key: value for key, value in (("source", mirror.sync_source), ("from", mirror.sync_from)) if value},
    }  # fmt: skip
    cloud = mirror.cloud
    root = {
        "name": mirror.name,
        "address": books.pop(MAIN, None),
        "address_optional": books or None,
        "private": mirror.private,
        "monopoly": mirror.monopoly and bool(mirror.subnets or mirror.asns or cloud or mirror.subnets_url),
        "subnets": mirror.subnets_url or [spelled(each) for each in mirror.subnets],
        "asn": list(mirror.asns),
        "cloud_type": cloud and cloud.provider,
        "cloud_regions": cloud and (list(cloud.regions) if cloud.regions else "all"),
        **texts,
    }
    return json.dumps({key: value for key, value in root.items() if value}).encode()


@pytest.mark.parametrize(("kind", "what", "code", "text"), ROWS, ids=[f"{row[0]}: {row[1]}"[:60] for row in ROWS])
def test_nothing_is_served_that_validate_refuses(network: Path, kind: str, what: str, code: str, text: Any) -> None:
    mirror = served(network, contents(text))
    if mirror is None:
        return
    told = {each.finding.code for each in mirror.withheld}
    said_elsewhere = code is Code.HIDDEN_CHARACTER or kind == "email"  # in a comment, or for maintainers alone
    assert said_elsewhere or told & {str(each) for each in GUARDED}, [str(each) for each in mirror.withheld]
    assert refused(network, as_file(mirror)) == set()
    assert all(each.finding.severity is Severity.WARNING and each.finding.line >= 1 for each in mirror.withheld)


@pytest.mark.parametrize("what", VALID)
def test_a_file_that_is_accepted_is_served_as_it_is(network: Path, what: str) -> None:
    data = contents(VALID[what])
    mirror = served(network, data)
    assert mirror is not None
    assert mirror.withheld == ()


URL = "name: {name}\naddress: {{http: '{url}', https: 'https://{name}/linux/'}}\n"
HIDDEN_HOSTS = {
    "decimal": "http://2130706433/x/", "hex": "http://0x7f000001/x/", "octal": "http://0177.0.0.1/x/",
    "short": "http://127.1/x/", "one number": "http://0/x/", "trailing dot": "http://127.0.0.1./x/",
    "mapped": "http://[::ffff:169.254.169.254]/x/", "mapped hex": "http://[::ffff:a9fe:a9fe]/x/",
    "compatible": "http://[::127.0.0.1]/x/", "NAT64": "http://[64:ff9b::a9fe:a9fe]/x/",
    "6to4": "http://[2002:a00:1::1]/x/", "unique local": "http://[fd00:ec2::254]/x/", "this host": "http://0.0.0.0/x/",
    "localhost": "http://localhost/x/", "below localhost": "http://a.localhost/x/", "capitals": "http://LOCALHOST/x/",
    "local domain": "http://localhost.localdomain/x/", "local": "http://printer.local/x/",
    "internal": "http://metadata.google.internal/x/", "onion": "http://abc.onion/x/", "one label": "http://intranet/x/",
    "NAT of a carrier": "http://100.100.100.200/x/", "port of mail": "http://mirror.new.example.org:25/x/",
    "port of Redis": "http://mirror.new.example.org:6379/x/", "dots": "http://mirror.new.example.org/a/../b/",
    "one dot": "http://mirror.new.example.org/./b/", "half encoded dots": "http://mirror.new.example.org/.%2e/b/",
    "line feed": "http://mirror.new.example.org/%0aLocation:x/",
    "encoded host": "http://127%2e0%2e0%2e1/x/", "zone": "http://[fe80::1%25eth0]/x/", "user": "http://a:b@mirror.new.example.org/",
    "port 0": "http://mirror.new.example.org:0/x/", "port too high": "http://mirror.new.example.org:70000/x/",
    "query": "http://mirror.new.example.org/x/?y", "fragment": "http://mirror.new.example.org/x/#y",
    "backslash": "http://mirror.new.example.org\\@evil.example.net/", "variable": "http://mirror.new.example.org/$x/",
    "script": "javascript:alert(1)", "file": "file:///etc/passwd", "bidi": "http://mirror.new.example.org/\u202ex/",
    "homoglyph": "http://mirror.n\u0435w.example.org/x/", "markup": "http://mirror.new.example.org/<b>/",
    "too long": "http://mirror.new.example.org/" + 1024 * "x", "wildcard": "http://*.example.org/x/",
}  # fmt: skip


@pytest.mark.parametrize("what", HIDDEN_HOSTS)
def test_one_bad_address_is_withheld_and_the_good_one_stays(network: Path, what: str) -> None:
    mirror = served(network, URL.format(name=NAME, url=HIDDEN_HOSTS[what]).encode() + PLACE.encode())

    assert mirror is not None
    assert {str(key): url for key, url in mirror.urls[MAIN].items()} == {"https": f"https://{NAME}/linux/"}
    (part,) = mirror.withheld
    assert (part.kind, part.of, part.module, part.finding.line) == (WithheldKind.ADDRESS, "address.http", MAIN, 2)


def test_a_module_with_a_bad_address_costs_the_mirror_that_module_alone(network: Path) -> None:
    mirror = served(network, f"{HEAD}address_optional: {{kitten: {{http: 'http://{NAME}/k/?x'}}}}\n".encode())

    assert mirror is not None
    assert mirror.urls.keys() == {MAIN}
    (part,) = mirror.withheld
    assert (part.kind, part.of, part.module) == (WithheldKind.ADDRESS, "address_optional.kitten.http", "kitten")


def test_a_logo_that_is_no_picture_is_told_and_left_out(network: Path) -> None:
    for profile in ("", "-intranet"):
        mirror = served(network, f"{HEAD}logo: nowhere.png\n".encode(), profile)
        assert mirror is not None
        assert mirror.logo is None
        assert [(each.of, each.finding.code, each.finding.line) for each in mirror.withheld] == [
            ("logo", "bad-logo", 6)
        ]


def test_networks_that_are_none_cost_the_mirror_those_alone(network: Path) -> None:
    mirror = served(
        network, f"{HEAD}private: true\nsubnets: [59.1.2.0/33, 10.0.0.0/8,\n 59.1.2.0/24, house]\n".encode()
    )

    assert mirror is not None
    assert (tuple(map(spelled, mirror.subnets)), mirror.private) == (("59.1.2.0/24",), True)
    lost = [(each.kind, each.of, each.finding.code, each.finding.line) for each in mirror.withheld]
    assert lost == [
        (WithheldKind.CLAIM, "subnets[0]", "bad-network", 7),
        (WithheldKind.CLAIM, "subnets[3]", "bad-network", 8),
        (WithheldKind.CLAIM, "subnets[1]", "reserved-network", 7),
    ]


@pytest.mark.parametrize("host", ["127.0.0.1", "169.254.169.254", "[::1]", "localhost", "0.0.0.0", "0x7f000001"])
def test_a_private_mirror_is_not_its_clients_own_machine_either(network: Path, host: str) -> None:
    mirror = served(network, f"name: {NAME}\naddress: {{http: 'http://{host}/x/'}}\nprivate: true\nasn: 680\n".encode())

    assert mirror is not None
    assert (mirror.urls, mirror.private, mirror.asns) == ({}, True, (680,))


CLAIMS: dict[str, tuple[str, tuple[str, ...], bool, bool]] = {
    "half of the internet": ("private: true\nmonopoly: true\nsubnets: [128.0.0.0/1]\n", (), True, True),
    "half of it beside its own": (
        "private: true\nmonopoly: true\nsubnets: [128.0.0.0/1, 59.1.2.0/24]\n", ("59.1.2.0/24",), True, True,
    ),
    "too much together": (
        "subnets: [59.1.0.0/17, 59.2.0.0/16, 59.3.0.0/17]\n", ("59.1.0.0/17", "59.3.0.0/17"), False, False,
    ),
    "monopoly of nothing": ("private: true\nmonopoly: true\n", (), True, False),
    "monopoly by ASN keeps its network": (
        "private: true\nmonopoly: true\nasn: 680\nsubnets: [59.1.2.0/24]\n", ("59.1.2.0/24",), True, False,
    ),
    "monopoly of a cloud": (
        "private: true\nmonopoly: true\ncloud_type: aws\ncloud_regions: [eu-west-1]\n", (), True, False,
    ),
    "a whole cloud is not opened to everybody": ("cloud_type: aws\ncloud_regions: all\n", (), True, False),
    "inside a monopoly": ("subnets: [193.99.144.0/28, 59.1.2.0/24]\n", ("59.1.2.0/24",), False, False),
}  # fmt: skip


@pytest.mark.parametrize("what", CLAIMS)
def test_a_claim_that_a_stranger_may_not_make_is_not_honoured(network: Path, what: str) -> None:
    text, networks, private, monopoly = CLAIMS[what]
    mirror = served(network, contents(text))

    assert mirror is not None
    left = tuple(spelled(each) for each in mirror.subnets)
    assert (left, mirror.private, mirror.monopoly) == (networks, private, monopoly)
    assert {each.kind for each in mirror.withheld} == {WithheldKind.CLAIM}
    approved = served(network, contents(text), "-approved")
    assert approved is not None
    assert approved.monopoly is ("monopoly: true" in text and what != "monopoly of nothing")
    assert [each for each in approved.withheld if "no network is named" not in each.finding.message] == []


TEXTS = {
    "bidi": ("Ex\u202eample", "Example"), "isolates": ("a\u2066b\u2069", "ab"), "zero width": ("Ex\u200bample", "Example"),
    "soft hyphen": ("Ex\u00adample", "Example"), "byte order mark": ("\ufeffExample", "Example"),
    "tags": ("Example\U000e0041", "Example"), "blank letter": ("Ex\u3164ample", "Example"),
    "Cyrillic in a word": ("Ex\u0430mple Ltd", "Ex?mple Ltd"), "bold": ("\U0001d404xample", "Example"),
    "wide": ("\uff25xample", "Example"), "markup": ("<b>Example</b>", "bExample/b"),
    "two lines": ("Example\\nUniversity", "Example University"), "separator": ("A\u2028B", "A B"),
    "accents": ("e" + "\u0301" * 9 + "x", "e\u0301\u0301x"), "honest": ("Universit\u00e9", "Universit\u00e9"),
}  # fmt: skip


@pytest.mark.parametrize("what", TEXTS)
@pytest.mark.parametrize("profile", ["", "-intranet"])
def test_texts_that_deceive_are_shown_cleaned(network: Path, what: str, profile: str) -> None:
    given, shown_as = TEXTS[what]
    mirror = served(network, f'{HEAD}sponsor: "{given}"\npeerings: ["{given}"]\n'.encode(), profile)

    assert mirror is not None
    assert (mirror.sponsor, mirror.peerings) == (shown_as, (shown_as,))
    assert [each.of for each in mirror.withheld] == ([] if what == "honest" else ["sponsor", "peerings[0]"])
    further = served(network, f'{HEAD}places: [{{country: US, city: "{given}"}}]\n'.encode(), profile)
    assert further is not None
    assert [(each.country, each.city) for each in further.places] == [("US", shown_as)]


def test_an_intranet_keeps_its_own_hosts_ports_and_claims(network: Path) -> None:
    text = (
        f"name: {NAME}\naddress: {{http: 'http://10.1.2.3:81/x/', https: 'https://mirror_1.lan:444/x/'}}\n"
        "private: true\nmonopoly: true\nsubnets: [10.0.0.0/9]\nasn: 64512\n"
    )
    mirror = served(network, text.encode(), "-intranet")

    assert mirror is not None
    assert (mirror.withheld, mirror.monopoly, len(mirror.subnets), mirror.asns) == ((), True, 1, (64512,))
    bad = served(network, URL.format(name=NAME, url="http://169.254.169.254/x/").encode(), "-intranet")
    assert bad is not None
    assert [each.of for each in bad.withheld] == ["address.http"]


def loaded(network: Path, former: tuple[Mirror, ...] = (), **texts: str) -> tuple[Mirror, ...]:
    """The mirrors of files with these names and networks (``a_alone`` is a monopoly)."""
    directory = network / "others.d"
    directory.mkdir(exist_ok=True)
    for path in directory.iterdir():
        path.unlink()
    for name, subnets in texts.items():
        alone = "private: true\nmonopoly: true\n" if name.endswith("alone") else ""
        host = f"{name.replace('_', '-')}.example.org"
        text = f"name: {host}\n{WEB.replace(NAME, host)}{PLACE}{alone}subnets: [{subnets}]\n"
        (directory / f"{host}.yml").write_text(text)
    files = read_mirror_files(directory, MODULES, read_countries())
    read = {str(directory / name): ReadFile(files.documents[name], mirror) for name, mirror in files.mirrors.items()}
    return tuple(guarded(read, terms(network), former).values())


def networks(mirrors: tuple[Mirror, ...]) -> dict[str, tuple[str, ...]]:
    """The networks of each mirror."""
    return {each.name.partition(".")[0].replace("-", "_"): tuple(map(spelled, each.subnets)) for each in mirrors}


WIDE, NARROW = "59.1.0.0/16", "59.1.2.0/24"
CONFLICTS: dict[str, tuple[dict[str, str], dict[str, tuple[str, ...]]]] = {
    "a monopoly in another's": ({"a_alone": WIDE, "b_alone": NARROW}, {"a_alone": (WIDE,), "b_alone": ()}),
    "two of one network": ({"a_alone": NARROW, "b_alone": NARROW}, {"a_alone": (), "b_alone": ()}),
    "a monopoly in an open mirror's": ({"a": WIDE, "b_alone": NARROW}, {"a": (WIDE,), "b_alone": ()}),
    "a monopoly around an open mirror's": ({"a": NARROW, "b_alone": WIDE}, {"a": (), "b_alone": ()}),
    "two open ones": ({"a": WIDE, "b": NARROW}, {"a": (), "b": ()}),
    "apart": ({"a_alone": NARROW, "b": "59.1.3.0/24"}, {"a_alone": (NARROW,), "b": ("59.1.3.0/24",)}),
}


@pytest.mark.parametrize("what", CONFLICTS)
def test_two_new_claims_of_the_same_addresses_wait_for_a_person(network: Path, what: str) -> None:
    texts, left = CONFLICTS[what]
    assert networks(loaded(network, **texts)) == left


@pytest.mark.parametrize("newer", [{"b_alone": WIDE}, {"b_alone": NARROW}, {"b": WIDE}, {"b": NARROW}])
@pytest.mark.parametrize("older", [{"a_alone": NARROW}, {"a": NARROW}])
def test_a_claim_in_force_is_taken_by_nobody(network: Path, older: dict[str, str], newer: dict[str, str]) -> None:
    in_force = loaded(network, **older)
    assert networks(loaded(network, in_force, **older, **newer)) == {
        **{name: (each,) for name, each in older.items()},
        **dict.fromkeys(newer, ()),
    }
