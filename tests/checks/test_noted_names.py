"""What the names of mirrors led to while they were asked."""

from __future__ import annotations

import pytest

from mirrorlist.checks.fetch import Ask, fetch
from mirrorlist.checks.noted_names import MOST_ADDRESSES, NotedNames, addresses_of
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
