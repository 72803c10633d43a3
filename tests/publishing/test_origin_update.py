""""""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mirrorlist.core.catalogue.catalogue import Image
from mirrorlist.core.catalogue.metadata import MetadataChange
from mirrorlist.core.catalogue.service import Module, Service
from mirrorlist.core.content import ContentKind
from mirrorlist.core.model import MAIN, Checksummed, Repository
from mirrorlist.core.updates import UpdateOutcome, UpdateResult
from mirrorlist.publishing.origin_update import update_images, update_metadata, update_time_files
from mirrorlist.store.database import open_database
from mirrorlist.store.metadata import MetadataStore, OriginCheck
from mirrorlist.store.origin_faults import FaultKind
from tests.building import NOW, service
from tests.demo.servers import mirror_server

PATHS = [
    f"{version}/{repository}/{arch}/os/"
    for version, repositories in (("9.8", ["BaseOS", "AppStream"]), ("10.2", ["BaseOS", "AppStream", "PowerTools"]))
    for repository in repositories
    for arch in ("x86_64", "aarch64")
]
KITTEN = ["10-kitten/BaseOS/x86_64/os/", "10-kitten/AppStream/x86_64/os/"]
GONE = "the origin has no such file"
LACKS = "the origin has no repodata/repomd.xml there"


def _repomd(stamp: int) -> bytes:
    return (
        f'<repomd xmlns="http://linux.duke.edu/metadata/repo"><data type="primary"><timestamp>{stamp}</timestamp>'
        "</data></repomd>"
    ).encode()


def _version(stamp: int) -> Checksummed:
    data = _repomd(stamp)
    return Checksummed(len(data), stamp, hashlib.sha256(data).hexdigest(), hashlib.sha512(data).hexdigest())


def _publish(tree: Path, path: str, data: bytes) -> None:
    file = tree / path / "repodata" / "repomd.xml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)


def _service(origin: str | None, module: str = MAIN) -> Service:
    return service(origins={module: origin} if origin else {})


@pytest.fixture
def store(tmp_path: Path) -> Iterator[MetadataStore]:
    engine = open_database(tmp_path / "state")
    yield MetadataStore(engine)
    engine.dispose()


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    tree = tmp_path / "origin"
    for number, path in enumerate(PATHS):
        _publish(tree, path, _repomd(1_790_000_000 + number))
    return tree


@pytest.fixture(params=["directory", "http"])
def origin(request: pytest.FixtureRequest, tree: Path, tmp_path: Path) -> Iterator[str]:
    """One tree, read from disk and over HTTP."""
    if request.param == "directory":
        yield str(tree)
    else:
        with mirror_server(tree, tmp_path / "log") as (url, _):
            yield url


def _updated(origin: str | None, store: MetadataStore, now: float = NOW) -> list[UpdateResult]:
    return list(update_metadata(_service(origin), store, now))


def test_every_repository_that_is_published_is_asked_for_once(origin: str, store: MetadataStore) -> None:
    assert _updated(origin, store) == [UpdateResult(path, UpdateOutcome.CHANGED) for path in PATHS]
    assert store.changes() == {
        path: [MetadataChange(_version(1_790_000_000 + number), NOW)] for number, path in enumerate(PATHS)
    }


def test_each_outcome_is_told_and_what_is_known_stays(origin: str, tree: Path, store: MetadataStore) -> None:
    _updated(origin, store, NOW - 60)
    before = store.changes()
    changed, missing, failed, broken, *same = PATHS
    _publish(tree, changed, _repomd(1_780_000_000))  # another one, although its timestamp is older
    (tree / missing / "repodata" / "repomd.xml").unlink()
    _publish(tree, failed, b"<html>")
    _publish(tree, broken, b"")

    told = {done.what: done for done in _updated(origin, store)}

    assert [told[path].outcome for path in (changed, missing, failed, broken)] == [
        UpdateOutcome.CHANGED, UpdateOutcome.MISSING, UpdateOutcome.FAILED, UpdateOutcome.FAILED,
    ]  # fmt: skip
    assert [told[path] for path in same] == [UpdateResult(path, UpdateOutcome.UNCHANGED) for path in same]
    assert told[missing] == UpdateResult(missing, UpdateOutcome.MISSING, LACKS)
    for path in (failed, broken):
        assert told[path].detail.startswith(f"{path}repodata/repomd.xml: not XML: ")
    assert store.changes() == {**before, changed: [*before[changed], MetadataChange(_version(1_780_000_000), NOW)]}
    checks = store.checks()
    assert checks[changed] == checks[same[0]] == OriginCheck(NOW, None, None)
    assert checks[missing] == OriginCheck(NOW - 60, NOW, LACKS)
    assert checks[failed] == OriginCheck(NOW - 60, NOW, told[failed].detail)


