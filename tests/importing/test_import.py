"""Exports of other services become mirror files that the judge accepts; hostile values become a line."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from mirrorlist.cli.main import main
from mirrorlist.importing.mirror_files import as_yaml
from mirrorlist.sources.mirrors.files import parse_mirror
from mirrorlist.sources.places.countries import read_countries
from tests.importing.place import Place
from tests.importing.test_mirrorbits import BITS
from tests.importing.test_mirrormanager import HOST

ROOT = Path(__file__).parents[2]
REAL = ROOT.parent / "shared" / "data" / "almalinux"

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
    (source / "mirrors.d" / "mirror.b.example.org.YML").write_text(ALMA)
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
    assert [line.split(":")[0] for line in told["lost"]] == [
        "rsync-spelling in line 4", "unknown-module in line 5", "sponsor-url in line 8", "country-spelling in line 10",
        "unknown-key in line 11", "host-bits in line 12",
    ]  # fmt: skip
    assert [line.rpartition("/")[2].partition(":")[0] for line in found[""]] == ["mirror.b.example.org.YML"]
    assert found["broken.yml"]["why"] == found["link.yml"]["why"] == "it has no address, or cannot be read"
    assert [path.name for path in place.out.iterdir()] == ["mirror.a.example.org.yml"]


@pytest.mark.slow
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


def test_a_further_module_joins_the_files_that_are_there(place: Place) -> None:
    place.run("mirrorbits", [BITS])
    images = BITS | {"HttpURL": "http://mirror.a.example.org/images/", "RsyncURL": "", "AdminEmail": "b@example.org"}
    found = place.run("mirrorbits", [images], "--module", "images")
    file = place.file("mirror.a.example.org")
    assert file["address_optional"] == {"images": {"http": "http://mirror.a.example.org/images/"}}
    assert (list(file["address"]), file["email"]) == (["http", "rsync"], "a@example.org")
    assert "email 'b@example.org': its file, which was there, says something else" in found["a"]["lost"]
    other = images | {"HttpURL": "http://mirror.a.example.org/other/"}
    refused = place.run("mirrorbits", [other], "--module", "images", status=1)["a"]
    assert refused["why"] == "its file has other addresses of images; --force replaces the file"
    limited = images | {"ContinentOnly": True, "CountryCodes": ""}
    assert place.run("mirrorbits", [limited], "--module", "images", status=1)["a"]["path"] is None
    assert place.file("mirror.a.example.org") == file


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("mirrorbits", "--category", "x"), "--category is for mirrormanager"),
        (("almalinux", "--module", "images"), "--module is for mirrorbits and armbian and table"),
        (("armbian", "--columns", "url"), "--columns is for table"),
        (("armbian", "--module", "nope"), "service.yml has main, kitten, images"),
        (("mirrormanager", "--category", "A", "--category", "B"), "'A' is main already; write MODULE=NAME"),
        (("armbian", "--update-frequency", "often"), "write a number and a unit, as 3h"),
    ],
)
def test_an_option_that_does_not_fit_is_a_mistake(place: Place, words: tuple[str, ...], said: str) -> None:
    source = place.root / "source"
    source.write_text("x")
    kind, *rest = words
    command = ["--config", str(place.root / "service.yml"), "import", kind, str(source), "--out", str(place.out), *rest]
    done = CliRunner().invoke(main, command)
    assert (done.exit_code, said in done.stderr) == (2, True), done.stderr


def test_the_text_names_every_value_and_counts_them(place: Place) -> None:
    (place.root / "source").write_text("url\tcountry\tnote\nhttps://mirror.a.example.org/l\tAtlantis\tfast\n")
    command = ["--config", str(place.root / "service.yml"), "import", "table", str(place.root / "source")]
    done = CliRunner().invoke(main, [*command, "--out", str(place.out)])
    lines = done.stdout.splitlines()
    assert lines[1:3] == [
        "  not carried over: country 'Atlantis': it is no country; write its ISO 3166 code or its English name",
        "  not carried over: note 'fast': say what the column means with --columns",
    ]
    assert lines[-2:] == [
        "Not carried over of mirrors: country 1, note 1",
        "1 mirror read, 1 written, 0 not; 1 file: 1 accepted, 0 refused; 0 errors, 2 warnings",
    ]


EVIL: list[object] = [
    "../../etc/cron.d/x", "/etc/passwd", "http://../x", "http://[", "http://a b/", "$(touch ran)", "\x1b[2J", "::error::x",
    "javascript:alert(1)", "http://" + "x" * 5000, 5, None, [], {}, True, "http://-rf/", "file:///etc/passwd", "http://\u202e/",
]  # fmt: skip


@pytest.mark.parametrize("kind", ["mirrorbits", "mirrormanager", "armbian", "table"])
def test_hostile_values_become_no_file_elsewhere_and_no_traceback(place: Place, kind: str) -> None:
    rows = {
        "mirrorbits": [dict.fromkeys(BITS, evil) for evil in EVIL],
        "mirrormanager": [{"hosts": [{**dict.fromkeys(HOST, evil), "urls": [evil], "categories": None}]} for evil in EVIL],
        "armbian": {"servers": [dict.fromkeys(("server", "latitude", "longitude", "weight", "protocols", "rules"), evil)
                                for evil in EVIL if evil != "\x1b[2J"]},
        "table": [dict.fromkeys(("url", "name", "country", "location", "latitude", "private", "subnets"), evil)
                  for evil in EVIL],
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
        ("table", b"", "has no mirror"), ("table", b"PK\x03\x04x", "a spreadsheet or an archive"),
        ("table", b"url\n\xff\xfe\xfa", "is not utf-8 at byte 5"),
        ("table", b'url\tsponsor\n"https://m.example.org/l\tx\nhttps://n.example.org/l\ty\n', "quotes that are not closed"), ("table", b"a;b\n1;2\n", "no column with an address"),
        ("table", b'{"a": [{"url": "x"}], "b": [{"url": "y"}]}', "has several lists: a, b"),
        ("table", b"url,b\n" + b"x" * 200_000 + b",1\n", "is no table (field larger than field limit"),
        ("table", b"- url: &a x\n- *a\n", "yaml-alias"), ("table", b"[" * 100_000, "no JSON"),
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
