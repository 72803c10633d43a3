""""""

import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mirrorlist.core.errors import Severity
from mirrorlist.sources.yaml.documents import Code, Document, Pointer, Position
from mirrorlist.sources.yaml.reader import MAX_BYTES, read_leniently, read_yaml


def read(text: str | bytes) -> Document:
    return read_yaml(text.encode() if isinstance(text, str) else text, "m.yml")


DEEP = "---\na:\n  b:\n    c: fault\n"
FLOW = 'list: [one, "two", fault]\n'
AFTER_TEXT = "about: |\n  Größe\n  and more\n\nkey: fault\n"
BESIDE_WIDE = 'a: {"ключ 🙂": fault}\n'


@pytest.mark.parametrize("prefix", [b"", b"\xef\xbb\xbf"], ids=["plain", "with a BOM"])
@pytest.mark.parametrize("line_break", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
@pytest.mark.parametrize(
    ("text", "pointer", "value", "key"),
    [
        pytest.param(DEEP, ("a", "b", "c"), Position(4, 8), Position(4, 5), id="three levels deep"),
        pytest.param(FLOW, ("list", 2), Position(1, 20), Position(1, 20), id="in a flow list"),
        pytest.param(AFTER_TEXT, ("key",), Position(5, 6), Position(5, 1), id="after a text of several lines"),
        pytest.param(BESIDE_WIDE, ("a", "ключ 🙂"), Position(1, 15), Position(1, 5), id="columns are characters"),
    ],
)
def test_every_value_knows_its_line_and_column(
    prefix: bytes, line_break: str, text: str, pointer: Pointer, value: Position, key: Position
) -> None:
    document = read(prefix + text.replace("\n", line_break).encode())

    assert document.place(pointer) == value
    assert document.key_place(pointer) == key


def test_a_value_that_is_not_there_is_told_at_what_is_around_it() -> None:
    document = read("top: 1\nplace:\n  city: Bergen\n")

    assert document.place(("place", "country")) == Position(3, 3)
    assert document.place(("nothing",)) == Position(1, 1)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("true", True),
        ("True", True),
        ("FALSE", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("0", 0),
        ("-17", -17),
        ("+5", 5),
        ("60.39", 60.39),
        ("-0.5", -0.5),
        ("yes", "yes"),
        ("NO", "NO"),
        ("on", "on"),
        ("Off", "Off"),
        ("tRUE", "tRUE"),
        ("'true'", "true"),
        ('"5"', "5"),
        ("''", ""),
        ("0x10", "0x10"),
        ("010", "010"),
        ("1_000", "1_000"),
        ("1e3", "1e3"),
        (".inf", ".inf"),
        ("22:30", "22:30"),
        ("2026-12-24", "2026-12-24"),
        ("1" * 19, "1" * 19),
        ("<<", "<<"),
    ],
)
def test_only_what_nobody_doubts_is_other_than_text(written: str, meant: object) -> None:
    document = read(f"key: {written}\n")

    assert document.root == {"key": meant}
    assert document.root is not None
    assert type(document.root["key"]) is type(meant)


def test_keys_are_always_text() -> None:
    assert read("1: a\nno: b\n'': c\n? long\n: d\n").root == {"1": "a", "no": "b", "": "c", "long": "d"}


def test_words_that_others_take_for_booleans_are_remembered_when_they_stand_without_quotes() -> None:
    document = read("a: no\nb: 'no'\nc: [ON]\nd: no\nd: 'no'\n")

    assert document.bare_words == {("a",), ("c", 0)}


def test_the_later_of_two_equal_keys_counts() -> None:
    document = read("a: 1\nplace:\n  city: x\n  city: y\na: 2\n")

    assert document.root == {"a": 2, "place": {"city": "y"}}
    assert [str(each) for each in document.findings] == [
        "m.yml:4:3: warning [duplicate-key] place.city is in line 3 already; the later value counts; remove one",
        "m.yml:5:1: warning [duplicate-key] a is in line 1 already; the later value counts; remove one",
    ]
    assert document.place(("a",)) == Position(5, 4)


