"""The redirector as clients see it; every plain request is asked of Flask and of the fast path, which agree."""

from __future__ import annotations

import json
import random
import re
from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from mirrorlist.app import plain_app, put_monitoring
from mirrorlist.core.catalogue.policy import Policy
from mirrorlist.core.catalogue.service import Site
from mirrorlist.core.catalogue.trees import MetadataFrom, RedirectTree
from mirrorlist.core.health.columns import HealthTable, SyncState
from mirrorlist.core.model import MAIN, Location, Mirror, Protocol, ReachPair, Status
from mirrorlist.core.snapshot import Snapshot
from mirrorlist.sources.mirrors.logos import MOST_LOGO_BYTES
from mirrorlist.store.count_files import CountFiles
from mirrorlist.store.jobs import JobRecords
from mirrorlist.web.counts import Counts
from mirrorlist.web.redirects.hot import RedirectAnswers
from mirrorlist.web.redirects.views import logo
from tests.building import CITIES, NOW, metadata, mirror, nobody, snapshot
from tests.file_indexes import Has, indexed
from tests.web.asking import Answer, Both, Held, ask, both, environ, unlimited

CONTINENTS = {
    "DE": "EU",
    "CZ": "EU",
    "AT": "EU",
    "FR": "EU",
    "US": "NA",
    "BR": "SA",
    "JP": "AS",
    "ZA": "AF",
    "AU": "OC",
}
REPO = "9.8/BaseOS/x86_64/os/"
ISO = "9/isos/x86_64/image.iso"
RPM = f"{REPO}Packages/hello.rpm"
DIGEST = sha256(b"image").digest()
FILES = {
    ISO: Has(700, DIGEST),
    RPM: Has(20, sha256(b"rpm").digest(), ("berlin",)),
    "9/only-far.iso": Has(5, None, ("berlin", "munich", "prague", "vienna", "paris")),
    "9/nobody.iso": Has(5, None, ("berlin", "munich", "prague", "vienna", "paris", "chicago", "saopaulo", "tokyo",
                                  "capetown", "sydney", "plain", "secret", "alone")),
    f"{REPO}repodata/repomd.xml": Has(3000, sha256(b"repomd").digest()),
    "real.iso": Has(1, DIGEST),
    "real.iso.meta4": Has(2, None),
    "real.iso.sha256": Has(3, None),
    "nohash.iso": Has(4, None),
    "debian/dists/stable/InRelease": Has(9, DIGEST, ("berlin",)),
    "arch/core/core.db": Has(9, DIGEST),
    "arch/core/core.files": Has(9, None),
    "arch/core/zlib.pkg.tar.zst": Has(9, None),
    "odd/a b+c%2F?#;,<\"'>ü$x.iso": Has(9, DIGEST),
    "many/plain.iso": Has(8, None, ("berlin",)),
    "many/c++.rpm": Has(7, None),
    "many/back\\slash.iso": Has(6, None),
    "many/new\nline.iso": Has(6, None),
    "many/..iso": Has(6, DIGEST, ("berlin",)),
}  # fmt: skip
FALLBACKS = {MAIN: ("https://repo.example.org/linux/", "http://repo.example.org/linux/")}
TREES = (
    RedirectTree(prefix="/dl/", module=MAIN),
    RedirectTree(prefix="/strict/", module=MAIN, metadata=MetadataFrom.ORIGIN),
    RedirectTree(prefix="/any/", module=MAIN, metadata=MetadataFrom.MIRROR, allow_http=True),
    RedirectTree(prefix="/", module=MAIN, host="dl.example.org"),
)
BERLINER, PRIVATE, MONOPOLY = "192.0.2.7", "198.51.100.7", "203.0.113.7"


def placed(name: str, city: str, **fields: Any) -> Mirror:
    country, latitude, longitude = CITIES[city]
    location = Location(continent=CONTINENTS[country], country=country, latitude=latitude, longitude=longitude)
    return mirror(name, location=location, **fields)


def mirrors() -> list[Mirror]:
    return [
        *(placed(city, city, sponsor=f"Sponsor of {city}", sponsor_url="https://sponsor.example/") for city in CITIES),
        placed("plain", "berlin", urls={MAIN: {Protocol.HTTP: "http://plain.example.org/linux/"}}),
        placed("secret", "berlin", private=True, subnets=["198.51.100.0/24"]),
        placed("alone", "berlin", private=True, monopoly=True, subnets=["203.0.113.0/24"]),
        placed("paused", "berlin", status=Status.PAUSED),
        placed("hidden", "berlin", status=Status.PAUSED, private=True, subnets=["198.51.100.0/24"]),
    ]


def bare(**fields: Any) -> Snapshot:
    """The network without an index."""
    given: dict[str, Any] = {"trees": TREES, "fallbacks": FALLBACKS, "trusted_proxies": ("10.0.0.0/8",), **fields}
    return snapshot(mirrors(), at={"192.0.2.0/24": "berlin", "198.51.100.0/24": "berlin"}, **given)


@pytest.fixture(scope="module")
def plain() -> Both:
    return both(bare())


@pytest.fixture(scope="module")
def known() -> Both:
    return both(indexed(bare(metadata={REPO: metadata(REPO)}), FILES))


def host_of(answer: Answer) -> str:
    return str(urlsplit(answer.headers["location"]).hostname)


def get(service: Both, path: str, query: str = "", peer: str = BERLINER, **headers: str) -> Answer:
    return service.get(path, query, peer, **headers)


