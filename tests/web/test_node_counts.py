"""Counts that nodes hand over: each counts once however often it comes, and nobody else's counts at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import msgspec
import pytest
import zstandard
from flask import Flask
from structlog.testing import capture_logs

from mirrorlist.core.catalogue.service import Vantage, WebNode
from mirrorlist.core.channel import new_key, private_key, public_text
from mirrorlist.core.statistics import AskedCell, estimated, registers_of
from mirrorlist.following.follower import CountsDesk
from mirrorlist.store.count_files import MOST_CELLS, CountFiles
from mirrorlist.store.marks import Scheme, UploadBox, authorization
from mirrorlist.web.hooks import node_kind, uploads
from tests.building import NOW, mirror, snapshot
from tests.serving import served
from tests.web.asking import Held
from tests.web.test_vantage_reports import Clock

KEY, OTHER = private_key(new_key()), private_key(new_key())
NODES = WebNode("web-1", public_text(KEY)), WebNode("web-2", public_text(OTHER))
TODAY = datetime.fromtimestamp(NOW, UTC).date()
CELL = AskedCell("lists", "baseos", "9", "x86_64", "DE").label
CLIENTS = registers_of(range(0, 1 << 32, 1 << 27))


class Center:
    """The application of a publisher with nothing but the uploads of nodes."""

    def __init__(self, state_dir: Path, own: str | None = None) -> None:
        held, self.counts, self.clock, self.steady = Held(), CountFiles(state_dir), Clock(NOW), Clock()
        held.put(snapshot([mirror("m")], nodes=NODES, vantages=(Vantage("web-1", "DE", public_text(KEY)),)))
        box = UploadBox(state_dir, Scheme.NODE, 0.0)
        self.app = Flask("uploads")
        kind = node_kind(box, self.counts, self.clock, own)
        self.app.register_blueprint(uploads(held, kind, self.clock, self.steady))

    def send(self, body: bytes, at: float = NOW, name: str = "web-1", key: Any = KEY, scheme: Any = Scheme.NODE) -> int:
        header = authorization(scheme, name, at, body, key)
        answer = self.app.test_client().post("/hooks/node", headers={"Authorization": header}, data=body)
        self.steady.now += 60  # the budgets are tried apart
        return answer.status_code

    def asked(self, day: date = TODAY) -> int:
        """How many requests of a day are counted."""
        return sum(sum(counts.asked.values()) for _, counts in self.counts.cells(day, day))


@pytest.fixture
def center(tmp_path: Path) -> Center:
    return Center(tmp_path / "center")


def node(directory: Path, times: int, now: float = NOW) -> CountFiles:
    """A node's files, with one more worker that answered so often."""
    CountFiles(directory).add({"asked": {CELL: times}, "given": {"DE\tm": times}}, now, {"DE": CLIENTS})
    return CountFiles(directory)


def packed(**changed: object) -> bytes:
    day: dict[str, object] = {"day": TODAY, "asked": {CELL: 3}, "given": {}, "clients": {}}
    return zstandard.compress(msgspec.msgpack.encode(day | changed))


def test_what_a_node_hands_over_counts_once_however_often_it_comes(center: Center, tmp_path: Path) -> None:
    center.counts.add({"asked": {CELL: 1}}, NOW)
    body = node(tmp_path / "node", 5).packed(TODAY)
    assert body is not None
    assert [center.send(body, NOW + second) for second in (0, 1, 2)] == [202] * 3
    assert center.asked() == 6
    body = node(tmp_path / "node", 7).packed(TODAY)
    assert body is not None and center.send(body, NOW + 3) == 202
    assert center.asked() == 13
    assert center.send(body, NOW, "web-2", OTHER) == 202, "another node counts apart"
    assert center.asked() == 25
    [(_, counts)] = center.counts.cells(TODAY, TODAY)
    assert estimated(counts.clients["DE"]) == estimated(CLIENTS), "clients of two nodes are the same"


def test_an_upload_that_is_played_again_changes_nothing(center: Center) -> None:
    assert center.send(packed(asked={CELL: 9}), NOW + 1) == 202
    assert [center.send(packed(), at) for at in (NOW + 1, NOW)] == [409] * 2
    assert center.asked() == 9


