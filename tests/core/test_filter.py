"""What a client's filter leaves of an answer, and what is given up for it."""

from __future__ import annotations

from typing import Any

import pytest

from mirrorlist.core.catalogue.query import asked_filter, parameters
from mirrorlist.core.errors import BadRequest
from mirrorlist.core.filter import NOTES, Filter
from mirrorlist.core.health.columns import HealthTable, SyncState
from mirrorlist.core.model import FallbackLevel, Protocol
from mirrorlist.core.selection.answer import Selection
from mirrorlist.core.selection.known_files import unwanted
from mirrorlist.core.selection.select import select
from tests.building import NOW, client, mirror, place, query, snapshot

CITIES = {"berlin": "berlin", "paris": "paris", "tokyo": "tokyo"}
MIRRORS = [
    *(mirror(name, city) for name, city in CITIES.items()),
    mirror("secret", "tokyo", private=True, subnets=["198.51.100.0/24"]),
]
OWN = "https://own.example.org/linux/"
PATH = "9.8/BaseOS/x86_64/os/"


def answer(text: str, address: str = "192.0.2.1", held: dict[str, SyncState] | None = None, **facts: Any) -> Selection:
    column = bytes((held or {}).get(each.name.partition(".")[0], SyncState.FRESH) for each in MIRRORS)
    facts |= {"facts": {"health": HealthTable(holds={PATH: column})}}
    return select(snapshot(MIRRORS, **facts), query(f"arch=x86_64&{text}"), client(address, place("berlin")), NOW)


def names(found: Selection) -> list[str]:
    return [url.partition("//")[2].partition(".")[0] for url, _ in found.in_order]


@pytest.mark.parametrize(
    ("text", "expected", "notes"),
    [
        ("", ["berlin", "paris", "tokyo"], ()),
        ("avoid=berlin.example.org", ["paris", "tokyo"], ()),
        ("avoid=BERLIN.example.org., tokyo.example.org", ["paris"], ()),
        ("avoid=example.org,lin.example.org,berlin.example.or", ["berlin", "paris", "tokyo"], ()),
        ("avoid=", ["berlin", "paris", "tokyo"], ()),
        ("avoid_country=de,fr", ["tokyo"], ()),
        ("country=-DE", ["paris", "tokyo"], ()),
        ("country=global,-DE", ["paris", "tokyo"], ()),
        ("country=DE,FR,-FR", ["berlin"], ()),
        ("cc=-DE&avoid_country=JP", ["paris"], ()),
        ("only=tokyo.example.org,paris.example.org", ["paris", "tokyo"], ()),
        ("only=tokyo.example.org&country=FR", ["tokyo"], ("countries",)),
        ("only=none.example.org&country=FR", ["paris"], ("only",)),
        ("only=none.example.org&country=XX&avoid_country=DE", ["paris", "tokyo"], ("countries", "only")),
        ("country=XX", ["berlin", "paris", "tokyo"], ("countries",)),
        ("avoid_country=DE,FR,JP&avoid=paris.example.org", ["berlin", "tokyo"], ("avoid_country",)),
        ("avoid=berlin.example.org,paris.example.org,tokyo.example.org", ["berlin", "paris", "tokyo"], ("avoid",)),
    ],
)
def test_a_filter_is_obeyed_or_said_to_be_given_up(text: str, expected: list[str], notes: tuple[str, ...]) -> None:
    found = answer(text)
    names_of = {"avoid_country": "avoid_countries"}
    assert (names(found), found.notes) == (expected, tuple(NOTES[names_of.get(note, note)] for note in notes))


def test_fallbacks_obey_too_and_are_an_answer_where_all_mirrors_are_avoided() -> None:
    own: dict[str, Any] = {"fallbacks": {"main": (OWN,)}}
    assert names(answer("", **own)) == ["berlin", "paris", "tokyo", "own"]
    assert names(answer("avoid=own.example.org", **own)) == ["berlin", "paris", "tokyo"]
    assert names(answer("only=paris.example.org", **own)) == ["paris"]
    assert names(answer("only=own.example.org,paris.example.org", **own)) == ["paris", "own"]
    assert names(answer("only=own.example.org", **own)) == ["own"]
    assert names(answer("avoid_country=DE,FR,JP", **own)) == ["own"]
    assert names(answer("country=XX", **own)) == ["berlin", "paris", "tokyo", "own"]


def test_a_filter_takes_what_still_works_before_it_is_given_up_but_nothing_bad() -> None:
    lagging = answer("only=paris.example.org", held={"paris": SyncState.LAGGING})
    assert (names(lagging), lagging.level) == (["paris"], FallbackLevel.LAGGING)
    stale = answer("only=paris.example.org", held={"paris": SyncState.STALE})
    assert (names(stale), stale.level) == (["berlin", "tokyo"], FallbackLevel.FRESH)
    assert stale.notes == (NOTES["only"],)
    nobody = answer("only=paris.example.org", held=dict.fromkeys(CITIES, SyncState.STALE))
    assert (names(nobody), nobody.level) == (["paris"], FallbackLevel.LAST_KNOWN)


