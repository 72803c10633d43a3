"""What mirrorbits exports becomes mirror files; restrictions and credentials are never lost on the way."""

from __future__ import annotations

import json

import pytest
import yaml

from tests.importing.place import Found, Place

BITS: Found = {
    "ID": 1, "Name": "a", "HttpURL": "http://mirror.a.example.org/linux", "RsyncURL": "rsync://mirror.a.example.org/linux",
    "FtpURL": "", "SponsorName": "Beispiel", "SponsorURL": "https://www.example.org/", "AdminName": "Kari",
    "AdminEmail": "a@example.org", "CountryCodes": "DE AT", "ExcludedCountryCodes": "", "Latitude": 52.52,
    "Longitude": 13.4, "ASNum": 680, "Score": 20, "Enabled": False, "Comment": "x", "CountryOnly": False,
}  # fmt: skip
BITS_FILE: Found = {
    "name": "mirror.a.example.org",
    "address": {"http": "http://mirror.a.example.org/linux/", "rsync": "rsync://mirror.a.example.org/linux/"},
    "update_frequency": "3h", "sponsor": "Beispiel", "sponsor_url": "https://www.example.org/", "email": "a@example.org",
    "contact_name": "Kari", "geolocation": {"country": "DE", "latitude": 52.52, "longitude": 13.4},
    "places": [{"country": "AT"}], "asn": 680,
    "status": "paused", "status_reason": "Disabled in mirrorbits.",
}  # fmt: skip


@pytest.mark.parametrize(
    "given",
    [
        [BITS], {"MirrorList": [BITS], "ExcludedList": None, "FileInfo": {}}, {"MirrorList": None, "ExcludedList": [BITS]},
        {"a": BITS}, BITS, yaml.safe_dump(BITS), yaml.safe_dump({"a": BITS}),
    ],
)  # fmt: skip
def test_mirrorbits_json_and_yaml(place: Place, given: object) -> None:
    found = place.run("mirrorbits", given, "--update-frequency", "3h")
    assert place.file("mirror.a.example.org") == BITS_FILE
    assert sorted(found["a"]["lost"]) == [
        "Comment 'x': write a comment into the file",
        "Score 20: write a factor under weights in service.yml",
    ]


def test_mirrorbits_restrictions(place: Place) -> None:
    only = BITS | {
        "CountryOnly": True,
        "ExcludedCountryCodes": "CH",
        "ASOnly": True,
        "HttpURL": "mirror.b.example.org/x",
    }
    place.run("mirrorbits", [only])
    found = place.file("mirror.b.example.org")
    assert (found["countries_only"], found["countries_never"], found["private"]) == (["DE", "AT"], ["CH"], True)
    assert found["address"]["https"] == "https://mirror.b.example.org/x/"


LIST = """\
Identifier SCORE HTTP                                RSYNC                             LOCATION STATE
a          0     http://mirror.a.example.org/linux/  rsync://mirror.a.example.org/l/   DE (EU)  up
b          5     mirror.b.example.org/linux/                                           FR (EU)  disabled
c          0                                                                           FR (EU)  up
"""


def test_mirrorbits_list(place: Place) -> None:
    found = place.run("mirrorbits", LIST, status=1)
    assert place.file("mirror.a.example.org")["geolocation"] == {"country": "DE"}
    assert place.file("mirror.b.example.org")["address"] == {
        "https": "https://mirror.b.example.org/linux/", "http": "http://mirror.b.example.org/linux/",
    }  # fmt: skip
    assert place.file("mirror.b.example.org")["status"] == "paused"
    assert [found[each]["accepted"] for each in "abc"] == [True, True, False]
    assert found["c"]["why"] == "it has no address over http or https"


def test_mirrorbits_list_is_aligned_with_tabs(place: Place) -> None:
    head = "Identifier \tHTTP \t\t\t\t\tRSYNC \t\t\t\t\tLOCATION \tSTATE\t\tSINCE\n"
    first = "a \t\thttp://mirror.a.example.org/linux/ \trsync://mirror.a.example.org/linux/ \tDE (EU) \tup \t\t(x)\n"
    other = "b \t\thttp://mirror.b.example.org/linux/ \t \t\t\t\t\tFR (EU) \tdisabled \t(x)\n"
    place.run("mirrorbits", head + first + other)
    assert place.file("mirror.a.example.org") == {
        "name": "mirror.a.example.org", "geolocation": {"country": "DE"},
        "address": {each: f"{each}://mirror.a.example.org/linux/" for each in ("http", "rsync")},
    }  # fmt: skip
    found = place.file("mirror.b.example.org")
    assert (found["address"], found["geolocation"], found["status"]) == (
        {"http": "http://mirror.b.example.org/linux/"}, {"country": "FR"}, "paused",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("above", "below"),
    [
        ("# You can edit\n\n", "##### Comments go below this line #####\n\nasked: [\n"),
        ("Mirror: a\n", "Comment:\nasked: [\n"),
    ],
)
def test_mirrorbits_yaml_with_the_comments_that_stand_below(place: Place, above: str, below: str) -> None:
    yaml = "HttpURL: http://mirror.a.example.org/linux/\nCountryCodes: DE\nEnabled: true\n\n"
    place.run("mirrorbits", above + yaml + below)
    assert place.file("mirror.a.example.org")["geolocation"] == {"country": "DE"}


