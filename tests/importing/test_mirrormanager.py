"""What MirrorManager holds becomes mirror files; no tree is mixed with another, no private address given away."""

from __future__ import annotations

import json

import pytest

from tests.importing.place import Found, Place

HOST: Found = {
    "name": "mirror.a.example.org", "country": "DE", "bandwidth_int": 1000, "private": False, "asn": 680,
    "asn_clients": True, "admin_active": True, "user_active": True, "comment": "x", "internet2": False,
    "netblocks": ["141.23.0.0/24", "141.23.1.7", "net.example.org"], "acl_ips": ["141.23.0.9", "141.23.0.10"],
    "countries_allowed": [], "categories": [
        {"category": "Linux", "urls": ["http://mirror.a.example.org/linux", "https://mirror.a.example.org/linux",
                                       "rsync://mirror.a.example.org/linux"]},
        {"category": {"name": "EPEL"}, "urls": [{"url": "https://mirror.a.example.org/epel"}]},
    ],
}  # fmt: skip
SITE = {"id": 7, "name": "Beispiel", "org_url": "https://www.example.org/", "private": False}


@pytest.mark.parametrize(
    "given",
    [
        [SITE | {"hosts": [HOST]}], {"sites": [SITE | {"hosts": [HOST]}]}, {"sites": [SITE], "hosts": [HOST | {"site_id": 7}]},
        {"hosts": [HOST | {"site": SITE}]}, [HOST | {"site": SITE}],
    ],
)  # fmt: skip
def test_mirrormanager_json(place: Place, given: object) -> None:
    found = place.run("mirrormanager", given, "--category", "Linux")
    assert place.file("mirror.a.example.org") == {
        "name": "mirror.a.example.org",
        "address": {each: f"{each}://mirror.a.example.org/linux/" for each in ("https", "http", "rsync")},
        "sponsor": "Beispiel", "sponsor_url": "https://www.example.org/", "geolocation": {"country": "DE"},
        "bandwidth_mbps": 1000, "asn": 680, "subnets": ["141.23.0.0/24", "141.23.1.7/32"],
        "sync": {"from": "141.23.0.9"},
    }  # fmt: skip
    assert [each.split(":")[0] for each in found["mirror.a.example.org"]["lost"]] == [
        "netblock 'net.example.org'", "acl_ips '141.23.0.10'", "comment 'x'", "category 'EPEL'",
    ]  # fmt: skip


def test_mirrormanager_category_private_and_inactive(place: Place) -> None:
    given = [SITE | {"private": True, "hosts": [HOST | {"user_active": False, "asn_clients": False}]}]
    place.run("mirrormanager", given, "--category", "EPEL")
    found = place.file("mirror.a.example.org")
    assert found["address"] == {"https": "https://mirror.a.example.org/epel/"}
    assert (found["private"], found["status"], "asn" in found) == (True, "paused", False)


PAGE = """<html><body><table><tr><th>Country</th><th>Site</th><th>Category</th><th>Bandwidth</th></tr>
<tr><td>DE</td><td><a href="https://www.example.org/">Beispiel &amp; Co</a></td><td>Linux:
<a href="http://mirror.a.example.org/linux/">http</a> <a href="rsync://mirror.a.example.org/linux/">rsync</a></td>
<td>1000</td></tr>
<tr><td>NO</td><td>none</td><td><a href="javascript:alert(1)">http</a></td></tr></table></body></html>"""


def test_mirrormanager_page(place: Place) -> None:
    place.run("mirrormanager", PAGE)
    assert place.file("mirror.a.example.org") == {
        "name": "mirror.a.example.org",
        "address": {each: f"{each}://mirror.a.example.org/linux/" for each in ("http", "rsync")},
        "sponsor": "Beispiel & Co", "sponsor_url": "https://www.example.org/", "geolocation": {"country": "DE"},
        "bandwidth_mbps": 1000,
    }  # fmt: skip


LISTED_PAGE = """<table class="table"><tr><th><select><option>Country</option></select></th><th>Site Name</th></tr>
<tr class="mirror-row"><td>DE</td><td><a href="None">Beispiel</a></td><td>mirror.a.example.org</td><td><ul>
<li>EPEL <a href="https://mirror.a.example.org/epel">https</a> <a href="rsync://mirror.a.example.org/epel">rsync</a></li>
<li>Linux <a href="http://mirror.a.example.org/linux">http</a></li></ul></td><td>1000</td><td>No</td><td></td></tr></table>"""


