"""A client that comes back for the same file within seconds gets the next mirror of its list, by both paths alike."""

from __future__ import annotations

import json
import mmap
import os
import random
import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest

from mirrorlist.core.catalogue.policy import Policy
from mirrorlist.core.catalogue.trees import MetadataFrom, RedirectTree
from mirrorlist.core.health.columns import HealthTable, SyncState
from mirrorlist.core.model import MAIN, WEB_PROTOCOLS
from mirrorlist.core.snapshot import Snapshot
from mirrorlist.web.repeats import SLOT_BYTES, Repeats
from tests.building import mirror, snapshot
from tests.file_indexes import Has, indexed
from tests.web.asking import Answer, Both, ask, both, environ

FILE, OTHER = "9.8/a.iso", "9.8/b.iso"
PEER = "192.0.2.7"
OWN = "https://own.example.org/linux/"
TREES = (
    RedirectTree(prefix="/dl/", module=MAIN),
    RedirectTree(prefix="/o/", module=MAIN, metadata=MetadataFrom.ORIGIN),
)


class Asking:
    """One service twice, each with a memory of its own, which are asked the same.

    The memory is so large that two requests in the same slot are out of the question.
    """

    def __init__(self, of: Snapshot) -> None:
        self.repeats = Repeats(mmap.mmap(-1, SLOT_BYTES << 24)), Repeats(mmap.mmap(-1, SLOT_BYTES << 24))
        self.service: Both = both(of, repeats=self.repeats)

    def get(self, path: str = f"/dl/{FILE}", query: str = "", peer: str = PEER, **headers: str) -> Answer:
        method = headers.pop("method", "GET")
        applications = self.service.flask, self.service.fronted
        plain, fast = (ask(each, environ(path, query, peer, method, **headers)) for each in applications)
        assert plain == fast
        return plain

    def host(self, *asked: str, **headers: str) -> str:
        """The first name of the host that a client is sent to."""
        return self.get(*asked, **headers).headers["location"].partition("://")[2].partition(".")[0]

    def order(self, path: str = f"/dl/{FILE}", peer: str = PEER) -> list[str]:
        urls = json.loads(self.get(path, "json", peer).body)["urls"]
        return [url.partition("://")[2].partition(".")[0] for url in urls]

    def later(self, seconds: float) -> None:
        self.service.clock.now += seconds

    def assert_counted_alike(self) -> None:
        plain, fast = self.service.counted()
        assert plain == fast
        assert self.repeats[0].take() == self.repeats[1].take()


def network(count: int = 4, **fields: Any) -> Snapshot:
    fields = {"fallbacks": {MAIN: (OWN,)}, "trees": TREES, "trusted_proxies": ("10.0.0.0/8",), **fields}
    return snapshot([mirror(f"m{number}", "berlin") for number in range(count)], **fields)


@pytest.fixture(params=["without an index", "with an index"])
def asking(request: pytest.FixtureRequest) -> Asking:
    made = network()
    return Asking(indexed(made, {FILE: Has(), OTHER: Has()}) if request.param == "with an index" else made)


def test_each_repeated_request_gets_the_next_of_the_list_and_then_the_first_again(asking: Asking) -> None:
    order = asking.order()
    assert (len(order), order[-1]) == (5, "own")
    found = []
    for _ in range(7):
        found.append(asking.host())
        asking.later(9.9)
    assert found == [*order, *order[:2]]
    passed = dict.fromkeys(order[:-1], 1)
    asking.service.hot.collect()
    expected = {f"{name}.example.org": times + (name == order[0]) for name, times in sorted(passed.items())}
    assert [each.take() for each in asking.repeats] == [expected] * 2, "the project's own trees are no mirror"
    asking.assert_counted_alike()


def test_after_the_time_it_is_the_first_again(asking: Asking) -> None:
    first, second, *_ = asking.order()
    assert [asking.host(), asking.host()] == [first, second]
    asking.later(10)
    assert asking.host() == first
    asking.later(-60)
    assert asking.host() == first, "a clock that was set back"


