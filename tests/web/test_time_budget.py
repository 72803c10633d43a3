"""A flood of expensive requests is answered in part, and takes nothing from the lists on the hot path."""

from __future__ import annotations

from dataclasses import dataclass

from mirrorlist.app import plain_app, put_front
from mirrorlist.core.catalogue.trees import RedirectTree
from mirrorlist.core.model import MAIN
from mirrorlist.web.counts import Counts
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
    budget = Budget(0.1, 2.0, watch)
    for _ in range(4):
        assert budget.is_open()
        budget.spend(0.5)
    assert not budget.is_open()
    watch.now = 4.0
    assert budget.is_open()
    budget.spend(1.0)
    watch.now = 9.9
    assert not budget.is_open()
    watch.now = 10.1
    assert budget.is_open()
    watch.now = 1000.0
    assert budget.is_open()
    budget.spend(2.0)
    assert not budget.is_open()


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
