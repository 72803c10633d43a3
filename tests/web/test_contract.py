"""What the service promises to every client, over every spelling, with the hot path and without it."""

from __future__ import annotations

import gzip
import io
from urllib.parse import unquote_to_bytes
from wsgiref.validate import validator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from mirrorlist.core.model import MAIN, CloudRegions, Protocol
from tests.building import metadata, mirror, snapshot
from tests.web.asking import Answer, Both, ask, both, environ

TEXT = "text/plain; charset=utf-8"
METALINK = "application/metalink+xml"
PATH = "9.8/BaseOS/x86_64/os/"
LITERAL = "9.8/BaseOS/$basearch/os/"
PUBLIC = [mirror(f"m{number}", "berlin", bandwidth_mbps=100 * number) for number in range(1, 21)]
HIDDEN = [
    mirror("private", "berlin", private=True, subnets=["198.51.100.0/24"]),
    mirror("monopoly", "berlin", private=True, monopoly=True, subnets=["203.0.113.0/28"]),
    mirror("cloudy", "berlin", cloud=CloudRegions("aws", None)),
]
ORIGIN = {"main": "/srv/linux"}


@pytest.fixture(scope="module")
def service() -> Both:
    return both(
        snapshot(
            [*PUBLIC, *HIDDEN],
            at={"192.0.2.0/24": "berlin", "198.51.100.0/24": "berlin"},
            metadata={PATH: metadata(PATH, alternates="bc")},
            origins=ORIGIN,
            trusted_proxies=("10.0.0.0/8",),
        )
    )


MIRRORLISTS = [
    # path, query, the path that every URL ends with
    ("/mirrorlist/9/baseos", "", LITERAL),
    ("/mirrorlist/9/baseos/", "", LITERAL),
    ("/mirrorlist//9/baseos", "", LITERAL),
    ("///mirrorlist/9//baseos//", "", LITERAL),
    ("/mirrorlist//", "repo=baseos-9", LITERAL),
    ("/mirrorlist/9.8/baseos", "", LITERAL),
    ("/mirrorlist/9.9/baseos", "", LITERAL),
    ("/mirrorlist/9/baseos", "arch=x86_64", PATH),
    ("/mirrorlist/9/baseos/", "arch=x86_64", PATH),
    ("/mirrorlist/9/baseos", "arch=aarch64", "9.8/BaseOS/aarch64/os/"),
    ("/mirrorlist/9/baseos", "arch=", LITERAL),
    ("/mirrorlist/9/baseos", "arch", LITERAL),
    ("/mirrorlist/9/baseos", "arch=$basearch", LITERAL),
    ("/mirrorlist/9/baseos", "arch=%24basearch", LITERAL),
    ("/mirrorlist/9/baseos", "arch=aarch64&arch=x86_64", PATH),
    ("/mirrorlist/9/baseos", "arch=x86%5F64", PATH),
    ("/mirrorlist/9/baseos", "%61rch=x86_64", PATH),
    ("/mirrorlist/9/baseos", "&&arch=x86_64&&", PATH),
    ("/mirrorlist/9/baseos", "mirrorlist&arch=x86_64", PATH),
    ("/mirrorlist/9/baseos", "unknown=1&arch=x86_64&x=%FF%00", PATH),
    ("/mirrorlist/9/baseos", "countme=1", LITERAL),
    ("/mirrorlist/9/baseos", "countme=2", LITERAL),
    ("/mirrorlist/9/baseos", "arch=x86_64&countme=3", PATH),
    ("/mirrorlist/9/baseos", "countme=4&arch=x86_64", PATH),
    ("/mirrorlist/9/baseos", "protocol=https&arch=x86_64", PATH),
    ("/mirrorlist/9/baseos", "country=DE&arch=x86_64", PATH),
    ("/mirrorlist/9/baseos", "country=de,at&arch=x86_64", PATH),
    ("/mirrorlist/9/baseos", "country=&protocol=", LITERAL),
    ("/mirrorlist", "repo=baseos-9", LITERAL),
    ("/mirrorlist/", "repo=baseos-9", LITERAL),
    ("/mirrorlist", "repo=baseos-9.8&arch=x86_64", PATH),
    ("/mirrorlist", "arch=x86_64&repo=baseos-9", PATH),
    ("/mirrorlist/", "arch=x86_64&countme=1&repo=baseos-9", PATH),
    ("/mirrorlist", "repo=nonsense-1&repo=baseos-9", LITERAL),
    ("/mirrorlist", "repo=baseos%2D9&arch=x86_64", PATH),
]
METALINKS = [
    ("/metalink/9/baseos", "arch=x86_64"),
    ("/metalink/9/baseos/", "arch=x86_64"),
    ("/metalink/9.8/baseos", "arch=x86_64"),
    ("/metalink/9.99/baseos", "arch=x86_64"),
    ("/metalink/9/baseos", "countme=1&arch=x86_64"),
    ("/metalink/9/baseos", "arch=x86_64&protocol=https,http"),
    ("/metalink/9/baseos", "arch=x86_64&metalink"),
    ("/metalink/9/baseos", "arch=x86_64&country=DE"),
    ("/metalink", "repo=baseos-9&arch=x86_64"),
    ("/metalink/", "repo=baseos-9&arch=x86_64"),
    ("/metalink", "arch=x86_64&repo=baseos-9"),
    ("/metalink", "arch=x86_64&countme=4&repo=baseos-9&x"),
]
GOOD = [(path, query, TEXT) for path, query, _ in MIRRORLISTS] + [(*row, METALINK) for row in METALINKS]


