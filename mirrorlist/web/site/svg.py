"""Draw the pictures of the pages as SVG: the world map, badges, the availability strip, the plot of lags.

Colours are attributes, not styles, so that no policy has to allow inline styles; every state has a shape
of its own beside its colour.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from xml.sax.saxutils import escape, quoteattr

from mirrorlist.core.network.geo import HEIGHT, WIDTH, point
from mirrorlist.core.public.types import MirrorState, PublicMirror, PublicPlace
from mirrorlist.web.languages import by_name, gettext, ngettext
from mirrorlist.web.words import country_name, duration, state_words

SHAPES = {
    MirrorState.FRESH: "M-{r} 0a{r} {r} 0 1 0 {d} 0a{r} {r} 0 1 0-{d} 0z",
    MirrorState.UP: "M-{r} 0a{r} {r} 0 1 0 {d} 0a{r} {r} 0 1 0-{d} 0z",
    MirrorState.LAGGING: "M0-{t}L{t} {r}L-{t} {r}z",
    MirrorState.STALE: "M0-{t}L{t} 0L0 {t}L-{t} 0z",
    MirrorState.DOWN: "M-{r}-{r}L{r} {r}M{r}-{r}L-{r} {r}",
    MirrorState.UNKNOWN: "M-{r} 0a{r} {r} 0 1 0 {d} 0a{r} {r} 0 1 0-{d} 0z",
    MirrorState.OUT: "M-{r}-{r}h{d}v{d}h-{d}z",
    MirrorState.PAUSED: "M-{r}-{r}h{d}v{d}h-{d}z",
    MirrorState.SOON: "M-{r} 0a{r} {r} 0 1 0 {d} 0a{r} {r} 0 1 0-{d} 0z",
}
"""The outline of each state's sign around 0, 0: circle, triangle, diamond, cross, ring, square."""
HOLLOW = frozenset({MirrorState.UNKNOWN, MirrorState.PAUSED, MirrorState.SOON, MirrorState.DOWN})


@dataclass(frozen=True, slots=True)
class Palette:
    """The colours of a picture."""

    sea: str
    land: str
    edge: str
    ink: dict[MirrorState, str]


LIGHT = Palette(
    "#eef3f6",
    "#c9d3d8",
    "#ffffff",
    {
        MirrorState.FRESH: "#0b6e4f",
        MirrorState.UP: "#1f6f8b",
        MirrorState.LAGGING: "#8a5200",
        MirrorState.STALE: "#b93815",
        MirrorState.DOWN: "#6d0f2e",
        MirrorState.UNKNOWN: "#59636b",
        MirrorState.OUT: "#5b3fa0",
        MirrorState.PAUSED: "#59636b",
        MirrorState.SOON: "#1f6f8b",
    },
)
DARK = Palette(
    "#141b21",
    "#35424b",
    "#0f1519",
    {
        MirrorState.FRESH: "#5fd0a5",
        MirrorState.UP: "#74c3de",
        MirrorState.LAGGING: "#f0b45a",
        MirrorState.STALE: "#ffa08f",
        MirrorState.DOWN: "#f0524f",
        MirrorState.UNKNOWN: "#aab6bf",
        MirrorState.OUT: "#b9a3f2",
        MirrorState.PAUSED: "#aab6bf",
        MirrorState.SOON: "#74c3de",
    },
)
PALETTES = {"light": LIGHT, "dark": DARK}
_BEST_LAST = (
    MirrorState.SOON,
    MirrorState.PAUSED,
    MirrorState.UNKNOWN,
    MirrorState.FRESH,
    MirrorState.UP,
    MirrorState.OUT,
    MirrorState.LAGGING,
    MirrorState.STALE,
    MirrorState.DOWN,
)
"""What needs to be seen is drawn last, on top."""


def land() -> str:
    """The outlines of land, in tenths of a unit of the map."""
    return (files("mirrorlist.web") / "static" / "land.txt").read_text(encoding="utf-8").strip()


