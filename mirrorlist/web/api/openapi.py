"""Generate the description of the API (OpenAPI 3.1) from its answer types and a table of operations."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec
from flask import Blueprint, Response, request

from mirrorlist import __version__
from mirrorlist.core.catalogue.service import Service
from mirrorlist.core.errors import NotFound
from mirrorlist.core.model import WEB_PROTOCOLS, Protocol
from mirrorlist.core.public.types import MirrorState
from mirrorlist.core.selection.explanation import Explanation
from mirrorlist.web.api.types import (
    GEOJSON,
    ChangesAnswer,
    HistoryAnswer,
    MirrorAnswer,
    MirrorsAnswer,
    PropagationAnswer,
    RepositoriesAnswer,
    RouterServer,
    StatisticsAnswer,
)
from mirrorlist.web.responses import JSON, PROBLEM, Problem

Schema = dict[str, Any]
LATEST = 10**12
MOST_EVENTS = 500


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of an operation."""

    name: str
    told: str
    schema: Schema
    where: str = "query"
    required: bool = False


@dataclass(frozen=True, slots=True)
class Operation:
    """One GET: its path, its purpose, its parameters and its answer."""

    path: str
    name: str
    told: str
    answer: Any
    parameters: tuple[Parameter, ...] = ()
    content_type: str = JSON
    faults: tuple[int, ...] = ()


def _enum(values: Any) -> Schema:
    return {"type": "string", "enum": list(values)}


NAME = Parameter(
    "name", "The name of a mirror.", {"type": "string", "minLength": 1, "maxLength": 253}, "path", required=True
)
COUNTRY = {"type": "string", "pattern": "^[A-Za-z]{2}$", "examples": ["DE"]}
GEO: Schema = {
    "type": "object",
    "required": ["type", "features"],
    "properties": {
        "type": {"const": "FeatureCollection"},
        "features": {"type": "array", "items": {"type": "object", "required": ["type", "geometry", "properties"]}},
    },
}


HOST = "[A-Za-z0-9]([A-Za-z0-9._-]{0,98}[A-Za-z0-9])?"
SELECTION_ASKED = (
    Parameter("repo", "The repository and the version, as in baseos-9.",
              {"type": "string", "minLength": 1, "maxLength": 200}, required=True),
    Parameter("arch", "The architecture; without it the client fills it in.",
              {"type": "string", "pattern": "^[A-Za-z0-9_]{1,32}$"}),
    Parameter("protocol", "Only this protocol.", _enum(each.value for each in WEB_PROTOCOLS)),
    Parameter("country", "Only mirrors in these countries; with a minus: in none of these.",
              {"type": "string", "pattern": "^-?[A-Za-z]{2}(,-?[A-Za-z]{2}){0,9}$"}),
    Parameter("avoid_country", "No mirrors in these countries.",
              {"type": "string", "pattern": "^[A-Za-z]{2}(,[A-Za-z]{2}){0,9}$"}),
    Parameter("avoid", "Not these mirrors, by host.", {"type": "string", "pattern": f"^{HOST}(,{HOST}){{0,9}}$"}),
    Parameter("only", "Only these mirrors, by host.", {"type": "string", "pattern": f"^{HOST}(,{HOST}){{0,9}}$"}),
    Parameter("ip", "The public answer for another address.",
              {"type": "string", "anyOf": [{"format": "ipv4"}, {"format": "ipv6"}]}),
)  # fmt: skip
CHANGES_ASKED = (
    Parameter("since", "After this time, in seconds since 1970.",
              {"type": "integer", "minimum": 0, "maximum": LATEST, "default": 0}),
    Parameter("mirror", "To this mirror.", {"type": "string", "minLength": 1, "maxLength": 253}),
    Parameter("limit", "Maximum number of changes.",
              {"type": "integer", "minimum": 1, "maximum": MOST_EVENTS, "default": 100}),
)  # fmt: skip


