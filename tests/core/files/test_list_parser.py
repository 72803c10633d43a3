"""Lists as text: the formats, and what a stranger may not write into one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirrorlist.core.files.list_parser import (
    LARGEST,
    LONGEST_PATH,
    Directory,
    Line,
    ListedFile,
    Refusal,
    SymbolicLink,
    checksums,
    leads_to,
    ls_lines,
    path_refusal,
    publishes_checksums,
    rsync_lines,
    time_list_lines,
)

AT = 1_704_164_645  # 2024-01-02 03:04:05


def rsync(path: bytes, size: bytes = b"7", mode: bytes = b"-rw-r--r--") -> list[Line]:
    return list(rsync_lines([mode + b"  " + size.rjust(14) + b" 2024/01/02 03:04:05 " + path]))


@pytest.mark.parametrize(
    "path",
    [
        b"a",
        b".treeinfo",
        b"9/a b/c",
        "ü/ñ".encode(),
        b" leading",
        b"trailing ",
        b"a\xc3\xa4",
        b"a..b/...",
        b"~x",
        b"-e",
    ],
)
def test_a_plain_path_is_taken_as_it_is(path: bytes) -> None:
    assert rsync(path) == [ListedFile(path, 7, AT)]


@pytest.mark.parametrize(
    ("path", "refusal"),
    [
        (b"/etc/passwd", Refusal.PATH), (b"../x", Refusal.PATH), (b"a/../../x", Refusal.PATH), (b"a/..", Refusal.PATH),
        (b"..", Refusal.PATH), (b".", Refusal.PATH), (b"./a", Refusal.PATH), (b"a//b", Refusal.PATH),
        (b"a/", Refusal.PATH), (b"a\rb", Refusal.CHARACTERS), (b"a\tb", Refusal.CHARACTERS),
        (b"a\x1b[2Jb", Refusal.CHARACTERS), (b"a\x00b", Refusal.CHARACTERS), (b"a\x7f", Refusal.CHARACTERS),
        (b"a\\b", Refusal.CHARACTERS), (b"a\xc2\x85b", Refusal.CHARACTERS), (b"a\xffb", Refusal.CHARACTERS),
        ("a\u202eb".encode(), Refusal.CHARACTERS), ("a\u2028b".encode(), Refusal.CHARACTERS),
        (b"a" * (LONGEST_PATH + 1), Refusal.LENGTH),
    ],
)  # fmt: skip
def test_a_path_that_could_do_harm_is_refused(path: bytes, refusal: Refusal) -> None:
    assert rsync(path) == [refusal]
    assert list(time_list_lines([b"1\tf\t1\t" + path])) in ([refusal], [ListedFile(path[2:], 1, 1)])


@pytest.mark.parametrize("size", [b"9" * 20, str(LARGEST + 1).encode(), b"9" * 5000])
def test_a_size_that_no_file_has_is_refused(size: bytes) -> None:
    assert rsync(b"a", size) == [Refusal.SIZE]


@pytest.mark.parametrize(
    "line",
    [
        b"rsync: hello", b"-rw-r--r-- x 2024/01/02 03:04:05 a", b"-rw-r--r-- 1 2024/13/02 03:04:05 a",
        b"-rw-r--r-- 1 0000/01/02 03:04:05 a", b"-rw-r--r-- -1 2024/01/02 03:04:05 a", b"-rw-r--r-- 1 2024/01/02 a",
        b"lrwxrwxrwx 1 2024/01/02 03:04:05 a",
    ],
)  # fmt: skip
def test_what_is_no_line_of_rsync_is_told(line: bytes) -> None:
    assert list(rsync_lines([line])) == [Refusal.FORMAT]


def test_directories_and_partial_files_are_passed_over() -> None:
    assert rsync(b".", mode=b"drwxr-xr-x") == [Directory(b"", True)]
    assert rsync(b"9/.~tmp~/a.rpm") == [None]
    assert rsync(b".~tmp~/a.rpm") == [None]
    assert rsync(b"9/x.~tmp~y") == [ListedFile(b"9/x.~tmp~y", 7, AT)]
    assert rsync(b"null", mode=b"crw-rw-rw-") == [None]


@pytest.mark.parametrize(
    ("link", "target"),
    [
        (SymbolicLink(b"9", b"9.8"), b"9.8"), (SymbolicLink(b"a/9", b"9.8/os"), b"a/9.8/os"), (SymbolicLink(b"a/9", b"../b/./c"), b"b/c"),
        (SymbolicLink(b"a/9", b"../../b"), None), (SymbolicLink(b"a", b"/etc"), None), (SymbolicLink(b"a", b"."), None),
        (SymbolicLink(b"a", b"b\x01c"), None), (SymbolicLink(b"a/b", b".."), None),
    ],
)  # fmt: skip
def test_a_link_leads_inside_the_tree_or_nowhere(link: SymbolicLink, target: bytes | None) -> None:
    assert leads_to(link) == target


def test_links_of_rsync() -> None:
    assert rsync(b"9 -> 9.8", mode=b"lrwxrwxrwx") == [SymbolicLink(b"9", b"9.8")]


def test_a_time_list() -> None:
    text = b"[Version]\n2\n\n[Files]\n1700000000\td\t4096\t9\n1700000001\tf\t12\t9/a b.iso\n5\tl\t3\t9/link\n"
    text += b"7\tf-\t9\t9/secret\n[Checksums SHA1]\nabc\tx\n[End]\n"
    found = [line for line in time_list_lines(text.split(b"\n")) if line is not None]
    assert found == [ListedFile(b"9/a b.iso", 12, 1_700_000_001)]


@pytest.mark.parametrize(
    "line",
    [b"1\tf\t1", b"x\tf\t1\ta", b"-1\tf\t1\ta", b"9" * 13 + b"\tf\t1\ta", b"9" * 5000 + b"\tf\t1\ta", b"1 f 1 a"],
)
def test_what_is_no_line_of_a_time_list_is_told(line: bytes) -> None:
    assert list(time_list_lines([line])) == [Refusal.FORMAT]


def test_a_time_beyond_reason_is_unknown() -> None:
    assert list(time_list_lines([b"999999999999\tf\t1\ta"])) == [ListedFile(b"a", 1, -1)]


def test_a_list_of_ls() -> None:
    text = b""".:
