"""Every command, as it is called and what it writes; errors are lines, never tracebacks."""

from __future__ import annotations

import io
import json
import random
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result
from flask import Flask
from rich.console import Console

from mirrorlist import __version__
from mirrorlist.app import create_app
from mirrorlist.cli.explain import indented, tell
from mirrorlist.cli.main import main
from mirrorlist.cli.mirrors import WIDEST_NAME
from mirrorlist.cli.shared.compiled import client_of, question_of
from mirrorlist.core.reasons import Reason
from mirrorlist.settings import Settings
from mirrorlist.sources.yaml.schemas import load_schema
from mirrorlist.store.snapshot_files import read_newest
from tests.web.asking import ask, environ

SERVICE = """\
versions: ["9", "9.8"]
duplicated_versions: {"9": "9.8"}
vault_versions: ["9.2"]
vault_mirror: https://vault.example.org/linux/
optional_module_versions: {kitten: ["10"]}
arches: {"9": [x86_64, aarch64], "10-kitten": [x86_64]}
repos:
  - {name: baseos, path: BaseOS/$basearch/os/}
  - {name: extras, path: extras/$basearch/os/}
origin: origin
policy: {limit: 5}
approved: [own.example.org, alone.example.org, asn.example.org]
"""
PLACES = ["DE", "AT", "FR", "US", "BR", "JP", "ZA", "AU"]
REPOMD = """<?xml version="1.0" encoding="UTF-8"?>
<repomd xmlns="http://linux.duke.edu/metadata/repo" xmlns:rpm="http://linux.duke.edu/metadata/rpm">
  <revision>{revision}</revision>
  <data type="primary">
    <checksum type="sha256">{digit}</checksum>
    <location href="repodata/primary.xml.gz"/>
    <timestamp>{revision}</timestamp>
    <size>100</size>
  </data>
</repomd>
"""


def mirror_file(name: str, **fields: object) -> str:
    address = {"https": f"https://{name}/linux/", "http": f"http://{name}/linux/"}
    given = {
        "name": name,
        "address": address,
        "update_frequency": "3h",
        "sponsor": "Example",
        "sponsor_url": "https://example.org/",
        "email": "mirror@example.org",
        **fields,
    }
    return yaml.safe_dump(given)