REFUSED = [
    pytest.param("a: &x 1\n", 1, 4, Code.YAML_ALIAS, id="anchor"),
    pytest.param("&x a: 1\n", 1, 1, Code.YAML_ALIAS, id="anchor on a key"),
    pytest.param("a: &x [1]\n", 1, 4, Code.YAML_ALIAS, id="anchor on a list"),
    pytest.param("a: *x\n", 1, 4, Code.YAML_ALIAS, id="alias"),
    pytest.param("*x : 1\n", 1, 1, Code.YAML_ALIAS, id="alias as a key"),
    pytest.param("a:\n  b: !!str 1\n", 2, 6, Code.YAML_TAG, id="tag"),
    pytest.param("a: ! 1\n", 1, 4, Code.YAML_TAG, id="tag without a name"),
    pytest.param("--- !!map\na: 1\n", 1, 5, Code.YAML_TAG, id="tag on the whole"),
    pytest.param("a: 1\n---\nb: 2\n", 2, 1, Code.SEVERAL_DOCUMENTS, id="two documents"),
    pytest.param("a: 1\n---\n---\nb: 2\n", 3, 1, Code.SEVERAL_DOCUMENTS, id="a third document"),
    pytest.param("a: 1\n---\n- ''\n", 2, 1, Code.SEVERAL_DOCUMENTS, id="a list of nothing"),
    pytest.param("#" * (MAX_BYTES + 1), 1, 1, Code.FILE_TOO_LARGE, id="too large"),
    pytest.param(b"a: b\r\nc: \xe9\x00\n", 2, 4, Code.NOT_UTF8, id="no text"),
    pytest.param("a: 1\n".encode("utf-16"), 1, 1, Code.NOT_UTF8, id="UTF-16"),
    pytest.param("a: b\nc: d\x00\n", 2, 5, Code.CONTROL_CHARACTER, id="NUL"),
    pytest.param("a: é\x1b[31m\n", 1, 5, Code.CONTROL_CHARACTER, id="escape"),
    pytest.param("a: \x7f\n", 1, 4, Code.CONTROL_CHARACTER, id="DEL"),
    pytest.param("a: \x85\n", 1, 4, Code.CONTROL_CHARACTER, id="C1"),
    pytest.param("a: \ufffe\n", 1, 4, Code.CONTROL_CHARACTER, id="no character"),
    pytest.param("a: " + "[" * 20 + "]" * 20, 1, 23, Code.TOO_DEEP, id="too deep"),
    pytest.param("? [a]\n: 1\n", 1, 3, Code.COMPLEX_KEY, id="list as a key"),
    pytest.param("{a: 1}: 1\n", 1, 1, Code.COMPLEX_KEY, id="mapping as a key"),
    pytest.param("- a\n", 1, 1, Code.NOT_A_MAPPING, id="list"),
    pytest.param("---\njust words\n", 2, 1, Code.NOT_A_MAPPING, id="text"),
    pytest.param("", 1, 1, Code.EMPTY_FILE, id="empty"),
    pytest.param("# nothing yet\n", 1, 1, Code.EMPTY_FILE, id="comment only"),
    pytest.param("---\n...\n", 1, 1, Code.EMPTY_FILE, id="empty document"),
    pytest.param("a: b: c\n", 1, 5, Code.YAML_SYNTAX, id="colon in a value"),
    pytest.param("a:\n\tb: c\n  d: e\n", 2, 1, Code.YAML_SYNTAX, id="tabs and blanks"),
    pytest.param("a: 1\nb: 'open\n", 2, 4, Code.YAML_SYNTAX, id="open quotes"),
    pytest.param("a: 1\nb: [1, 2\n", 2, 4, Code.YAML_SYNTAX, id="open list"),
    pytest.param("a: 1\nword\nb: 2\n", 2, 1, Code.YAML_SYNTAX, id="no colon"),
]


