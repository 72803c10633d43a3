"""The API: the public record for programs, and the reasons of a selection. Described in /openapi.json."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

import msgspec
from flask import Blueprint, Response, request

from mirrorlist.core.errors import BadRequest
from mirrorlist.core.network.prefixes import packed
from mirrorlist.core.selection.client import CountryOf
from mirrorlist.web.api import openapi, types
from mirrorlist.web.api.openapi import HOST, LATEST, MOST_EVENTS
from mirrorlist.web.responses import JSON, answer, made, private
from mirrorlist.web.site.network import FILTERS, filters
from mirrorlist.web.site.parameters import explained, question_of, values_of
from mirrorlist.web.site.published import Publications, Published

TEXT = "text/plain; charset=utf-8"
_NUMBER = re.compile("[0-9]{1,13}", re.ASCII)
_SELECTION = ("repo", "arch", "protocol", "country", "avoid_country", "avoid", "only", "ip")
_HOSTS = re.compile(f"{HOST}(,{HOST}){{0,9}}", re.ASCII), "hosts of mirrors such as mirror.example.org"
_SHAPES = {
    "arch": (re.compile("[A-Za-z0-9_]{1,32}", re.ASCII), "an architecture such as x86_64"),
    "protocol": (re.compile("https?"), "https or http"),
    "country": (re.compile("-?[A-Za-z]{2}(,-?[A-Za-z]{2}){0,9}", re.ASCII), "two-letter codes such as DE,AT or -DE"),
    "avoid_country": (re.compile("[A-Za-z]{2}(,[A-Za-z]{2}){0,9}", re.ASCII), "two-letter codes such as DE,AT"),
    "avoid": _HOSTS,
    "only": _HOSTS,
}


def api(publications: Publications, country_of: CountryOf, clock: Callable[[], float] = time.time) -> Blueprint:
    """The views under /api/v1, and what programs ask for beside them."""
    views = Blueprint("api", __name__)

    def kept(content_type: str, make: Callable[[Published], bytes]) -> Callable[[], Response]:
        def view() -> Response:
            published = publications.current()
            return answer(published.kept.get(request.path, content_type, lambda: make(published)))

        return view

    def selection() -> Response:
        published = publications.current()
        question = question_of(published, urlencode(_selection_asked()))
        return private(JSON, msgspec.json.encode(explained(published, question, country_of, clock())))

    views_by_rule: Mapping[str, Callable[..., Response]] = {
        "/api/v1/selection": selection,
        "/api/v1/mirrors.geojson": kept(types.GEOJSON, lambda found: types.geojson(found.network.mirrors)),
        "/api/v1/repositories": kept(JSON, lambda found: msgspec.json.encode(types.repositories(found))),
        "/api/v1/propagation": kept(JSON, lambda found: msgspec.json.encode(types.propagation(found))),
        "/api/v1/statistics": kept(JSON, lambda found: msgspec.json.encode(types.statistics(found))),
        "/mirrors.json": kept(JSON, types.router_servers),
        "/mirrors.txt": kept(TEXT, types.plain_text),
        "/openapi.json": kept(JSON, lambda found: msgspec.json.encode(openapi.document(found.service, found.modules))),
        **_mirror_views(publications),
    }
    for rule, view in views_by_rule.items():
        views.add_url_rule(rule, rule.strip("/").replace(".", "_"), view, provide_automatic_options=False)
    return views


def _mirror_views(publications: Publications) -> dict[str, Callable[..., Response]]:
    def mirrors() -> Response:
        published = publications.current()
        given = {name: value for name in FILTERS if (value := _one(name)) is not None}
        asked = filters(published, given)
        found = types.MirrorsAnswer(
            **_data(published), mirrors=tuple(filter(asked.fits, published.network.mirrors))
        )  # fmt: skip
        if not given:
            return answer(published.kept.get("/api/v1/mirrors", JSON, lambda: msgspec.json.encode(found)))
        return answer(made(JSON, msgspec.json.encode(found)))

    def mirror(name: str) -> Response:
        published = publications.current()
        one = published.mirror(name)
        found = types.MirrorAnswer(
            **_data(published),
            mirror=one,
            checks=published.detail(name).checks,
            upstream=published.detail(name).upstream,
        )
        return answer(made(JSON, msgspec.json.encode(found)))

    def history(name: str) -> Response:
        published = publications.current()
        return answer(made(JSON, msgspec.json.encode(types.history(published, published.mirror(name)))))

    def changes() -> Response:
        published = publications.current()
        name = _one("mirror")
        found = types.changes(
            published,
            _number("since", 0, 0, LATEST),
            published.mirror(name) if name is not None else None,
            _number("limit", 100, 1, MOST_EVENTS),
        )
        return answer(made(JSON, msgspec.json.encode(found)))

    return {
        "/api/v1/mirrors": mirrors,
        "/api/v1/mirrors/<name>": mirror,
        "/api/v1/mirrors/<name>/history": history,
        "/api/v1/changes": changes,
    }


def _data(published: Published) -> dict[str, Any]:
    return {"generation": published.snapshot.facts.generation, "built_at": published.now}


def _one(name: str) -> str | None:
    """A parameter, or None. Empty and repeated values, which pages ignore, are errors here.

    Raises:
        BadRequest: it is empty or repeated.
    """
    values = values_of(name)
    if len(values) > 1:
        raise BadRequest(f"{name} is given more than once; write it once")
    if values == [""]:
        raise BadRequest(f"{name} is empty; leave it out or give it a value")
    return values[0] if values else None


def _number(name: str, otherwise: int, least: int, most: int) -> int:
    text = _one(name)
    if text is None:
        return otherwise
    if not _NUMBER.fullmatch(text) or not least <= int(text) <= most:
        raise BadRequest(f"{name} is malformed; write a whole number from {least} to {most}")
    return int(text)


def _selection_asked() -> dict[str, str]:
    """The parameters of a selection, each of the shape that is described."""
    asked = {name: value for name in _SELECTION if (value := _one(name)) is not None}
    if "repo" not in asked:
        raise BadRequest("the parameter repo is missing; write ?repo=baseos-9&arch=x86_64")
    for name, (shape, remedy) in _SHAPES.items():
        if name in asked and not shape.fullmatch(asked[name]):
            raise BadRequest(f"{name} is malformed; write {remedy}")
    if "ip" in asked and packed(asked["ip"]) is None:
        raise BadRequest("ip is malformed; write an IPv4 or IPv6 address")
    return asked