def test_an_origin_that_goes_back_makes_the_older_one_current_again(
    origin: str, tree: Path, store: MetadataStore
) -> None:
    for at, stamp in enumerate((7, 9, 7, 7)):
        _publish(tree, PATHS[0], _repomd(stamp))
        _updated(origin, store, NOW + at)
    assert store.changes()[PATHS[0]] == [
        MetadataChange(_version(7), NOW), MetadataChange(_version(9), NOW + 1), MetadataChange(_version(7), NOW + 2),
    ]  # fmt: skip


def test_without_an_origin_nothing_is_asked(store: MetadataStore) -> None:
    assert _updated(None, store) == []
    assert (store.changes(), store.checks()) == ({}, {})


def test_a_module_has_an_origin_of_its_own(tmp_path: Path, store: MetadataStore) -> None:
    for path in KITTEN:
        _publish(tmp_path / "kitten", path, _repomd(5))
    found = list(update_metadata(_service(str(tmp_path / "kitten"), "kitten"), store, NOW))
    assert found == [UpdateResult(path, UpdateOutcome.CHANGED) for path in KITTEN]


def test_an_origin_that_is_not_there_is_missing_or_failed_and_nothing_is_lost(
    tmp_path: Path, tree: Path, store: MetadataStore
) -> None:
    _updated(str(tree), store, NOW - 60)
    before = store.changes()
    assert {done.outcome for done in _updated(str(tmp_path / "nowhere"), store)} == {UpdateOutcome.MISSING}
    with mirror_server(tree, tmp_path / "log") as (url, _):
        pass
    found = _updated(url, store)
    assert {done.outcome for done in found} == {UpdateOutcome.FAILED}
    assert {done.detail for done in found} == {f"{url}{path}repodata/repomd.xml: ConnectionError" for path in PATHS}
    assert store.changes() == before


def test_a_service_of_another_module_only_asks_nothing_of_main(store: MetadataStore, tree: Path) -> None:
    assert (
        list(update_metadata(service(modules={MAIN: Module(title="M")}, origins={"other": str(tree)}), store, NOW))
        == []
    )


def _with_images(origin: str) -> Service:
    of = _service(origin)
    paths = ("isos/$basearch/dvd.iso", "isos/sums")
    images = tuple(Image(path, versions=("9.8",)) for path in paths)
    return replace(of, catalogue=replace(of.catalogue, images=images))


@pytest.mark.parametrize("by_http", [False, True], ids=["directory", "http"])
def test_the_sizes_of_the_origins_images_are_noted(
    by_http: bool, store: MetadataStore, tree: Path, tmp_path: Path
) -> None:
    iso = tree / "9.8/isos/x86_64/dvd.iso"
    iso.parent.mkdir(parents=True)
    iso.write_bytes(b"x" * 700)
    (tree / "9.8/isos/sums").mkdir()
    with mirror_server(tree, tmp_path / "origin.log") as (url, _):
        of = _with_images(url if by_http else str(tree))
        found = {update.what: update.outcome for update in update_images(of, store, NOW)}
        again = {update.what: update.outcome for update in update_images(of, store, NOW)}
    assert found["9.8/isos/x86_64/dvd.iso"] is UpdateOutcome.CHANGED
    assert found["9.8/isos/aarch64/dvd.iso"] is UpdateOutcome.MISSING
    assert again["9.8/isos/x86_64/dvd.iso"] is UpdateOutcome.UNCHANGED
    assert store.sizes() | {"9.8/isos/sums": None} == {
        "9.8/isos/x86_64/dvd.iso": 700, "9.8/isos/aarch64/dvd.iso": None, "9.8/isos/sums": None,
    }  # fmt: skip


def test_an_origin_that_does_not_answer_leaves_the_sizes_as_they_were(store: MetadataStore) -> None:
    store.record_size("9.8/isos/x86_64/dvd.iso", 700, NOW)
    found = list(update_images(_with_images("http://127.0.0.1:1/"), store, NOW))
    assert {update.outcome for update in found} == {UpdateOutcome.FAILED}
    assert store.sizes() == {"9.8/isos/x86_64/dvd.iso": 700}


def _timed(tree: Path) -> Service:
    return replace(_service(str(tree)), time_file="TIME")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (f"{NOW - 60:.0f}\n", ""),
        ("soon\n", "not a time: 'soon'; write seconds since 1970"),
        ("", "not a time: ''; write"),
        (f"{NOW + 7200:.0f}", "its time lies 2.0 hours in the future"),
        (f"{NOW - 90_000:.0f}", "its time lies 25.0 hours back, longer than allowed_outdate"),
    ],
)
def test_a_time_file_that_mirrors_cannot_be_held_against_is_told(
    tree: Path, store: MetadataStore, body: str, reason: str
) -> None:
    tree.mkdir(exist_ok=True)
    (tree / "TIME").write_text(body)
    (told,) = update_time_files(_timed(tree), store, NOW)
    assert (told.what, told.outcome) == ("TIME", UpdateOutcome.FAILED if reason else UpdateOutcome.UNCHANGED)
    assert told.detail.startswith(reason)
    assert store.faults.of(FaultKind.TIME_FILE) == ({MAIN} if reason else frozenset())
    assert [each.startswith(f"The origin's time file: {reason}") for each in store.faults.sentences()] == (
        [True] if reason else []
    )


