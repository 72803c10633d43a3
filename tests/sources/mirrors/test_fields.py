""""""

import re

import pytest

from mirrorlist.core.model import CloudRegions, Location, Mirror, Prefix, Protocol, Status
from mirrorlist.sources.mirrors.files import parse_mirror
from mirrorlist.sources.places.countries import read_countries
from mirrorlist.sources.yaml.schemas import load_schema

COUNTRIES = read_countries()
MODULES = ("main", "kitten")
HEAD = "name: a.example\naddress:\n  http: http://a.example/x/\n"


def parse(text: str) -> tuple[Mirror | None, list[str]]:
    mirror, findings = parse_mirror(text.encode(), "a.example.yml", MODULES, COUNTRIES)
    return mirror, [str(each) for each in findings]


EVERYTHING = """\
---
name: a.example
address:
  https: https://a.example//linux/
  http: HTTP://a.example
  rsync: rsync://a.example/linux
  ftp: ftp://a.example/linux/
address_optional:
  kitten: {https: "https://a.example/kitten"}
update_frequency: 3h
sponsor: A Größe
sponsor_url: https://www.a.example/
email: admin@a.example
geolocation:
  continent: EU
  country: "NO"
  state_province: Vestland
  city: Bergen
  latitude: 60.39
  longitude: 5
  time_zone: Europe/Oslo
places: [{country: DE, city: Berlin}, {latitude: 1.5, longitude: 103}]
global: yes
private: yes
monopoly: True
subnets: [192.0.2.0/24, 2001:0DB8:0000::/44, 198.51.100.7, "2001:db8::1", 192.0.2.0/24]
asn: [64496, 64497]
cloud_type: aws
cloud_regions: [EU-North-1, us-east-1]
status: retiring
status_reason: moving
status_until: 2026-12-24
status_since: 2020-01-05
live_from: 2020-01-31
bandwidth_mbps: 10000
storage_gb: 4000
tib_per_month: 50
off_peak_only: true
countries_only: [DE, "NO"]
countries_never: [GB]
logo: a.png
sync: {source: "rsync://b.example/linux/", from: 192.0.2.7}
probe: {at_most: 30}
contact_name: Kari
peerings: [NIX]
agreement: "2026-01"
notify: no
"""


def test_every_field_arrives_with_its_meaning() -> None:
    assert parse(EVERYTHING) == (
        Mirror(
            name="a.example",
            urls={
                "main": {
                    Protocol.HTTPS: "https://a.example/linux/",
                    Protocol.HTTP: "http://a.example/",
                    Protocol.RSYNC: "rsync://a.example/linux/",
                    Protocol.FTP: "ftp://a.example/linux/",
                },
                "kitten": {Protocol.HTTPS: "https://a.example/kitten/"},
            },
            update_frequency_seconds=10800,
            sponsor="A Größe",
            sponsor_url="https://www.a.example/",
            email="admin@a.example",
            location=Location("EU", "NO", "Vestland", "Bergen", 60.39, 5.0),
            places=(
                Location("EU", "DE", city="Berlin"),
                Location(latitude=1.5, longitude=103.0),
            ),
            is_global=True,
            private=True,
            monopoly=True,
            subnets=(
                Prefix(bytes([192, 0, 2, 0]), 24),
                Prefix(bytes.fromhex("20010db8") + bytes(12), 44),
                Prefix(bytes([198, 51, 100, 7]), 32),
                Prefix(bytes.fromhex("20010db8") + bytes(11) + b"\x01", 128),
            ),
            asns=(64496, 64497),
            cloud=CloudRegions("aws", ("eu-north-1", "us-east-1")),
            status=Status.RETIRING,
            status_reason="moving",
            status_until="2026-12-24",
            status_since="2020-01-05",
            live_from="2020-01-31",
            bandwidth_mbps=10000,
            storage_gb=4000,
            tib_per_month=50.0,
            off_peak_only=True,
            time_zone="Europe/Oslo",
            countries_only=("DE", "NO"),
            countries_never=("GB",),
            logo="a.png",
            sync_source="rsync://b.example/linux/",
            sync_from="192.0.2.7",
            requests_per_minute=30,
            contact_name="Kari",
            peerings=("NIX",),
            agreement="2026-01",
            notify=False,
        ),
        [],
    )


def test_the_example_above_uses_every_field_of_the_schema() -> None:
    written = set(re.findall(r"(\w+):", EVERYTHING))

    properties = load_schema("mirror")["properties"]
    nested = {*properties["geolocation"]["properties"], *properties["sync"]["properties"]}
    assert ({*properties, *nested}) - written == set()


def test_a_name_and_an_address_are_enough() -> None:
    mirror, told = parse(HEAD)

    assert told == []
    assert mirror == Mirror(name="a.example", urls={"main": {Protocol.HTTP: "http://a.example/x/"}})


def test_a_mirror_may_have_modules_only() -> None:
    mirror, told = parse("name: a.example\naddress_optional: {kitten: {http: http://a.example/k/}}\n")

    assert told == []
    assert mirror is not None
    assert mirror.urls == {"kitten": {Protocol.HTTP: "http://a.example/k/"}}


@pytest.mark.parametrize("regions", ["all", "[all]", "[eu-1, ALL]"])
def test_all_cloud_regions_are_no_list(regions: str) -> None:
    mirror, _ = parse(HEAD + f"cloud_type: gcp\ncloud_regions: {regions}\n")

    assert mirror is not None
    assert mirror.cloud == CloudRegions("gcp", None)


def test_subnets_may_be_the_address_of_a_list() -> None:
    mirror, told = parse(HEAD + "subnets: https://a.example/subnets.json\nprivate: true\n")

    assert (mirror and mirror.subnets_url, told) == ("https://a.example/subnets.json", [])


def test_the_continent_is_taken_from_the_file_where_the_country_is_not_known() -> None:
    mirror, _ = parse(HEAD + "geolocation: {continent: SA}\n")

    assert mirror is not None
    assert mirror.location == Location(continent="SA")


@pytest.mark.parametrize("line_break", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_the_way_an_editor_saves_changes_nothing(line_break: str, mark: str) -> None:
    assert parse(mark + EVERYTHING.replace("\n", line_break)) == parse(EVERYTHING)


def test_a_number_with_a_zero_fraction_is_whole() -> None:
    mirror, told = parse(HEAD + "asn: 64496.0\nbandwidth_mbps: 1000.0\n")

    assert told == []
    assert mirror is not None
    assert (repr(mirror.asns), repr(mirror.bandwidth_mbps)) == ("(64496,)", "1000")
