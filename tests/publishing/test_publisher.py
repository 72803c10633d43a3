""""""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from mmdb_writer import MMDBWriter
from netaddr import IPSet

from mirrorlist.core.errors import Severity, Shrunk, SnapshotError
from mirrorlist.core.mirror import is_out_of_reach
from mirrorlist.core.model import Checksummed, Protocol, RepoMetadata, Status
from mirrorlist.core.network.addresses import KnownAddress
from mirrorlist.core.network.prefixes import spelled
from mirrorlist.core.owners.network_report import Observations, network_report
from mirrorlist.core.snapshot import Snapshot
from mirrorlist.publishing.publisher import Inputs, Publisher
from mirrorlist.sources.service.file import read_service
from mirrorlist.store.addresses import AddressStore
from mirrorlist.store.database import open_database
from mirrorlist.store.metadata import MetadataStore
from mirrorlist.store.records import Records
from mirrorlist.store.snapshot_files import NAME, read_newest, signature
from tests.building import NOW

DAY = 86_400.0
SERVICE = """\
versions: ["9"]
arches: {"9": [x86_64]}
repos:
  - name: baseos
    path: BaseOS/$basearch/os/
"""
PATH = "9/BaseOS/x86_64/os/"
A = Checksummed(1000, 1_790_000_000, "a" * 64, "a" * 128)
B = Checksummed(1000, 1_780_000_000, "b" * 64, "b" * 128)
BROKEN = "name: [\n"
PLACE = "geolocation: {country: DE, latitude: 52.5, longitude: 13.4}\n"


CONTACTS = "email: admin@private.example.org\ncontact_name: Private Person\n"


