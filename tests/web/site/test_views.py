"""The pages: complete, small, kept, harmless, and silent about what is nobody's business."""

from __future__ import annotations

import gzip
import json
import re
import shlex
from dataclasses import fields, replace
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree, html

from mirrorlist import __version__
from mirrorlist.core.catalogue.policy import MeasuredBandwidth, QuotaShare, WeightReduction
from mirrorlist.core.catalogue.requirements import RequirementLevel, Requirements
from mirrorlist.core.catalogue.service import GeoSources, Link, Module, Site, SyncSource, SyncSources, sync_command
from mirrorlist.core.model import MAIN, Location, Protocol, ReachPair
from mirrorlist.core.public.types import PROBLEM_STATES, MirrorState, PublicMirror
from mirrorlist.core.selection.select import select
from mirrorlist.web.lists.views import answer_to
from mirrorlist.web.questions import Questions
from mirrorlist.web.rendering import brand_css, contrast
from mirrorlist.web.site import svg
from mirrorlist.web.site.network import SORTS
from tests.building import NOW, client, mirror, place
from tests.web.asking import Answer, Both, ask, both, environ
from tests.web.networks import HIDDEN, ODD_SPONSORS, ORIGIN_FAULTS, PNG, SITE, made_up, record_of, with_record

PAGES = ["/", "/kitten", "/mirrors/mirror1.example.org", "/mirrors/mirror5.example.org", "/mirrors/mirror17.example.org",
         "/yours", "/isos", "/isos.html", "/isos/x86_64/9.8", "/isos/x86_64/9.html", "/kitten/isos",
         "/kitten/isos/x86_64/10-kitten", "/kitten/isos/x86_64/10", "/join", "/prober", "/status",
         "/stats", "/mirrors/mirror5.example.org/stats"]  # fmt: skip
PICTURES = ["/mirrors/map-light.svg", "/mirrors/map-dark.svg", "/mirrors/mirror5.example.org.svg", "/static/icon.svg"]
DATA = ["/mirrors.json", "/mirrors.txt", "/mirrors/feed.atom", "/mirrors/mirror3.example.org/feed.atom",
        "/api/v1/mirrors", "/api/v1/mirrors/mirror5.example.org", "/api/v1/mirrors/mirror17.example.org/history",
        "/api/v1/changes", "/api/v1/statistics", "/api/v1/counts", "/api/v1/repositories", "/api/v1/mirrors.geojson", "/openapi.json"]  # fmt: skip
KEPT = [path for path in [*PAGES, *PICTURES, *DATA] if path != "/yours" and "/isos/" not in path]
STRANGER = "8.8.8.8"


@pytest.fixture(scope="module")
def service() -> Both:
    return both(record_of(530))


@pytest.fixture(scope="module")
def empty() -> Both:
    return both(record_of(0))


def get(service: Both, path: str, query: str = "", peer: str = "192.0.2.1", **headers: str) -> Answer:
    return ask(service.fronted, environ(path, query, peer, **headers))


def tree(answer: Answer) -> html.HtmlElement:
    assert answer.status == 200, answer.body[:300]
    return html.document_fromstring(answer.body.decode())


def rows(page: html.HtmlElement) -> list[str]:
    """The names of the mirrors in the table of the front page, in order."""
    return [row.find("th").text_content() for row in page.xpath("//tr[@data-c]")]


