"""preview, as it is called, what it writes in each form, and its status."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from lxml import etree

from mirrorlist.cli.main import main
from mirrorlist.cli.output.preview_forms import as_json, markdown, text
from mirrorlist.cli.output.preview_map import STEPS, colour, world_map
from mirrorlist.cli.output.preview_page import Telling, percent, rate
from mirrorlist.core.catalogue.policy import Policy
from mirrorlist.core.model import Location, Mirror, Protocol, Proximity, ReachPair, Status
from mirrorlist.core.network.geo import HEIGHT, WIDTH
from mirrorlist.core.preview.impact import (
    ChangeKind,
    Effect,
    InCountry,
    InSystem,
    OwnNetworks,
    Preview,
    Rival,
    Share,
    ShareShift,
    Spot,
    Unserved,
)
from mirrorlist.core.snapshot import encode
from mirrorlist.store.snapshot_files import read_newest, write_snapshot
from tests.cli.output.test_reviews import EVIL
from tests.data.submissions import FILE, HEAD, NAME, NEIGHBOURS, SERVICE

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "mirrors.d").mkdir()
    (tmp_path / "service.yml").write_text(SERVICE)
    for name, said in NEIGHBOURS.items():
        (tmp_path / "mirrors.d" / name).write_text(said + "geolocation: {country: DE, city: Munich}\n")
    (tmp_path / "clients.csv").write_text("client,count\nDE,900\nFR,100\n193.99.144.0/24,500\n")
    return tmp_path


def run(checkout: Path, *words: str | Path) -> Result:
    where = ["--service", str(checkout / "service.yml"), "--mirrors", str(checkout / "mirrors.d")]
    return CliRunner().invoke(main, ["preview", *where, *map(str, words)])


def put(checkout: Path, said: str, name: str = FILE) -> Path:
    file = checkout / "mirrors.d" / name
    file.write_text(said)
    return file


def told(done: Result) -> dict[str, object]:
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert isinstance(found, dict)
    return found


def test_a_new_file_in_every_form(checkout: Path) -> None:
    file = put(checkout, HEAD + "bandwidth_mbps: 100\n")
    chart, page = checkout / "map.svg", checkout / "page.md"

    done = run(checkout, "--traffic", "40Gbit/s", "--within", "600", "--map", chart, "--summary", page, file)

    assert done.exit_code == 0
    assert done.stderr == "1 mirror previewed; 1 other mirror changed\n"
    assert done.stdout.startswith(f"{NAME}: new\n")
    assert "times its bandwidth" in done.stdout
    assert "1 faster mirror within 600 km, and 0 as fast." in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert "### mirror&#46;new&#46;example&#46;org&#58; new" in page.read_text()
    assert page.read_text().count("**Warning:** ") == done.stdout.count("warning: ")
    assert_map(chart.read_text(), stars=1, others=1)


@pytest.mark.slow
def test_further_places_and_votes_are_told_in_every_form(checkout: Path) -> None:
    said = HEAD + "places: [{country: FR, city: Paris}, {country: AT, city: Vienna}]\n"
    file, chart = put(checkout, said), checkout / "map.svg"
    assert CliRunner().invoke(main, ["--config", str(checkout / "service.yml"), "publish"]).exit_code == 0
    facts = read_newest(checkout / "state").facts
    voted = tuple(
        replace(each, pairs=(ReachPair("AT", NAME, None, since=1.0),)) if each.name == NAME else each
        for each in facts.mirrors
    )
    snapshot = replace(read_newest(checkout / "state"), facts=replace(facts, mirrors=voted))
    write_snapshot(checkout / "state", encode(snapshot))
    done = run(checkout, "--map", chart, file)
    lines = " ".join(done.stdout.split())
    assert "It is near in 3 places:" in lines
    assert "Not for clients in AT: vantage points there cannot reach it." in lines
    assert_map(chart.read_text(), stars=3, others=1)
    [effect] = told(run(checkout, "--json", file))["mirrors"]  # type: ignore[misc]
    assert [each["country"] for each in effect["places"]][1:] == ["FR", "AT"]
    assert effect["unreached_from"] == ["AT"]


@pytest.mark.slow
def test_quotas_and_quiet_hours_are_in_the_shares(checkout: Path) -> None:
    everybody = HEAD + "bandwidth_mbps: 9000\n"
    [free] = told(run(checkout, "--json", put(checkout, everybody)))["mirrors"]  # type: ignore[misc]
    quiet = put(checkout, everybody + "off_peak_only: true\n")
    [rested] = told(run(checkout, "--json", quiet))["mirrors"]  # type: ignore[misc]
    assert rested["after"]["first"] == pytest.approx(free["after"]["first"] * 9 / 24)  # peak is 08:00 to 23:00
    assert "It serves strangers at its quiet hours only; shares are those of a whole day." in said_by(
        run(checkout, quiet)
    )

    held = put(checkout, everybody + "tib_per_month: 5\n")
    [effect] = told(run(checkout, "--json", held))["mirrors"]  # type: ignore[misc]
    assert (effect["after"], effect["tib_per_month"]) == (free["after"], 5)
    assert "Its quota is 5 TiB a month, which has no effect: service.yml does not say" in said_by(run(checkout, held))
    (checkout / "service.yml").write_text(SERVICE + "policy: {tib_per_month: 500}\n")
    [effect] = told(run(checkout, "--json", held))["mirrors"]  # type: ignore[misc]
    assert effect["after"]["first"] == pytest.approx(0.01, rel=0.03)
    assert effect["first_without_quota"] == pytest.approx(free["after"]["first"])
    assert "Its quota is 5 TiB a month of 500 TiB that all mirrors carry; without it, " in said_by(run(checkout, held))


def said_by(done: Result) -> str:
    return " ".join(done.stdout.split())


def assert_map(said: str, stars: int, others: int) -> None:
    """Well-formed, with a mark for each mirror, and nothing that asks the network or runs."""
    root = etree.fromstring(said.encode(), etree.XMLParser(resolve_entities=False, no_network=True))
    assert root.tag == f"{SVG}svg"
    world = root.find(f"{SVG}g[@id='world']")
    assert world is not None
    marks = [use.get("href") for use in world.iter(f"{SVG}use")]
    assert (marks.count("#changed"), marks.count("#other"), marks.count("#land")) == (stars, others, 1)
    assert root.find(f"{SVG}g[@id='legend']") is not None
    assert {each.tag.removeprefix(SVG) for each in root.iter()} <= {
        "svg", "title", "rect", "defs", "path", "g", "use", "circle", "text",
    }  # fmt: skip
    names = {name for each in root.iter() for name in each.attrib}
    assert not {name for name in names if name.lower().startswith("on") or name == "style"}
    assert all(each.get("href", "#").startswith("#") for each in root.iter())


@pytest.mark.slow
def test_counts_of_clients_decide_and_a_changed_file_is_compared_with_what_it_was(checkout: Path) -> None:
    clients = ("--clients", checkout / "clients.csv", "--format", "json")
    new = told(run(checkout, *clients, put(checkout, HEAD)))
    assert (new["clients"], new["missing"], new["refused"]) == (pytest.approx(1500), [], [])
    [mirror] = new["mirrors"]  # type: ignore[misc]
    assert (mirror["kind"], mirror["before"]) == ("new", {"first": 0, "first_three": 0})
    assert [row["country"] for row in mirror["countries"]] == ["DE", "FR"]
    assert new["others"][0]["name"] == "mirror.old.example.net"  # type: ignore[index]

    faster = checkout / FILE
    faster.write_text(HEAD + "bandwidth_mbps: 9000\n")
    [changed] = told(run(checkout, *clients, faster))["mirrors"]  # type: ignore[misc]
    assert changed["kind"] == "changed"
    assert changed["before"] == mirror["after"]
    assert changed["after"]["first"] > changed["before"]["first"]

    former = checkout / "former"
    former.mkdir()
    put(checkout, HEAD).rename(former / FILE)
    put(checkout, HEAD + "bandwidth_mbps: 9000\n")
    inside = told(run(checkout, *clients, "--before", former, checkout / "mirrors.d" / FILE))
    assert inside["mirrors"] == [changed]


def test_a_removed_file_gives_its_clients_to_others(checkout: Path) -> None:
    put(checkout, HEAD)
    clients = ("--clients", checkout / "clients.csv", "--format", "json")
    found = told(run(checkout, *clients, "--removed", f"mirrors.d/{FILE}"))
    [mirror] = found["mirrors"]  # type: ignore[misc]
    assert (mirror["kind"], mirror["after"]["first"]) == ("removed", 0)
    assert found["others"][0]["after"] > found["others"][0]["before"]  # type: ignore[index]

    done = run(checkout, *clients, "--removed", "nobody.yml")
    assert done.exit_code == 1
    assert json.loads(done.stdout)["missing"] == ["nobody.yml"]


def test_a_monopoly_that_goes_and_a_mirror_that_is_not_live_yet(checkout: Path) -> None:
    file = put(checkout, HEAD + "status: syncing\n")
    done = run(checkout, "--clients", checkout / "clients.csv", "--removed", "mirror.alone.example.net.yml", file)
    assert done.exit_code == 0
    assert "Its status is syncing, so nobody gets it yet" in done.stdout
    assert "33.3 % of all clients; 100.0 % of them get it first" in " ".join(done.stdout.split())
    assert "no other one" in " ".join(done.stdout.split())


def test_what_validate_refuses_is_not_previewed(checkout: Path) -> None:
    bad = put(checkout, HEAD + "asn: 64512\n", "\x1b[2J.yml")
    worse = put(checkout, "name: [", "b.yml")
    good = put(checkout, HEAD)
    done = run(checkout, "--clients", checkout / "clients.csv", bad, worse, good)
    assert done.exit_code == 1
    assert " ".join(done.stdout.split()).count("is not previewed, as mirrorlist validate refuses it") == 2
    assert "\x1b" not in done.output
    assert "error [yaml-syntax]" in done.stderr
    assert f"{NAME}: new" in done.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "name files to preview"),
        (("--traffic", "40GB/s", "x.yml"), "'40GB/s': write a number and one of kbit/s, Mbit/s"),
        (("--module", "nothing", "x.yml"), "there is no module 'nothing'; these are: main, kitten"),
        (("--within", "0", "x.yml"), "--within"),
        (("--map", "/nowhere/map.svg", "--clients", "{}/clients.csv", "x.yml"), "name a file that can be written"),
    ],
)
def test_a_wrong_call_is_told(checkout: Path, words: tuple[str, ...], said: str) -> None:
    done = run(checkout, *(word.replace("{}", str(checkout)) for word in words))
    assert done.exit_code == 2
    assert said in done.output


def test_a_fault_in_the_counts_is_told_with_its_line(checkout: Path) -> None:
    (checkout / "clients.csv").write_text("client,count\nGermany,1\n")
    done = run(checkout, "--clients", checkout / "clients.csv", put(checkout, HEAD))
    assert done.exit_code == 1
    assert "clients.csv:2: 'Germany' is none of these; write a country (DE)" in done.stderr


def telling(name: str, **more: object) -> Telling:
    """A telling in which a name stands wherever one can."""
    place = Location(country="DE", latitude=52.0, longitude=13.0)
    mirror = Mirror(name=name, urls={}, location=place, asns=(680,), private=True)
    effect = Effect(
        mirror=mirror,
        kind=ChangeKind.NEW,
        before=Share(),
        after=Share(0.5, 0.7),
        countries=(InCountry("DE", 0.5, Share(), Share(1, 1)), InCountry(None, 0.1, Share(), Share(0, 1))),
        systems=(InSystem(680, 0.1, Share(0.2, 0.3)),),
        own=(OwnNetworks(Proximity.ASN, 0.1, Share(1, 1), True, ((name + "x", 1.0),)),),
        nearby=(Rival(name, 10, 99_999),),
        spots=(Spot(52.0, 13.0, 100.0, 0.5), Spot(50.0, 10.0, 10.0, 0.05)),
        unserved=tuple(Unserved),
    )
    found = Preview("main", 100.0, (effect,), (ShareShift(mirror, 0.1, 0.6),), (0.0, 0.5))
    return Telling(preview=found, policy=Policy(), counted_by=f"counted in {name}", countries={"DE": name}, within_km=500,
                   rows=10, traffic_mbps=1e6, not_yet={name: Status.SYNCING}, refused=(name,), missing=(name,))  # fmt: skip


@pytest.mark.parametrize("evil", EVIL)
def test_nothing_that_a_stranger_writes_becomes_a_command_or_markup(evil: str) -> None:
    said = text(telling(evil))
    assert all(each.isprintable() or each == "\n" for each in said)
    assert not [line for line in said.splitlines() if line.lstrip().startswith("::") or "##[" in line]
    page = markdown(telling(evil))
    assert all(each.isprintable() or each == "\n" for each in page)
    assert not re.search(r"<(?!!-- -->)|\]\(|https?://|@\w|`", page)
    assert json.loads(as_json(telling(evil)))["mirrors"][0]["name"] == evil
    chart = world_map(telling(evil).preview, [])
    assert_map(chart, stars=1, others=0)


@pytest.mark.parametrize("length", range(50, 66))
def test_no_broken_line_begins_with_a_command(length: int) -> None:
    lines = text(telling(f"{'x' * length} ::error title=x::y.yml")).splitlines()
    assert any("error title=x" in line or line.startswith("title=x") for line in lines)
    assert not any(line.lstrip().startswith("::") for line in lines)


def test_the_map_of_nothing_and_of_many(checkout: Path) -> None:
    assert_map(world_map(Preview("main", 0.0, (), (), (0.0, 0.0)), []), stars=0, others=0)
    place = Location(country="DE", latitude=52.0, longitude=13.0)
    urls_of_all = {"main": {Protocol.HTTPS: "https://m.example.org/"}}
    many = [Mirror(name=f"m{number}", urls=urls_of_all, location=place) for number in range(530)]
    hidden = [Mirror(name="p", urls=urls_of_all, location=place, private=True), Mirror(name="q", urls=urls_of_all)]
    chart = world_map(telling("new").preview, [*many, *hidden])
    assert_map(chart, stars=1, others=530)
    root = etree.fromstring(chart.encode())
    for circle in root.iter(f"{SVG}circle"):
        assert 0 <= float(circle.get("cx", "-1")) <= WIDTH
        assert 0 <= float(circle.get("cy", "-1")) <= HEIGHT + 64
    assert root.find(f"{SVG}svg[@id='closer']") is not None


def test_colours_run_from_light_to_dark() -> None:
    def light(ink: str) -> float:
        red, green, blue = (int(ink[at : at + 2], 16) / 255 for at in (1, 3, 5))
        return 0.2126 * red**2.2 + 0.7152 * green**2.2 + 0.0722 * blue**2.2

    lights = [light(ink) for _, ink, _ in STEPS]
    assert all(before > 1.5 * after for before, after in pairwise(lights))
    assert [colour(part) for part in (0.1, 0.4, 0.7, 1.0, 1.0000001)] == [*(ink for _, ink, _ in STEPS), STEPS[-1][1]]


@pytest.mark.parametrize(
    ("part", "said"),
    [(0.0, "0 %"), (1.0, "100.0 %"), (0.5, "50.0 %"), (0.0123, "1.23 %"), (0.000123, "0.012 %"), (1e-9, "<0.001 %")],
)
def test_parts_in_words(part: float, said: str) -> None:
    assert percent(part) == said


def test_rates_in_words() -> None:
    assert [rate(mbps) for mbps in (0, 0.123, 9.9, 192.4, 40_000)] == [
        "0 Mbit/s", "0.12 Mbit/s", "9.9 Mbit/s", "192 Mbit/s", "40.0 Gbit/s",
    ]  # fmt: skip
