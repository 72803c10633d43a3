"""Every hostile file is refused by its code, every tricky good one accepted, whatever the file is called."""

from __future__ import annotations

import re
import shutil
import time
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from mirrorlist.core.errors import Severity
from mirrorlist.core.review import Review, Reviewed
from mirrorlist.sources.service.file import read_service
from mirrorlist.sources.submissions.judge import MOST_FINDINGS, judge_submissions
from mirrorlist.sources.submissions.submission import HELD_TO, SubmissionCode, SubmissionTerms
from mirrorlist.sources.submissions.terms import terms_of
from mirrorlist.sources.yaml.documents import Code
from tests.data.submissions import FILE, HEAD, HOSTILE, NEIGHBOURS, SERVICE, SYNC, VALID, WARNED, contents

ROOT = Path(__file__).parents[3]
DOCUMENTATION = ROOT / "docs" / "findings.md"
ROWS = [(kind, *row) for kind, rows in HOSTILE.items() for row in rows]
ONLINE = {SubmissionCode.UNREACHABLE, SubmissionCode.BAD_REPOSITORY, SubmissionCode.NOT_CHECKED}
"""Proved in tests/cli/test_validate_online.py, with mirrors that run."""
REQUIRED = {SubmissionCode.BELOW_MINIMUM, SubmissionCode.BELOW_PREFERRED}
"""Proved in tests/sources/submissions/test_facts.py, with a service that asks for something."""