def test_a_file_is_redirected_to_the_nearest_mirror(plain: Both) -> None:
    answer = get(plain, f"/dl/{ISO}", SERVER_NAME="x")

    assert (answer.status, answer.body) == (302, b"")
    assert host_of(answer) in ("berlin.example.org", "plain.example.org")
    assert answer.headers["location"].endswith(f"example.org/linux/{ISO}")
    assert answer.headers["cache-control"] == "private, no-store"
    assert answer.headers["vary"] == "Accept"
    assert "digest" not in answer.headers


def test_head_is_answered_alike_and_other_methods_are_told_which_ones_work(known: Both) -> None:
    expected = get(known, f"/dl/{ISO}")
    for application in (known.flask, known.fronted):
        assert ask(application, environ(f"/dl/{ISO}", peer=BERLINER, method="HEAD")) == expected
        for method in ("POST", "PUT", "DELETE", "OPTIONS", "PROPFIND"):
            answer = ask(application, environ(f"/dl/{ISO}", method=method))
            assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")


def test_the_headers_of_rfc_6249(known: Both) -> None:
    answer = get(known, f"/dl/{ISO}", "protocol=https")
    links = answer.headers["link"].split(", ")

    assert links[0] == f"<https://prague.example.org/linux/{ISO}>; rel=duplicate; pri=1; geo=cz"
    assert links[-1] == f'</dl/{ISO}.meta4>; rel=describedby; type="application/metalink4+xml"'
    assert len(links) == 10
    assert all(f"; rel=duplicate; pri={pri}; geo=" in link for pri, link in enumerate(links[:-1], start=1))
    assert answer.headers["digest"] == f"SHA-256={b64encode(DIGEST).decode()}"


def test_a_client_keeps_its_mirror_for_a_tree(plain: Both) -> None:
    for number in range(50):
        peer = f"192.0.2.{number}"
        paths = (ISO, RPM, f"{REPO}repodata/repomd.xml", "x/y")
        assert len({host_of(get(plain, f"/dl/{path}", peer=peer)) for path in paths}) == 1


def test_redirect_metalink_and_list_agree(plain: Both) -> None:
    for number in range(20):
        peer = f"192.0.2.{number}"
        listed = get(plain, "/mirrorlist/9/baseos", "arch=x86_64", peer=peer).body.decode().split()
        redirect = get(plain, f"/dl/{REPO}", "json", peer=peer, ACCEPT="application/json")
        assert redirect.status == 302, "a directory goes to the project's own tree"
        of_file = json.loads(get(plain, f"/dl/{REPO}x.rpm", "json", peer=peer).body)
        assert [url.removesuffix("x.rpm") for url in of_file["urls"]] == listed
        assert get(plain, f"/dl/{REPO}x.rpm", peer=peer).headers["location"] == of_file["urls"][0]
        meta4 = get(plain, f"/dl/{REPO}x.rpm.meta4", peer=peer)
        assert [each.text for each in etree.fromstring(meta4.body).iter("{*}url")] == of_file["urls"]


def test_a_mirror_without_the_file_is_passed_over(known: Both) -> None:
    assert host_of(get(known, f"/dl/{RPM}", "protocol=https")) == "prague.example.org"
    assert host_of(get(known, "/dl/9/only-far.iso", "protocol=https")) == "chicago.example.org"


def test_a_file_that_no_mirror_has_comes_from_the_project_itself(known: Both) -> None:
    answer = get(known, "/dl/9/nobody.iso")
    assert answer.headers["location"] == "https://repo.example.org/linux/9/nobody.iso"


def test_only_an_index_says_that_there_is_no_such_file(plain: Both, known: Both) -> None:
    assert get(plain, "/dl/9/no-such.iso").status == 302
    assert get(known, "/dl/9/no-such.iso").status == 404
    assert get(known, "/dl/9/isos/x86_64/image.iso/").status == 404


def test_names_in_repodata_may_be_newer_than_the_index(known: Both) -> None:
    assert get(known, f"/dl/{REPO}repodata/new-primary.xml.gz").status == 302
    assert get(known, f"/dl/{REPO}Packages/new.rpm").status == 302, "the repository changed an hour ago"
    assert get(known, "/dl/9.8/AppStream/x86_64/os/Packages/new.rpm").status == 404


def test_health_is_the_repositorys(plain: Both) -> None:
    names = [each.name for each in mirrors()]
    holds = bytes(SyncState.STALE if name.startswith(("berlin", "plain")) else SyncState.FRESH for name in names)
    service = both(bare(facts={"health": HealthTable({REPO: holds})}))

    assert host_of(get(service, f"/dl/{RPM}", "protocol=https")) == "prague.example.org"
    assert host_of(get(service, f"/dl/{RPM.replace('9.8/', '9/')}", "protocol=https")) == "prague.example.org"
    assert host_of(get(service, f"/dl/{ISO}", "protocol=https")) == "berlin.example.org"


def test_no_dead_mirror_while_a_fallback_lives() -> None:
    bad = {f"main/{p}/{f}": bytes([1] * len(mirrors())) for p in ("http", "https") for f in ("ipv4", "ipv6")}
    service = both(bare(facts={"health": HealthTable({}, bad)}))
    answer = get(service, f"/dl/{ISO}")
    assert answer.headers["location"] == f"https://repo.example.org/linux/{ISO}"
    assert "berlin.example.org" in answer.headers["link"], "they may be back"


def test_a_dead_fallback_comes_last() -> None:
    """The prober visits the project's own trees under their URLs."""
    dead = "https://repo.example.org/linux/"
    second = "https://repo2.example.org/linux/"
    service = both(
        indexed(bare(fallbacks={MAIN: (dead, second)}, facts={"health": HealthTable(dead_trees=(dead,))}), FILES)
    )
    assert get(service, "/dl/9/nobody.iso").headers["location"] == f"{second}9/nobody.iso"
    assert get(service, f"/strict/{REPO}repodata/repomd.xml").headers["location"].startswith(second)

    every = HealthTable(dead_trees=(dead, second))
    none = both(indexed(bare(fallbacks={MAIN: (dead, second)}, facts={"health": every}), FILES))
    assert get(none, "/dl/9/nobody.iso").headers["location"] == f"{dead}9/nobody.iso", "better than nothing"
    assert host_of(get(none, f"/strict/{REPO}repodata/repomd.xml")) not in ("repo.example.org", "repo2.example.org")