def test_a_time_file_that_is_mended_is_no_fault_any_more(tree: Path, store: MetadataStore) -> None:
    tree.mkdir(exist_ok=True)
    (missing,) = update_time_files(_timed(tree), store, NOW)
    assert (missing.outcome, missing.detail) == (UpdateOutcome.MISSING, f"{GONE}; no mirror is judged by it")
    (tree / "TIME").write_text(str(NOW))
    list(update_time_files(_timed(tree), store, NOW))
    assert (store.faults.of(FaultKind.TIME_FILE), store.checks()) == (frozenset(), {})


def test_a_time_file_that_service_yml_names_no_more_is_no_fault(tree: Path, store: MetadataStore) -> None:
    list(update_time_files(_timed(tree), store, NOW))
    assert store.faults.of(FaultKind.TIME_FILE) == {MAIN}
    list(update_time_files(_service(str(tree)), store, NOW))
    assert store.faults.sentences() == ()


def test_without_a_time_file_nothing_is_asked(tree: Path, store: MetadataStore) -> None:
    assert list(update_time_files(_service(str(tree)), store, NOW)) == []


def test_a_repomd_that_cannot_be_read_is_a_fault_until_it_can(tree: Path, store: MetadataStore) -> None:
    _publish(tree, PATHS[0], b"<html>")
    list(update_metadata(_service(str(tree)), store, NOW))
    assert store.faults.of(FaultKind.UNREADABLE) == {PATHS[0]}
    assert store.faults.sentences()[0].startswith(f"{PATHS[0]}repodata/repomd.xml: not XML")
    _publish(tree, PATHS[0], _repomd(5))
    list(update_metadata(_service(str(tree)), store, NOW))
    assert store.faults.sentences() == ()


def test_a_suite_without_inrelease_says_what_to_write_and_is_then_compared(tree: Path, store: MetadataStore) -> None:
    digest = "0" * 64
    (tree / "debian/dists/stable").mkdir(parents=True)
    release = f"Suite: stable\nDate: Fri, 01 May 2026 12:00:00 UTC\nSHA256:\n {digest} 9 main/binary-amd64/Packages\n"
    (tree / "debian/dists/stable/Release").write_text(release)
    origin = _service(str(tree))
    debian = Repository("debian", "/debian/", kind=ContentKind.APT, suites=("stable",))

    def updated(repository: Repository) -> list[UpdateResult]:
        catalogue = replace(origin.catalogue, repositories={"debian": repository})
        return list(update_metadata(replace(origin, catalogue=catalogue), store, NOW))

    path = "debian/dists/stable/"
    remedy = "the origin has Release there; write `index: Release` for it in service.yml"
    assert updated(debian) == [UpdateResult(path, UpdateOutcome.FAILED, f"{path}InRelease: {remedy}")]
    assert store.faults.of(FaultKind.UNREADABLE) == {path}
    assert updated(replace(debian, index="Release")) == [UpdateResult(path, UpdateOutcome.CHANGED)]
    assert store.current()[path] == hashlib.sha256(release.encode()).hexdigest()
    assert not store.faults.of(FaultKind.UNREADABLE)


def test_an_index_of_another_kind_says_what_to_write(tree: Path, store: MetadataStore) -> None:
    (tree / "alpine").mkdir()
    (tree / "alpine/APKINDEX.tar.gz").write_bytes(b"x")
    origin = _service(str(tree))
    catalogue = replace(origin.catalogue, repositories={"tools": Repository("tools", "/alpine/")})
    (result,) = update_metadata(replace(origin, catalogue=catalogue), store, NOW)
    what = "alpine/repodata/repomd.xml: the origin has APKINDEX.tar.gz there; write `kind: apk` for it in service.yml"
    assert result == UpdateResult("alpine/", UpdateOutcome.FAILED, what)


def test_a_repomd_without_a_timestamp_has_the_time_of_its_file(tree: Path, store: MetadataStore) -> None:
    _publish(tree, PATHS[0], b'<repomd xmlns="http://linux.duke.edu/metadata/repo"><data type="primary"/></repomd>')
    os.utime(tree / PATHS[0] / "repodata" / "repomd.xml", (0, 1_790_000_000))
    list(update_metadata(_service(str(tree)), store, NOW))
    assert store.changes()[PATHS[0]][0].version.timestamp == 1_790_000_000