@pytest.mark.slow
@pytest.mark.parametrize("path", PAGES)
def test_every_page_answers_in_whole_html(service: Both, path: str) -> None:
    answer = get(service, path)
    assert (answer.status, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    page = tree(answer)
    assert len(page.findall(".//h1")) == 1
    assert page.find(".//title").text.endswith("Example Linux mirrors")
    assert answer.body.rstrip().endswith(b"</html>")


@pytest.mark.slow
@pytest.mark.parametrize("path", ["/", "/yours", "/isos", "/isos/x86_64/9.8", "/join", "/status", *DATA[:2], DATA[4]])
def test_a_network_without_mirrors_has_all_pages(empty: Both, path: str) -> None:
    assert get(empty, path).status == 200


@pytest.mark.parametrize("urls", [{}, {MAIN: {Protocol.RSYNC: "rsync://left.example.org/linux/"}}])
def test_a_mirror_without_an_address_for_clients_spoils_no_page_and_is_unreachable(urls: dict[str, Any]) -> None:
    left = mirror("left", "berlin", urls=urls)
    service = both(with_record([mirror("a", "berlin"), left], at={"192.0.2.0/24": "berlin"}, probed=False))
    own = [f"/mirrors/{left.name}{end}" for end in ("", ".svg", "/feed.atom", "/stats")]
    others = ["/", "/status", "/stats", "/yours", "/mirrors/map-light.svg", "/mirrors.json", "/mirrors.txt"]
    others += ["/api/v1/mirrors", f"/api/v1/mirrors/{left.name}", "/api/v1/mirrors.geojson", "/api/v1/statistics"]
    for path in (*own, *others, "/kitten"):
        assert get(service, path).status == 200, path
    assert json.loads(get(service, f"/api/v1/mirrors/{left.name}").body)["mirror"]["state"] == "down"
    assert get(service, "/", "state=down").status == get(service, "/", "module=main&protocol=https").status == 200


def test_the_front_page_of_530_mirrors_is_small(service: Both) -> None:
    answer = get(service, "/")
    assert len(rows(tree(answer))) == 530
    assert len(answer.body) <= 360 * 1024
    packed = get(service, "/", ACCEPT_ENCODING="gzip")
    assert gzip.decompress(packed.body) == answer.body
    assert len(packed.body) <= 60 * 1024


@pytest.mark.parametrize("path", KEPT)
def test_what_is_the_same_for_everybody_is_not_sent_twice(service: Both, path: str) -> None:
    first = get(service, path)
    assert first.headers["cache-control"].startswith("public, max-age=")
    again = get(service, path, IF_NONE_MATCH=first.headers["etag"])
    assert (again.status, again.body) == (304, b"")
    assert get(service, path, peer=STRANGER).body == first.body
    packed = get(service, path, ACCEPT_ENCODING="gzip")
    assert (packed.headers["etag"] != first.headers["etag"]) == ("content-encoding" in packed.headers)


@pytest.mark.parametrize("path", ["/yours", "/isos/x86_64/9.8", "/api/v1/selection"])
def test_what_depends_on_the_asker_is_kept_by_nobody(service: Both, path: str) -> None:
    answer = get(service, path, "repo=baseos-9" if "api" in path else "")
    assert answer.headers["cache-control"] == "private, no-store"
    assert "etag" not in answer.headers


@pytest.mark.slow
def test_a_new_generation_makes_new_pages() -> None:
    service = both(record_of(3))
    before = get(service, "/")
    service.held.put(record_of(4))
    after = get(service, "/", IF_NONE_MATCH=before.headers["etag"])
    assert len(rows(tree(after))) == 4


@pytest.mark.parametrize("path", [*PAGES, *PICTURES, *DATA])
def test_every_answer_forbids_what_it_does_not_need(service: Both, path: str) -> None:
    headers = get(service, path).headers
    policy = dict(part.strip().partition(" ")[::2] for part in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert "unsafe" not in headers["content-security-policy"]
    assert set(" ".join(value for name, value in policy.items() if name.endswith("-src")).split()) <= {
        "'none'",
        "'self'",
    }
    assert headers["x-content-type-options"] == "nosniff"


class _Inline(HTMLParser):
    """Collects what a strict policy would stop, and where requests go."""

    def __init__(self) -> None:
        super().__init__()
        self.inline: list[str] = []
        self.loaded: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.inline += [name for name in given if name.startswith("on") or name == "style"]
        if tag == "style" or (tag == "script" and not given.get("src")):
            self.inline.append(tag)
        self.loaded += [given[name] or "" for name in ("src", "srcset") if name in given]
        if tag == "link" and given.get("rel") in ("stylesheet", "icon"):
            self.loaded.append(given.get("href") or "")
        if tag == "a":
            self.links.append(given.get("href") or "")


@pytest.mark.parametrize("path", PAGES)
def test_nothing_is_inline_and_nothing_is_fetched_from_elsewhere(service: Both, path: str) -> None:
    found = _Inline()
    found.feed(get(service, path).body.decode())
    assert found.inline == []
    assert [url for url in found.loaded if not re.match(r"/(?!/)", url)] == []
    schemes = ("/", "?", "#", "https://", "http://", "rsync://", "ftp://", "ircs://")
    assert [url for url in found.links if not url.startswith(schemes)] == []


@pytest.mark.slow
@pytest.mark.parametrize("path", PAGES)
def test_every_link_to_ourselves_leads_somewhere(service: Both, path: str) -> None:
    found = _Inline()
    found.feed(get(service, path).body.decode())
    own = {url for url in [*found.links, *found.loaded] if re.match(r"/(?!/)", url)}
    for url in sorted(own)[:150]:
        where, _, query = url.partition("?")
        assert get(service, where, query).status == 200, url


SECRETS = [
    b"secret.example.org", b"Secret Person", b"Secret Author", b"192.0.2.99", b"203.0.113.0", b"198.51.100.0",
    b"Hidden", b"hidden-", b"user:secret",
]  # fmt: skip


@pytest.mark.parametrize("path", [*PAGES, *PICTURES, *DATA, "/api/v1/selection", "/"])
@pytest.mark.parametrize("query", ["", "ip=203.0.113.7", "ip=198.51.100.7", "country=DE", "sort=name"])
def test_no_answer_tells_a_stranger_of_people_networks_and_hidden_mirrors(service: Both, path: str, query: str) -> None:
    if path == "/api/v1/selection":
        query = f"repo=baseos-9&{query}"
    for peer in (STRANGER, "192.0.2.1"):
        answer = get(service, path, query, peer)
        assert [secret for secret in SECRETS if secret in answer.body] == []


@pytest.mark.parametrize("hidden", [each.name for each in HIDDEN])
@pytest.mark.parametrize("rest", ["", ".svg", "/static/logo", "/feed.atom"])
def test_a_hidden_mirror_is_like_none_at_all(service: Both, hidden: str, rest: str) -> None:
    for accept in ("text/html", "*/*"):
        there = get(service, f"/mirrors/{hidden}{rest}", ACCEPT=accept)
        nowhere = get(service, f"/mirrors/nobody.example.org{rest}", ACCEPT=accept)
        assert there.status == 404
        assert (there.body, there.headers) == (nowhere.body, nowhere.headers)


def test_a_private_mirror_is_shown_to_its_own_network(service: Both) -> None:
    page = get(service, "/yours", peer="203.0.113.7").body.decode()
    assert "hidden-private.example.org" in page
    assert "for your network only" in page
    assert "hidden-alone" not in page
    assert "hidden-cloud" not in page
    assert json.loads(get(service, "/api/v1/selection", "repo=baseos-9", "198.51.100.7").body)["chosen"][0]["name"] == (
        "hidden-alone.example.org"
    )


def test_page_api_and_list_tell_the_same(service: Both) -> None:
    query = "repo=baseos-9&arch=x86_64"
    told = json.loads(get(service, "/api/v1/selection", query).body)
    listed = [line for line in get(service, "/mirrorlist", query).body.decode().splitlines() if line[0] != "#"]
    page = tree(get(service, "/yours", "version=9&repo=baseos&arch=x86_64"))
    assert [row["url"] for row in told["chosen"]] == listed
    assert [link.get("href") for link in page.findall(".//table//a[@class='url']")] == listed
    shown = sum(int(each.text) for each in page.findall(".//summary/b"))
    assert shown == len(told["left_out"])
    public = {mirror["name"] for mirror in json.loads(get(service, "/api/v1/mirrors").body)["mirrors"]}
    assert {row["name"] for row in told["chosen"] + told["left_out"]} == public
    snapshot = service.held.current.snapshot if service.held.current else None
    assert snapshot is not None
    question = Questions(snapshot.facts.service.catalogue, snapshot.policy).read("/mirrorlist", query)
    assert answer_to(snapshot, question, client("192.0.2.1", place("berlin")), 1e9)[0].startswith("text/plain")
    chosen = select(snapshot, question.query, client("192.0.2.1", place("berlin")), service.clock.now).choices
    assert [choice.mirror.name for choice in chosen] == [row["name"] for row in told["chosen"]]


def test_what_is_wanted_of_mirrors_is_in_the_lines_to_copy(service: Both) -> None:
    page = tree(get(service, "/yours", "version=9&repo=baseos&avoid=a.example.org,+b.example.org&country=-DE&only="))
    lines = " ".join(" ".join(each.itertext()) for each in page.iter("pre"))
    assert "repo=baseos-9&arch=$basearch&country=-DE&avoid=a.example.org,b.example.org" in lines
    assert "only=" not in lines
    assert {"a.example.org, b.example.org"} == {
        each.get("value") for each in page.iter("input") if each.get("name") == "avoid"
    }


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("repo=nothing", "Unknown repo"),
        ("version=77", "Unknown"),
        ("ip=nonsense", "The parameter ip is malformed"),
        ("country=DEU", "The parameter country is malformed"),
        ("avoid=https://a.example.org/", "The parameter avoid is malformed"),
        ("arch=<script>", "The parameter arch is malformed"),
    ],
)
def test_a_question_that_cannot_be_answered_is_told_on_the_page(service: Both, query: str, said: str) -> None:
    answer = get(service, "/yours", query)
    assert answer.status == (404 if "malformed" not in said else 400)
    page = html.document_fromstring(answer.body.decode())
    [alert] = page.findall(".//*[@role='alert']")
    assert alert.text.startswith(said)


