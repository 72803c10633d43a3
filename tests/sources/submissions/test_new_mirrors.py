"""Answers as people give them, and the file that they become."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirrorlist.sources.submissions.new_mirrors import ANSWERS, Value, mirror_file, understood
from mirrorlist.sources.yaml.reader import read_yaml


@pytest.mark.parametrize(
    ("key", "said", "value"),
    [
        ("name", "Mirror.Example.ORG.", "mirror.example.org"),
        ("https", "https://m.example.org/linux", "https://m.example.org/linux/"),
        ("http", "m.example.org/linux", "http://m.example.org/linux/"),
        ("rsync", "m.example.org::linux", "rsync://m.example.org/linux/"),
        ("country", "France", "FR"),
        ("country", "no", "NO"),
        ("bandwidth", "1 Gbit/s", 1000),
        ("bandwidth", "2x10G", 20_000),
        ("bandwidth", "500 Mbps", 500),
        ("bandwidth", "2,5 Gb/s", 2500),
        ("bandwidth", "100", 100),
        ("update_frequency", "every 15 min", "15m"),
        ("update_frequency", "twice an hour", "30m"),
        ("update_frequency", "4 times a day", "6h"),
        ("update_frequency", "four times per hour", "15m"),
        ("update_frequency", "hourly", "1h"),
        ("update_frequency", "every 2 hours", "2h"),
        ("update_frequency", "3h", "3h"),
        ("storage_gb", "4000 GB", 4000),
        ("asn", "AS64496", 64496),
        ("latitude", "52.52", 52.52),
        ("sync_from", "2001:DB8::1", "2001:db8::1"),
        ("sync_source", "mirror.example.net", "mirror.example.net"),
        ("sync_source", "rsync://r.example.net/l", "rsync://r.example.net/l/"),
        ("sponsor_url", "www.example.org", "https://www.example.org"),
        ("sponsor", "a:  b", "a: b"),
    ],
)
def test_an_answer_is_understood(key: str, said: str, value: Value) -> None:
    values, refused = understood({key: said})
    assert (values[key], refused) == (value, ())


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("name", "../../etc/passwd"), ("name", "Example University"), ("name", "-rf"), ("name", "a/b"),
        ("https", "http://m.example.org/"), ("https", "javascript:alert(1)"), ("https", "https://u:p@m.example.org/"),
        ("http", "http://m.example.org/$(id)/"), ("rsync", "rsync://m/`id`/"), ("country", "Atlantis"),
        ("bandwidth", "fast"), ("bandwidth", "0"), ("bandwidth", "999999 T"), ("update_frequency", "sometimes"),
        ("update_frequency", "0 times a day"), ("update_frequency", "every 0 min"), ("latitude", "91"),
        ("latitude", "nan"), ("asn", "-1"), ("sync_from", "*"), ("sync_source", "; rm -rf /"),
        ("sponsor", "a\u202eb"), ("sponsor", "a\udc80b"), ("sponsor", "x" * 2000), ("sponsor", "  "),
        ("sponsor_url", "javascript:alert(1)"), ("city", "a\x1b[31mb"),
    ],
)  # fmt: skip
def test_an_answer_that_cannot_be_used_is_left_out_and_told(key: str, said: str) -> None:
    values, refused = understood({key: said})
    assert values == {}
    assert len(refused) == 1
    assert refused[0].startswith(f"{key} ")
    assert refused[0].isprintable()


def test_the_name_is_the_hosts_where_nobody_says_one() -> None:
    assert understood({"https": "https://m.example.org/"})[0]["name"] == "m.example.org"
    assert "name" not in understood({"https": "https://192.0.2.1/"})[0]


TEXT = st.text(min_size=1).filter(lambda text: text.isprintable() and bool(text.strip()))


@pytest.mark.slow
@given(st.dictionaries(st.sampled_from(["sponsor", "city", "state", "contact_name", "email"]), TEXT, min_size=1))
def test_a_file_is_read_back_as_the_values_and_nothing_more(texts: dict[str, str]) -> None:
    values = understood({"name": "m.example.org", "https": "https://m.example.org/", **texts})[0]
    document = read_yaml(mirror_file(values, "offered").encode(), "m.yml")
    assert [finding for finding in document.findings if finding.severity == "error"] == []
    expected: dict[str, object] = {"status": "offered"}
    for key, value in values.items():
        *above, last = ANSWERS[key].keys
        where = expected
        for each in above:
            where = where.setdefault(each, {})  # type: ignore[assignment]  # always a mapping here
        where[last] = value
    assert document.root == expected