@pytest.mark.parametrize(
    ("category", "address", "other"),
    [
        ("EPEL", {each: f"{each}://mirror.a.example.org/epel/" for each in ("https", "rsync")}, "'Linux': 1 addresses"),
        ("Linux", {"http": "http://mirror.a.example.org/linux/"}, "'EPEL': 2 addresses"),
    ],
)
def test_mirrormanager_page_of_categories_never_mixes_them(
    place: Place, category: str, address: Found, other: str
) -> None:
    found = place.run("mirrormanager", LISTED_PAGE, "--category", category)
    file = place.file("mirror.a.example.org")
    assert (file["address"], file["sponsor"], "sponsor_url" in file) == (address, "Beispiel", False)
    assert found["Beispiel"]["lost"] == [f"category {other}; import it with --category"]


def test_of_several_categories_somebody_has_to_say_which_is_the_main_tree(place: Place) -> None:
    only = {"name": "b", "categories": [{"category": "EPEL", "urls": ["https://mirror.b.example.org/epel"]}]}
    given = json.dumps([HOST, only])
    place.refuses("mirrormanager", given, "has 2 categories: 'EPEL' (2 hosts), 'Linux' (1 host); say which is the main")
    place.refuses("mirrormanager", given, "has no category 'Fedora'; it has", "--category", "Fedora")
    found = place.run("mirrormanager", given, "--category", "Linux", "--category", "images=EPEL")
    assert place.file("mirror.a.example.org")["address_optional"] == {
        "images": {"https": "https://mirror.a.example.org/epel/"}
    }
    assert "address" not in place.file("mirror.b.example.org")
    assert found["b"]["accepted"]


TABLES: Found = {
    "site": [{"id": 1, "name": "Beispiel", "org_url": "www.example.org", "private": "f", "password": "geheim", "admin_active": True}],
    "host": [{"id": 5, "name": "mirror.a.example.org", "site_id": 1, "country": "DE", "private": "t", "asn": 680, "asn_clients": "f",
              "bandwidth_int": 1000, "latitude": 52.5, "longitude": 13.4, "max_connections": 1, "internet2_clients": True,
              "push_ssh_private_key": "geheim", "last_crawled": "2026-01-01"}],
    "category": [{"id": 2, "name": "Linux"}, {"id": 3, "name": "Other"}],
    "host_category": [{"id": 7, "host_id": 5, "category_id": 2, "always_up2date": True}],
    "host_category_url": [
        {"host_category_id": 7, "url": "https://mirror.a.example.org/linux", "private": False},
        {"host_category_id": 7, "url": "rsync://mirror.a.example.org/staff", "private": True},
        {"host_category_id": 7, "url": "http://mirror.a.example.org/linux", "private": "unknown"},
    ],
    "host_netblock": [{"host_id": 5, "netblock": "141.23.0.0/24", "name": "campus"}, {"host_id": 5, "netblock": "net.example.org"}],
    "host_acl_ip": [{"host_id": 5, "ip": "141.23.0.9"}], "host_country_allowed": [{"host_id": 5, "country": "de"}],
    "host_peer_asn": [{"host_id": 5, "asn": 64496, "name": "x"}],
}  # fmt: skip


def test_rows_of_the_tables_and_no_private_address_for_the_public(place: Place) -> None:
    found = place.run("mirrormanager", TABLES)
    file = place.file("mirror.a.example.org")
    assert file == {
        "name": "mirror.a.example.org", "address": {"https": "https://mirror.a.example.org/linux/"}, "sponsor": "Beispiel",
        "sponsor_url": "https://www.example.org", "geolocation": {"country": "DE", "latitude": 52.5, "longitude": 13.4},
        "private": True, "subnets": ["141.23.0.0/24"], "bandwidth_mbps": 1000, "countries_only": ["DE"],
        "sync": {"from": "141.23.0.9"}, "status": "paused", "status_reason": "private cannot be read.",
    }  # fmt: skip
    assert [line.split(":")[0] for line in found["mirror.a.example.org"]["lost"]] == [
        "private address 'rsync", "private 'unknown'", "private address 'http", "always_up2date 'Linux'", "asn 680",
        "netblock 'net.example.org'", "peer_asns 64496", "internet2_clients true", "push_ssh_private_key", "password",
    ]  # fmt: skip
    assert "geheim" not in str(found)