def test_a_tree_of_another_module() -> None:
    kitten = {
        MAIN: {Protocol.HTTPS: "https://a.example.org/l/"},
        "kitten": {Protocol.HTTPS: "https://a.example.org/k/"},
    }
    service = both(
        snapshot([mirror("a", urls=kitten), mirror("b")], trees=(RedirectTree(prefix="/k/", module="kitten"),))
    )
    answer = get(service, "/k/10-kitten/x.iso")
    assert answer.headers["location"] == "https://a.example.org/k/10-kitten/x.iso"
    assert "b.example.org" not in json.dumps(json.loads(get(service, "/k/x", "json").body))


def test_nobody_at_all_is_503_for_now() -> None:
    service = both(snapshot([], trees=TREES))
    answer = get(service, f"/dl/{ISO}")
    assert (answer.status, answer.headers["retry-after"]) == (503, "30")


def test_the_origin_is_an_ordinary_mirror_too_and_the_last_resort() -> None:
    origin = "https://berlin.example.org/linux/"
    service = both(indexed(bare(fallbacks={}, origins={MAIN: origin}), FILES))
    urls = json.loads(get(service, f"/dl/{ISO}", "json").body)["urls"]
    assert urls.count(f"{origin}{ISO}") == 1
    assert get(service, "/dl/9/nobody.iso").headers["location"] == f"{origin}9/nobody.iso"


def test_an_https_client_is_not_sent_to_http(plain: Both) -> None:
    for path in (f"/dl/{ISO}", f"/any/{ISO}"):
        told: dict[str, set[str]] = {"http": set(), "https": set()}
        for number in range(60):
            for scheme in told:
                asked = environ(path, peer="10.0.0.1", X_FORWARDED_FOR=f"192.0.2.{number}", X_FORWARDED_PROTO=scheme)
                answers = [ask(application, dict(asked)) for application in (plain.flask, plain.fronted)]
                assert answers[0] == answers[1]
                told[scheme].add(answers[0].headers["location"].partition(":")[0])
                if scheme == "https" and path.startswith("/dl/"):
                    assert "http://" not in answers[0].headers["link"]
        assert told["http"] == {"http", "https"}
        assert told["https"] == ({"https"} if path.startswith("/dl/") else {"http", "https"})


def test_a_stranger_cannot_claim_https_and_cannot_ask_https_clients_away(plain: Both) -> None:
    assert "http://plain" in get(plain, f"/dl/{ISO}", X_FORWARDED_PROTO="https").headers["link"]
    asked = {**environ(f"/dl/{ISO}", "protocol=http"), "wsgi.url_scheme": "https"}
    assert ask(plain.fronted, asked).status == 400


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/dl/debian/dists/stable/InRelease", "repo"),
        ("/any/debian/dists/stable/InRelease", "mirror"),
        ("/strict/debian/dists/stable/InRelease", "repo"),
        (f"/dl/{REPO}repodata/repomd.xml", "mirror"),
        (f"/strict/{REPO}repodata/repomd.xml", "repo"),
        ("/dl/arch/core/core.db", "mirror"),
        ("/strict/arch/core/core.db", "repo"),
        ("/strict/arch/core/core.files", "repo"),
        ("/dl/arch/core/core.files", "mirror"),
        ("/strict/arch/core/zlib.pkg.tar.zst", "mirror"),
        (f"/strict/{RPM}", "mirror"),
    ],
)
def test_who_gives_metadata(known: Both, path: str, expected: str) -> None:
    answer = get(known, path)
    assert (host_of(answer) == "repo.example.org") is (expected == "repo")
    assert ("digest" in answer.headers) is path.endswith(".rpm"), "what changes in place has no digest"


def test_neighbours_of_a_file_do_not_inherit_who_gives_it() -> None:
    """In one directory, in either order, with and without an index: what an operator names comes from the origin."""
    tree = RedirectTree(prefix="/more/", module=MAIN, from_origin=("*.torrent", "odd/*"))
    index = {"x/a.iso": Has(1, None), "x/a.iso.torrent": Has(1, None), "x/b.iso": Has(1, None), "odd/c": Has(1, None)}
    for made in (bare(trees=(tree,)), indexed(bare(trees=(tree,)), index)):
        service = both(made)
        for path, origins in (("x/a.iso", False), ("x/a.iso.torrent", True), ("x/b.iso", False), ("odd/c", True),
                              ("x/a.iso.torrent", True), ("x/a.iso", False)):  # fmt: skip
            assert (host_of(get(service, f"/more/{path}")) == "repo.example.org") is origins, path


def test_directories_are_pages_of_what_is_known_or_the_fallbacks(plain: Both, known: Both) -> None:
    assert get(plain, "/dl/9/isos/").headers["location"] == "https://repo.example.org/linux/9/isos/"
    assert get(plain, "/dl/").headers["location"] == "https://repo.example.org/linux/"
    page = get(known, "/dl/odd/")
    assert page.status == 200
    [link] = etree.HTML(page.body).findall(".//td/a")
    assert link.get("href") == "/dl/odd/a%20b%2Bc%252F%3F%23%3B%2C%3C%22%27%3E%C3%BC%24x.iso"
    assert link.text == "a b+c%2F?#;,<\"'>ü$x.iso"
    assert get(known, link.get("href").replace("%2F", "/")).status == 404
    assert get(known, "/dl/odd").body == page.body
    assert get(known, "/dl/no/such/").status == 404
    hrefs = [each.get("href") for each in etree.HTML(get(known, "/dl/").body).findall(".//td/a")]
    assert "/dl/9/" in hrefs
    assert "/dl/real.iso" in hrefs