@dataclass(frozen=True, slots=True)
class Frame:
    """A part of the map, of the map's own shape: its upper left corner and its width."""

    x: float
    y: float
    width: float

    @property
    def scale(self) -> float:
        """The length of a unit of a picture of this part, in units of the map."""
        return self.width / WIDTH

    @property
    def view_box(self) -> str:
        """The attribute of SVG."""
        return f"{self.x:.0f} {self.y:.0f} {self.width:.0f} {self.width * HEIGHT / WIDTH:.0f}"


WORLD = Frame(0, 0, WIDTH)
LEAST_WIDTH = 160


def marks_of(mirror: PublicMirror) -> list[tuple[str | None, tuple[float, float]]]:
    """Where a mirror is on the map: in each of its places that is known, with the country."""
    home = PublicPlace(mirror.country, mirror.city, mirror.latitude, mirror.longitude)
    return [
        (each.country, point(each.latitude, each.longitude))
        for each in (home, *mirror.places)
        if each.latitude is not None and each.longitude is not None
    ]


def frame(mirrors: Iterable[PublicMirror]) -> Frame:
    """The part of the map that holds these mirrors, with some room around them; the world without any."""
    placed = [mark for each in mirrors for _, mark in marks_of(each)]
    if not placed:
        return WORLD
    (left, right), (top, bottom) = ((min(at), max(at)) for at in zip(*placed, strict=True))
    width = min(float(WIDTH), max(LEAST_WIDTH, 1.5 * (right - left), 1.5 * (bottom - top) * WIDTH / HEIGHT))
    height = width * HEIGHT / WIDTH
    x = min(max((left + right - width) / 2, 0), WIDTH - width)
    return Frame(x, min(max((top + bottom - height) / 2, 0), HEIGHT - height), width)


@dataclass(frozen=True, slots=True)
class MapLink:
    """Something to click on the map: mirrors of one country that are drawn close to each other."""

    x: float
    y: float
    radius: float
    href: str
    title: str


_SPOT = 24


def spots(mirrors: Iterable[PublicMirror], frame: Frame) -> list[MapLink]:
    """Where a map leads: a lone mirror to its page, several to their country."""
    near: dict[tuple[str | None, int, int], list[tuple[float, float, PublicMirror]]] = defaultdict(list)
    size = _SPOT * frame.scale
    for mirror in mirrors:
        for country, (x, y) in marks_of(mirror):
            near[country, int(x / size), int(y / size)].append((x, y, mirror))
    found = []
    for (country, _, _), marks in near.items():
        names = [mirror.name for _, _, mirror in marks]
        alone = len(names) == 1 or not country or frame is not WORLD
        title = f"{country_name(country)}: {', '.join(names[:MOST_NAMED])}{', ...' if len(names) > MOST_NAMED else ''}"
        found.append(
            MapLink(
                round(sum(x for x, _, _ in marks) / len(marks), 1),
                round(sum(y for _, y, _ in marks) / len(marks), 1),
                round(size / 2, 1),
                f"/mirrors/{names[0]}" if alone else f"/?country={country}",
                title,
            )
        )
    return found


MOST_NAMED = 4


def world_map(mirrors: Iterable[PublicMirror], palette: Palette, frame: Frame = WORLD) -> bytes:
    """The mirrors on a map of the world, or of a part of it, in each of their places as far as these are known."""
    scale = frame.scale
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{frame.view_box}">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" rx="{6 if frame is WORLD else 0}" fill="{palette.sea}"/>',
        f'<path d="{land()}" transform="scale(.1)" fill="{palette.land}"/>',
    ]
    digits = 0 if frame is WORLD else 1
    placed = [(mirror.state, mark) for mirror in mirrors for _, mark in marks_of(mirror)]
    for state in _BEST_LAST:
        marks = [mark for each, mark in placed if each is state]
        if marks:
            radius = round(4 * scale, 2)
            sign = SHAPES[state].format(r=radius, d=2 * radius, t=round(5 * scale, 2))
            paint = f'fill="{palette.ink[state]}" stroke="{palette.edge}" stroke-width="{scale:.2g}"'
            if state in HOLLOW:
                fill = "none" if state is MirrorState.DOWN else palette.edge
                paint = f'fill="{fill}" stroke="{palette.ink[state]}" stroke-width="{2 * scale:.2g}"'
            parts.append(f'<defs><path id="{state}" d="{sign}"/></defs><g {paint}>')
            parts += [f'<use href="#{state}" x="{x:.{digits}f}" y="{y:.{digits}f}"/>' for x, y in marks]
            parts.append("</g>")
    return "".join([*parts, "</svg>"]).encode()


