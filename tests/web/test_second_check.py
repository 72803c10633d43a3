"""What the loader refuses and yet is in a snapshot: no line, element or header comes of it."""

from __future__ import annotations

import re

import pytest
from lxml import etree

from mirrorlist.core.catalogue.trees import RedirectTree
from mirrorlist.core.model import MAIN, Location, Protocol
from tests.building import metadata, mirror, snapshot
from tests.web.asking import Answer, both

GOOD = "https://good.example.org/linux/"
HOSTILE = [
    "https://x.example.org/\nhttps://evil.example/", "https://x.example.org/\r\nSet-Cookie: a=b", "javascript:alert(1)//",
    "data:text/html,x", "file:///etc/passwd", "//evil.example/", "/etc/passwd", "https://x.example.org/<script>/",
    'https://x.example.org/"onload="x/', "https://x.example.org/\x00/", "https://x.example.org/\x1b[2J/", "",
    "https://x.example.org/$releasever/", "https://x.example.org/\u202e/", "https://x.example.org/\u2028/", "https://",
    "https://x.example.org/ /", "https://x.example.org/\\/", "https://x.example.org/" + "a" * 1100, "# comment",
    "https://x.example.org/\ud800/", "https://x.example.org/>; rel=x,<https://evil.example/", "https://x.example.org/`/",
    "https://x.example.org/{}/", "https://x.example.org/|/", "https://x.example.org/^/", "HTTPS://x.example.org/\t/",
]  # fmt: skip
COUNTRIES = ["DE\r\nX-Evil: 1", "D\u00cb", "<b", '";x="', "D", "DEU", "\x00\x01", "1;"]
LINE = re.compile(rb"(#.*|(Server = )?https?://[!-~]{1,1200}(\tpriority:[0-9]+)?)?")
ASKED = [
    "/mirrorlist/9/baseos", "/mirrorlist/9/baseos?format=json&arch=x86_64", "/mirrorlist/9/baseos?format=apt&arch=x86_64",
    "/mirrorlist/9/baseos?format=pacman&arch=x86_64", "/mirrorlist/9/baseos?format=apk&arch=x86_64",
    "/metalink?repo=baseos-9&arch=x86_64", "/metalink?repo=baseos-9&arch=x86_64&format=metalink4", "/dl/x.iso",
    "/mirrorlist?repo=baseos-9&arch=x86_64&redirect=1", "/mirrorlist?repo=baseos-9&arch=x86_64&country=DE",
    "/dl/x.iso?json", "/dl/x.iso?mirrorlist", "/dl/x.iso.meta4",
]  # fmt: skip


def assert_harmless(answer: Answer, asked: str) -> None:
    """Only the good address is in it, and nothing ends a line, an element or a header."""
    assert answer.status in (200, 302, 404), (asked, answer)
    for name, value in answer.headers.items():
        assert value.isascii() and value.isprintable(), (asked, name, value)
    for word in (b"evil", b"x.example.org/", b"passwd", b"javascript:"):
        assert word not in answer.body, (asked, word)
    assert "evil" not in str(answer.headers).lower()
    kind = answer.headers.get("content-type", "")
    if "xml" in kind:
        etree.fromstring(answer.body)
    if kind.startswith("text/plain"):
        assert all(LINE.fullmatch(line) for line in answer.body.split(b"\n")), (asked, answer.body)


@pytest.mark.parametrize("url", HOSTILE, ids=range(len(HOSTILE)))
def test_an_address_that_no_loader_takes_is_in_no_answer(url: str) -> None:
    forced = mirror("forced", "berlin", urls={MAIN: {Protocol.HTTPS: url, Protocol.HTTP: url}})
    good = mirror("good", "berlin", urls={MAIN: {Protocol.HTTPS: GOOD}})
    trees, known = (RedirectTree(prefix="/dl/", module=MAIN),), metadata()
    service = both(snapshot([forced, good], metadata={known.path: known}, trees=trees))
    for asked in ASKED:
        path, _, query = asked.partition("?")
        assert_harmless(service.get(path, query), asked)
    assert GOOD.encode() in service.get("/mirrorlist/9/baseos").body


@pytest.mark.parametrize("country", COUNTRIES, ids=range(len(COUNTRIES)))
def test_a_country_that_no_loader_takes_ends_no_header(country: str) -> None:
    forced = [mirror(name, location=Location(country=country, latitude=1.0, longitude=1.0)) for name in ("a", "b")]
    service = both(snapshot(forced, trees=(RedirectTree(prefix="/dl/", module=MAIN),)))
    answer = service.get("/dl/x.iso")
    assert answer.status == 302
    assert "geo=" not in answer.headers["link"]
    assert all(value.isascii() and value.isprintable() for value in answer.headers.values())