def headers_of(content_type: str, body: bytes) -> dict[str, str]:
    return {
        "content-type": content_type,
        "cache-control": "private, no-store",
        "vary": "Accept-Encoding",
        "x-content-type-options": "nosniff",
        "content-length": str(len(body)),
    }


@pytest.mark.parametrize(("path", "query", "ends"), MIRRORLISTS)
def test_every_spelling_gives_the_list(service: Both, path: str, query: str, ends: str) -> None:
    answer = service.get(path, query)
    assert answer.status == 200
    assert answer.headers == headers_of(TEXT, answer.body)
    lines = answer.body.decode().removesuffix("\n").split("\n")
    if path.strip("/") == "mirrorlist":  # Fedora's spelling has a heading
        assert lines.pop(0).startswith("# repo = baseos-9")
    assert sorted(lines) == sorted(f"https://m{number}.example.org/linux/{ends}" for number in range(1, 21))


@pytest.mark.parametrize(("path", "query"), METALINKS)
def test_every_spelling_gives_the_metalink(service: Both, path: str, query: str) -> None:
    answer = service.get(path, query)
    assert answer.status == 200
    assert answer.headers == headers_of(METALINK, answer.body)
    urls = [url.text for url in etree.fromstring(answer.body).iter("{http://www.metalinker.org/}url")]
    assert sorted(filter(None, urls)) == sorted(
        f"https://m{number}.example.org/linux/{PATH}repodata/repomd.xml" for number in range(1, 21)
    )


def without_heading(body: bytes) -> bytes:
    return body.partition(b"\n")[2] if body.startswith(b"# repo =") else body


def test_all_spellings_of_one_question_give_the_same_bytes(service: Both) -> None:
    assert len({service.get(path, query).body for path, query in METALINKS}) == 1
    bodies = {
        ends: {without_heading(service.get(path, query).body) for path, query, end in MIRRORLISTS if end == ends}
        for *_, ends in MIRRORLISTS
    }
    assert {ends: len(found) for ends, found in bodies.items()} == dict.fromkeys(bodies, 1)


@pytest.mark.parametrize(("path", "query", "content_type"), GOOD)
def test_head_has_the_headers_of_get_and_no_body(service: Both, path: str, query: str, content_type: str) -> None:
    expected = service.get(path, query)
    for application in (service.flask, service.fronted):
        answer = ask(application, environ(path, query, method="HEAD"))
        assert answer == Answer(200, expected.headers, b"")


@pytest.mark.parametrize("application", ["flask", "fronted"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/mirrorlist/9/baseos", ""),
        ("/metalink", "repo=baseos-9&arch=x86_64"),
        ("/mirrorlist/9/none", ""),
        ("/none", ""),
    ],
)
def test_answers_keep_to_the_rules_of_wsgi(service: Both, application: str, method: str, path: str, query: str) -> None:
    asked = environ(path, query, method=method)
    asked["wsgi.errors"] = io.StringIO()
    answer = ask(validator(getattr(service, application)), asked)
    assert answer.status in (200, 404)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"])
@pytest.mark.parametrize(
    "path",
    [
        "/mirrorlist/9/baseos",
        "/mirrorlist/9/baseos/",
        "/mirrorlist",
        "/metalink/",
        "/metalink/9/baseos",
        "/mirrorlist/9/nonsense",
    ],
)
def test_other_methods_are_told_which_ones_work(service: Both, method: str, path: str) -> None:
    for application in (service.flask, service.fronted):
        answer = ask(application, environ(path, "repo=baseos-9", method=method))
        assert answer.status == 405
        assert answer.body == b"# 405 Method Not Allowed\n"
        assert answer.headers == {**headers_of(TEXT, answer.body), "allow": "GET, HEAD"}


