"""What monitoring asks: health, readiness and metrics, and who may read them."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from flask import Flask
from prometheus_client.parser import text_string_to_metric_families

from mirrorlist.app import Hot, plain_app, put_front, put_monitoring
from mirrorlist.core.errors import LeadLost
from mirrorlist.core.snapshot import Snapshot
from mirrorlist.store.count_files import CountFiles
from mirrorlist.store.jobs import JobRecords
from mirrorlist.web.counts import Counting, Counts, Dimension
from mirrorlist.web.gateway import Gateway
from mirrorlist.web.metrics import Sampling
from mirrorlist.web.operations import OperatorsPort
from mirrorlist.web.time_budget import Budget, Budgets
from tests.building import NOW, mirror, nobody, snapshot
from tests.web.asking import Answer, Clock, Held, ask, environ, unlimited
from tests.web.networks import record_of, with_record

READER = "198.51.100.7"
LIST = "/mirrorlist/9/baseos"


@dataclass
class Watched:
    """A service, what it counted, and its port for operators."""

    app: Flask
    held: Held
    counts: Counts
    counting: Counting
    clock: Clock
    hot: Hot

    def get(self, path: str, query: str = "", peer: str = "192.0.2.1", **headers: str) -> Answer:
        return ask(self.app.wsgi_app, environ(path, query, peer=peer, **headers))

    def metrics(self) -> dict[tuple[str, tuple[str, ...]], float]:
        self.counting.write()
        answer = ask(OperatorsPort(self.app.wsgi_app), environ("/metrics"))
        families = text_string_to_metric_families(answer.body.decode())
        return {(each.name, tuple(each.labels.values())): each.value for found in families for each in found.samples}


def watched(directory: Path, budgets: Budgets | None = None, shown: Snapshot | None = None) -> Watched:
    held, counts, clock, files = Held(), Counts(), Clock(), CountFiles(directory)
    clock.now = NOW
    app = plain_app(held, nobody, counts, clock)
    readers = (f"{READER}/32", "2001:db8::/32", "::ffff:203.0.113.0/120")
    put_monitoring(app, held, counts, (files, JobRecords(directory, clock)), readers, clock)
    hot = put_front(app, held, nobody, counts, budgets or unlimited(), clock)
    if shown is not None:
        held.put(shown)
    return Watched(app, held, counts, Counting(hot.collect, counts, files, 10.0, clock), clock, hot)


@pytest.fixture
def small(tmp_path: Path) -> Watched:
    own = mirror("own", "berlin", private=True, subnets=("203.0.113.0/24",))
    return watched(tmp_path, shown=with_record([mirror("a", "berlin"), own]))


def test_readiness_is_503_without_a_generation_and_tells_why_it_is_degraded(tmp_path: Path) -> None:
    service = watched(tmp_path)
    assert (service.get("/healthz").status, service.get("/healthz").body) == (200, b"ok\n")
    answer = service.get("/readyz")
    assert (answer.status, json.loads(answer.body)["status"]) == (503, "not ready")
    service.held.put(snapshot([mirror("a", "berlin")]))
    service.clock.now = service.held.current.snapshot.facts.built_at + 90_000
    answer = service.get("/readyz")
    told = json.loads(answer.body)
    assert (answer.status, told["status"], told["age_seconds"]) == (200, "degraded", 90_000.0)
    assert told["reasons"][0].startswith("the generation is 25.0 hours old")
    assert service.get("/readyz").headers["cache-control"] == "private, no-store"


def test_monitoring_is_answered_when_the_time_for_pages_is_spent(tmp_path: Path) -> None:
    spent = Budget(0.0, 0.0)
    service = watched(tmp_path, Budgets(spent, spent), snapshot([mirror("a", "berlin")]))
    assert [service.get(path).status for path in ("/healthz", "/readyz", "/status")] == [200, 200, 503]
    found = service.metrics()
    assert found[("mirrorlist_refused_total", ("pages",))] == 1.0
    assert found[("mirrorlist_requests_total", ("pages", "503"))] == 1.0


@pytest.mark.parametrize(
    ("peer", "forwarded", "status"),
    [
        (READER, None, 200),
        ("203.0.113.9", None, 200),
        ("2001:db8::5", None, 200),
        ("192.0.2.1", None, 404),
        ("192.0.2.1", READER, 404),
        ("127.0.0.1", None, 404),
        ("", READER, 404),
    ],
)
def test_metrics_are_for_the_networks_that_are_named_and_no_header_helps(
    small: Watched, peer: str, forwarded: str | None, status: int
) -> None:
    headers = {"X_FORWARDED_FOR": forwarded} if forwarded else {}
    assert small.get("/metrics", peer=peer, **headers).status == status


def test_metrics_behind_a_trusted_proxy_go_by_the_address_that_it_names(tmp_path: Path) -> None:
    service = watched(tmp_path, shown=snapshot([mirror("a", "berlin")], trusted_proxies=("127.0.0.1",)))
    for forwarded, status in [(READER, 200), ("192.0.2.1", 404), (f"{READER}, 192.0.2.1", 404), ("", 404)]:
        assert service.get("/metrics", peer="127.0.0.1", X_FORWARDED_FOR=forwarded).status == status


def test_the_port_for_operators_has_monitoring_and_nothing_else(small: Watched) -> None:
    port = OperatorsPort(small.app.wsgi_app)
    for path, status in [("/healthz", 200), ("/readyz", 200), ("/metrics", 200), ("/status", 404), (LIST, 404)]:
        assert ask(port, environ(path)).status == status


def test_requests_are_counted_by_route_and_status_whoever_answers_them(small: Watched) -> None:
    for _ in range(3):
        small.get(LIST)
    for path, query in [(LIST, "country=DE&format=json"), (LIST, "country=Germany"), ("/status", ""), ("/nothing", "")]:
        small.get(path, query)
    small.counts.add({Dimension.FIRST: "own.example.org"})
    found = small.metrics()
    answered = {labels: value for (name, labels), value in found.items() if name == "mirrorlist_requests_total"}
    assert answered == {
        ("mirrorlist", "200"): 4.0,
        ("mirrorlist", "400"): 1.0,
        ("site/status", "200"): 1.0,
        ("none", "404"): 1.0,
    }
    assert found[("mirrorlist_lists_total", ("fresh",))] == 4.0
    first = {labels: value for (name, labels), value in found.items() if name == "mirrorlist_first_choices_total"}
    assert first == {("a.example.org",): 4.0, ("-",): 1.0}, "a private mirror has no row"
    assert found[("mirrorlist_request_duration_seconds_count", ("flask",))] == 4.0
    assert found[("mirrorlist_requests_total", ("mirrorlist", "200"))] == 4.0, "asking again counts nothing"


def test_counters_of_all_workers_are_one_sum_and_begin_anew_each_day(tmp_path: Path) -> None:
    shown = snapshot([mirror("a", "berlin")])
    one, other = (watched(tmp_path, shown=shown) for _ in range(2))
    one.get(LIST)
    other.get(LIST)
    other.counting.write()
    assert one.metrics()[("mirrorlist_requests_total", ("mirrorlist", "200"))] == 2.0
    one.clock.now += 86_400
    assert ("mirrorlist_requests_total", ("mirrorlist", "200")) not in one.metrics()


def test_the_hot_path_is_timed_now_and_then(small: Watched) -> None:
    gateway, sent = Gateway(small.app.wsgi_app), []

    class Sent:
        def send(self, message: dict[str, object]) -> None:
            sent.append(message)

    scope = {
        "method": "GET", "scheme": "http", "raw_path": LIST.encode(), "query_string": b"", "headers": [],
        "client": ("192.0.2.1", 1), "server": ("127.0.0.1", "80"),
    }  # fmt: skip
    sampling = Sampling(gateway, small.counts)
    sampling.sample()
    sampling.sample()
    for _ in range(3):
        gateway(scope, Sent())
    sampling.sample()
    gateway({**scope, "raw_path": b"/status"}, Sent())
    found = small.metrics()
    assert found[("mirrorlist_request_duration_seconds_count", ("hot",))] == 1.0
    assert 0 < found[("mirrorlist_request_duration_seconds_sum", ("hot",))] < 1.0
    assert len(sent) == 8


def test_the_network_and_its_data_have_metrics_that_promtool_accepts(tmp_path: Path) -> None:
    service = watched(tmp_path, shown=record_of(40))
    found = service.metrics()
    states = {labels: value for (name, labels), value in found.items() if name == "mirrorlist_mirrors"}
    assert sum(states.values()) == 40, "hidden ones have no row"
    assert ("down",) in states
    for name in ("mirrorlist_mirror_lag_seconds", "mirrorlist_mirror_checked_timestamp_seconds"):
        assert any(key[0] == name for key in found), name
    assert found[("mirrorlist_ready", ())] == 1.0
    if promtool := shutil.which("promtool"):
        text = ask(OperatorsPort(service.app.wsgi_app), environ("/metrics")).body
        checked = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, check=False)
        assert (checked.returncode, checked.stdout + checked.stderr) == (0, b"")


def test_scrapers_that_speak_openmetrics_get_it(small: Watched) -> None:
    answer = small.get("/metrics", peer=READER, ACCEPT="application/openmetrics-text; version=1.0.0")
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert answer.body.endswith(b"# EOF\n")


@pytest.mark.slow
def test_jobs_have_metrics_and_rows_on_the_status_page_without_their_errors(tmp_path: Path) -> None:
    held, records = Held(), JobRecords(tmp_path, lambda: NOW)
    with pytest.raises(OSError), records.running("geo", 60.0):
        raise OSError("/srv/secret/key cannot be read")
    with pytest.raises(LeadLost), records.running("publish", None):
        raise LeadLost("another process leads")
    app = plain_app(held, nobody, Counts(), jobs=records.all)
    held.put(record_of(3))
    page = ask(app.wsgi_app, environ("/status")).body.decode()
    assert ("Periodic jobs" in page, "geo" in page, "secret" in page) == (True, True, False)
    service = watched(tmp_path, shown=record_of(3))
    found = service.metrics()
    assert found[("mirrorlist_job_failing", ("geo",))] == 1.0
    assert found[("mirrorlist_job_next_timestamp_seconds", ("geo",))] == NOW + 60
    assert ("mirrorlist_job_last_success_timestamp_seconds", ("geo",)) not in found
    service.clock.now = NOW + 3 * 86_400
    found = service.metrics()
    failing = [found[("mirrorlist_job_failing", (name,))] for name in ("geo", "publish")]
    assert failing == [0.0, 0.0], "another publisher leads by now"
