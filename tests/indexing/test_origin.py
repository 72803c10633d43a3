"""Listing the origin: from a directory, from published lists, over rsync; its checksums; and lists that lost too much."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import lzma
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import zstandard

from mirrorlist.checks.fetching.fetch import Guard
from mirrorlist.checks.probing.rsync import Bounds, installed_lister, listed_lines
from mirrorlist.core.catalogue.service import Module
from mirrorlist.core.errors import OriginError
from mirrorlist.core.files.index import File
from mirrorlist.core.model import MAIN
from mirrorlist.indexing.origin import LEAST_SHARE, list_origin, place_of
from mirrorlist.store.listings import Listings
from tests.building import NOW, service
from tests.checks.asking import LOOPBACK
from tests.indexing.daemons import HOST, needs_rsync, rsync_daemon, web_server

AT = 1_700_000_000


def write(tree: Path, path: str, data: bytes = b"x", at: int = AT) -> None:
    file = tree / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)
    os.utime(file, (at, at))


def rsync(url: str, bounds: Bounds) -> Iterator[bytes]:
    return listed_lines(url, bounds, Guard(allowed=LOOPBACK), installed_lister())


def listed(state: Path, force: bool = False, **fields: object) -> tuple[dict[str, File], str]:
    """The files that are kept, by path, and what is told."""
    made, kept = service(**fields), Listings(state, MAIN)
    place = place_of(made, MAIN, rsync)
    assert place is not None
    told = list_origin(kept, made, MAIN, place, NOW, force)
    return {file.path: file for file in kept.origin_files()}, told


def plain(tree: Path) -> None:
    write(tree, "b/a.iso", b"12345")
    write(tree, "README", b"1")
    (tree / "latest").symlink_to("b")


PLAIN = {"README": File("README", 1, AT), "b/a.iso": File("b/a.iso", 5, AT)}


@pytest.mark.slow
def test_a_directory_is_walked(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    plain(tree)
    write(tree, "b/.~tmp~/half.iso")
    write(tree, "b/bad\nname")
    write(tree, "b/back\\slash")
    os.mkfifo(tree / "pipe")
    (tree / "outside").symlink_to("/etc")
    found, told = listed(tmp_path, origins={MAIN: str(tree)})
    assert found == PLAIN
    assert "2 left out: control characters" in told
    facts = Listings(tmp_path, MAIN).origin_facts()
    assert facts is not None
    assert (facts.links, facts.files, facts.source) == ({"latest": "b"}, 2, str(tree))


@pytest.mark.slow
def test_a_directory_that_is_gone_keeps_the_former_list(tmp_path: Path) -> None:
    plain(tmp_path / "tree")
    listed(tmp_path, origins={MAIN: str(tmp_path / "tree")})
    with pytest.raises(OriginError, match="No such file"):
        listed(tmp_path, origins={MAIN: str(tmp_path / "none")})
    assert len(list(Listings(tmp_path, MAIN).origin_files())) == 2


TIME_LIST = f"[Version]\n2\n\n[Files]\n{AT}\td\t4096\tb\n{AT}\tf\t5\tb/a.iso\n{AT}\tf\t1\tREADME\n[End]\n"


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress, "xz": lzma.compress, "bz2": bz2.compress, "zst": zstandard.ZstdCompressor().compress,
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", ["fullfiletimelist", *(f"fullfiletimelist.{packed}" for packed in PACKERS)])
def test_a_published_time_list_in_a_directory_or_on_the_web(name: str, tmp_path: Path) -> None:
    packer = PACKERS.get(name.rpartition(".")[2], bytes)
    half = len(TIME_LIST) // 2
    write(tmp_path / "tree", name, packer(TIME_LIST[:half].encode()) + packer(TIME_LIST[half:].encode()))
    assert listed(tmp_path, origins={MAIN: str(tmp_path / "tree")}, file_lists={MAIN: name})[0] == PLAIN
    with web_server(tmp_path / "tree") as port:
        origin = f"http://{HOST}:{port}/"
        assert listed(tmp_path, origins={MAIN: origin}, file_lists={MAIN: name})[0] == PLAIN
        assert listed(tmp_path, file_lists={MAIN: origin + name})[0] == PLAIN
        with pytest.raises(OriginError, match="status 404"):
            listed(tmp_path, file_lists={MAIN: origin + "none"})


def test_a_list_that_real_ls_prints(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    plain(tree)
    command = ["ls", "-lR", "--time-style=full-iso"]
    printed = subprocess.run(command, cwd=tree, env={"TZ": "UTC"}, capture_output=True, check=True).stdout
    write(tmp_path, "lists/ls-lR", printed)
    assert listed(tmp_path, origins={MAIN: str(tmp_path / "lists")}, file_lists={MAIN: "ls-lR"})[0] == PLAIN


def test_a_broken_list_is_refused_whole(tmp_path: Path) -> None:
    write(tmp_path / "tree", "list.gz", gzip.compress(TIME_LIST.encode())[:-12])
    with pytest.raises(OriginError, match="ends early"):
        listed(tmp_path, origins={MAIN: str(tmp_path / "tree")}, file_lists={MAIN: "list.gz"})


def test_a_list_without_lines_is_given_up_at_once(tmp_path: Path) -> None:
    write(tmp_path / "tree", "list.gz", gzip.compress(bytes(200_000_000), 1))
    with pytest.raises(OriginError, match="a line of more than 65536 bytes"):
        listed(tmp_path, origins={MAIN: str(tmp_path / "tree")}, file_lists={MAIN: "list.gz"})


@needs_rsync
def test_a_directory_behind_rsync(tmp_path: Path) -> None:
    plain(tmp_path / "tree")
    with rsync_daemon(tmp_path / "tree", tmp_path / "rsyncd.conf") as port:
        modules = {MAIN: Module(title="Main", rsync=f"rsync://{HOST}:{port}/linux")}
        assert listed(tmp_path, modules=modules)[0] == PLAIN
        modules = {MAIN: Module(title="Main", rsync=f"rsync://{HOST}:{port}/none")}
        with pytest.raises(OriginError, match="Unknown module"):
            listed(tmp_path, modules=modules)


def test_nothing_is_listed_where_nothing_is_named() -> None:
    assert place_of(service(), MAIN, rsync) is None
    assert place_of(service(origins={MAIN: "https://origin.example.org/"}), MAIN, rsync) is None


def digest(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


@pytest.mark.slow
def test_checksums_are_read_once_and_belong_to_the_file_that_they_were_made_of(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    write(tree, "isos/a.iso", b"aaaa")
    write(tree, "isos/b.iso", b"bb")
    sums = "".join(f"{digest(data).hex()}  {name}\n" for name, data in (("a.iso", b"aaaa"), ("b.iso", b"bb")))
    write(tree, "isos/SHA256SUMS", sums.encode())
    origins = {MAIN: str(tree)}
    found, told = listed(tmp_path, origins=origins)
    assert (found["isos/a.iso"].sha256, found["isos/b.iso"].sha256) == (digest(b"aaaa"), digest(b"bb"))
    assert "2 checksums read" in told
    write(tree, "isos/b.iso", b"BB", AT + 5)
    found, told = listed(tmp_path, origins=origins)
    assert (found["isos/a.iso"].sha256, found["isos/b.iso"].sha256) == (digest(b"aaaa"), None)
    assert "checksums read" not in told
    write(tree, "isos/SHA256SUMS", f"{digest(b'BB').hex()}  b.iso\n".encode(), AT + 6)
    found, _ = listed(tmp_path, origins=origins)
    assert (found["isos/a.iso"].sha256, found["isos/b.iso"].sha256) == (digest(b"aaaa"), digest(b"BB"))


def test_checksums_of_an_origin_on_the_web(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    write(tree, "a.iso.sha256", digest(b"a").hex().encode())
    text = f"{AT}\tf\t1\ta.iso\n{AT}\tf\t64\ta.iso.sha256\n"
    write(tree, "list", text.encode())
    with web_server(tree) as port:
        found, _ = listed(tmp_path, origins={MAIN: f"http://{HOST}:{port}/"}, file_lists={MAIN: "list"})
    assert found["a.iso"].sha256 == digest(b"a")


@pytest.mark.slow
def test_checksums_that_could_not_be_read_are_read_later(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    write(tree, "list", f"{AT}\tf\t1\ta.iso\n{AT}\tf\t64\ta.iso.sha256\n".encode())
    with web_server(tree) as port:
        origin = f"http://{HOST}:{port}/"
        fields = {"origins": {MAIN: f"http://{HOST}:1/"}, "file_lists": {MAIN: origin + "list"}}
        found, told = listed(tmp_path, **fields)
        assert found["a.iso"].sha256 is None
        assert "1 files with checksums left for later" in told
        write(tree, "a.iso.sha256", digest(b"a").hex().encode())
        found, _ = listed(tmp_path, origins={MAIN: origin}, file_lists={MAIN: "list"})
    assert found["a.iso"].sha256 == digest(b"a")


@pytest.mark.slow
def test_a_list_that_lost_most_files_is_a_mistake_unless_it_is_meant(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    for number in range(40):
        write(tree, f"f{number}")
    origins = {MAIN: str(tree)}
    listed(tmp_path, origins=origins)
    for number in range(int(40 * (1 - LEAST_SHARE)) + 1):
        (tree / f"f{number}").unlink()
    with pytest.raises(OriginError, match="lists 19 files after 40"):
        listed(tmp_path, origins=origins)
    assert len(listed(tmp_path, force=True, origins=origins)[0]) == 19
    for file in tree.iterdir():
        file.unlink()
    with pytest.raises(OriginError, match="lists no file"):
        listed(tmp_path, origins=origins)
