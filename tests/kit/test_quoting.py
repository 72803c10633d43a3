"""Each language's way to hold a value, and what it refuses."""

from __future__ import annotations

import shlex
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirrorlist.core.owners.kit import KitError
from mirrorlist.kit.writing import FILTERS, Quoted, comment, quoted_only, shell, systemd

TEXT = st.text(min_size=1, max_size=60)


@pytest.mark.parametrize(
    ("language", "value", "expected"),
    [
        ("sh", "a b", "'a b'"),
        ("sh", "$(id)'x", "'$(id)'\"'\"'x'"),
        ("words", ("rsync", "a b", "$x"), "rsync 'a b' '$x'"),
        ("comment", "a\nb\u2028c\u202e\\ ", "a\\nb\\u2028c\\u202e"),
        ("nginx", 'a"b\\c d;}', '"a\\"b\\\\c d;}"'),
        ("apache", 'a"b\\c', '"a\\"b\\\\c"'),
        ("caddy", 'a"b', '"a\\"b"'),
        ("systemd", "/srv/a%b", "/srv/a%%b"),
        ("systemd", "/srv/a b", '"/srv/a b"'),
        ("systemd_text", "50% \n[Service]", "50%% \\n[Service]"),
        ("cron", "a%b", "a\\%b"),
        ("rsyncd", "a\n[b]\\", "a\\n[b]"),
        ("rsyncd_name", "linux", "linux"),
        ("markdown", "[a](b) <c> `d` *e*", "&#91;a&#93;(b) &#60;c&#62; &#96;d&#96; &#42;e&#42;"),
        ("code", "```\nx", "'''\\nx"),
        ("yaml", 'a: "b" # \\ é', '"a: \\"b\\" # \\\\ é"'),
        ("number", 7, "7"),
        ("bare", "a-b.c_d", "a-b.c_d"),
    ],
)
def test_a_value_is_held(language: str, value: object, expected: str) -> None:
    assert FILTERS[language](value) == expected


@pytest.mark.parametrize(
    ("language", "value"),
    [
        *((language, f"a{end}b")
          for language in ("sh", "nginx", "apache", "caddy", "systemd", "cron", "rsyncd_name", "yaml")
          for end in ("\n", "\r", "\0", "\x85", "\u2028")),
        ("nginx", "$host"), ("apache", "${PATH}"), ("apache", "%{x}"), ("apache", "</VirtualHost>"),
        ("caddy", "{env.HOME}"), ("rsyncd_name", "a]b"), ("rsyncd_name", ""), ("bare", "a b"), ("bare", ""),
    ],
)  # fmt: skip
def test_what_a_language_cannot_hold_is_refused(language: str, value: str) -> None:
    with pytest.raises(KitError):
        FILTERS[language](value)


def test_every_language_is_tried_here() -> None:
    assert set(FILTERS) == {
        "sh", "words", "comment", "nginx", "apache", "caddy", "systemd", "systemd_text", "cron", "rsyncd", "rsyncd_name",
        "markdown", "code", "yaml", "number", "bare",
    }  # fmt: skip


def test_nothing_is_put_out_that_is_not_quoted() -> None:
    assert quoted_only(Quoted("a")) == "a"
    for value in ("a", 5, None):
        with pytest.raises(TypeError):
            quoted_only(value)


@given(TEXT)
def test_a_shell_reads_back_what_it_was_given_as_one_word(text: str) -> None:
    try:
        word = shell(text)
    except KitError:
        return
    assert shlex.split(word) == [text]


@given(TEXT)
def test_a_comment_ends_nowhere(text: str) -> None:
    said = comment(text)
    assert len(said.splitlines()) <= 1
    assert not said.endswith("\\")


def test_dash_agrees() -> None:
    value = "a'b $(id) `id` \\ \" ; & | > < * ? ~ # !"
    done = subprocess.run(["sh", "-c", f"printf %s {shell(value)}"], capture_output=True, text=True, check=True)
    assert done.stdout == value


@given(TEXT)
def test_a_unit_gets_no_specifier_and_no_line(text: str) -> None:
    try:
        said = systemd(text)
    except KitError:
        return
    assert "\n" not in said
    assert "%" not in said.replace("%%", "")
