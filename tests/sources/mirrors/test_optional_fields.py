"""A file with a small mistake: the mirror is served, with a warning that says how to write it."""

from __future__ import annotations

from typing import Any

import pytest

from mirrorlist.core.model import CloudRegions, Location, Mirror, Prefix, Status
from mirrorlist.sources.mirrors.fields import OPTIONAL, OPTIONAL_IF_EMPTY
from mirrorlist.sources.mirrors.files import parse_mirror
from mirrorlist.sources.mirrors.forms import FORMS
from mirrorlist.sources.places.countries import read_countries
from mirrorlist.sources.yaml.documents import Code
from mirrorlist.sources.yaml.schemas import load_schema

MODULES = ("main", "kitten")
BARE = "name: a.example\n"
HEAD = BARE + "address: {http: http://a.example/x/}\n"
SUBNETS = (Prefix(b"\xc0\x00\x02\x00", 24), Prefix(b"\xc6\x33\x64\x00", 24))
UNTIL = "; it is left out until then"


def parse(text: str) -> tuple[Mirror | None, list[str]]:
    mirror, findings = parse_mirror(text.encode(), "a.example.yml", MODULES, read_countries())
    return mirror, [str(each).removeprefix("a.example.yml:") for each in findings]


def served(text: str) -> tuple[Mirror, list[str]]:
    mirror, told = parse(text)
    assert mirror is not None, told
    assert all(" warning [" in each for each in told)
    return mirror, told


