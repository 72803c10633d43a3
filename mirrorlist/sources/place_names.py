"""How names of places are compared: one spelling for every way of writing one.

The gazetteer's data holds folded names, so a change here wants scripts/build-gazetteer to be run again.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

_SILENT = re.compile(r"['’‘ʻʼʹ`´.²]")
_BETWEEN_WORDS = re.compile(r"[\W_]+")
_AFTER_THE_NAME = re.compile(r"[,/(;|]")
_SAINT_BEFORE_A_NAME = re.compile(r"\b(Ste?)\.?(?=[A-Z])")
_WITHOUT_DECOMPOSITION = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "æ": "ae", "œ": "oe", "ı": "i", "þ": "th", "ħ": "h", "ə": "a", "ǝ": "a"}
)
_SAINTS = {"st": "saint", "ste": "sainte"}

CITY_WORDS = frozenset({"city", "town", "municipality", "si", "shi", "gu", "ku", "gun", "do", "ri", "eup"})
"""Words at the end of a city's name that people leave out or add."""

STATE_WORDS = frozenset({
    "state", "province", "prefecture", "region", "county", "governorate", "voivodeship", "oblast", "krai",
    "kray", "republic", "district", "canton", "municipality", "department", "territory", "division", "parish",
    "emirate", "city", "rayon", "raion", "novads", "comunidad", "provincia", "departamento", "autonomous", "community",
    "special", "metropolitan", "capital", "ken", "fu", "do", "to", "si", "of", "de", "del",
    "della", "di", "da", "the", "and",
})  # fmt: skip
"""Words of a state's name that tell its kind, and the small words between them."""


def folded(text: str) -> str:
    """A spelling without case, accents, punctuation, a leading article, or the choice of St and Saint."""
    letters = unicodedata.normalize("NFKD", text.casefold().translate(_WITHOUT_DECOMPOSITION))
    plain = "".join(letter for letter in letters if not unicodedata.combining(letter))
    words = _BETWEEN_WORDS.sub(" ", _SILENT.sub("", plain).replace("&", " and ")).split()
    if len(words) > 1:
        words = [_SAINTS.get(word, word) for word in words]
    return " ".join(words[1:] if words[:1] == ["the"] and len(words) > 1 else words)


def city_spellings(text: str) -> tuple[str, ...]:
    """The folded spellings under which a city may be known, the most faithful one first."""
    return tuple(dict.fromkeys(filter(None, _city_spellings(text))))


def joined_spellings(text: str) -> tuple[str, ...]:
    """The spellings of a city without blanks, with and without a last ``city``."""
    joined = [each.replace(" ", "") for each in city_spellings(text)]
    return tuple(dict.fromkeys((*joined, *(each.removesuffix("city") or each for each in joined))))


def _city_spellings(text: str) -> Iterator[str]:
    text = _SAINT_BEFORE_A_NAME.sub(r"\1 ", text)
    whole, name = folded(text), folded(_AFTER_THE_NAME.split(text)[0])
    yield from (whole, name, without_city_word(whole), without_city_word(name))


def without_city_word(name: str) -> str:
    """The folded name without a last word that only says that it is a city."""
    words = name.split()
    return " ".join(words[:-1]) if len(words) > 1 and words[-1] in CITY_WORDS else name


def state_spellings(text: str) -> tuple[str, ...]:
    """The folded spellings under which a state may be known, the most faithful one first."""
    whole = folded(_SAINT_BEFORE_A_NAME.sub(r"\1 ", text))
    return tuple(dict.fromkeys(filter(None, (whole, without_state_words(whole)))))


def without_state_words(name: str) -> str:
    """The folded name without the words that tell its kind; all of it if there are no others."""
    return " ".join(word for word in name.split() if word not in STATE_WORDS) or name
