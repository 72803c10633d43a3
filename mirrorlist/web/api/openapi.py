"""Generate the description of the API (OpenAPI 3.1) from its answer types and a table of operations.

``fields.py`` has the words on each field. The page /api shows the same document to people.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import msgspec

from mirrorlist import __version__
from mirrorlist.core.catalogue.service import Service
from mirrorlist.core.model import WEB_PROTOCOLS, Protocol
from mirrorlist.core.public.types import MirrorState
from mirrorlist.core.selection.explanation import Explanation
from mirrorlist.formats.registry import LISTS, METALINKS
from mirrorlist.web.api.fields import MOMENT_ISO, TIMES, row_of
from mirrorlist.web.api.types import (
    GEOJSON,
    ChangesAnswer,
    CountsAnswer,
    GeoJSON,
    HistoryAnswer,
    MirrorAnswer,
    MirrorCountsAnswer,
    MirrorsAnswer,
    PropagationAnswer,
    RepositoriesAnswer,
    RouterServer,
    StatisticsAnswer,
)
from mirrorlist.web.responses import CSV, HTML, JSON, PROBLEM, Problem

Schema = dict[str, Any]
TEXT = "text/plain; charset=utf-8"
LATEST = 10**12
MOST_EVENTS = 500
MOST_ROWS = 1000


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of an operation."""

    name: str
    told: str
    schema: Schema
    where: str = "query"
    required: bool = False


@dataclass(frozen=True, slots=True)
class Text:
    """An answer that is not JSON of this API, and an example of it; without one it is a document of its own kind."""

    example: str | None = None


@dataclass(frozen=True, slots=True)
class Operation:
    """One GET: its path, its purpose, its parameters and its answer, a type or a text; ``others`` are the content types
    that ``format=`` can give instead."""

    path: str
    name: str
    told: str
    answer: Any
    parameters: tuple[Parameter, ...] = ()
    content_type: str = JSON
    faults: tuple[int, ...] = ()
    others: tuple[str, ...] = ()
    tag: str = "Mirrors"
    status: int = 200


def _enum(values: Any) -> Schema:
    found = [*values]
    return {"type": "string", "enum": found, "examples": found[:1]}


def _text(pattern: str, example: str) -> Schema:
    return {"type": "string", "pattern": f"^{pattern}$", "examples": [example]}


def _number(least: int, most: int, default: int | None, example: int) -> Schema:
    known = {} if default is None else {"default": default}
    return {"type": "integer", "minimum": least, "maximum": most, **known, "examples": [example]}


def _one_line(longest: int, example: str) -> Schema:
    return {"type": "string", "minLength": 1, "maxLength": longest, "examples": [example]}


NAME = Parameter("name", "The name of a mirror.", _one_line(253, "mirror.example.org"), "path", required=True)
HOST = "[A-Za-z0-9]([A-Za-z0-9._-]{0,98}[A-Za-z0-9])?"
FILTERED = (
    Parameter("protocol", "Only this protocol.", _enum(each.value for each in WEB_PROTOCOLS)),
    Parameter("country", "Only mirrors in these countries; with a minus: in none of these.",
              _text("-?[A-Za-z]{2}(,-?[A-Za-z]{2}){0,9}", "DE,AT")),
    Parameter("avoid_country", "No mirrors in these countries.", _text("[A-Za-z]{2}(,[A-Za-z]{2}){0,9}", "FR")),
    Parameter("avoid", "Not these mirrors, by host.", _text(f"{HOST}(,{HOST}){{0,9}}", "mirror.example.org")),
    Parameter("only", "Only these mirrors, by host.", _text(f"{HOST}(,{HOST}){{0,9}}", "mirror.example.org")),
    Parameter("ipv", "Only mirrors that work over IPv4, or over IPv6, while there are any.", _enum(("4", "6"))),
)  # fmt: skip
"""What a client wants of its mirrors."""
IP = Parameter(
    "ip", "The public answer for another address.",
    {"type": "string", "anyOf": [{"format": "ipv4"}, {"format": "ipv6"}], "examples": ["192.0.2.1"]},
)  # fmt: skip
REPO = Parameter(
    "repo", "The repository and the version, as in baseos-9.", _one_line(200, "baseos-9"), required=True
)  # fmt: skip
ARCH = Parameter(
    "arch", "The architecture; without it the client fills it in.", _text("[A-Za-z0-9_]{1,32}", "x86_64")
)  # fmt: skip
SELECTION_ASKED = (REPO, ARCH, *FILTERED, IP)
LIMIT = Parameter(
    "limit", "How many rows a page has at most; without it all are sent.", _number(1, MOST_ROWS, None, 100)
)  # fmt: skip
OFFSET = Parameter(
    "offset", "How many rows come before the page; the Link header leads to the next.", _number(0, LATEST, 0, 100)
)  # fmt: skip
CHANGES_ASKED = (
    Parameter("since", "After this time, in seconds since 1970.", _number(0, LATEST, 0, 1794900000)),
    Parameter("mirror", "To this mirror.", _one_line(253, "mirror.example.org")),
    replace(LIMIT, told="How many changes a page has at most.", schema=_number(1, MOST_EVENTS, 100, 50)),
    OFFSET,
)  # fmt: skip
VERSION = Parameter("version", "The version, as in 9 or 9.8.", _one_line(100, "9"), "path", required=True)
REPOSITORY = Parameter("repository", "The repository.", _one_line(100, "baseos"), "path", required=True)
ONE_ARCH = replace(ARCH, told="The architecture.", required=True)