total 8
drwxr-xr-x 3 root root 4096 2024-01-02 03:04 9
-rw-r--r-- 1 root root   12 2024-01-02 03:04 README
-rw-r--r-- 1 root root   12 2024-01-02 03:04:05.000000000 +0000 FULL
lrwxrwxrwx 1 root root    1 2024-01-02 03:04 latest -> 9

./9:
total 4
-rw-r--r-- 1 1176 1176  345 Jan  2 03:04 a b.iso
-rw-r--r-- 1 1176 1176  345 Jan  2  2023 year: 2.iso
"""
    found = [line for line in ls_lines(text.split(b"\n")) if line is not None]
    assert found == [
        ListedFile(b"README", 12, AT - 5),
        ListedFile(b"FULL", 12, AT),
        SymbolicLink(b"latest", b"9"),
        ListedFile(b"9/a b.iso", 345, -1),
        ListedFile(b"9/year: 2.iso", 345, -1),
    ]


@given(st.lists(st.binary(max_size=200), max_size=20))
def test_no_bytes_do_harm(lines: list[bytes]) -> None:
    for parse in (rsync_lines, time_list_lines, ls_lines):
        for found in parse(lines):
            if isinstance(found, ListedFile | SymbolicLink):
                assert path_refusal(found.path) is None
                assert found.path.decode().isprintable()


A, B = "a" * 64, "B" * 64


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("x.iso.sha256", True), ("x.img.xz.sha", True), ("SHA256SUMS", True), ("sha256sum.txt", True),
        ("CHECKSUM", True), ("Fedora-40-x86_64-CHECKSUM", True), ("x.SHA256SUM", True), ("x.iso", False),
        ("SHA512SUMS", True), ("x.iso.sha512", True), ("x.sha384", False), ("checksum.py", False), ("x.sha256.asc", False),
    ],
)  # fmt: skip
def test_names_that_say_so(name: str, expected: bool) -> None:
    assert publishes_checksums(f"9/isos/{name}".encode()) is expected


def found(path: str, text: str) -> dict[str, str]:
    return {path.decode(): digest.hex() for path, digest in checksums(path.encode(), text.encode())}


def test_lines_of_coreutils_and_bsd() -> None:
    text = f"-----BEGIN PGP SIGNED MESSAGE-----\n# x\n{A}  a.iso\n{B} *./b c.iso\nSHA256 (d.iso) = {A}\nMD5 (e) = 1\n"
    assert found("9/isos/CHECKSUM", text) == {"9/isos/a.iso": A, "9/isos/b c.iso": "b" * 64, "9/isos/d.iso": A}


def test_sha512_is_told_by_its_length() -> None:
    text = f"{A}{A}  a.iso\nSHA512 (b.iso) = {A}{A}\nSHA512 (c.iso) = {A}\nSHA256 (d.iso) = {A}{A}\n"
    assert found("9/SHA512SUMS", text) == {"9/a.iso": A + A, "9/b.iso": A + A}
    assert found("a.iso.sha512", A + A) == {"a.iso": A + A}


def test_a_checksum_alone_is_of_the_file_it_is_named_after() -> None:
    assert found("isos/a.iso.sha256", f"{A}\n") == {"isos/a.iso": A}
    assert found("SHA256SUMS", f"{A}  a\n") == {"a": A}


@pytest.mark.parametrize("name", ["../a", "/a", "a/../b", "a\x07", "."])
def test_a_name_that_leads_out_is_none(name: str) -> None:
    assert found("isos/SHA256SUMS", f"{A}  {name}\n") == {}


@pytest.mark.parametrize("text", ["", "\0\xff", "x" * 10_000, A[:63] + "  a", A + " a"])
def test_nothing_in_what_is_no_such_file(text: str) -> None:
    assert found("isos/SHA256SUMS", text) == {}
