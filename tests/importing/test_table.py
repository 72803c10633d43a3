"""Lists of mirrors as projects keep them become mirror files; every cell is carried over or named."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.importing.place import Found, Place

VOID = """\
- base_url: https://mirror.a.example.org/voidlinux/
  region: EU
  location: Helsinki, Finland
  tier: 1
  enabled: true
- base_url: https://mirror.b.example.org/voidlinux
  region: World
  location: Global CDN
  enabled: false
"""
ARCH = """\
## Generated on 2026-11-01

## Worldwide
#Server = https://mirror.b.example.org/$repo/os/$arch

## Germany
#Server = http://mirror.a.example.org/archlinux/$repo/os/$arch
Server = https://mirror.a.example.org/archlinux/$repo/os/$arch
nonsense
"""
DEBIAN = """\
Site: mirror.a.example.org
Type: Push-Secondary
Country: AM Armenia
Location: Yerevan
Sponsor: Beispiel & Co https://www.example.org/
Archive-architecture: amd64 arm64
 armhf
Archive-http: /debian/
Archive-rsync: debian/
CDImage-http: /debian-cd/

Site: mirror.b.example.org
Country: NL Netherlands
Country: US United States
Location: Amsterdam
Location: Parsippany, NJ
Location: San-Jose, CA
Archive-https: /debian/