@pytest.mark.parametrize(("query", "count"), [("state=stale", None), ("country=DE", 36), ("module=kitten", 53),
                                              ("country=DE&module=kitten&protocol=rsync", 0)])  # fmt: skip
def test_filters_work_without_a_script(service: Both, query: str, count: int | None) -> None:
    page = tree(get(service, "/", query))
    every = json.loads(get(service, "/api/v1/mirrors", query).body)["mirrors"]
    assert len(rows(page)) == len(every) == (len(every) if count is None else count)


@pytest.mark.parametrize("sort", SORTS)
def test_orders_work_without_a_script(service: Both, sort: str) -> None:
    page = tree(get(service, "/", f"sort={sort}&country=DE"))
    names = rows(page)
    assert len(names) == 36
    [heading] = page.xpath("//th[@aria-sort]")
    assert heading.find("a").get("href") == "/?country=DE" + ("" if sort == "place" else f"&sort={sort}")
    assert page.xpath("//select[@name='sort']/option[@selected]/@value") == [sort]
    if sort == "name":
        assert names == sorted(names)


def test_mirrors_are_grouped_by_continent_and_country(service: Both) -> None:
    page = tree(get(service, "/"))
    continents = page.xpath("//tbody[@class='continent']//th")
    assert [each.text_content() for each in continents] == [
        "Europe", "North America", "South America", "Asia", "Africa", "Oceania",
    ]  # fmt: skip
    jumps = page.xpath("//p[@class='jump']/a")
    assert [each.get("href") for each in jumps] == [f"#{each.get('id')}" for each in continents]
    assert sum(int(each.find("b").text) for each in jumps) == 530
    for body in page.xpath("//tbody[@class='country']"):
        [heading] = body.xpath("./tr[@class='group']")
        codes = body.xpath("./tr[@data-c]/@data-c")
        assert len(set(codes)) == 1
        assert len(codes) == int(heading.xpath(".//b")[0].text)
        for state in ("stale", "unreachable", "behind"):
            found = [cell for cell in body.xpath("./tr[@data-c]/td[1]") if cell.text == state]
            assert (f"{len(found)} {state}" in heading.text_content()) == bool(found)


def test_problems_come_first_in_the_order_of_health(service: Both) -> None:
    states = tree(get(service, "/", "sort=state")).xpath("//tr[@data-c]/td[1]/text()")
    assert list(dict.fromkeys(states)) == [
        "unreachable", "stale", "behind", "taken out", "not checked yet", "paused", "not live yet", "up to date",
    ]  # fmt: skip
    assert set(tree(get(service, "/", "state=problem")).xpath("//tr[@data-c]/td[1]/text()")) == set(states[:1]) | {
        "stale", "behind",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("query", "lead"),
    [
        ("", "530 mirrors in 15 countries."),
        ("country=DE", "36 mirrors of 530."),
        ("module=kitten", "53 mirrors of 530 in 3 countries."),
        ("country=AQ", "0 mirrors of 530."),
    ],
)
def test_heading_bar_and_map_are_about_what_is_shown(service: Both, query: str, lead: str) -> None:
    page = tree(get(service, "/", query))
    shown = len(rows(page))
    assert " ".join(page.xpath("//p[@class='lead']")[0].text_content().split()).startswith(lead)
    assert sum(int(each) for each in page.xpath("//*[@class='legend']//b/text()")) == shown
    assert sum(int(each) for each in page.xpath("//*[@class='share']/rect/@width")) == shown
    source = page.xpath("//picture//img/@src")[0]
    drawn = get(service, *source.partition("?")[::2])
    assert len(etree.fromstring(drawn.body).findall(".//{*}use")) == shown
    assert page.xpath("//select[@name='country']/option[@selected]/@value") == re.findall("country=(..)", query)


