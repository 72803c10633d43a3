"""robots.txt, favicon.ico and security.txt."""

from __future__ import annotations

from mirrorlist.core.catalogue.service import Link, Site
from mirrorlist.core.catalogue.trees import RedirectTree
from mirrorlist.core.model import MAIN
from tests.web.asking import Answer, Both, ask, both, environ
from tests.web.networks import record_of


def get(service: Both, path: str) -> Answer:
    return ask(service.fronted, environ(path))


def test_robots_may_read_pages_and_not_ask_for_lists() -> None:
    trees = (RedirectTree(prefix="/dl/", module=MAIN), RedirectTree(prefix="/", module=MAIN, host="dl.example.org"))
    answer = get(both(record_of(3, trees=trees)), "/robots.txt")

    assert (answer.status, answer.headers["content-type"]) == (200, "text/plain; charset=utf-8")
    assert answer.body.decode().splitlines() == [
        "User-agent: *", "Disallow: /mirrorlist", "Disallow: /metalink", "Disallow: /isolist", "Disallow: /yours",
        "Disallow: /api/", "Disallow: /dl/",
    ]  # fmt: skip


def test_browsers_get_the_picture_of_the_pages() -> None:
    service = both(record_of(3))

    assert get(service, "/favicon.ico").headers["content-type"] == "image/png"
    assert get(service, "/favicon.ico").body.startswith(b"\x89PNG\r\n")


def test_finders_of_faults_are_led_to_the_contacts() -> None:
    contacts = (Link("Form", "https://example.org/form"), Link("Chat", "ircs://irc.example.org/mirrors"))
    site = Site(url="https://mirrors.example.org/", contacts=contacts)
    answer = get(both(record_of(3, site=site)), "/.well-known/security.txt")

    first, second, third = answer.body.decode().splitlines()
    assert (answer.status, answer.headers["content-type"]) == (200, "text/plain; charset=utf-8")
    assert first == "Contact: https://example.org/form"
    assert second.startswith("Expires: 20")
    assert third == "Canonical: https://mirrors.example.org/.well-known/security.txt"


def test_without_a_contact_there_is_no_security_txt() -> None:
    for contacts in ((), (Link("Chat", "ircs://irc.example.org/mirrors"),)):
        answer = get(both(record_of(3, site=Site(contacts=contacts))), "/.well-known/security.txt")
        assert answer.status == 404
        assert b"site.contacts" in answer.body