def test_nobody_can_probe_for_private_mirrors() -> None:
    known, unknown = (answer(f"only={name}.example.org") for name in ("secret", "none"))
    assert (names(known), known.notes, known.level) == (names(unknown), unknown.notes, unknown.level)
    known, unknown = (answer(f"avoid={name}.example.org") for name in ("secret", "none"))
    assert (names(known), known.notes, known.level) == (names(unknown), unknown.notes, unknown.level)
    assert names(answer("only=secret.example.org", "198.51.100.7")) == ["secret"]
    assert names(answer("avoid=secret.example.org", "198.51.100.7"))[0] == "berlin"


def test_britain_and_greece_have_two_codes() -> None:
    assert asked_filter(parameters("country=uk,el,GB&avoid_country=UK")) == Filter(
        countries=("GB", "GR"), avoid_countries=("GB",)
    )
    assert asked_filter(parameters("country=-uk")).avoid_countries == ("GB",)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("path=9/a/libstdc++-1.rpm", "9/a/libstdc++-1.rpm"),
        ("arch=x&path=9/a/libstdc%2B%2B-1.rpm", "9/a/libstdc++-1.rpm"),
        ("path=9/a%20b", "9/a b"),
        ("path=a+b&xpath=a+b&country=a+b&path=c++", "c++"),
    ],
)
def test_a_plus_sign_in_a_path_is_one(text: str, path: str) -> None:
    given = parameters(text)
    assert given["path"] == path
    assert {"a b"} >= {given[key] for key in ("xpath", "country") if key in given}


@pytest.mark.parametrize(
    "text",
    ["country=--DE", "country=-global", "country=-", "avoid_country=-DE", "avoid_country=DEU", "avoid=a%20b",
     "only=https://a.example.org/", "avoid=%00", "only=" + ",".join("a" * 33), "avoid=" + "a" * 300],
)  # fmt: skip
def test_a_malformed_filter_is_refused(text: str) -> None:
    with pytest.raises(BadRequest, match=text.partition("=")[0]):
        asked_filter(parameters(text))


@pytest.mark.parametrize(
    ("filter", "left_out"),
    [
        (Filter(avoid=("m.example.org",)), {0}),
        (Filter(avoid=("[2001:db8::1]",)), {1}),
        (Filter(only=("b.example.org",)), {0}),
        (Filter(only=("b.example.org", "a.example.org")), set()),
    ],
)
def test_hosts_and_names_count_whatever_the_port_and_the_case(filter: Filter, left_out: set[int]) -> None:
    mirrors = [
        mirror(name, urls={"main": {Protocol.HTTPS: url}})
        for name, url in (("a", "https://M.example.org:8443/x/"), ("b", "https://[2001:db8::1]/"))
    ]
    assert set(unwanted(filter, mirrors, "main")) == left_out


def test_an_answer_is_the_same_whatever_was_asked_before() -> None:
    texts = ["", "avoid=berlin.example.org", "only=tokyo.example.org", "country=XX", "avoid_country=DE", "country=FR"]
    health = HealthTable(holds={PATH: bytes([SyncState.LAGGING, SyncState.FRESH, SyncState.STALE, SyncState.FRESH])})
    asked_before = snapshot(MIRRORS, facts={"health": health})
    for text in [*texts, *reversed(texts)]:
        for address in ("192.0.2.1", "198.51.100.9", "2001:db8::1"):
            for arch in ("x86_64", "aarch64"):
                wanted, who = query(f"arch={arch}&{text}"), client(address, place("berlin"))
                new = select(snapshot(MIRRORS, facts={"health": health}), wanted, who, NOW)
                assert select(asked_before, wanted, who, NOW) == new


@pytest.mark.parametrize(
    ("repeated", "once"),
    [
        ("avoid=a&avoid=b", "avoid=a,b"), ("avoid_country=de&avoid_country=fr&avoid_country", "avoid_country=DE,FR"),
        ("country=DE&country=FR&cc=AT", "country=DE,FR,AT"), ("country=-DE&country=-FR", "country=-DE,-FR"),
        ("only=&only=a", "only=a"),
    ],
)  # fmt: skip
def test_a_repeated_filter_counts_with_all_its_values(repeated: str, once: str) -> None:
    assert asked_filter(parameters(repeated)) == asked_filter(parameters(once))
    assert parameters("arch=a&arch=b&repo=x") == {"arch": "b", "repo": "x"}