def test_a_path_is_decoded_once(known: Both) -> None:
    decoded = "/dl/odd/a b+c%2F?#;,<\"'>ü$x.iso".encode().decode("latin-1")
    answer = get(known, decoded)
    assert answer.headers["location"].endswith("/linux/odd/a%20b%2Bc%252F%3F%23%3B%2C%3C%22%27%3E%C3%BC%24x.iso")


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("*/*", None),
        ("", None),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", None),
        ("application/*", None),
        ("*/*,application/metalink4+xml,application/metalink+xml", None),
        ("application/metalink+xml", "application/metalink+xml"),
        ("application/metalink4+xml;q=0.5, application/metalink+xml", "application/metalink+xml"),
        ("application/metalink4+xml;q=0", None),
        ("application/json", "application/json"),
        ("application/json;q=0.1, text/html", "application/json"),
        ("nonsense;;;,,;q=x", None),
    ],
)
def test_only_who_names_a_type_gets_it(known: Both, accept: str, content_type: str | None) -> None:
    answer = get(known, f"/dl/{ISO}", ACCEPT=accept)
    assert answer.status == (200 if content_type else 302)
    assert content_type is None or answer.headers["content-type"] == content_type
    assert "Accept" in answer.headers["vary"]
    assert answer.headers["cache-control"] == "private, no-store"


@pytest.mark.parametrize(
    ("agent", "told"),
    [
        ("wget2/1.99.1", False), ("Wget/2.0.1", False), ("Wget/2.1.0", False), ("Wget/2.2.0", False),
        ("Wget/2.2.1", True), ("Wget/1.21.3", True), ("curl/7.88.1", True), ("aria2/1.36.0", True), ("", True),
    ],
)  # fmt: skip
def test_old_wget2_is_told_of_no_links(known: Both, agent: str, told: bool) -> None:
    """It fetches the first duplicate beside the target."""
    assert ("link" in get(known, f"/dl/{ISO}", USER_AGENT=agent).headers) is told


def test_generated_files_and_real_ones(plain: Both, known: Both) -> None:
    assert get(known, f"/dl/{ISO}.sha256").body.decode() == f"{DIGEST.hex()}  image.iso\n"
    assert get(known, f"/dl/{ISO}.sha512").status == 404
    assert get(known, f"/dl/{REPO}repodata/repomd.xml.sha512").body.decode() == f"{'a' * 128}  repomd.xml\n"
    assert get(known, "/dl/nohash.iso.sha256").status == 404
    assert get(known, "/dl/real.iso.meta4").headers["location"].endswith("/real.iso.meta4")
    assert get(known, "/dl/real.iso.sha256").headers["location"].endswith("/real.iso.sha256")
    assert get(known, "/dl/real.iso.metalink").headers["content-type"] == "application/metalink+xml"
    assert get(known, "/dl/no-such.meta4").status == 404
    assert get(plain, f"/dl/{ISO}.meta4").headers["content-type"] == "application/metalink4+xml"
    assert get(plain, f"/dl/{ISO}.sha256").headers["location"].endswith(".iso.sha256")
    assert get(plain, "/dl/.meta4").status == 302


def test_a_metalink_holds_what_is_known(known: Both) -> None:
    file = etree.fromstring(get(known, f"/dl/{ISO}.meta4").body).find("{*}file")
    assert file is not None
    assert (file.get("name"), file.findtext("{*}size")) == ("image.iso", "700")
    assert file.findtext("{*}hash") == DIGEST.hex()


@pytest.mark.parametrize(
    ("query", "hosts"),
    [
        ("country=FR", {"paris"}),
        ("country=FR,AT", {"vienna"}),
        ("avoid=berlin.example.org&protocol=https", {"prague"}),
        ("avoid=berlin.example.org,prague.example.org&protocol=https", {"vienna", "munich"}),
        ("protocol=http", {"plain", "berlin"}),
        ("country=-DE,-CZ&protocol=https", {"vienna"}),
        ("only=paris.example.org,none.example.org", {"paris"}),
        ("only=paris.example.org&country=AT", {"paris"}),
        ("only=none.example.org&country=AT", {"vienna"}),
        ("only=secret.example.org&country=AT", {"vienna"}),
        ("ipv=4", {"berlin", "plain"}),
    ],
)
def test_what_a_client_may_wish(known: Both, query: str, hosts: set[str]) -> None:
    seen = {host_of(get(known, f"/dl/{ISO}", query, peer=f"192.0.2.{n}")).partition(".")[0] for n in range(40)}
    assert seen == hosts


@pytest.mark.parametrize(
    ("query", "by_itself"),
    [
        ("avoid=berlin.example.org", True), ("country=-DE&only=paris.example.org", True), ("country=AQ", True),
        ("only=none.example.org", True), ("avoid=a%20b", False), ("avoid=berlin.example.org&json", False),
        ("avoid_country=AT,CZ,DE,FR,GB,JP,US", True), ("only=repo.example.org", True), ("country=AQ&only=x", True),
        ("avoid=" + ",".join(f"{each.name}" for each in mirrors()), True),
    ],
)  # fmt: skip
def test_redirects_with_a_filter_need_no_flask(known: Both, query: str, by_itself: bool) -> None:
    assert known.held.current is not None
    answers = RedirectAnswers(known.held.current, nobody, Counts(), unlimited().lists, known.clock)
    assert (answers.answer(environ(f"/dl/{ISO}", query), "") is not None) is by_itself


