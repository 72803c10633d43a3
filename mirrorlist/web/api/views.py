"""The API: the public record for programs, and the reasons of a selection. Described in /openapi.json and at /api.

Web pages of others may read what is public (CORS, https://fetch.spec.whatwg.org/#http-cors-protocol). What a page of
another site reads through somebody's browser is the public answer, so that it learns of no private mirror.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import parse_qsl, urlencode

import msgspec
from flask import Blueprint, Response, request

from mirrorlist.core.errors import BadRequest, NotFound
from mirrorlist.core.network.prefixes import packed
from mirrorlist.core.selection.client import CountryOf
from mirrorlist.sources.yaml.schema_messages import did_you_mean
from mirrorlist.web.api import openapi, types
from mirrorlist.web.api.fields import TIMES
from mirrorlist.web.api.openapi import HOST, LATEST, MOST_EVENTS, MOST_ROWS, TEXT
from mirrorlist.web.rendering import html
from mirrorlist.web.responses import HTML, JSON, add_shared, answer, made, private
from mirrorlist.web.site.network import filters
from mirrorlist.web.site.published import Publications, Published, common
from mirrorlist.web.site.yours import explained, question_of
from mirrorlist.web.words import iso

_NUMBER = re.compile("[0-9]{1,13}", re.ASCII)
_HOSTS = re.compile(f"{HOST}(,{HOST}){{0,9}}", re.ASCII), "hosts of mirrors such as mirror.example.org"
_SHAPES = {
    "arch": (re.compile("[A-Za-z0-9_]{1,32}", re.ASCII), "an architecture such as x86_64"),
    "protocol": (re.compile("https?"), "https or http"),
    "ipv": (re.compile("[46]"), "4 or 6"),
    "country": (re.compile("-?[A-Za-z]{2}(,-?[A-Za-z]{2}){0,9}", re.ASCII), "two-letter codes such as DE,AT or -DE"),
    "avoid_country": (re.compile("[A-Za-z]{2}(,[A-Za-z]{2}){0,9}", re.ASCII), "two-letter codes such as DE,AT"),
    "avoid": _HOSTS,
    "only": _HOSTS,
}


def api(publications: Publications, country_of: CountryOf, clock: Callable[[], float] = time.time) -> Blueprint:
    """The views under /api, and what programs ask for beside them."""
    views = Blueprint("api", __name__)

    def kept(content_type: str, make: Callable[[Published], bytes]) -> Callable[[], Response]:
        def view() -> Response:
            published = publications.current()
            return answer(published.kept.get(request.path.rstrip("/"), content_type, lambda: make(published)))

        return view

    def selection() -> Response:
        published = publications.current()
        question = question_of(published, urlencode(_selection_asked()))
        if "Origin" in request.headers:
            question = replace(question, query=replace(question.query, networks=False))
        return private(JSON, encoded(explained(published, question, country_of, clock())))

    def people(published: Published) -> bytes:
        document = openapi.document(published.service, published.modules)
        return html("api.html", **common(published, "/api"), document=document)

    views_by_rule: Mapping[str, Callable[..., Response]] = {
        "/api": kept(HTML, people),
        "/api/v1/selection": selection,
        "/api/v1/mirrors.geojson": kept(types.GEOJSON, lambda found: types.geojson(found.network.mirrors)),
        "/api/v1/propagation": kept(JSON, lambda found: encoded(types.propagation(found))),
        "/api/v1/statistics": kept(JSON, lambda found: encoded(types.statistics(found))),
        "/mirrors.json": kept(JSON, types.router_servers),
        "/mirrors.txt": kept(TEXT, types.plain_text),
        "/openapi.json": kept(JSON, lambda found: msgspec.json.encode(openapi.document(found.service, found.modules))),
        **_record_views(publications),
    }
    for rule, view in views_by_rule.items():
        checked = _strict(rule, view) if rule.startswith("/api") else view
        add_shared(views, rule, rule.strip("/").replace(".", "_"), checked, strict_slashes=False)
    return views


def _strict(rule: str, view: Callable[..., Response]) -> Callable[..., Response]:
    """The view, for requests whose parameters are known to it and given once."""
    path = re.sub("<(.*?)>", r"{\1}", rule)

    def strict(**arguments: str) -> Response:
        known = openapi.query_names(path) if rule != "/api" else ("lang",)
        for name in _asked():
            if name not in known:
                near = did_you_mean(name, known)
                remedy = f"did you mean {near}?" if near else f"known: {', '.join(known)}" if known else "leave it out"
                raise BadRequest(f"the parameter {_shown(name)} is unknown here; {remedy}")
        return view(**arguments)

    return strict


def _shown(name: str) -> str:
    """The name of a parameter in a message; one that is no plain word is not repeated."""
    return name if re.fullmatch("[A-Za-z0-9_.-]{1,40}", name, re.ASCII) else "with this name"


def _record_views(publications: Publications) -> dict[str, Callable[..., Response]]:
    def mirrors() -> Response:
        published = publications.current()
        given = _asked()
        page = _page(given)
        found = [*filter(filters(published, given).fits, published.network.mirrors)]

        def make() -> bytes:
            return encoded(types.MirrorsAnswer(**_data(published), total=len(found), mirrors=tuple(found[page])))

        if not given:
            return answer(published.kept.get("/api/v1/mirrors", JSON, make))
        return _linked(answer(made(JSON, make())), given, page, len(found))

    def mirror(name: str) -> Response:
        published = publications.current()
        one, detail = published.mirror(name), published.detail(name)
        found = types.MirrorAnswer(
            **_data(published),
            mirror=one,
            checks=detail.checks,
            upstream=detail.upstream,
            limits=detail.limits,
        )
        return answer(made(JSON, encoded(found)))

    def history(name: str) -> Response:
        published = publications.current()
        return answer(made(JSON, encoded(types.history(published, published.mirror(name)))))

    def counts() -> Response:
        published = publications.current()
        found = types.CountsAnswer(**_data(published), counts=published.network.statistics)
        return answer(published.kept.get("/api/v1/counts", JSON, lambda: encoded(found)))

    def mirror_counts(name: str) -> Response:
        published = publications.current()
        months = published.months(published.mirror(name))
        return answer(made(JSON, encoded(types.MirrorCountsAnswer(**_data(published), name=name, months=months))))

    def repositories() -> Response:
        published, given = publications.current(), _asked()
        page = _page(given)
        if not given:
            return answer(
                published.kept.get("/api/v1/repositories", JSON, lambda: encoded(types.repositories(published, page)))
            )
        found = types.repositories(published, page)
        return _linked(answer(made(JSON, encoded(found))), given, page, found.total)

    def changes() -> Response:
        published = publications.current()
        given = _asked()
        page = _page(given, 100, MOST_EVENTS)
        one = published.mirror(given["mirror"]) if "mirror" in given else None
        found = types.changes(published, _number(given, "since", 0, 0, LATEST), one, page)
        return _linked(answer(made(JSON, encoded(found))), given, page, found.total)

    return {
        "/api/v1/mirrors": mirrors,
        "/api/v1/mirrors/<name>": mirror,
        "/api/v1/mirrors/<name>/history": history,
        "/api/v1/mirrors/<name>/counts": mirror_counts,
        "/api/v1/counts": counts,
        "/api/v1/repositories": repositories,
        "/api/v1/changes": changes,
    }


def _data(published: Published) -> dict[str, Any]:
    return {"generation": published.snapshot.facts.generation, "built_at": published.now}


def _asked() -> dict[str, str]:
    """The parameters. Empty and repeated ones, which pages ignore, are errors here.

    Raises:
        BadRequest: one is empty or repeated, or there are more than 100.
    """
    try:
        pairs = parse_qsl(request.query_string.decode("latin-1"), keep_blank_values=True, max_num_fields=100)
    except ValueError:
        raise BadRequest("more than 100 parameters") from None
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise BadRequest(f"the parameter {_shown(next(each for each in names if names.count(each) > 1))} is given "
                         "more than once; write it once")  # fmt: skip
    for name, value in found.items():
        if not value:
            raise BadRequest(f"the parameter {_shown(name)} is empty; leave it out or give it a value")
    return found


def _page(given: Mapping[str, str], otherwise: int = LATEST, most: int = MOST_ROWS) -> slice:
    """The rows that ``limit`` and ``offset`` name; raises as ``_number``."""
    offset = _number(given, "offset", 0, 0, LATEST)
    return slice(offset, offset + _number(given, "limit", otherwise, 1, most))


def _linked(response: Response, given: Mapping[str, str], page: slice, total: int) -> Response:
    """The response with links to the pages beside it (RFC 8288)."""
    size = page.stop - page.start
    beside = {
        "first": 0 if page.start else None,
        "prev": max(0, page.start - size) if page.start else None,
        "next": page.stop if page.stop < total else None,
    }
    links = [
        f'<{request.path}?{urlencode({**given, "offset": offset})}>; rel="{name}"'
        for name, offset in beside.items()
        if offset is not None
    ]
    if links:
        response.headers["Link"] = ", ".join(links)
    return response


def _number(given: Mapping[str, str], name: str, otherwise: int, least: int, most: int) -> int:
    text = given.get(name)
    if text is None:
        return otherwise
    if not _NUMBER.fullmatch(text) or not least <= int(text) <= most:
        raise BadRequest(f"the parameter {name} is malformed; write a whole number from {least} to {most}")
    return int(text)


def _selection_asked() -> dict[str, str]:
    """The parameters of a selection, each of the shape that is described."""
    asked = _asked()
    if "repo" not in asked:
        raise BadRequest("the parameter repo is missing; write ?repo=baseos-9&arch=x86_64")
    for name, (shape, remedy) in _SHAPES.items():
        if name in asked and not shape.fullmatch(asked[name]):
            raise BadRequest(f"the parameter {name} is malformed; write {remedy}")
    if "ip" in asked and packed(asked["ip"]) is None:
        raise BadRequest("the parameter %(name)s is malformed; write an IPv4 or IPv6 address", name="ip")
    return asked


# How answers are written: each time in ISO 8601 beside its seconds.

_PLAIN = frozenset({str, int, float, bool, type(None)})


@cache
def _layout(kind: type) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The fields of an answer's type, and those of them that are times."""
    names = tuple(each.name for each in fields(kind))
    return names, tuple(name for name in names if name in TIMES)