@pytest.mark.slow
def test_a_sum_of_bandwidth_is_shown_only_where_most_declare_one() -> None:
    def lead(*declared: int | None) -> str:
        mirrors = [mirror(f"m{n}", "berlin", bandwidth_mbps=mbps) for n, mbps in enumerate(declared)]
        return " ".join(
            tree(get(both(with_record(mirrors)), "/")).xpath("//p[@class='lead']")[0].text_content().split()
        )

    assert "bandwidth" not in lead(10_000, None, None)
    assert "Declared bandwidth: 11 Gbit/s, by 2 of them." in lead(10_000, 1000, None)
    assert lead(10_000, 1000).endswith("Declared bandwidth: 11 Gbit/s.")


CITIES = {"a": ("DE", "München"), "b": ("CH", "Zürich"), "c": ("BR", "São Paulo"), "d": ("NO", "Tromsø"),
          "e": ("GN", "Conakry"), "f": ("PG", "Port Moresby"), "g": ("DE", "Berlin"), "de-mirror": ("FR", "Lyon")}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("München", "a"), ("munchen", "a"), ("zurich", "b"), ("ZÜRICH", "b"), ("Sao Paulo", "c"), ("tromso", "d"),
        ("guinea", "e f"), ("papua", "f"), ("Berlin", "g"), ("germany berlin", "g"), ("erlin", ""),
        ("BR", "c"), ("CH", "b"), ("東京", "東"), ("京", "東"), ("b.example", "b"), ("<script>", ""),
    ],
)  # fmt: skip
def test_search_finds_words_whatever_their_accents(words: str, found: str) -> None:
    mirrors = [
        mirror(name, time_zone="Europe/Berlin", location=Location(country=country, city=city))
        for name, (country, city) in CITIES.items()
    ]
    mirrors.append(mirror("east", "berlin", sponsor="東京大学"))
    page = tree(get(both(with_record(mirrors)), "/", urlencode({"q": words})))
    names = {"east": "東"}
    assert {names.get(each.partition(".")[0], each.partition(".")[0]) for each in rows(page)} == set(found.split())
    assert page.xpath("//input[@name='q']/@value") == [words]


def test_marks_say_what_a_mirror_carries_and_the_place_leads_to_a_map(service: Both) -> None:
    page = tree(get(service, "/", "sort=name"))
    heads = [each.text_content() for each in page.xpath("//table[@id='mirrors']/thead/tr/th")]
    assert heads[4:9] == ["Addresses", "Example Linux", "Kitten", "Rsync", "IPv6"]
    [row] = [row for row in page.xpath("//tr[@data-c]") if row.find("th").text_content() == "mirror10.example.org"]
    cells = [*row]
    assert [cell.text_content().strip() for cell in cells[4:8]] == ["https http", "✓", "✓", ""]
    assert cells[6].find("a").get("href") == "https://mirror10.example.org/kitten/"
    assert cells[3].find("a").get("href").startswith("https://www.openstreetmap.org/?mlat=")


def test_the_map_leads_to_mirrors_and_countries(service: Both) -> None:
    spots = tree(get(service, "/")).xpath("//*[@class='spots']/a")
    assert 15 <= len(spots) < 530
    assert all(spot.get("tabindex") == "-1" for spot in spots), "a keyboard has the table"
    for href in {spot.get("href") for spot in spots}:
        assert get(service, *href.partition("?")[::2]).status == 200


def test_states_differ_in_colour_and_pages_and_pictures_agree(service: Both) -> None:
    light, dark = get(service, "/static/site.css").body.decode().split("prefers-color-scheme: dark", 1)
    for text, palette in ((light, svg.LIGHT), (dark, svg.DARK)):
        colours = dict(re.findall(r"--(\w+): (#\w+);", text.split("*", 1)[0]))
        assert {state.value: colours[state] for state in MirrorState} == {s.value: c for s, c in palette.ink.items()}
        assert len({palette.ink[s] for s in (*PROBLEM_STATES, MirrorState.FRESH, MirrorState.OUT)}) == 5


@pytest.mark.parametrize(
    ("path", "query"), [("/", "sort=x"), ("/", "state=x"), ("/", "country=DEU"), ("/", "module=x")]
)
def test_values_that_there_are_not_are_refused(service: Both, path: str, query: str) -> None:
    assert get(service, path, query).status == 400


def test_sponsors_are_shown_as_they_are_and_do_nothing(service: Both) -> None:
    answer = get(service, "/")
    shown = {element.text for element in tree(answer).findall(".//bdi")}
    assert set(ODD_SPONSORS) <= shown
    assert b"<script>alert" not in answer.body


@pytest.mark.parametrize(("path", "accept", "content_type"), [
    ("/nothing", "text/html,*/*;q=0.8", "text/html; charset=utf-8"),
    ("/nothing", "*/*", "text/plain; charset=utf-8"),
    ("/mirrors/none.example.org", "text/html", "text/html; charset=utf-8"),
    ("/mirrorlist/9/nothing", "text/html", "text/plain; charset=utf-8"),
    ("/metalink/9/nothing", "text/html,application/xhtml+xml", "text/plain; charset=utf-8"),
    ("/isolist/9/nothing", "text/html", "text/plain; charset=utf-8"),
])  # fmt: skip
def test_errors_have_the_form_that_was_asked_for(service: Both, path: str, accept: str, content_type: str) -> None:
    answer = get(service, path, ACCEPT=accept)
    assert (answer.status, answer.headers["content-type"]) == (404, content_type)