class Site:
    """The files of a service in one directory, and publishers of it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.mirrors = directory / "mirrors.d"
        self.state = directory / "state"
        self.mirrors.mkdir()
        self.serve(SERVICE)
        self.engine = open_database(self.state)
        self.store = MetadataStore(self.engine)
        self.keys = (bytes([number]) * 32 for number in itertools.count(1))

    def serve(self, text: str) -> None:
        (self.directory / "service.yml").write_text(text)

    def add(self, *names: str, text: str = "", suffix: str = ".yml") -> None:
        for name in names:
            content = text or f"name: {name}.example.org\naddress: {{https: https://{name}.example.org/}}\n{PLACE}"
            (self.mirrors / f"{name}.example.org{suffix}").write_text(content)

    def publisher(self) -> Publisher:
        """As a process that has just started."""
        config = self.directory / "service.yml"
        return Publisher(Inputs(config), Records(lambda: self.engine), read_service(config)[0], lambda: next(self.keys))

    def database(self, name: str, country: str) -> str:
        path = self.directory / name
        writer = MMDBWriter(6, "GeoLite2-Country", languages=["en"], ipv4_compatible=True)
        writer.insert_network(IPSet(["192.0.2.0/24"]), {"country": {"iso_code": country}})
        writer.to_db_file(str(path))
        return str(path)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path)
    yield site
    site.engine.dispose()


def _names(snapshot: Snapshot) -> list[str]:
    return [mirror.name.partition(".")[0] for mirror in snapshot.mirrors]


def _country(snapshot: Snapshot) -> str | None:
    """Where 192.0.2.1 is taken to be."""
    return snapshot.facts.places[snapshot.located.at(bytes([192, 0, 2, 1]))].country


def test_the_first_generation_has_a_new_key_and_is_on_disk(site: Site) -> None:
    site.add("b", "a")
    snapshot = site.publisher().publish(NOW)
    facts = snapshot.facts
    assert (facts.generation, facts.built_at, facts.key, _names(snapshot)) == (1, NOW, b"\1" * 32, ["a", "b"])
    assert read_newest(site.state).facts == facts


def test_what_is_compiled_only_is_not_written(site: Site) -> None:
    site.add("a")
    assert _names(site.publisher().compiled(NOW)) == ["a"]
    with pytest.raises(SnapshotError):
        read_newest(site.state)


@pytest.mark.slow
def test_generations_count_on_and_the_key_stays_also_after_a_restart(site: Site) -> None:
    site.add("a")
    first = site.publisher()
    found = [first.publish(NOW).facts, first.publish(NOW + 1).facts]
    second = site.publisher()
    found += [second.publish(NOW + 2).facts, first.publish(NOW + 3).facts]
    assert [(facts.generation, facts.key) for facts in found] == [(n, b"\1" * 32) for n in (1, 2, 3, 4)]


@pytest.mark.slow
def test_no_number_is_used_twice_when_the_current_file_is_damaged(site: Site) -> None:
    site.add("a")
    for _ in range(3):
        site.publisher().publish(NOW)
    (site.state / NAME).write_bytes(b"damaged")
    facts = site.publisher().publish(NOW).facts
    assert (facts.generation, facts.key) == (4, b"\1" * 32)


@pytest.mark.slow
def test_publishers_at_once_write_one_generation_after_the_other(site: Site) -> None:
    site.add("a")
    found: list[tuple[int, bytes]] = []

    def publish() -> None:
        publisher = site.publisher()
        for _ in range(2):
            facts = publisher.publish(NOW).facts
            found.append((facts.generation, facts.key))

    threads = [threading.Thread(target=publish) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(generation for generation, _ in found) == list(range(1, 7))
    assert len({key for _, key in found}) == 1


def test_a_fingerprint_stays_while_nothing_changes(site: Site) -> None:
    site.add("a", "b")
    publisher = site.publisher()
    now = NOW // 600 * 600
    first = publisher.fingerprint(now)
    publisher.publish(now)
    assert publisher.fingerprint(now) == publisher.fingerprint(now + 599) == first
    site.store.record(PATH, A, NOW)
    changed = publisher.fingerprint(now)
    site.store.record(PATH, A, NOW + 1)
    site.store.failed(PATH, "no", NOW + 2)
    assert publisher.fingerprint(now) == changed


def _edit(path: Path) -> None:
    path.write_text(path.read_text() + "\n")


CHANGES: dict[str, Callable[[Site], object]] = {
    "a mirror file is edited": lambda site: _edit(site.mirrors / "a.example.org.yml"),
    "a mirror file is replaced by one of its size": lambda site: _replaced(site.mirrors / "a.example.org.yml"),
    "a mirror file is added": lambda site: site.add("c"),
    "a mirror file is deleted": lambda site: (site.mirrors / "a.example.org.yml").unlink(),
    "a mirror file is renamed": lambda site: (site.mirrors / "a.example.org.yml").rename(site.mirrors / "x.yml"),
    "the service file is edited": lambda site: _edit(site.directory / "service.yml"),
    "the service file is gone": lambda site: (site.directory / "service.yml").unlink(),
    "metadata is new": lambda site: site.store.record(PATH, B, NOW),
    "alternates are expired": lambda site: site.store.expire_alternates([PATH]),
    "a database is replaced": lambda site: site.database("g.mmdb", "FR"),
    "a database is gone": lambda site: (site.directory / "g.mmdb").unlink(),
    "cloud ranges come": lambda site: (site.directory / "aws.json").write_text("{}"),
    "the mirrors are gone": lambda site: site.mirrors.rename(site.directory / "elsewhere"),
}


def _replaced(path: Path) -> None:
    new = path.with_suffix(".new")
    new.write_bytes(path.read_bytes())
    new.replace(path)


@pytest.mark.parametrize("change", CHANGES)
def test_a_fingerprint_changes_with_every_input(site: Site, change: str) -> None:
    site.add("a", "b")
    site.database("g.mmdb", "DE")
    site.serve(SERVICE + "geo:\n  databases: [g.mmdb]\n  clouds: {aws: aws.json}\n")
    site.store.record(PATH, B, NOW)
    site.store.record(PATH, A, NOW)
    publisher = site.publisher()
    before = publisher.fingerprint(NOW)
    CHANGES[change](site)
    assert publisher.fingerprint(NOW) != before


def test_a_fingerprint_changes_with_the_hour_because_dates_come_true(site: Site) -> None:
    publisher = site.publisher()
    assert publisher.fingerprint(NOW) != publisher.fingerprint(NOW + 600)


@pytest.mark.slow
def test_dates_in_a_file_come_true(site: Site) -> None:
    site.add(
        "a", text="name: a.example.org\naddress: {https: https://a/}\nstatus: paused\nstatus_until: '2026-11-21'\n"
    )
    noon = 1_795_262_400.0  # 2026-11-21 12:00 UTC
    statuses = [site.publisher().publish(noon + days * DAY).mirrors[0].status for days in (-1, 0, 0.49, 0.51)]
    assert statuses == [Status.PAUSED, Status.PAUSED, Status.PAUSED, Status.LIVE]


def test_a_changed_mirror_file_is_taken_up(site: Site) -> None:
    site.add("a", "b")
    publisher = site.publisher()
    before = publisher.publish(NOW)
    site.add("a", text="name: a.example.org\naddress: {https: https://elsewhere.example.org/}\n" + PLACE)
    after = publisher.publish(NOW + 1)
    assert after.mirrors == (
        replace(before.mirrors[0], urls={"main": {"https": "https://elsewhere.example.org/"}}), before.mirrors[1],
    )  # fmt: skip


@pytest.mark.slow
def test_a_mirror_file_that_breaks_keeps_its_mirror_for_seven_days(site: Site) -> None:
    site.add("a", "b")
    publisher = site.publisher()
    good = publisher.publish(NOW)
    site.add("a", text=BROKEN)
    for days in (0.0, 6.99):
        found = publisher.publish(NOW + days * DAY)
        assert found.mirrors == good.mirrors
        assert [Path(finding.path).name for finding in found.facts.findings if finding.severity is Severity.ERROR] == [
            "a.example.org.yml"
        ]
    assert _names(publisher.publish(NOW + 7 * DAY)) == ["b"]


def test_a_cold_start_leaves_a_broken_file_out(site: Site) -> None:
    site.add("a", "b")
    site.publisher().publish(NOW)
    site.add("a", text=BROKEN)
    assert _names(site.publisher().publish(NOW)) == ["b"]


def test_a_deleted_file_is_gone_at_once_also_while_it_is_broken(site: Site) -> None:
    site.add("a", "b", "c")
    publisher = site.publisher()
    publisher.publish(NOW)
    site.add("b", text=BROKEN)
    publisher.publish(NOW)
    (site.mirrors / "a.example.org.yml").unlink()
    (site.mirrors / "b.example.org.yml").unlink()
    assert _names(publisher.publish(NOW)) == ["c"]


@pytest.mark.slow
@pytest.mark.parametrize("text", ["versions: 5\n", "", BROKEN, None])
def test_a_service_file_that_breaks_leaves_the_former_in_force(site: Site, text: str | None) -> None:
    site.add("a")
    site.serve(SERVICE + "name: Linux\n")
    publisher = site.publisher()
    former = publisher.publish(NOW).facts.service
    if text is None:
        (site.directory / "service.yml").unlink()
    else:
        site.serve(text)
    site.add("b")
    found = publisher.publish(NOW)
    assert (found.facts.service, _names(found)) == (former, ["a", "b"])
    assert any(finding.severity is Severity.ERROR for finding in found.facts.findings)
    site.serve(SERVICE + "name: Better\n")
    repaired = publisher.publish(NOW).facts
    assert (repaired.service.name, publisher.service.name, repaired.findings) == ("Better", "Better", ())


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:100])


@pytest.mark.slow
@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(_truncate, id="truncated"),
        pytest.param(lambda path: path.write_bytes(b""), id="empty", marks=pytest.mark.slow),
        pytest.param(Path.unlink, id="gone", marks=pytest.mark.slow),
    ],
)
def test_a_database_that_breaks_leaves_the_former_in_force(site: Site, damage: Callable[[Path], object]) -> None:
    site.add("a")
    site.serve(SERVICE + "geo: {databases: [g.mmdb]}\n")
    path = Path(site.database("g.mmdb", "DE"))
    publisher = site.publisher()
    assert _country(publisher.publish(NOW)) == "DE"
    damage(path)
    site.add("b")
    for _ in range(2):
        found = publisher.publish(NOW)
        assert (_country(found), _names(found)) == ("DE", ["a", "b"])
    site.database("g.mmdb", "FR")
    assert _country(publisher.publish(NOW)) == "FR"


@pytest.mark.slow
def test_cloud_ranges_that_break_leave_the_former_in_force(site: Site) -> None:
    site.add("a")
    site.serve(SERVICE + "geo: {clouds: {gcp: gcp.json}}\n")
    ranges = site.directory / "gcp.json"
    ranges.write_text(json.dumps({"prefixes": [{"ipv4Prefix": "192.0.2.0/24", "scope": "europe-west3"}]}))
    publisher = site.publisher()

    def region() -> tuple[str, str] | None:
        found = publisher.publish(NOW)
        return found.facts.classes[found.networks.at(bytes([192, 0, 2, 1]))].cloud

    assert region() == ("gcp", "europe-west3")
    ranges.write_text("{")
    assert region() == region() == ("gcp", "europe-west3")
    ranges.write_text('{"prefixes": []}')
    assert region() is None


def test_a_cold_start_with_a_broken_database_knows_no_places_and_serves(site: Site) -> None:
    site.add("a")
    site.serve(SERVICE + "geo: {databases: [g.mmdb]}\n")
    found = site.publisher().publish(NOW)
    assert (_country(found), _names(found)) == (None, ["a"])


ELEVEN = [f"m{number:02}" for number in range(11)]


def _break(site: Site, names: list[str]) -> None:
    for name in names:
        next(site.mirrors.glob(f"{name}.*")).write_text(BROKEN)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("broken", "refused", "suffix"),
    [
        (3, False, ".yml"),
        (4, True, ".yml"),
        (11, True, ".yml"),
        (4, True, ".yaml"),
        (3, False, "-file.yml"),
        (4, True, "-file.yml"),
    ],
)
def test_a_generation_that_lost_more_than_three_tenths_is_refused(
    site: Site, broken: int, refused: bool, suffix: str
) -> None:
    """Whatever the files are called: a name other than the mirror's is no more than a warning."""
    site.add(*ELEVEN, suffix=suffix)
    site.publisher().publish(NOW)
    _break(site, ELEVEN[:broken])
    if not refused:
        assert _names(site.publisher().publish(NOW)) == ELEVEN[broken:]
        return
    before = signature(site.state / NAME)
    with pytest.raises(Shrunk) as caught:
        site.publisher().publish(NOW)
    assert signature(site.state / NAME) == before
    assert str(caught.value).startswith(f"{broken} of 11 mirrors are lost, but their files were not deleted;")
    assert "mirrorlist publish --force" in str(caught.value)
    assert "First gone: m00.example.org" in str(caught.value)


