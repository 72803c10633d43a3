"""Requirements of a service refuse a submission below the minimum, and warn below the preferred value."""

from __future__ import annotations

from pathlib import Path

import pytest

from mirrorlist.core.errors import Severity
from mirrorlist.core.review import Review
from mirrorlist.sources.service.file import read_service
from mirrorlist.sources.submissions.judge import judge_submissions
from mirrorlist.sources.submissions.submission import SubmissionCode
from mirrorlist.sources.submissions.terms import terms_of
from tests.data.submissions import FILE, HEAD, NAME, PLACE, SERVICE, SYNC

ASKED = """\
requirements:
  minimum: {bandwidth_mbps: 100, storage_gb: 30, update_frequency: 30m, protocols: [rsync], agreement: "2026-2",
            complete_percent: 100, availability_percent: 99}
  preferred: {bandwidth_mbps: 1000, update_frequency: 15m, protocols: [https, http], agreement: "2026-10"}
"""
RSYNC = (
    f"name: {NAME}\naddress:\n  https: https://{NAME}/linux/\n  http: http://{NAME}/linux/\n"
    f"  rsync: rsync://{NAME}/linux/\n{PLACE}"
)
GOOD = {"bandwidth_mbps": "1000", "storage_gb": "30", "update_frequency": "15m", "agreement": "2026-11"}


def said(tmp_path: Path, head: str = RSYNC, service: str = SERVICE + ASKED, more: str = "", **fields: str) -> list[str]:
    """What is said of a file with these fields in place of good ones; "" leaves one out."""
    mirrors = tmp_path / "mirrors.d"
    mirrors.mkdir()
    (tmp_path / "service.yml").write_text(service)
    text = head + "".join(f"{key}: {value}\n" for key, value in {**GOOD, **fields}.items() if value) + more
    (mirrors / FILE).write_text(text)
    terms = terms_of(read_service(tmp_path / "service.yml")[0])
    found = judge_submissions((mirrors / FILE,), mirrors, terms)[0].reviewed
    errors = any(each.severity is Severity.ERROR for each in found.findings)
    assert Review((found,)).accepted is not errors
    return [f"{each.line}:{each.column} {each.severity} [{each.code}] {each.message}" for each in found.findings]


def test_a_mirror_that_has_everything_is_accepted_without_a_word(tmp_path: Path) -> None:
    assert said(tmp_path) == []


MINIMUM, PREFERRED = (f"[{code}]" for code in (SubmissionCode.BELOW_MINIMUM, SubmissionCode.BELOW_PREFERRED))
LACKS = [
    ("bandwidth_mbps", "99", "7:17 error", f"{MINIMUM} bandwidth_mbps is 99 Mbit/s, and the least", "is 100 Mbit/s;"),
    ("bandwidth_mbps", "", "1:1 error", f"{MINIMUM} bandwidth_mbps is not given", "is 100 Mbit/s;"),
    ("bandwidth_mbps", "999", "7:17 warning", f"{PREFERRED} bandwidth_mbps is 999 Mbit/s, and what", "1000 Mbit/s;"),
    ("storage_gb", "29", "8:13 error", f"{MINIMUM} storage_gb is 29 GB", "is 30 GB;"),
    ("update_frequency", "31m", "9:19 error", f"{MINIMUM} update_frequency is 31m", "is 30m;"),
    ("update_frequency", "16m", "9:19 warning", f"{PREFERRED} update_frequency is 16m", "is 15m;"),
    ("agreement", "2026-1", "10:12 error", f"{MINIMUM} agreement is '2026-1'", "is '2026-2';"),
    ("agreement", "2026-9", "10:12 warning", f"{PREFERRED} agreement is '2026-9'", "is '2026-10';"),
    ("agreement", "", "1:1 error", f"{MINIMUM} agreement is not given", "is '2026-2';"),
]


@pytest.mark.parametrize(("key", "value", "start", "what", "end"), LACKS)
def test_what_a_mirror_lacks_is_told_at_its_place(
    tmp_path: Path, key: str, value: str, start: str, what: str, end: str
) -> None:
    (found,) = said(tmp_path, **{key: value})
    assert found.startswith(f"{start} {what}")
    assert end in found


def test_every_module_needs_the_protocols(tmp_path: Path) -> None:
    (found,) = said(tmp_path, head=HEAD.replace(SYNC, ""))
    assert found.startswith(f"3:3 error {MINIMUM} address is https and http, and the least")
    assert "is rsync; offer more" in found


def test_a_module_without_a_protocol_is_named(tmp_path: Path) -> None:
    more = f"address_optional: {{kitten: {{https: https://{NAME}/kitten/}}}}\n"
    (found,) = said(tmp_path, more=more)
    assert f"{MINIMUM} address_optional.kitten is https, and the least" in found


@pytest.mark.parametrize("more", ["private: true\nsubnets: [141.23.0.0/24]\n", "status: retiring\n"])
def test_private_and_leaving_mirrors_are_let_off(tmp_path: Path, more: str) -> None:
    assert said(tmp_path, bandwidth_mbps="1", more=more) == []


def test_approved_mirrors_are_let_off(tmp_path: Path) -> None:
    service = (SERVICE + ASKED).replace("approved: [", f"approved: [{NAME}, ")
    assert said(tmp_path, service=service, bandwidth_mbps="1") == []