def test_a_client_that_gets_the_projects_own_tree_costs_flask_nothing_and_is_counted() -> None:
    """Nobody is left whom it wants, or who serves its country; where mirrors are out of its reach the view decides."""
    closed = [placed("paris", "paris", countries_only=("FR",)), placed("berlin", "berlin", countries_only=("FR",))]
    pairs = [ReachPair("DE", each.name, None) for each in closed]
    for listed, fields, query, is_known in (
        (mirrors(), {}, "only=repo.example.org", True),
        (closed, {}, "", True),
        (closed, {"policy": Policy(reach=tuple(pairs))}, "", False),
    ):
        given = {"trees": TREES, "fallbacks": FALLBACKS, **fields}
        service = both(indexed(snapshot(listed, at={"192.0.2.0/24": "berlin"}, **given), FILES))
        assert service.held.current is not None
        answers = RedirectAnswers(service.held.current, nobody, Counts(), unlimited().lists, service.clock)
        assert host_of(get(service, f"/dl/{ISO}", query)) == "repo.example.org"
        assert (answers.answer(environ(f"/dl/{ISO}", query), "") is not None) is is_known
        service.assert_counted_alike()


@pytest.mark.slow
@pytest.mark.parametrize("peer", [BERLINER, PRIVATE, MONOPOLY, "10.0.0.1"])
def test_lagging_mirrors_are_given_without_flask_and_as_by_it(peer: str) -> None:
    """As after each new version, until the first mirror has it; or where a client wants one that lags."""
    count = len(mirrors())
    states = SyncState.LAGGING, SyncState.STALE, SyncState.LAGGING, SyncState.WRONG
    held = {"metadata": {REPO: metadata(REPO)}}
    for codes in (states, (SyncState.LAGGING,) * 4, (*states[:3], SyncState.FRESH)):
        table = HealthTable({REPO: bytes(codes * count)[:count]}, {})
        for pairs in ((), (ReachPair("DE", "berlin.example.org", None), ReachPair("DE", "FR", None))):
            made = bare(facts={"health": table}, policy=Policy(reach=pairs), **held)
            service = both(indexed(made, FILES))
            assert service.held.current is not None
            answers = RedirectAnswers(service.held.current, nobody, Counts(), unlimited().lists, service.clock)
            for each in mirrors():
                for query in ("", f"only={each.name}", f"avoid={each.name}", f"only={each.name}&country=DE"):
                    get(service, f"/dl/{RPM}", query, peer)
            assert answers.answer(environ(f"/dl/{RPM}", "", peer), "") is not None
            service.assert_counted_alike()


@pytest.mark.parametrize("query", ["country=x", "protocol=ftp", "ipv=5", "&".join("abcdefghij" * 11)])
def test_a_malformed_wish_is_told(known: Both, query: str) -> None:
    assert get(known, f"/dl/{ISO}", query).status == 400 or query.startswith("a")


def test_ipv_leaves_out_mirrors_without_that_family() -> None:
    bad = {
        f"main/{p}/ipv6": bytes([name.name.startswith(("berlin", "plain")) for name in mirrors()])
        for p in ("http", "https")
    }
    service = both(bare(facts={"health": HealthTable({}, bad)}))
    assert host_of(get(service, f"/dl/{ISO}", "ipv=6&protocol=https")) == "prague.example.org"
    assert host_of(get(service, f"/dl/{ISO}", "protocol=https")) == "berlin.example.org"


@pytest.mark.parametrize(
    ("region", "hosts"),
    [
        ("EU", {"berlin", "plain"}), ("na", {"chicago"}), ("SA", {"saopaulo"}), ("default", {"berlin", "plain"}),
        ("AN", {"berlin", "plain"}),
    ],
)  # fmt: skip
def test_a_region_keeps_to_a_continent(plain: Both, region: str, hosts: set[str]) -> None:
    seen = {host_of(get(plain, f"/region/{region}/dl/{ISO}", peer=f"192.0.2.{n}")).partition(".")[0] for n in range(40)}
    assert seen == hosts


def test_a_host_of_its_own(plain: Both) -> None:
    answer = get(plain, "/mirrorlist/9/baseos", HOST="dl.example.org")
    assert answer.headers["location"].endswith("/linux/mirrorlist/9/baseos")
    assert get(plain, f"/{ISO}", HOST="DL.example.org:8443").status == 302
    assert get(plain, f"/region/NA/{ISO}", HOST="dl.example.org").headers["location"].startswith("https://chicago")
    assert get(plain, "/mirrorlist/9/baseos").status == 200
    for query in ("arch=x86_64", "json"):
        assert get(plain, "/mirrorlist/9/baseos", query).status == 200
        assert get(plain, "/mirrorlist/9/baseos", query, HOST="dl.example.org") != get(
            plain, "/mirrorlist/9/baseos", query
        )
    assert get(plain, f"/{ISO}").status == 404


SURFACES = [
    ("", ""), ("json", ""), ("mirrorlist", ""), ("", "application/metalink4+xml"), ("", "application/metalink+xml"),
    ("json&avoid=berlin.example.org", ""), ("json&country=DE", ""), ("mirrorlist&country=FR", ""),
    ("json&avoid=secret.example.org", ""), ("only=secret.example.org", ""), ("json&only=alone.example.org", ""), ("logo=secret.example.org", ""),
]  # fmt: skip


def said(answer: Answer) -> bytes:
    """Everything that an answer says, but the style of a page."""
    return re.sub(rb"<style>.*?</style>", b"", answer.body, flags=re.DOTALL) + repr(answer.headers).encode()