HOSTILE = "<script>alert(1)</script>"
BAD = [
    (404, "/nothing", ""),
    (404, "/favicon.png", ""),
    (404, "/humans.txt", ""),
    (404, "/mirrorlists/9/baseos", ""),
    (404, "/Mirrorlist/9/baseos", ""),
    (404, "/mirrorlist/9", ""),
    (404, "/mirrorlist/9/", ""),
    (404, "/mirrorlist/9/baseos/x86_64", ""),
    (404, "/mirrorlist/11/baseos", ""),
    (404, "/mirrorlist/09/baseos", ""),
    (404, "/mirrorlist/9foo/baseos", ""),
    (404, "/mirrorlist/9-beta/baseos", ""),
    (404, "/mirrorlist/9.1/baseos", ""),
    (404, "/mirrorlist/\u0669/baseos", ""),
    (404, "/mirrorlist/9/nonsense", ""),
    (404, "/mirrorlist/9/BaseOS", ""),
    (404, "/mirrorlist/9/powertools", ""),
    (404, "/mirrorlist/10-kitten/baseos", "arch=aarch64"),
    (404, "/mirrorlist/9/baseos", "arch=i386"),
    (404, "/mirrorlist", "repo=baseos"),
    (404, "/mirrorlist", "repo=baseos-11"),
    (404, "/mirrorlist", f"repo={HOSTILE}"),
    (400, "/mirrorlist", ""),
    (400, "/mirrorlist", "repo="),
    (400, "/mirrorlist", "repo"),
    (400, "/mirrorlist/", "arch=x86_64"),
    (400, "/mirrorlist/9/baseos", "protocol=ftp"),
    (400, "/mirrorlist/9/baseos", "protocol=rsync"),
    (400, "/mirrorlist/9/baseos", "protocol=https,gopher"),
    (400, "/mirrorlist/9/baseos", "country=DEU"),
    (400, "/mirrorlist/9/baseos", "country=DE,4"),
    (400, "/mirrorlist/9/baseos", "country=%C3%89E"),
    (400, "/mirrorlist/9/baseos", "country=" + ",".join(["DE"] * 33)),
    (400, "/mirrorlist/9/baseos", "arch=x86-64"),
    (400, "/mirrorlist/9/baseos", "arch=../../etc"),
    (400, "/mirrorlist/9/baseos", f"arch={HOSTILE}"),
    (400, "/mirrorlist/9/baseos", "arch=a%0D%0Ahttp://evil.example.com/"),
    (400, "/mirrorlist/9/baseos", "arch=" + "a" * 33),
    (400, "/mirrorlist/9/baseos", "arch=%00"),
    (400, "/mirrorlist/9/baseos", "arch=%FF%FE"),
    (400, "/mirrorlist/9/baseos", "&".join(f"k{number}=1" for number in range(101))),
    (400, "/metalink/9/baseos", ""),
    (400, "/metalink", "repo=baseos-9"),
    (400, "/metalink/9/baseos", "arch=x86_64&protocol=ftp"),
    (404, "/metalink/9/baseos", "arch=i386"),
    (404, "/metalink/9.2/baseos", "arch=x86_64"),  # the vault's
    (404, "/metalink/9/baseos-source", ""),  # the vault's
    (404, "/metalink/10-kitten/baseos", "arch=x86_64"),  # no origin for the module
    (404, "//evil.example.com/mirrorlist/9/baseos", ""),
    (404, "/mirrorlist/../mirrorlist/9/baseos", ""),
    (404, "/mirrorlist/9/..", ""),
    (404, "/mirrorlist/9/" + "a" * 50_000, ""),
    (404, "/" + "a/" * 20_000, ""),
    (404, "/mirrorlist/9/%FF", ""),
    (404, "/mirrorlist/%00/baseos", ""),
    (404, "/mirrorlist/9/base%00os", ""),
    (404, "/mirrorlist/9/baseos%00", ""),
    (404, "/mirrorlist/9/%E2%82%AC", ""),
    (404, "/mirrorlist/9/baseos%0D%0ALocation:%20http://evil.example.com/", ""),
    (404, "/mirrorlist/9/baseos%0Ahttp://evil.example.com/", ""),
    (404, "/mirrorlist/9/baseos%0A", ""),
    (404, "/mirrorlist/9%0A/baseos", ""),
    (404, "/mirrorlist/9/%3Cscript%3Ealert(1)%3C/script%3E", ""),
    (404, f"/mirrorlist/9/{HOSTILE}", ""),
    (404, f"/mirrorlist/{HOSTILE}/baseos", ""),
]


