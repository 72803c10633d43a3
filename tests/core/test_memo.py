"""What a memo keeps."""

from __future__ import annotations

from mirrorlist.core.memo import Memo


def test_a_memo_is_bounded_and_keeps_no_key_that_is_not_worth_it() -> None:
    asked: list[str] = []
    memo = Memo(lambda header: asked.append(header) or len(header), 2, lambda header: len(header) <= 4)
    assert [memo[each] for each in ("a", "a", "12345", "12345")] == [1, 1, 5, 5]
    assert asked == ["a", "12345", "12345"]
    memo["b"], memo["c"]
    assert list(memo) == ["c"]
