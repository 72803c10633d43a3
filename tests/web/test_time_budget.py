"""A flood of expensive requests is answered in part, and takes nothing from the lists on the hot path."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from mirrorlist.app import plain_app, put_front
from mirrorlist.core.catalogue.trees import RedirectTree
from mirrorlist.core.model import MAIN
from mirrorlist.core.network.prefixes import packed
from mirrorlist.web.client_address import network_hash
from mirrorlist.web.counts import Counts
from mirrorlist.web.lists.prepared_answers import WrittenAnswers
from mirrorlist.web.time_budget import Budget, Budgets
from tests.building import mirror, nobody, snapshot
from tests.web.asking import Clock, Held, ask, environ, unlimited


@dataclass
class Stopwatch:
    """A clock that a test sets."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


def test_time_comes_in_at_the_share_and_is_saved_up_to_the_burst() -> None:
    watch = Stopwatch()
    budget = Budget(0.1, 4.0, watch)
    for _ in range(4):
        assert budget.is_open()
        budget.spend(0.5)
    assert not budget.is_open(), "half is left, and this network has had its part of it"
    watch.now = 4.0
    assert budget.is_open()
    budget.spend(4.0)
    watch.now = 19.9
    assert not budget.is_open()
    watch.now = 1000.0
    assert budget.is_open()
    budget.spend(4.0)
    assert not budget.is_open()


def test_a_network_that_spends_all_it_gets_leaves_the_others_theirs() -> None:
    watch = Stopwatch()
    budget, flooding = Budget(0.1, 1.0, watch), 7
    taken = 0.0
    for tick in range(10_000):
        watch.now = tick / 100
        if budget.is_open(flooding):
            budget.spend(0.005, flooding)
            taken += 0.005
        if tick % 100 == 99:
            assert budget.is_open(1 + tick), "another network, once a second"
            budget.spend(0.01, 1 + tick)
    assert 8.0 < taken < 10.0, "it gets what the others leave: a tenth of 100 s less a second, and half the burst"


def test_many_networks_share_what_there_is() -> None:
    watch = Stopwatch()
    budget, taken = Budget(0.1, 1.0, watch), 0.0
    for tick in range(10_000):
        watch.now = tick / 100
        if budget.is_open(tick):
            budget.spend(0.02, tick)
            taken += 0.02
    assert 10.0 < taken < 11.1


def test_when_the_time_is_spent_dear_requests_are_put_off_and_lists_go_on() -> None:
    held, counts, clock = Held(), Counts(), Clock()
    app = plain_app(held, nobody, counts, clock)
    spent = Budget(0.0, 0.0)
    put_front(app, held, nobody, counts, Budgets(spent, spent), clock)
    held.put(snapshot([mirror("a", "berlin")]))
    for path, query, method in [
        ("/mirrorlist/9/baseos", "country=DE&format=json", "GET"),
        ("/mirrorlist/9/baseos", "", "HEAD"),
        ("/nothing", "", "GET"),
    ]:
        answer = ask(app.wsgi_app, environ(path, query, method=method))
        assert (answer.status, answer.headers["retry-after"]) == (503, "5")
        assert answer.body.startswith(b"# busy: too many" if method == "GET" else b"")
    assert ask(app.wsgi_app, environ("/mirrorlist/9/baseos")).status == 200


def test_plain_redirects_go_on_when_the_time_of_dear_ones_is_spent() -> None:
    held, counts, clock = Held(), Counts(), Clock()
    app = plain_app(held, nobody, counts, clock)
    put_front(app, held, nobody, counts, Budgets(Budget(0.0, 0.0), unlimited().pages), clock)
    trees = (RedirectTree(prefix="/dl/", module=MAIN), RedirectTree(prefix="/", module=MAIN, host="dl.example.org"))
    held.put(snapshot([mirror("a", "berlin")], trees=trees))
    for path, query, host in [
        ("/dl/x.iso", "mirrorlist", "x"), ("/region/EU/dl/x.iso", "", "x"), ("/dl/x.iso.meta4", "", "x"),
        ("/dl/../x", "", "x"), ("/x.iso", "json", "dl.example.org"), ("/mirrorlist/9/baseos", "", "DL.example.org"),
    ]:  # fmt: skip
        answer = ask(app.wsgi_app, environ(path, query, HOST=host))
        plain = host == "DL.example.org"
        assert answer.status == (302 if plain else 503), "a file of the host's tree"
    assert ask(app.wsgi_app, environ("/dl/x.iso")).status == 302
    assert ask(app.wsgi_app, environ("/nothing")).status == 404, "that is a page"


