"""Small faults of mirror files: what is told, and what is used instead."""

from typing import Any

import pytest

from mirrorlist.core.model import Location, Mirror, Protocol
from mirrorlist.sources.mirrors.files import parse_mirror
from mirrorlist.sources.places.countries import read_countries

COUNTRIES = read_countries()
MODULES = ("main", "kitten")
HEAD = "name: a.example\naddress:\n  http: http://a.example/x/\n"

HTTP = {Protocol.HTTP: "http://a.example/x/"}


def parse(text: str, file: str = "a.example.yml") -> tuple[Mirror | None, list[str]]:
    mirror, findings = parse_mirror(text.encode(), file, MODULES, COUNTRIES)
    return mirror, [str(each).removeprefix(f"{file}:") for each in findings]


def repaired(text: str, warning: str) -> Mirror:
    """The mirror of a file about which this one warning is told and nothing else."""
    mirror, told = parse(text)
    assert told == [warning]
    assert mirror is not None
    return mirror


def test_an_unknown_key_is_dropped_with_the_one_that_is_near() -> None:
    warning = "4:1: warning [unknown-key] address_options is not a known key; did you mean 'address_optional'?"

    mirror = repaired(HEAD + "address_options: {kitten: {http: http://a.example/k/}}\n", warning)

    assert mirror.urls == {"main": HTTP}


def test_a_key_at_the_wrong_place_is_dropped_with_the_right_place() -> None:
    warning = "4:15: warning [unknown-key] geolocation.asn is not a known key; did you mean 'asn' in the first column?"

    assert repaired(HEAD + "geolocation: {asn: 64496}\n", warning).asns == ()


def test_a_key_in_other_letters_is_the_key() -> None:
    warning = "4:15: warning [key-case] geolocation.City is read as 'city'; write it like that"

    assert repaired(HEAD + "geolocation: {City: Bergen}\n", warning).location == Location(city="Bergen")


def test_a_key_in_other_letters_never_replaces_the_key_itself() -> None:
    warning = "4:1: warning [unknown-key] Sponsor is not a known key; did you mean 'sponsor'?"

    assert repaired(HEAD + "Sponsor: x\nsponsor: y\n", warning).sponsor == "y"


def test_what_stands_under_a_key_in_other_letters_keeps_its_place() -> None:
    _, told = parse(HEAD + "GeoLocation:\n  Country: UK\n  latitude: x\n  longitude: 5\n")

    assert told == [
        "4:1: warning [key-case] GeoLocation is read as 'geolocation'; write it like that",
        "5:3: warning [key-case] geolocation.Country is read as 'country'; write it like that",
        "5:12: warning [country-spelling] geolocation.country 'UK' is read as GB; write 'GB'",
        "6:13: warning [wrong-type] geolocation.latitude is 'x'; write a number, as in 60.39; it is left out until then",
    ]


@pytest.mark.parametrize(("word", "meant"), [("yes", True), ("No", False), ("'on'", True), ("OFF", False)])
def test_words_are_booleans_where_a_boolean_is_wanted(word: str, meant: bool) -> None:
    mirror, told = parse(HEAD + f"asn: 5\nprivate: {word}\n")

    assert told == []
    assert mirror is not None
    assert mirror.private is meant


def test_a_module_that_the_service_does_not_have_is_dropped() -> None:
    warning = "5:3: warning [unknown-module] address_optional.kiten is not a module of this service; " + (
        "did you mean 'kitten'?"
    )
    text = HEAD + "address_optional:\n  kiten: {http: http://a.example/k/}\n"

    assert repaired(text, warning).urls == {"main": HTTP}


def test_without_its_only_module_a_mirror_has_no_address() -> None:
    _, told = parse("name: a.example\naddress_optional: {zoo: {http: http://a.example/}}\n")

    assert told == [
        "1:1: error [missing-key] the file has no 'address' or 'address_optional'; add one",
        "2:20: warning [unknown-module] address_optional.zoo is not a module of this service; remove it",
    ]


A, B = "a.example/a/", "a.example/b/"


