"""What clients' own habits make of a request for a file: what they accept, how they spell paths, by what they come."""

from __future__ import annotations

from email.utils import formatdate
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from mirrorlist.core.catalogue.trees import Keeps, MetadataFrom, RedirectTree
from mirrorlist.core.health.columns import HealthTable
from mirrorlist.core.model import MAIN, Mirror, Protocol
from mirrorlist.web.redirects.requests import Form, accepted
from tests.building import snapshot
from tests.file_indexes import Has, indexed
from tests.web.asking import Answer, Both, ask, both, environ
from tests.web.redirects.test_views import BERLINER, FALLBACKS, FILES, ISO, REPO, bare, placed

ZYPP = "ZYpp 17.25.7 (curl 7.88.1) "
ARIA2 = "*/*,application/metalink4+xml,application/metalink+xml"
OF_ZYPP = "*/*, application/metalink+xml, application/metalink4+xml"


@pytest.fixture(scope="module")
def known() -> Both:
    return both(indexed(bare(), FILES))


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("", Form.REDIRECT),
        (ARIA2, Form.REDIRECT),
        (OF_ZYPP, Form.REDIRECT),
        ("application/metalink4+xml, */*;q=0.1", Form.METALINK4),
        ("*/*;q=0.1, application/metalink+xml", Form.METALINK3),
        ("*/*; Q=.2 , APPLICATION/Metalink+XML", Form.METALINK3),
        ("*/*, application/metalink4+xml;q=0.9", Form.REDIRECT),
        ("*/*;q=0.999, application/metalink4+xml;q=1.000", Form.METALINK4),
        ("*/*;q=0, application/metalink4+xml;q=0.001", Form.METALINK4),
        ("*/*;q=0.5, application/metalink4+xml;q=0.5", Form.REDIRECT),
        ("*/*;q=0.1, */*;q=0.5, application/metalink4+xml;q=0.5", Form.REDIRECT),
        ("application/*, application/metalink4+xml", Form.REDIRECT),
        ("application/*;q=0.5, application/metalink4+xml", Form.METALINK4),
        ("application/octet-stream, application/metalink4+xml", Form.REDIRECT),
        ("image/*;q=0.1, application/metalink4+xml", Form.METALINK4),
        ("text/html, application/metalink4+xml", Form.METALINK4),
        ("*, application/metalink4+xml", Form.REDIRECT),
        ("application/json, text/plain, */*", Form.REDIRECT),
        ("application/json, */*;q=0.5", Form.JSON),
        ("application/metalink4+xml;charset=utf-8;q=0.5, application/metalink+xml;q=0.4", Form.METALINK4),
        ('application/metalink+xml;x="a, */*;q=1", */*;q=0.1', Form.METALINK3),
        ("application/metalink4+xml;q=0, */*", Form.REDIRECT),
        ("application/metalink4+xml;q=0, application/metalink+xml", Form.METALINK3),
        ("*/*;q=nonsense, application/metalink4+xml", Form.REDIRECT),
        ("application/metalink4+xml;q=2, */*;q=0.1", Form.REDIRECT),
        ("application/metalink4+xml;q=nan, */*", Form.REDIRECT),
        ("application/metalink4+xmlish", Form.REDIRECT),
        ("x/application/metalink4+xml", Form.REDIRECT),
        (',;=,"', Form.REDIRECT),
        ("*/*," + "a/b," * 1000 + "application/metalink4+xml", Form.REDIRECT),
    ],
)
def test_a_metalink_is_for_those_who_would_rather_have_it_than_the_file(accept: str, form: Form) -> None:
    assert accepted(accept) is form


