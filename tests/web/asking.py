"""Asks a WSGI application as a server would, without a server; and holds the snapshot that it answers from."""

from __future__ import annotations

import io
import math
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from mirrorlist.app import Hot, plain_app, put_front
from mirrorlist.core.selection.prepared import Prepared
from mirrorlist.core.snapshot import Snapshot
from mirrorlist.web.counts import Counts, Dimension
from mirrorlist.web.lists.hot import Front
from mirrorlist.web.repeats import FORGETFUL, Repeats
from mirrorlist.web.time_budget import Budget, Budgets
from tests.building import NOW, nobody


@dataclass(frozen=True, slots=True)
class Answer:
    """Everything that a client sees of an answer."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass
class Held:
    """Generations that a test puts in place by hand."""

    current: Prepared | None = None
    takers: list[Callable[[Prepared], None]] = field(default_factory=list)

    def subscribe(self, taker: Callable[[Prepared], None]) -> None:
        self.takers.append(taker)
        if self.current is not None:
            taker(self.current)

    def put(self, snapshot: Snapshot) -> None:
        self.current = Prepared(snapshot)
        for taker in self.takers:
            taker(self.current)


@dataclass
class Clock:
    """A clock that a test sets."""

    now: float = NOW

    def __call__(self) -> float:
        return self.now


def environ(path: str, query: str = "", peer: str = "192.0.2.1", method: str = "GET", **headers: str) -> dict[str, Any]:
    """The environ of a request; ``headers`` as ``X_FORWARDED_FOR="..."``."""
    return {
        "REQUEST_METHOD": method, "SCRIPT_NAME": "", "PATH_INFO": path, "QUERY_STRING": query, "REMOTE_ADDR": peer,
        "SERVER_NAME": "127.0.0.1", "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1", "HTTP_HOST": "localhost",
        "wsgi.version": (1, 0), "wsgi.url_scheme": "http", "wsgi.input": io.BytesIO(), "wsgi.errors": sys.stderr,
        "wsgi.multithread": False, "wsgi.multiprocess": True, "wsgi.run_once": False,
        **{f"HTTP_{name}": value for name, value in headers.items()},
    }  # fmt: skip


def unlimited() -> Budgets:
    """Budgets that never end."""
    return Budgets(Budget(0, math.inf), Budget(0, math.inf))


def ask(application: Any, asked: dict[str, Any]) -> Answer:
    """The answer; a header but Link that stands twice, or a second start, is an error."""
    started: list[tuple[str, list[tuple[str, str]]]] = []

    def start_response(status: str, headers: list[tuple[str, str]], *_: object) -> None:
        started.append((status, headers))

    chunks: Iterable[bytes] = application(asked, start_response)
    body = b"".join(chunks)
    if hasattr(chunks, "close"):
        chunks.close()
    [(status, headers)] = started
    links = [value for name, value in headers if name.lower() == "link"]
    others = {name.lower(): value for name, value in headers if name.lower() != "link"}
    assert len(others) + len(links) == len(headers), f"a header stands twice: {headers}"
    others.pop("date", None)  # a second may pass between two answers
    return Answer(int(status[:3]), {**others, **({"link": ", ".join(links)} if links else {})}, body)


@dataclass
class Both:
    """One service twice: Flask alone, and Flask with the hot path in front, as servers get it."""

    flask: Any
    fronted: Any
    hot: Hot
    held: Held
    clock: Clock
    counts: tuple[Counts, Counts]

    @property
    def front(self) -> Front:
        """The hot path of lists."""
        return self.hot.lists

    def counted(self) -> tuple[dict[str, dict[str, int]], dict[str, dict[str, int]]]:
        """What Flask answered since the last time, and what was answered in front of it, by dimension."""
        self.hot.collect()
        plain, fast = ({by: sums for by, sums in own.take().items() if by in {*Dimension}} for own in self.counts)
        return plain, fast

    def assert_counted_alike(self) -> None:
        """What was asked since the last time was counted once by Flask and three times in front of it."""
        plain, fast = self.counted()
        assert fast == {of: {label: 3 * times for label, times in sums.items()} for of, sums in plain.items()}, (
            plain,
            fast,
        )

    def get(self, path: str, query: str = "", peer: str = "192.0.2.1", **headers: str) -> Answer:
        """The answer to a GET, after both have given the same: to a new client, one seen once, one remembered."""
        plain = ask(self.flask, environ(path, query, peer, **headers))
        fast = [ask(self.fronted, environ(path, query, peer, **headers)) for _ in range(3)]
        assert fast == [plain] * 3, (plain, fast)  # no pytest rewrites this file
        return plain


def both(
    snapshot: Snapshot | None = None,
    country_of: Callable[[bytes], str | None] = nobody,
    repeats: tuple[Repeats, Repeats] = (FORGETFUL, FORGETFUL),
) -> Both:
    """A service on this snapshot. A repeated request gets the same answer, unless ``repeats`` remembers it."""
    held, clock, counts = Held(), Clock(), (Counts(), Counts())
    flask, fronted = (plain_app(held, country_of, own, clock, of) for own, of in zip(counts, repeats, strict=True))
    hot = put_front(fronted, held, country_of, counts[1], unlimited(), clock, repeats[1])
    if snapshot is not None:
        held.put(snapshot)
    return Both(flask.wsgi_app, fronted.wsgi_app, hot, held, clock, counts)
