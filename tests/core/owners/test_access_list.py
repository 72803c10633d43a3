"""Who may sync, as few sorted lines that nobody's name can break."""

from __future__ import annotations

import pytest

from mirrorlist.core.model import Status
from mirrorlist.core.owners.access_list import LET_IN, AccessEntry, entries, is_let_in, rsyncd_lines
from tests.building import mirror


def test_only_who_is_accepted_and_still_copies_is_let_in() -> None:
    assert {status for status in Status if is_let_in(mirror("m", status=status))} == LET_IN
    assert set(Status) - LET_IN == {Status.OFFERED, Status.PAPERWORK, Status.DECLINED, Status.RETIRED}


@pytest.mark.parametrize(
    ("allowed", "expected"),
    [
        ([], []),
        ([("192.0.2.7", "a")], [("192.0.2.7", "a")]),
        ([("192.0.2.7/32", "a"), ("192.0.2.7", "b"), ("192.0.2.7", "a")], [("192.0.2.7", "a b")]),
        ([("192.0.2.0/25", "a"), ("192.0.2.128/25", "b")], [("192.0.2.0/24", "a b")]),
        ([("192.0.2.9", "a"), ("192.0.2.0/24", "b")], [("192.0.2.0/24", "a b")]),
        ([("198.51.100.1", "b"), ("9.9.9.9", "a")], [("9.9.9.9", "a"), ("198.51.100.1", "b")]),
        ([("2001:db8::1", "a"), ("192.0.2.1", "b")], [("192.0.2.1", "b"), ("2001:db8::1", "a")]),
        ([("2001:db8::/64", "a"), ("2001:db8::1", "b")], [("2001:db8::/64", "a b")]),
        ([("b.example.org", "x"), ("A.example.org", "y"), ("192.0.2.1", "z")],
         [("192.0.2.1", "z"), ("a.example.org", "y"), ("b.example.org", "x")]),
    ],
)  # fmt: skip
def test_entries_are_few_and_sorted(allowed: list[tuple[str, str]], expected: list[tuple[str, str]]) -> None:
    assert entries(allowed) == tuple(AccessEntry(pattern, tuple(names.split())) for pattern, names in expected)


def test_the_lines_are_one_parameter_and_a_comment_for_each() -> None:
    text = rsyncd_lines(entries([("192.0.2.7", "a.example.org"), ("2001:db8::/64", "b.example.org")]))
    assert text == (
        "# 192.0.2.7: a.example.org\n# 2001:db8::/64: b.example.org\n"
        "hosts allow = \\\n    192.0.2.7 \\\n    2001:db8::/64\nhosts deny = *\n"
    )


def test_nobody_is_let_in_where_nobody_is_named() -> None:
    assert rsyncd_lines(()) == "hosts deny = *\n"


def test_a_name_stays_in_its_comment() -> None:
    text = rsyncd_lines([AccessEntry("192.0.2.7", ("a\nhosts allow = *\\",))])
    assert text.splitlines() == [
        "# 192.0.2.7: a?hosts?allow?????", "hosts allow = \\", "    192.0.2.7", "hosts deny = *",
    ]  # fmt: skip
