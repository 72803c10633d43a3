"""Draw a preview on a world map: one SVG file with no script, no font and no network access.

Every kind of mark has a shape of its own, and the colours of shares run from light to dark, so they differ
without colour too. Names are escaped.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from mirrorlist.cli.output.preview_page import percent
from mirrorlist.core.mirror import places_of
from mirrorlist.core.model import Mirror
from mirrorlist.core.network.geo import HEIGHT, WIDTH, point
from mirrorlist.core.preview.impact import ChangeKind, Effect, Preview, Spot
from mirrorlist.core.rules import is_open_to_strangers
from mirrorlist.sources.yaml.documents import printable
from mirrorlist.web.site.svg import land

LEGEND = 64
SEA, LAND, INK, EDGE = "#f3f6f8", "#d5dce0", "#1d2730", "#ffffff"
OTHER = "#4a6b82"
STEPS = ((0.1, "#fed976", "up to 10 %"), (0.4, "#fd8d3c", "up to 40 %"), (0.7, "#d7301f", "up to 70 %"),
         (1.0, "#7f0000", "more"))  # fmt: skip
"""Up to which part of a place's clients, in which colour, and what the legend says; light to dark as ColorBrewer's
OrRd, which people with any vision of colours can order."""
STAR = "M0-11l3.2 7.4 8 .7-6.1 5.3 1.9 7.8-7-4.2-7 4.2 1.9-7.8-6.1-5.3 8-.7z"
DIAMOND = "M0-3l3 3-3 3-3-3z"
LARGEST = 15.0
SMALLEST = 1.6
MOST_LABELS = 12
LONGEST_LABEL = 48


def world_map(preview: Preview, mirrors: Iterable[Mirror]) -> str:
    """The map: whom the changed mirrors serve first, where they are, and where the other public mirrors are."""
    told = "World map without any changed mirror"
    if preview.effects:
        more = len(preview.effects) - 1
        rest = f" and {more} more" if more else ""
        told = f"Who gets {_label(preview.effects[0])} first{rest}, on a map of the world"
    names = {effect.name for effect in preview.effects}
    others = [  # those that are not for everybody are on no map
        mirror
        for mirror in mirrors
        if mirror.name not in names and any(is_open_to_strangers(mirror, module) for module in mirror.urls)
    ]
    spots = sorted((spot for effect in preview.effects for spot in effect.spots), key=lambda spot: -_served(spot))
    inset = _inset(spots)
    whole = _layers(spots, others, preview.effects, 1.0)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT + LEGEND}" width="{WIDTH}" '
        f'height="{HEIGHT + LEGEND}" role="img" aria-label={quoteattr(told)} font-family="sans-serif" font-size="12">',
        f"<title>{escape(told)}</title>",
        f'<defs><path id="other" d="{DIAMOND}" fill="{OTHER}" stroke="{EDGE}" stroke-width=".6"/>',
        f'<path id="changed" d="{STAR}" fill="{INK}" stroke="{EDGE}" stroke-width="1.2"/>',
        f'<path id="land" d="{land()}" transform="scale(.1)" fill="{LAND}"/></defs>',
        f'<rect width="{WIDTH}" height="{HEIGHT + LEGEND}" fill="{EDGE}"/>',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="{SEA}"/>',
        f'<g id="world">{whole}', *_labels(preview.effects), "</g>",
        *(_closer(inset, _layers(spots, others, preview.effects, inset.zoom)) if inset else ()),
        '<g id="legend">', *_legend(preview.effects), "</g>", "</svg>\n",
    ]  # fmt: skip
    return "".join(parts)


@dataclass(frozen=True, slots=True)
class _Inset:
    """A part of the map, from its upper left corner, that is drawn again, enlarged by ``zoom``."""

    x: float
    y: float
    zoom: float


INSET_WIDTH, INSET_HEIGHT, INSET_X, INSET_Y = 272.0, 190.0, 6.0, HEIGHT - 196.0
MOST_ZOOM, LEAST_ZOOM = 5.0, 2.0


def _inset(spots: Sequence[Spot]) -> _Inset | None:
    """Where most of the clients are; none where that is half the world."""
    most = max(map(_served, spots), default=0.0)
    points = [point(spot.latitude, spot.longitude) for spot in spots if _served(spot) >= most / 100]
    if not points:
        return None
    (left, top), (right, low) = (tuple(map(f, zip(*points, strict=True))) for f in (min, max))
    zoom = min(INSET_WIDTH / (right - left + 12), INSET_HEIGHT / (low - top + 12), MOST_ZOOM)
    wide, high = INSET_WIDTH / zoom, INSET_HEIGHT / zoom
    return _Inset((left + right - wide) / 2, (top + low - high) / 2, zoom) if zoom >= LEAST_ZOOM else None


def _layers(spots: Sequence[Spot], others: Sequence[Mirror], effects: Sequence[Effect], zoom: float) -> str:
    """Land, clients and mirrors; marks that are zoomed grow by less than what is between them."""
    scale = 1.0 if zoom == 1.0 else 1.4 / zoom
    return "".join([
        '<use href="#land"/>', '<g fill-opacity=".82">', *_circles(spots, scale), "</g><g>",
        *(_use("other", *at, scale) for mirror in others for at in _points(mirror)), "</g><g>",
        *(_use("changed", *at, scale * 0.8) for effect in effects for at in _points(effect.mirror)), "</g>",
    ])  # fmt: skip


def _closer(inset: _Inset, layers: str) -> Iterator[str]:
    """The part in a frame of its own, and where it is on the map."""
    wide, high = INSET_WIDTH / inset.zoom, INSET_HEIGHT / inset.zoom
    frame = f'fill="none" stroke="{INK}"'
    yield f'<rect x="{inset.x:.1f}" y="{inset.y:.1f}" width="{wide:.1f}" height="{high:.1f}" {frame}/>'
    yield (
        f'<svg id="closer" x="{INSET_X}" y="{INSET_Y}" width="{INSET_WIDTH}" height="{INSET_HEIGHT}" '
        f'viewBox="{inset.x:.1f} {inset.y:.1f} {wide:.2f} {high:.2f}">'
        f'<rect x="{inset.x:.1f}" y="{inset.y:.1f}" width="{wide:.2f}" height="{high:.2f}" fill="{SEA}"/>{layers}</svg>'
    )
    yield f'<rect x="{INSET_X}" y="{INSET_Y}" width="{INSET_WIDTH}" height="{INSET_HEIGHT}" {frame}/>'


def _label(effect: Effect) -> str:
    return printable(effect.name)[:LONGEST_LABEL]


def _points(mirror: Mirror) -> list[tuple[float, float]]:
    """Where a mirror is on the map; a global one where it is besides being near everywhere."""
    return [
        point(each.latitude, each.longitude)
        for each in places_of(mirror)
        if each.latitude is not None and each.longitude is not None
    ]


def _served(spot: Spot) -> float:
    return spot.clients * spot.first


def _circles(spots: Sequence[Spot], scale: float) -> Iterator[str]:
    """As large as the clients that get a changed mirror first, the largest below."""
    most = max(map(_served, spots), default=1.0)
    for spot in spots:
        x, y = point(spot.latitude, spot.longitude)
        radius = scale * (SMALLEST + (LARGEST - SMALLEST) * (_served(spot) / most) ** 0.5)
        yield (
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.2f}" fill="{colour(spot.first)}" stroke="{EDGE}" '
            f'stroke-width="{scale:.2f}"/>'
        )


def colour(part: float) -> str:
    """The colour of a part of a place's clients."""
    return next((ink for upto, ink, _ in STEPS if part <= upto), STEPS[-1][1])


