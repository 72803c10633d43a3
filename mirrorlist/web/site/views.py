"""The pages: the network, one mirror, your mirrors and why, images, how to join, the service status.

Pages that are the same for everybody are rendered once per generation; see web/rendering.py.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Response, redirect
from werkzeug.wrappers import Response as BaseResponse

from mirrorlist.core.catalogue.catalogue import published_contents
from mirrorlist.core.errors import NotFound
from mirrorlist.core.health.report import pace_of
from mirrorlist.core.public.types import OWN_LOGO, MirrorState
from mirrorlist.core.selection.client import CountryOf
from mirrorlist.core.snapshot import Facts
from mirrorlist.web.languages import by_name, language
from mirrorlist.web.rendering import ASSETS, brand_css, html
from mirrorlist.web.responses import CSV, HTML, SVG, Made, add_shared, answer, made, private
from mirrorlist.web.site import svg
from mirrorlist.web.site.images import images_page, other_modules, releases
from mirrorlist.web.site.network import network_page
from mirrorlist.web.site.owners import join_page, mirror_page
from mirrorlist.web.site.published import ATOM, Publications, Published, common, feed
from mirrorlist.web.site.spreads import AGES, event_rows, spread_rows
from mirrorlist.web.site.stats import sponsor_badge, sponsor_csv, sponsor_page, stats_page
from mirrorlist.web.site.yours import asked, yours_page

Answer = Response | BaseResponse
MOST_EVENTS = 40
YEAR = 365 * 86_400
NO_SCRIPT = "default-src 'none'; sandbox"
"""The policy of pictures: whoever opens one alone gets a picture and nothing else."""
MODULE_PAGES = ("kitten",)
"""Modules with pages of their own below their names, as AlmaLinux's service has them."""


def site(publications: Publications, country_of: CountryOf, clock: Callable[[], float] = time.time) -> Blueprint:
    """The views of all pages and pictures."""
    views = Blueprint("site", __name__)
    _add_network(views, publications)
    _add_service(views, publications)
    _add_mirrors(views, publications)
    _add_asked(views, publications, country_of, clock)
    ready: dict[str, Made] = {name: made(asset.content_type, asset.body) for name, asset in ASSETS.items()}

    def asset(name: str) -> Response:
        if name not in ready:
            raise NotFound("there is nothing here")
        return answer(ready[name], max_age=YEAR, policy=NO_SCRIPT)

    def brand() -> Response:
        published = publications.current()
        color = published.service.site.color
        if color is None:
            raise NotFound("this service has no colour of its own")
        return _page(published, "brand.css", lambda: brand_css(color).encode(), ASSETS["site.css"].content_type)

    def logo() -> Response:
        return _picture(publications.current(), OWN_LOGO)

    _add(views, "/static/<name>", "asset", asset)
    _add(views, "/static/brand.css", "brand", brand)
    _add(views, "/static/logo", "own_logo", logo)
    return views


def _picture(published: Published, name: str) -> Response:
    found = published.logo(name)
    if found is None:
        raise NotFound("there is no such logo")
    return answer(made(found.content_type, found.data), max_age=86_400, policy=NO_SCRIPT)


def _add(views: Blueprint, rule: str, name: str, view: Callable[..., Answer], **options: Any) -> None:
    """A rule for GET and HEAD; every other method is 405."""
    views.add_url_rule(rule, name, view, provide_automatic_options=False, **options)


def _page(published: Published, key: str, make: Callable[[], bytes], content_type: str = HTML) -> Response:
    return answer(published.kept.get(f"{language()} {key}", content_type, make))