def test_a_list_stays_a_list_for_browsers(service: Both) -> None:
    browser = get(service, "/mirrorlist/9/baseos", ACCEPT="text/html,application/xhtml+xml")
    assert browser == get(service, "/mirrorlist/9/baseos")


def test_an_error_has_a_page_before_there_is_a_snapshot() -> None:
    answer = get(both(), "/", ACCEPT="text/html")
    assert (answer.status, answer.headers["retry-after"]) == (503, "30")
    assert b"Not ready yet" in answer.body


@pytest.mark.parametrize("path", PICTURES)
def test_pictures_are_well_formed(service: Both, path: str) -> None:
    answer = get(service, path)
    assert answer.headers["content-type"] == "image/svg+xml"
    assert etree.fromstring(answer.body).tag == "{http://www.w3.org/2000/svg}svg"


def test_a_badge_has_both_spellings(service: Both) -> None:
    dots, bars = (get(service, f"/mirrors/{name}.svg") for name in ("mirror5.example.org", "mirror5_example_org"))
    assert dots == bars
    assert b"unreachable" in dots.body


def test_the_map_has_a_sign_for_every_mirror_of_known_place(service: Both) -> None:
    uses = etree.fromstring(get(service, "/mirrors/map-light.svg").body).findall(".//{*}use")
    assert len(uses) == 530
    assert len({use.get("href") for use in uses}) >= 6


def test_logos_are_pictures_and_nothing_else(service: Both) -> None:
    answer = get(service, "/mirrors/mirror4.example.org/logo")
    assert (answer.status, answer.headers["content-type"]) == (200, "image/png")
    assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert get(service, "/mirrors/mirror5.example.org/logo").status == 404


@pytest.mark.parametrize("path", ["/mirrors/feed.atom", "/mirrors/mirror3.example.org/feed.atom"])
def test_feeds_are_atom(service: Both, path: str) -> None:
    feed = etree.fromstring(get(service, path).body)
    atom = "{http://www.w3.org/2005/Atom}"
    assert feed.tag == f"{atom}feed"
    for needed in ("title", "id", "updated", "author"):
        assert feed.find(f"{atom}{needed}") is not None
    entries = feed.findall(f"{atom}entry")
    ids = [entry.findtext(f"{atom}id") for entry in entries]
    assert entries
    assert len(set(ids)) == len(ids)
    times = [entry.findtext(f"{atom}updated") or "" for entry in entries]
    assert times == sorted(times, reverse=True)


def test_the_ages_of_the_installed_tables_are_told() -> None:
    made = record_of(3)
    for places, asns in [("2026-06-05", "2026-06-17"), (None, None)]:
        facts = replace(made.facts, places_built_on=places, asns_built_on=asns)
        told = both(replace(made, facts=facts)).get("/status").body.decode()
        assert told.count("installed table of") == 2 * bool(places)
        assert not places or (f"installed table of {places}" in told and f"installed table of {asns}" in told)
        assert "after the operator" not in told, "there are no databases"


def test_databases_that_come_before_the_installed_table_are_told() -> None:
    made = record_of(3, geo=GeoSources(databases=("/g.mmdb",)))
    facts = replace(made.facts, places_built_on="2026-06-05")
    told = both(replace(made, facts=facts)).get("/status").body.decode()
    assert "the operator's databases, then the installed table of 2026-06-05" in told


def test_downloaded_databases_and_old_tables_are_shown_with_their_age() -> None:
    made = record_of(3)
    downloads = {"dbip-city-lite": "2026-11-01"}
    facts = replace(made.facts, built_at=1_795_900_000.0, places_built_on="2020-06-05", downloads=downloads)
    shown = both(replace(made, facts=facts)).get("/status").body.decode()
    assert "<dd>dbip-city-lite, built on 2026-11-01</dd>" in shown
    assert "installed table of 2020-06-05, <strong>over a year old</strong>" in shown


def test_the_status_page_says_why_the_newest_commit_is_not_in_force() -> None:
    made = record_of(3)
    told = both(
        replace(made, facts=replace(made.facts, behind="commit <1234> was refused", behind_since=made.facts.built_at))
    )

    page = told.get("/status").body.decode()

    assert "Not the newest" not in both(made).get("/status").body.decode()
    assert "commit &lt;1234&gt; was refused." in page