def test_up_to_ten_mirrors_are_not_guarded(site: Site) -> None:
    site.add(*ELEVEN[:10])
    site.publisher().publish(NOW)
    _break(site, ELEVEN[:9])
    assert _names(site.publisher().publish(NOW)) == ["m09"]


@pytest.mark.slow
def test_mirrors_deleted_on_purpose_do_not_count(site: Site) -> None:
    site.add(*ELEVEN)
    publisher = site.publisher()
    publisher.publish(NOW)
    _break(site, ELEVEN[8:])
    for name in ELEVEN[:7]:
        (site.mirrors / f"{name}.example.org.yml").unlink()
    assert _names(publisher.publish(NOW)) == ELEVEN[7:]  # broken ones are kept
    assert _names(site.publisher().publish(NOW)) == ["m07"]


def test_mirrors_renamed_inside_their_files_do_not_count(site: Site) -> None:
    site.add(*ELEVEN)
    site.publisher().publish(NOW)
    for name in ELEVEN:
        site.add(name, text=f"name: new-{name}.example.org\naddress: {{https: https://{name}.example.org/}}\n")
    assert _names(site.publisher().publish(NOW)) == [f"new-{name}" for name in ELEVEN]


@pytest.mark.parametrize("how", ["empty", "gone"])
def test_a_directory_without_any_mirror_is_refused(site: Site, how: str) -> None:
    site.add(*ELEVEN)
    publisher = site.publisher()
    publisher.publish(NOW)
    for path in site.mirrors.iterdir():
        path.unlink()
    if how == "gone":
        site.mirrors.rmdir()
    for refusing in (publisher, site.publisher()):
        with pytest.raises(Shrunk):
            refusing.publish(NOW)
    assert len(read_newest(site.state).mirrors) == 11


