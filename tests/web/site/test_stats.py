"""Statistics on pages, as CSV, badge and JSON: the same numbers everywhere, nobody named who is rare or private."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from lxml import etree, html

from mirrorlist.core.public.statistics import CountryShare
from mirrorlist.web.site.published import SponsorMonth
from mirrorlist.web.site.stats import badge_text, chosen_month, sum_table
from tests.building import NOW
from tests.web.asking import Answer, Both, ask, both, environ
from tests.web.networks import record_of

MIRROR = "mirror15.example.org"
PATHS = ["/stats", f"/mirrors/{MIRROR}/stats", f"/mirrors/{MIRROR}/stats.csv", f"/mirrors/{MIRROR}/stats.svg",
         "/api/v1/counts", f"/api/v1/mirrors/{MIRROR}/counts"]  # fmt: skip


@pytest.fixture(scope="module")
def service() -> Both:
    return both(record_of(530))


def get(service: Both, path: str, query: str = "") -> Answer:
    return ask(service.fronted, environ(path, query))


def found(service: Both, path: str) -> dict[str, object]:
    answer = get(service, path)
    assert answer.status == 200, answer.body
    told: dict[str, object] = json.loads(answer.body)
    return told


@pytest.mark.slow
@pytest.mark.parametrize("path", PATHS)
def test_no_small_country_and_no_private_mirror_is_named(service: Both, path: str) -> None:
    body = get(service, path).body.decode()
    for hidden in ("Tuvalu", "TV", "hidden-"):
        assert hidden not in body


@pytest.mark.parametrize("path", PATHS)
def test_what_was_never_counted_has_its_answers_too(path: str) -> None:
    nothing = both(record_of(30, probed=False))
    answer = get(nothing, path)
    assert answer.status == 200
    assert b"None" not in answer.body


@pytest.mark.parametrize("path", PATHS[:2])
def test_pages_are_small_and_need_no_script(service: Both, path: str) -> None:
    answer = get(service, path)
    assert len(answer.body) <= 60_000
    page = html.document_fromstring(answer.body.decode())
    assert page.xpath("//table//tbody/tr")
    assert not page.xpath("//*[@style]")


def test_page_and_api_show_the_same_numbers(service: Both) -> None:
    counts = found(service, "/api/v1/counts")["counts"]
    assert isinstance(counts, dict)
    page = html.document_fromstring(get(service, "/stats").body.decode())
    text = page.text_content()
    assert f"{counts['lists']:,}" in text
    assert f"{counts['weeks'][-1]['clients']:,}" in text
    sums = max(counts["countries"].values(), key=lambda row: row["answers"])
    [row] = [row for row in page.xpath("//tr") if f"{sums['answers']:,}" in row.text_content()][:1]
    assert f"{sums['clients']:,}" in row.text_content()
    assert counts["first_day"] <= counts["last_day"] < datetime.fromtimestamp(NOW, UTC).date().isoformat()
    assert [week["week_start"] for week in counts["weeks"]] == sorted(week["week_start"] for week in counts["weeks"])


def test_a_sponsor_sees_the_newest_whole_month_and_may_ask_for_others(service: Both) -> None:
    months = found(service, f"/api/v1/mirrors/{MIRROR}/counts")["months"]
    assert isinstance(months, list)
    assert [month["month"] for month in months[:2]] == ["2026-11", "2026-10"]
    assert [month["is_whole"] for month in months[:2]] == [False, True]
    assert "October 2026" in get(service, f"/mirrors/{MIRROR}/stats").body.decode()
    running = get(service, f"/mirrors/{MIRROR}/stats", "month=2026-11").body.decode()
    assert "The month is not over." in running
    refused = get(service, f"/mirrors/{MIRROR}/stats", "month=1999-01")
    assert (refused.status, b"2026-10" in refused.body) == (404, True)
    for path in ("/mirrors/hidden-private.example.org/stats", "/mirrors/none/stats.csv", "/mirrors/none/stats.svg"):
        assert get(service, path).status == 404


def test_shares_lie_in_their_bands_and_the_csv_has_them_all(service: Both) -> None:
    months = found(service, f"/api/v1/mirrors/{MIRROR}/counts")["months"]
    assert isinstance(months, list)
    rows = [*csv.DictReader(io.StringIO(get(service, f"/mirrors/{MIRROR}/stats.csv").body.decode()))]
    named = {(row["month"], row["country"]): row for row in rows if row["country"]}
    assert len(named) == sum(len(month["shares"]) for month in months)
    for month in months:
        for share in month["shares"]:
            assert 0 <= share["low"] < share["share"] < share["high"] <= 1
            assert share["share"] == pytest.approx(share["answers"] / share["of_answers"], abs=1e-4)
            row = named[month["month"], share["country"]]
            assert (int(row["answers"]), float(row["share_high"])) == (share["answers"], share["high"])
    others = sum(int(row["answers"]) for row in rows if not row["country"])
    shown = sum(share["answers"] for month in months for share in month["shares"])
    assert others + shown <= sum(month["answers"] for month in months)


def test_the_badge_names_the_share_in_the_mirrors_own_country(service: Both) -> None:
    answer = get(service, f"/mirrors/{MIRROR}/stats.svg")
    assert answer.headers["content-type"] == "image/svg+xml"
    assert answer.headers["access-control-allow-origin"] == "*"
    text = "".join(etree.fromstring(answer.body).itertext())
    months = found(service, f"/api/v1/mirrors/{MIRROR}/counts")["months"]
    assert isinstance(months, list)
    [share] = [share for share in months[1]["shares"] if share["country"] == "DE"]
    assert f"{100 * share['share']:.1f} %" in text
    assert "of clients in DE" in text
    assert get(service, f"/mirrors/{MIRROR.replace('.', '_')}/stats.svg").body == answer.body


SHARE = CountryShare(country="DE", share=0.12, low=0.11, high=0.13, answers=120, of_answers=1000, clients=5000)


@pytest.mark.parametrize(
    ("share", "expected"),
    [
        (SHARE, "12 % ± 1 of clients in DE"),
        (replace(SHARE, low=0.08, high=0.17), "12 % ± 5 of clients in DE"),
        (replace(SHARE, share=0.004, low=0.002, high=0.008), "0.4 % ± 0.3 of clients in DE"),
        (None, "too few clients yet"),
    ],
)
def test_a_badge_says_how_sure_it_is(share: CountryShare | None, expected: str) -> None:
    assert badge_text(share) == expected


def test_before_a_month_is_over_the_present_one_is_shown() -> None:
    month = SponsorMonth("2026-11", False, 100, (SHARE,))
    assert chosen_month([month], None) is month
    assert chosen_month([], None) is None


def test_a_table_sums_what_it_does_not_show() -> None:
    table = sum_table({"a": 50, "*": 5, "b": 30, "c": 15}, 2)
    assert [(row.name, row.answers, row.share) for row in table.rows] == [("a", 50, 0.5), ("b", 30, 0.3)]
    assert (table.more, table.rest) == (2, 20)
    assert sum_table({}, 2).rows == ()
