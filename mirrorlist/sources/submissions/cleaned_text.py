"""Remove deceptive characters from the texts of mirror files that a service shows.

What deceives is said in ``text.py``, where a submitted file is refused for it. Here it is taken out of the
files that are served all the same.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterator
from re import Match

from mirrorlist.sources.submissions.text import (
    EAST_ASIAN,
    EAST_ASIAN_LETTER,
    MARKUP,
    MOST_ALIKE,
    MOST_MARKS,
    PEOPLE_READ,
    PLACES,
    SAME,
    STACK,
    STYLED,
    SUSPECT,
    WORD,
    hides,
    is_mark,
    script_of,
)
from mirrorlist.sources.yaml.documents import Pointer, Value

UNKNOWN_LETTER = "?"
"""In place of a letter that only looks as if it belonged to its word."""


def cleaned(text: str) -> str:
    """A text that people read: one line, nothing hidden, no markup, and every word in one script."""
    if text.isascii() and text.isprintable() and not MARKUP.search(text):
        return text
    found = MARKUP.sub("", without_hidden(" ".join(" ".join(text.splitlines()).split("\t"))))
    if STYLED.search(found) and not EAST_ASIAN_LETTER.search(found):
        found = without_hidden(STYLED.sub(_plain_letter, found))
    found = WORD.sub(_in_one_script, found)
    return " ".join(found.split()) if found != text else text


def without_hidden(text: str) -> str:
    """The text without the characters that do not show as what they are; at most a few accents on each letter."""
    former = None
    while former != text:
        former = text
        text = "".join(each for index, each in enumerate(text) if not (SUSPECT.match(each) and hides(text, index)))
        text = SAME.sub(lambda found: found[1] * MOST_ALIKE if is_mark(found[1]) else found[0], text)
        text = STACK.sub(lambda found: found[0][:MOST_MARKS], text)
    return text


def _plain_letter(found: Match[str]) -> str:
    plain = unicodedata.normalize("NFKC", found[0])
    return UNKNOWN_LETTER if STYLED.search(plain) else plain


def _in_one_script(found: Match[str]) -> str:
    """The word with the letters of its commonest script alone; Latin and those of East Asia go together."""
    scripts = Counter(script for letter in found[0] if (script := script_of(letter)))
    if len(scripts) < 2 or set(scripts) - EAST_ASIAN <= {"Latin"}:
        return found[0]
    commonest = scripts.most_common(1)[0][0]
    return "".join(letter if script_of(letter) in (None, commonest) else UNKNOWN_LETTER for letter in found[0])


def cleaned_texts(root: dict[str, Value]) -> tuple[dict[str, Value], dict[Pointer, str]]:
    """What a file says with every text cleaned, and those that were changed as they were."""
    changed: dict[Pointer, str] = {}
    found = {key: _cleaned_value((key,), value, changed) for key, value in root.items()}
    return found, changed


def _cleaned_value(pointer: Pointer, value: Value, changed: dict[Pointer, str]) -> Value:
    if isinstance(value, dict):
        return {key: _cleaned_value((*pointer, key), each, changed) for key, each in value.items()}
    if isinstance(value, list):
        return [_cleaned_value((*pointer, index), each, changed) for index, each in enumerate(value)]
    if not isinstance(value, str) or (value.isascii() and not _is_read(pointer)):
        return value
    text = cleaned(value) if _is_read(pointer) else without_hidden(value)
    if text != value:
        changed[pointer] = value
    return text


def _is_read(pointer: Pointer) -> bool:
    return pointer in _READ or pointer[0] == "peerings"


def _read_pointers() -> Iterator[Pointer]:
    yield from ((key,) for key in PEOPLE_READ)
    yield from (("geolocation", key) for key in PLACES)


_READ = frozenset(_read_pointers())
