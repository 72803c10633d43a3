"""Two answers are compared as their clients read them: mirrors, URLs, order, and what is no answer at all."""

from __future__ import annotations

import pytest

from mirrorlist.importing.comparison import (
    NO_FILE,
    Difference,
    MissingMirror,
    OtherUrl,
    Served,
    compared,
    host_of,
    served,
)

A, B, C = "https://a.example/9/os/", "http://b.example/9/os/", "http://c.example:8080/9/os/"
METALINK = f"""<?xml version="1.0"?><metalink xmlns="http://www.metalinker.org/"><files><file><resources>
<url protocol="https">{A}repodata/repomd.xml</url><url protocol="rsync">rsync://a.example/x</url>
<url protocol="http"> {B}repodata/repomd.xml </url></resources></file></files></metalink>"""
ENTITIES = """<?xml version="1.0"?><!DOCTYPE m [<!ENTITY x SYSTEM "file:///etc/passwd">]>
<metalink><url>&x;</url><url>https://a.example/9/os/repodata/repomd.xml</url></metalink>"""


@pytest.mark.parametrize(
    ("body", "urls"),
    [
        (f"{A}\n{B}\n", (A, B)),
        (f"# repo = baseos-9 arch = x86_64\n{A}\r\n{B}", (A, B)),
        (f"{A}\n{A}\n", (A,)),
        (f"{A} # near\n", (A,)),
        (f"Server = {A}\n", (A,)),
        ("Invalid input for protocol, valid options: http, https", ()),
        ("", ()),
        ("<html><a href='https://x.example/'>x</a></html>", ()),
        (METALINK, (A, B)),
        (ENTITIES, (A,)),
        (f'["{A}", "{B}"]', (A, B)),
        (f'{{"urls": ["{A}"], "mirrors": [{{"url": "{B}"}}]}}', (A,)),
        ("https://" + "a" * 3000 + "\n" + A, (A,)),
        ("\u2028" + A, (A,)),
    ],
)
def test_an_answer_is_read_as_clients_read_it(body: str, urls: tuple[str, ...]) -> None:
    assert served(200, body.encode()) == Served(200, urls)


@pytest.mark.parametrize("body", ["<?xml version='1.0'?><metalink>", "{", "[" * 10])
def test_an_answer_that_cannot_be_read_is_a_fault(body: str) -> None:
    found = served(200, body.encode())
    assert (found.status, found.urls) == (200, ())
    assert found.fault.startswith("the answer cannot be read: ")


def test_of_an_error_only_the_status_counts() -> None:
    assert served(404, A.encode()) == Served(404)


def test_what_differs_is_told_by_mirror() -> None:
    there = Served(200, (A, B, C, "http://gone.example/9/os/", "http://out.example/9/os/"))
    here = Served(200, (B.replace("http:", "https:"), A, C, "https://new.example/9/os/"))
    found = compared("/mirrorlist", "192.0.2.1", there, here, {"out.example": "The mirror is paused."})
    assert found == Difference(
        path="/mirrorlist", client="192.0.2.1", status_there=200, status_here=200,
        missing=(MissingMirror(host="gone.example", reason=NO_FILE),
                 MissingMirror(host="out.example", reason="The mirror is paused.")),
        only_here=("new.example",),
        other_urls=(OtherUrl(host="b.example", there=B, here=B.replace("http:", "https:")),),
        order_from=1,
    )  # fmt: skip
    assert (found.is_bad, found.is_none) == (True, False)


@pytest.mark.parametrize(
    ("there", "here", "bad", "none"),
    [
        (Served(200, (A, B)), Served(200, (A, B)), False, True),
        (Served(200, (A, B)), Served(200, (A.rstrip("/"), B)), False, True),
        (Served(200, (A, B)), Served(200, (B, A)), False, False),
        (Served(200, (A,)), Served(200, (A, B)), False, False),
        (Served(200, (A, B)), Served(200, (A,)), True, False),
        (Served(404), Served(404), False, True),
        (Served(200), Served(400), True, False),
        (Served(0, fault="connection refused"), Served(200, (A,)), True, False),
    ],
)
def test_a_loss_for_clients_is_bad_and_the_rest_is_not(there: Served, here: Served, bad: bool, none: bool) -> None:
    found = compared("/", None, there, here, {})
    assert (found.is_bad, found.is_none) == (bad, none)


@pytest.mark.parametrize(
    ("url", "host"),
    [(A, "a.example"), ("https://A.Example:443/", "a.example"), (C, "c.example:8080"), ("https://[::1]:x/", None),
     ("nothing", None)],
)  # fmt: skip
def test_a_mirror_is_known_by_its_host(url: str, host: str | None) -> None:
    assert host_of(url) == host
