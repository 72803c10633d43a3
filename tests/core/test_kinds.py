"""Each kind of content: what its index names, when it has expired, and which files stand for plain content."""

from __future__ import annotations

import bz2
import gzip
import lzma
import time
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime
from hashlib import sha256

import pytest
import zstandard

from mirrorlist.checks.fetching.result import Fetched
from mirrorlist.checks.probing.judge import OriginHistory, index
from mirrorlist.core.content import Content, ContentKind, NamedFile
from mirrorlist.core.errors import OriginError
from mirrorlist.core.files.list_parser import ListedFile
from mirrorlist.core.health.verdicts import ProbeOutcome
from mirrorlist.core.kinds.rpm import DataFile, data_files
from mirrorlist.core.kinds.table import KINDS
from mirrorlist.core.model import MAIN, Checksummed, RepoMetadata
from mirrorlist.publishing.canaries import chosen
from mirrorlist.sources.origin.repomd import Part, named_parts
from tests.building import NOW, tar_of

PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress, "xz": lzma.compress, "zst": zstandard.ZstdCompressor().compress, "bz2": bz2.compress,
    "plain": bytes,
}  # fmt: skip


DESC = b"%FILENAME%\nbash-5-x86_64.pkg.tar.zst\n\n%CSIZE%\n205\n\n%BUILDDATE%\n1790000000\n\n"
APKINDEX = b"P:musl\nV:1.2\nA:x86_64\nS:302\nt:1790000000\n\n"
PACMAN = Content(MAIN, "core/", ContentKind.PACMAN, "core.db")
APK = Content(MAIN, "alpine/", ContentKind.APK, "APKINDEX.tar.gz")