@pytest.mark.parametrize(
    ("book", "urls"),
    [
        ({"http": f"https://{A}"}, {"https": f"https://{A}"}),
        ({"http": f"http://{A}", "https": f"http://{B}"}, {"http": f"http://{A}"}),
        ({"https": f"http://{B}", "http": f"http://{A}"}, {"http": f"http://{A}"}),
        ({"http": f"https://{A}", "https": f"http://{B}"}, {"https": f"https://{A}", "http": f"http://{B}"}),
        ({"http": f"http://{A}", "ftp": f"https://{B}"}, {"http": f"http://{A}", "https": f"https://{B}"}),
        ({"ftp": f"https://{A}", "rsync": f"https://{B}"}, {"https": f"https://{A}"}),
        ({"https": f"HTTP://{A}"}, {"http": f"http://{A}"}),
    ],
)
def test_a_url_is_filed_under_its_real_scheme(book: dict[str, str], urls: dict[str, str]) -> None:
    text = "name: a.example\naddress:\n" + "".join(f"  {key}: {url}\n" for key, url in book.items())

    mirror, told = parse(text)

    assert mirror is not None
    assert mirror.urls["main"] == urls
    assert all(" warning [url-scheme] " in each for each in told)
    assert len(told) == sum(not url.lower().startswith(f"{key}:") for key, url in book.items())


def test_a_moved_url_is_told_where_it_stands() -> None:
    _, told = parse("name: a.example\naddress:\n  http: https://a.example/?x\n  https: http://a.example/?y\n")

    assert told == [
        "3:9: error [bad-url] address.https 'https://a.example/?x' has a query; write the URL up to the '?'",
        "3:9: warning [url-scheme] address.http 'https://a.example/?x' is used for 'https'; move it to 'https'",
        "4:10: error [bad-url] address.http 'http://a.example/?y' has a query; write the URL up to the '?'",
        "4:10: warning [url-scheme] address.https 'http://a.example/?y' is used for 'http'; move it to 'http'",
    ]


@pytest.mark.parametrize(
    "written",
    [
        "a.example::linux",
        "a.example::linux/",
        "me@a.example::linux",
        "rsync://a.example::linux/",
        "rsync://me@a.example/linux",
        "rsync://a.example:/linux",
    ],
)
def test_what_only_rsync_understands_becomes_a_url(written: str) -> None:
    warning = (
        f"4:10: warning [rsync-spelling] address.rsync '{written}' is no plain URL; write 'rsync://a.example/linux/'"
    )

    mirror = repaired(HEAD + f"  rsync: {written}\n", warning)

    assert mirror.urls["main"] == HTTP | {Protocol.RSYNC: "rsync://a.example/linux/"}


@pytest.mark.parametrize(
    ("written", "told", "used"),
    [
        ("a.example", "has no scheme; write 'https://a.example'", "https://a.example"),
        ("www.a.example/x?y", "has no scheme; write 'https://www.a.example/x?y'", "https://www.a.example/x?y"),
        ("javascript:alert(1)", "is no web page; write an address that begins with https://, or remove it", None),
        ("ftp://a.example/", "is no web page; write an address that begins with https://, or remove it", None),
        ("N/A", "is no web page; write an address that begins with https://, or remove it", None),
        ("https://", "is no web page; write an address that begins with https://, or remove it", None),
        ("http://a b/", "is no web page; write an address that begins with https://, or remove it", None),
    ],
)
def test_a_sponsor_gets_a_web_page_or_none(written: str, told: str, used: str | None) -> None:
    warning = f"4:14: warning [sponsor-url] sponsor_url '{written}' {told}"

    assert repaired(HEAD + f"sponsor_url: {written}\n", warning).sponsor_url == used


@pytest.mark.parametrize(("written", "code"), [("UK", "GB"), ("Germany", "DE"), ("de", "DE"), ("united kingdom", "GB")])
def test_a_country_gets_its_iso_code_and_continent(written: str, code: str) -> None:
    warning = f"4:24: warning [country-spelling] geolocation.country '{written}' is read as {code}; write '{code}'"

    mirror = repaired(HEAD + f"geolocation: {{country: {written}}}\n", warning)

    assert mirror.location == Location(continent="EU", country=code)


