"""What clients' own habits make of a request for a file: what they accept, how they spell paths, by what they come."""

from __future__ import annotations

from urllib.parse import quote, urlsplit

import pytest

from mirrorlist.web.file_requests import Form, accepted
from tests.file_indexes import indexed
from tests.web.asking import Both, both
from tests.web.test_files import BERLINER, FILES, ISO, bare

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