def _or_empty(parameter: Parameter) -> Parameter:
    """The parameter as lists take it, which ignore empty ones."""
    schema = dict(parameter.schema)
    if "pattern" in schema:
        schema["pattern"] = f"^({schema['pattern'][1:-1]})?$"
    if "enum" in schema:
        schema["enum"] = [*schema["enum"], ""]
    if "anyOf" in schema:
        schema["anyOf"] = [*schema["anyOf"], {"const": ""}]
    return replace(parameter, schema=schema)


def _forms(formats: Mapping[str, Any]) -> tuple[Parameter, tuple[str, ...]]:
    """The parameter ``format`` of these, and the content types of all but the first."""
    _, *others = dict.fromkeys(each.content_type for each in formats.values())
    return Parameter("format", "The form of the answer.", _enum(formats)), tuple(others)


LIST_EXAMPLE = (
    "https://mirror.example.org/linux/9.8/BaseOS/x86_64/os/\nhttps://other.example.org/9.8/BaseOS/x86_64/os/\n"
)
METALINK = METALINKS["metalink3"].content_type
ISOS_EXAMPLE = '["https://mirror.example.org/linux/9.8/isos/x86_64"]'


def operations(modules: Sequence[str]) -> tuple[Operation, ...]:
    """Everything below /api, and what programs read beside it; ``modules`` are the service's."""
    return (
        Operation(
            "/api/v1/mirrors", "mirrors", "The public mirrors, by name.", MirrorsAnswer,
            (
                Parameter("country", "Only mirrors in this country.", _text("[A-Za-z]{2}", "DE")),
                Parameter("protocol", "Only mirrors that offer this.", _enum(each.value for each in Protocol)),
                Parameter("module", "Only mirrors that carry this module.", _enum(modules)),
                Parameter("state", "Only mirrors in this state.", _enum(each.value for each in MirrorState)),
                LIMIT,
                OFFSET,
            ),
            faults=(400,),
        ),
        Operation(
            "/api/v1/mirrors.geojson", "geojson", "The mirrors of known place.", GeoJSON, content_type=GEOJSON,
            faults=(400,),
        ),
        Operation(
            "/api/v1/mirrors/{name}", "mirror", "One mirror and its health.", MirrorAnswer, (NAME,), faults=(400, 404)
        ),
        Operation(
            "/api/v1/mirrors/{name}/history", "history", "The last 30 days of a mirror.", HistoryAnswer, (NAME,),
            faults=(400, 404),
        ),
        Operation(
            "/api/v1/mirrors/{name}/counts", "mirror_counts", "How often a mirror came first, month by month.",
            MirrorCountsAnswer, (NAME,), faults=(400, 404),
        ),
        Operation(
            "/api/v1/selection", "selection",
            "Which mirrors a client gets, in which order and why, and why not the others.", Explanation,
            SELECTION_ASKED, faults=(400, 404), tag="Lists",
        ),
        Operation(
            "/api/v1/repositories", "repositories", "The repositories that clients can ask for.", RepositoriesAnswer,
            (LIMIT, OFFSET), faults=(400,), tag="Network",
        ),
        Operation(
            "/api/v1/changes", "changes", "What happened to mirrors.", ChangesAnswer, CHANGES_ASKED, faults=(400, 404),
            tag="Network",
        ),
        Operation(
            "/api/v1/propagation", "propagation", "How changes of the origin spread.", PropagationAnswer, faults=(400,),
            tag="Network",
        ),
        Operation(
            "/api/v1/statistics", "statistics", "Numbers of mirrors.", StatisticsAnswer, faults=(400,), tag="Network"
        ),
        Operation(
            "/api/v1/counts", "counts", "What was answered, from where and to which systems.", CountsAnswer,
            faults=(400,), tag="Network",
        ),
        Operation("/mirrors.json", "router", "The mirrors in the layout of armbian-router.", list[RouterServer]),
        Operation(
            "/mirrors.txt", "text", "One line per mirror: address, country and state, separated by tabs.",
            Text("https://mirror.example.org/linux/\tDE\tfresh\n"), content_type=TEXT,
        ),
        Operation(
            "/mirrors/{name}/feed.atom", "feed", "What happens to a mirror, as a feed.", Text(), (NAME,),
            "application/atom+xml; charset=utf-8", (404,),
        ),
        Operation("/mirrors/{name}/stats.csv", "months", "How often a mirror came first, by month and country.",
                  Text("month,country,answers,share,share_low,share_high,answers_of_country,clients_of_country\\n"),
                  (NAME,), CSV, (404,)),
        Operation("/mirrors/{name}/stats.svg", "months_badge", "A badge with the share of clients in its country.",
                  Text(), (NAME,), "image/svg+xml", (404,)),
        Operation("/mirrors/{name}.svg", "badge", "A badge with the mirror's state.", Text(), (NAME,), "image/svg+xml",
                  (404,)),
    )  # fmt: skip


