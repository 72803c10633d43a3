"""The weight of every kind of page at 530 mirrors: small, complete without a script, and nothing from elsewhere."""

from __future__ import annotations

import gzip
import re
from urllib.parse import urlsplit

import pytest
from lxml import html

from mirrorlist.core.catalogue.trees import RedirectTree
from mirrorlist.core.model import MAIN
from tests.file_indexes import Has, indexed
from tests.web.asking import Answer, Both, ask, both, environ
from tests.web.networks import record_of

MOST_BYTES = 60 * 1024
"""Of a page with everything that it loads at once, compressed."""
IMAGES = "9.8/isos/x86_64/"
PAGES = {
    "/": 200, "/?sort=state": 200, "/?country=DE": 200, "/?q=university": 200, "/kitten": 200,
    "/mirrors/mirror1.example.org": 200, "/mirrors/mirror5.example.org?lang=de": 200,
    "/mirrors/mirror15.example.org/stats": 200, "/yours": 200, "/yours?ip=192.0.2.9": 200, "/yours?ip=nonsense": 400,
    "/isos": 200, "/isos/x86_64/9.8": 200, "/join": 200, "/status": 200, "/stats": 200, "/stats?lang=fr": 200,
    "/prober": 200, "/api": 200, f"/dl/{IMAGES}": 200, f"/dl/{IMAGES}Example-0.iso?mirrorlist": 200,
    "/nowhere": 404, "/mirrors/nobody": 404, "/?country=DEU": 400,
}  # fmt: skip


@pytest.fixture(scope="module")
def service() -> Both:
    made = record_of(530, trees=(RedirectTree(prefix="/dl/", module=MAIN),))
    files = {f"{IMAGES}Example-{number}.iso": Has(4_700_000_000, bytes(range(32))) for number in range(300)}
    return both(indexed(made, files))


def get(service: Both, path: str) -> Answer:
    where, _, query = path.partition("?")
    return ask(service.fronted, environ(where, query, "192.0.2.9", ACCEPT="text/html", ACCEPT_ENCODING="gzip"))


def sent(answer: Answer) -> int:
    """Its bytes as a proxy sends them that compresses what the service did not."""
    return len(answer.body) if "content-encoding" in answer.headers else len(gzip.compress(answer.body, 6))


def page_of(answer: Answer) -> html.HtmlElement:
    packed = "content-encoding" in answer.headers
    return html.document_fromstring((gzip.decompress(answer.body) if packed else answer.body).decode())


def loaded(page: html.HtmlElement) -> list[str]:
    """What a browser loads with the page: styles, scripts, pictures. Lazy ones wait until they are scrolled to."""
    styles = page.xpath("//link[@rel='stylesheet' or @rel='icon']/@href")
    return [*styles, *page.xpath("//script/@src"), *page.xpath("//img[not(@loading='lazy')]/@src|//source/@srcset")]


@pytest.mark.slow
@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_small_with_all_that_it_loads(service: Both, path: str) -> None:
    answer = get(service, path)
    assert answer.status == PAGES[path]
    page = page_of(answer)
    addresses = [each for each in loaded(page) if "map-dark" not in each]
    assert [each for each in addresses if urlsplit(each).netloc] == []
    assert sent(answer) + sum(sent(get(service, each)) for each in addresses) <= MOST_BYTES


@pytest.mark.parametrize("path", PAGES)
def test_a_page_asks_nobody_else_and_needs_no_script(service: Both, path: str) -> None:
    answer = get(service, path)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert not re.search(r"https?:|\*|unsafe", policy)
    page = page_of(answer)
    assert not page.xpath("//noscript|//iframe|//object|//embed|//@style|//@onclick|//@onload")
    assert all(not each.text for each in page.xpath("//script"))
    assert page.xpath("//main//h1")
    assert not page.xpath("//main//button[not(ancestor::form)]"), "a button outside of a form needs a script"