_LETTER = 6.6
"""The width of a letter at 11 pixels, about: badges are stretched to what is written anyway."""


def badge(label: str, text: str, state: MirrorState) -> bytes:
    """A badge to show elsewhere: a grey label, and a word on the colour of its state."""
    left, right = round(len(label) * _LETTER) + 14, round(len(text) * _LETTER) + 14
    title = escape(f"{label}: {text}")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + right}" height="20" role="img" '
        f"aria-label={quoteattr(f'{label}: {text}')}><title>{title}</title>"
        f'<rect width="{left + right}" height="20" rx="3" fill="#37474f"/>'
        f'<path d="M{left} 0h{right - 3}a3 3 0 0 1 3 3v14a3 3 0 0 1-3 3H{left}z" fill="{LIGHT.ink[state]}"/>'
        '<g fill="#fff" text-anchor="middle" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">'
        f'<text x="{left / 2}" y="14" textLength="{left - 14}">{escape(label)}</text>'
        f'<text x="{left + right / 2}" y="14" textLength="{right - 14}">{escape(text)}</text></g></svg>\n'
    ).encode()


def state_badge(label: str, state: MirrorState) -> bytes:
    """The badge of a mirror's state, in the language that its address names."""
    return by_name(lambda: badge(label, state_words(state), state))


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar of a picture in a page; ``kind`` is its class, ``told`` what it means in words."""

    x: float
    y: float
    height: float
    kind: str
    told: str


STRIP_HEIGHT = 40.0
STEP = 12


def availability_bars(days: Sequence[float | None]) -> tuple[Bar, ...]:
    """One bar a day, as high as the mirror could be reached; days without any observation are marked as such."""
    bars = []
    for number, part in enumerate(days):
        if part is None:
            bars.append(Bar(number * STEP, STRIP_HEIGHT - 4, 4, "none", "nothing observed"))
            continue
        height = max(4.0, round(part * STRIP_HEIGHT, 1))
        kind = "good" if part >= 0.999 else "fair" if part >= 0.95 else "bad"
        bars.append(Bar(number * STEP, STRIP_HEIGHT - height, height, kind, f"{part:.1%}"))
    return tuple(bars)


def lag_bars(days: Sequence[float | None], allowed: float) -> tuple[Bar, ...]:
    """One bar a day, as high as the worst lag, against twice what is allowed."""
    bars = []
    for number, lag in enumerate(days):
        if lag is None:
            bars.append(Bar(number * STEP, STRIP_HEIGHT - 1, 1, "none", "nothing observed"))
            continue
        height = max(2.0, round(min(lag / (2 * allowed), 1.0) * STRIP_HEIGHT, 1))
        kind = "good" if lag <= allowed / 2 else "fair" if lag <= allowed else "bad"
        bars.append(Bar(number * STEP, STRIP_HEIGHT - height, height, kind, duration(lag) if lag else "no lag"))
    return tuple(bars)


def map_in_words(mirrors: Sequence[PublicMirror]) -> str:
    """What the map shows, for those who do not see it."""
    if not mirrors:
        return gettext("World map without any mirror")
    counted = Counter(mirror.state for mirror in mirrors)
    listed = ", ".join(f"{counted[state]} {state_words(state)}" for state in MirrorState if counted[state])
    countries = {mirror.country for mirror in mirrors if mirror.country}
    only = country_name(next(iter(countries))) if len(countries) == 1 else ""
    where = only or ngettext("%(num)d country", "%(num)d countries", len(countries))
    count = ngettext("%(num)d mirror", "%(num)d mirrors", len(mirrors))
    return gettext("Map of %(count)s in %(where)s: %(states)s", count=count, where=where, states=listed)
