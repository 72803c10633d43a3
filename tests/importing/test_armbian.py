"""armbian-router's file becomes mirror files; its rules hold, or nobody is served."""

from __future__ import annotations

import json

import pytest

from tests.importing.place import Found, Place

ROUTER = """\
bind: ":8080"
servers:
  - {server: mirror.a.example.org/armbian/, latitude: 52.52, longitude: 13.4, continent: EU, weight: 20}
  - {server: mirror.b.example.org, latitude: 0, longitude: 0, protocols: [http], rules: [{field: asn, is: ["680"]}]}
  - {server: mirror.a.example.org/other/, latitude: 52.52, longitude: 13.4}
"""


def test_armbian(place: Place) -> None:
    found = place.run("armbian", ROUTER, "--update-frequency", "4h", status=1)
    assert place.file("mirror.a.example.org") == {
        "name": "mirror.a.example.org",
        "address": {each: f"{each}://mirror.a.example.org/armbian/" for each in ("https", "http")},
        "update_frequency": "4h", "geolocation": {"latitude": 52.52, "longitude": 13.4, "continent": "EU"},
    }  # fmt: skip
    limited = place.file("mirror.b.example.org")
    assert limited["address"] == {"http": "http://mirror.b.example.org/"}
    assert (limited["private"], limited["asn"]) == (True, [680])
    assert found["mirror.a.example.org/armbian/"]["lost"] == [
        "weight 20: write weights: {mirror.a.example.org: 2} into service.yml, or bandwidth_mbps here"
    ]
    assert found["mirror.b.example.org"]["lost"] == []
    assert found[""] == ["bind ':8080': mirrorlist serve --host and --port"]
    assert "another one's" in found["mirror.a.example.org/other/"]["why"]


def server(**fields: object) -> str:
    return json.dumps({"servers": [{"server": "mirror.a.example.org/armbian/", **fields}]})


@pytest.mark.parametrize(
    ("rules", "fields"),
    [
        ([{"field": "location.country.iso_code", "in": ["DE", "AT"]}], {"countries_only": ["DE", "AT"]}),
        ([{"field": "location.country.iso_code", "is_not": "CN"}], {"countries_never": ["CN"]}),
        ([{"field": "asn.autonomous_system_number", "in": ["680", "553"]}], {"private": True, "asn": [680, 553]}),
        ([{"field": "ip", "is": "141.23.0.1"}], {"private": True, "subnets": ["141.23.0.1"]}),
        ([{"field": "location.country.iso_code", "in": ["DE"]}, {"field": "asn", "is": "680"}],
         {"countries_only": ["DE"], "private": True, "asn": [680]}),
    ],
)  # fmt: skip
def test_rules_become_what_mirror_files_say(place: Place, rules: object, fields: Found) -> None:
    found = place.run("armbian", server(rules=rules))["mirror.a.example.org/armbian/"]
    file = place.file("mirror.a.example.org")
    assert {key: value for key, value in file.items() if key not in ("name", "address")} == fields
    assert (found["lost"], found["paused"]) == ([], "")


@pytest.mark.parametrize(
    "rules",
    [
        [{"field": "asn.autonomous_system_number", "not_in": ["680"]}], [{"field": "ip", "is_not": "141.23.0.1"}],
        [{"field": "asn.autonomous_system_organization", "is": "x"}], ["odd"], "odd",
        [{"field": "location.country.iso_code", "is": "Atlantis"}],
        [{"field": "asn", "is": "680"}, {"field": "asn", "in": ["553"]}], [{"field": "asn", "is": "all"}],
        [{"field": "location.country.iso_code", "is": "DE", "unless": "x"}],
    ],
)  # fmt: skip
def test_a_rule_that_no_file_can_say_pauses_the_mirror(place: Place, rules: object) -> None:
    found = place.run("armbian", server(rules=rules))["mirror.a.example.org/armbian/"]
    assert place.file("mirror.a.example.org")["status"] == "paused"
    assert found["paused"] == place.file("mirror.a.example.org")["status_reason"]
    assert len(found["lost"]) == 1
    assert found["lost"][0].startswith("rules ")


def test_protocols_beside_http_are_told_as_are_regions_that_are_no_continent(place: Place) -> None:
    found = place.run("armbian", server(protocols=["rsync"], continent="GITHUB", weight="x", ipv6=True))
    told = found["mirror.a.example.org/armbian/"]
    assert list(place.file("mirror.a.example.org")["address"]) == ["https", "http"]
    assert [line.split(":")[0] for line in told["lost"]] == [
        "protocols 'rsync'",
        "continent 'GITHUB'",
        "weight 'x'",
        "ipv6 true",
    ]
    assert told["paused"] == "Its region 'GITHUB' is none of the world."


def test_what_the_service_itself_did_is_told(place: Place) -> None:
    found = place.run(
        "armbian",
        "dl_map: userdata.csv\ncheckUrl: x\nreloadToken: geheim\nextra: 1\nservers:\n- odd\n- server: mirror.a.example.org\n",
    )
    assert [line.split(":")[0] for line in found[""]] == [
        "dl_map 'userdata.csv'", "checkUrl 'x'", "reloadToken", "extra 1", "server 'odd'",
    ]  # fmt: skip
    assert "geheim" not in str(found)


def test_each_router_of_a_network_is_a_module(place: Place) -> None:
    place.run("armbian", server())
    place.run("armbian", json.dumps({"servers": [{"server": "mirror.a.example.org/dl/"}, {"server": "mirror.b.example.org/"}]}),
              "--module", "images")  # fmt: skip
    assert (
        place.file("mirror.a.example.org")["address_optional"]["images"]["https"] == "https://mirror.a.example.org/dl/"
    )
    assert "address" not in place.file("mirror.b.example.org")


MANY = """\
servers:
  - {server: cdn.example.org/armbian/, latitude: 52.52, longitude: 13.4, continent: EU}
  - {server: cdn.example.org/armbian/, latitude: 35.68, longitude: 139.69, continent: AS}
  - {server: cdn.example.org/armbian/, latitude: 35.68, longitude: 139.69, continent: AS}
  - {server: cdn.example.org/armbian/, latitude: 1.35, longitude: 103.8, protocols: [https]}
"""


def test_rows_that_differ_in_their_place_only_are_one_mirror_in_many_places(place: Place) -> None:
    found = place.run("armbian", MANY, status=1)
    file = place.file("cdn.example.org")
    assert file["geolocation"] == {"latitude": 52.52, "longitude": 13.4, "continent": "EU"}
    assert file["places"] == [{"latitude": 35.68, "longitude": 139.69, "continent": "AS"}]
    assert "another one's" in found["cdn.example.org/armbian/"]["why"]