@pytest.mark.parametrize(
    ("line", "field", "value"),
    [
        ("update_frequency: 3 hours", "update_frequency_seconds", 10_800),
        ("update_frequency: every 15 min", "update_frequency_seconds", 900),
        ("update_frequency: 4 times a day", "update_frequency_seconds", 21_600),
        ("update_frequency: Hourly", "update_frequency_seconds", 3600),
        ("update_frequency: 3H", "update_frequency_seconds", 10_800),
        ("update_frequency: 1w", "update_frequency_seconds", 604_800),
        ("update_frequency: 1h30m", "update_frequency_seconds", 5400),
        ("update_frequency: 1.5 hours", "update_frequency_seconds", 5400),
        ("update_frequency: 3600s", "update_frequency_seconds", 3600),
        ("update_frequency: 4x daily", "update_frequency_seconds", 21_600),
        ("update_frequency: four times a day", "update_frequency_seconds", 21_600),
        ("update_frequency: '*/15 * * * *'", "update_frequency_seconds", 900),
        ("update_frequency: 0 */3 * * *", "update_frequency_seconds", 10_800),
        ("update_frequency: 17 * * * *", "update_frequency_seconds", 3600),
        ("update_frequency: [3h]", "update_frequency_seconds", 10_800),
        ("bandwidth_mbps: 10 Gbit/s", "bandwidth_mbps", 10_000),
        ("bandwidth_mbps: 10G", "bandwidth_mbps", 10_000),
        ("bandwidth_mbps: 2x10 Gbps", "bandwidth_mbps", 20_000),
        ("bandwidth_mbps: 1,000", "bandwidth_mbps", 1000),
        ("bandwidth_mbps: 10GbE", "bandwidth_mbps", 10_000),
        ("bandwidth_mbps: 10 gigabit", "bandwidth_mbps", 10_000),
        ("bandwidth_mbps: '1000'", "bandwidth_mbps", 1000),
        ("bandwidth_mbps: 500 Mbps", "bandwidth_mbps", 500),
        ("tib_per_month: 50 TiB", "tib_per_month", 50.0),
        ("tib_per_month: '2,5 TB / month'", "tib_per_month", 2.5),
        ("storage_gb: 4 TB", "storage_gb", 4000),
        ("storage_gb: 4,000 GB", "storage_gb", 4000),
        ("storage_gb: '4000'", "storage_gb", 4000),
        ("storage_gb: 500GB", "storage_gb", 500),
        ("sponsor: 1984", "sponsor", "1984"),
        ("sponsor: ['Example']", "sponsor", "Example"),
        ("sponsor_url: [a.example]", "sponsor_url", "https://a.example"),
        ("email: [a@a.example]", "email", "a@a.example"),
        ("email: ' a@a.example '", "email", "a@a.example"),
        ("email: Kari <a@a.example>", "email", "a@a.example"),
        ("sponsor_url: ' https://a.example/ '", "sponsor_url", "https://a.example/"),
        ("sponsor_url: <https://a.example/>", "sponsor_url", "https://a.example/"),
        ("contact_name: [Kari]", "contact_name", "Kari"),
        ("agreement: 2", "agreement", "2"),
        ("peerings: 'NIX Oslo, DE-CIX'", "peerings", ("NIX Oslo", "DE-CIX")),
        ("peerings: [NIX, 5]", "peerings", ("NIX", "5")),
        ("probe: {at_most: 30/min}", "requests_per_minute", 30),
        ("probe: {at_most: '600 requests per hour'}", "requests_per_minute", 10),
        ("probe: {at_most: 1/s}", "requests_per_minute", 60),
        ("probe: 20", "requests_per_minute", 20),
        ("status: Live", "status", Status.LIVE),
        ("status: PAUSED", "status", Status.PAUSED),
        ("status_until: 24.12.2026", "status_until", "2026-12-24"),
        ("status_until: 2026-12-24T00:00:00Z", "status_until", "2026-12-24"),
        ("live_from: 2026-12-24 10:00", "live_from", "2026-12-24"),
        ("live_from: 20261224", "live_from", "2026-12-24"),
        ("live_from: Dec 24, 2026", "live_from", "2026-12-24"),
        ("status_since: 2026/1/5", "status_since", "2026-01-05"),
        ("live_from: 24 December 2026", "live_from", "2026-12-24"),
        ("geolocation: {country: false}", "location", Location(continent="EU", country="NO")),
        ("cloud_type: azure\ncloud_regions: West Europe", "cloud", CloudRegions("azure", ("westeurope",))),
        ("cloud_type: azure\ncloud_regions: [East US 2]", "cloud", CloudRegions("azure", ("eastus2",))),
        (
            "cloud_type: aws\ncloud_regions: us-east-1 eu-west-1",
            "cloud",
            CloudRegions("aws", ("us-east-1", "eu-west-1")),
        ),
        ("subnets: ['192.0.2.0 /24 ', 198.51.100.0 / 24]", "subnets", SUBNETS),
        ("subnets: [192.0.2.0/24, '::ffff:198.51.100.0/120']", "subnets", SUBNETS),
        ("subnets: [192.0.2.0/255.255.255.0, '198.51.100.0/24 # office']", "subnets", SUBNETS),
        ("subnets: [192.0.2.0 - 192.0.2.255, 198.51.100.0-198.51.100.255]", "subnets", SUBNETS),
        ("subnets: [['192.0.2.0/24'], 198.51.100.0/24]", "subnets", SUBNETS),
        ("subnets: ['[2001:db8::]/32']", "subnets", (Prefix(b"\x20\x01\x0d\xb8" + bytes(12), 32),)),
        ("subnets: [https://a.example/s.json]", "subnets_url", "https://a.example/s.json"),
        ("subnets: ' HTTPS://a.example/s.json '", "subnets_url", "https://a.example/s.json"),
        ("countries_only: germany", "countries_only", ("DE",)),
        ("countries_only: DE AT", "countries_only", ("DE", "AT")),
        ("countries_only: [DE, false]", "countries_only", ("DE", "NO")),
        ("geolocation: [{country: DE}]", "location", Location(continent="EU", country="DE")),
        ("geolocation: {state: Bayern, country: DE}", "location", Location("EU", "DE", "Bayern")),
        ("geolocation: {lat: 52, lon: 13}", "location", Location(latitude=52.0, longitude=13.0)),
        (
            "address_optional: {Kitten: {http: http://a.example/k/}}",
            "urls",
            {"main": {"http": "http://a.example/x/"}, "kitten": {"http": "http://a.example/k/"}},
        ),
        ("countries_never: DE; NO", "countries_never", ("DE", "NO")),
        ("asn: AS64496, AS64497", "asns", (64496, 64497)),
        ("asn: [AS64496]", "asns", (64496,)),
        ("asn: ASN 64496, ASN64497", "asns", (64496, 64497)),
        ("asn: 64496 64497", "asns", (64496, 64497)),
        ("sync: 'rsync://b.example/l/'", "sync_source", "rsync://b.example/l/"),
        ("private: 'true'\nasn: 5", "private", True),
        ("private: 1\nasn: 5", "private", True),
        ("private: n", "private", False),
        ("private: [no]", "private", False),
        ("cloud_type: AWS\ncloud_regions: eu-north-1", "cloud", CloudRegions("aws", ("eu-north-1",))),
        ("cloud_type: Google Cloud\ncloud_regions: ALL", "cloud", CloudRegions("gcp", None)),
        ("Update-Frequency: 3h", "update_frequency_seconds", 10_800),
        ("update frequency: 3h", "update_frequency_seconds", 10_800),
        ("sponsorURL: https://a.example", "sponsor_url", "https://a.example"),
        ("BandwidthMbps: 10", "bandwidth_mbps", 10),
    ],
)
def test_another_form_with_one_meaning_is_read(line: str, field: str, value: Any) -> None:
    mirror, told = served(HEAD + line + "\n")

    assert getattr(mirror, field) == value
    assert told
    assert all(each.startswith(("3:", "4:")) for each in told)


