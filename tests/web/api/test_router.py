"""Every address of armbian-router, asked one by one of Flask and of the fast path, with an index of files and without."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import pytest

from mirrorlist.core.catalogue.service import Module
from mirrorlist.core.catalogue.trees import RedirectTree, Router
from mirrorlist.core.model import MAIN, Location, Protocol, Status
from mirrorlist.core.public.encoding import encode_record
from mirrorlist.core.public.record import RecordInputs, public_record
from mirrorlist.core.snapshot import Snapshot
from tests.building import CITIES, NOW, mirror, snapshot
from tests.file_indexes import Has, indexed
from tests.web.asking import Answer, Both, ask, both, environ

HOST, IMAGES = "dl.example.org", "images"
IMAGE = "bananapi/archive/Armbian_26.11_Bananapi_bookworm_current_minimal.img.xz"
GITHUB = "https://github.com/example/os/releases/download/1/x.img.xz"
NAMES = {
    "bananapi/Bookworm_current_minimal": IMAGE, "bananapi/Bookworm_current_minimal.sha": f"{IMAGE}.sha",
    "nightly/uefi/Trixie_edge_minimal": GITHUB, "a name/ü": IMAGE,
}  # fmt: skip
REGIONS = {"GITHUB": "https://github.com/example/mirror/releases/download/"}
FILES = {IMAGE: Has(700, None), f"{IMAGE}.sha": Has(7, None), "bananapi/other.img.xz": Has(9, None)}
CONTINENT = {"berlin": "EU", "chicago": "NA", "tokyo": "AS"}
CLIENT = "192.0.2.7"


def bare(host: str | None = HOST, prefix: str = "/") -> Snapshot:
    def placed(city: str, **fields: Any) -> Any:
        country, latitude, longitude = CITIES[city]
        location = Location(continent=CONTINENT[city], country=country, latitude=latitude, longitude=longitude)
        name = f"{city}.example.org"
        urls = {IMAGES: {each: f"{each}://{name}/dl/" for each in (Protocol.HTTPS, Protocol.HTTP)}}
        return mirror(city, location=location, urls=urls, **fields)

    mirrors = [
        *map(placed, CONTINENT), mirror("packages", urls={MAIN: {Protocol.HTTPS: "https://packages.example.org/apt/"}}),
        mirror("secret", urls={IMAGES: {Protocol.HTTPS: "https://secret.example.org/"}}, private=True, subnets=["192.0.2.0/24"]),
        mirror("paused", urls={IMAGES: {Protocol.HTTPS: "https://paused.example.org/"}}, status=Status.PAUSED),
    ]  # fmt: skip
    tree = RedirectTree(prefix=prefix, module=IMAGES, host=host, names=NAMES, regions=REGIONS, router=Router.ARMBIAN)
    other = RedirectTree(prefix="/", module=MAIN, host="apt.example.org", router=Router.ARMBIAN)
    modules = {name: Module(title=name) for name in (MAIN, IMAGES)}
    made = snapshot(mirrors, at={"192.0.2.0/24": "berlin"}, trees=(tree, other), modules=modules)
    known = RecordInputs(mirrors=mirrors, health=made.facts.health, modules={}, now=NOW)
    return replace(made, public=encode_record(public_record(known)))


@pytest.fixture(scope="module", params=["no index", "index"])
def router(request: pytest.FixtureRequest) -> Both:
    found = bare()
    return both(found if request.param == "no index" else indexed(found, FILES, module=IMAGES))


def get(service: Both, path: str, host: str = HOST, **headers: str) -> Answer:
    return service.get(path, "", "198.51.100.1", HOST=host, **headers)


@pytest.mark.parametrize("before", ["", "/region/EU", "/region/default", "/region/as"])
def test_a_name_leads_to_its_file(router: Both, before: str) -> None:
    for path in ("bananapi/Bookworm_current_minimal", "bananapi/Bookworm_current_minimal.sha", IMAGE):
        for _ in range(2):  # the second time what is remembered answers
            found = get(router, f"{before}/{path}")
            where = urlsplit(found.headers["location"])
            assert (found.status, where.path) == (302, f"/dl/{NAMES.get(path, path)}")
    asia = urlsplit(get(router, f"/region/AS/{IMAGE}").headers["location"])
    assert asia.hostname == "tokyo.example.org"
    assert urlsplit(get(router, "/bananapi/other.img.xz").headers["location"]).path == "/dl/bananapi/other.img.xz"
    assert (
        urlsplit(get(router, f"{before}/bananapi/Bookworm_current_minimal").headers["location"]).path == f"/dl/{IMAGE}"
    )


def test_names_of_files_elsewhere_and_regions_of_the_service_lead_there(router: Both) -> None:
    for path, where in (
        ("/nightly/uefi/Trixie_edge_minimal", GITHUB),
        ("/region/EU/nightly/uefi/Trixie_edge_minimal", GITHUB),
        ("/region/GITHUB/2026/x.img.xz", f"{REGIONS['GITHUB']}2026/x.img.xz"),
        ("/region/github/a b", f"{REGIONS['GITHUB']}a%20b"),
    ):
        found = get(router, path)
        assert (found.status, found.headers["location"]) == (302, where)
    assert get(router, "/region/ATLANTIS/x").status == 404


def test_a_name_has_metalinks_as_its_file_has(router: Both) -> None:
    of_name, of_file = (get(router, f"/{path}.meta4") for path in ("bananapi/Bookworm_current_minimal", IMAGE))
    assert of_name.status == 200
    assert (
        of_name.body.count(f"example.org/dl/{IMAGE}<".encode())
        == of_file.body.count(f"example.org/dl/{IMAGE}<".encode())
        > 1
    )


def test_mirrors_by_continent(router: Both) -> None:
    found = json.loads(get(router, "/mirrors").body)
    assert found == {
        "EU": ["https://berlin.example.org/dl/"], "NA": ["https://chicago.example.org/dl/"],
        "AS": ["https://tokyo.example.org/dl/"],
        "default": ["https://chicago.example.org/dl/", "https://berlin.example.org/dl/"],
    }  # fmt: skip
    assert json.loads(get(router, "/mirrors", host="apt.example.org").body) == {
        "": ["https://packages.example.org/apt/"], "default": [],
    }  # fmt: skip


def test_mirrors_json_badges_and_status(router: Both) -> None:
    found = {each["host"]: each for each in json.loads(get(router, "/mirrors.json").body)}
    assert found["berlin.example.org"]["path"] == "/dl/"
    assert not found["paused.example.org"]["available"]
    assert "secret.example.org" not in found
    for name in ("berlin_example_org", "berlin.example.org"):
        badge = get(router, f"/mirrors/{name}.svg")
        assert (badge.status, badge.headers["content-type"]) == (200, "image/svg+xml")
    assert get(router, "/mirrors/nobody_example_org.svg").status == 404
    assert get(router, "/status").body == b"OK"


def test_geoip_tells_clients_where_they_are(router: Both) -> None:
    found = router.get("/geoip", "", CLIENT, HOST=HOST)
    record = json.loads(found.body)
    assert (record["continent"]["code"], record["country"]["iso_code"]) == ("EU", "DE")
    assert record["location"] == {"latitude": pytest.approx(52.5, abs=1), "longitude": pytest.approx(13.4, abs=1)}
    assert found.headers["cache-control"] == "private, no-store"
    unknown = json.loads(get(router, "/geoip").body)
    assert (unknown["continent"]["code"], unknown["country"]["iso_code"]) == ("", "")


def test_dl_map_is_the_names(router: Both) -> None:
    assert json.loads(get(router, "/dl_map").body) == NAMES
    assert json.loads(get(router, "/dl_map", host="apt.example.org").body) == {}


def test_other_methods_are_told_which_ones_work(router: Both) -> None:
    for path in ("/geoip", "/mirrors", "/reload", "/nightly/uefi/Trixie_edge_minimal"):
        for application in (router.flask, router.fronted):
            found = ask(application, environ(path, method="POST", HOST=HOST))
            assert (found.status, found.headers["allow"]) == (405, "GET, HEAD"), path


def test_the_service_s_own_host_keeps_its_pages(router: Both) -> None:
    assert get(router, "/mirrors", host="localhost").status == 308
    assert get(router, "/geoip", host="localhost").status == 404
    assert b"<html" in get(router, "/status", host="localhost").body


def test_a_tree_of_every_host_adds_what_the_service_has_not() -> None:
    shared = both(bare(None, "/dl/"))
    assert json.loads(get(shared, "/mirrors", "localhost", ACCEPT="*/*").body)["AS"] == [
        "https://tokyo.example.org/dl/"
    ]
    page = get(shared, "/mirrors", "localhost", ACCEPT="text/html,application/xhtml+xml,*/*;q=0.8")
    assert (page.status, page.headers["vary"]) == (308, "Accept")
    assert json.loads(get(shared, "/dl_map", "localhost").body) == NAMES
    assert "continent" in json.loads(get(shared, "/geoip", "localhost").body)
    assert b"<html" in get(shared, "/status", "localhost").body
    assert (
        urlsplit(get(shared, "/dl/bananapi/Bookworm_current_minimal", "localhost").headers["location"]).path
        == f"/dl/{IMAGE}"
    )
