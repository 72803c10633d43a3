"""Hosts that redirects may not lead to."""

from __future__ import annotations

import pytest

from mirrorlist.core.catalogue.service import Module, Site, SyncSource, SyncSources
from mirrorlist.core.catalogue.trees import RedirectTree
from mirrorlist.core.health.elsewhere import A_FALLBACK, THE_ORIGIN, THIS_SERVICE, elsewhere, host_key
from mirrorlist.core.model import MAIN, Mirror, Protocol
from tests.building import service

MIRRORS = (
    Mirror(name="a", urls={MAIN: {Protocol.HTTP: "http://a.example.org/x/", Protocol.RSYNC: "rsync://rs.example.org/x/"}}),
    Mirror(name="b", urls={MAIN: {Protocol.HTTPS: "https://b.example.org:8443/x/"}, "vault": {Protocol.HTTP: "http://old.b.example.org/"}}),
)  # fmt: skip
SERVICE = service(
    site=Site(url="https://Mirrors.Example.org./"),
    trees=(RedirectTree(prefix="/", module=MAIN, host="dl.example.org"),),
    origins={MAIN: "https://origin.example.org/pub"},
    fallbacks={MAIN: ("http://fallback.example.org:8080/",)},
    modules={MAIN: Module(title="Main", rsync="rsync://master.example.org/main")},
    sync=SyncSources(
        sources=(
            SyncSource("eu", {MAIN: "rsync://eu.example.org/main/"}, web={MAIN: "https://web.eu.example.org/main/"}),
            SyncSource("a", {}, web={MAIN: "https://a.example.org/x/"}),
        )
    ),
)
HOSTS = elsewhere(SERVICE, MIRRORS)


@pytest.mark.parametrize(
    ("url", "owner"),
    [
        ("https://mirrors.example.org/dl/f", THIS_SERVICE),
        ("http://MIRRORS.example.org.:80/dl/f", THIS_SERVICE),
        ("https://mirrors.example.org:8443/", None),
        ("http://dl.example.org/f", THIS_SERVICE),
        ("http://origin.example.org/", THE_ORIGIN),
        ("https://master.example.org/main/", THE_ORIGIN),
        ("http://fallback.example.org:8080/f", A_FALLBACK),
        ("http://fallback.example.org/f", None),
        ("https://eu.example.org/", THE_ORIGIN),
        ("https://web.eu.example.org/f", THE_ORIGIN),
        ("https://a.example.org/", "the mirror a"),
        ("http://rs.example.org/", "the mirror a"),
        ("https://b.example.org:8443/", "the mirror b"),
        ("https://b.example.org/", None),
        ("http://old.b.example.org:443/", "the mirror b"),
        ("https://cdn.example.net/", None),
        ("/relative", None),
        ("http://[::1", None),
        ("http://a.example.org:99999/", None),
    ],
)
def test_a_host_belongs_to_one_of_the_network(url: str, owner: str | None) -> None:
    assert HOSTS.owner_of(url) == owner


def test_the_hosts_of_all_of_a_mirror_s_urls_are_its_own() -> None:
    own = HOSTS.but_for(MIRRORS[1])
    urls = ("https://b.example.org:8443/", "https://old.b.example.org/", "http://a.example.org/")
    assert [own.owner_of(url) for url in urls] == [None, None, "the mirror a"]


def test_the_project_s_own_trees_may_not_lead_back_to_this_service() -> None:
    loops = HOSTS.of(THIS_SERVICE)
    assert loops.owner_of("http://mirrors.example.org/") == THIS_SERVICE
    assert loops.owner_of("http://a.example.org/") is None


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("http://[2001:DB8:0::1]/", "2001:db8::1"),
        ("http://[2001:db8::1]:8080/", "2001:db8::1:8080"),
        ("http://192.0.2.1:80/", "192.0.2.1"),
        ("http://b\u00fccher.example/", "xn--bcher-kva.example"),
        ("/srv/mirror", None),
        ("origin", None),
    ],
)
def test_hosts_have_one_spelling(url: str, key: str | None) -> None:
    assert host_key(url) == key