TRIFLES = [
    pytest.param(b"a: b\r\nc: \xe9\n", {"a": "b", "c": "\xe9"}, "2:4: warning [not-utf8]", id="Latin-1"),
    pytest.param(b"a: \x93b\x94 \xc3\xa9\n", {"a": "\u201cb\u201d \xe9"}, "1:4: warning [not-utf8]", id="Windows-1252"),
    pytest.param(b"a: b # \xe9\n", {"a": "b"}, "1:8: warning [not-utf8]", id="Latin-1 in a comment"),
    pytest.param("a:\n\tb: c\n\td:\n\t\te: 1\n", {"a": {"b": "c", "d": {"e": 1}}}, "2:1: warning [yaml-syntax]", id="tabs"),
    pytest.param("a: 1\n...\n---\n", {"a": 1}, "3:1: warning [several-documents]", id="an empty second document"),
    pytest.param("a: 1\n---\n# end\n", {"a": 1}, "2:1: warning [several-documents]", id="a line at the end"),
    pytest.param("---\n---\na: 1\n", {"a": 1}, "2:1: warning [several-documents]", id="an empty first document"),
]  # fmt: skip


@pytest.mark.parametrize(("data", "root", "warning"), TRIFLES)
def test_what_has_one_meaning_all_the_same_is_read(data: str | bytes, root: dict[str, Any], warning: str) -> None:
    document = read_leniently(data.encode() if isinstance(data, str) else data, "m.yml")
    assert document.root == root
    assert [str(each).split("] ")[0] + "]" for each in document.findings] == [f"m.yml:{warning}"]


def test_places_stay_true_where_tabs_indent() -> None:
    document = read_leniently(b"a:\n\tb: [1,\n\t\t 2]\n", "m.yml")
    assert [document.place(("a", "b", index)) for index in (0, 1)] == [Position(2, 6), Position(3, 4)]


@pytest.mark.parametrize(("data", "line", "column", "code"), REFUSED)
def test_what_is_more_than_plain_yaml_is_refused(data: str | bytes, line: int, column: int, code: Code) -> None:
    document = read(data)
    assert read_leniently(data.encode() if isinstance(data, str) else data, "m.yml") == document

    assert document.root is None
    last = document.findings[-1]
    assert (last.line, last.column, last.severity, last.code) == (line, column, Severity.ERROR, code)


def test_syntax_is_explained_with_a_remedy() -> None:
    assert str(read("a: 1\n  b: 2\n").findings[0]) == (
        "m.yml:2:4: error [yaml-syntax] this is not YAML: mapping values are not allowed in this context; "
        "put a value that holds ': ' in quotes, or check the indentation of this line"
    )


def test_twenty_levels_and_exactly_the_limit_are_read() -> None:
    deep = "a: " + "[" * 19 + "]" * 19 + "\n"

    assert read(deep).root is not None
    assert read(deep + "#" * (MAX_BYTES - len(deep))).root is not None


def test_the_limit_is_a_parameter() -> None:
    assert read_yaml(b"a: 1", "s.yml", max_bytes=3).findings[0].code == Code.FILE_TOO_LARGE


YAMLISH = st.text(st.sampled_from("ab:-[]{},&*!|>'\"%@#?~. \n\r\t\ufeff0é\u2028\U0001f600"), max_size=80)


@settings(database=None, deadline=None, max_examples=300)
@given(st.binary(max_size=200) | YAMLISH.map(str.encode))
def test_no_bytes_make_it_raise(data: bytes) -> None:
    document = read(data)

    assert (document.root is None) == any(each.severity is Severity.ERROR for each in document.findings)
    assert all(each.line >= 1 and each.column >= 1 for each in document.findings)


@pytest.mark.parametrize(
    "part", ["[", "{a: ", "- ", "? ", "[a,", "a: 1\n", "&a ", "'", "a\n", ">\n", "a: {b: ", "%A\n", "!<", "[[],"]
)
def test_the_time_does_not_explode_with_the_size(part: str) -> None:
    started = time.process_time()
    read(part * (MAX_BYTES // len(part)))

    assert time.process_time() - started < 2
