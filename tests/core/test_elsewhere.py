"""Whose a URL is that a mirror redirects to."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mirrorlist.core.elsewhere import FALLBACK, ORIGIN, SERVICE, Elsewhere, places_of
from mirrorlist.core.model import MAIN, Protocol
from mirrorlist.core.service import Site
from mirrorlist.core.trees import Tree
from tests.building import mirror, service

MIRRORS = [
    mirror(
        "a", urls={MAIN: {Protocol.HTTP: "http://a.example.org/linux/", Protocol.RSYNC: "rsync://a.example.org/l/"}}
    ),
    mirror("b", urls={MAIN: {Protocol.HTTPS: "https://b.example.org/pub/linux/"}}),
    mirror("c", urls={MAIN: {Protocol.HTTP: "http://a.example.org:8080/"}}),
    replace(mirror("d", urls={MAIN: {Protocol.HTTPS: "https://inside.example.net/"}}), private=True),
    mirror("e", urls={MAIN: {Protocol.HTTPS: "https://b.example.org/other/"}}),
]
SERVICE_FILE = replace(
    service(),
    site=Site(url="https://mirrors.example.com/"),
    origins={MAIN: "https://origin.example.com/linux/"},
    fallbacks={MAIN: ("https://fallback.example.com/linux/",)},
    trees=(Tree(prefix="/", module=MAIN, host="dl.example.com"),),
)


@pytest.mark.parametrize(
    ("url", "whose"),
    [
        ("http://a.example.org/linux/x.iso", None),
        ("https://a.example.org/linux/x.iso", None),
        ("http://A.example.org.:80/elsewhere/x.iso", None),
        ("https://cdn.example.net/x.iso", None),
        ("http://a.example.org:8080/x.iso", "the mirror c.example.org"),
        ("http://b.example.org/pub/linux/x.iso", "the mirror b.example.org"),
        ("https://B.Example.org:443/mirror/linux/x.iso", "the mirror b.example.org"),
        ("https://inside.example.net/x.iso", "another mirror"),
        ("https://origin.example.com/linux/x.iso", ORIGIN),
        ("https://fallback.example.com/x.iso", FALLBACK),
        ("http://dl.example.com/x.iso", SERVICE),
        ("http://mirrors.example.com/dl/x.iso", SERVICE),
        ("http://[", None),
    ],
)
def test_hosts_are_known_whatever_scheme_port_and_spelling(url: str, whose: str | None) -> None:
    assert Elsewhere("a.example.org", places_of(SERVICE_FILE, MIRRORS)).of(url) == whose


def test_two_mirrors_of_one_host_are_told_apart_by_their_paths() -> None:
    found = Elsewhere("e.example.org", places_of(SERVICE_FILE, MIRRORS))
    assert found.of("https://b.example.org/other/x") is None
    assert found.of("https://b.example.org/third/x") is None
    assert found.of("https://b.example.org/pub/linux/x") == "the mirror b.example.org"