@pytest.mark.slow
def test_force_publishes_whatever_is_left_and_the_guard_goes_on_from_there(site: Site) -> None:
    site.add(*ELEVEN)
    site.publisher().publish(NOW)
    _break(site, ELEVEN[1:])
    with pytest.raises(Shrunk):
        site.publisher().publish(NOW)
    assert _names(site.publisher().publish(NOW, force=True)) == ["m00"]
    assert _names(site.publisher().publish(NOW)) == ["m00"]


def test_a_refused_generation_is_published_once_the_files_are_repaired(site: Site) -> None:
    site.add(*ELEVEN)
    site.publisher().publish(NOW)
    _break(site, ELEVEN)
    publisher = site.publisher()
    with pytest.raises(Shrunk):
        publisher.publish(NOW)
    site.add(*ELEVEN)
    found = publisher.publish(NOW)
    assert (_names(found), found.facts.generation) == (ELEVEN, 2)


@pytest.mark.slow
def test_metadata_appears_with_its_alternates_and_they_end(site: Site) -> None:
    site.add("a")
    publisher = site.publisher()
    assert publisher.publish(NOW).facts.metadata == {}
    site.store.record(PATH, A, NOW)
    assert publisher.publish(NOW).facts.metadata == {PATH: RepoMetadata(PATH, A, NOW)}
    site.store.record(PATH, B, NOW + DAY)
    for days in (1.0, 4.99):
        assert publisher.publish(NOW + days * DAY).facts.metadata == {PATH: RepoMetadata(PATH, B, NOW + DAY, (A,))}
    assert publisher.publish(NOW + 5 * DAY).facts.metadata == {PATH: RepoMetadata(PATH, B, NOW + DAY)}