@pytest.mark.parametrize("packed", ["gz", "xz", "zst", "bz2"])
def test_a_pacman_database_is_read_however_it_is_packed(packed: str) -> None:
    kind, body = KINDS[ContentKind.PACMAN], PACKERS[packed](tar_of({"bash-5/desc": DESC}))
    found, why = kind.named(body, PACMAN, lambda _: [])
    assert found.files == (NamedFile("core/core.files"), NamedFile("core/bash-5-x86_64.pkg.tar.zst", 205))
    assert (kind.fault(body), kind.written(body), why) == ("", 1_790_000_000, "")
    assert kind.fault(body[: len(body) // 2]) == "a list of packages that ends early"


@pytest.mark.parametrize(
    ("index", "beside"),
    [("core.db", "core.files"), ("core.db.tar.zst", "core.files.tar.zst"), ("a.db-1.db", "a.db-1.files")],
)
def test_the_list_of_files_lies_beside_a_database_whatever_that_is_called(index: str, beside: str) -> None:
    content = Content(MAIN, "core/", ContentKind.PACMAN, index)
    found, _ = KINDS[ContentKind.PACMAN].named(PACKERS["gz"](tar_of({"bash-5/desc": DESC})), content, lambda _: [])
    assert found.files[0] == NamedFile(f"core/{beside}")


@pytest.mark.parametrize("packed", ["gz", "xz", "zst", "bz2"])
def test_a_list_that_unpacks_to_gigabytes_costs_little(packed: str) -> None:
    """A mirror may send it in place of its list, and each visit would unpack it."""
    bomb = PACKERS[packed](tar_of({"big": bytes(96 << 20)}))
    tracemalloc.start()
    began = time.process_time()
    assert KINDS[ContentKind.APK].fault(bomb) == "a list of packages that ends early"
    assert time.process_time() - began < 5
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 16 << 20


@pytest.mark.parametrize("packed", ["gz", "zst"])
def test_an_index_of_apk_is_read_however_it_is_packed(packed: str) -> None:
    body = PACKERS[packed](tar_of({"DESCRIPTION": b"x", "APKINDEX": APKINDEX}))
    found, why = KINDS[ContentKind.APK].named(body, APK, lambda _: [])
    assert (found.files, why) == ((NamedFile("alpine/musl-1.2.apk", 302),), "")


@pytest.mark.parametrize("body", [b"", b"<html>no</html>", b"plain words", PACKERS["plain"](tar_of({"a/desc": DESC}))])
def test_what_is_no_packed_list_has_a_fault(body: bytes) -> None:
    assert KINDS[ContentKind.PACMAN].fault(body)
    assert KINDS[ContentKind.APK].fault(body)


REPOMD = """<repomd xmlns="http://linux.duke.edu/metadata/repo"><revision>1</revision>
<data type="odd"><location href="repodata/odd.xml"/></data>
<data type="other"><location href="repodata/other.xml"/><size>6</size><timestamp>20</timestamp></data>
<data type="modules"><location href="repodata/modules.yaml"/><size>5</size></data>
<data type="group"><location href="repodata/comps.xml"/><size>4</size></data>
<data type="updateinfo"><location href="repodata/updateinfo.xml"/><size>3</size></data>
<data type="filelists"><location href="repodata/filelists.xml"/><size>2</size><timestamp>10</timestamp></data>
<data type="primary"><location href="repodata/{primary}"/><size>1</size></data>
</repomd>
"""
PRIMARY = b"""<metadata xmlns="http://linux.duke.edu/metadata/common">
<package><size package="70"/><location href="Packages/untimed.rpm"/></package>
<package><time file="100"/><size package="71"/><location href="Packages/old.rpm"/></package>
<package><time file="300"/><size package="73"/><location href="Packages/new.rpm"/></package>
<package><time file="300"/><location href="Packages/unsized.rpm"/></package>
<package><time file="400"/><size package="9"/><location href="../outside.rpm"/></package>
</metadata>
"""


@pytest.mark.parametrize("packed", [".gz", ".xz", ".zst", ".bz2", ""])
def test_a_repomd_names_what_clients_need_first_and_its_newest_packages(packed: str) -> None:
    kind, name = KINDS[ContentKind.RPM], f"primary.xml{packed}"
    asked: list[str] = []

    def read(path: str) -> list[bytes]:
        asked.append(path)
        packer = PACKERS[packed.removeprefix(".") or "plain"]
        return [b"".join(map(packer, (PRIMARY[:200], PRIMARY[200:])))]  # packed files may be several in a row

    body = REPOMD.format(primary=name).encode()
    found, why = kind.named(body, Content(MAIN, "r/"), read)
    data = [
        f"r/repodata/{each}"
        for each in (name, "filelists.xml", "updateinfo.xml", "comps.xml", "modules.yaml", "other.xml")
    ]
    new, old, untimed = (
        NamedFile(f"r/Packages/{each}.rpm", size) for each, size in (("new", 73), ("old", 71), ("untimed", 70))
    )
    assert found.files == (
        *(NamedFile(path, size) for size, path in enumerate(data, start=1)), new, old, NamedFile("r/repodata/odd.xml"), untimed,
    )  # fmt: skip
    assert {*found.pool} == {new, old, untimed}
    assert (why, asked) == ("", [data[0]])
    assert (kind.fault(body), kind.written(body), kind.expired(body, NOW)) == ("", 20, False)


DIGEST = "a" * 64
DATE = b"Date: Thu, 01 Oct 2026 10:00:00 UTC\n"
SUMS = f"SHA256:\n {DIGEST} 5 Packages\n".encode()
SIGNED, SIGNED_END = b"-----BEGIN PGP SIGNED MESSAGE-----\n", b"-----END PGP SIGNATURE-----\n"


@pytest.mark.parametrize(
    ("kind", "body", "fault"),
    [
        *((kind, b"", "an empty file") for kind in KINDS),
        *((kind, b"<!DOCTYPE html>\n<html></html>", "an HTML page") for kind in KINDS),
        (ContentKind.RPM, b" " * 1019 + b"<html>", "an HTML page"),
        (ContentKind.RPM, b" " * 1020 + b"<html>", "not a repomd.xml"),
        (ContentKind.RPM, b"<repomd>", "a repomd.xml that ends early"),
        (ContentKind.RPM, b"<repomd></repomd>\n", ""),
        (ContentKind.APT, DATE, "not an InRelease or Release"),
        (ContentKind.APT, SUMS, "not an InRelease or Release"),
        (ContentKind.APT, b"Date: soon\n" + SUMS, "not an InRelease or Release"),
        (ContentKind.APT, DATE + SUMS, ""),
        (ContentKind.APT, SIGNED + DATE + SUMS, "an InRelease that ends early"),
        (ContentKind.APT, SIGNED + DATE + SUMS + SIGNED_END, ""),
        (ContentKind.PACMAN, b"plain words", "not a list of packages"),
        (ContentKind.APK, gzip.compress(b"no archive", mtime=0), "a list of packages that ends early"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_an_index_is_told(kind: ContentKind, body: bytes, fault: str) -> None:
    assert KINDS[kind].fault(body) == fault


def release(*rows: str, by_hash: bool = False, until: float | None = None) -> bytes:
    lines = ["Date: Thu, 01 Oct 2026 10:00:00 UTC", *(["Acquire-By-Hash: yes"] if by_hash else [])]
    if until is not None:
        lines.append(f"Valid-Until: {format_datetime(datetime.fromtimestamp(until, UTC)).replace('+0000', 'UTC')}")
    return "\n".join([*lines, "SHA256:", *(f" {DIGEST} {row}" for row in rows), ""]).encode()


def packages(name: str) -> bytes:
    packer = PACKERS.get(name.rpartition(".")[2], bytes)
    return packer(b"Package: a\nFilename: ./a_1_all.deb\nSize: 77\n\nPackage: b\nFilename: b/b.deb\nSize: 5\n\n")


@pytest.mark.parametrize("packed", ["Packages", "Packages.gz", "Packages.xz", "Packages.zst", "Packages.bz2"])
@pytest.mark.parametrize("by_hash", [False, True])
@pytest.mark.parametrize("below", ["", "stable/"])
def test_a_flat_suite_names_its_packages_file_and_packages(packed: str, by_hash: bool, below: str) -> None:
    content = Content(MAIN, f"flat/{below}", ContentKind.APT, "InRelease", "flat/", ("amd64",))
    asked: list[str] = []

    def read(path: str) -> list[bytes]:
        asked.append(path)
        return [packages(packed)]

    found, why = KINDS[ContentKind.APT].named(release(f"500 {packed}", "9 Contents.gz", by_hash=by_hash), content, read)
    listed = f"flat/{below}by-hash/SHA256/{DIGEST}" if by_hash else f"flat/{below}{packed}"
    assert found.files[0] == NamedFile(listed, 500)
    assert {*found.pool} == {NamedFile("flat/a_1_all.deb", 77), NamedFile("flat/b/b.deb", 5)}
    assert (why, asked) == ("", [listed])


def test_indexes_of_other_arches_are_none_of_a_suite_s_clients() -> None:
    content = Content(MAIN, "dists/noble/", ContentKind.APT, "InRelease", "", ("amd64",))
    body = release("5 main/binary-riscv64/Packages.gz", "0 main/binary-amd64/Packages.gz")
    found, why = KINDS[ContentKind.APT].named(body, content, lambda _: [])
    assert (found.files, why) == ((), "it names no Packages of these arches")


@pytest.mark.parametrize(("spelled", "of_debian"), [("x86_64", "amd64"), ("aarch64", "arm64"), ("riscv64", "riscv64")])
def test_an_arch_that_a_service_spells_as_rpm_does_is_found_under_its_debian_name(spelled: str, of_debian: str) -> None:
    content = Content(MAIN, "dists/noble/", ContentKind.APT, "InRelease", "", (spelled,))
    found, _ = KINDS[ContentKind.APT].named(release(f"5 main/binary-{of_debian}/Packages.gz"), content, lambda _: [])
    assert [each.path for each in found.files] == [f"dists/noble/main/binary-{of_debian}/Packages.gz"]


def test_a_packages_file_that_cannot_be_read_leaves_the_index_itself() -> None:
    def broken(path: str) -> list[bytes]:
        raise OriginError(f"{path}: status 404")

    content = Content(MAIN, "dists/noble/", ContentKind.APT, "InRelease", "", ("amd64",))
    found, why = KINDS[ContentKind.APT].named(release("5 main/binary-amd64/Packages.gz"), content, broken)
    assert found.files == (NamedFile("dists/noble/main/binary-amd64/Packages.gz", 5),)
    assert "status 404" in why


def test_a_suite_that_has_no_by_hash_as_it_promises_is_compared_by_its_plain_indexes() -> None:
    def read(path: str) -> list[bytes]:
        if "by-hash" in path:
            raise OriginError(f"{path}: status 404")
        return [packages("Packages.gz")]

    content = Content(MAIN, "flat/", ContentKind.APT, "InRelease", "flat/", ("amd64",))
    found, why = KINDS[ContentKind.APT].named(release("500 Packages.gz", by_hash=True), content, read)
    assert (found.files[0], len(found.pool), why) == (NamedFile("flat/Packages.gz", 500), 2, "")


@pytest.mark.parametrize("packed", ["Packages.gz", "Packages.xz", "Packages.bz2"])
def test_a_packages_file_that_ends_early_names_no_packages(packed: str) -> None:
    content = Content(MAIN, "flat/", ContentKind.APT, "InRelease", "flat/", ("amd64",))
    found, why = KINDS[ContentKind.APT].named(release(f"5 {packed}"), content, lambda _: [packages(packed)[:-6]])
    assert (found.pool, bool(why)) == ((), True)


def test_the_last_package_of_a_list_counts_without_a_line_after_it() -> None:
    content = Content(MAIN, "flat/", ContentKind.APT, "InRelease", "flat/", ("amd64",))
    only = b"Package: a\nFilename: ./a_1_all.deb\nSize: 77\n"
    found, _ = KINDS[ContentKind.APT].named(release("500 Packages"), content, lambda _: [only])
    assert found.pool == (NamedFile("flat/a_1_all.deb", 77),)


def test_a_release_with_long_lines_of_blanks_is_read_at_once() -> None:
    """A mirror may send it: what searches it must not go back and forth in it."""
    began = time.process_time()
    long = DATE + b"Valid-Until: x" + b" " * 1_000_000 + b"x\n" + SUMS
    assert (KINDS[ContentKind.APT].fault(long), KINDS[ContentKind.APT].expired(long, NOW)) == ("", False)
    assert time.process_time() - began < 2


def seen(body: bytes, current: bytes, history: tuple[str, ...] = ()) -> tuple[ProbeOutcome, str]:
    version = Checksummed(len(current), 1, sha256(current).hexdigest(), "")
    answer = Fetched(200, {}, body, "http://m.example.org/", "192.0.2.1", 0.1, None)
    found = index(answer, KINDS[ContentKind.APT], RepoMetadata("p", version, NOW), OriginHistory(history, 0), NOW)
    return found.outcome, found.detail


def test_an_index_whose_valid_until_is_over_is_stale_unless_the_origin_has_no_other() -> None:
    over, good = release("5 Packages", until=NOW - 60), release("5 Packages", until=NOW + 60)
    assert seen(over, good) == (ProbeOutcome.STALE, "its Valid-Until is over")
    assert seen(over, over) == (ProbeOutcome.FRESH, ""), "then every mirror has it, and no list would be left"
    assert seen(good, good) == (ProbeOutcome.FRESH, "")
    assert [KINDS[ContentKind.APT].expired(body, NOW) for body in (over, good, release("5 Packages"))] == [
        True, False, False,
    ]  # fmt: skip


DAY = 86_400


def listed(path: str, size: int, age_days: float) -> ListedFile:
    return ListedFile(path.encode(), size, int(NOW - age_days * DAY))


def test_the_newest_and_the_largest_settled_file_stand_for_plain_content() -> None:
    files = [listed(f"{number}.img", number, 30) for number in range(40)]
    files += [listed("new.img", 7, 0.1), listed("huge-and-new.img", 9999, 0.2), listed("huge.img", 5000, 9)]
    files += [listed(name, 99_999, 0) for name in ("TIME", "repodata/repomd.xml", ".hidden", "a/.tmp.x")]
    found = chosen(files, "TIME", NOW - DAY)
    assert [each.path for each in found.named.files] == ["new.img", "huge.img"]
    assert len(found.named.pool) == 24
    assert not {"new.img", "huge-and-new.img", "TIME"} & {each.path for each in found.named.pool}
    assert found.newest == int(NOW - 0.1 * DAY)
    assert chosen(reversed(files), "TIME", NOW - DAY) == found, "the order of a list does not matter"
    assert chosen(files[:-5], "TIME", NOW - DAY).version != found.version


def test_without_files_nothing_stands_for_plain_content() -> None:
    assert chosen([], None, NOW).named.files == ()
    only = chosen([listed("a", 5, 0)], None, NOW - DAY)
    assert ([each.path for each in only.named.files], only.named.pool) == (["a"], ())


FORM = '<{0}repomd{1}><{0}data type="primary"><{0}timestamp>{2}</{0}timestamp></{0}data></{0}repomd>'
PLAIN = FORM.format("", ' xmlns="http://linux.duke.edu/metadata/repo"', "1700000007.25")
REPOMDS = {
    "no declaration": PLAIN.encode(),
    "prefixes": FORM.format("rpm-md:", ' xmlns:rpm-md="urn:x"', 1_700_000_007).encode(),
    "capitals and digits": FORM.format("R2.x:", ' xmlns:R2.x="urn:x"', 1_700_000_007).encode(),
    "comments around": f"<!-- {'x' * 9000} -->{PLAIN}<!-- {'y' * 9000} --><?made by?>\n\n".encode(),
    "utf-16": f'<?xml version="1.0" encoding="UTF-16"?>{PLAIN}'.encode("utf-16"),
    "a byte order mark": PLAIN.encode("utf-8-sig"),
    "another encoding": f'<?xml version="1.0" encoding="ISO-8859-1"?><!-- \u00e9 -->{PLAIN}'.encode("latin-1"),
    "a DTD": f"<!DOCTYPE repomd [<!ELEMENT repomd ANY>]>{PLAIN}".encode(),
    "line ends": PLAIN.replace("><", ">\r\n<").encode(),
}


@pytest.mark.parametrize("body", [pytest.param(each, id=name) for name, each in REPOMDS.items()])
def test_a_repomd_is_what_an_xml_parser_takes_for_one(body: bytes) -> None:
    kind = KINDS[ContentKind.RPM]
    assert (kind.fault(body), kind.written(body)) == ("", 1_700_000_007)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"<repomd><data></repomd>", "a repomd.xml that is no XML: mismatched tag"),
        (b"<repomd/>\0", "a repomd.xml that is no XML: not well-formed"),
        (b"<repomd>" + b"<a>" * 2_000_000, "a repomd.xml that is no XML: elements in elements without end"),
        (b"<repomd>" + b"<a/>", "a repomd.xml that ends early"),
        (b"<repomd a='", "not a repomd.xml"),
        (b'<?xml version="1.0" encoding="klingon"?><repomd/>', "not a repomd.xml"),
        (b"<!--" * 1_000_000, "not a repomd.xml"),
        (b"<feed><repomd/></feed>", "not a repomd.xml"),
    ],
    ids=lambda each: each[:30] if isinstance(each, bytes) else each[:12],
)
def test_what_no_parser_takes_is_told_in_bounded_memory(body: bytes, why: str) -> None:
    assert KINDS[ContentKind.RPM].fault(body).startswith(why)


def test_files_in_other_trees_are_not_asked_for() -> None:
    base = b'xml:base="http://b.test/" '
    rows = (
        b'href="./repodata/p.xml.gz"', b'href="http://b.test/f.xml.gz"', b'href="//b.test/o.xml.gz"',
        base + b'href="repodata/u.xml.gz"', b'href="../repodata/g.xml.gz"', b"",
    )  # fmt: skip
    data = b"".join(b'<data type="primary"><location %s/><size>7</size></data>' % row for row in rows)
    assert data_files(b"<repomd>%s</repomd>" % data) == (DataFile("primary", "repodata/p.xml.gz", 7),)
    assert named_parts(b"<repomd>%s</repomd>" % data) == (Part("repodata/p.xml.gz", 7),)