@pytest.mark.parametrize(
    ("place", "latitude", "longitude"),
    [
        ("latitude: '52.52', longitude: '13.40'", 52.52, 13.4),
        ("latitude: '52,52', longitude: 13", 52.52, 13.0),
        ("latitude: 33.9 S, longitude: 18.4° E", -33.9, 18.4),
        ("latitude: N 52.5, longitude: W 13.4", 52.5, -13.4),
        ("latitude: [52.5], longitude: [13.4]", 52.5, 13.4),
        ("latitude: 52.5 E, longitude: 13.4", None, None),
        ("latitude: 91, longitude: 13.4", None, None),
        ("latitude: 52.5", None, None),
        ("longitude: north", None, None),
    ],
)
def test_coordinates_are_read_or_left_out_together(place: str, latitude: float | None, longitude: float | None) -> None:
    mirror, told = served(HEAD + f"geolocation: {{country: DE, {place}}}\n")

    assert mirror.location == Location("EU", "DE", latitude=latitude, longitude=longitude)
    assert told


@pytest.mark.parametrize(
    "address",
    [
        "address: http://a.example/x/\n",
        "address: {http: a.example/x/}\n",
        "address: {http: //a.example/x}\n",
        "address: {http: ' http://a.example/x/ '}\n",
        "address: {http: '<http://a.example/x/>'}\n",
        "address: {http: 'http://a.example/x/?'}\n",
        "address: {http: http://a.example/x/, https: no, rsync: false, ftp: 21}\n",
        "address: {http: http://a.example/x/, https: 'https://u:p@a.example/x/', rsync: [a, b]}\n",
        "address: [{http: http://a.example/x/}]\n",
        "address: [{http: http://a.example/x/}, {rsync: }]\n",
        "address:\n  http: http://a.example/x/\naddress_optional: {kitten: {https: https://a.example/?k}}\n",
        "address: [http://a.example/x/]\n",
        "address: {HTTP: http://a.example/x/}\n",
        "address: {Http: [http://a.example/x/]}\n",
        "Address: {http: http://a.example/x/, rsync: }\n",
        "address: {http: http://a.example/x/, ftp: N/A, rsync: none, https: '-'}\n",
        "address: {http: http://a.example/x/}\naddress_optional:\n",
        "address: {http: http://a.example/x/}\naddress_optional: {kitten: {rsync: rsync://a.example/k/}}\n",
        "address: {http: http://a.example/x/}\naddress_optional: {kitten: {http: , https: }}\n",
        "address: {http: http://a.example/x/}\naddress_optional: []\n",
    ],
)
def test_addresses_in_other_forms_lead_to_the_same_tree(address: str) -> None:
    mirror, told = served(BARE + address)

    assert mirror.urls == {"main": {"http": "http://a.example/x/"}}
    assert told


