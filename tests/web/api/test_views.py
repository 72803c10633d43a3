"""The API keeps what its description promises, whatever is asked; tried against a running service."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from werkzeug.serving import make_server

from mirrorlist.core.health.verdicts import EventKind
from mirrorlist.core.public.encoding import PublicFile, encode_record
from mirrorlist.core.public.record import PublicRecord
from mirrorlist.core.public.types import MirrorState, PublicEvent
from mirrorlist.web.api.fields import TIMES
from tests.building import NOW, mirror, snapshot
from tests.serving import served
from tests.web.asking import Answer, Both, ask, both, environ
from tests.web.networks import record_of

MIRROR = "mirror5.example.org"


@pytest.fixture(scope="module")
def service() -> Both:
    return both(record_of(60))


def get(service: Both, path: str, query: str = "", **headers: str) -> Answer:
    return ask(service.fronted, environ(path, query, **headers))


def told(service: Both, path: str, query: str = "") -> Any:
    answer = get(service, path, query)
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json"), answer.body
    return json.loads(answer.body)


@pytest.fixture(scope="module")
def running(service: Both) -> Iterator[str]:
    with served(make_server("127.0.0.1", 0, service.fronted, threaded=True)) as url:
        yield url


@pytest.mark.slow
def test_the_api_keeps_its_description(running: str, tmp_path: Path) -> None:
    """schemathesis makes good and bad requests from the description and holds every answer against it.

    503 is described, for metalinks whose checksums are not known yet; any other error of the server is not.
    """
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"{running}/openapi.json", "--max-examples", "25",
               "--seed", "1", "--checks", "all", "--exclude-checks", "not_a_server_error", "--workers", "1", "--no-color"]  # fmt: skip
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert "No issues found" in done.stdout


def test_mirrors_are_those_asked_for(service: Both) -> None:
    every = told(service, "/api/v1/mirrors")
    assert (every["generation"], every["built_at"], len(every["mirrors"])) == (7, NOW, 60)
    german = told(service, "/api/v1/mirrors", "country=de")["mirrors"]
    assert {mirror["name"] for mirror in german} == {
        mirror["name"] for mirror in every["mirrors"] if mirror["country"] == "DE"
    }
    assert {mirror["country"] for mirror in german} == {"DE"}
    kitten = told(service, "/api/v1/mirrors", "module=kitten&protocol=https")["mirrors"]
    assert len(kitten) == 6
    assert told(service, "/api/v1/mirrors", "module=kitten&protocol=http")["mirrors"] == []
    stale = told(service, "/api/v1/mirrors", "state=stale")["mirrors"]
    assert stale
    assert {mirror["state"] for mirror in stale} == {"stale"}


def test_a_mirror_has_a_check_for_each_way_and_repository(service: Both) -> None:
    found = told(service, f"/api/v1/mirrors/{MIRROR}")
    assert found["mirror"]["name"] == MIRROR
    assert found["mirror"]["state"] == "down"
    ways = [(each["protocol"], each["family"], each["good"]) for each in found["checks"] if not each["path"]]
    assert ways == [(p, f, False) for p in ("https", "http") for f in ("ipv4", "ipv6")]
    stale = told(service, "/api/v1/mirrors/mirror1.example.org")
    assert {each["path"] for each in stale["checks"] if not each["good"]} == {
        f"{version}/BaseOS/{arch}/os/" for version in ("9.8", "10.2") for arch in ("x86_64", "aarch64")
    }
    assert stale["mirror"] | {"repositories": 8, "fresh": 4, "state": "stale"} == stale["mirror"]


def test_the_history_has_thirty_days(service: Both) -> None:
    found = told(service, f"/api/v1/mirrors/{MIRROR}/history")
    assert len(found["days"]) == 30
    assert found["days"][0]["available"] is None
    assert 0 <= found["days"][-1]["available"] < 1
    assert found["days"][-1]["date"] == "2026-11-18"


def test_changes_are_those_after_a_time(service: Both) -> None:
    every = told(service, "/api/v1/changes", "limit=500")
    times = [event["at"] for event in every["events"]]
    assert times == sorted(times, reverse=True)
    since = int(times[len(times) // 2])
    assert told(service, "/api/v1/changes", f"since={since}&limit=500")["events"] == [
        event for event in every["events"] if event["at"] > since
    ]
    few = told(service, "/api/v1/changes", "limit=2")
    assert (len(few["events"]), few["complete"]) == (2, False)
    assert {event["mirror"] for event in told(service, "/api/v1/changes", "mirror=mirror3.example.org")["events"]} == {
        "mirror3.example.org"
    }


@pytest.mark.parametrize(("count", "complete"), [(499, True), (500, False)])
def test_changes_are_complete_unless_the_record_holds_no_more(count: int, complete: bool) -> None:
    """Between 100 events, as many as one mirror keeps, and the 500 of all, nothing is left out."""
    made = record_of(3)
    events = tuple(PublicEvent(mirror="a", kind=EventKind.UP, at=NOW - at, why="") for at in range(count))
    network = replace(PublicFile(memoryview(made.public)).network(), events=events)
    asked = both(replace(made, public=encode_record(PublicRecord(network=network, details={}, logos={}))))
    found = told(asked, "/api/v1/changes", "limit=500")
    assert (len(found["events"]), found["complete"]) == (count, complete)
    late = told(asked, "/api/v1/changes", f"limit=500&since={int(NOW) - 450}")
    assert (len(late["events"]), late["complete"]) == (450, True)


def test_statistics_count_what_the_list_holds(service: Both) -> None:
    mirrors = told(service, "/api/v1/mirrors")["mirrors"]
    found = told(service, "/api/v1/statistics")
    assert found["mirrors"] == len(mirrors) == sum(found["states"].values())
    assert {state: sum(each["state"] == state for each in mirrors) for state in found["states"]} == found["states"]
    assert found["countries"]["DE"] == sum(each["country"] == "DE" for each in mirrors)
    assert found["last_run"]["number"] == 50
    assert found["lists"] == {"fresh": 8}


def test_repositories_lead_to_selections(service: Both) -> None:
    for repository in told(service, "/api/v1/repositories")["repositories"]:
        found = told(service, "/api/v1/selection", f"repo={repository['repo']}")
        assert (found["repository"], found["version"]) == (repository["name"], repository["served_version"])


@pytest.mark.parametrize(
    ("path", "query", "status", "said"),
    [
        ("/api/v1/mirrors/nobody.example.org", "", 404, "no public mirror of this name"),
        ("/api/v1/mirrors/hidden-private.example.org", "", 404, "no public mirror of this name"),
        ("/api/v1/mirrors/hidden-private.example.org/history", "", 404, "no public mirror of this name"),
        ("/api/v1/changes", "mirror=hidden-cloud.example.org", 404, "no public mirror of this name"),
        ("/api/v1/mirrors", "state=x", 400, "the state is unknown; write one of fresh, up, lagging"),
        ("/api/v1/mirrors", "country=", 400, "country is empty"),
        ("/api/v1/mirrors", "country=DE&country=AT", 400, "country is given more than once"),
        ("/api/v1/changes", "since=-1", 400, "write a whole number from 0"),
        ("/api/v1/changes", "since=1_0", 400, "write a whole number from 0"),
        ("/api/v1/changes", "limit=501", 400, "write a whole number from 1 to 500"),
        ("/api/v1/selection", "", 400, "the parameter repo is missing"),
        ("/api/v1/selection", "repo=nothing-9", 404, "unknown repo"),
        ("/api/v1/selection", "repo=baseos-9&ip=1.2.3", 400, "the parameter ip is malformed"),
        ("/api/v1/selection", "repo=baseos-9&protocol=ftp", 400, "write https or http"),
        ("/api/v1/nothing", "", 404, "404 Not Found"),
        ("/api/v1/mirrors", "countri=DE", 400, "the parameter countri is unknown here; did you mean country?"),
        ("/api/v1/mirrors", "x=1", 400, "known: country, protocol, module, state, limit, offset"),
        ("/api/v1/mirrors", "%3Cb%3E=1", 400, "the parameter with this name is unknown here"),
        ("/api/v1/mirrors", "x=1&x=2", 400, "x is given more than once"),
        ("/api/v1/mirrors", "limit=0", 400, "write a whole number from 1 to 1000"),
        ("/api/v1/mirrors", "offset=-1", 400, "write a whole number from 0"),
        ("/api/v1/mirrors.geojson", "country=DE", 400, "the parameter country is unknown here; leave it out"),
        ("/api/v1/statistics", "_=1", 400, "the parameter _ is unknown here; leave it out"),
        ("/api/v1/selection", "repo=baseos-9&adress=192.0.2.1", 400, "the parameter adress is unknown here"),
        (f"/api/v1/mirrors/{MIRROR}", "x=1", 400, "the parameter x is unknown here"),
        ("/api", "x=1", 400, "the parameter x is unknown here; known: lang"),
    ],
)
def test_errors_are_problems(service: Both, path: str, query: str, status: int, said: str) -> None:
    answer = get(service, path, query, ACCEPT="text/html")
    assert (answer.status, answer.headers["content-type"]) == (status, "application/problem+json")
    problem = json.loads(answer.body)
    assert problem["status"] == status
    assert said in problem["detail"]


def test_mirrors_json_has_the_layout_of_armbian_router(service: Both) -> None:
    servers = {each["host"]: each for each in told(service, "/mirrors.json")}
    assert len(servers) == 60
    assert servers["mirror15.example.org"] | {
        "available": True, "reason": "", "path": "/pub/linux/", "country": "DE", "protocols": ["https", "http", "rsync"],
        "ipv6": True, "rules": [],
    } == servers["mirror15.example.org"]  # fmt: skip
    assert servers[MIRROR]["available"] is False
    assert servers[MIRROR]["reason"] == "unreachable"
    assert servers[MIRROR]["lastChange"] == "2026-11-18T09:06:40Z"


def test_mirrors_txt_has_one_line_a_mirror(service: Both) -> None:
    answer = get(service, "/mirrors.txt")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    lines = [line.split("\t") for line in answer.body.decode().splitlines()]
    assert len(lines) == 60
    assert ["https://mirror1.example.org/pub/linux/", "US", "stale"] in lines


def test_geojson_puts_longitude_first(service: Both) -> None:
    answer = get(service, "/api/v1/mirrors.geojson")
    assert answer.headers["content-type"] == "application/geo+json"
    features = json.loads(answer.body)["features"]
    sydney = next(each for each in features if each["properties"]["country"] == "AU")
    longitude, latitude = sydney["geometry"]["coordinates"]
    assert (140 < longitude < 160, -40 < latitude < -30) == (True, True)


def test_the_description_names_every_state(service: Both) -> None:
    document = told(service, "/openapi.json")
    [states] = [each["schema"]["enum"] for each in document["paths"]["/api/v1/mirrors"]["get"]["parameters"]
                if each["name"] == "state"]  # fmt: skip
    assert states == [state.value for state in MirrorState]


@pytest.mark.parametrize("path", ["/api/v1/mirrors", "/mirrors.json", "/openapi.json", "/api/v1/selection"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "TRACE"])
def test_other_methods_are_not_allowed(service: Both, path: str, method: str) -> None:
    answer = ask(service.fronted, environ(path, "repo=baseos-9", method=method))
    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD, OPTIONS")


PUBLIC = ["/api/v1/mirrors", "/api/v1/selection", f"/api/v1/mirrors/{MIRROR}", "/openapi.json", "/mirrors.json",
          "/mirrors.txt", f"/mirrors/{MIRROR}.svg", "/mirrors/feed.atom", "/schemas/mirror.json"]  # fmt: skip


@pytest.mark.parametrize("path", PUBLIC)
def test_pages_of_other_sites_may_read_what_is_public(service: Both, path: str) -> None:
    answer = get(service, path, ORIGIN="https://other.example")
    assert answer.headers["access-control-allow-origin"] == "*"
    exposed = answer.headers["access-control-expose-headers"].split(", ")
    assert {"ETag", "Link", "Retry-After"} <= set(exposed)


@pytest.mark.parametrize("path", PUBLIC)
def test_a_preflight_gets_leave(service: Both, path: str) -> None:
    asked = environ(path, method="OPTIONS", ORIGIN="https://other.example", ACCESS_CONTROL_REQUEST_METHOD="GET",
                    ACCESS_CONTROL_REQUEST_HEADERS="if-none-match")  # fmt: skip
    answer = ask(service.fronted, asked)
    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["access-control-allow-methods"] == "GET, HEAD"
    assert answer.headers["access-control-allow-headers"] == "*"


@pytest.mark.parametrize("path", ["/", "/yours", "/mirrorlist?repo=baseos-9", f"/mirrors/{MIRROR}", "/status"])
def test_pages_of_other_sites_may_not_read_what_depends_on_the_asker(service: Both, path: str) -> None:
    where, _, query = path.partition("?")
    assert "access-control-allow-origin" not in get(service, where, query, ORIGIN="https://other.example").headers


def test_errors_can_be_read_by_pages_too(service: Both) -> None:
    for path in ("/api/v1/nothing", "/api/v1/mirrors/nobody.example.org"):
        answer = get(service, path, ORIGIN="https://other.example")
        assert (answer.status, answer.headers["access-control-allow-origin"]) == (404, "*")


def test_a_page_of_another_site_learns_of_no_private_mirror() -> None:
    inside = both(
        snapshot([mirror("m", "berlin"), mirror("private", "berlin", private=True, subnets=["198.51.100.0/24"])])
    )
    asked = environ("/api/v1/selection", "repo=baseos-9", "198.51.100.7")
    assert b"private" in ask(inside.fronted, asked).body
    answer = ask(inside.fronted, {**asked, "HTTP_ORIGIN": "https://other.example"})
    assert answer.status == 200
    assert b"private.example.org" not in answer.body


@pytest.mark.parametrize("path", ["/api/v1/mirrors", "/api/v1/repositories", "/api/v1/changes"])
def test_pages_lead_to_each_other_and_hold_everything_once(service: Both, path: str) -> None:
    rows = path.rpartition("/")[2].replace("changes", "events")
    whole = told(service, path, "limit=500" if rows == "events" else "")
    seen, query, rounds = [], "limit=7", 0
    while query and (rounds := rounds + 1) < 100:
        answer = get(service, path, query)
        found = json.loads(answer.body)
        seen += found[rows]
        assert found["total"] == whole["total"] == len(whole[rows])
        assert len(found[rows]) <= 7
        after = re.search(r'<([^>]+)>; rel="next"', answer.headers.get("link", ""))
        query = after[1].partition("?")[2] if after else ""
        assert ('rel="prev"' in answer.headers.get("link", "")) == (rounds > 1)
    assert seen == whole[rows]
    assert told(service, path, "limit=5&offset=99999")[rows] == []


def test_links_to_pages_keep_the_other_parameters(service: Both) -> None:
    link = get(service, "/api/v1/mirrors", "country=DE&limit=1").headers["link"]
    assert link == '</api/v1/mirrors?country=DE&limit=1&offset=1>; rel="next"'


def times_in(value: Any) -> Iterator[tuple[float | None, str | None]]:
    if isinstance(value, dict):
        for key, each in value.items():
            if key in TIMES:
                yield each, value[f"{key}_iso"]
            yield from times_in(each)
    elif isinstance(value, list):
        for each in value:
            yield from times_in(each)


@pytest.mark.parametrize(
    "path",
    ["/api/v1/mirrors", f"/api/v1/mirrors/{MIRROR}", f"/api/v1/mirrors/{MIRROR}/history", "/api/v1/changes",
     "/api/v1/propagation", "/api/v1/statistics", "/api/v1/selection?repo=baseos-9"],
)  # fmt: skip
def test_each_time_is_written_in_iso_8601_too(service: Both, path: str) -> None:
    found = [*times_in(told(service, *path.split("?")))]
    assert found != []
    for at, text in found:
        assert (text is None) == (at is None)
        if at is not None and text is not None:
            assert datetime.fromisoformat(text).timestamp() == int(at)
