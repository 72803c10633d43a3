"""Whatever stands in a file, the judge gives findings and never fails."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mirrorlist.sources.submissions.judge import judge_submissions
from mirrorlist.sources.submissions.submission import SubmissionTerms
from tests.data.submissions import FILE, HOSTILE, SERVICE, VALID, WARNED, contents
from tests.sources.submissions.test_judge import terms

ROWS = [contents(row[2]) for rows in HOSTILE.values() for row in rows] + [contents(row[2]) for row in WARNED]
SEEDS = [data for data in [*ROWS, *map(contents, VALID.values())] if len(data) < 4000]
PIECES = [
    b"\n", b": ", b"- ", b"[", b"]", b"{", b"}", b"'", b'"', b"&a ", b"*a", b"!x ", b"#", b"\0", b"\xff", b"\xe2\x80\xae",
    b"null", b"true", b"0", b"-1", b"1e999", b".nan", b"9" * 40, b"::/0", b"0.0.0.0/0", b"https://", b"@", b"%", b"$", b"\\",
    b"name: ", b"subnets: ", b"asn: ", b"address: ", b"geolocation: ", b"monopoly: true\n", b"logo: a.png\n", b"xn--",
]  # fmt: skip
KEYS = ["name", "address", "address_optional", "update_frequency", "sponsor", "sponsor_url", "email", "geolocation", "private",
        "monopoly", "subnets", "asn", "cloud_type", "cloud_regions", "status", "bandwidth_mbps", "countries_only", "logo",
        "sync", "peerings", "country", "city", "latitude", "longitude", "http", "https", "rsync", "source", "from"]  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, SubmissionTerms]:
    root = tmp_path_factory.mktemp("fuzz")
    (root / "mirrors.d").mkdir()
    (root / "service.yml").write_text(SERVICE)
    return root / "mirrors.d" / FILE, terms(root / "service.yml")


def judge(place: tuple[Path, SubmissionTerms], data: bytes) -> None:
    file, held = place
    file.write_bytes(data)
    [found] = judge_submissions((file,), file.parent, held)
    for each in found.reviewed.findings:
        assert each.line >= 1
        assert each.column >= 1
        assert each.message.isprintable()
        assert "; " in each.message


def test_mutations_of_all_examples(place: tuple[Path, SubmissionTerms]) -> None:
    dice = random.Random(8)
    for _ in range(600):
        data = dice.choice(SEEDS)
        for _ in range(dice.randrange(1, 5)):
            at, end = sorted(dice.randrange(len(data) + 1) for _ in range(2))
            piece = dice.choice(PIECES) if dice.random() < 0.7 else dice.choice(SEEDS)[:200]
            data = data[:at] + piece + data[dice.choice((at, at, end)) :]
        judge(place, data)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300))
def test_any_bytes(place: tuple[Path, SubmissionTerms], data: bytes) -> None:
    judge(place, data)


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=12)
    | st.sampled_from(["10.0.0.0/8", "https://a/", "all", "DE"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=10,
)


@pytest.mark.slow
@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=8))
def test_any_values_under_known_keys(place: tuple[Path, SubmissionTerms], values: dict[str, object]) -> None:
    judge(place, as_yaml(values).encode("utf-8", "replace"))


def as_yaml(value: object) -> str:
    """JSON-like YAML, in which every text is quoted."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {as_yaml(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(as_yaml, value)) + "]"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return (
        {None: "null", True: "true", False: "false"}.get(value, str(value))
        if value is None or isinstance(value, bool)
        else str(value)
    )
