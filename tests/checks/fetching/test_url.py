""""""

from __future__ import annotations

import pytest

from mirrorlist.checks.fetching.result import Failed, FailureKind
from mirrorlist.checks.fetching.url import FetchTarget, read_target, redirected
from mirrorlist.core.model import Protocol

URL, ADDRESS, HOP = FailureKind.FORBIDDEN_URL, FailureKind.FORBIDDEN_ADDRESS, FailureKind.FORBIDDEN_REDIRECT


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("http://mirror.test/a?b=c#d", FetchTarget(Protocol.HTTP, "mirror.test", 80, "/a?b=c")),
        ("HTTPS://Mirror.Test.", FetchTarget(Protocol.HTTPS, "mirror.test", 443, "/")),
        ("https://mirror.test:8443/", FetchTarget(Protocol.HTTPS, "mirror.test", 8443, "/")),
        ("http://mirror.test:443?x", FetchTarget(Protocol.HTTP, "mirror.test", 443, "/?x")),
        ("http://192.0.2.7./", FetchTarget(Protocol.HTTP, "192.0.2.7", 80, "/")),
        ("http://[2001:DB8:0::7]:8080/", FetchTarget(Protocol.HTTP, "2001:db8::7", 8080, "/")),
        ("http://my_mirror.test/a@b:c", FetchTarget(Protocol.HTTP, "my_mirror.test", 80, "/a@b:c")),
    ],
)
def test_a_url_is_read_into_its_parts(url: str, target: FetchTarget) -> None:
    assert read_target(url) == target


@pytest.mark.parametrize(
    ("url", "kind", "word"),
    [
        ("", URL, "neither http nor https"),
        ("ftp://mirror.test/", URL, "neither http nor https"),
        ("file:///etc/passwd", URL, "neither http nor https"),
        ("gopher://mirror.test:6379/", URL, "neither http nor https"),
        ("//mirror.test/", URL, "neither http nor https"),
        ("http:/mirror.test/", URL, "plain host"),
        ("http:///", URL, "plain host"),
        ("http://user:pass@mirror.test/", URL, "credentials"),
        ("http://mirror.test@10.0.0.1/", URL, "credentials"),
        ("http://mirror.test:80@10.0.0.1/", URL, "credentials"),
        ("http://@mirror.test/", URL, "credentials"),
        ("http://mirror.test\\@10.0.0.1/", URL, "a character"),
        ("http://mirror.test/\r\nX: y", URL, "a character"),
        ("http://mirror.test/a b", URL, "a character"),
        ("http://mirror.test/\x00", URL, "a character"),
        ("http://mirr\N{LATIN SMALL LETTER O WITH DIAERESIS}r.test/", URL, "a character"),
        ("http://\N{FULLWIDTH DIGIT ONE}27.0.0.1/", URL, "a character"),
        ("http://%6c%6fcalhost/", URL, "plain host"),
        ("http://[fe80::1%25lo]/", URL, "plain host"),
        ("http://[::1/", URL, "plain host"),
        ("http://[::1]evil.test/", URL, "plain host"),
        ("http://[127.0.0.1]/", ADDRESS, "no plain spelling"),
        ("http://mirror..test/", URL, "not a host name"),
        ("http://./", URL, "not a host name"),
        (f"http://{'a' * 64}.test/", URL, "not a host name"),
        (f"http://{'a.' * 130}test/", URL, "not a host name"),
        (f"http://mirror.test/{'a' * 2048}", URL, "longer"),
        ("http://mirror.test:6379/", URL, "belongs to Redis"),
        ("http://mirror.test:11211/", URL, "belongs to memcached"),
        ("http://mirror.test:22/", URL, "neither 80, 443"),
        ("http://mirror.test:0/", URL, "neither 80, 443"),
        ("http://mirror.test:65536/", URL, "neither 80, 443"),
        ("http://mirror.test:-80/", URL, "plain host"),
        ("http://2130706433/", ADDRESS, "no plain spelling"),
        ("http://0x7f000001/", ADDRESS, "no plain spelling"),
        ("http://0x7f.1/", ADDRESS, "no plain spelling"),
        ("http://0177.0.0.1/", ADDRESS, "no plain spelling"),
        ("http://127.1/", ADDRESS, "no plain spelling"),
        ("http://mirror.test.1/", ADDRESS, "no plain spelling"),
    ],
)
def test_a_url_that_is_not_plain_is_refused(url: str, kind: FailureKind, word: str) -> None:
    with pytest.raises(Failed) as raised:
        read_target(url)
    assert raised.value.failure.kind is kind
    assert word in raised.value.failure.detail
    assert raised.value.failure.detail.isascii()
    assert raised.value.failure.detail.isprintable()


HERE = FetchTarget(Protocol.HTTPS, "mirror.test", 8443, "/a/b?c")


@pytest.mark.parametrize(
    ("location", "url"),
    [
        ("/d", "https://mirror.test:8443/d"),
        ("d", "https://mirror.test:8443/a/d"),
        ("../../../d#e", "https://mirror.test:8443/d"),
        ("//other.test/d", "https://other.test/d"),
        ("https://other.test", "https://other.test/"),
        ("", "https://mirror.test:8443/a/b?c"),
    ],
)
def test_a_redirect_is_read_from_where_it_stands(location: str, url: str) -> None:
    assert redirected(HERE, location).url == url


@pytest.mark.parametrize(
    ("location", "kind"),
    [
        ("http://mirror.test/", FailureKind.DOWNGRADE),
        ("file:///etc/passwd", HOP),
        ("javascript:alert(1)", HOP),
        ("https://user:pass@mirror.test/", HOP),
        ("//user@mirror.test/", HOP),
        ("https://mirror.test:6379/", HOP),
        ("https://[::1", HOP),
        ("/d\te", HOP),
        ("\\\\other.test\\d", HOP),
        ("https://0x7f.1/", FailureKind.FORBIDDEN_ADDRESS),
    ],
)
def test_a_redirect_to_where_no_fetch_may_go_is_refused(location: str, kind: FailureKind) -> None:
    with pytest.raises(Failed) as raised:
        redirected(HERE, location)
    assert raised.value.failure.kind is kind


def test_the_host_header_brackets_an_ipv6_address_and_leaves_the_usual_port_out() -> None:
    urls = ("https://[::1]:8443/", "https://[::1]/", "http://mirror.test:443/", "http://mirror.test:80/")
    assert [read_target(url).authority for url in urls] == ["[::1]:8443", "[::1]", "mirror.test:443", "mirror.test"]