odd line
Maintainer: nobody
"""


def test_void_s_yaml(place: Place) -> None:
    found = place.run("table", VOID)
    assert place.file("mirror.a.example.org") == {
        "name": "mirror.a.example.org", "address": {"https": "https://mirror.a.example.org/voidlinux/"},
        "geolocation": {"continent": "EU", "country": "FI", "city": "Helsinki"},
    }  # fmt: skip
    assert found["mirror.a.example.org"]["lost"] == ["tier 1: say what the column means with --columns"]
    assert place.file("mirror.b.example.org")["status"] == "paused"
    assert (place.file("mirror.b.example.org")["global"], found["mirror.b.example.org"]["lost"]) == (True, [])


def test_pacman_s_mirrorlist(place: Place) -> None:
    found = place.run("table", ARCH)
    assert place.file("mirror.a.example.org") == {
        "name": "mirror.a.example.org", "geolocation": {"country": "DE"},
        "address": {each: f"{each}://mirror.a.example.org/archlinux/" for each in ("https", "http")},
    }  # fmt: skip
    assert place.file("mirror.b.example.org")["global"] is True
    assert found[""] == ["line 9 'nonsense': it is no Server line"]


def test_arch_s_json_has_a_row_for_each_address(place: Place) -> None:
    def row(scheme: str, **more: object) -> Found:
        url = f"{scheme}://mirror.a.example.org/archlinux/"
        return {
            "url": url,
            "protocol": scheme,
            "country": "Germany",
            "country_code": "DE",
            "delay": 20,
            "active": True,
            **more,
        }

    given = {"cutoff": 86400, "urls": [row("http"), row("https", active=False), row("rsync", country_code="AT")]}
    found = place.run("table", given)
    assert list(place.file("mirror.a.example.org")["address"]) == ["http", "rsync"]
    assert [line.split(":")[0] for line in found["mirror.a.example.org"]["lost"]] == [
        "delay 20", "address 'https", "country_code 'AT'",
    ]  # fmt: skip
    assert found[""] == ["cutoff 86400: it is beside the list of mirrors"]


def test_debian_s_masterlist(place: Place) -> None:
    found = place.run("table", DEBIAN, "--columns", "CDImage-http=images.http")
    assert place.file("mirror.a.example.org") == {
        "name": "mirror.a.example.org", "sponsor": "Beispiel & Co", "sponsor_url": "https://www.example.org/",
        "address": {each: f"{each}://mirror.a.example.org/debian/" for each in ("http", "rsync")},
        "address_optional": {"images": {"http": "http://mirror.a.example.org/debian-cd/"}},
        "geolocation": {"country": "AM", "city": "Yerevan"},
    }  # fmt: skip
    assert [line.split(" ")[0] for line in found["mirror.a.example.org"]["lost"]] == ["Type", "Archive-architecture"]
    edge = place.file("mirror.b.example.org")
    assert edge["geolocation"] == {"country": "NL", "city": "Amsterdam"}
    assert edge["places"] == [
        {"country": "US", "state_province": "NJ", "city": "Parsippany"},
        {"country": "US", "state_province": "CA", "city": "San-Jose"},
    ]
    assert found["mirror.b.example.org"]["lost"] == []
    assert [line.split("'")[0] for line in found[""]] == ["line ", "paragraph "]


def test_termux_s_directory(place: Place) -> None:
    directory = place.root / "mirrors" / "north_america"
    directory.mkdir(parents=True)
    (directory / "mirror.a.example.org").write_text(
        '#!/bin/sh\n# Mirror by the Club of Umeå, Hosted in Canada\nWEIGHT=1\nMAIN="https://mirror.a.example.org/main"\n'
        "X11='https://mirror.a.example.org/x11'\n"
    )
    (directory / "Makefile.am").write_text("all:\n")
    (directory / "binary").write_bytes(b"\xff\xfe\xfa")
    (directory / "link").symlink_to("/etc/passwd")
    (directory / "empty").touch()
    found = place.run("table", place.root / "mirrors")
    assert place.file("mirror.a.example.org") == {
        "name": "mirror.a.example.org", "address": {"https": "https://mirror.a.example.org/main/"},
        "sponsor": "the Club of Umeå", "geolocation": {"continent": "NA", "country": "CA"},
    }  # fmt: skip
    assert [line.split(" ")[0] for line in found["mirror.a.example.org"]["lost"]] == ["WEIGHT", "X11"]
    assert sorted(line.split(":")[0] for line in found[""]) == [
        "file Makefile.am",
        "file binary",
        "file empty",
        "file link",
    ]


ROWS = [("Sponsor", "URL", "Country"), ("Beispiel; & Co", "https://mirror.a.example.org/l/", "Deutschland")]


@pytest.mark.parametrize("delimiter", ["\t", ";", "|", ","])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
def test_csv_in_every_spelling(place: Place, delimiter: str, encoding: str) -> None:
    text = "\r\n".join(delimiter.join(f'"{cell}"' for cell in row) for row in ROWS) + "\r\n\r\n"
    place.run("table", text.encode(encoding), *(("--encoding", encoding) if encoding == "utf-16-le" else ()))
    assert place.file("mirror.a.example.org") == {
        "name": "mirror.a.example.org", "address": {"https": "https://mirror.a.example.org/l/"},
        "sponsor": "Beispiel; & Co", "geolocation": {"country": "DE"},
    }  # fmt: skip


def test_columns_without_a_heading_are_said_in_their_order(place: Place) -> None:
    text = "Зеркало;https://mirror.a.example.org/l/;DE;fast\n"
    place.refuses("table", text, "has no column with an address that is known as one; its columns are 'column 1'")
    place.refuses("table", text, "has 4 columns, and --columns names 2", "--columns", "sponsor,url")
    place.refuses(
        "table", text, "'web' for 'column 2' is no meaning; known are url, http", "--columns", "sponsor,web,-,-"
    )
    place.refuses("table", text.encode("cp1251"), "is not utf-8 at byte 1; save it as UTF-8, or say what it is with")
    place.refuses("table", text, "is not nonsense", "--encoding", "nonsense")
    place.run("table", text.encode("cp1251"), "--encoding", "cp1251", "--columns", "sponsor,url,country,-")
    assert place.file("mirror.a.example.org")["sponsor"] == "Зеркало"


def test_columns_by_their_names(place: Place) -> None:
    text = "wo,was,dort\nhttps://mirror.a.example.org/l/,Beispiel,DE\n"
    place.refuses("table", text, "has no column 'where'; it has 'wo', 'was', 'dort'", "--columns", "where=url")
    found = place.run("table", text, "--columns", "wo=url,was=-")
    assert place.file("mirror.a.example.org").keys() == {"name", "address"}
    assert found["mirror.a.example.org"]["lost"] == ["dort 'DE': say what the column means with --columns"]


def test_every_meaning_is_carried_over(place: Place) -> None:
    cells = {
        "url": "https://mirror.a.example.org/l", "rsync": "mirror.a.example.org/l", "kitten.https": "mirror.a.example.org/k",
        "name": "mirror.a.example.org", "state": "Bayern", "city": "Nürnberg", "country": "DE", "latitude": "49.45",
        "longitude": "11.08", "sponsor": "B", "sponsor_url": "www.example.org", "email": "a (at) example (dot) org",
        "contact_name": "Kari", "bandwidth": "10 Gbit/s", "storage_gb": "4 TB", "asn": "AS680", "sync_source": "rsync://r.example.org/l/",
        "sync_from": "141.23.0.9", "peerings": "DE-CIX, N-IX", "agreement": "2026-01", "update_frequency": "every 3 hours",
        "time_zone": "Europe/Berlin", "subnets": "141.23.0.0/24 141.23.1.0/24", "countries_only": "DE AT",
        "countries_never": "CH", "private": "no", "active": "yes",
    }  # fmt: skip
    place.run("table", [cells])
    file = place.file("mirror.a.example.org")
    assert file == {
        "name": "mirror.a.example.org",
        "address": {"https": "https://mirror.a.example.org/l/", "rsync": "rsync://mirror.a.example.org/l/"},
        "address_optional": {"kitten": {"https": "https://mirror.a.example.org/k/"}}, "update_frequency": "3h",
        "sponsor": "B", "sponsor_url": "https://www.example.org", "email": "a@example.org", "contact_name": "Kari",
        "geolocation": {"state_province": "Bayern", "city": "Nürnberg", "country": "DE", "latitude": 49.45,
                        "longitude": 11.08, "time_zone": "Europe/Berlin"},
        "subnets": ["141.23.0.0/24", "141.23.1.0/24"], "asn": 680, "bandwidth_mbps": 10_000, "storage_gb": 4000,
        "sync": {"source": "rsync://r.example.org/l/", "from": "141.23.0.9"}, "peerings": ["DE-CIX", "N-IX"],
        "agreement": "2026-01", "countries_only": ["DE", "AT"], "countries_never": ["CH"],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "said", "lost"),
    [
        ("url;sponsor\nmirror.a.example.org/l;=cmd|' /C calc'!A0\n", "a", ["sponsor \"=cmd|' /C calc'!A0\": it is a formula"]),
        ("url;sponsor\nmirror.a.example.org/l;@SUM(A1)\n", "a", ["sponsor '@SUM(A1)': it is a formula; export the values"]),
        ("url;lat;lon\nmirror.a.example.org/l;-33.9;n/a\n", "a", ["latitude -33.9: there is no longitude"]),
        ("url;a;b\nmirror.a.example.org/l;;;x;y\n", "a", ["cells beyond the last column 'x', 'y': its line has more cells"]),
        ("url;private\nmirror.a.example.org/l;staff\n", "a", ["private 'staff': it is neither yes nor no"]),
        ("url;subnets\nmirror.a.example.org/l;campus\n", "a", ["subnets 'campus': it is no network"]),
        ("url;time zone\nmirror.a.example.org/l;GMT+3\n", "a", ["time zone 'GMT+3': it is no name of the IANA"]),
        ("url;name\nmirror.a.example.org/l;Umeå\n", "Umeå", ["name 'Umeå': it is no host name; call the column sponsor"]),
        ("url;name\nmirror.b.example.org/l;mirror.a.example.org\n", "mirror.a.example.org", []),
        ("url;rsync;ftp\nmirror.a.example.org/l;yes;no\n", "a", ["rsync 'yes': it is no address"]),
    ],
)  # fmt: skip
def test_a_cell_that_cannot_be_used_is_named(place: Place, text: str, said: str, lost: list[str]) -> None:
    found = place.run("table", text)
    told = found["mirror.a.example.org" if said == "a" else said]["lost"]
    assert [line[: len(start)].replace('"', "'") for line, start in zip(told, lost, strict=True)] == [
        start.replace('"', "'") for start in lost
    ]
    assert (place.out / "mirror.a.example.org.yml").exists()
    if "private" in text:
        assert place.file("mirror.a.example.org")["status"] == "paused"


def test_two_of_one_name_and_rows_without_an_address_are_told(place: Place) -> None:
    text = (
        "name,url\nA,https://mirror.a.example.org/l\nB,https://mirror.a.example.org/other\nC,\nD,http://192.0.2.1/x\n"
    )
    found = place.run("table", text, status=1)
    assert {key: found[key]["why"] for key in "BCD"} == {
        "B": "mirror.a.example.org.yml is another one's; give one of the two another name",
        "C": "it has no address, or cannot be read",
        "D": "its host has no name; write its file by hand",
    }


def test_lines_of_addresses_are_a_table(place: Place) -> None:
    place.run("table", "# mirrors\nhttps://mirror.a.example.org/l\nmirror.b.example.org/l\n")
    assert sorted(path.name for path in place.out.iterdir()) == ["mirror.a.example.org.yml", "mirror.b.example.org.yml"]


def test_a_table_of_twenty_thousand_lines_is_read_and_a_longer_one_refused(tmp_path: Path, place: Place) -> None:
    from mirrorlist.importing.table_files import MOST_RECORDS, read_records

    source = tmp_path / "many.csv"
    source.write_text("name,url\n" + "a,https://mirror.example.org/\n" * MOST_RECORDS)
    assert len(read_records(source, None).records) == MOST_RECORDS
    place.refuses("table", "name,url\n" + "a,https://mirror.example.org/\n" * (MOST_RECORDS + 1), "import it in parts")


def test_a_table_in_markdown_has_addresses_in_its_links(place: Place) -> None:
    found = place.run(
        "table",
        "| Sponsor | Country | URL |\n|---|:-:|---|\n| A | DE | [here](https://mirror.a.example.org/x) |\n"
        "| B | FR | <http://mirror.b.example.org/> |\n| C | FR | soon |\n",
        status=1,
    )
    assert place.file("mirror.a.example.org")["address"] == {"https": "https://mirror.a.example.org/x/"}
    assert place.file("mirror.b.example.org")["address"] == {"http": "http://mirror.b.example.org/"}
    assert [each["lost"] for each in found.values() if each and each["path"] is None] == [
        ["URL 'soon': it is no address"]
    ]