@pytest.mark.parametrize("path", ["/", "/yours", "/status", "/mirrors/mirror5.example.org", "/static/site.css"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_pages_are_only_read(service: Both, path: str, method: str) -> None:
    answer = ask(service.fronted, environ(path, method=method))
    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")


BYTES = st.binary(max_size=30).map(lambda raw: raw.decode("latin-1"))
STARTS = st.sampled_from(
    [*PAGES, *PICTURES, *DATA, "/mirrors/", "/api/v1/selection", "/api/v1/", "/isos/x86_64/", "/static/"]
)
KNOWN = [
    "repo=baseos-9",
    "country=DE",
    "ip=::1",
    "ip=%00",
    "sort=name",
    "since=1",
    "state=%FF",
    "version=9",
    "arch=\x80",
]
QUERIES = st.lists(st.sampled_from(KNOWN) | BYTES, max_size=4).map("&".join)


@settings(max_examples=300, deadline=None)
@given(STARTS, BYTES | st.just(""), QUERIES, st.sampled_from(["text/html", "*/*", ""]))
def test_no_request_for_a_page_is_an_internal_error(
    empty: Both, start: str, rest: str, query: str, accepted: str
) -> None:
    answer = get(empty, start + rest, query, ACCEPT=accepted)
    assert answer.status in (200, 308, 400, 404)
    if rest and answer.headers["content-type"].startswith("text/html"):
        assert b"<script>" not in answer.body


@pytest.mark.parametrize("path", ["/", "/yours", "/mirrors.json", "/api/v1/mirrors", "/static/site.css", "/no/such"])
def test_several_slashes_at_the_beginning_are_one(service: Both, path: str) -> None:
    assert get(service, f"/{path}") == get(service, f"//{path}") == get(service, path)
    if len(path) > 1:
        assert get(service, f"{path}//x").status == 404


@pytest.mark.parametrize("host", ['evil.example/"><script>', "a b", ""])
def test_a_host_that_is_none_is_not_repeated(host: str) -> None:
    service = both(record_of(3, site=Site()))
    page = get(service, "/yours", HOST=host).body.decode()
    assert "mirrors.example.org/" in page
    assert "<script>" not in page
    assert (
        "https://proxied.example.org/"
        not in get(service, "/yours", HOST="proxied.example.org", X_FORWARDED_PROTO="https").body.decode()
    )


def test_every_field_of_a_mirror_is_named_on_purpose() -> None:
    """A new field gets out only with a change here."""
    assert {field.name for field in fields(PublicMirror)} == {
        "name", "state", "status", "urls", "sponsor", "sponsor_url", "logo", "country", "continent", "region", "city",
        "latitude", "longitude", "precision_km", "placed_by", "places", "is_global", "time_zone", "bandwidth_mbps",
        "tib_per_month", "off_peak_only",
        "update_frequency_seconds", "countries_only", "countries_never", "status_reason", "status_until", "live_from",
        "since", "checked_at", "ipv6", "repositories", "fresh", "lag_seconds", "home_share", "override",
        "files",
    }  # fmt: skip
    assert len(MirrorState) == 9


def test_the_scheme_is_the_one_that_a_trusted_proxy_saw() -> None:
    service = both(record_of(3, site=Site(), trusted_proxies=("10.0.0.0/8",)))
    sent = {"HOST": "mirrors.example.net", "X_FORWARDED_PROTO": "https"}
    assert "=https://mirrors.example.net/" in get(service, "/yours", peer="10.0.0.1", **sent).body.decode()
    assert "=http://mirrors.example.net/" in get(service, "/yours", peer="8.8.8.8", **sent).body.decode()


def test_a_mirror_whose_every_address_is_withheld_breaks_no_page() -> None:
    bare = replace(made_up(1)[0], name="bare.example.org", urls={})
    service = both(with_record([*made_up(2), bare], at={}, probed=False))
    for path in (
        "/",
        "/status",
        "/yours",
        "/mirrors/bare.example.org",
        "/api/v1/mirrors",
        "/api/v1/mirrors/bare.example.org",
    ):
        answer = get(service, path)
        assert answer.status == 200, path
    assert "bare.example.org" in rows(tree(get(service, "/")))


@pytest.mark.slow
def test_who_wants_to_join_reads_what_is_asked_and_what_to_copy() -> None:
    asked = Requirements(
        minimum=RequirementLevel(bandwidth_mbps=1000, update_frequency_seconds=10_800, availability_percent=95.0),
        preferred=RequirementLevel(
            bandwidth_mbps=10_000, protocols=(Protocol.HTTPS, Protocol.RSYNC), agreement="2026-10"
        ),
    )
    sources = SyncSources(
        sources=(SyncSource("Tokyo", {MAIN: "rsync://tokyo.example.org/linux/"}, Location(country="JP")),)
    )
    page = tree(get(both(record_of(3, requirements=asked, sync=sources)), "/join"))
    rows = [[" ".join(cell.text_content().split()) for cell in row] for row in page.xpath("//table/tbody/tr")]
    assert rows[:5] == [
        ["Bandwidth", "1 Gbit/s", "10 Gbit/s"],
        ["Sync", "every 3 hours", ""],
        ["Protocols", "", "https and rsync"],
        ["Availability", "95 %", ""],
        ["Agreement", "", "version 2026-10"],
    ]
    assert rows[-1] == ["Tokyo", "🇯🇵 Japan", "rsync://tokyo.example.org/linux/"]
    assert page.xpath("//table")[0].find("thead") is not None
    bare = tree(get(both(record_of(3)), "/join"))
    assert "Asked of mirrors" not in bare.text_content()


def test_the_line_that_copies_a_tree_is_shown_for_every_module_as_the_kit_has_it() -> None:
    sources = SyncSources(
        sources=(
            SyncSource("Tokyo", {MAIN: "rsync://tokyo.example.org/linux/"}, Location(country="JP")),
            SyncSource(
                "Paris", {MAIN: "rsync://paris.example.org/linux/", "kitten": "rsync://paris.example.org/kitten/"}
            ),
        )
    )
    modules = {
        MAIN: Module(title="Main", rsync="rsync://everybody.example.org/linux"),
        "kitten": Module(title="Kitten"),
        "vault": Module(title="Vault", rsync="rsync://everybody.example.org/vault"),
        "other": Module(title="Other"),
    }
    page = tree(get(both(record_of(3, modules=modules, sync=sources)), "/join"))
    shown = [figure.text_content() for figure in page.xpath("//figure[contains(., 'rsync -')]/pre")]
    assert shown == [
        shlex.join(sync_command(source, f"/srv/mirror/example-linux/{name}"))
        for name, source in (
            (MAIN, "rsync://tokyo.example.org/linux/"),
            ("kitten", "rsync://paris.example.org/kitten/"),
            ("vault", "rsync://everybody.example.org/vault/"),
        )
    ]


@pytest.mark.slow
def test_your_package_manager_is_told_only_what_it_can_read() -> None:
    def shown(**said: object) -> str:
        page = tree(get(both(record_of(3, **said)), "/yours"))  # type: ignore[arg-type]  # fields of a service
        return "\n".join(figure.text_content() for figure in page.xpath("//figure[@class='snippet']"))

    bare, signed = shown(), shown(site=Site(gpg_key="file:///etc/pki/KEY"))
    assert "dnf and yum" in bare
    assert "zypper" in bare
    assert not any(word in bare for word in ("deb mirror+", "pacman", "apk", "gpgcheck", "gpgkey"))
    assert signed.count("gpgcheck=1\ngpgkey=file:///etc/pki/KEY\n") == 2


def test_status_tells_what_is_wrong_at_the_origin(service: Both) -> None:
    assert ORIGIN_FAULTS[0] in tree(get(service, "/status")).text_content()


def test_status_says_how_much_was_compared_by_kind(service: Both) -> None:
    page = " ".join(tree(get(service, "/status")).text_content().split())
    assert re.search(r"Content ?rpm: (\d+) of (\d+) compared with the origin", page)
    bare = tree(get(both(with_record([mirror("a")], probed=False)), "/status")).text_content()
    assert re.search(r"rpm: 0 of \d+ compared with the origin", bare)


def test_a_mirror_without_ipv6_is_not_told_that_it_is_out(service: Both) -> None:
    page = " ".join(tree(get(service, "/mirrors/mirror9.example.org")).text_content().split())
    assert "IPv6no address" in page  # a term and its value
    assert "does not work" not in page


@pytest.mark.slow
@pytest.mark.parametrize(
    ("repository", "link"),
    [
        ("https://github.com/e/m/tree/main/mirrors.d", "https://github.com/e/m/new/main/mirrors.d?filename="),
        ("https://gitlab.com/e/m/-/tree/main/mirrors.d/", "https://gitlab.com/e/m/-/new/main/mirrors.d?file_name="),
        ("https://codeberg.org/e/m/src/branch/main/mirrors.d", "https://codeberg.org/e/m/_new/main/mirrors.d?filename="),
        ("https://git.example.org/mirrors", "https://git.example.org/mirrors"),
    ],
)  # fmt: skip
def test_who_wants_to_join_is_led_to_a_filled_in_form(repository: str, link: str) -> None:
    page = tree(get(both(record_of(3, site=Site(repository=repository))), "/join"))
    [button] = page.xpath("//main//a[@class='button']")
    assert button.get("href").startswith(link)
    query = parse_qs(urlsplit(button.get("href")).query)
    assert set(query) & {"filename", "file_name"} == (
        {"filename"} if "filename=" in link else {"file_name"} if "file_name" in link else set()
    )
    if "filename=" in link:
        [text] = query["value"]
        assert text == page.xpath("//figure[contains(., 'Mirror file')]/pre")[0].text_content()
        assert yaml.safe_load(text)["name"] == "mirror.example.org"
    bare = tree(get(both(record_of(3, site=Site(), modules={MAIN: Module(title="Main")})), "/join"))
    assert not bare.xpath("//main//a[@class='button']")
    assert [each.text_content() for each in bare.xpath("//th")] == ["Tree", "Main main"]


@pytest.mark.slow
def test_the_badge_of_a_service_without_an_address_names_none() -> None:
    for site, expected in ((SITE, "https://mirrors.example.org/mirrors/mirror1.example.org.svg"), (Site(), None)):
        page = tree(get(both(record_of(3, site=site)), "/mirrors/mirror1.example.org"))
        shown = [each.text_content() for each in page.xpath("//figure[contains(., 'HTML')]/pre")]
        assert len(shown) == bool(expected)
        assert not expected or expected in shown[0]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("mirror5.example.org", "main https IPv4 and 3 more: back after 2 good probes in a row."),
        ("mirror17.example.org", "Lists hold it again after 2026-"),
        ("mirror7.example.org", "Its pause ends on 2026-12-31."),
        ("mirror13.example.org", "Lists hold it from 2026-12-01 on."),
    ],
)
def test_a_mirror_says_what_it_waits_for_and_until_when(service: Both, name: str, said: str) -> None:
    page = tree(get(service, f"/mirrors/{name}"))
    assert page.xpath("//ul[@class='waits']/li")[0].text_content().startswith(said)
    assert not tree(get(service, "/mirrors/mirror6.example.org")).xpath("//ul[@class='waits']")