def encoded(found: object) -> bytes:
    """The answer as JSON; each time that ``fields.py`` names has a companion in ISO 8601."""
    return msgspec.json.encode(with_iso(found))


def with_iso(value: Any) -> Any:
    """The answer as plain values, with these companions."""
    if type(value) in _PLAIN:
        return value
    if is_dataclass(value) and not isinstance(value, type):
        names, times = _layout(type(value))
        written = {name: with_iso(getattr(value, name)) for name in names}
        return written | {f"{name}_iso": None if written[name] is None else iso(written[name]) for name in times}
    if isinstance(value, (tuple, list)):
        return [with_iso(each) for each in value]
    return {key: with_iso(each) for key, each in value.items()} if isinstance(value, Mapping) else value


# The JSON Schemas of mirror and service files at the path of their ``$id``, for editors and other programs.

NAMES = ("mirror.json", "service.json")
CONTENT_TYPE = "application/schema+json"
FRESH_SECONDS = 3600


def schemas() -> Blueprint:
    """The views under /schemas. They are the same for everybody, so anything may keep them and any page read them."""
    views = Blueprint("schemas", __name__)

    def schema(name: str) -> Response:
        if name not in NAMES:
            raise NotFound(f"there is no schema {name}; there are {' and '.join(NAMES)}")
        body, etag = _file(name)
        response = Response(body, content_type=CONTENT_TYPE)
        response.set_etag(etag)
        response.headers["Cache-Control"] = f"public, max-age={FRESH_SECONDS}"
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.make_conditional(request.environ)
        return response

    add_shared(views, "/schemas/<name>", "schema", schema)
    return views


@cache
def _file(name: str) -> tuple[bytes, str]:
    """The bytes of a packaged schema, and its ETag."""
    body = files("mirrorlist").joinpath("schemas", name).read_bytes()
    return body, hashlib.sha256(body).hexdigest()[:32]
