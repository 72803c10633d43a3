"""The alert rules and the dashboard that ship: every metric exists, every alert is tested both ways, the grid is whole."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry, generate_latest

from mirrorlist.store.count_files import CountFiles
from mirrorlist.store.jobs import JobRecords
from mirrorlist.web.metrics import ServiceMetrics
from mirrorlist.web.site.published import Publications
from tests.building import NOW
from tests.web.asking import Held
from tests.web.networks import record_of

ROOT = Path(__file__).parents[2]
PROMETHEUS = ROOT / "deploy" / "prometheus"
RULES = [
    rule
    for group in yaml.safe_load((PROMETHEUS / "mirrorlist.rules.yml").read_text())["groups"]
    for rule in group["rules"]
]
TESTS = yaml.safe_load((PROMETHEUS / "mirrorlist.test.yml").read_text())["tests"]
DASHBOARD: dict[str, Any] = json.loads((ROOT / "deploy" / "grafana" / "mirrorlist.json").read_text())
QUERIES = {
    f"{panel['title']}: {target['refId']}": target["expr"]
    for panel in DASHBOARD["panels"]
    for target in panel["targets"]
}


@pytest.fixture(scope="module")
def exposed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """The labels of every metric that a service exposes, by its name in queries."""
    directory, held, registry = tmp_path_factory.mktemp("state"), Held(), CollectorRegistry()
    shown = record_of(20)
    held.put(replace(shown, facts=replace(shown.facts, places_built_on="2026-06-05")))
    records = JobRecords(directory, lambda: NOW)
    with records.running("geo", 60.0):
        pass
    files = CountFiles(directory)
    files.add({"answers": {"metalink 200": 1}, "rung": {"fresh": 1}, "first": {"a": 1}, "refused": {"pages": 1}}, NOW)
    registry.register(ServiceMetrics(Publications(held), files, records, lambda: NOW))
    found: dict[str, set[str]] = {}
    for line in generate_latest(registry).decode().splitlines():
        if match := re.match(r"(\w+)(?:\{(.*)\})? ", line):
            found.setdefault(match[1], set()).update(re.findall(r'(\w+)="', match[2] or ""))
    return found


def unknown(query: str, exposed: dict[str, set[str]]) -> set[str]:
    """What a query names that no service exposes: metrics, and labels beside Prometheus's own."""
    metrics = set(re.findall(r"\bmirrorlist_\w+", query))
    labels = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)\s*\"", query))
    for names in re.findall(r"\bby \(([^)]*)\)", query):
        labels |= {name.strip() for name in names.split(",")}
    known = {"instance", "job"}.union(*(exposed.get(metric, set()) for metric in metrics))
    return (metrics - exposed.keys()) | (labels - known)


@pytest.mark.parametrize("alert", RULES, ids=lambda rule: str(rule["alert"]))
def test_every_alert_asks_for_metrics_that_exist(alert: dict[str, Any], exposed: dict[str, set[str]]) -> None:
    assert unknown(alert["expr"], exposed) == set()
    assert alert["labels"]["severity"] in ("page", "ticket")


@pytest.mark.parametrize("name", QUERIES)
def test_every_query_of_the_dashboard_asks_for_metrics_that_exist(name: str, exposed: dict[str, set[str]]) -> None:
    assert unknown(QUERIES[name], exposed) == set()


def test_an_unknown_metric_or_label_would_be_noticed(exposed: dict[str, set[str]]) -> None:
    assert unknown('sum by (nothing) (mirrorlist_no_such{state="x"})', exposed) == {
        "mirrorlist_no_such",
        "nothing",
        "state",
    }


def test_each_alert_has_a_test_that_fires_and_one_that_does_not_and_a_line_of_what_to_do() -> None:
    outcomes = Counter((one["alertname"], bool(one["exp_alerts"])) for test in TESTS for one in test["alert_rule_test"])
    assert outcomes == {(rule["alert"], fires): 1 for rule in RULES for fires in (True, False)}
    assert len(RULES) >= 10
    advice = (ROOT / "docs" / "operate.md").read_text()
    assert [rule["alert"] for rule in RULES if f"`{rule['alert']}`" not in advice] == []


@pytest.mark.slow
def test_promtool_accepts_the_rules_and_their_tests() -> None:
    promtool = shutil.which("promtool")
    if promtool is None and os.environ.get("MIRRORLIST_TEST_REQUIRE_CLIENTS") != "1":
        pytest.skip("promtool is not installed")
    for words in (["check", "rules", "mirrorlist.rules.yml"], ["test", "rules", "mirrorlist.test.yml"]):
        done = subprocess.run(
            [promtool or "promtool", *words], cwd=PROMETHEUS, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_panels_of_the_dashboard_fill_a_grid_without_overlapping() -> None:
    taken: Counter[tuple[int, int]] = Counter()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24
        taken.update((x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"]))
    assert max(taken.values()) == 1
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    assert all(panel["datasource"]["uid"] == "${datasource}" for panel in DASHBOARD["panels"])