def test_status_announces_launches_pauses_and_retirements(service: Both) -> None:
    text = " ".join(tree(get(service, "/status")).text_content().split())
    for said in ("live from 2026-12-01", "retires, last day 2026-12-31", "paused until 2026-12-31", "taken out until"):
        assert said in text


def test_status_shows_what_fell_together_as_one_row(service: Both) -> None:
    told = tree(get(service, "/status")).xpath("//table[contains(@class, 'events')]/tbody/tr")
    back = [row for row in told if "back" in row.text_content()]
    assert len(back) == 1, "177 mirrors came back at once"
    assert len(back[0].xpath(".//td[@class='name']//a")) > 100
    assert {*back[0].xpath(".//td[@class='name']//summary/text()")} == {f"{len(back[0].xpath('.//details/a'))} mirrors"}


def test_pages_can_be_shared_and_have_an_icon(service: Both) -> None:
    for path in PAGES:
        page = tree(get(service, path))
        meta = {each.get("property") or each.get("name"): each.get("content") for each in page.iter("meta")}
        assert len(meta["description"]) > 20, path
        assert meta["og:title"]
        assert meta["og:description"] == meta["description"]
        assert meta["og:url"].startswith("https://mirrors.example.org/")
    icon = get(service, "/favicon.ico")
    assert (icon.headers["content-type"], icon.body[:4]) == ("image/png", b"\x89PNG")
    [touch] = page.xpath("//link[@rel='apple-touch-icon']/@href")
    assert get(service, *touch.partition("?")[::2]).body == icon.body