def test_one_network_leaves_expensive_lists_to_others_and_spends_no_time_on_new_filters() -> None:
    held, counts, clock, watch = Held(), Counts(), Clock(), Stopwatch()
    app = plain_app(held, nobody, counts, clock)
    lists = Budget(0.0, 1.0, watch)
    put_front(app, held, nobody, counts, Budgets(lists, unlimited().pages), clock)
    trees = (RedirectTree(prefix="/dl/", module=MAIN),)
    held.put(snapshot([mirror("a", "berlin"), mirror("b", "paris")], trees=trees, trusted_proxies=("127.0.0.0/8",)))
    with_filter = [("/mirrorlist/9/baseos", "avoid=b.example.org", 200), ("/dl/x.iso", "avoid=b.example.org", 302)]
    for path, query, answered in with_filter:
        assert ask(app.wsgi_app, environ(path, query, "198.51.100.9")).status == answered
    for client in ("192.0.2.1", "192.0.2.77"):
        lists.spend(0.3, network_hash(packed(client)))
    for number, (client, forwarded, is_served) in enumerate([
        ("192.0.2.9", "", False), ("198.51.100.1", "", True), ("2001:db8::1", "", True),
        ("127.0.0.1", "192.0.2.200", False), ("127.0.0.1", "203.0.113.1, 192.0.2.3", False),
        ("192.0.2.9", "203.0.113.1", False), ("127.0.0.1", "203.0.113.1", True),
    ]):  # fmt: skip
        for path, query, answered in [
            *with_filter, ("/mirrorlist/9/baseos", f"avoid=h{number}", 200), ("/dl/x.iso", f"avoid=h{number}", 302),
            ("/mirrorlist/9/baseos", f"format=apt&arch=x86_64&z={number}", 200),
        ]:  # fmt: skip
            headers = {"X_FORWARDED_FOR": forwarded} if forwarded else {}
            told = ask(app.wsgi_app, environ(path, query, client, **headers)).status
            known = (path, query) == with_filter[1][:2]
            assert told == (answered if is_served or known else 503), (client, forwarded, query)
        assert ask(app.wsgi_app, environ("/mirrorlist/9/baseos", f"z={client}", client)).status == 200


@pytest.mark.parametrize("path", ["/mirrorlist/9/baseos", "/isolist/9/x86_64"])
@pytest.mark.parametrize("query", ["avoid=b.example.org", "only=b.example.org", "only=nobody.example.org&country=DE"])
def test_a_client_that_comes_again_with_its_filter_pays_nothing_and_is_counted(path: str, query: str) -> None:
    held, counts, clock, lists = Held(), Counts(), Clock(), Budget(0.0, 1.0, Stopwatch())
    app = plain_app(held, nobody, counts, clock)
    hot = put_front(app, held, nobody, counts, Budgets(lists, unlimited().pages), clock)
    held.put(snapshot([mirror("a", "berlin"), mirror("b", "paris")]))
    first = ask(app.wsgi_app, environ(path, query, "198.51.100.9"))
    lists.spend(9.0)
    assert first.status == 200
    assert all(ask(app.wsgi_app, environ(path, query, "198.51.100.9")) == first for _ in range(3))
    assert ask(app.wsgi_app, environ(path, query, "192.0.2.9")).status == 503, "it is new"
    hot.collect()
    assert sum(counts.take()["first"].values()) == 4


@pytest.mark.parametrize("name", ["json", "apt", "pacman", "apk"])
def test_a_list_in_another_format_is_written_once_for_each_kind_of_client(name: str) -> None:
    held, counts, clock, lists = Held(), Counts(), Clock(), Budget(0.0, 1.0, Stopwatch())
    app = plain_app(held, nobody, counts, clock)
    put_front(app, held, nobody, counts, Budgets(lists, unlimited().pages), clock)
    held.put(snapshot([mirror("a", "berlin"), mirror("b", "paris")]))
    first = ask(app.wsgi_app, environ("/mirrorlist/9/baseos", f"format={name}&arch=x86_64"))
    lists.spend(9.0)
    assert first.status == 200
    assert ask(app.wsgi_app, environ("/mirrorlist/9/baseos", f"format={name}&arch=x86_64&more=1")) == first
    assert ask(app.wsgi_app, environ("/mirrorlist/9/appstream", f"format={name}&arch=x86_64")).status == 503
    held.put(snapshot([mirror("c", "tokyo")]))
    assert ask(app.wsgi_app, environ("/mirrorlist/9/baseos", f"format={name}&arch=x86_64")).status == 503, "it is new"


def test_kept_answers_stay_within_their_room() -> None:
    kept = WrittenAnswers(most=100)
    for key in range(1000):
        kept.put(0, key, bytes(30))
        assert sum(map(len, kept.bodies.values())) <= 100
