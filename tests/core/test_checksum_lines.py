"""Checksums out of the files that publish them."""

from __future__ import annotations

import pytest

from mirrorlist.core.checksum_lines import checksums, publishes_checksums

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