@given(st.binary(min_size=3, max_size=3))
def test_a_colour_of_the_service_can_be_read_in_both_schemes(color: bytes) -> None:
    light, dark = re.findall("--link:(#[0-9a-f]{6})", brand_css(f"#{color.hex()}"))
    for found, papers in ((light, ("ffffff", "f5f7f8")), (dark, ("0f1519", "172026"))):
        for paper in papers:
            assert contrast(bytes.fromhex(found[1:]), bytes.fromhex(paper)) >= 4.5


def test_a_service_has_its_own_colour_logo_and_links(service: Both) -> None:
    site = replace(SITE, color="#aa2200", logo="/etc/logo.png", links=(Link("Wiki", "https://wiki.example.org/"),))
    made = record_of(3, site=site)
    branded = both(made)
    page = tree(get(branded, "/"))
    [style] = page.xpath("//link[contains(@href, 'brand.css')]/@href")
    css = get(branded, *style.partition("?")[::2])
    assert css.headers["content-type"].startswith("text/css")
    assert b"--link:#aa2200" in css.body
    assert page.xpath("//header//a[text()='Wiki']/@href") == ["https://wiki.example.org/"]
    assert page.xpath("//header//img/@src") == ["/static/logo"]
    assert get(branded, "/static/logo").body == PNG
    assert [get(service, path).status for path in ("/static/logo", "/static/brand.css")] == [404, 404]


@pytest.mark.slow
def test_the_prober_says_who_asks_and_how_to_limit_it() -> None:
    site = Site(url="https://mirrors.example.org/", contacts=(Link("Form", "https://example.org/form"),))
    page = tree(get(both(record_of(3, site=site)), "/prober"))
    agent, limit = (figure.text_content() for figure in page.xpath("//figure[@class='snippet']"))
    assert f"mirrorlist/{__version__} (+https://mirrors.example.org/prober)" in agent
    assert "probe:\n  at_most: 10\n" in limit
    assert page.xpath("//a[@href='https://example.org/form']")
    bare = tree(get(both(record_of(3, site=Site())), "/prober")).text_content()
    assert f"mirrorlist/{__version__}" in bare
    assert "(+" not in bare


def test_the_page_of_a_mirror_shows_its_places() -> None:
    tokyo = Location(country="JP", city="Tokyo", latitude=35.7, longitude=139.7)
    many = mirror("many", "berlin", places=(tokyo, Location(country="US")))
    service = both(with_record([many, mirror("cdn", "chicago", is_global=True)]))
    facts = tree(get(service, f"/mirrors/{many.name}")).xpath("//dl")[0].text_content()
    assert "Home" in facts and "Germany" in facts and "Japan, Tokyo" in facts and "United States" in facts
    assert "everywhere, as a content delivery network" in get(service, "/mirrors/cdn.example.org").body.decode()
    told = json.loads(get(service, f"/api/v1/mirrors/{many.name}").body)["mirror"]
    assert [(each["country"], each["city"]) for each in told["places"]] == [("JP", "Tokyo"), ("US", None)]
    assert told["is_global"] is False


def test_a_mirrors_page_and_the_api_say_what_was_measured_its_quota_and_its_hours() -> None:
    [one, other] = [
        mirror("one", "berlin", tib_per_month=50.0, off_peak_only=True, rests=True, bandwidth_mbps=1000,
               pairs=(ReachPair("IR", "one.example.org", None, since=NOW - 900),)),
        mirror("other", "berlin"),
    ]  # fmt: skip
    quota = QuotaShare(day="", part=0.25, share=0.0125, before_tib=12.0, carried_tib=12.5, used_up=True)
    slow = MeasuredBandwidth(220.4, NOW, WeightReduction(2, NOW - 3600, "220 Mbit/s is the most that was measured"))
    made = with_record([one, other], bandwidths={one.name: slow}, quotas={one.name: quota})
    service = both(made)
    page = " ".join(tree(get(service, f"/mirrors/{one.name}")).text_content().split())
    for said in (
        "220 Mbit/s", "Only 250 Mbit/s count since", "50 TiB a month", "About 12.50 TiB carried this month",
        "Today's part is used up.", "no clients now, as it is peak time there", "Not for clients in Iran: vantage points",
    ):  # fmt: skip
        assert said in page, (said, page)
    limits = json.loads(get(service, f"/api/v1/mirrors/{one.name}").body)["limits"]
    assert limits["unreached_from"] == {"IR": NOW - 900}
    assert (limits["bandwidth"]["measured_mbps"], limits["bandwidth"]["counted_mbps"]) == (220.4, 250)
    assert (limits["quota"]["carried_tib"], limits["quota"]["used_up"], limits["rests"]) == (12.5, True, True)
    plain = json.loads(get(service, f"/api/v1/mirrors/{other.name}").body)
    assert plain["limits"] == {"unreached_from": {}, "bandwidth": None, "quota": None, "rests": False}
    assert "TiB" not in tree(get(service, f"/mirrors/{other.name}")).text_content()