def test_an_unknown_country_is_none() -> None:
    warning = "4:24: warning [unknown-country] geolocation.country 'Oz' is no country; " + (
        "write its ISO code of two letters"
    )

    assert repaired(HEAD + "geolocation: {country: Oz}\n", warning).location is None


def test_norway_without_quotes_is_norway() -> None:
    warning = (
        "4:24: warning [unquoted-word] geolocation.country 'NO' is without quotes, "
        "which other readers take for false; write 'NO'"
    )

    mirror = repaired(HEAD + "geolocation: {country: NO}\n", warning)

    assert mirror.location == Location(continent="EU", country="NO")


def test_an_unknown_country_never_widens_a_list() -> None:
    mirror, told = parse(HEAD + "countries_only: [XX, germany, no]\ncountries_never: [UK]\n")

    assert mirror is not None
    assert (mirror.countries_only, mirror.countries_never) == (("XX", "DE", "NO"), ("GB",))
    assert [each.split("] ")[0] for each in told] == [
        "4:18: warning [unknown-country",
        "4:22: warning [country-spelling",
        "4:31: warning [country-spelling",
        "5:19: warning [country-spelling",
    ]


@pytest.mark.parametrize("written", ["AS64496", "as64496", "'64496'", "AS 64496", "ASN64496", "ASN 64496", "AS-64496"])
def test_a_number_of_an_autonomous_system_may_have_its_letters(written: str) -> None:
    shown = written.strip("'")
    warning = f"4:6: warning [asn-spelling] asn '{shown}' is read as a number; write 64496"

    assert repaired(HEAD + f"asn: {written}\n", warning).asns == (64496,)


def test_numbers_in_a_list_may_have_their_letters() -> None:
    mirror, told = parse(HEAD + "asn: [64496, AS64497, ASX]\n")

    assert mirror is not None
    assert mirror.asns == (64496, 64497)
    assert told == [
        "4:14: warning [asn-spelling] asn[1] 'AS64497' is read as a number; write 64497",
        "4:23: warning [wrong-type] asn[2] is 'ASX'; write a whole number, as in 64496; it is left out until then",
    ]


@pytest.mark.parametrize(
    ("written", "meant"),
    [("10.0.0.1/8", "10.0.0.0/8"), ("'2001:DB8:0000::1/32'", "2001:db8::/32"), ("192.0.2.9/31", "192.0.2.8/31")],
)
def test_host_bits_are_cut_off(written: str, meant: str) -> None:
    bare = written.strip("'")
    warning = f"4:11: warning [host-bits] subnets[0] '{bare}' has host bits set; write {meant}"

    exact, told = parse(HEAD + f"subnets: ['{meant}']\n")

    assert told == []
    assert exact is not None
    assert repaired(HEAD + f"subnets: [{written}]\n", warning).subnets == exact.subnets


def test_another_file_name_is_told() -> None:
    mirror, told = parse(HEAD, "mirrors.d/b.yml")

    assert mirror is not None
    assert told == [
        "1:7: warning [file-name] name 'a.example' differs from the file's name; rename the file to 'a.example.yml'"
    ]


@pytest.mark.parametrize("networks", ["asn: 5", "subnets: [192.0.2.0/24]", "{}", "subnets: []"])
def test_a_private_mirror_without_networks_is_loaded_and_told(networks: str) -> None:
    mirror, told = parse(HEAD + "private: true\n" + ("" if networks == "{}" else networks + "\n"))

    assert mirror is not None
    assert mirror.private
    assert len(told) == (networks in ("{}", "subnets: []"))


@pytest.mark.parametrize("extra", ["status: off\n", "cloud_type: aws\n", "private:\n", "live_from: 2026-02-30\n"])
def test_what_has_no_obvious_meaning_leaves_the_mirror_out(extra: str) -> None:
    mirror, told = parse(HEAD + extra)

    assert mirror is None
    assert len(told) == 1
    assert " error [" in told[0]


def test_a_value_is_told_once_even_when_two_rules_refuse_it() -> None:
    values: dict[str, Any] = {"subnets": "[house]", "live_from": "soon", "bandwidth_mbps": "-0.5"}

    for key, value in values.items():
        assert len(parse(HEAD + f"{key}: {value}\n")[1]) == 1
