""""""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mirrorlist.core.public.types import Logo
from mirrorlist.sources.mirrors.logos import MOST_LOGO_BYTES, read_logo, read_logos
from tests.building import mirror

PNG = b"\x89PNG\r\n\x1a\n" + b"x" * 20
WEBP = b"RIFF\x00\x00\x00\x00WEBPVP8 "


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (PNG, Logo("image/png", PNG)),
        (WEBP, Logo("image/webp", WEBP)),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", None),
        (b"<html>", None),
        (b"", None),
        (PNG + b"x" * MOST_LOGO_BYTES, None),
    ],
)
def test_only_small_pictures_are_logos(tmp_path: Path, data: bytes, expected: Logo | None) -> None:
    (tmp_path / "a.png").write_bytes(data)
    assert read_logo(tmp_path / "a.png") == expected


def test_what_is_no_file_is_no_logo(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    assert read_logo(tmp_path / "pipe.png") is None
    assert read_logo(tmp_path / "nothing.png") is None
    assert read_logo(tmp_path) is None


def test_mirrors_without_a_logo_have_none(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(PNG)
    mirrors = [mirror("a", logo="a.png"), mirror("b"), mirror("c", logo="gone.png")]
    assert read_logos(tmp_path, mirrors) == {"a.example.org": Logo("image/png", PNG)}