def test_mirrorbits_mirmon_has_a_line_for_each_address(place: Place) -> None:
    lines = [
        f"de\t{scheme}://mirror.a.example.org/linux/\ta@example.org" for scheme in ("rsync", "http", "https", "ftp")
    ]
    lines += [
        "de\thttps://mirror.a.example.org/other/\t",
        "# remark",
        "",
        "nobody knows",
        "xy\thttps://mirror.b.example.org/\t",
    ]
    found = place.run("mirrorbits", "\n".join(lines))
    file = place.file("mirror.a.example.org")
    assert list(file["address"]) == ["https", "http", "rsync", "ftp"]
    assert (file["email"], file["geolocation"]) == ("a@example.org", {"country": "DE"})
    assert found["mirror.a.example.org"]["lost"] == [
        "address 'https://mirror.a.example.org/other/': it is a second one over https"
    ]
    assert found["mirror.b.example.org"]["lost"] == [
        "CountryCodes 'xy': it is no country; write its ISO 3166 code or its English name"
    ]
    assert found[""] == ["line 8 'nobody knows': it is no country, address and e-mail"]


SCRIPT = """\
#!/bin/bash
# mirrorbits add -http=https://mirror.z.example.org/ z
docker exec director mirrorbits add -http https://mirror.a.example.org/l -rsync rsync://mirror.a.example.org/l \\
    -admin-name "Kari Nordmann" -admin-email 'a@example.org' -sponsor-url www.example.org -score 5 a
mirrorbits enable a
mirrorbits add -http=mirror.b.example.org/l -country-only b && mirrorbits enable b
mirrorbits add -continent-only -as-only=true -http=https://mirror.c.example.org/ -speed 10 c
mirrorbits add -http=https://mirror.d.example.org/ d
#mirrorbits enable d
mirrorbits add -http=https://mirror.d.example.org/again/ d
mirrorbits add -http "https://mirror.e.example.org/ e
mirrorbits add -http
mirrorbits add -http=https://mirror.f.example.org/ f; mirrorbits enable f
mirrorbits remove -f f
"""


def test_a_script_adds_mirrors_and_those_that_it_never_enables_are_off(place: Place) -> None:
    found = place.run("mirrorbits", SCRIPT, "--update-frequency", "3h")
    assert place.file("mirror.a.example.org") == {
        "name": "mirror.a.example.org",
        "address": {each: f"{each}://mirror.a.example.org/l/" for each in ("https", "rsync")},
        "update_frequency": "3h", "sponsor_url": "https://www.example.org", "email": "a@example.org",
        "contact_name": "Kari Nordmann",
    }  # fmt: skip
    assert found["a"]["lost"] == ["Score 5: write a factor under weights in service.yml"]
    assert found["b"]["paused"] == "CountryOnly without a country cannot be carried over."
    assert found["c"]["paused"] == "ContinentOnly without a continent cannot be carried over."
    assert found["c"]["lost"][1:] == [
        "ASOnly true: no number is known, so the mirror serves nobody until it has asn or subnets",
        "speed '10': mirror files have no field for it",
    ]
    assert place.file("mirror.d.example.org")["status_reason"] == "Disabled in mirrorbits."
    assert found.keys() == {"a", "b", "c", "d", ""}
    assert [line.split("'")[0] for line in found[""]] == ["line 10 ", "line 11 ", "line 12 "]


def test_a_script_that_enables_nothing_is_told(place: Place) -> None:
    found = place.run("mirrorbits", "mirrorbits add -http=https://mirror.a.example.org/ a\n")
    assert "status" not in place.file("mirror.a.example.org")
    assert found[""] == ["enable: no line enables or disables a mirror, so all are written as live"]