@pytest.mark.parametrize(("query", "accept"), SURFACES)
@pytest.mark.parametrize("path", [ISO, RPM, "9/nobody.iso", "9/only-far.iso", f"{ISO}.meta4", f"region/EU/{ISO}"])
def test_private_mirrors_appear_nowhere_to_strangers(known: Both, query: str, accept: str, path: str) -> None:
    url = f"/region/EU/dl/{ISO}" if path.startswith("region") else f"/dl/{path}"
    answer = get(known, url, query, peer=BERLINER, ACCEPT=accept)
    text = said(answer)
    for name in (b"secret", b"alone", b"hidden"):
        assert name not in text
    inside = said(get(known, url, query, peer=PRIVATE, ACCEPT=accept))
    assert b"alone" not in inside
    assert b"hidden" not in inside


def test_members_get_their_private_mirror_and_a_monopoly_is_alone(known: Both) -> None:
    assert host_of(get(known, f"/dl/{ISO}", peer=PRIVATE)) == "secret.example.org"
    answer = get(known, f"/dl/{ISO}", peer=MONOPOLY)
    assert host_of(answer) == "alone.example.org"
    assert "duplicate" not in answer.headers["link"]


def test_the_page_tells_who_has_it_and_who_is_left_out(known: Both) -> None:
    answer = get(known, f"/dl/{RPM}", "mirrorlist")
    text = " ".join(etree.HTML(answer.body).itertext())
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "The mirror is paused." in text
    assert "1 other mirror does not have this file." in text
    assert "Sponsor of prague" in text
    assert b"<script" not in answer.body


def test_the_page_of_a_file_says_what_it_is_and_leads_back(known: Both) -> None:
    page = etree.HTML(get(known, f"/dl/{ISO}", "mirrorlist", peer=BERLINER).body)
    facts = {dt.text: " ".join("".join(dt.getnext().itertext()).split()) for dt in page.iter("dt")}
    assert facts["Size"] == "700 bytes"
    assert len(facts["SHA-256"]) == 64
    assert facts["You"].startswith("192.0.2.")
    assert "Germany" in facts["You"]
    crumbs = page.xpath("//nav[@class='crumbs']/*")
    assert [each.get("href") for each in crumbs] == ["/dl/", "/dl/9/", "/dl/9/isos/", "/dl/9/isos/x86_64/", None]
    assert page.xpath("//header//nav/a/@href")[0] == "/"
    for href in page.xpath("//header//nav/a/@href"):
        assert get(known, href, ACCEPT="text/html").status == 200


def test_a_page_below_a_tree_at_the_root_leads_only_where_there_is_something() -> None:
    trees = (RedirectTree(prefix="/", module=MAIN, host="dl.example.org"),)
    for site, start in ((Site(), None), (Site(url="https://mirrors.example.org/"), "https://mirrors.example.org")):
        service = both(snapshot(mirrors(), trees=trees, site=site))
        page = etree.HTML(get(service, f"/{ISO}", "mirrorlist", HOST="dl.example.org").body)
        ours = page.xpath("//header//a/@href | //footer//a/@href")
        assert [href for href in ours if not href.startswith(start or "?")] == []


def test_a_colour_of_the_service_is_in_the_pages_of_files(known: Both) -> None:
    service = both(snapshot(mirrors(), trees=TREES, site=Site(color="#ffcc00")))
    answer = get(service, f"/dl/{ISO}", "mirrorlist")
    style = etree.HTML(answer.body).findtext(".//style")
    assert "--accent:#" in style
    digest = b64encode(sha256(style.encode()).digest()).decode()
    assert f"'sha256-{digest}'" in answer.headers["content-security-policy"]


def test_the_page_escapes_what_strangers_wrote() -> None:
    evil = "<script>alert(1)</script>\u202e\ud800"
    service = both(snapshot([mirror("a", sponsor=evil, sponsor_url='https://x.example/?a="><b>')], trees=TREES))
    page = get(service, '/dl/<i>"x', "mirrorlist")
    assert page.status == 200
    for bad in (b"<script", b"<i>", b'"><b>'):
        assert bad not in page.body
    assert json.loads(get(service, "/dl/x", "json").body)["mirrors"][0]["name"] == "a.example.org"


def hosts_of(answer: Answer) -> Iterator[str]:
    if "location" in answer.headers:
        assert answer.headers["location"].isascii()
        yield urlsplit(answer.headers["location"]).netloc
    for link in answer.headers.get("link", "").split("<")[1:]:
        if "://" in link:
            yield urlsplit(link.partition(">")[0]).netloc


ALLOWED = {each.name for each in mirrors()} | {"repo.example.org", "vault.example.org"}
BITS = [
    "..", ".", "", "/", "//", "\\", "%2e%2e", "%2f", "%5c", "%00", "\x00", "\r\n", "\n", "%0d%0a", "@", ":", "?", "#", ";",
    "evil.example.com", "http://evil.example.com", "//evil.example.com", "\\\\evil.example.com", "dl", "region", "EU", "XX",
    "9", "9.8", "BaseOS", "x86_64", "os", "repodata", "repomd.xml", ISO, RPM, ".meta4", ".sha256", ".metalink", "InRelease",
    "\xff", "\xc3\xbc", "\xed\xa0\x80", "\u00a0", "<", ">", "\"", "'", "`", "|", "$x", "${jndi:x}", "%", "%%", "%u002e",
    "..;", "~", "+", ",", "x" * 300, "mirrorlist", "metalink", "\x7f", "\x1b", " ", "\t",
]  # fmt: skip


