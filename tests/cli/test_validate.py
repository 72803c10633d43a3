"""validate, as it is called, what it writes in each form, and its status."""

from __future__ import annotations

import json
import os
import re
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mirrorlist.cli.main import main
from tests.data.submissions import FILE, HEAD, HOSTILE, NAME, NEIGHBOURS, SERVICE, contents

GIBIBYTE = 1 << 30
WORST = {
    "8,000 unknown keys": "".join(f"k{number}:\n" for number in range(8000)),
    "keys that are nearly known": "geolocation:\n" + "".join(f" latitud{number}: 1\n" for number in range(4000)),
    "4,500 networks": "subnets: [" + ", ".join(f"59.{n >> 8}.{n & 255}.1/24" for n in range(3500)) + "]\n",
    "9,000 systems": "asn: [" + ", ".join(f"AS{number}" for number in range(7000)) + "]\n",
    "6,000 regions": "cloud_type: aws\ncloud_regions: [" + ", ".join(f"eu-nort-{n}" for n in range(4500)) + "]\n",
    "6,000 countries": "countries_only: [" + ", ".join(f"Germni{n}" for n in range(5500)) + "]\n",
    "12,000 times one key": "a: 1\n" * 12_000,
    "4,000 modules": "address_optional:\n" + "".join(f" kiten{number}: {{}}\n" for number in range(3500)),
    "invisible letters only": "sponsor: '" + "\u200b" * 20_000 + "'\n",
    "accents only": "sponsor: 'a" + "\u0301" * 30_000 + "'\n",
    "words in two scripts": "sponsor: '" + "a\u0430 " * 15_000 + "'\n",
    "a host of dots": "address: {http: 'http://" + "a." * 30_000 + "/'}\n",
    "a host of hyphens": "address: {http: 'http://" + "a-" * 30_000 + "!'}\n",
    "an address of dots": "email: " + "a." * 30_000 + "@example.org\n",
    "a path of dots": "address: {http: 'http://a.example/" + "./" * 490 + "'}\n",
    "encodings": "address: {http: 'http://a.example/" + "%2f" * 320 + "'}\n",
    "a pile of quotes": "sponsor: '" + "''" * 30_000 + "'\n",
    "deep lists": "peerings: " + "[" * 30_000 + "\n",
    "line separators": "sponsor: '" + "\u2028" * 20_000 + "'\n",
    "one long word": "sponsor: " + "x" * 64_000 + "\n",
}  # fmt: skip


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "mirrors.d").mkdir()
    (tmp_path / "service.yml").write_text(SERVICE)
    for name, text in NEIGHBOURS.items():
        (tmp_path / "mirrors.d" / name).write_text(text + "geolocation: {country: DE}\n")
    return tmp_path


def run(checkout: Path, *words: str, before: tuple[str, ...] = ()) -> Result:
    config = ("--service", str(checkout / "service.yml")) if not before else ()
    return CliRunner().invoke(main, [*before, "validate", *config, *words])


def put(checkout: Path, text: str | bytes, name: str = FILE) -> str:
    file = checkout / "mirrors.d" / name
    file.write_bytes(contents(text))
    return str(file)


def test_all_files_are_judged_where_none_is_named(checkout: Path) -> None:
    put(checkout, "update_frequency: 3h\n")
    done = run(checkout)
    assert done.exit_code == 0, done.output
    assert (done.stdout, done.stderr) == ("", "3 files: 3 accepted, 0 refused; 0 errors, 0 warnings\n")
    names = sorted([*NEIGHBOURS, FILE])
    assert [line.partition(": ")[0] for line in run(checkout, "--verbose").stdout.splitlines()] == [
        str(checkout / "mirrors.d" / name) for name in names
    ]


def test_errors_come_first_and_sums_last(checkout: Path) -> None:
    put(checkout, "asn: 64512\nsubnets: [193.99.144.80]\nupdate_frequency: 3h\n")
    first = checkout / "mirrors.d" / max(NEIGHBOURS)
    first.write_text(first.read_text().replace("geolocation: {country: DE}\n", ""))
    done = run(checkout)
    kinds = [line.split(" ")[1] for line in done.stdout.splitlines()]
    assert kinds == ["error", "error", "warning", "warning"]
    assert str(first) in done.stdout.splitlines()[-1]
    assert [line.split() for line in done.stderr.splitlines()] == [
        ["1", "error", "claim-of-monopoly"],
        ["1", "error", "reserved-asn"],
        ["1", "warning", "doubtful-claim"],
        ["1", "warning", "no-place"],
        [],
        ["refused", "(1):"],
        [str(checkout / "mirrors.d" / FILE)],
        ["3", "files:", "2", "accepted,", "1", "refused;", "2", "errors,", "2", "warnings"],
    ]


def test_findings_have_one_form_and_the_status_is_1(checkout: Path) -> None:
    path = put(checkout, "asn: 64512\nsubnets: [193.99.144.80]\nupdate_frequency: 1d\nsponsor: a\u202eb\n")
    done = run(checkout, path)
    assert done.exit_code == 1
    found = [line for line in done.stdout.splitlines() if "] " in line]
    assert [re.sub(r"\] .*", "]", line) for line in found] == [
        f"{path}:6:6: error [reserved-asn]",
        f"{path}:7:11: error [claim-of-monopoly]",
        f"{path}:8:19: error [update-frequency]",
        f"{path}:9:11: error [hidden-character]",
        f"{path}:7:11: warning [doubtful-claim]",
    ]
    assert all("; " in line for line in found)
    assert done.stderr == "1 file: 0 accepted, 1 refused; 4 errors, 1 warning\n"