def test_who_may_have_a_mirror_is_carried_over_or_it_is_paused(place: Place) -> None:
    bare = {"HttpURL": "https://mirror.a.example.org/", "Enabled": True}
    found = place.run(
        "mirrorbits",
        [
            bare | {"Name": "continent", "ContinentOnly": True, "ContinentCode": "OC"},
            bare | {"Name": "never", "HttpURL": "https://mirror.b.example.org/", "ExcludedCountryCodes": "CN Atlantis"},
            bare
            | {"Name": "odd", "HttpURL": "https://mirror.c.example.org/", "CountryOnly": "maybe", "CountryCodes": "DE"},
        ],
    )
    assert {"AU", "NZ"} < set(place.file("mirror.a.example.org")["countries_only"])
    assert "DE" not in place.file("mirror.a.example.org")["countries_only"]
    assert (place.file("mirror.b.example.org")["status"], found["never"]["paused"]) == (
        "paused", "ExcludedCountryCodes cannot be carried over.",
    )  # fmt: skip
    assert place.file("mirror.c.example.org")["countries_only"] == ["DE"]
    assert found["odd"]["paused"] == "CountryOnly cannot be read."


def test_credentials_are_neither_copied_nor_shown(place: Place) -> None:
    row = BITS | {
        "RsyncURL": "rsync://user:geheim@mirror.a.example.org/linux", "SponsorURL": "https://u:geheim@www.example.org/",
        "RedisPassword": "geheim", "Comment": "rsync://user:geheim@mirror.a.example.org/", "FtpURL": "ftp://geheim@mirror.a.example.org/",
    }  # fmt: skip
    found = place.run("mirrorbits", [row])
    assert "geheim" not in (place.out / "mirror.a.example.org.yml").read_text() + str(found)
    assert list(place.file("mirror.a.example.org")["address"]) == ["http"]
    assert "RedisPassword: credentials are never copied" in found["a"]["lost"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            "Identifier STATE    SINCE\na          up  (Mon, 12 Apr 2021)\n",
            "a list without addresses; have them printed by",
        ),
        ("Repository: /srv\nRedisAddress: 127.0.0.1:6379\n", "mirrorbits' own configuration"),
        ("[]", "has no mirror"),
    ],
)
def test_what_has_no_addresses_says_where_they_come_from(place: Place, given: str, said: str) -> None:
    place.refuses("mirrorbits", given, said)


def test_a_list_of_mirrors_that_are_down_has_a_reason(place: Place) -> None:
    head = "Identifier  HTTP                            STATE  SINCE                   REASON\n"
    place.run(
        "mirrorbits", head + "a           https://mirror.a.example.org/   down   (Mon, 12 Apr 2021 UTC)  Unreachable\n"
    )
    assert "status" not in place.file("mirror.a.example.org")


@pytest.mark.parametrize("given", [[BITS, "x", 5, None], {"MirrorList": [BITS, "x", 5], "ExcludedList": [None]}])
def test_mirrorbits_entries_that_are_no_mirrors_are_named(place: Place, given: object) -> None:
    found = place.run("mirrorbits", given)
    assert found[""] == ["entry 'x': it is no mapping", "entry 5: it is no mapping", "entry nothing: it is no mapping"]


@pytest.mark.parametrize("off", [False, "no", "false", "0", 0, "off"])
def test_a_mirror_that_is_off_stays_off_however_that_is_written(place: Place, off: object) -> None:
    place.run("mirrorbits", {"Name": "a", "HttpURL": "http://mirror.a.example.org/", "Enabled": off})
    assert place.file("mirror.a.example.org")["status"] == "paused"
    armbian = {"servers": [{"server": "mirror.b.example.org", "available": off}]}
    place.run("armbian", json.dumps(armbian))
    assert place.file("mirror.b.example.org")["status"] == "paused"


def test_of_mirrors_by_their_names_every_entry_is_read_or_named(place: Place) -> None:
    found = place.run(
        "mirrorbits", "a: {HttpURL: http://mirror.a.example.org/}\nb: {RsyncURL: rsync://b/x}\nc: d\n", status=1
    )
    assert found["b"]["path"] is None
    assert found[""] == ["entry 'd': it is no mapping"]


def test_a_command_behind_options_and_users_is_found_and_others_are_named(place: Place) -> None:
    script = (
        "mirrorbits -P geheim add -http http://mirror.a.example.org/ a\n"
        "sudo -u mirrorbits /usr/bin/mirrorbits add -http http://mirror.b.example.org/ b\n"
        "sh -c 'mirrorbits add -http http://mirror.c.example.org/ c'\nmirrorbits scan -all -enable\n"
    )
    found = place.run("mirrorbits", script)
    assert [place.file(f"mirror.{name}.example.org").get("status") for name in "ab"] == [None, None]
    assert [line.partition(" '")[0] for line in found[""]] == ["line"] or "no command of mirrorbits" in found[""][0]