def wire(path: str) -> str:
    """A path as a server hands it over: percent-decoded bytes as latin-1."""
    return unquote_to_bytes(path.encode()).decode("latin-1")


def is_one_comment(answer: Answer) -> bool:
    """Whether the body is one line that no client takes for a URL, in plain characters."""
    text = answer.body.decode("ascii")
    return text.startswith("# ") and text.endswith("\n") and text[:-1].isprintable()


@pytest.mark.parametrize(("status", "path", "query"), BAD)
def test_bad_request_is_one_comment_line(service: Both, status: int, path: str, query: str) -> None:
    answer = service.get(wire(path), query)
    assert (answer.status, is_one_comment(answer)) == (status, True)
    assert answer.headers == headers_of(TEXT, answer.body)
    assert len(answer.body) < 300
    for echo in (b"<", b"script", b"evil", b"Location", b"aaaa", b"i386", b"gopher", b"etc"):
        assert echo not in answer.body
    head = ask(service.fronted, environ(wire(path), query, method="HEAD"))
    assert head == Answer(status, answer.headers, b"")


@pytest.mark.parametrize("path", ["/mirrorlist/9/baseos", "/metalink/9/baseos"])
def test_everything_is_503_before_the_first_snapshot(path: str) -> None:
    answer = both().get(path, "arch=x86_64")
    assert (answer.status, is_one_comment(answer)) == (503, True)
    assert answer.headers == {**headers_of(TEXT, answer.body), "retry-after": "30"}


def test_metalink_without_an_origin_does_not_exist() -> None:
    answer = both(snapshot(PUBLIC)).get("/metalink/9/baseos", "arch=x86_64")
    assert answer.status == 404
    assert answer.body == (b"# there is no metalink: service.yml names no origin for this; ask /mirrorlist instead\n")


def test_metalink_before_the_origin_was_asked_comes_later(service: Both) -> None:
    answer = service.get("/metalink/9/appstream", "arch=x86_64")
    assert (answer.status, is_one_comment(answer)) == (503, True)
    assert answer.headers == {**headers_of(TEXT, answer.body), "retry-after": "30"}
    head = ask(service.fronted, environ("/metalink/9/appstream", "arch=x86_64", method="HEAD"))
    assert head == Answer(503, answer.headers, b"")


def test_nothing_to_give_is_404() -> None:
    https_only = mirror("a", "berlin", urls={MAIN: {Protocol.HTTPS: "https://a.example.org/"}})
    service = both(snapshot([https_only], metadata={PATH: metadata(PATH)}, origins=ORIGIN))
    for kind in ("mirrorlist", "metalink"):
        answer = service.get(f"/{kind}/9/baseos", "arch=x86_64&protocol=http")
        assert (answer.status, answer.body) == (404, b"# no mirror that you can use carries this\n")
        assert service.get(f"/{kind}/9/baseos", "arch=x86_64").status == 200


def test_country_without_a_mirror_gives_the_usual_list_and_says_so(service: Both) -> None:
    usual = service.get("/mirrorlist/9/baseos")
    answer = service.get("/mirrorlist/9/baseos", "country=FR")
    note = b"# no mirror in the countries asked for has this; the usual order follows\n"
    assert answer.status == 200
    assert answer.body == usual.body + note


@pytest.mark.parametrize(
    ("path", "query", "expected"),
    [
        ("/mirrorlist/9.2/baseos", "", "http://vault.example.org/9.2/BaseOS/$basearch/os/\n"),
        ("/mirrorlist/9.2/baseos", "arch=x86_64", "http://vault.example.org/9.2/BaseOS/x86_64/os/\n"),
        ("/mirrorlist/9.2-beta/baseos/", "", "http://vault.example.org/9.2-beta/BaseOS/$basearch/os/\n"),
        (
            "/mirrorlist",
            "repo=baseos-source-9",
            "# repo = baseos-source-9 \nhttp://vault.example.org/9.8/BaseOS/Source/\n",
        ),
    ],
)
def test_vault_is_given_for_what_mirrors_do_not_carry(service: Both, path: str, query: str, expected: str) -> None:
    answer = service.get(path, query)
    assert (answer.status, answer.body.decode()) == (200, expected)
    assert answer.headers == headers_of(TEXT, answer.body)


