"""What an owner needs, from what the service and his file say."""

from __future__ import annotations

from typing import Any

import pytest

from mirrorlist.core.catalogue.service import Module, SyncPolicy, SyncSource, SyncSources
from mirrorlist.core.health.upstreams import ORIGIN
from mirrorlist.core.model import MAIN, Location, Protocol
from mirrorlist.core.owners.copy_sources import CopyFault, CopySeverity
from mirrorlist.core.owners.kit import KitError, kit_for, no_faults, slug_of, sync_lines
from tests.building import CITIES, mirror
from tests.kit.kits import a_service, of_two_trees, plan


def at(name: str, city: str, **fields: Any) -> SyncSource:
    country, latitude, longitude = CITIES[city]
    place = Location(country=country, latitude=latitude, longitude=longitude)
    return SyncSource(name, {MAIN: f"rsync://{name}.example.net/linux/"}, place, fields.get("mirror"))


BEHIND, DOWN, TAKEN_OUT = (
    CopyFault(CopySeverity.BEHIND, "it is stale"),
    CopyFault(CopySeverity.DOWN, "it is down"),
    CopyFault(CopySeverity.TAKEN_OUT, "it was taken out"),
)
SOURCES = SyncSources(SyncPolicy.NEAREST, (at("tokyo", "tokyo"), at("paris", "paris")))


def test_each_tree_has_a_unit_a_directory_and_a_state_of_its_own() -> None:
    kit = plan()
    assert [(each.unit, each.directory, each.state) for each in kit.modules] == [
        ("example-linux-main", "/srv/mirror/example-linux/main", "/var/lib/example-linux-main"),
        ("example-linux-kitten", "/srv/mirror/example-linux/kitten", "/var/lib/example-linux-kitten"),
    ]


def test_the_nearest_source_is_chosen_and_the_choice_explained() -> None:
    main = plan(sync=SyncSources(SyncPolicy.NEAREST, (*SOURCES.sources, at("chicago", "chicago")))).modules[0]
    assert main.source == "rsync://paris.example.net/linux/"
    assert main.why == (
        "paris (877 km away): the nearest of the project's sources that are known to be in order.",
        "The others: chicago (7083 km away), tokyo (8917 km away).",
    )


def test_a_stale_source_is_passed_over_and_that_is_told() -> None:
    sources = SyncSources(SyncPolicy.NEAREST, (at("tokyo", "tokyo"), at("paris", "paris", mirror="p.example.org")))
    own = of_two_trees()
    kit = kit_for(a_service(sync=sources), own, (own,), lambda module: {"paris": BEHIND}, "/srv")
    assert kit.modules[0].source == "rsync://tokyo.example.net/linux/"
    assert kit.modules[0].why[-1] == "paris was passed over: it is stale."


@pytest.mark.parametrize(
    ("faults", "source", "said"),
    [
        ({"paris": BEHIND, "tokyo": BEHIND}, "paris", "Of this one is known: it is stale."),
        ({"paris": DOWN, "tokyo": BEHIND}, "tokyo", "paris was passed over: it is down."),
        ({"paris": DOWN, "tokyo": DOWN}, "paris", "Of this one is known: it is down."),
        ({"paris": TAKEN_OUT, "tokyo": DOWN}, "tokyo", "paris was passed over: it was taken out."),
    ],
)
def test_while_no_source_is_in_order_the_best_is_named_and_that_is_told(
    faults: dict[str, CopyFault], source: str, said: str
) -> None:
    own, modules = mirror("m", "berlin"), {MAIN: Module(title="Main")}
    main = kit_for(a_service(sync=SOURCES, modules=modules), own, (own,), lambda module: faults, "/srv").modules[0]
    assert main.source == f"rsync://{source}.example.net/linux/"
    assert main.why[0].endswith(" km away): the best, but no source is in order now.")
    assert said in main.why


@pytest.mark.parametrize(
    ("faults", "source"),
    [
        ({"paris": BEHIND, "tokyo": BEHIND}, "rsync.example.net"),
        ({"paris": BEHIND, "tokyo": BEHIND, ORIGIN: BEHIND}, "paris.example.net"),
        ({"paris": DOWN, "tokyo": DOWN, ORIGIN: BEHIND}, "rsync.example.net"),
        ({"paris": BEHIND, "tokyo": DOWN, ORIGIN: DOWN}, "paris.example.net"),
        ({"tokyo": BEHIND, ORIGIN: DOWN}, "paris.example.net"),
    ],
)
def test_the_address_for_everybody_is_the_last_among_equals(faults: dict[str, CopyFault], source: str) -> None:
    own = mirror("m", "berlin")
    main = kit_for(a_service(sync=SOURCES), own, (own,), lambda module: faults, "/srv").modules[0]
    assert main.source == f"rsync://{source}/linux/"
    passed = sum(" was passed over: " in each for each in main.why)
    best = sum(each.startswith("Of this one is known: ") for each in main.why)
    assert passed + best == len(faults) - (ORIGIN in faults and "paris" not in faults), main.why


