"""Answer what armbian-router answers beside redirects, for trees with ``router: armbian-router`` in service.yml.

These are ``/mirrors`` by continent, ``/mirrors.json``, ``/mirrors/HOST.svg``, ``/geoip``, ``/dl_map`` and ``/status``.
A tree with a host of its own has them all there. One of every host adds those that the service has no other answer for:
its pages stay, so ``/mirrors`` goes by the Accept header.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from flask import Blueprint, Response, request
from werkzeug.exceptions import MethodNotAllowed
from werkzeug.http import parse_accept_header

from mirrorlist.core.catalogue.service import Service
from mirrorlist.core.catalogue.trees import RedirectTree, host_name, is_of_router
from mirrorlist.core.model import ClientPlace
from mirrorlist.core.selection.client import CountryOf
from mirrorlist.sources.places.countries import NAMES, read_countries
from mirrorlist.web.api.types import router_regions, router_servers
from mirrorlist.web.lists.views import asking
from mirrorlist.web.responses import JSON, SVG, answer, made, private
from mirrorlist.web.site import svg
from mirrorlist.web.site.published import Publications, Published

METHODS = ("GET", "HEAD")
BESIDE_PAGES = frozenset({"mirrors", "geoip", "dl_map"})
"""What a tree of every host adds; the service has the others already."""
TEXT = "text/plain; charset=utf-8"
NO_SCRIPT = "default-src 'none'; sandbox"


def router(publications: Publications, country_of: CountryOf) -> Blueprint:
    """Answers these addresses before any other view is looked for."""
    views = Blueprint("router", __name__)

    @views.before_app_request
    def answer_router() -> Response | None:
        path = request.environ["PATH_INFO"].strip("/")
        if not is_of_router(path):
            return None
        published = publications.current()
        tree = tree_of(published.service, request.environ.get("HTTP_HOST", ""), path)
        if tree is None:
            return None
        if request.method not in METHODS:
            raise MethodNotAllowed(valid_methods=METHODS)
        if path == "geoip":
            client = asking(published.snapshot, country_of)
            return private(JSON, msgspec.json.encode(place_record(client.place)) + b"\n")
        return ANSWERS.get(path, _badge)(published, tree)

    return views


def tree_of(service: Service, host: str, path: str) -> RedirectTree | None:
    """The tree whose router answers a path at a host, None where the service itself does."""
    trees = [tree for tree in service.trees if tree.router]
    own = next((tree for tree in trees if tree.host == host_name(host)), None)
    if own is not None:
        return own
    shared = next((tree for tree in trees if tree.host is None), None)
    if shared is None or path not in BESIDE_PAGES:
        return None
    if path == "mirrors":  # which is a page's address, too
        accepted = parse_accept_header(request.headers.get("Accept", "")[:1000])
        if any(kind.lower().startswith("text/html") for kind, _ in accepted):
            return None
    return shared


def place_record(place: ClientPlace) -> dict[str, Any]:
    """Where a client is, in the layout of MaxMind's record of a city; empty values where that is not known."""
    country = read_countries().by_code.get(place.country or "")
    continent = country.continent if country else ""
    record: dict[str, Any] = {
        "continent": {"code": continent, "names": {"en": NAMES[continent][0]} if continent else {}},
        "country": {"iso_code": place.country or "", "names": {"en": country.name} if country else {}},
    }
    if place.latitude is not None and place.longitude is not None:
        record["location"] = {"latitude": round(place.latitude, 1), "longitude": round(place.longitude, 1)}
    return record


View = Callable[[Published, RedirectTree], Response]


def _kept(content_type: str, make: Callable[[Published, RedirectTree], bytes]) -> View:
    def view(published: Published, tree: RedirectTree) -> Response:
        key = f"router/{tree.host}{tree.prefix}{request.path}"
        response = answer(published.kept.get(key, content_type, lambda: make(published, tree)))
        response.headers["Vary"] = "Accept, Accept-Encoding"
        return response

    return view


def _badge(published: Published, _: RedirectTree) -> Response:
    name = request.environ["PATH_INFO"].rpartition("/")[2].removesuffix(".svg")
    found = published.by_name.get(name.lower()) or published.mirror(name.replace("_", "."))
    drawn = svg.state_badge(published.service.name, found.state)
    return answer(made(SVG, drawn), max_age=120, policy=NO_SCRIPT)


ANSWERS: Mapping[str, View] = {
    "mirrors": _kept(JSON, lambda published, tree: router_regions(published, tree.module)),
    "mirrors.json": _kept(JSON, lambda published, tree: router_servers(published, tree.module)),
    "dl_map": _kept(JSON, lambda _, tree: msgspec.json.encode(tree.names)),
    "status": lambda *_: private(TEXT, b"OK"),
}