def _use(name: str, x: float, y: float, scale: float = 1.0) -> str:
    larger = "" if scale == 1.0 else f" scale({scale:.2f})"
    return f'<use href="#{name}" transform="translate({x:.1f} {y:.1f}){larger}"/>'


def _labels(effects: Sequence[Effect]) -> Iterator[str]:
    for effect in [each for each in effects if _points(each.mirror)][:MOST_LABELS]:
        x, y = _points(effect.mirror)[0]
        side = 14 if x < WIDTH * 0.65 else -14
        anchor = "start" if side > 0 else "end"
        yield (
            f'<text x="{x + side:.1f}" y="{y + 4:.1f}" text-anchor="{anchor}" fill="{INK}" font-weight="bold" '
            f'stroke="{EDGE}" stroke-width="3" paint-order="stroke">{escape(_label(effect))}</text>'
        )


def _legend(effects: Sequence[Effect]) -> Iterator[str]:
    top = HEIGHT + 22
    totals = f"{len(effects)} changed mirrors"
    if len(effects) == 1:
        effect = effects[0]
        removed = effect.kind is ChangeKind.REMOVED
        share = percent((effect.before if removed else effect.after).first)
        totals = f"{_label(effect)} ({effect.kind}): first for {share} of all clients{' now' if removed else ''}"
    yield _use("changed", 20, top)
    yield _words(38, top, totals)
    yield _use("other", 20, top + 24)
    yield _words(38, top + 24, "other public mirrors")
    yield _words(230, top + 24, "circles: as large as the clients that get it first; of all at that place:")
    for number, (_, ink, said) in enumerate(STEPS):
        x = 648 + 88 * number
        yield f'<circle cx="{x}" cy="{top + 24}" r="6" fill="{ink}"/>'
        yield _words(x + 11, top + 24, said)


def _words(x: float, y: float, said: str) -> str:
    return f'<text x="{x}" y="{y + 4}" fill="{INK}">{escape(said)}</text>'