@pytest.mark.slow
@pytest.mark.parametrize(("seconds", "expected"), [(0, 0), (1, 0), (60, 1)])
def test_the_time_is_the_operator_s(seconds: int, expected: int) -> None:
    asking = Asking(network(policy=Policy(repeat_seconds=seconds)))
    asking.host()
    asking.later(5)
    assert asking.host() == asking.order()[expected]


@pytest.mark.parametrize(
    "other",
    [
        {"path": f"/dl/{OTHER}"}, {"method": "HEAD"}, {"USER_AGENT": "curl/8"},
        {"query": "protocol=https"}, {"RANGE": "bytes=100-199"}, {"peer": "192.0.2.8"},
    ],
    ids=str,
)  # fmt: skip
def test_another_request_is_none_that_comes_again(asking: Asking, other: dict[str, str]) -> None:
    given = {"path": f"/dl/{FILE}", "query": "", "peer": PEER, **other}
    path, query, peer = (given.pop(name) for name in ("path", "query", "peer"))
    asking.host()
    assert asking.host(path, query, peer, **given) == asking.order(path, peer)[0]


def test_parts_of_a_file_that_are_asked_for_at_once_come_from_the_first_mirror(asking: Asking) -> None:
    first, second, *_ = asking.order()
    asked = [f"bytes={start}-{start + 99}" for start in range(0, 1600, 100)]
    assert {asking.host(RANGE=each, USER_AGENT="ZYpp 17") for each in asked} == {first}
    assert asking.host(RANGE=asked[0], USER_AGENT="ZYpp 17") == second, "the same part again"


def test_a_transfer_that_is_continued_goes_on_at_the_next_mirror(asking: Asking) -> None:
    first, second, third, *_ = asking.order()
    assert asking.host() == first
    assert asking.host(RANGE="bytes=4711-") == second
    assert asking.host(RANGE="bytes=8000-", IF_RANGE='"x"') == third


def test_the_links_of_a_repeated_request_name_the_others_and_those_passed_over_last(asking: Asking) -> None:
    order = asking.order()
    asking.host()
    answer = asking.get()
    named = [part.partition("://")[2].partition(".")[0] for part in answer.headers["link"].split(", ")[:-1]]
    assert named == [*order[2:], order[0]]


def test_a_client_whose_address_is_not_known_keeps_its_mirror(asking: Asking) -> None:
    assert len({asking.host(f"/dl/{FILE}", "", "nonsense") for _ in range(5)}) == 1


def test_clients_behind_one_trusted_proxy_are_told_apart(asking: Asking) -> None:
    asked = [(f"/dl/{FILE}", "", "10.0.0.1")] * 20
    found = [asking.host(*each, X_FORWARDED_FOR=f"192.0.2.{last}") for last, each in enumerate(asked)]
    assert found == [asking.order(peer=f"192.0.2.{last}")[0] for last in range(20)]


def test_one_mirror_alone_and_one_tree_alone_come_again() -> None:
    alone = Asking(network(1, fallbacks={}))
    assert [alone.host() for _ in range(3)] == ["m0"] * 3
    origins = Asking(network())
    assert [origins.host("/o/debian/dists/stable/InRelease") for _ in range(3)] == ["own"] * 3
    origins.assert_counted_alike()


@pytest.mark.slow
def test_where_no_mirror_is_good_the_fallback_comes_first_and_then_what_may_have_it() -> None:
    stale = HealthTable({}, {
        f"main/{protocol}/{family}": bytes([1] * 4) for protocol in WEB_PROTOCOLS for family in ("ipv4", "ipv6")
    })  # fmt: skip
    asking = Asking(network(facts={"health": stale}))
    order = asking.order()
    assert order[0] == "own"
    assert [asking.host() for _ in range(5)] == order