def test_a_day_that_is_merged_takes_no_more_of_a_node(center: Center) -> None:
    yesterday = TODAY - timedelta(days=1)
    assert center.send(packed(day=yesterday)) == 202
    center.counts.merge(TODAY)
    assert center.send(packed(day=yesterday), NOW + 1) == 202
    assert center.asked(yesterday) == 3


@pytest.mark.parametrize(
    ("given", "status"),
    [
        pytest.param({"key": OTHER}, 401, id="a key of somebody else"),
        pytest.param({"name": "web-3"}, 401, id="nobody's name"),
        pytest.param({"name": "../web-1"}, 401, id="a path as a name"),
        pytest.param({"scheme": Scheme.VANTAGE}, 401, id="the signature of a vantage point with this name and key"),
        pytest.param({"at": NOW - 301}, 401, id="signed long ago"),
        pytest.param({"body": b"x"}, 409, id="no counts"),
        pytest.param({"body": zstandard.compress(b"x")}, 409, id="packed, and no counts"),
        pytest.param({"body": zstandard.compress(bytes(40 << 20))}, 409, id="a bomb"),
        pytest.param({"body": packed(asked={CELL: -1})}, 409, id="less than nothing"),
        pytest.param({"body": packed(asked={CELL: 1 << 60})}, 409, id="more than the world"),
        pytest.param({"body": packed(asked={"x" * 1001: 1})}, 409, id="a long label"),
        pytest.param({"body": packed(clients={"DE": bytes(63)})}, 409, id="short registers"),
        pytest.param({"body": packed(day=TODAY - timedelta(days=2))}, 409, id="a day that is over"),
        pytest.param({"body": packed(day=TODAY + timedelta(days=2))}, 409, id="a day that is to come"),
        pytest.param({"body": bytes((1 << 20) + 1)}, 413, id="too large"),
    ],
)
def test_what_is_forged_or_no_counts_is_refused_and_changes_nothing(
    center: Center, given: dict[str, Any], status: int
) -> None:
    assert center.send(**{"body": packed(), **given}) == status
    assert center.asked() == 0


def test_made_up_cells_stay_below_the_bound(center: Center) -> None:
    many = {f"lists\t{number}\t9\tx86_64\tDE\t-\t\t\t\t": 1 for number in range(MOST_CELLS + 500)}
    assert center.send(packed(asked=many)) == 202
    [(_, counts)] = center.counts.cells(TODAY, TODAY)
    assert len(counts.asked) <= MOST_CELLS + 1
    assert center.asked() == MOST_CELLS + 500


@contextmanager
def answering(center: Center) -> Iterator[str]:
    class Quiet(WSGIRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

    with served(make_server("127.0.0.1", 0, center.app, handler_class=Quiet)) as url:
        yield f"{url}/"


def test_a_node_hands_over_yesterday_when_it_is_over_and_then_today(center: Center, tmp_path: Path) -> None:
    yesterday = TODAY - timedelta(days=1)
    node(tmp_path / "node", 4, NOW - 86_400)
    counts = node(tmp_path / "node", 5)
    with answering(center) as url:
        desk = CountsDesk(url, "web-1", KEY, counts)
        desk.step(NOW)
        assert (center.asked(yesterday), center.asked()) == (4, 5)
        node(tmp_path / "node", 1)
        node(tmp_path / "node", 1, NOW - 86_400)
        desk.step(NOW + 300)
        assert (center.asked(yesterday), center.asked()) == (4, 6), "what was whole is handed over once"


def test_a_machine_takes_none_of_its_own_counts(tmp_path: Path) -> None:
    center = Center(tmp_path, own="web-1")
    assert [center.send(packed(), name=name, key=key) for name, key in (("web-1", KEY), ("web-2", OTHER))] == [409, 202]
    assert center.asked() == 3


def test_what_cannot_be_handed_over_is_logged_once_and_comes_later(center: Center, tmp_path: Path) -> None:
    counts = node(tmp_path / "node", 5)
    with answering(center) as url, capture_logs() as logs:
        desk = CountsDesk(url, "web-2", KEY, counts)
        for second in range(3):
            desk.step(NOW + second)
        desk = CountsDesk("http://127.0.0.1:9/", "web-1", KEY, counts)
        desk.step(NOW)
        assert center.asked() == 0
        CountsDesk(url, "web-1", KEY, counts).step(NOW + 120)
    assert [line["event"] for line in logs] == ["counts not handed over, they will come with the next ones"] * 2
    assert "no node has this name and key" in logs[0]["reason"]
    assert center.asked() == 5