@pytest.mark.parametrize(
    ("path", "query"), [("/mirrorlist/9/baseos", "arch=x86_64"), *METALINKS[:2], ("/mirrorlist/9/baseos", "country=DE")]
)
def test_gzip_is_sent_when_it_is_asked_for_and_unpacks_to_the_same(service: Both, path: str, query: str) -> None:
    plain = service.get(path, query)
    packed = service.get(path, query, ACCEPT_ENCODING="br;q=0.5, gzip")
    assert packed.headers == {**headers_of(plain.headers["content-type"], packed.body), "content-encoding": "gzip"}
    assert gzip.decompress(packed.body) == plain.body
    head = ask(service.fronted, environ(path, query, method="HEAD", ACCEPT_ENCODING="gzip"))
    assert head.headers == packed.headers


@pytest.mark.parametrize("header", ["", "identity", "gzip;q=0", "GZIP; q=0.0", "*", "br", "gzip;q=0, br", "\xff"])
def test_gzip_is_not_sent_to_those_who_do_not_want_it(service: Both, header: str) -> None:
    answer = service.get("/mirrorlist/9/baseos", "arch=x86_64", ACCEPT_ENCODING=header)
    assert answer == service.get("/mirrorlist/9/baseos", "arch=x86_64")
    assert "content-encoding" not in answer.headers


@pytest.mark.parametrize(
    ("peer", "headers"),
    [
        ("", {}),
        ("nonsense", {}),
        ("", {"X_FORWARDED_FOR": "198.51.100.1"}),
        ("10.0.0.1", {}),
        ("10.0.0.1", {"X_FORWARDED_FOR": ""}),
        ("10.0.0.1", {"X_FORWARDED_FOR": "198.51.100.1, \xff"}),
        ("10.0.0.1", {"X_FORWARDED_FOR": "198.51.100.1, unknown, 10.0.0.2"}),
    ],
)
def test_unknown_client_gets_public_mirrors_only(service: Both, peer: str, headers: dict[str, str]) -> None:
    answer = service.get("/mirrorlist/9/baseos", "", peer, **headers)
    hosts = sorted(line.split("/")[2] for line in answer.body.decode().splitlines())
    assert (answer.status, hosts) == (200, sorted(each.name for each in PUBLIC))


@pytest.mark.parametrize("host", ["evil.example.com", "<script>", "a\xffb", "", "[", "a:b:c", "a/b"])
def test_host_header_counts_for_nothing(service: Both, host: str) -> None:
    for path in ("/mirrorlist/9/baseos", "/mirrorlist/9/none", "/mirrorlist/9/baseos/"):
        for method in ("GET", "HEAD"):
            for application in (service.flask, service.fronted):
                odd = ask(application, environ(path, method=method, HOST=host, X_FORWARDED_HOST=host))
                assert odd == ask(application, environ(path, method=method))


BYTES = st.binary(max_size=40).map(lambda raw: raw.decode("latin-1"))
NEAR_MISSES = st.lists(
    st.sampled_from(["mirrorlist", "metalink", "9", "10", "9.8", "baseos", "appstream", "", "..", "repo", "\x00"])
    | BYTES,
    max_size=5,
).map(lambda parts: "/" + "/".join(parts))
QUERIES = st.lists(
    st.sampled_from(["arch=x86_64", "repo=baseos-9", "country=DE", "protocol=http", "countme=1", "country=%", "arch"])
    | BYTES,
    max_size=5,
).map("&".join)


@pytest.mark.slow
@settings(max_examples=600, deadline=None)
@given(NEAR_MISSES, QUERIES, BYTES, BYTES)
def test_no_request_is_an_internal_error_and_nothing_hostile_comes_back(
    service: Both, path: str, query: str, forwarded: str, accepted: str
) -> None:
    answer = service.get(path, query, "10.0.0.1", X_FORWARDED_FOR=forwarded, ACCEPT_ENCODING=accepted)
    assert answer.status in (200, 400, 404) or (answer.status == 503 and "retry-after" in answer.headers)
    is_front_page = path[:1] == "/" and not path.strip("/") and answer.status == 200
    assert answer.headers["cache-control"] == ("public, max-age=60" if is_front_page else "private, no-store")
    if answer.status != 200:
        assert is_one_comment(answer)
        assert b"<" not in answer.body
