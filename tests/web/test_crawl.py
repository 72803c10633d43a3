"""Every page that can be reached from the first: no dead link, nothing of anybody else's, no fault in a feed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from urllib.parse import unquote, urljoin, urlsplit

import pytest
from lxml import etree, html

from mirrorlist.core.catalogue.trees import RedirectTree
from mirrorlist.core.model import MAIN
from tests.web.asking import Answer, Both, ask, both, environ
from tests.web.networks import record_of

ORIGIN = "http://localhost"
ATOM = "{http://www.w3.org/2005/Atom}"


@pytest.fixture(scope="module")
def service() -> Both:
    return both(record_of(40, trees=(RedirectTree(prefix="/dl/", module=MAIN),)))


@pytest.fixture(scope="module")
def crawled(service: Both) -> dict[str, Answer]:
    """Every address of our own that a page names, with its answer."""
    found: dict[str, Answer] = {}
    waiting = ["/", "/kitten", "/?sort=speed&state=stale", "/yours?version=9"]
    while waiting:
        url = waiting.pop()
        if url not in found:
            path, _, query = url.partition("?")
            found[url] = ask(service.fronted, environ(unquote(path), query, ACCEPT="text/html,*/*;q=0.8"))
            waiting += [named.removeprefix(ORIGIN) for named in links(url, found[url]) if named.startswith(ORIGIN)]
    return found


def links(url: str, answer: Answer) -> Iterator[str]:
    """What an answer links or loads, without fragments."""
    if answer.headers.get("content-type", "").startswith("text/html"):
        for element in html.document_fromstring(answer.body.decode()).iter("*"):
            for name in ("href", "src", "srcset", "action"):
                if value := element.get(name):
                    yield urljoin(ORIGIN + url, value).partition("#")[0]


@pytest.mark.slow
def test_no_link_is_dead(crawled: dict[str, Answer]) -> None:
    assert len(crawled) > 300
    assert [url for url, answer in crawled.items() if answer.status not in (200, 302)] == []
    assert [url for url, answer in crawled.items() if answer.status == 302 and not url.startswith("/dl/")] == []


def test_every_mirror_and_every_form_of_it_is_reached(crawled: dict[str, Answer]) -> None:
    for start, end in (
        ("/mirrors/", ""),
        ("/mirrors/", "/feed.atom"),
        ("/mirrors/", ".svg"),
        ("/api/v1/mirrors/", "/history"),
    ):
        assert f"{start}mirror1.example.org{end}" in crawled
    assert [url for url in crawled if url.endswith(".meta4")]


def test_no_page_loads_anything_of_others(crawled: dict[str, Answer]) -> None:
    for url, answer in crawled.items():
        if answer.headers.get("content-type", "").startswith("text/html"):
            page = html.document_fromstring(answer.body.decode())
            loaded = page.xpath("//@src | //@srcset | //link[@rel!='alternate']/@href | //form/@action")
            assert [each for each in loaded if not re.match(r"/(?!/)", each)] == [], url


def test_feeds_keep_the_rules_of_rfc_4287(crawled: dict[str, Answer]) -> None:
    """Section 4.1: what a feed and an entry must have, each once, with absolute addresses and times of RFC 3339."""
    feeds = [
        answer
        for answer in crawled.values()
        if answer.headers.get("content-type", "").startswith("application/atom+xml")
    ]
    assert len(feeds) > 40
    for answer in feeds:
        feed = etree.fromstring(answer.body)
        assert feed.tag == f"{ATOM}feed"
        assert len(feed.findall(f"{ATOM}author/{ATOM}name")) == 1, "so no entry needs its own"
        relations = [link.get("rel") for link in feed.findall(f"{ATOM}link")]
        assert sorted(relations) == ["alternate", "self"]
        for part in (feed, *feed.findall(f"{ATOM}entry")):
            [title], [identity], [updated] = (part.findall(f"{ATOM}{name}") for name in ("title", "id", "updated"))
            assert title.text
            assert re.fullmatch(
                r"urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}", identity.text
            )
            assert datetime.fromisoformat(updated.text).tzinfo
            for link in part.findall(f"{ATOM}link"):
                assert urlsplit(link.get("href")).scheme == "https"
        identities = [each.text for each in feed.iter(f"{ATOM}id")]
        assert len(set(identities)) == len(identities)


@pytest.mark.parametrize(
    "path",
    [
        "/yours",
        "/join",
        "/status",
        "/stats",
        "/mirrors/mirror1.example.org/stats",
        "/isos",
        "/isos/x86_64/9.8",
        "/kitten",
        "/kitten/isos",
        "/mirrors/mirror1.example.org",
    ],
)
def test_a_slash_at_the_end_of_a_page_does_not_matter(service: Both, path: str) -> None:
    assert service.get(f"{path}/") == service.get(path)
    assert service.get(f"/{path}//") == service.get(path)


@pytest.mark.parametrize(
    "path",
    ["/mirrors/{}", "/mirrors/{}/", "/mirrors/{}.svg", "/mirrors/{}/logo", "/mirrors/{}/feed.atom", "/api/v1/mirrors/{}",
     "/api/v1/mirrors/{}/history", "/mirrors/{}/stats", "/mirrors/{}/stats.csv", "/mirrors/{}/stats.svg",
     "/api/v1/mirrors/{}/counts", "/api/v1/changes?mirror={}"],
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("peer", ["8.8.8.8", "203.0.113.7"])
def test_a_hidden_mirror_is_like_none_at_all_everywhere(service: Both, path: str, method: str, peer: str) -> None:
    """Not even its own network has a page of it: pages are the same for everybody."""
    answers = []
    for name in ("hidden-private.example.org", "nobody.example.org", "hidden-cloud.example.org"):
        where, _, query = path.format(name).partition("?")
        answers.append(ask(service.fronted, environ(where, query, peer, method, ACCEPT="text/html")))
    assert answers[0].status == 404
    assert answers[0] == answers[1] == answers[2]