def hostile(generator: random.Random) -> tuple[str, str, str, str]:
    """A path, a query, a host and an Accept header that wish us ill."""
    start = generator.choice(["/dl/", "/strict/", "/any/", "/", "//", "/dl", "/region/EU/dl/", "/region/", "/dl//", ""])
    path = start + generator.choice(["/", "", "//"]).join(generator.choices(BITS, k=generator.randint(1, 6)))
    query = generator.choice(["", "", "", "json", "mirrorlist", "logo=../x", "country=DE", "avoid=%00", "ipv=6&x=%ff",
                              "avoid=berlin.example.org", "only=secret.example.org", "country=-DE"])  # fmt: skip
    query += generator.choice(["", "&" + quote(generator.choice(BITS).encode("utf-8", "surrogatepass"))])
    host = generator.choice(["localhost", "dl.example.org", "evil.example.com", "[::1]", "dl.example.org:x", ""])
    accept = generator.choice(["*/*", "", "application/metalink4+xml", "application/json", "\xff;q=\x00"])
    return path, query, host, accept


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_hostile_requests_lead_nowhere_else_and_break_nothing(plain: Both, known: Both, seed: int) -> None:
    """5,000 in all, asked of Flask and of the fast path."""
    generator = random.Random(seed)
    for _ in range(250):
        for service in (plain, known):
            path, query, host, accept = hostile(generator)
            answer = service.get(path, query, BERLINER, HOST=host, ACCEPT=accept)
            assert answer.status < 500, (path, query)
            if path:  # without any, which HTTP does not know, the router leads to the front page
                assert set(hosts_of(answer)) <= ALLOWED, (path, query)
            assert not any(set(value) & set("\r\n\x00") for value in answer.headers.values())
            assert "/../" not in answer.headers.get("location", "")


CLIENTS = st.sampled_from([BERLINER, PRIVATE, MONOPOLY, "192.0.2.9", "8.8.8.8", "2001:db8::1", "nonsense", ""])
LINKS = {
    "current": "9.8",
    "odd/latest": "../x",
    "latest.iso": "real.iso",
    "many/linked.iso": "real.iso",
    "even": "many",
}
PATHS = st.one_of(
    st.sampled_from([f"/{tree}/{path}" for tree in ("dl", "strict", "any", "dl/.", "dl/") for path in FILES]),
    st.sampled_from(
        [f"/dl/{link}{path.removeprefix(to)}" for link, to in LINKS.items() for path in FILES if path.startswith(to)]
    ),
    st.tuples(
        st.sampled_from(["odd", "even", "many", "9", ".", "9/../odd"]),
        st.text(st.characters(exclude_categories=["Cs"]), max_size=4),
    ).map(lambda pair: "/dl/" + "/".join(pair)),
    st.sampled_from(
        ["/dl/many/linked.iso", "/dl/many/..", "/dl/many/.", "/dl/many/", "/dl/many", "/dl/many/" + 5000 * "x"]
    ),
    st.lists(st.sampled_from(["dl", "9", "9.8", "a b", "x.iso", "InRelease", ".", "é", "%"]), max_size=5).map(
        lambda parts: "/" + "/".join(parts)
    ),
)


FILTERS = st.lists(
    st.sampled_from(
        ["avoid=berlin.example.org,paris.example.org", "avoid=secret.example.org", "avoid=repo.example.org",
         "only=secret.example.org", "only=repo.example.org", "only=tokyo.example.org,none.example.org",
         "only=none.example.org", "country=DE", "country=-DE", "country=AQ", "avoid_country=DE,FR,CZ,AT"]
    ),
    max_size=2,
).map("&".join)  # fmt: skip


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(
    path=PATHS, query=FILTERS, peer=CLIENTS, https=st.booleans(), method=st.sampled_from(["GET", "HEAD"]),
    own=st.booleans(),
)  # fmt: skip
def test_the_fast_path_answers_as_flask_does(
    path: str, query: str, peer: str, https: bool, method: str, own: bool
) -> None:
    for service in services():
        asked = environ(
            path.encode().decode("latin-1"), query, peer=peer, method=method, HOST="dl.example.org" if own else "x"
        )
        asked["wsgi.url_scheme"] = "https" if https else "http"
        first, second, third = (ask(each, dict(asked)) for each in (service.flask, service.fronted, service.fronted))
        assert first == second == third


_SERVICES: list[Both] = []


def services() -> list[Both]:
    """Networks with and without an index, all well and half stale, with many mirrors and with few."""
    if not _SERVICES:
        count = len(mirrors())
        stale = HealthTable({REPO: bytes([SyncState.STALE, SyncState.FRESH] * count)[:count]}, {}, (3,))
        worn = HealthTable({REPO: bytes([SyncState.STALE] * count)}, {"main/https/ipv6": bytes([1, 0] * count)[:count]})
        lags = HealthTable({REPO: bytes([SyncState.LAGGING, SyncState.STALE, SyncState.LAGGING] * count)[:count]}, {})
        few = snapshot(mirrors()[:2], trees=TREES, fallbacks=FALLBACKS)
        _SERVICES.extend(
            both(each)
            for each in (
                bare(),
                indexed(bare(facts={"health": stale}), FILES, links=LINKS),
                indexed(bare(facts={"health": worn}), FILES, unknown=("berlin", "secret")),
                indexed(bare(facts={"health": lags}, metadata={REPO: metadata(REPO)}), FILES),
                few,
                indexed(few, FILES, links=LINKS),
            )
        )
    return _SERVICES