def _add_network(views: Blueprint, publications: Publications) -> None:
    def network(module: str | None = None) -> Response:
        published = publications.current()
        if module is not None and module not in published.modules:
            raise NotFound("there is no module %(module)s", module=module)
        given = asked()
        if module is not None:
            given["module"] = module
        page = network_page(published, given)

        def make() -> bytes:
            return html("network.html", **common(published, "/"), **page.values())

        return answer(made(HTML, make())) if page.filters.q else _page(published, page.link(), make)

    def map_(scheme: str) -> Response:
        published = publications.current()
        page = network_page(published, asked())

        def make() -> bytes:
            return svg.world_map(page.shown, svg.PALETTES[scheme], page.frame)

        key = f"map-{scheme} {page.link(sort='')}"
        found = made(SVG, make()) if page.filters.q else published.kept.get(key, SVG, make)
        return answer(found, policy=NO_SCRIPT)

    def all_events() -> Response:
        published = publications.current()
        return _page(published, "feed", lambda: feed(published, None), ATOM)

    def moved() -> Answer:
        response = redirect("/", 308)
        response.headers["Vary"] = "Accept"  # programs may get JSON here, see web/api/router.py
        return response

    _add(views, "/", "network", network)
    for module in MODULE_PAGES:
        _add(views, f"/{module}", f"network_{module}", network, defaults={"module": module}, strict_slashes=False)
    _add(views, "/mirrors", "mirrors", moved, strict_slashes=False)
    _add(views, "/mirrors/map-<any(light, dark):scheme>.svg", "map", map_)
    add_shared(views, "/mirrors/feed.atom", "feed", all_events)


def _add_service(views: Blueprint, publications: Publications) -> None:
    def status() -> Response:
        published = publications.current()
        return _page(published, "/status", lambda: html("status.html", **common(published, "/status"),
                                                        **_status(published), jobs=publications.jobs()))  # fmt: skip

    def join() -> Response:
        published = publications.current()
        return _page(published, "/join", lambda: html("join.html", **common(published, "/join"),
                                                      **join_page(published.service)))  # fmt: skip

    def prober() -> Response:
        published = publications.current()
        run = next((run for run in published.network.runs if run.requests and run.mirrors), None)
        return _page(published, "/prober", lambda: html("prober.html", **common(published, "/prober"), run=run))

    def stats() -> Response:
        published = publications.current()
        return _page(published, "/stats", lambda: html("stats.html", **common(published, "/stats"),
                                                       **stats_page(published)))  # fmt: skip

    _add(views, "/stats", "stats", stats, strict_slashes=False)
    _add(views, "/status", "status", status, strict_slashes=False)
    _add(views, "/join", "join", join, strict_slashes=False)
    _add(views, "/prober", "prober", prober, strict_slashes=False)


def _status(published: Published) -> dict[str, Any]:
    mirrors, facts = published.network.mirrors, published.snapshot.facts
    day = facts.places_built_on
    age = 0.0 if day is None else facts.built_at - datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()
    pace = pace_of([(run.number, run.started_at) for run in published.network.runs], published.now)
    return {
        "runs": published.network.runs,
        "states": published.states,
        "announced": [mirror for mirror in mirrors if mirror.state is MirrorState.SOON],
        "leaving": [mirror for mirror in mirrors if mirror.status.value == "retiring"],
        "paused": [mirror for mirror in mirrors if mirror.state is MirrorState.PAUSED],
        "out": [mirror for mirror in mirrors if mirror.state is MirrorState.OUT],
        "events": event_rows((event for event in published.network.events if not event.path), MOST_EVENTS),
        "repositories": len(facts.metadata),
        "origin_faults": published.network.origin_faults,
        "spreads": spread_rows(published.network.spreads, published.now),
        "ages": [*AGES],
        "sources": published.network.sources,
        "origin_changed_at": published.network.origin_changed_at,
        "asns_built_on": facts.asns_built_on,
        "places_built_on": day,
        "old_tables": age > 365 * 86_400,
        "downloads": facts.downloads,
        "databases": published.service.geo.databases or facts.downloads,
        "rungs": published.network.rungs,
        "commit": published.network.commit,
        "indexes": {
            module: (len(index), index.facts.listed_at, index.facts.remarks)
            for module, index in published.snapshot.files.items()
        },
        "committed_at": facts.committed_at,
        "behind": facts.behind,
        "behind_since": facts.behind_since,
        "checked_at": max((mirror.checked_at or 0.0 for mirror in mirrors), default=0.0) or None,
        "next_run": pace.next_at if pace else None,
        "kinds": _kinds(facts),
    }