@pytest.mark.parametrize("listed", [["DE", "AT"], [{"country": "DE"}, {"country": "AT"}], "DE AT"])
def test_restrictions_are_read_in_every_form(place: Place, listed: object) -> None:
    host = {
        "name": "a",
        "urls": ["https://mirror.a.example.org/"],
        "countries_allowed": listed,
        "netblocks": [],
        "private": "no",
    }
    place.run("mirrormanager", [host])
    assert place.file("mirror.a.example.org")["countries_only"] == ["DE", "AT"]


def test_countries_that_nobody_knows_do_not_open_a_mirror_for_all(place: Place) -> None:
    host = {"name": "a", "urls": ["https://mirror.a.example.org/"], "countries_allowed": ["Atlantis"]}
    found = place.run("mirrormanager", [host])
    assert place.file("mirror.a.example.org")["status"] == "paused"
    assert found["a"]["paused"] == "countries_allowed cannot be carried over."


PAGED = """<table><tr><th>Country</th><th>Site Name</th><th>Content</th><th>Bandwidth</th><th>I2</th><th>Comments</th></tr>
<tr><td>DE</td><td><a href="https://u:geheim@www.example.org/">B</a></td><td><a href="https://mirror.a.example.org/l">https</a></td>
<td>10</td><td>Yes</td><td>Only at night</td></tr><tr><td>NO</td><td>none</td></tr></table><ul class="pagination"><li>1</li></ul>"""


def test_a_page_tells_its_other_columns_rows_and_pages(place: Place) -> None:
    found = place.run("mirrormanager", PAGED)
    assert found["B"]["lost"] == [
        "site 'https://www.example.org/': it is no web page; write it with https://",
        "I2 'Yes': mirror files have no field for it", "Comments 'Only at night': write a comment into the file",
    ]  # fmt: skip
    assert found[""] == [
        "row 'NO none': it has no link to a mirror", "page: it is one of several, with 1 host; import the others too",
    ]  # fmt: skip


def test_entries_that_are_no_hosts_are_named(place: Place) -> None:
    host = {"name": "a", "urls": ["https://mirror.a.example.org/x/"]}
    assert place.run("mirrormanager", {"hosts": [host, "x"], "sites": [7]})[""] == [
        "entry 'x': it is no mapping", "entry 7: it is no mapping",
    ]  # fmt: skip
    assert place.run("mirrormanager", [host, None], "--force")[""] == ["entry nothing: it is no mapping"]


@pytest.mark.parametrize(
    "host",
    [
        {"categories": {"Linux": ["https://mirror.a.example.org/x/"]}},
        {"categories": {"Linux": {"urls": "https://mirror.a.example.org/x/"}}},
        {"categories": [{"name": "Linux", "urls": {"https": "https://mirror.a.example.org/x/"}}]},
        {"host_categories": [{"category": {"name": "Linux"}, "host_category_urls": [{"url": "https://mirror.a.example.org/x/"}]}]},
        {"urls": ["https://mirror.a.example.org/x/"]},
    ],
)  # fmt: skip
def test_addresses_are_found_in_every_shape(place: Place, host: dict[str, object]) -> None:
    """Hosts without categories are no categories themselves."""
    second = {"name": "b", **json.loads(json.dumps(host).replace("mirror.a", "mirror.b"))}
    place.run("mirrormanager", [{"name": "a", **host}, second])
    assert place.file("mirror.a.example.org")["address"] == {"https": "https://mirror.a.example.org/x/"}


def test_what_stands_beside_an_address_is_named(place: Place) -> None:
    category = {"name": "Linux", "urls": [{"url": "https://mirror.a.example.org/x/", "mood": 5}, {"adress": "x"}],
                "upstream": "rsync://b/"}  # fmt: skip
    found = place.run("mirrormanager", [{"name": "a", "categories": [category, "y"]}])
    assert found["a"]["lost"] == [
        "mood 5: mirror files have no field for it", "adress 'x': mirror files have no field for it",
        "upstream 'rsync://b/': mirror files have no field for it", "category 'y': it is no mapping",
    ]  # fmt: skip