def test_redirect_1_moves_on_too_for_a_file_that_the_index_knows() -> None:
    asking = Asking(indexed(network(), {FILE: Has()}))
    order = asking.order()
    assert [asking.host("/mirrorlist", f"path={FILE}&redirect=1") for _ in range(3)] == order[:3]


def test_lists_metalinks_and_directories_stay_as_they_are(asking: Asking) -> None:
    for path, query in (
        ("/mirrorlist/9/baseos", ""),
        (f"/dl/{FILE}.meta4", ""),
        (f"/dl/{FILE}", "json"),
        ("/dl/9.8/", ""),
    ):
        assert (
            len({(each.body, each.headers.get("location")) for each in [asking.get(path, query) for _ in range(3)]})
            == 1
        )


@pytest.mark.slow
def test_both_paths_agree_whoever_asks_for_what() -> None:
    dice = random.Random(16)
    for _ in range(12):
        count = dice.randint(1, 6)
        held = HealthTable(
            {f"9/{name}": bytes(dice.choices([0, SyncState.MISSING], k=count)) for name in ("a.iso", "b.iso")}
        )
        made = network(count, facts={"health": held}, fallbacks=dice.choice([{}, {MAIN: (OWN,)}]))
        asking = Asking(indexed(made, {FILE: Has(), OTHER: Has()}) if dice.random() < 0.5 else made)
        for _ in range(60):
            headers = {
                "USER_AGENT": dice.choice(["aria2/1.36.0", "curl/7"]),
                "RANGE": dice.choice(["bytes=0-", "bytes=0-9"]),
            }
            peer = dice.choice([PEER, "2001:db8::7", "198.51.100.1"])
            asking.get(dice.choice([f"/dl/{FILE}", f"/dl/{OTHER}"]), "", peer, **headers)
            asking.later(dice.choice([0, 1, 20]))
        asking.assert_counted_alike()


def test_what_is_remembered_is_bounded_and_newer_requests_push_out_older_ones() -> None:
    repeats = Repeats(bytearray(9 * SLOT_BYTES))
    assert [repeats.turn("x", 0.0, 10), repeats.turn("x", 1.0, 10)] == [0, 1]
    for number in range(100):
        assert [repeats.turn(f"{number}", 2 + number / 200, 10) for _ in range(2)] == [0, 1]
    assert repeats.turn("x", 3.0, 10) == 0
    assert [repeats.turn("x", 3.0, 10) for _ in range(300)].count(0) == 1, "the first again after 256"


def test_workers_share_a_memory() -> None:
    memory = bytearray(1024 * SLOT_BYTES)
    workers = Repeats(memory), Repeats(memory)
    assert [workers[number % 2].turn("x", 0.0, 10) for number in range(5)] == [0, 1, 2, 3, 4]


def test_a_request_has_the_same_hash_in_all_workers() -> None:
    program = (
        "from mirrorlist.web.repeats import request_of;"
        "print(hash(request_of({'REQUEST_METHOD': 'GET', 'PATH_INFO': '/dl/x'})))"
    )
    seeded = os.environ | {"PYTHONHASHSEED": "4711"}
    commands = [[sys.executable, "-c", program]] * 2
    assert len({subprocess.run(each, env=seeded, capture_output=True, check=True).stdout for each in commands}) == 1


def test_a_request_is_the_same_by_both_paths() -> None:
    """A new generation, or a file that is new to the index, may change the path between two requests."""
    asking = Asking(network())
    order = asking.order()
    memory = Repeats()
    service = both(network(), repeats=(memory, memory))
    asked = environ(f"/dl/{FILE}", "", PEER, "GET")
    hosts = [ask(each, dict(asked)).headers["location"] for each in (service.flask, service.fronted) * 2]
    assert [url.partition("://")[2].partition(".")[0] for url in hosts] == order[:4]


def test_a_new_generation_remembers_what_was_asked_before() -> None:
    made = network()
    asking = Asking(made)
    first, second, *_ = asking.order()
    assert asking.host() == first
    asking.service.held.put(replace(made, facts=replace(made.facts, generation=2)))
    assert asking.host() == second