@pytest.mark.parametrize(
    ("line", "warning"),
    [
        ("email:", "3:7: warning [wrong-type] email is nothing; write text, or remove the key"),
        ("email: me", "3:8: warning [bad-value] email is 'me'; write it as in 'mirror-admin@example.org'"),
        ("sponsor: ''", "3:10: warning [out-of-range] sponsor is '' with 0 characters; write at least 1"),
        ("sponsor: [a, b]", "3:10: warning [wrong-type] sponsor is a list; write text"),
        ("sponsor_url: 5", "3:14: warning [wrong-type] sponsor_url is 5; put it in quotes"),
        (
            "email: a@a.example, b@a.example",
            "3:8: warning [bad-value] email is 'a@a.example, b@a.example'; write it as",
        ),
        (
            "update_frequency: every 4-6 hours",
            "3:19: warning [bad-value] update_frequency is 'every 4-6 hours'; write it",
        ),
        ("update_frequency: 3", "3:19: warning [wrong-type] update_frequency is 3; put it in quotes"),
        ("bandwidth_mbps: fast", "3:17: warning [wrong-type] bandwidth_mbps is 'fast'; write a whole number"),
        ("bandwidth_mbps: 0", "3:17: warning [out-of-range] bandwidth_mbps is 0; write a number of at least 1"),
        ("storage_gb: -1", "3:13: warning [out-of-range] storage_gb is -1; write a number of at least 1"),
        ("geolocation: Berlin", "3:14: warning [wrong-type] geolocation is 'Berlin'; write keys and values"),
        ("geolocation: {continent: Atlantis}", "3:26: warning [bad-value] geolocation.continent is 'Atlantis'"),
        ("geolocation: {continent: Americas}", "3:26: warning [bad-value] geolocation.continent is 'Americas'"),
        ("geolocation: {country: 49}", "3:24: warning [wrong-type] geolocation.country is 49; put it in quotes"),
        ("logo: x.svg", "3:7: warning [bad-value] logo is 'x.svg'; write it as in 'example.png'"),
        ("probe: {at_most: 0}", "3:18: warning [out-of-range] probe.at_most is 0; write a number of at least 1"),
        ("probe: {at_most: rarely}", "3:18: warning [wrong-type] probe.at_most is 'rarely'; write a whole number"),
        ("probe: []", "3:8: warning [wrong-type] probe is a list; write keys and values"),
        ("sync: {}", "3:7: warning [out-of-range] sync is a mapping with 0 keys; write at least 1"),
        ("sync: {from: '?'}", "3:14: warning [bad-value] sync.from is '?'"),
        ("status_until: soon", "3:15: warning [bad-value] status_until is 'soon'; write it as in '2026-12-24'"),
        ("status_since: 2026-02-30", "3:15: warning [bad-date] status_since '2026-02-30' is no date"),
        ("status_reason: ['', '']", "3:16: warning [wrong-type] status_reason is a list; write text"),
        ("peerings: [NIX, {}]", "3:17: warning [wrong-type] peerings[1] is a mapping; write text"),
        ("agreement: 1.10", "3:12: warning [wrong-type] agreement is 1.1; put it in quotes, as it is written"),
        ("subnets:", "3:9: warning [wrong-type] subnets is nothing; write a list or text"),
        ("subnets: house", "3:10: warning [bad-value] subnets is 'house'; write it as in 'https://mirror.example.org/"),
        ("subnets: [5]", "3:11: warning [wrong-type] subnets[0] is 5; put it in quotes"),
        ("subnets: [192.0.2.0/33]", "3:11: warning [bad-network] subnets[0] '192.0.2.0/33' is no network"),
        ("monopoly:", "3:10: warning [wrong-type] monopoly is nothing; write true or false, or remove the key"),
        ("notify: perhaps", "3:9: warning [wrong-type] notify is 'perhaps'; write true or false"),
        ("countries_never: []", "3:18: warning [out-of-range] countries_never is a list with 0 entries"),
        (
            "address_optional: {kitten: {http: http://a.example/?k}}",
            "3:35: warning [bad-url] address_optional.kitten.http 'http://a.example/?k' has a query",
        ),
        ("asn: []", "3:6: warning [out-of-range] asn is a list with 0 entries; write at least 1"),
        ("asn: '64,496'", "3:6: warning [wrong-type] asn is '64,496'; write a whole number or a list"),
        ("asn: [0]", "3:7: warning [out-of-range] asn[0] is 0; write a number of at least 1"),
    ],
)
def test_an_optional_value_that_cannot_be_read_is_left_out(line: str, warning: str) -> None:
    _, told = served(HEAD + line + "\n")

    assert len(told) == 1
    assert told[0].startswith(warning)
    assert told[0].endswith(UNTIL)


