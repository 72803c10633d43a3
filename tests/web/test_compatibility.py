"""docs/compatibility.md says what works and which test proves it: this holds the page against the code."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from lxml import etree

from tests.web.asking import Answer, Both
from tests.web.distributions import almalinux, fedora

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "compatibility.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"tests/[\w/]+\.py::test_\w+", PAGE)))
ROW = re.compile(r"^\| (\d+) \| (\w+) \| `(.+?)` \| .+? \| (\d{3}) \| `(.*?)` \|.*$", re.MULTILINE)
ROWS = [match.groups() for match in ROW.finditer(PAGE)]


@pytest.fixture(scope="module")
def services() -> dict[str, Both]:
    version_first = almalinux()
    return {"AlmaLinux": version_first, "CentOS": version_first, "Fedora": fedora()}


def told(answer: Answer) -> str:
    """What a row shows: a redirect's target, the first URL of a JSON array or a metalink, or the first line."""
    if "location" in answer.headers:
        return answer.headers["location"]
    if answer.headers["content-type"] == "application/json":
        return str(json.loads(answer.body)[0])
    if answer.headers["content-type"] == "application/metalink+xml":
        return str(next(etree.fromstring(answer.body).iter("{*}url")).text)
    return answer.body.decode().splitlines()[0].rstrip()


@pytest.mark.parametrize("name", NAMED)
def test_a_test_that_the_page_names_exists(name: str) -> None:
    file, _, function = name.partition("::")
    assert f"def {function}(" in (ROOT / file).read_text(encoding="utf-8")


def test_the_page_names_tests_and_thirty_requests() -> None:
    assert len(NAMED) > 30
    assert [row[0] for row in ROWS] == [str(number) for number in range(1, 31)]


@pytest.mark.parametrize(("number", "service", "request_", "status", "first"), ROWS)
def test_a_request_of_the_page_is_answered_as_it_says(
    services: dict[str, Both], number: str, service: str, request_: str, status: str, first: str
) -> None:
    path, _, query = request_.partition("?")
    answer = services[service].get(path, query)
    assert (answer.status, told(answer)) == (int(status), first)
