"""Detect and clean text that deceives its reader: invisible, reversed or look-alike characters."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from re import Match

from mirrorlist.core.errors import Finding, Severity
from mirrorlist.sources.submissions.submission import Check, Submission, SubmissionTerms
from mirrorlist.sources.submissions.submission import SubmissionCode as Code
from mirrorlist.sources.yaml.documents import Pointer, Value, finding, shown, spelled
from mirrorlist.sources.yaml.reader import place_of_index

MOST_TOLD = 20
MOST_MARKS = 4
"""Accents on one letter; Vietnamese and Hebrew need three."""
MOST_ALIKE = 2
"""The same mark so often in a row; no script needs three."""

JOINERS = "\u200c\u200d"
"""Persian and Indic scripts need them between two letters."""

BLANKS = "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0"
"""Letters and symbols to Unicode, nothing to the eye."""

VARIATIONS = frozenset(map(chr, (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))))
"""They choose the form of a letter or sign before them, and any text can be written with them that nobody sees."""

SUSPECT = re.compile(r"[^\t\n\r -~\xa0-\xac\xae-\u024f]")
STACK = re.compile(
    f"[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]{{{MOST_MARKS + 1}}}"
)
SAME = re.compile(f"([^\\x00-\u02ff])\\1{{{MOST_ALIKE},}}")
MARKUP = re.compile("[<>]")
WORD = re.compile(r"\w+")
STYLED = re.compile(
    "[\u1d00-\u1d2b\u1d2c-\u1d6a\u0262\u026a\u0274\u0280\u0299\u029c\u029f\u02b0-\u02b8\u02e0-\u02e4"
    "\uff01-\uff5e\U0001d400-\U0001d7ff\u24b6-\u24e9\U0001f130-\U0001f189]"
)
"""Small capitals, raised, wide, bold and enclosed letters."""
EAST_ASIAN_LETTER = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")

EAST_ASIAN = frozenset({"Cjk", "Hiragana", "Katakana", "Hangul", "Bopomofo", "Fullwidth", "Halfwidth", "Ideographic"})
"""Names of Unicode begin so for the letters that Japanese, Korean and Chinese mix with each other and with Latin."""

NO_SCRIPT = "\u00aa\u00b5\u00ba"
"""The micro sign and ordinals appear beside letters of any script."""

LOOKING_LATIN = frozenset("асԁеһіјӏорԛѕԝхуѵАВЕЅІЈКМНОРСТУХΑΒΕΖΗΙΚΜΝΟΡΤΥΧονικ")
"""Cyrillic and Greek letters that nobody can distinguish from Latin ones."""


def no_hidden_character(submission: Submission, _: SubmissionTerms) -> Iterator[Finding]:
    """Nothing in the file, comments included, is invisible or turns the direction of the text."""
    told = 0
    for found in SUSPECT.finditer(submission.text):
        if told < MOST_TOLD and hides(submission.text, found.start()):
            told += 1
            name = unicodedata.name(found[0], "a character without a name").lower()
            message = f"the file has U+{ord(found[0]):04X} ({name}), which does not show as what it is; remove it"
            yield _at(submission, found.start(), Code.HIDDEN_CHARACTER, message)
    if piled := _piled(submission.text):
        message = f"the file has one accent many times, or more than {MOST_MARKS} on one letter; remove them"
        yield _at(submission, piled.start(), Code.HIDDEN_CHARACTER, message)


def no_escaped_character(submission: Submission, _: SubmissionTerms) -> Iterator[Finding]:
    """No value has by an escape what may not be in the file as it is."""
    told = 0
    for pointer, text in _strings((), submission.document.root):
        found = next((each for each in SUSPECT.finditer(text) if hides(text, each.start())), None) or _piled(text)
        if found and found[0] not in submission.text and told < MOST_TOLD:
            told += 1
            message = f"{spelled(pointer)} has the escape of U+{ord(found[0][0]):04X}, which does not show; remove it"
            yield submission.error(pointer, Code.HIDDEN_CHARACTER, message)


def _piled(text: str) -> Match[str] | None:
    """One accent many times, or many accents on one letter."""
    return next((found for found in SAME.finditer(text) if is_mark(found[1])), None) or STACK.search(text)


def _strings(pointer: Pointer, value: object) -> Iterator[tuple[Pointer, str]]:
    """All texts of a value, each with the way to it."""
    if isinstance(value, str):
        yield pointer, value
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from _strings((*pointer, key), each)
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _strings((*pointer, index), each)


def _at(submission: Submission, index: int, code: Code, message: str) -> Finding:
    return finding(submission.path, place_of_index(submission.text, index), Severity.ERROR, code, message)


def hides(text: str, index: int) -> bool:
    """Whether a character of a text does not show as what it is."""
    character = text[index]
    if character in JOINERS:
        around = text[max(index - 1, 0) : index] + text[index + 1 : index + 2]
        return len(around) < 2 or any(ord(each) < 0x0600 or not each.isalpha() for each in around if not is_mark(each))
    if character in VARIATIONS:
        if index == 0:
            return True
        # pictures, signs, and the letters of East Asia have forms to choose from
        kind = unicodedata.category(text[index - 1])
        return not kind.startswith(("S", "P")) and kind not in ("Lo", "Nd")
    return character in BLANKS or unicodedata.category(character) in ("Cf", "Cc", "Co", "Cn", "Cs", "Zl", "Zp")


def is_mark(character: str) -> bool:
    """Whether a character is an accent or another mark on a letter."""
    return unicodedata.category(character).startswith("M")


def texts_read_as_they_look(submission: Submission, _: SubmissionTerms) -> Iterator[Finding]:
    """No word mixes Latin letters with those of a script that looks like it."""
    for pointer, text in _texts(submission):
        if why := look_alike(text):
            yield submission.error(pointer, Code.LOOK_ALIKE, f"{spelled(pointer)} {shown(text)} {why}")


def look_alike(text: str) -> str | None:
    """Why a text may be taken for another one, with a remedy; None for an honest one.

    Latin letters may be in one word with those of East Asia, as in names of companies; no others mix (UTS 39, 5.2).
    """
    if text.isascii():
        return None
    for word in WORD.findall(text):
        scripts = {script for letter in word if (script := script_of(letter))}
        if len(scripts) > 1 and not scripts - EAST_ASIAN <= {"Latin"}:
            return f"mixes {' and '.join(sorted(scripts)[:2])} letters in one word; write it in one script"
    if STYLED.search(text) and not EAST_ASIAN_LETTER.search(text):
        return "has letters in disguise, such as bold or wide ones; write plain letters"
    return None


def script_of(letter: str) -> str | None:
    """The script of a letter, by its name in Unicode; of digits, signs and marks none."""
    if letter.isascii():
        return "Latin" if letter.isalpha() else None
    if not letter.isalpha() or letter in NO_SCRIPT or unicodedata.category(letter) == "Lm":
        return None
    return unicodedata.name(letter, "").replace("-", " ").partition(" ")[0].capitalize()


def is_latin_in_disguise(label: str) -> bool:
    """Whether a word of another script reads as a Latin one."""
    letters = [each for each in label if each.isalpha()]
    return bool(letters) and all(each in LOOKING_LATIN for each in letters)


def texts_are_plain(submission: Submission, _: SubmissionTerms) -> Iterator[Finding]:
    """What people read is one line without markup."""
    for pointer, text in _texts(submission):
        fault = _text_fault(text)
        if fault:
            yield submission.error(pointer, Code.BAD_TEXT, f"{spelled(pointer)} {shown(text)} {fault}")


def _text_fault(text: str) -> str | None:
    if len(text.splitlines()) > 1 or "\t" in text:
        return "is more than one line of text; write it in one line"
    if MARKUP.search(text):
        return "has '<' or '>', as markup does; write plain text"
    if text and not any(each.isalnum() for each in text):
        return "has no letter or digit; write what people can read"
    return None


PEOPLE_READ = ("sponsor", "contact_name", "agreement", "status_reason")
PLACES = ("state_province", "city")


def _texts(submission: Submission) -> Iterator[tuple[Pointer, str]]:
    """What people read: names of sponsors, persons, places and exchanges."""
    root = submission.root
    read = {key: value for key, value in root.items() if key in _WITH_TEXTS}
    yield from ((pointer, text) for pointer, text in _strings((), read) if _is_read(pointer))


TEXT_CHECKS: tuple[Check, ...] = (no_hidden_character, no_escaped_character, texts_read_as_they_look, texts_are_plain)


# Submitted files are refused for deceptive texts; in files that are served all the same these are cleaned.

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
    if pointer[0] in ("geolocation", "places"):
        return pointer[-1] in PLACES
    return pointer[0] in _WITH_TEXTS


_WITH_TEXTS = frozenset((*PEOPLE_READ, "geolocation", "places", "peerings"))
