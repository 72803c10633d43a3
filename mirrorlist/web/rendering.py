"""Render every HTML page: the templates, their filters, their assets, and a cache of what one generation rendered."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined

from mirrorlist.core.public.types import PROBLEM_STATES, MirrorState
from mirrorlist.web import words
from mirrorlist.web.languages import LANGUAGES, forms, gettext, language
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
    "map_link": words.map_link, "breakable": words.breakable,
    "percent": words.percent, "flag": words.flag, "country": words.country_name, "continent": words.continent_name,
    "state": words.state_words,
    "family": words.FAMILY_WORDS.__getitem__, "kind": words.KIND_WORDS.__getitem__,
}  # fmt: skip
_TEMPLATES.globals |= {
    "State": MirrorState,
    "PROBLEMS": PROBLEM_STATES,
    "languages": LANGUAGES,
    "language": language,
    "css": f"/static/site.css?{ASSETS['site.css'].version}",
    "touch_icon": f"/static/icon.png?{ASSETS['icon.png'].version}",
    "home": "",
    "script": f"/static/site.js?{ASSETS['site.js'].version}",
}
for _name in _TEMPLATES.list_templates():  # compiled before the first request, which would wait half a second for it
    _TEMPLATES.get_template(_name)


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
