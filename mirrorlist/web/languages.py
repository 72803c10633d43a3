"""Choose the language of a page, and translate its texts.

To add a language: a row in LANGUAGES and `scripts/translate`, which writes its catalogue for you to fill in
(docs/pages-and-api.md). A text that has no translation yet is shown in English.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from importlib.resources import files
from typing import TypeVar

from babel import Locale
from flask import Flask, has_request_context, request
from flask_babel import Babel, force_locale, get_locale, get_translations
from werkzeug.datastructures import LanguageAccept
from werkzeug.http import parse_accept_header

from mirrorlist.core.errors import RequestError

T = TypeVar("T")
ENGLISH = "en"
LANGUAGES: Mapping[str, str] = {ENGLISH: "English", "de": "Deutsch", "fr": "Français"}
"""The languages of the pages, each by its own name."""
CATALOGUES = files("mirrorlist.web") / "translations"
_MOST_CHARACTERS = 500
_LANG = re.compile(rb"(?:^|&)lang=([a-z]{2})(?:&|$)")


def speak(app: Flask) -> None:
    """Translates the pages of an application into the language that each request asks for."""
    Babel(app, configure_jinja=False, default_translation_directories=str(CATALOGUES), locale_selector=language)


def language() -> str:
    """The language that this request asks for: by ``lang=``, else by Accept-Language; English if by neither."""
    if not has_request_context():
        return ENGLISH
    return _named() or _accepted(request.headers.get("Accept-Language", "")[:_MOST_CHARACTERS])


def _named() -> str | None:
    asked = _LANG.search(request.query_string)
    code = asked[1].decode() if asked else ""
    return code if code in LANGUAGES else None


def named_language() -> str:
    """What an address gets that leads to a picture in the language of the page."""
    code = language()
    return "" if code == ENGLISH else f"?lang={code}"


def by_name(make: Callable[[], T]) -> T:
    """What is made in the language of ``lang=``, else in English: one address, one answer, for pictures elsewhere."""
    with force_locale(_named() or ENGLISH):
        return make()


@lru_cache(maxsize=256)
def _accepted(header: str) -> str:
    """The first of our languages that is accepted, by preference; ``de-AT`` accepts ``de`` (RFC 4647, lookup)."""
    accepted: LanguageAccept = parse_accept_header(header, LanguageAccept)
    codes = (tag.replace("_", "-").partition("-")[0].lower() for tag, quality in accepted if quality > 0)
    return next((code if code in LANGUAGES else ENGLISH for code in codes if code in LANGUAGES or code == "*"), ENGLISH)


def country_in(code: str) -> str | None:
    """The name of a country in the language of the page; None in English, and for an unknown code."""
    locale: Locale | None = get_locale() if has_request_context() else None
    return None if locale is None or locale.language == ENGLISH else locale.territories.get(code)


def gettext(text: str, **variables: object) -> str:
    """A text in the language of the page, its ``%(name)s`` filled in. The empty one stays: it names the catalogue."""
    found: str = get_translations().ugettext(text) if text else ""
    return found % variables if variables else found


def sentence(error: RequestError) -> str:
    """What an error says, as a sentence in the language of the page."""
    text = gettext(error.text, **error.values)
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith(('.', '?')) else '.'}"


def ngettext(one: str, many: str, num: int, **variables: object) -> str:
    """The form of a text that fits the number, which is ``%(num)d`` in it."""
    return forms(one, many, num) % {"num": num, **variables}


def forms(one: str, many: str, num: int) -> str:
    """The same for templates, which fill in themselves."""
    found: str = get_translations().ungettext(one, many, num)
    return found