def test_the_policy_says_how_long_alternates_are_accepted(site: Site) -> None:
    site.add("a")
    site.serve(SERVICE + "policy: {alternates_days: 0.5}\n")
    site.store.record(PATH, A, NOW - DAY)
    site.store.record(PATH, B, NOW)
    alternates = [site.publisher().publish(NOW + days * DAY).facts.metadata[PATH].alternates for days in (0.49, 0.51)]
    assert alternates == [(A,), ()]


def test_who_answers_for_a_mirror_is_in_no_snapshot(site: Site) -> None:
    """Snapshots go to every machine that answers, and what is not there cannot leak from there."""
    site.add("a", text=f"name: a.example.org\naddress: {{https: https://a.example.org/}}\n{PLACE}{CONTACTS}")
    site.publisher().publish(NOW)
    written = (site.state / NAME).read_bytes()
    assert b"a.example.org" in written
    assert b"private.example.org" not in written
    assert b"Private Person" not in written


BAD = """\
name: bad.example.org
address:
  http: http://169.254.169.254/latest/
  https: https://bad.example.org/
sponsor: "Ex\u202eample"
subnets: [128.0.0.0/1, 59.1.2.0/24]
"""


def test_what_a_judge_would_refuse_is_not_served_also_when_the_file_breaks_later(site: Site) -> None:
    site.add("a")
    site.add("bad", text=BAD + PLACE)
    publisher = site.publisher()
    for text in (None, BROKEN):
        if text:
            site.add("bad", text=text)
        snapshot = publisher.publish(NOW)
        bad = next(each for each in snapshot.mirrors if each.name == "bad.example.org")
        assert dict(bad.urls["main"]) == {Protocol.HTTPS: "https://bad.example.org/"}
        assert (bad.sponsor, list(map(spelled, bad.subnets))) == ("Example", ["59.1.2.0/24"])
        told = {
            (each.line, str(each.code)) for each in snapshot.facts.findings if each.path.endswith("bad.example.org.yml")
        }
        assert {(3, "host-not-public"), (5, "hidden-character"), (6, "reserved-network")} <= told
        assert [each.mirror for each in network_report(snapshot.facts, Observations(), NOW).withheld] == [bad.name] * 3
    assert read_newest(site.state).facts == snapshot.facts


@pytest.mark.slow
def test_a_claim_in_force_is_kept_against_one_that_comes_later(site: Site) -> None:
    alone = "private: true\nmonopoly: true\nsubnets: [59.1.2.0/24]\n"
    site.add("old", text=f"name: old.example.org\naddress: {{https: https://old.example.org/}}\n{alone}")
    publisher = site.publisher()
    publisher.publish(NOW)
    site.add("new", text=f"name: new.example.org\naddress: {{https: https://new.example.org/}}\n{alone}")
    for each in (publisher, publisher, site.publisher()):
        found = {mirror.name: list(map(spelled, mirror.subnets)) for mirror in each.publish(NOW).mirrors}
        assert found == {"new.example.org": [], "old.example.org": ["59.1.2.0/24"]}