@pytest.mark.parametrize("agent", ["aria2/1.36.0", "", "apt-fast", "curl/7.88.1", "libdnf (Debian GNU/Linux 12)"])
@pytest.mark.parametrize("accept", [ARIA2, OF_ZYPP])
def test_who_can_take_metalinks_too_gets_a_redirect_with_links_and_digest(known: Both, agent: str, accept: str) -> None:
    answer = known.get(f"/dl/{ISO}", peer=BERLINER, ACCEPT=accept, USER_AGENT=agent)
    plain = known.get(f"/dl/{ISO}", peer=BERLINER)
    assert answer == plain
    assert {"link", "digest"} <= answer.headers.keys()


def test_zypper_gets_a_metalink_until_it_asks_for_files_alone(known: Both) -> None:
    for accept, status in ((OF_ZYPP, 200), ("*/*", 302), ("*/*, application/metalink4+xml;q=0", 302), ("", 302)):
        answer = known.get(f"/dl/{ISO}", ACCEPT=accept, USER_AGENT=ZYPP)
        assert answer.status == status, accept
        assert status == 302 or answer.headers["content-type"] == "application/metalink4+xml"


def test_the_page_of_a_file_is_json_for_those_who_name_it(known: Both) -> None:
    for accept, kind in (("application/json, */*", "application/json"), ("*/*", "text/html; charset=utf-8")):
        assert known.get(f"/dl/{ISO}", "mirrorlist", ACCEPT=accept).headers["content-type"] == kind


@pytest.mark.parametrize(
    ("path", "once"),
    [
        (f"//dl/{ISO}", f"/dl/{ISO}"),
        (f"////dl//{ISO}", f"/dl/{ISO}"),
        (f"//region//EU//dl/{ISO}", f"/region/EU/dl/{ISO}"),
        ("//dl//9/", "/dl/9/"),
        (f"//dl/{ISO}.meta4", f"/dl/{ISO}.meta4"),
        ("//dl/no-such", "/dl/no-such"),
        ("//dl/../x", "/dl/../x"),
        ("//dl", "/dl"),
        ("//mirrorlist/9/baseos", "/mirrorlist/9/baseos"),
        ("//", "/"),
    ],
)
def test_several_slashes_at_the_beginning_are_one(known: Both, path: str, once: str) -> None:
    assert known.get(path, peer=BERLINER) == known.get(once, peer=BERLINER)


def test_at_a_host_of_its_own_slashes_are_no_host(known: Both) -> None:
    of_own = {"HOST": "dl.example.org"}
    assert known.get(f"//{ISO}", **of_own) == known.get(f"/{ISO}", **of_own)
    assert known.get("///real.iso", **of_own).headers["location"].endswith("example.org/linux/real.iso")
    unknown = both(bare())
    for path, found in (
        ("//evil.example.com/x", "/linux/evil.example.com/x"),
        ("//evil.example.com", "/linux/evil.example.com"),
        ("////", "/linux/"),
        ("//@evil.example.com:80/%2e", "/linux/@evil.example.com:80/%252e"),
    ):
        location = urlsplit(unknown.get(path, **of_own).headers["location"])
        assert (location.hostname or "").endswith(".example.org"), path
        assert location.path == found


