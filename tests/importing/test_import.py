"""Exports of other services become mirror files that the judge accepts; hostile values become a line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from mirrorlist.cli.main import main
from mirrorlist.importing.documents import as_yaml
from mirrorlist.sources.mirrors.files import parse_mirror
from mirrorlist.sources.places.countries import read_countries

ROOT = Path(__file__).parents[2]
REAL = ROOT.parent / "shared" / "data" / "almalinux"
SERVICE = """\
versions: ["9"]
arches: {"9": [x86_64], "10-kitten": [x86_64]}
repos: [{name: baseos, path: BaseOS/$basearch/os/}]
optional_module_versions: {kitten: ["10"]}
"""
Found = dict[str, Any]


class Place:
    """A service, and a directory that gets files."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.out = root / "out"
        (root / "service.yml").write_text(SERVICE)

    def run(self, kind: str, given: object, *words: str, status: int = 0) -> Found:
        """What is told of the mirrors, by what they are called."""
        source = given if isinstance(given, Path) else self.root / "source"
        if not isinstance(given, Path):
            data = given if isinstance(given, str | bytes) else json.dumps(given)
            source.write_bytes(data if isinstance(data, bytes) else data.encode())
        command = ["--config", str(self.root / "service.yml"), "import", kind, str(source), "--out", str(self.out)]
        done = CliRunner().invoke(main, [*command, "--format", "json", *words])
        assert done.exit_code == status, (done.output, done.exception)
        return {each["said"]: each for each in json.loads(done.stdout)["mirrors"]} if done.stdout else {}

    def file(self, name: str) -> Found:
        found: Found = yaml.safe_load((self.out / f"{name}.yml").read_text())
        return found

    def refuses(self, kind: str, given: object, said: str) -> None:
        (self.root / "source").write_bytes(given if isinstance(given, bytes) else str(given).encode())
        command = ["--config", str(self.root / "service.yml"), "import", kind, str(self.root / "source")]
        done = CliRunner().invoke(main, [*command, "--out", str(self.out)])
        assert (done.exit_code, done.stdout) == (1, "")
        assert done.stderr.startswith("error: ")
        assert said in done.stderr
        assert not self.out.exists()


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


# --- AlmaLinux ---

ALMA = """\
name: mirror.a.example.org
address:
  http: http://mirror.a.example.org/linux
  rsync: mirror.a.example.org::linux
address_optional: {kitten: {https: "https://mirror.a.example.org/kitten"}, other: {http: "http://mirror.a.example.org/o"}}
update_frequency: 3h
sponsor: Beispiel
sponsor_url: www.example.org
email: a@example.org
geolocation: {country: uk, city: London}
nonsense: true
subnets: [141.23.0.1/24]
"""


def test_almalinux_files_come_repaired_with_what_was_changed(place: Place) -> None:
    source = place.root / "alma"
    (source / "mirrors.d").mkdir(parents=True)
    (source / "mirrors.d" / "wrong-name.yml").write_text(ALMA)
    (source / "mirrors.d" / "broken.yml").write_text("name: [")
    (source / "mirrors.d" / "link.yml").symlink_to("/etc/passwd")
    found = place.run("almalinux", source, status=1)
    assert place.file("mirror.a.example.org") == {
        "name": "mirror.a.example.org",
        "address": {"http": "http://mirror.a.example.org/linux", "rsync": "rsync://mirror.a.example.org/linux/"},
        "address_optional": {"kitten": {"https": "https://mirror.a.example.org/kitten"}},
        "update_frequency": "3h", "sponsor": "Beispiel", "sponsor_url": "https://www.example.org",
        "email": "a@example.org", "geolocation": {"country": "GB", "city": "London"}, "subnets": ["141.23.0.0/24"],
    }  # fmt: skip
    told = found["wrong-name.yml"]
    assert told["accepted"], told
    assert [line.split()[2] for line in told["lost"]] == [
        "address.rsync", "address_optional.other", "sponsor_url", "geolocation.country", "nonsense", "subnets[0]",
    ]  # fmt: skip
    assert found["broken.yml"]["why"] == found["link.yml"]["why"] == "it cannot be read"
    assert [path.name for path in place.out.iterdir()] == ["mirror.a.example.org.yml"]