@pytest.mark.slow
def test_pairs_that_do_not_work_are_resolved_by_the_addresses_of_mirrors_and_clients(site: Site) -> None:
    """8.8.8.8 is in AS15169 by the data that comes with the program."""
    site.add("a", "b")
    site.serve(SERVICE + "reach: {AS15169: {AS64510: never}, DE: {b.example.org: +700, c.example.org: never}}\n")
    AddressStore(site.engine).record({"a.example.org": [KnownAddress("192.0.2.9", 64510)]}, NOW)
    publisher = site.publisher()
    for now, each in ((NOW, publisher), (NOW + 1, site.publisher())):
        snapshot = each.publish(now)
        google = snapshot.facts.places[snapshot.located.at(bytes([8, 8, 8, 8]))]
        assert (google.asn, google.country) == (15169, "US")
        assert [[pair.km for pair in mirror.pairs] for mirror in snapshot.mirrors] == [[None], [700]]
        assert [is_out_of_reach(mirror, google) for mirror in snapshot.mirrors] == [True, False]
        counted = [each.concerned for each in network_report(snapshot.facts, Observations(), NOW).pairs]
        assert counted == [1, 1, 0]
    assert read_newest(site.state).facts == snapshot.facts
    site.serve(SERVICE)
    snapshot = publisher.publish(NOW + 2)
    assert {place.asn for place in snapshot.facts.places} == {None}
    assert [mirror.pairs for mirror in snapshot.mirrors] == [(), ()]
    assert [mirror.systems for mirror in snapshot.mirrors] == [(64510,), ()]


def test_two_files_with_one_address_are_told_how_to_become_one(site: Site) -> None:
    site.add("a")
    site.add("b", text="name: b.example.org\naddress: {https: https://a.example.org/}\n" + PLACE)
    told = [each for each in site.publisher().publish(NOW).facts.findings if each.code == "duplicate-url"]
    assert [(Path(each.path).name, each.line) for each in told] == [("b.example.org.yml", 2)]
    assert "is that of 'a.example.org.yml' too; for one name with many places keep one file" in told[0].message


def test_places_of_a_file_are_found_and_no_address_moves_them(site: Site) -> None:
    many = "name: many.example.org\naddress: {https: https://many.example.org/}\n"
    site.add("many", text=many + "places: [{country: DE, city: Berlin}, {country: JP, city: Tokyo}]\n")
    site.add("cdn", text=many.replace("many", "cdn") + "global: true\ngeolocation: {country: US}\n")
    known = [KnownAddress("8.8.8.8", 15169)]
    AddressStore(site.engine).record({"many.example.org": known, "cdn.example.org": known}, NOW)
    snapshot = site.publisher().publish(NOW)
    cdn, found = snapshot.mirrors
    assert (cdn.is_global, cdn.places, cdn.location and cdn.location.country) == (True, (), "US")
    assert found.location is not None
    assert [(each.city, round(each.latitude or 0)) for each in (found.location, *found.places)] == [
        ("Berlin", 53), ("Tokyo", 36),
    ]  # fmt: skip
    assert [each for each in snapshot.facts.findings if "place" in each.code] == []


@pytest.mark.slow
@pytest.mark.parametrize("harm", ["replayed", "broken", "missing", "newer"])
def test_a_snapshot_that_somebody_changed_is_noticed_and_published_anew(site: Site, harm: str) -> None:
    site.add("a")
    publisher = site.publisher()
    publisher.publish(NOW)
    file = site.state / NAME
    former = file.read_bytes()
    publisher.publish(NOW + 1)
    assert publisher.is_in_place()
    if harm == "newer":
        site.publisher().publish(NOW + 2)
        assert publisher.is_in_place()
        return
    file.unlink()
    if harm != "missing":
        file.write_bytes(former if harm == "replayed" else former[:-1])
    assert not publisher.is_in_place()
    assert publisher.publish(NOW + 3).facts.generation == 3
    assert publisher.is_in_place()
    assert read_newest(site.state).facts.key == b"\1" * 32