@pytest.mark.parametrize("length", [20, 90, 120, 255, 600, 1000, 1800, 2000, 3900])
@pytest.mark.parametrize("letter", ["x", "あ"])
def test_links_are_bounded_whatever_the_path(length: int, letter: str) -> None:
    unknown, name = both(bare()), letter * (length // len(letter.encode()))
    path = f"/dl/docs/{name}.pdf".encode().decode("latin-1")
    answers = [unknown.get(path, peer=BERLINER), unknown.get(path, peer=BERLINER, USER_AGENT="aria2/1.36.0")]
    assert answers[0] == answers[1]
    if answers[0].status == 400:
        assert len(quote(name)) > 7900
        return
    links = [link for link in answers[0].headers.get("link", "").split(", ") if link]
    assert sum(len(f"Link: {link}\r\n") for link in links) <= 2048
    assert links == [] or "rel=describedby" in links[-1]
    assert (links == []) is (len(quote(f"docs/{name}.pdf")) > 2048 - 70)
    headers = answers[0].headers.items()
    assert sum(len(f"{key}: {value}\r\n") for key, value in headers) < 2048 + len(quote(name)) + 400


KEEPING = (
    RedirectTree(prefix="/kept/", module=MAIN, protocol=Keeps.AS_ASKED),
    RedirectTree(prefix="/kept-strict/", module=MAIN, protocol=Keeps.AS_ASKED, metadata=MetadataFrom.ORIGIN),
    RedirectTree(prefix="/", module=MAIN, host="kept.example.org", protocol=Keeps.AS_ASKED),
)


def two_ways(name: str, city: str, *protocols: Protocol) -> Mirror:
    urls = {protocol: f"{protocol}://{name}.example.org/linux/" for protocol in protocols}
    return placed(name, city, urls={MAIN: urls})


def keeping(**fields: Any) -> Both:
    """Berlin has https only, Prague both, Chicago http only."""
    mirrors = [
        two_ways("berlin", "berlin", Protocol.HTTPS),
        two_ways("prague", "prague", Protocol.HTTPS, Protocol.HTTP),
        two_ways("chicago", "chicago", Protocol.HTTP),
    ]
    files = fields.pop("files", None)
    given: dict[str, Any] = {"trees": KEEPING, "trusted_proxies": ("10.0.0.0/8",), "fallbacks": FALLBACKS, **fields}
    made = snapshot(mirrors, at={"192.0.2.0/24": "berlin"}, **given)
    return both(made if files is None else indexed(made, files))


def by(service: Both, scheme: str, path: str, query: str = "", peer: str = "10.0.0.1", **headers: str) -> Answer:
    """What a client behind a proxy gets that came by this scheme."""
    return service.get(
        path, query, peer, **{"X_FORWARDED_FOR": BERLINER, "X_FORWARDED_PROTO": scheme, "HOST": "x", **headers}
    )


@pytest.mark.parametrize(
    ("scheme", "query", "first"),
    [
        ("http", "", "http://prague"),
        ("https", "", "https://berlin"),
        ("HTTPS", "", "https://berlin"),
        ("http", "protocol=https", "https://berlin"),
        ("http", "protocol=http", "http://prague"),
        ("http", "protocol=http,https", "https://berlin"),
        ("http", "avoid=prague.example.org", "http://chicago"),
        ("http", "avoid=prague.example.org,chicago.example.org", "http://repo"),
        ("https", "avoid=berlin.example.org,prague.example.org", "https://repo"),
    ],
)
@pytest.mark.parametrize("files", [None, FILES])
def test_a_tree_may_keep_the_clients_protocol(scheme: str, query: str, first: str, files: Any) -> None:
    service = keeping(files=files)
    for path, headers in ((f"/kept/{ISO}", {}), (f"/{ISO}", {"HOST": "kept.example.org"})):
        answer = by(service, scheme, path, query, **headers)
        assert answer.headers["location"] == f"{first}.example.org/linux/{ISO}"
        if not query:
            assert f"<{'https:' if scheme == 'http' else 'http:'}//" not in answer.headers["link"]
            told = by(service, scheme, f"{path}.meta4", **headers).body.decode()
            assert f"{'https:' if scheme == 'http' else 'http:'}//prague" not in told


def test_who_comes_straight_by_https_keeps_it_and_no_stranger_says_so() -> None:
    service = keeping()
    straight = {**environ(f"/kept/{ISO}", peer=BERLINER), "wsgi.url_scheme": "https"}
    for application in (service.flask, service.fronted):
        assert ask(application, dict(straight)).headers["location"].startswith("https://berlin")
    assert by(service, "https", f"/kept/{ISO}", peer=BERLINER).headers["location"].startswith("http://prague")


def test_by_https_nobody_is_sent_to_http() -> None:
    service = keeping()
    assert by(service, "https", f"/kept/{ISO}", "protocol=http").status == 400
    only_http = both(
        snapshot([two_ways("chicago", "chicago", Protocol.HTTP)], trees=KEEPING, trusted_proxies=("10.0.0.0/8",))
    )
    assert by(only_http, "https", f"/kept/{ISO}").status == 404


def test_where_nobody_gives_a_file_by_http_it_comes_by_https() -> None:
    only_https = [two_ways("berlin", "berlin", Protocol.HTTPS)]
    for fallbacks, first in (({}, "berlin"), ({MAIN: ("https://repo.example.org/linux/",)}, "berlin")):
        service = both(snapshot(only_https, trees=KEEPING, fallbacks=fallbacks, trusted_proxies=("10.0.0.0/8",)))
        for path in (ISO, "debian/dists/stable/InRelease"):
            location = by(service, "http", f"/kept/{path}").headers["location"]
            of = "repo" if fallbacks and path != ISO else first
            assert location == f"https://{of}.example.org/linux/{path}"


def test_a_good_mirror_by_https_beats_one_by_http_that_was_good_once() -> None:
    """Prague and Chicago do not answer by http, and there is no fallback."""
    bad = {f"main/http/{family}": bytes([0, 1, 1]) for family in ("ipv4", "ipv6")}
    service = keeping(facts={"health": HealthTable({}, bad)}, fallbacks={})
    assert by(service, "http", f"/kept/{ISO}").headers["location"].startswith("https://berlin")
    worse = {**bad, **{f"main/https/{family}": bytes([1, 1, 1]) for family in ("ipv4", "ipv6")}}
    service = keeping(facts={"health": HealthTable({}, worse)}, fallbacks={})
    assert by(service, "http", f"/kept/{ISO}").headers["location"].startswith("http://prague")


def test_a_file_that_only_https_mirrors_have_comes_by_https_where_there_is_no_fallback() -> None:
    files = {ISO: Has(700, None, ("prague", "chicago"))}
    service = keeping(files=files, fallbacks={})
    assert by(service, "http", f"/kept/{ISO}").headers["location"] == f"https://berlin.example.org/linux/{ISO}"
    assert by(service, "http", "/kept/no-such").status == 404


def test_metadata_of_the_origin_keeps_the_protocol_too() -> None:
    service = keeping(files=FILES)
    for scheme in ("http", "https"):
        for path in ("/kept/debian/dists/stable/InRelease", f"/kept-strict/{REPO}repodata/repomd.xml"):
            assert by(service, scheme, path).headers["location"].startswith(f"{scheme}://repo.example.org/")


@pytest.mark.parametrize(
    "headers",
    [
        {"IF_MODIFIED_SINCE": "Thu, 31 Dec 2099 23:59:59 GMT"},
        {"IF_MODIFIED_SINCE": formatdate(1_790_000_000, usegmt=True)},
        {"IF_MODIFIED_SINCE": "no date"},
        {"IF_NONE_MATCH": "*"},
        {"IF_NONE_MATCH": f'"{1_790_000_000:x}-{700:x}"'},
        {"IF_NONE_MATCH": f'W/"{1_790_000_000:x}-{700:x}", "x"', "IF_MODIFIED_SINCE": "x"},
        {"IF_MATCH": '"x"'},
        {"IF_UNMODIFIED_SINCE": "Thu, 01 Jan 1970 00:00:01 GMT"},
        {"RANGE": "bytes=0-0", "IF_RANGE": '"x"'},
    ],
)
@pytest.mark.parametrize("path", [f"/dl/{ISO}", "/dl/debian/dists/stable/InRelease", f"/dl/{REPO}repodata/repomd.xml"])
def test_conditions_are_for_whoever_gives_the_file(known: Both, path: str, headers: dict[str, str]) -> None:
    """A redirect takes precedence over them (RFC 9110, 13.2.1), and the index may be older than a change."""
    answer = known.get(path, peer=BERLINER, **headers)
    assert answer.status == 302
    assert answer == known.get(path, peer=BERLINER)