@cache
def terms(path: Path) -> SubmissionTerms:
    return terms_of(read_service(path)[0])


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a service and two mirrors."""
    root = tmp_path_factory.mktemp("network")
    mirrors = root / "mirrors.d"
    mirrors.mkdir()
    (root / "service.yml").write_text(SERVICE + "modules: {main: {title: Linux, interval: 3h}}\n")
    for name, text in NEIGHBOURS.items():
        (mirrors / name).write_text(text)
    return root


def judged(network: Path, data: bytes, name: str = FILE) -> Reviewed:
    """The review of a file of this name and contents among the mirrors."""
    file = network / "mirrors.d" / name
    file.write_bytes(data)
    try:
        return judge_submissions((file,), file.parent, terms(network / "service.yml"))[0].reviewed
    finally:
        file.unlink()


@pytest.mark.parametrize(("kind", "what", "code", "text"), ROWS, ids=[f"{row[0]}: {row[1]}"[:60] for row in ROWS])
def test_a_hostile_file_is_refused_by_its_code(
    network: Path, kind: str, what: str, code: str, text: str | bytes
) -> None:
    started = time.process_time()

    found = judged(network, contents(text))

    errors = [each for each in found.findings if each.severity is Severity.ERROR]
    assert str(code) in {each.code for each in errors}, [str(each) for each in found.findings]
    assert not Review((found,)).accepts(found)
    assert all(each.line >= 1 and each.column >= 1 and "; " in each.message for each in found.findings)
    assert all(each.message.isprintable() and len(each.message) < 400 for each in found.findings)
    assert len(found.findings) <= MOST_FINDINGS
    assert time.process_time() - started < 2


def test_there_are_enough_of_them_and_none_twice() -> None:
    assert len(ROWS) >= 150
    assert len({contents(row[3]) for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize(("what", "code", "text"), WARNED, ids=[row[0] for row in WARNED])
def test_what_is_odd_is_warned_of_and_refused_by_strict(network: Path, what: str, code: str, text: str) -> None:
    found = judged(network, contents(text))

    unasked = {Code.FILE_NAME, SubmissionCode.NOT_GIVEN} - {code}
    told = {(str(each.code), each.severity) for each in found.findings if each.code not in unasked}
    assert told == {(str(code), Severity.WARNING)}
    assert Review((found,)).accepts(found)
    assert not Review((found,), strict=True).accepts(found)


@pytest.mark.parametrize("what", VALID)
def test_a_tricky_good_file_is_accepted(network: Path, what: str) -> None:
    data = contents(VALID[what])
    name = re.search(rb"name\"?: \"?([a-z0-9.-]+)", data)
    assert name is not None
    file = f"{name[1].decode()}.yml"

    found = judged(network, data, file if len(file) < 256 else FILE)

    unasked = {SubmissionCode.NOT_GIVEN, *([Code.FILE_NAME] if len(file) >= 256 else [])}
    assert [str(each) for each in found.findings if each.code not in unasked] == []


@pytest.mark.slow
def test_findings_move_with_their_lines(network: Path) -> None:
    for kind, what, code, text in ROWS:
        data = contents(text)
        if not data.startswith(b"name:") or len(data) >= 60_000 or code in (Code.FILE_TOO_LARGE, Code.NOT_UTF8):
            continue
        before, after = judged(network, data).findings, judged(network, b"# moved\n" * 300 + data).findings
        assert [each.code for each in after] == [each.code for each in before], (kind, what)
        assert {each.line - 300 for each in after if each.line > 1} <= {each.line for each in before}, (kind, what)


def test_every_code_is_proved() -> None:
    elsewhere = (
        {SubmissionCode.STRAY_FILE} | ONLINE | REQUIRED
    )  # tests/sources/submissions/test_submitted_files.py, test_validate_online.py
    assert set(SubmissionCode) - {row[2] for row in ROWS} - {row[1] for row in WARNED} == elsewhere


def test_what_the_loader_only_warns_of_and_a_submission_is_held_to_is_proved() -> None:
    assert set(HELD_TO) - {row[2] for row in ROWS} == {
        Code.NOT_A_REGULAR_FILE
    }  # tests/sources/submissions/test_submitted_files.py


def table(heading: str) -> dict[str, list[str]]:
    section = DOCUMENTATION.read_text(encoding="utf-8").split(f"\n## {heading}\n")[1].split("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| `")]
    return {row[0].strip("`"): row[1:] for row in rows}


def test_the_documentation_explains_every_code_with_its_severity() -> None:
    rows = table("Codes of submissions")

    assert rows.keys() == set(map(str, SubmissionCode))
    assert all(len(row) == 3 and all(row) for row in rows.values())
    warned = {str(row[1]) for row in WARNED}
    refused = {str(row[2]) for row in ROWS}
    assert {code for code, row in rows.items() if row[0] == "warning"} - set(
        map(str, ONLINE | REQUIRED)
    ) == warned & rows.keys()
    assert {code for code, row in rows.items() if row[0] == "error"} - set(map(str, ONLINE | REQUIRED)) == (
        (refused & rows.keys()) | {str(SubmissionCode.STRAY_FILE)}
    )


def test_the_documentation_tells_what_a_submission_is_held_to() -> None:
    assert {code: row[0] for code, row in table("Warnings that refuse a submission").items()} == {
        str(code): f"{why[0].upper()}{why[1:]}." for code, why in HELD_TO.items()
    }


REAL = ROOT.parent / "shared" / "data" / "almalinux"


@pytest.mark.skipif(not REAL.is_dir(), reason=f"{REAL} is not there")
def test_the_real_files_are_refused_for_what_was_read_in_them(tmp_path: Path) -> None:
    shutil.copy(REAL / "config.yml", tmp_path / "service.yml")
    held = terms_of(read_service(tmp_path / "service.yml", REAL / "mirrors.d")[0])
    paths = tuple(sorted((REAL / "mirrors.d").iterdir()))

    found = [each.reviewed for each in judge_submissions(paths, REAL / "mirrors.d", held)]

    assert Counter(each.code for file in found for each in file.findings if each.severity is Severity.ERROR) == {
        "country-spelling": 5,
        "url-scheme": 5,
        "bad-path": 3,
        "duplicate-key": 3,
        "sponsor-url": 3,
        "duplicate-url": 2,
        "needs-approval": 2,
        "unknown-key": 2,
        "update-frequency": 2,
        "unresolvable-place": 1,
        "wide-network": 1,
    }
    assert sum(not Review((each,)).accepted for each in found) == 29


def test_a_claim_that_no_service_honours_stands_in_nobodys_way(tmp_path: Path) -> None:
    (tmp_path / "service.yml").write_text(SERVICE)
    mirrors = tmp_path / "mirrors.d"
    mirrors.mkdir()
    (mirrors / "half.example.net.yml").write_text(
        "name: half.example.net\naddress: {https: 'https://half.example.net/'}\n" + SYNC
        + "private: true\nmonopoly: true\nsubnets: [128.0.0.0/1]\n"
    )  # fmt: skip
    found = judged(tmp_path, (HEAD + "subnets: [185.0.0.0/20]\n").encode())
    assert [str(each) for each in found.findings if "half" in each.message] == []
