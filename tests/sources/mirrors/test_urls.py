""""""

import pytest

from mirrorlist.sources.mirrors.urls import page_url, rsync_url, scheme_of, tree_url, url_fault


@pytest.mark.parametrize(
    "url",
    [
        "http://a.example",
        "https://a.example/",
        "https://a.example:1/x//y",
        "rsync://a.example:65535/linux",
        "ftp://192.0.2.1/~x/a%20b/c,d;e=f",
        "http://[2001:db8::1]/",
        "http://[2001:db8::1]:8080/",
        "HTTPS://A.Example/",
        "http://a_b.example./x@y/",
        "http://" + "a" * 1016 + "/",
    ],
)
def test_a_usable_url_has_no_fault(url: str) -> None:
    assert url_fault(url) is None


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("http://" + "a" * 1017 + "/", "is too long"),
        ("http://a.example/a b/", "has a blank in it"),
        (" http://a.example/", "has a blank in it"),
        ("http://a.example/\n", "has a blank in it"),
        ("http://a.example/\u00a0", "has a blank in it"),
        ("http://größe.example/", "has characters that are not ASCII"),
        ("http://a.example/\x01", "has characters that are not ASCII"),
        ("http://a.example/$releasever/", "has a '$'"),
        ("gopher://a.example/", "does not begin with one of http, https, rsync, ftp"),
        ("a.example/linux", "does not begin with one of"),
        ("file:///etc/passwd", "does not begin with one of"),
        ("//a.example/", "does not begin with one of"),
        ("http:/a.example/", "does not begin with one of"),
        ("", "does not begin with one of"),
        ("http://user@a.example/", "has a user name or password"),
        ("https://u:p@a.example/", "has a user name or password"),
        ("http://@/", "has a user name or password"),
        ("http://", "names no host"),
        ("http:///linux/", "names no host"),
        ("http://:80/", "names no host"),
        ("http://-a/", "names no host"),
        ("http://a,b/", "names no host"),
        ("http://[::1/", "names no host"),
        ("http://[192.0.2.1]/", "names no host"),
        ("http://[fe80::1%eth0]/", "names no host"),
        ("http://[]/", "names no host"),
        ("http://2001:db8::1/", "has a port"),
        ("http://a.example:0/", "has a port"),
        ("http://a.example:65536/", "has a port"),
        ("http://a.example:/", "has a port"),
        ("http://a.example:80x/", "has a port"),
        ("http://a.example/?x=1", "has a query"),
        ("http://a.example?x", "has a query"),
        ("http://a.example/#top", "has a fragment"),
        ("http://a.example/\\x", "has one of"),
        ("http://a.example/<x>", "has one of"),
        ('http://a.example/"', "has one of"),
    ],
)
def test_an_unusable_url_is_refused_with_its_fault(url: str, fault: str) -> None:
    assert (url_fault(url) or "").startswith(fault)


@pytest.mark.parametrize(
    ("written", "used"),
    [
        ("http://a.example", "http://a.example/"),
        ("HTTP://a.example//x///y", "http://a.example/x/y/"),
        ("http://A.Example/X", "http://a.example/X/"),
        ("http://a.example:80/x", "http://a.example/x/"),
        ("https://[2001:DB8::1]:443", "https://[2001:db8::1]/"),
        ("rsync://a.example:873/x", "rsync://a.example/x/"),
        ("https://a.example:80/x", "https://a.example:80/x/"),
        ("http://a.example:080/x", "http://a.example/x/"),
        ("http://a.example/x/../y", "http://a.example/x/../y/"),
        ("http://[2001:db8::80]/", "http://[2001:db8::80]/"),
        ("rsync://a.example/x/", "rsync://a.example/x/"),
        ("http://a.example//", "http://a.example/"),
    ],
)
def test_a_tree_has_one_spelling(written: str, used: str) -> None:
    assert tree_url(written) == used
    assert tree_url(used) == used


@pytest.mark.parametrize(("url", "scheme"), [("HTTPS://x", "https"), ("a.example", None), ("javascript:x", None)])
def test_the_scheme_stands_before_two_slashes(url: str, scheme: str | None) -> None:
    assert scheme_of(url) == scheme


@pytest.mark.parametrize(
    "text", ["rsync://a.example/x", "rsync://a.example/", "http://u@a.example/", "a:b", "u:p@a::x"]
)
def test_other_text_is_not_taken_for_rsync(text: str) -> None:
    assert rsync_url(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "data:text/html,x",
        "//a.example",
        "localhost",
        "a b.example",
        "x@a.example",
        "/x",
        "http://[x/",
        "https://u:p@a.example/",
        "a.example/\u202e",
    ],
)
def test_what_is_no_page_gives_none(text: str) -> None:
    assert page_url(text) is None