def lists(service: Service) -> Iterator[Operation]:
    """The lists, metalinks and redirects that package managers ask for, with the trees of the service."""
    asked = tuple(map(_or_empty, (*FILTERED, IP)))
    (listed, other_lists), (linked, other_links) = _forms(LISTS), _forms(METALINKS)
    by_name, by_path = (REPO,), (VERSION, REPOSITORY)
    for path, name, told, named in (
        ("/mirrorlist", "mirrorlist", "The mirrors of a repository, one address per line, the best first.", by_name),
        ("/mirrorlist/{version}/{repository}", "mirrorlist_by_path", "The same in another spelling.", by_path),
    ):
        yield Operation(path, name, told, Text(LIST_EXAMPLE), (*named, _or_empty(ARCH), _or_empty(listed), *asked),
                        TEXT, (400, 404), other_lists, "Lists")  # fmt: skip
    for path, name, told, named in (
        ("/metalink", "metalink", "The mirrors of a repository, with the checksums of its repomd.xml.", by_name),
        ("/metalink/{version}/{repository}", "metalink_by_path", "The same in another spelling.", by_path),
    ):
        yield Operation(path, name, told, Text(), (*named, ONE_ARCH, _or_empty(linked), *asked), METALINK, (400, 404),
                        other_links, "Lists")  # fmt: skip
    yield Operation("/isolist/{version}/{arch}", "isolist", "The directories of images, as JSON.", Text(ISOS_EXAMPLE),
                    (VERSION, replace(ONE_ARCH, where="path"), *asked), JSON, (400, 404), (), "Lists")  # fmt: skip
    below = Parameter("path", "The file's path below the tree; it may hold slashes.",
                      _one_line(4096, "9/isos/x86_64/image.iso"), "path", required=True)  # fmt: skip
    for prefix in dict.fromkeys(tree.prefix for tree in service.trees):
        yield Operation(f"{prefix}{{path}}", f"file{prefix.rstrip('/').replace('/', '_')}",
                        "A redirect to a mirror that has the file. The endings .meta4, .metalink, .sha256 and .sha512 "
                        "give its metalink or checksum, ?json everything that is known of it.",
                        Text(), (below, *asked[:-1]), HTML, (400, 404), (), "Lists", 302)  # fmt: skip


@cache
def query_names(path: str) -> tuple[str, ...]:
    """The parameters that the query string of a path of ``operations`` may have."""
    found = next(each for each in operations(()) if each.path == path)
    return tuple(each.name for each in found.parameters if each.where == "query")


