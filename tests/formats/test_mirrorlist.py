from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from mirrorlist.core.model import Client
from mirrorlist.core.selection.answer import Selection
from mirrorlist.core.selection.select import select
from mirrorlist.formats.mirrorlist import comment, mirrorlist
from tests.building import NOW, client, mirror, query, snapshot

LINE = re.compile(r"(#.*|https?://[!-~]{1,1024})", re.ASCII)
NASTY = st.text() | st.sampled_from(
    ["\n", "\r\n", "\u2028", "\x85", "\x00", "http://evil.example.com/", "\n#", "\ufeff"]
)


def lines_of(written: bytes) -> list[str]:
    """The lines, after the promises about the whole: LF after each, no CR, no BOM, nothing but ASCII."""
    assert not written.startswith(b"\xef\xbb\xbf")
    assert b"\r" not in written
    assert written.endswith(b"\n") or not written
    return written.decode("ascii").split("\n")[:-1]


@settings(max_examples=250, deadline=None)
@given(NASTY)
def test_comment_is_one_line_whatever_it_holds(text: str) -> None:
    line = comment(text)
    assert re.fullmatch(r"# [ -~]*", line)
    assert len(line) == len(text) + 2


@settings(max_examples=150, deadline=None)
@given(st.lists(NASTY, max_size=4), st.integers(0, 25))
def test_every_line_is_a_url_or_a_comment(notes: list[str], count: int) -> None:
    of = snapshot([mirror(f"m{number}", "berlin") for number in range(count)])
    chosen = select(of, query("arch=x86_64"), client(), NOW)
    written = mirrorlist(
        Selection(query(), Client(None, b""), chosen.choices, (), ("https://own.example.org/",), tuple(notes))
    )
    lines = lines_of(written)
    assert [line for line in lines if not LINE.fullmatch(line)] == []
    assert lines[: len(chosen.choices) + 1] == [choice.url for choice in chosen.choices] + ["https://own.example.org/"]
    assert len(lines) == len(chosen.choices) + 1 + len(notes)


def test_literal_basearch_stands_for_the_client_to_fill_in() -> None:
    written = mirrorlist(select(snapshot([mirror("a")]), query(), client(), NOW))
    assert written == b"https://a.example.org/linux/9.8/BaseOS/$basearch/os/\n"


def test_nothing_chosen_is_an_empty_list() -> None:
    assert mirrorlist(select(snapshot([]), query(), client(), NOW)) == b""
