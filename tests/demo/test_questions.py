"""The demo's judgement of answers: planted faults are found, right answers pass."""

from __future__ import annotations

import pytest

from mirrorlist.demo.network import CLIENTS, DemoClient
from mirrorlist.demo.questions import fault_of, listed_names

GERMANY, FACTORY, CAMPUS = (
    next(client for client in CLIENTS if client.who == who)
    for who in ("Germany", "the monopoly subnet", "the private subnet")
)
FRANKFURT, TOKYO, ON_CAMPUS, AT_FACTORY = (
    f"{label}.example.org" for label in ("frankfurt", "tokyo", "campus", "factory")
)


def test_names_stand_for_urls_in_the_order_of_the_list() -> None:
    text = "# note\nhttp://127.0.0.1:2/9.8/\nhttp://127.0.0.1:1/9.8/\nhttp://vault.example.org/\n"
    names = {"http://127.0.0.1:1/": "a", "http://127.0.0.1:2/": "b"}
    assert listed_names(text, names) == ("b", "a", "http://vault.example.org/")


@pytest.mark.parametrize(
    ("client", "listed", "broken", "fault"),
    [
        (GERMANY, (FRANKFURT, TOKYO), (), None),
        (GERMANY, (), (), "the list is empty"),
        (GERMANY, (TOKYO, FRANKFURT), (), "tokyo.example.org stands first"),
        (GERMANY, (TOKYO,), GERMANY.first, None),
        (GERMANY, (FRANKFURT, ON_CAMPUS), (), "must not see"),
        (CAMPUS, (ON_CAMPUS, FRANKFURT), (), None),
        (CAMPUS, (FRANKFURT, TOKYO), (), "stands first instead of campus.example.org"),
        (FACTORY, (AT_FACTORY,), (), None),
        (FACTORY, (AT_FACTORY, FRANKFURT), (), "2 mirrors instead of one"),
        (FACTORY, (FRANKFURT, TOKYO), {AT_FACTORY}, None),
    ],
)
def test_faults_of_lists(
    client: DemoClient, listed: tuple[str, ...], broken: frozenset[str], fault: str | None
) -> None:
    found = fault_of(listed, client, broken)
    assert (found is None) if fault is None else (found is not None and fault in found)