@pytest.mark.parametrize(
    "line",
    [
        "private: maybe", "private:", "monopoly: [a, b]", "cloud_type: aws", "cloud_type:\ncloud_regions: all",
        "cloud_type: acme\ncloud_regions: all", "status: off", "status:", "live_from: soon", "live_from: 5/6/2026",
        "countries_only:", "countries_only: []", "countries_never: [5]", "address_optional: {kitten: {ftp: 5}}\nname: 5",
    ],
)  # fmt: skip
def test_what_says_who_gets_the_mirror_is_not_optional(line: str) -> None:
    mirror, told = parse(HEAD + line + "\n")

    assert mirror is None
    assert [each for each in told if " error [" in each]


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("North America", "NA"), ("north america", "NA"), ("NorthAmerica", "NA"), ("north-america", "NA"), ("na", "NA"),
        ("Northern America", "NA"), ("Central America", "NA"), ("N. America", "NA"), ("Caribbean", "NA"),
        ("Europe", "EU"), ("EUROPE", "EU"), ("eu", "EU"), ("Western Europe", "EU"), ("Europa", "EU"),
        ("Asia", "AS"), ("South-East Asia", "AS"), ("Africa", "AF"), ("Oceania", "OC"), ("Australia", "OC"),
        ("South America", "SA"), ("SouthAmerica", "SA"), ("Antarctica", "AN"),
    ],
)  # fmt: skip
def test_a_continent_has_a_name(written: str, code: str) -> None:
    mirror, told = served(HEAD + f"geolocation: {{continent: {written}}}\n")

    assert mirror.location == Location(continent=code)
    assert told[-1].startswith("3:26: warning [continent-spelling] ")


@pytest.mark.parametrize(
    ("written", "country", "continent", "code"),
    [
        ("Americas", "BR", "SA", Code.CONTINENT_SPELLING),
        ("America", "US", "NA", Code.CONTINENT_SPELLING),
        ("EMEA", "ZA", "AF", Code.CONTINENT_SPELLING),
        ("APAC", "AU", "OC", Code.CONTINENT_SPELLING),
        ("EU", "US", "NA", Code.WRONG_CONTINENT),
        ("Europe", "US", "NA", Code.WRONG_CONTINENT),
        ("Americas", "DE", "EU", Code.WRONG_CONTINENT),
        ("N/A", "DE", "EU", Code.BAD_VALUE),
    ],
)
def test_the_country_tells_the_continent(written: str, country: str, continent: str, code: Code) -> None:
    mirror, told = served(HEAD + f"geolocation: {{continent: {written}, country: {country}}}\n")

    assert mirror.location == Location(continent=continent, country=country)
    assert [each.split("] ")[0] for each in told] == [f"3:26: warning [{code}"]


def test_a_password_in_an_address_is_told_without_it() -> None:
    bad = "https://user:geheim@a.example/"
    _, told = served(f"{HEAD.replace('}', f', https: {bad!r}}}')}sponsor_url: {bad}\n")
    _, alone = parse(f"{BARE}address: {{https: '{bad}'}}\n")

    assert len(told) == 2
    assert len(alone) == 1
    assert "geheim" not in str((told, alone))


def test_a_name_in_capitals_is_the_name() -> None:
    mirror, told = served(HEAD.replace("a.example", "A.Example.", 1))

    assert mirror.name == "a.example"
    assert told == ["1:7: warning [bad-value] name is 'A.Example.', which is read as 'a.example'; write 'a.example'"]


def test_every_form_and_optional_field_is_a_field_of_the_schema() -> None:
    properties = load_schema("mirror")["properties"]

    assert {field[0] for field in (*FORMS, *OPTIONAL, *OPTIONAL_IF_EMPTY)} <= properties.keys()
    assert properties.keys() - {field[0] for field in FORMS} == {"address_optional", "geolocation"} - {
        field[0] for field in FORMS
    }


ALMALINUX = """\
---
name: a.example
cloud_type: azure
address:
  http: http://a.example/almalinux
  https: https://a.example/almalinux
  rsync: rsync://a.example/almalinux
  ftp: ftp://a.example/almalinux
address_optional:
  kitten:
    http: http://a.example/almalinux-kitten
    https: https://a.example/almalinux-kitten
    rsync: rsync://a.example/almalinux-kitten
update_frequency: 1h
sponsor: Some company name
sponsor_url: http://some.company.name
email: admin@some.company.name
geolocation:
  continent: North America
  country: US
  state_province: New York
  city: New York
private: false
monopoly: false
subnets:
  - 192.0.2.0/24
asn: [12345, 98765]
cloud_regions:
  - australiacentral2
...
"""


def test_the_form_that_almalinux_gives_to_owners_is_served_as_it_is_filled_in() -> None:
    mirror, told = served(ALMALINUX)

    assert mirror.location == Location("NA", "US", "New York", "New York")
    assert told == [
        "19:14: warning [continent-spelling] geolocation.continent 'North America' is read as NA; write 'NA'"
    ]