def fill(directory: Path) -> Path:
    """Makes it a directory with a service file and mirrors of every kind."""
    mirrors = directory / "mirrors.d"
    mirrors.mkdir()
    (directory / "service.yml").write_text(SERVICE)
    given: dict[str, dict[str, object]] = {
        f"m{number}.{'long-' * (number % 8)}name.example.org": {"geolocation": {"country": country}}
        for number, country in enumerate(PLACES * 2)
    }
    given |= {
        "own.example.org": {"private": True, "subnets": ["198.51.100.0/24", "2001:db8:1::/48"]},
        "alone.example.org": {"private": True, "monopoly": True, "subnets": ["203.0.113.0/24"]},
        "cloud.example.org": {"cloud_type": "aws", "cloud_regions": ["eu-west-1"]},
        "paused.example.org": {"status": "paused", "status_reason": "A new disk is on its way to us from far away."},
        "nobody.example.org": {"private": True},
        "only.example.org": {"countries_only": ["DE"], "geolocation": {"country": "DE"}},
        "asn.example.org": {"private": True, "asn": [64500]},
    }
    for name, fields in given.items():
        (mirrors / f"{name}.yml").write_text(mirror_file(name, **fields))
    for repository in ("BaseOS", "extras"):
        put_repomd(directory, repository, "a")
    return directory


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    return fill(tmp_path)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, with metadata and a snapshot; to be looked at only."""
    directory = fill(tmp_path_factory.mktemp("published"))
    well(run(directory, "update", "metadata"))
    well(run(directory, "publish"))
    return directory


@pytest.fixture(scope="module")
def application(published: Path) -> Flask:
    """The service on that snapshot."""
    return create_app(Settings(published / "service.yml", None, published / "state", 3600.0, None))


def put_repomd(checkout: Path, repository: str, digit: str, revision: int = 1_790_000_000) -> None:
    directory = checkout / "origin" / "9.8" / repository / "x86_64" / "os" / "repodata"
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "primary.xml.gz").write_bytes(bytes(100))
    (directory / "repomd.xml").write_text(REPOMD.format(digit=digit * 64, revision=revision))


def run(checkout: Path, *arguments: str) -> Result:
    return CliRunner().invoke(
        main, ["--config", str(checkout / "service.yml"), *arguments], prog_name="mirrorlist", env={"COLUMNS": "80"}
    )


def well(result: Result) -> str:
    """What a command wrote that went well."""
    assert result.exit_code == 0, result.output
    return result.stdout


ASKED = ("--version", "9", "--repo", "baseos")


def addresses(count: int) -> Iterator[str]:
    dice = random.Random(5)
    yield from ("198.51.100.7", "203.0.113.9", "2001:db8:1::5")
    for number in range(3, count):
        yield str(
            IPv6Address((0x2A00 << 112) | dice.getrandbits(100))
            if number % 3 == 0
            else IPv4Address(dice.getrandbits(32))
        )


def names_of(checkout: Path) -> list[str]:
    return sorted(path.stem for path in (checkout / "mirrors.d").glob("*.yml"))


def told(explained: str) -> tuple[list[str], list[str]]:
    """The names that are chosen, in order, and those left out, read from what people read."""
    above, rows = re.split(r"^rank .*$", explained, flags=re.MULTILINE)
    chosen: list[str] = []
    for line in rows.strip("\n").splitlines():
        if match := re.match(r" *\d+  (\S+)", line):
            chosen.append(match[1])
        elif folded := re.fullmatch(r" {6}(\S+) *", line):
            chosen[-1] += folded[1]
    out: list[str] = []
    for part in above.split("\nleft out (")[1:]:
        heading, *lines = part.split("\n")
        text = "".join(line for line in lines if line.startswith("  "))
        found = [name.strip() for name in text.split(",")]
        assert len(found) == int(heading.partition(")")[0])
        out += found
    return chosen, out


@pytest.mark.slow
def test_explain_tells_of_every_mirror_and_chooses_what_is_served(published: Path, application: Flask) -> None:
    loaded, snapshot, now = names_of(published), read_newest(published / "state"), time.time()
    question = question_of(snapshot, "9", "baseos")
    for ip in addresses(200):
        console = Console(width=80, file=io.StringIO(), highlight=False)
        tell(console, snapshot, question, client_of(snapshot, ip), now)
        chosen, left_out = told(console.file.getvalue())  # type: ignore[attr-defined]
        assert sorted(chosen + left_out) == loaded
        served = ask(application.wsgi_app, environ("/mirrorlist/9/baseos", peer=ip)).body.decode().splitlines()
        assert [line.split("/")[2] for line in served] == chosen


@pytest.mark.slow
@pytest.mark.parametrize("ip", list(addresses(5)))
def test_explain_and_list_agree(published: Path, ip: str) -> None:
    chosen, left_out = told(well(run(published, "explain", "--all", "--ip", ip, *ASKED)))
    assert sorted(chosen + left_out) == names_of(published)
    listed = well(run(published, "list", "--ip", ip, *ASKED)).splitlines()
    assert [line.split("/")[2] for line in listed] == chosen


@pytest.mark.parametrize(
    "command",
    [
        ["explain", "--ip", "8.8.8.8", *ASKED],
        ["explain", "--all", "--ip", "198.51.100.7", *ASKED],
        ["mirrors"],
        ["explain", "--ip", "8.8.8.8", "--version", "9.2", "--repo", "baseos"],
    ],
)
def test_tables_fit_into_80_columns_and_cut_nothing(checkout: Path, command: list[str]) -> None:
    long = "a" * 40 + "." + "b" * 40 + ".example.org"
    (checkout / "mirrors.d" / f"{long}.yml").write_text(
        mirror_file(long, geolocation={"country": "US"}, bandwidth_mbps=100_000)
    )
    written = well(run(checkout, *command))
    assert [line for line in written.splitlines() if len(line.rstrip()) > 80 and line.strip(" ,") != long] == []
    assert "\u2026" not in written
    if command == ["mirrors"]:
        assert [name for name in names_of(checkout) if len(name) <= WIDEST_NAME and name not in written] == []
        last_column = " ".join(
            line.rstrip().rpartition("  ")[2].strip() for line in written.splitlines() if line.strip()
        )
        assert "nobody: paused (A new disk is on its way to us from far away.)" in last_column


@pytest.mark.parametrize("width", [20, 40, 80])
def test_names_are_wrapped_with_an_indent_and_not_cut(width: int) -> None:
    names = ["a.example.org", "a-name-with-dashes.example.org", "b" * 70 + ".example.org", "c.example.org"] * 3
    lines = indented(names, width).splitlines()
    assert all(line.startswith("  ") for line in lines)
    assert [name.strip() for name in "".join(lines).split(",")] == names
    assert [line for line in lines if len(line) > width and len(line.split()) > 1] == []


def test_explain_shows_why_a_mirror_stands_where_it_stands(checkout: Path) -> None:
    for path in (checkout / "mirrors.d").glob("m*.yml"):
        path.unlink()
    written = well(run(checkout, "explain", "--ip", "198.51.100.7", *ASKED, "--all"))
    table = [" ".join(line.split()) for line in written.splitlines() if line.strip()]
    places, asns = table.pop(1), table.pop(1)
    table_of = r"the installed table of \d{4}-\d\d-\d\d, \d+ days old"
    assert re.fullmatch(rf"places: {table_of}", places)
    assert re.fullmatch(rf"ASNs: {table_of}; for public mirrors only", asns)
    assert table[:-3] == [
        "198.51.100.7: place unknown",
        "asks for 9.8/BaseOS/$basearch/os/ of module main",
        "content not checked: 9.8/BaseOS/x86_64/os/ (1):",
        "own.example.org",
        "of unknown place (1):",
        "own.example.org",
        "left out (1): The mirror serves clients in its own cloud regions only.",
        "cloud.example.org",
        "left out (1): The mirror is not open to clients of this country.",
        "only.example.org",
        "left out (1): The mirror is paused.",
        "paused.example.org",
        "left out (2): The mirror is private and serves its own networks only.",
        "alone.example.org, asn.example.org",
        "left out (1): The mirror is private but names no network, so it serves nobody.",
        "nobody.example.org",
    ]
    assert table[-3] == "rank mirror in why km band weight"
    assert re.fullmatch(r"1 own\.example\.org \? subnet \? \S.* 1000", table[-2])
    assert table[-1] == "1 chosen + 6 left out = 7"
    short = well(run(checkout, "explain", "--ip", "198.51.100.7", *ASKED)).splitlines()
    assert short[-1] == "1 chosen + 6 left out = 7; --all says why"
    assert "left out (" not in "\n".join(short)


def test_explain_names_the_city_that_a_client_is_near(checkout: Path) -> None:
    first = well(run(checkout, "explain", "--ip", "193.99.144.80", *ASKED)).splitlines()[0]
    assert re.fullmatch(r"193\.99\.144\.80: near \d+° N, \d+° E in DE \([A-Z][a-z ]+\), AS\d+", first), first


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["mirrorlist", "metalink"])
@pytest.mark.parametrize("ip", ["198.51.100.7", "203.0.113.9", "8.8.8.8", "2001:db8:1::1", "193.99.144.80"])
def test_list_writes_the_bytes_that_the_service_answers(
    published: Path, application: Flask, kind: str, ip: str
) -> None:
    for path, options in ((f"/{kind}/9/baseos", ()), (f"/{kind}/9/extras", ("--protocol", "http"))):
        query = "arch=x86_64" + ("&protocol=http" if options else "")
        served = ask(application.wsgi_app, environ(path, query, ip))
        repo = path.rpartition("/")[2]
        asked = ("--ip", ip, "--version", "9", "--repo", repo, "--arch", "x86_64", "--format", kind)
        listed = run(published, "list", *asked, *options)
        assert (served.status, listed.exit_code) == (200, 0)
        assert listed.stdout_bytes == served.body


def test_names_are_all_that_is_loaded_one_a_line(checkout: Path) -> None:
    (checkout / "mirrors.d" / "broken.example.org.yml").write_text("name: [")
    assert well(run(checkout, "mirrors", "--names")).splitlines() == [
        name for name in names_of(checkout) if name != "broken.example.org"
    ]


def test_mirrors_tells_who_gets_each(checkout: Path) -> None:
    rows = {line.split()[0]: " ".join(line.split()[1:]) for line in well(run(checkout, "mirrors")).splitlines()}
    assert rows["alone.example.org"].endswith("alone: 203.0.113.0/24")
    assert rows["own.example.org"].endswith("main 198.51.100.0/24,")
    assert rows["cloud.example.org"].endswith("main aws in eu-west-1")
    assert rows["asn.example.org"].endswith("main AS64500")
    assert rows["only.example.org"].endswith("DE main clients in DE")
    assert rows["m0.name.example.org"] == "DE main everybody"


def told_by_update(result: Result) -> dict[str, str]:
    """What came of each path that the origin has."""
    words = [line.split() for line in result.stdout.splitlines()]
    return {row[1]: row[0] for row in words if len(row) == 2 and row[1].endswith("/os/")}


def test_update_metadata_tells_what_changed(checkout: Path) -> None:
    base, extras = "9.8/BaseOS/x86_64/os/", "9.8/extras/x86_64/os/"
    first = run(checkout, "update", "metadata")
    assert (first.exit_code, told_by_update(first)) == (0, {base: "changed", extras: "changed"})
    assert first.stdout.splitlines()[-1] == "2 changed, 0 unchanged, 2 missing, 0 failed"
    put_repomd(checkout, "BaseOS", "b", 1_790_000_500)
    second = run(checkout, "update", "metadata")
    assert told_by_update(second) == {base: "changed", extras: "unchanged"}
    assert well(run(checkout, "update", "metadata", "--quiet")) == "0 changed, 2 unchanged, 2 missing, 0 failed\n"


@pytest.mark.slow
def test_expired_alternates_are_not_in_the_metalink_any_more(checkout: Path) -> None:
    asked = ("list", "--ip", "8.8.8.8", "--version", "9", "--arch", "x86_64", "--format", "metalink", "--repo")
    for number, digit in enumerate("abc"):
        for repository in ("BaseOS", "extras"):
            put_repomd(checkout, repository, digit, 1_790_000_000 + number)
        well(run(checkout, "update", "metadata"))
    assert well(run(checkout, *asked, "baseos")).count("<mm0:alternate>") == 2
    expired = well(run(checkout, "update", "metadata", "--expire-alternates", "baseos-9"))
    assert "2 older versions are not accepted any more\n" in expired
    assert well(run(checkout, *asked, "baseos")).count("<mm0:alternate>") == 0
    assert well(run(checkout, *asked, "extras")).count("<mm0:alternate>") == 2


def test_failed_origin_is_status_1_and_what_is_known_stays(checkout: Path) -> None:
    well(run(checkout, "update", "metadata"))
    (checkout / "origin/9.8/BaseOS/x86_64/os/repodata/repomd.xml").write_text("<html>maintenance</html>")
    result = run(checkout, "update", "metadata")
    assert result.exit_code == 1
    assert re.search(r"^failed +9\.8/BaseOS/x86_64/os/  \S", result.stdout, re.MULTILINE)
    assert re.search(r"^kept +9\.8/BaseOS/x86_64/os/  last confirmed 0\.0 hours ago: \S", result.stdout, re.MULTILINE)
    assert result.stdout.endswith("0 changed, 1 unchanged, 2 missing, 1 failed\n")
    shown = run(checkout, "list", "--ip", "8.8.8.8", *ASKED, "--arch", "x86_64", "--format", "metalink")
    assert (shown.exit_code, shown.stdout.count('<hash type="sha256">')) == (0, 1)


@pytest.mark.slow
def test_publish_counts_generations(checkout: Path) -> None:
    count = len(names_of(checkout))
    assert well(run(checkout, "publish")) == f"generation 1: {count} mirrors\n"
    assert well(run(checkout, "publish")) == f"generation 2: {count} mirrors\n"
    assert (checkout / "state" / "snapshot.bin").is_file()


@pytest.mark.slow
def test_publish_refuses_to_lose_most_mirrors_unless_forced(checkout: Path) -> None:
    well(run(checkout, "publish"))
    for path in (checkout / "mirrors.d").glob("m*.yml"):
        path.write_text("name: [")
    refused = run(checkout, "publish")
    assert refused.exit_code == 1
    assert re.match(
        r"error: 16 of 23 mirrors are lost, but their files were not deleted; ", refused.stderr.splitlines()[-1]
    )
    assert well(run(checkout, "publish", "--force")) == "generation 2: 7 mirrors\n"


ERRORS = [
    (["explain", "--ip", "1.2.3.999", *ASKED], 1, "error: --ip 1.2.3.999: not an IPv4 or IPv6 address"),
    (["explain", "--ip", "", *ASKED], 1, "error: --ip : not an IPv4 or IPv6 address"),
    (["list", "--ip", "nonsense", *ASKED], 1, "error: --ip nonsense: not an IPv4 or IPv6 address"),
    (
        ["list", "--ip", "8.8.8.8", "--version", "9", "--repo", "x"],
        1,
        "error: unknown repository; known are baseos, extras",
    ),
    (
        ["list", "--ip", "8.8.8.8", "--version", "8", "--repo", "baseos"],
        1,
        "error: unknown version; known are 9, 9.8, 10-kitten",
    ),
    (
        ["list", "--ip", "8.8.8.8", *ASKED, "--country", "DEU"],
        1,
        "error: the parameter country is malformed; write two-letter codes such as DE or DE,AT, and -DE for all but that",
    ),
    (
        ["list", "--ip", "8.8.8.8", *ASKED, "--protocol", "ftp"],
        1,
        "error: protocol names one that lists cannot serve; write https, http or both",
    ),
    (
        ["list", "--ip", "8.8.8.8", *ASKED, "--format", "metalink"],
        1,
        "error: the parameter arch is missing; known are x86_64, aarch64",
    ),
    (
        ["update", "metadata", "--expire-alternates", "baseos"],
        1,
        "error: --expire-alternates baseos: unknown; write the repository and the version, as in baseos-9",
    ),
    (["list", *ASKED], 2, "error: missing option '--ip'; mirrorlist list --help shows an example"),
    (["nonsense"], 2, "error: there is no command 'nonsense'; mirrorlist --help shows all"),
]


@pytest.mark.parametrize(("arguments", "status", "last"), ERRORS)
def test_error_is_a_line_and_a_status(checkout: Path, arguments: list[str], status: int, last: str) -> None:
    result = run(checkout, *arguments)
    assert (result.exit_code, result.stdout) == (status, "")
    assert result.stderr.splitlines()[-1] == last
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    "command",
    [["mirrors"], ["validate"], ["publish"], ["serve"], ["update", "metadata"], ["list", "--ip", "8.8.8.8", *ASKED]],
)
def test_missing_service_file_is_named_with_the_remedy(tmp_path: Path, command: list[str]) -> None:
    result = run(tmp_path, *command)
    remedy = "name it with --config, or start in its directory"
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1] == f"error: there is no service file {tmp_path}/service.yml; {remedy}"


@pytest.mark.parametrize("command", [["mirrors"], ["validate"], ["publish"], ["serve"], ["update", "metadata"]])
def test_broken_service_file_is_told_line_by_line(checkout: Path, command: list[str]) -> None:
    (checkout / "service.yml").write_text(SERVICE + "polcy: 1\nname: 5\n")
    result = run(checkout, *command)
    assert (result.exit_code, result.stdout) == (1, "")
    places = [line.split(" ")[0] for line in result.stderr.splitlines()]
    assert places == [f"{checkout}/service.yml:13:1:", f"{checkout}/service.yml:14:7:"]


def test_a_start_that_is_refused_leaves_no_socket_behind(checkout: Path) -> None:
    path = checkout / "mirrorlist.sock"
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = str(other.getsockname()[1])
        result = run(checkout, "serve", "--unix-socket", str(path), "--metrics-port", taken)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == f"error: port {taken} is in use; choose another with --metrics-port\n"
    assert not path.exists()


def test_origin_has_to_be_named_before_it_is_asked(checkout: Path) -> None:
    (checkout / "service.yml").write_text(SERVICE.replace("origin: origin\n", ""))
    result = run(checkout, "update", "metadata")
    assert result.exit_code == 2
    assert (
        result.stderr.splitlines()[-1] == "error: service.yml names no origin; add 'origin:' with a directory or a URL"
    )


def test_unusable_setting_is_named(checkout: Path) -> None:
    result = CliRunner().invoke(main, ["mirrors"], env={"MIRRORLIST_RELOAD_SECONDS": "soon"})
    assert result.exit_code == 2
    assert "MIRRORLIST_RELOAD_SECONDS is 'soon'" in result.stderr


def test_version_is_told_by_the_command_and_by_the_module() -> None:
    told_here = well(CliRunner().invoke(main, ["--version"], prog_name="mirrorlist"))
    module = subprocess.run(
        [sys.executable, "-m", "mirrorlist", "--version"], capture_output=True, text=True, check=True
    )
    assert told_here == module.stdout == f"mirrorlist, version {__version__}\n"


def test_nothing_is_written_beside_the_state_by_asking(checkout: Path) -> None:
    before = {path for path in checkout.rglob("*") if "state" not in path.parts}
    well(run(checkout, "explain", "--ip", "8.8.8.8", *ASKED))
    assert {path for path in checkout.rglob("*") if "state" not in path.relative_to(checkout).parts} == before
    assert not (checkout / "state" / "snapshot.bin").exists()


def test_the_fields_of_these_files_are_in_the_schema() -> None:
    known = load_schema("mirror")["properties"]
    assert {"private", "monopoly", "status", "countries_only", "cloud_type"} <= set(known)


@pytest.mark.slow
def test_what_is_withheld_shows_in_explain_mirrors_and_report(checkout: Path) -> None:
    bad = mirror_file(
        "bad.example.org", address={"http": "http://169.254.169.254/", "https": "https://bad.example.org/"}
    )
    (checkout / "mirrors.d" / "bad.example.org.yml").write_text(bad)
    well(run(checkout, "publish"))
    explained = well(run(checkout, "explain", "--all", "--ip", "192.0.2.1", *ASKED))
    heading = f"withheld (1): {Reason.ADDRESS_REFUSED.value} bad.example.org without address.http: "
    assert heading in " ".join(explained.split())
    for told in (explained, well(run(checkout, "mirrors")), well(run(checkout, "report"))):
        assert "[host-not-public]" in "".join(told.split())
    assert "169.254" not in well(run(checkout, "list", "--ip", "192.0.2.1", *ASKED))
    asked = ("explain", "--ip", "192.0.2.1", "--version", "9", "--repo", "baseos", "--all", "--json")
    assert [line.partition(": ")[0] for line in json.loads(well(run(checkout, *asked)))["withheld"]] == [
        "bad.example.org without address.http"
    ]
    (part,) = json.loads(well(run(checkout, "report", "--format", "json")))["withheld"]
    assert (part["mirror"], part["of"], part["reason"]) == ("bad.example.org", "address.http", "address_refused")