def document(service: Service, modules: Sequence[str]) -> Schema:
    """The whole description, for the service of a distribution."""
    described = (*operations(modules), *lists(service))
    types = [each.answer for each in described if not isinstance(each.answer, Text)]
    schemas, components = msgspec.json.schema_components([*types, Problem], ref_template="#/components/schemas/{name}")
    for name, component in components.items():
        _describe(name, component)
    problem, found = schemas[-1], iter(schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": f"{service.name} mirrors",
            "version": __version__,
            "description": "The public record of the mirrors. Lists, pages and this are made from the same data. "
            "Any web page may read it (CORS). Fields may be added within v1; none is renamed or removed.",
        },
        "servers": [{"url": (service.site.url or "").rstrip("/") or "/"}],
        "paths": {
            each.path: {
                "get": _operation(each, None if isinstance(each.answer, Text) else next(found), problem, components)
            }
            for each in described
        },
        "components": {"schemas": components},
    }


def _describe(name: str, component: Schema) -> None:
    """Adds to each property what ``fields.py`` says of it, and to times their companions in ISO 8601."""
    properties = component.get("properties")
    if properties is None:
        return
    described: Schema = {}
    for field, schema in properties.items():
        words, example = row_of(name, field)
        shown = {} if example is None else {"examples": [example]}
        described[field] = {**schema, "description": words, **shown}
        if field in TIMES:
            text: Schema = {"type": "string", "format": "date-time"}
            text = {"anyOf": [text, {"type": "null"}]} if "anyOf" in schema else text
            described[f"{field}_iso"] = {**text, "description": f"The same as {field}, in ISO 8601.",
                                         "examples": [MOMENT_ISO]}  # fmt: skip
            if field in component.get("required", ()):
                component["required"].append(f"{field}_iso")
    component["properties"] = described


def example_of(schema: Schema, components: Mapping[str, Schema]) -> Any:
    """An example of a schema, put together from the examples of its fields."""
    if "$ref" in schema:
        schema = components[schema["$ref"].rpartition("/")[2]] | {key: schema[key] for key in schema if key != "$ref"}
    if "examples" in schema:
        return schema["examples"][0]
    if "anyOf" in schema:
        return example_of(schema["anyOf"][0], components)
    if "properties" in schema:
        return {name: example_of(each, components) for name, each in schema["properties"].items()}
    if schema.get("type") == "array":
        return [example_of(schema["items"], components)]
    if "additionalProperties" in schema:
        return {"main": example_of(schema["additionalProperties"], components)}
    return schema["enum"][0]


def _operation(
    operation: Operation, answer: Schema | None, problem: Schema, components: Mapping[str, Schema]
) -> Schema:
    told = {400: "A parameter is unknown, repeated or malformed.", 404: "There is no such thing.",
            503: "There is no data yet, or the service is busy."}  # fmt: skip
    own = operation.path.startswith("/api/")
    wrong: Schema = {PROBLEM: {"schema": problem}} if own else {TEXT: {"schema": {"type": "string"}}}
    responses: Schema = {str(status): {"description": told[status], "content": wrong}
                         for status in (*operation.faults, 503)}  # fmt: skip
    return {
        "operationId": operation.name,
        "summary": operation.told,
        "tags": [operation.tag],
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
        "responses": {str(operation.status): _good(operation, answer, components), **responses},
    }


def _good(operation: Operation, answer: Schema | None, components: Mapping[str, Schema]) -> Schema:
    """The response where nothing is wrong."""
    if operation.status == 302:
        link = {"description": "The file's address on the mirror.", "schema": {"type": "string", "format": "uri"}}
        return {"description": operation.told, "headers": {"Location": link}}
    if answer is not None:
        content: Schema = {"schema": answer, "example": example_of(answer, components)}
    else:
        shown = operation.answer.example
        content = {"schema": {"type": "string"}, **({} if shown is None else {"example": shown})}
        if operation.content_type == JSON:
            content = {"schema": {"type": "array", "items": {"type": "string"}}, "example": msgspec.json.decode(shown)}
    others: Schema = {kind: {"schema": {}} for kind in operation.others}
    return {"description": operation.told, "content": {operation.content_type: content, **others}}