def test_options_may_stand_before_the_command_as_well(checkout: Path) -> None:
    path = put(checkout, "")
    before = ("--config", str(checkout / "service.yml"), "--mirrors", str(checkout / "mirrors.d"))
    assert run(checkout, path, before=before).exit_code == 0


def test_another_directory_of_mirrors_is_another_context(checkout: Path, tmp_path: Path) -> None:
    path = put(checkout, "subnets: [141.20.0.0/24]\nasn: 680\n")
    assert run(checkout, path).exit_code == 1
    (tmp_path / "empty").mkdir()
    assert run(checkout, "--mirrors", str(tmp_path / "empty"), path).exit_code == 0


def test_strict_refuses_warnings(checkout: Path) -> None:
    path = put(checkout, "bandwidth_mbps: 40000\n")
    assert (run(checkout, path).exit_code, run(checkout, "--strict", path).exit_code) == (0, 1)


def test_every_form_says_the_same(checkout: Path) -> None:
    path = put(checkout, "asn: 64512\n")
    text = run(checkout, path).stdout
    whole = json.loads(run(checkout, "--format", "json", path).stdout)
    assert (whole["accepted"], whole["files"][0]["name"]) == (False, NAME)
    [finding] = whole["files"][0]["findings"]
    assert f"{path}:6:6: error [reserved-asn] {finding['message']}" in text
    assert run(checkout, "--format", "github", path).stdout.startswith(text)
    page = run(checkout, "--format", "markdown", path).stdout
    assert page.startswith("## Refused\n")
    assert "| 6:6 | **error** | `reserved-asn` |" in page
    for form in ("text", "github", "json", "markdown"):
        assert run(checkout, "--format", form, path).exit_code == 1


def test_a_summary_is_appended_to_a_file(checkout: Path, tmp_path: Path) -> None:
    path, page = put(checkout, ""), tmp_path / "page.md"
    page.write_text("before\n")
    assert run(checkout, "--summary", str(page), path).exit_code == 0
    assert page.read_text().startswith("before\n## Accepted\n")
    assert run(checkout, "--summary", str(tmp_path), path).exit_code == 2


@pytest.mark.parametrize("words", [["--format", "xml"], ["--nonsense"], ["--speed"]])
def test_a_wrong_call_has_status_2(checkout: Path, words: list[str]) -> None:
    assert run(checkout, *words).exit_code == 2


def test_a_broken_service_file_has_status_1_and_says_where(checkout: Path) -> None:
    (checkout / "service.yml").write_text("versions: 9\n")
    done = run(checkout, put(checkout, ""))
    assert done.exit_code == 1
    assert re.search(r"service\.yml:1:11: error \[wrong-type\] ", done.stderr)


def test_a_directory_that_is_not_there_has_status_1(checkout: Path) -> None:
    done = run(checkout, "--mirrors", str(checkout / "nowhere"))
    assert (done.exit_code, done.stdout.count("error [unreadable-file]")) == (1, 1)


@pytest.mark.slow
def test_names_that_begin_with_a_hyphen_or_are_no_text_are_judged(checkout: Path) -> None:
    directory = os.fsencode(checkout / "mirrors.d")
    command = [sys.executable, "-m", "mirrorlist", "validate", "--service", str(checkout / "service.yml"), "--"]
    names = [b"-x.yml", directory + b"/\xff\x1b.yml", b"", b"nowhere.yml", directory]
    done = subprocess.run([*command, *names], capture_output=True, check=False, timeout=60)
    assert (done.returncode, b"Traceback" in done.stderr) == (1, False)
    assert done.stdout.count(b" error [") == len(names)
    assert done.stdout.isascii()
    assert b"\x1b" not in done.stdout


@pytest.mark.slow
def test_letters_that_the_terminal_does_not_know_are_escaped(checkout: Path) -> None:
    path = put(checkout, "sponsor: <Ä>\n")
    command = [sys.executable, "-m", "mirrorlist", "validate", "--service", str(checkout / "service.yml"), path]
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, env=environment)
    assert (done.returncode, "sponsor '<\\xc4>' has" in done.stdout) == (1, True), done.stderr


def limited() -> None:
    """2 seconds of processor time and 1 GiB of memory, for this process and what it starts."""
    resource.setrlimit(resource.RLIMIT_AS, (GIBIBYTE, GIBIBYTE))


@pytest.mark.slow
@pytest.mark.parametrize("what", WORST)
def test_the_worst_files_cost_little(checkout: Path, what: str) -> None:
    given = WORST[what]
    head = (
        HEAD.replace(HEAD[HEAD.index("address:") : HEAD.index("geolocation")], "") if "address:" in given[:9] else HEAD
    )
    path = put(checkout, head + given)
    assert (checkout / "mirrors.d" / FILE).stat().st_size <= 65_536
    used = resource.getrusage(resource.RUSAGE_SELF)

    done = run(checkout, path)

    now = resource.getrusage(resource.RUSAGE_SELF)
    assert done.exit_code == 1
    assert done.exception is None or isinstance(done.exception, SystemExit)
    assert len(done.stdout.splitlines()) <= 102
    assert now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime < 2


@pytest.mark.slow
def test_the_whole_command_fits_into_a_gibibyte(checkout: Path) -> None:
    paths = [put(checkout, row[2], f"{kind}-{n}.yml") for kind, rows in HOSTILE.items() for n, row in enumerate(rows)]
    command = [sys.executable, "-m", "mirrorlist", "validate", "--service", str(checkout / "service.yml"), "--", *paths]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, preexec_fn=limited)
    assert done.returncode == 1, done.stderr
    assert f"{len(paths)} files: 0 accepted, {len(paths)} refused; " in done.stderr
    assert "Traceback" not in done.stderr
