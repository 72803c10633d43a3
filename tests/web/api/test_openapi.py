"""The description has words and an example for everything; schemas are served where their $id says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from jsonschema import Draft202012Validator
from lxml import html

from mirrorlist.core.catalogue.trees import RedirectTree
from mirrorlist.sources.yaml.schemas import load_schema
from mirrorlist.web.api.fields import FIELDS
from mirrorlist.web.api.views import NAMES
from tests.building import mirror, snapshot
from tests.web.asking import Both, ask, both, environ
from tests.web.networks import record_of

DIRECTORY = Path(__file__).parents[3] / "schemas"


@pytest.fixture(scope="module", params=["before the first snapshot", "with one"])
def service(request: pytest.FixtureRequest) -> Both:
    return both(snapshot([mirror("m1", "berlin")]) if request.param == "with one" else None)


@pytest.mark.parametrize("name", NAMES)
def test_a_schema_is_served_at_its_own_address(service: Both, name: str) -> None:
    path = urlsplit(load_schema(name.removesuffix(".json"))["$id"]).path
    assert path == f"/schemas/{name}"

    answer = service.get(path)

    assert (answer.status, answer.body) == (200, (DIRECTORY / name).read_bytes())
    assert answer.headers["content-type"] == "application/schema+json"
    assert answer.headers["cache-control"] == "public, max-age=3600"
    assert answer.headers["access-control-allow-origin"] == "*"
    etag = answer.headers["etag"]
    again = service.get(path, IF_NONE_MATCH=etag)
    assert (again.status, again.body, again.headers["etag"]) == (304, b"", etag)
    head = ask(service.fronted, environ(path, method="HEAD"))
    assert (head.status, head.body, head.headers["etag"]) == (200, b"", etag)


@pytest.mark.parametrize(
    "path", ["/schemas/", "/schemas/x.json", "/schemas/..%2fx", "/schemas/mirror", "/schemas/mirror.json/"]
)
def test_other_paths_are_not_found(service: Both, path: str) -> None:
    assert service.get(path).status == 404


def test_all_schemas_of_the_package_are_served() -> None:
    assert sorted(NAMES) == sorted(path.name for path in DIRECTORY.iterdir())


@pytest.fixture(scope="module")
def whole() -> Both:
    return both(record_of(20))


@pytest.fixture(scope="module")
def document(whole: Both) -> Any:
    return json.loads(whole.get("/openapi.json").body)


def properties(document: Any) -> Iterator[tuple[str, str, Any]]:
    for name, schema in document["components"]["schemas"].items():
        for field, described in schema.get("properties", {}).items():
            yield name, field, described


def test_each_field_has_words_and_an_example_of_its_type(document: Any) -> None:
    known = {"components": document["components"]}
    bare = []
    for name, field, described in properties(document):
        assert described["description"].endswith("."), (name, field)
        if "examples" not in described:
            bare.append(described)
        for example in described.get("examples", ()):
            Draft202012Validator({**described, **known}).validate(example)
    assert bare != []
    assert [each for each in bare if "$ref" not in json.dumps(each)] == []  # its type has the examples


def test_each_row_on_a_field_is_of_a_field_that_there_is(document: Any) -> None:
    named = {field for _, field, _ in properties(document)} | {
        f"{name}.{field}" for name, field, _ in properties(document)
    }
    assert set(FIELDS) - named == set()


def test_each_answer_of_json_has_an_example_that_fits(document: Any) -> None:
    known = {"components": document["components"]}
    for methods in document["paths"].values():
        for kind, content in methods["get"]["responses"].get("200", {}).get("content", {}).items():
            if "json" in kind and content["schema"]:
                Draft202012Validator({**content["schema"], **known}).validate(content["example"])


def test_each_parameter_has_words_and_an_example(document: Any) -> None:
    for path, methods in document["paths"].items():
        for parameter in methods["get"]["parameters"]:
            assert parameter["description"].endswith("."), path
            Draft202012Validator(parameter["schema"]).validate(parameter["schema"]["examples"][0])


def test_lists_metalinks_and_redirects_are_described(document: Any) -> None:
    assert {"/mirrorlist", "/metalink", "/mirrorlist/{version}/{repository}", "/metalink/{version}/{repository}",
            "/isolist/{version}/{arch}"} <= set(document["paths"])  # fmt: skip
    trees = (RedirectTree(prefix="/dl/", module="main"), RedirectTree(prefix="/", module="main", host="dl.example.org"))
    described = both(snapshot([mirror("m1", "berlin")], trees=trees)).get("/openapi.json")
    paths = json.loads(described.body)["paths"]
    for path in ("/dl/{path}", "/{path}"):
        assert set(paths[path]["get"]["responses"]) == {"302", "400", "404", "503"}


def test_the_description_names_its_server(document: Any) -> None:
    assert document["servers"] == [{"url": "https://mirrors.example.org"}]


def test_the_page_for_people_shows_all_of_it_without_a_script(whole: Both, document: Any) -> None:
    answer = whole.get("/api")
    page = html.document_fromstring(answer.body.decode())
    assert (answer.status, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert all(each.startswith("/static/") for each in page.xpath("//script/@src | //script[not(@src)]/text()"))
    shown = [each.text_content() for each in page.xpath("//h3")]
    assert set(document["paths"]) | set(document["components"]["schemas"]) == set(shown)
    text = page.text_content()
    assert [field for _, field, _ in properties(document) if field not in text] == []
    ids = set(page.xpath("//@id"))
    assert {each[1:] for each in page.xpath("//a/@href") if each.startswith("#")} - ids == set()
    assert whole.get("/api/").body == answer.body
