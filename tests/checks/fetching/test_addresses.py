"""What the names of mirrors led to while they were asked."""

from __future__ import annotations

import threading
import time
from contextlib import suppress

import pytest

from mirrorlist.checks.fetching.addresses import (
    MOST_ADDRESSES,
    MOST_LOOKUPS,
    NotedNames,
    addresses_of,
    resolved_within,
    system_resolver,
)
from mirrorlist.checks.fetching.fetch import Ask, fetch
from mirrorlist.checks.fetching.result import Failed, FailureKind, deadline_in
from mirrorlist.core.model import MAIN, Protocol
from tests.building import mirror
from tests.checks.asking import LOOPBACK, guard, names
from tests.checks.servers import ALLOWED_HOST, answer, says, serving

WEB = {Protocol.HTTPS: "https://Mirror.Example.org./linux/", Protocol.HTTP: "http://mirror.example.org:8080/"}


def test_a_resolver_remembers_what_it_told_the_fetch() -> None:
    noted = NotedNames(names({"m.test": [ALLOWED_HOST, "::1"]}))
    with serving(says(answer())) as server:
        for name in ("m.test", "nobody.test"):
            fetch(server.url(host=name), Ask(), guard(LOOPBACK, noted))
    assert noted.found == {"m.test": (ALLOWED_HOST, "::1")}


def test_what_the_name_of_a_mirror_leads_to_is_its_own() -> None:
    found = {"mirror.example.org": ("20.0.0.1", "2A00::0001", "20.0.0.1"), "elsewhere.example.org": ("20.0.0.9",)}
    assert addresses_of(mirror("m", urls={MAIN: WEB}), found) == ("20.0.0.1", "2a00::1")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://20.0.0.1:8080/", ("20.0.0.1",)),
        ("http://[2a00::1]/", ("2a00::1",)),
        ("http://unheard.example.org/", ()),
        ("http://[broken/", ()),
    ],
)
def test_addresses_in_urls_count_as_themselves(url: str, expected: tuple[str, ...]) -> None:
    assert addresses_of(mirror("m", urls={MAIN: {Protocol.HTTP: url}}), {}) == expected


def test_a_name_with_very_many_addresses_is_cut() -> None:
    found = {"mirror.example.org": [f"20.0.0.{number}" for number in range(100)] + ["nonsense"]}
    assert len(addresses_of(mirror("m", urls={MAIN: WEB}), found)) == MOST_ADDRESSES


def test_the_system_knows_its_own_name_and_reads_addresses() -> None:
    assert set(system_resolver("localhost")) <= {"127.0.0.1", "::1"}
    assert system_resolver("127.0.0.1") == ("127.0.0.1",)


@pytest.mark.parametrize("name", ["a" * 64, "a..b", "\x00"])
def test_a_name_that_is_none_has_no_address(name: str) -> None:
    with pytest.raises((OSError, ValueError)):
        resolved_within(name + ".invalid.", system_resolver, deadline_in(5, time.monotonic))


def test_hanging_look_ups_are_bounded_and_give_their_places_back() -> None:
    release = threading.Event()

    def hangs(name: str) -> list[str]:
        release.wait(10)
        return []

    with pytest.raises(Failed) as raised:
        for _ in range(MOST_LOOKUPS + 1):
            with suppress(TimeoutError):
                resolved_within("slow.test", hangs, deadline_in(0, time.monotonic))
    release.set()
    found = resolved_within("quick.test", lambda _: ["192.0.2.1"], deadline_in(5, time.monotonic))
    assert (raised.value.failure.kind, found) == (FailureKind.LOCAL, ("192.0.2.1",))