@pytest.mark.skipif(not REAL.is_dir(), reason=f"{REAL} is not there")
def test_the_real_files_keep_their_meaning(tmp_path: Path) -> None:
    words = ["--config", str(REAL / "config.yml"), "--state", str(tmp_path / "state"), "import", "almalinux", str(REAL)]
    done = CliRunner().invoke(main, [*words, "--out", str(tmp_path / "out")])
    assert done.exit_code == 1
    assert "400 mirrors read, 400 written, 0 not; 400 files: 389 accepted, 11 refused" in done.stdout
    countries = read_countries()
    before = [parse_mirror(path.read_bytes(), path.name, ("main", "kitten"), countries)[0]
              for path in sorted((REAL / "mirrors.d").iterdir())]  # fmt: skip
    after = {path.stem: parse_mirror(path.read_bytes(), path.name, ("main", "kitten"), countries)
             for path in (tmp_path / "out").iterdir()}  # fmt: skip
    assert len(after) == len(before)
    assert all(each and each == after[each.name][0] for each in before)


# --- mirrorbits ---

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
    "contact_name": "Kari", "geolocation": {"country": "DE", "latitude": 52.52, "longitude": 13.4}, "asn": 680,
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
    assert found["a"]["lost"] == [
        "CountryCodes AT: a mirror is in one country",
        "Score 20: write a factor under weights in service.yml",
        "Comment 'x': write a comment into the file",
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
    assert [each["accepted"] for each in found.values()] == [True, True, False]
    assert found["c"]["why"] == "it has no address over http, https or rsync"


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


def test_mirrorbits_mirmon(place: Place) -> None:
    lines = "de\thttp://mirror.a.example.org/linux/\ta@example.org\nde\trsync://mirror.a.example.org/linux/\ta@example.org\n"
    place.run("mirrorbits", lines)
    found = place.file("mirror.a.example.org")
    assert list(found["address"]) == ["http", "rsync"]
    assert (found["email"], found["geolocation"]) == ("a@example.org", {"country": "DE"})


# --- MirrorManager ---

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
    found = place.run("mirrormanager", given)
    assert place.file("mirror.a.example.org") == {
        "name": "mirror.a.example.org",
        "address": {each: f"{each}://mirror.a.example.org/linux/" for each in ("https", "http", "rsync")},
        "sponsor": "Beispiel", "sponsor_url": "https://www.example.org/", "geolocation": {"country": "DE"},
        "bandwidth_mbps": 1000, "asn": 680, "subnets": ["141.23.0.0/24", "141.23.1.7/32"],
        "sync": {"from": "141.23.0.9"},
    }  # fmt: skip
    assert [each.split(":")[0] for each in found["mirror.a.example.org"]["lost"]] == [
        "category 'EPEL'", "netblock 'net.example.org'", "acl_ips 141.23.0.10", "comment 'x'",
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
    ("words", "address", "other"),
    [
        ((), {each: f"{each}://mirror.a.example.org/epel/" for each in ("https", "rsync")}, "Linux"),
        (("--category", "Linux"), {"http": "http://mirror.a.example.org/linux/"}, "EPEL"),
    ],
)
def test_mirrormanager_page_of_categories_never_mixes_them(
    place: Place, words: tuple[str, ...], address: Found, other: str
) -> None:
    found = place.run("mirrormanager", LISTED_PAGE, *words)
    file = place.file("mirror.a.example.org")
    assert (file["address"], file["sponsor"], "sponsor_url" in file) == (address, "Beispiel", False)
    assert found["mirror.a.example.org" if "mirror.a.example.org" in found else "Beispiel"]["lost"] == [
        f"category '{other}': import it with --category"
    ]


# --- armbian-router ---

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
    assert place.file("mirror.b.example.org")["address"] == {"http": "http://mirror.b.example.org/"}
    assert found["mirror.a.example.org/armbian/"]["lost"] == [
        "weight 20: write weights: {mirror.a.example.org: 2} into service.yml, or bandwidth_mbps here"
    ]
    assert found["mirror.b.example.org"]["lost"][0].startswith("rules a list: ")
    assert "another one's" in found["mirror.a.example.org/other/"]["why"]


# --- Files, and strangers ---


def test_what_is_there_stays_without_force_and_a_link_is_never_followed(place: Place) -> None:
    place.run("mirrorbits", [BITS])
    file = place.out / "mirror.a.example.org.yml"
    file.write_text("mine")
    found = place.run("mirrorbits", [BITS], status=1)
    assert (file.read_text(), found["a"]["path"]) == ("mine", None)
    assert found["a"]["why"].endswith("is there already; --force replaces it")
    victim = place.root / "victim"
    victim.write_text("mine")
    file.unlink()
    file.symlink_to(victim)
    assert place.run("mirrorbits", [BITS], status=1)["a"]["path"] is None
    place.run("mirrorbits", [BITS], "--force")
    assert (victim.read_text(), file.is_symlink()) == ("mine", False)


EVIL: list[object] = [
    "../../etc/cron.d/x", "/etc/passwd", "http://../x", "http://[", "http://a b/", "$(touch ran)", "\x1b[2J", "::error::x",
    "javascript:alert(1)", "http://" + "x" * 5000, 5, None, [], {}, True, "http://-rf/", "file:///etc/passwd", "http://\u202e/",
]  # fmt: skip


@pytest.mark.parametrize("kind", ["mirrorbits", "mirrormanager", "armbian"])
def test_hostile_values_become_no_file_elsewhere_and_no_traceback(place: Place, kind: str) -> None:
    rows = {
        "mirrorbits": [dict.fromkeys(BITS, evil) for evil in EVIL],
        "mirrormanager": [{"hosts": [{**dict.fromkeys(HOST, evil), "urls": [evil], "categories": None}]} for evil in EVIL],
        "armbian": {"servers": [dict.fromkeys(("server", "latitude", "longitude", "weight", "protocols", "rules"), evil)
                                for evil in EVIL if evil != "\x1b[2J"]},
    }[kind]  # fmt: skip
    place.run(kind, rows, status=1)
    files = [path for path in place.root.rglob("*") if path.is_file()]
    assert {path.parent for path in files} <= {place.root, place.out}
    assert not (place.root / "ran").exists()
    text = CliRunner().invoke(
        main, ["--config", str(place.root / "service.yml"), "import", kind, str(place.root / "source"),
               "--out", str(place.root / "again")],
    ).output  # fmt: skip
    assert not any(sign in text for sign in ("\x1b", "\u202e", "\n::"))


@pytest.mark.parametrize(
    ("kind", "given", "said"),
    [
        ("mirrorbits", b"{", "no JSON"), ("mirrorbits", b"[" * 100_000, "no JSON"), ("mirrorbits", b"words", "not-a-mapping"),
        ("mirrorbits", b"a: b\n", "no export of mirrorbits"), ("mirrorbits", b"\xff\xfe", "not-utf8"),
        ("mirrormanager", b"{}", "no hosts"), ("mirrormanager", b"nothing", "no JSON"), ("mirrormanager", b"", "no JSON"),
        ("armbian", b"a: b\n", "no list of servers"), ("armbian", b"servers: &a [*a]\n", "yaml-alias"),
        ("armbian", b"servers: !!python/object/apply:os.system [x]\n", "yaml-tag"), ("almalinux", b"x", "cannot be read"),
    ],
)  # fmt: skip
def test_what_is_no_export_is_told_in_a_line(place: Place, kind: str, given: bytes, said: str) -> None:
    place.refuses(kind, given, said)


def test_written_yaml_means_what_it_says() -> None:
    shared = ["NO"]
    fields = {
        "sponsor": "no",
        "name": "a",
        "countries_only": shared,
        "countries_never": shared,
        "agreement": "2026-01-01",
    }
    written = as_yaml(fields)
    assert yaml.safe_load(written) == fields
    assert b"&" not in written
    assert written.startswith(b"---\nname: a\nsponsor: 'no'\n")