def test_a_path_through_a_link_leads_to_where_mirrors_have_the_file() -> None:
    links = {"current": "9.8", "odd/latest": "../x"} | {"latest.iso": "real.iso"}
    service = both(indexed(bare(), FILES, links=links))
    answer = get(service, "/dl/current/BaseOS/x86_64/os/Packages/hello.rpm")
    assert urlsplit(answer.headers["location"]).path == f"/linux/{RPM}"
    assert f"</dl/{RPM}.meta4>" in answer.headers["link"]
    assert answer.headers["location"] == get(service, f"/dl/{RPM}").headers["location"]
    assert get(service, "/dl/latest.iso", "protocol=https").headers["location"].endswith("/linux/real.iso")
    assert get(service, "/dl/latest.iso.sha256").body == f"{DIGEST.hex()}  latest.iso\n".encode()
    assert get(service, "/dl/current/nothing").status == 404


@pytest.mark.slow
def test_files_go_by_their_folder_as_they_go_alone() -> None:
    """The first file of a folder opens the way for its neighbours; whichever is first, each is answered the same."""
    generator = random.Random(1)
    same = {f"{n * 7919 % 1000}/{name}.rpm": Has(1, bytes([n]) * 32) for n in range(30) for name in ("a", "b")}
    files = {**FILES, **same, "many/real.iso": Has(3, bytes(32), ("berlin",)), "many/nohash.iso": Has(4, bytes(32))}
    paths = [f"/{front}/{path}" for front in ("dl", "any//") for path in files]
    paths += [f"/dl/{path.replace('many', 'even')}" for path in files if path.startswith("many/")]
    linked = ["/dl/many/linked.iso"]  # it lies in another folder: its neighbours do not
    for first in (linked, linked, linked, []):
        services = both(indexed(bare(), files, links=LINKS)), both(bare())
        generator.shuffle(paths)
        for path in [*first, *paths, *linked]:
            for service in services:
                get(service, path.encode().decode("latin-1"))


def test_redirects_are_counted_whoever_answers() -> None:
    known = both(indexed(bare(metadata={REPO: metadata(REPO)}), FILES))
    get(known, f"/dl/{ISO}")
    get(known, f"/dl/{RPM}", peer=PRIVATE)
    get(known, f"/dl/{ISO}", "country=CZ&protocol=https")
    get(known, f"/dl/{ISO}.meta4", "protocol=https&avoid=berlin.example.org")
    get(known, "/dl/debian/dists/stable/InRelease")
    get(known, "/dl/9/nobody.iso")
    get(known, "/dl/9/no-such.iso")
    plain, fast = known.counted()
    assert fast == {of: {label: 3 * times for label, times in sums.items()} for of, sums in plain.items()}
    assert plain["route"] == {"files/metalink4": 1, "files/redirect": 5}
    assert plain["module"] == {MAIN: 6}
    assert plain["country"] == {"DE": 6}
    assert (plain["first"]["secret.example.org"], plain["first"]["-"]) == (1, 2)
    assert (plain["proximity"]["subnet"], plain["proximity"]["-"]) == (1, 2)
    assert plain["first"]["prague.example.org"] == 2


def test_at_its_own_host_only_the_trees_paths_are_files() -> None:
    tree = RedirectTree(prefix="/mirrorlist/files/", module=MAIN, host="dl.example.org")
    service = both(bare(trees=(tree,)))
    listed = get(service, "/mirrorlist/9/baseos", "arch=x86_64", HOST="dl.example.org")
    assert (listed.status, listed.headers["content-type"]) == (200, "text/plain; charset=utf-8")
    assert get(service, "/mirrorlist/files/x.iso", HOST="dl.example.org").status == 302
    assert get(service, "/mirrorlist/files", HOST="dl.example.org").status == 302
    assert get(service, "/mirrorlist/files/x.iso").status == 404


PNG = b"\x89PNG\r\n\x1a\n" + b"x" * 20
WEBP = b"RIFF\x00\x00\x00\x00WEBPVP8 "


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    contents = {"a.png": PNG, "b.webp": WEBP, "c.png": b"<svg onload=x>", "d.png": PNG + bytes(MOST_LOGO_BYTES)}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "link.png").symlink_to("a.png")
    (tmp_path / "dir.png").mkdir()
    return tmp_path


def test_a_logo_is_what_its_bytes_are(directory: Path) -> None:
    assert logo(str(directory), "a.png") == ("image/png", PNG)
    assert logo(str(directory), "b.webp") == ("image/webp", WEBP)


@pytest.mark.parametrize(
    "name", ["c.png", "d.png", "link.png", "dir.png", "none.png", "../a.png", "/etc/passwd", "", ".a", "a.png\x00"]
)
def test_everything_else_is_none(directory: Path, name: str) -> None:
    assert logo(str(directory), name) is None


def test_the_page_shows_the_logo_of_the_mirror_that_gives_the_file(directory: Path) -> None:
    sponsored = mirror("a", sponsor="Example", sponsor_url="https://sponsor.example/", logo="a.png")
    service = both(snapshot([sponsored], trees=(RedirectTree(prefix="/dl/", module=MAIN),), mirrors_dir=str(directory)))

    assert b'<img src="?logo=a.example.org"' in service.get("/dl/x.iso", "mirrorlist").body
    got = service.get("/dl/x.iso", "logo=a.example.org")
    assert (got.status, got.body, got.headers["content-type"]) == (200, PNG, "image/png")
    assert service.get("/dl/x.iso", "logo=b.example.org").status == 404


def test_what_the_view_answers_is_counted_for_monitoring(tmp_path: Path) -> None:
    """Files are answered before any view is looked for, and so before what other parts of the service do then."""
    held, counts = Held(), Counts()
    app = plain_app(held, nobody, counts)
    put_monitoring(app, held, counts, (CountFiles(tmp_path), JobRecords(tmp_path, lambda: NOW)))
    held.put(bare())
    assert ask(app.wsgi_app, environ(f"/dl/{ISO}", "json")).status == 200
    assert sum(counts.take()["answers"].values()) == 1