def test_a_mirror_that_was_taken_out_is_never_copied() -> None:
    own, modules = mirror("m", "berlin"), {MAIN: Module(title="Main")}
    service = a_service(sync=SOURCES, modules=modules)
    with pytest.raises(KitError, match=r"could copy main from \(paris was passed over: it was taken out. tokyo was"):
        kit_for(service, own, (own,), lambda module: {"paris": TAKEN_OUT, "tokyo": TAKEN_OUT}, "/srv")


def test_a_fresh_mirror_near_by_may_be_the_source() -> None:
    near = mirror("near", "prague", urls={MAIN: {
        Protocol.HTTP: "http://near.example.org/l/", Protocol.RSYNC: "rsync://near.example.org/l/"}})  # fmt: skip
    own = of_two_trees()
    service = a_service(sync=SyncSources(SyncPolicy.MIRRORS, SOURCES.sources))
    assert kit_for(service, own, (own, near), no_faults, "/srv").modules[0].source == "rsync://near.example.org/l/"


def test_who_has_no_place_copies_the_first_source_or_the_address_for_everybody() -> None:
    """The main tree is called as the distribution where its title is the usual one."""
    found = [(title, *line.split()[-2:]) for title, line in sync_lines(a_service(sync=SOURCES))]
    assert found == [
        ("Example Linux", "rsync://tokyo.example.net/linux/", "/srv/mirror/example-linux/main/"),
        ("Kitten", "rsync://rsync.example.net/kitten/", "/srv/mirror/example-linux/kitten/"),
    ]


def test_without_sources_everybody_copies_the_modules_address() -> None:
    main = plan().modules[0]
    assert (main.source, main.why) == (
        "rsync://rsync.example.net/linux/",
        ("The address that service.yml gives for everybody.",),
    )


def test_what_the_own_file_says_is_told_where_it_differs() -> None:
    own = mirror("m", "berlin", sync_source="rsync://other.example.net/linux/")
    assert plan(own).modules[0].why[-1] == (
        "The mirror's own file says that it copies rsync://other.example.net/linux/; change one of the two."
    )
    same = mirror("m", "berlin", sync_source="rsync://rsync.example.net/linux")
    assert len(plan(same).modules[0].why) == 1


@pytest.mark.parametrize(
    ("module", "own", "interval", "delay"),
    [(10_800, None, 10_800, 2700), (None, 3600, 3600, 900), (10_800, 900, 900, 225), (None, None, 10_800, 2700),
     (86_400, None, 86_400, 3500)],
)  # fmt: skip
def test_a_mirror_syncs_as_often_as_both_want(module: int | None, own: int | None, interval: int, delay: int) -> None:
    modules = {MAIN: Module(title="Main", rsync="rsync://r.example.net/l/", interval_seconds=module)}
    found = plan(mirror("m", "berlin", update_frequency_seconds=own), modules=modules).modules[0]
    assert (found.interval_seconds, found.delay_seconds) == (interval, delay)


def test_disk_has_room_for_growth_and_a_reserve() -> None:
    main, kitten = plan().modules
    assert (main.disk_gb, main.keep_free_gb) == (1125, 45)
    assert (kitten.disk_gb, kitten.keep_free_gb) == (None, 5)
    assert plan().disk_gb is None


def test_ports_and_paths_are_the_urls() -> None:
    kit = plan(of_two_trees(":8080", "", ":8730"))
    assert kit.ports == {Protocol.HTTP: (8080,), Protocol.HTTPS: (443,), Protocol.RSYNC: (8730,)}
    assert [each.web_paths for each in kit.modules] == [("/linux/",), ("/linux-kitten/",)]
    assert [each.rsync_name for each in kit.modules] == ["linux", "linux-kitten"]


@pytest.mark.parametrize(
    ("name", "slug"),
    [("Example Linux", "example-linux"), ("XCP-ng", "xcp-ng"), ("../../etc", "etc"), ("\n;$(id)", "id"), ("日本", "linux"),
     ("x" * 90, "x" * 40)],
)  # fmt: skip
def test_a_name_becomes_a_part_of_file_names(name: str, slug: str) -> None:
    assert slug_of(name) == slug


@pytest.mark.parametrize("path", ["/a%20b/", "/a;b/", "/a'b/", "/%22/", "/../x/", "/a(b)/", "/.hidden/", "/%0a/"])
def test_a_path_that_no_server_can_be_told_safely_is_refused(path: str) -> None:
    with pytest.raises(KitError, match="use a plain path"):
        plan(mirror("m", "berlin", urls={MAIN: {Protocol.HTTP: f"http://m.example.org{path}"}}))


@pytest.mark.parametrize("root", ["srv", "/", "/srv/", "/srv/../etc", "/a b", "/$(id)", "/a\nb", ""])
def test_a_directory_that_is_not_plain_is_refused(root: str) -> None:
    with pytest.raises(KitError, match="is not plain"):
        plan(root=root)


def test_without_a_source_there_is_no_kit() -> None:
    with pytest.raises(KitError, match=r"nothing is known that m.example.org could copy main from; give modules.main"):
        plan(mirror("m", "berlin"), modules={MAIN: Module(title="Main")})
