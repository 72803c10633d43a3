"""Render every HTML page: the templates, their filters, their assets, and a cache of what one generation rendered."""

from __future__ import annotations

from base64 import b64encode
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined

from mirrorlist.core.public.types import PROBLEM_STATES, MirrorState
from mirrorlist.web import words
from mirrorlist.web.languages import LANGUAGES, forms, gettext, language, named_language
from mirrorlist.web.responses import SVG, Made, made

MOST_KEPT = 96
"""Answers kept per generation; a mirror's page is about 30 KB."""
_ASSETS = {
    "site.css": "text/css; charset=utf-8",
    "site.js": "text/javascript; charset=utf-8",
    "icon.svg": SVG,
    "icon.png": "image/png",
}


@dataclass(frozen=True, slots=True)
class Asset:
    """A file that pages load; ``version`` changes with its bytes."""

    content_type: str
    body: bytes

    @property
    def version(self) -> str:
        """The beginning of its checksum."""
        return sha256(self.body).hexdigest()[:12]


ASSETS = {
    name: Asset(content_type, (files("mirrorlist.web") / "static" / name).read_bytes())
    for name, content_type in _ASSETS.items()
}

_TEMPLATES = Environment(
    loader=PackageLoader("mirrorlist.web", "templates"),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    undefined=StrictUndefined,
    auto_reload=False,
    extensions=["jinja2.ext.i18n"],
)
_TEMPLATES.install_gettext_callables(gettext, forms, newstyle=True)  # type: ignore[attr-defined]  # of the extension
_TEMPLATES.filters |= {
    "duration": words.duration, "every": words.every,
    "moment": words.moment, "day": words.day, "iso": words.iso, "speed": words.speed, "size": words.size,
    "map_link": words.map_link,
    "coordinates": words.coordinates, "check_state": words.check_state, "depth": words.depth,
    "title_line": words.title_line, "finding": words.finding,
    "translated": gettext, "breakable": words.breakable,
    "percent": words.percent, "number": words.number, "month": words.month,
    "flag": words.flag, "country": words.country_name, "continent": words.continent_name,
    "state": words.state_words,
    "family": words.FAMILY_WORDS.__getitem__, "kind": words.kind_words,
}  # fmt: skip
_TEMPLATES.globals |= {
    "State": MirrorState,
    "PROBLEMS": PROBLEM_STATES,
    "languages": LANGUAGES,
    "language": language,
    "named_language": named_language,
    "css": f"/static/site.css?{ASSETS['site.css'].version}",
    "touch_icon": f"/static/icon.png?{ASSETS['icon.png'].version}",
    "home": "",
    "style": "",
    "absolute": "",
    "version_of": lambda text: sha256(text.encode()).hexdigest()[:12],
    "script": f"/static/site.js?{ASSETS['site.js'].version}",
}
for _name in _TEMPLATES.list_templates():  # compiled before the first request, which would wait half a second for it
    _TEMPLATES.get_template(_name)


LEAST_CONTRAST = 4.6
"""What WCAG 2 asks for between text and its background, and a little."""
PAPERS = {"light": ("#f5f7f8", 0x00), "dark": ("#172026", 0xFF)}
"""The backgrounds behind links, the worse one per scheme, and where a colour moves to be read there."""


@lru_cache(maxsize=16)
def brand_css(color: str) -> str:
    """The rules that give links and buttons a colour: a darker or lighter one where it could not be read."""
    light, dark = (
        f":root{{--link:{_readable(color, *paper)};--accent:{_readable(color, *paper)}}}" for paper in PAPERS.values()
    )
    return f"{light}@media(prefers-color-scheme:dark){{{dark}}}"


def _readable(color: str, paper: str, towards: int) -> str:
    parts = bytes.fromhex(color[1:])
    mixed = (bytes(round(p + (towards - p) * step / 50) for p in parts) for step in range(51))
    return next(f"#{each.hex()}" for each in mixed if contrast(each, bytes.fromhex(paper[1:])) >= LEAST_CONTRAST)


def contrast(one: bytes, other: bytes) -> float:
    """The contrast of two colours (red, green, blue), as WCAG 2 defines it."""
    low, high = sorted(map(_luminance, (one, other)))
    return (high + 0.05) / (low + 0.05)


def _luminance(color: bytes) -> float:
    parts = (part / 255 for part in color)
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


_INLINE_POLICY = (
    "default-src 'none'; style-src 'sha256-{}'; img-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)


@lru_cache(maxsize=16)
def inline_style(color: str | None) -> tuple[str, str]:
    """The style of all pages to put inside one, and the policy that allows just that: below a tree at ``/`` there is no
    address for anything else."""
    style = ASSETS["site.css"].body.decode() + (brand_css(color) if color else "")
    return style, _INLINE_POLICY.format(b64encode(sha256(style.encode()).digest()).decode())


def html(template: str, **values: object) -> bytes:
    """A template with these values; every value is escaped, and what is not Unicode becomes a question mark."""
    return _TEMPLATES.get_template(template).render(**values).encode("utf-8", "replace")


class Kept:
    """What was rendered for a generation, the newest of it; it goes with the generation."""

    def __init__(self) -> None:
        self._made: OrderedDict[str, Made] = OrderedDict()

    def get(self, key: str, content_type: str, make: Callable[[], bytes]) -> Made:
        """The answer under a key, rendered if it is not there."""
        found = self._made.get(key)
        if found is None:
            found = made(content_type, make())
            self._made[key] = found
            if len(self._made) > MOST_KEPT:
                self._made.popitem(last=False)
        return found
