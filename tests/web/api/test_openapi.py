"""The schemas are served where their $id says, for editors and caches, by the hot path's server as by Flask."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import pytest

from mirrorlist.sources.yaml.schemas import load_schema
from mirrorlist.web.api.openapi import NAMES
from tests.building import mirror, snapshot
from tests.web.asking import Both, ask, both, environ

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