def operations(modules: Sequence[str]) -> tuple[Operation, ...]:
    """Everything that the API answers; ``modules`` are the service's."""
    return (
        Operation(
            "/api/v1/mirrors", "mirrors", "The public mirrors, by name.", MirrorsAnswer,
            (
                Parameter("country", "Only mirrors in this country.", COUNTRY),
                Parameter("protocol", "Only mirrors that offer this.", _enum(each.value for each in Protocol)),
                Parameter("module", "Only mirrors that carry this module.", _enum(modules)),
                Parameter("state", "Only mirrors in this state.", _enum(each.value for each in MirrorState)),
            ),
            faults=(400,),
        ),
        Operation("/api/v1/mirrors.geojson", "geojson", "The mirrors of known place.", GEO, content_type=GEOJSON),
        Operation(
            "/api/v1/mirrors/{name}", "mirror", "One mirror and its health.", MirrorAnswer, (NAME,), faults=(404,)
        ),
        Operation(
            "/api/v1/mirrors/{name}/history", "history", "The last 30 days of a mirror.", HistoryAnswer, (NAME,),
            faults=(404,),
        ),
        Operation(
            "/api/v1/selection", "selection",
            "Which mirrors somebody gets, in which order and why, and why not the others.", Explanation,
            SELECTION_ASKED, faults=(400, 404),
        ),
        Operation(
            "/api/v1/repositories", "repositories", "The repositories that clients can request.", RepositoriesAnswer,
        ),
        Operation(
            "/api/v1/changes", "changes", "What happened to mirrors.", ChangesAnswer, CHANGES_ASKED, faults=(400, 404),
        ),
        Operation("/api/v1/propagation", "propagation", "How changes of the origin spread.", PropagationAnswer),
        Operation("/api/v1/statistics", "statistics", "Numbers of mirrors.", StatisticsAnswer),
        Operation("/mirrors.json", "router", "The mirrors in the layout of armbian-router.", list[RouterServer]),
    )  # fmt: skip


def document(service: Service, modules: Sequence[str]) -> Schema:
    """The whole description, for the service of a distribution."""
    described = operations(modules)
    types = [operation.answer for operation in described if not isinstance(operation.answer, dict)]
    schemas, components = msgspec.json.schema_components([*types, Problem], ref_template="#/components/schemas/{name}")
    problem = schemas[-1]
    found = iter(schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": f"{service.name} mirrors",
            "version": __version__,
            "description": "The public record of the mirrors. Lists, pages and this are made from the same data.",
        },
        **({"servers": [{"url": service.site.url.rstrip("/")}]} if service.site.url else {}),
        "paths": {
            operation.path: {
                "get": _described(
                    operation, operation.answer if isinstance(operation.answer, dict) else next(found), problem
                )
            }
            for operation in described
        },
        "components": {"schemas": components},
    }


def _described(operation: Operation, answer: Schema, problem: Schema) -> Schema:
    responses: Schema = {
        "200": {"description": operation.told, "content": {operation.content_type: {"schema": answer}}}
    }
    told = {400: "A parameter is malformed.", 404: "There is no such thing.", 503: "There is no data yet."}
    for status in (*operation.faults, 503):
        responses[str(status)] = {"description": told[status], "content": {PROBLEM: {"schema": problem}}}
    return {
        "operationId": operation.name,
        "summary": operation.told,
        "parameters": [
            {
                "name": each.name,
                "in": each.where,
                "required": each.required,
                "description": each.told,
                "schema": each.schema,
            }
            for each in operation.parameters
        ],
        "responses": responses,
    }


# The JSON Schemas of mirror and service files at the path of their ``$id``, for editors and other programs.

NAMES = ("mirror.json", "service.json")
CONTENT_TYPE = "application/schema+json"
FRESH_SECONDS = 3600


def schemas() -> Blueprint:
    """The views under /schemas. They are the same for everybody, so anything may keep them and any page read them."""
    views = Blueprint("schemas", __name__)

    @views.get("/schemas/<name>")
    def schema(name: str) -> Response:
        if name not in NAMES:
            raise NotFound(f"there is no schema {name}; there are {' and '.join(NAMES)}")
        body, etag = _file(name)
        response = Response(body, content_type=CONTENT_TYPE)
        response.set_etag(etag)
        response.headers["Cache-Control"] = f"public, max-age={FRESH_SECONDS}"
        response.headers["Access-Control-Allow-Origin"] = "*"
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.make_conditional(request.environ)
        return response

    return views


@cache
def _file(name: str) -> tuple[bytes, str]:
    """The bytes of a packaged schema, and its ETag."""
    body = files("mirrorlist").joinpath("schemas", name).read_bytes()
    return body, hashlib.sha256(body).hexdigest()[:32]