def _kinds(facts: Facts) -> dict[str, tuple[int, int]]:
    """By kind of content how much of it was compared with the origin on some mirror, and how much there is."""
    found: dict[str, tuple[int, int]] = {}
    for content in published_contents(facts.service.catalogue):
        compared, every = found.get(content.kind, (0, 0))
        found[content.kind] = compared + any(facts.health.holds.get(content.key, b"")), every + 1
    return found


def _add_mirrors(views: Blueprint, publications: Publications) -> None:
    def mirror(name: str) -> Response:
        published = publications.current()
        found = published.mirror(name)
        return _page(published, f"/mirrors/{name}", lambda: html("mirror.html", **common(published, "/mirrors"),
                                                                 **mirror_page(published, found)))  # fmt: skip

    def badge(name: str) -> Response:
        published = publications.current()
        found = published.by_name.get(name.lower()) or published.mirror(name.replace("_", "."))
        drawn = svg.state_badge(published.service.name, found.state)
        return answer(made(SVG, drawn), max_age=120, policy=NO_SCRIPT)

    def logo(name: str) -> Response:
        published = publications.current()
        return _picture(published, published.mirror(name).name)

    def events(name: str) -> Response:
        published = publications.current()
        found = published.mirror(name)
        return _page(published, f"feed/{name}", lambda: feed(published, found), ATOM)

    def months(name: str) -> Response:
        published, asked_for = publications.current(), asked().get("month")
        values = sponsor_page(published, published.mirror(name), asked_for)
        return answer(made(HTML, html("sponsor.html", **common(published, "/mirrors"), **values)))

    def months_csv(name: str) -> Response:
        published = publications.current()
        return answer(made(CSV, sponsor_csv(published, published.mirror(name))))

    def months_badge(name: str) -> Response:
        published = publications.current()
        found = published.by_name.get(name.lower()) or published.mirror(name.replace("_", "."))
        drawn = by_name(lambda: sponsor_badge(published, found))
        return answer(made(SVG, drawn), max_age=3600, policy=NO_SCRIPT)

    _add(views, "/mirrors/<name>/stats", "months", months, strict_slashes=False)
    add_shared(views, "/mirrors/<name>/stats.csv", "months_csv", months_csv)
    add_shared(views, "/mirrors/<name>/stats.svg", "months_badge", months_badge)
    _add(views, "/mirrors/<name>", "mirror", mirror, strict_slashes=False)
    add_shared(views, "/mirrors/<name>.svg", "badge", badge)
    _add(views, "/mirrors/<name>/logo", "logo", logo)
    add_shared(views, "/mirrors/<name>/feed.atom", "mirror_feed", events)


def _add_asked(views: Blueprint, publications: Publications, country_of: CountryOf, clock: Callable[[], float]) -> None:
    def yours() -> Response:
        published = publications.current()
        values = yours_page(published, country_of, clock())
        return private(HTML, html("yours.html", **common(published, "/yours"), **values), values["status"])

    def isos(module: str | None = None) -> Response:
        published = publications.current()
        others = other_modules(published) if module is None else {}
        values = {"releases": releases(published, module), "module": module, "others": others, "paged": MODULE_PAGES}
        return _page(published, f"/isos/{module}", lambda: html("isos.html", **common(published, "/isos"), **values))

    def images(arch: str, version: str, module: str | None = None) -> Response:
        published = publications.current()
        values = images_page(published, country_of, clock(), arch, version.removesuffix(".html"), module)
        return private(HTML, html("images.html", **common(published, "/isos"), **values))

    _add(views, "/yours", "yours", yours, strict_slashes=False)
    for module in (None, *MODULE_PAGES):
        start, name = (f"/{module}", f"_{module}") if module else ("", "")
        for rule, view in (("/isos", isos), ("/isos.html", isos), ("/isos/<arch>/<version>", images)):
            end = "_html" if rule.endswith(".html") else ""
            given = {"module": module}
            _add(views, start + rule, view.__name__ + name + end, view, defaults=given, strict_slashes=False)
