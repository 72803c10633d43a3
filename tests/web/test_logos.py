from __future__ import annotations

from pathlib import Path

import pytest

from mirrorlist.core.model import MAIN
from mirrorlist.core.trees import Tree
from mirrorlist.web.logos import MOST_BYTES, logo
from tests.building import mirror, snapshot
from tests.web.asking import both

PNG = b"\x89PNG\r\n\x1a\n" + b"x" * 20
WEBP = b"RIFF\x00\x00\x00\x00WEBPVP8 "


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    contents = {"a.png": PNG, "b.webp": WEBP, "c.png": b"<svg onload=x>", "d.png": PNG + bytes(MOST_BYTES)}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "link.png").symlink_to("a.png")
    (tmp_path / "dir.png").mkdir()
    return tmp_path


def test_a_logo_is_what_its_bytes_are(directory: Path) -> None:
    assert logo(str(directory), "a.png") == ("image/png", PNG)
    assert logo(str(directory), "b.webp") == ("image/webp", WEBP)


@pytest.mark.parametrize(
    "name", ["c.png", "d.png", "link.png", "dir.png", "none.png", "../a.png", "/etc/passwd", "", ".a", "a.png\x00"]
)
def test_everything_else_is_none(directory: Path, name: str) -> None:
    assert logo(str(directory), name) is None


def test_the_page_shows_the_logo_of_the_mirror_that_gives_the_file(directory: Path) -> None:
    sponsored = mirror("a", sponsor="Example", sponsor_url="https://sponsor.example/", logo="a.png")
    service = both(snapshot([sponsored], trees=(Tree(prefix="/dl/", module=MAIN),), mirrors_dir=str(directory)))

    assert b'<img src="?logo=a.example.org"' in service.get("/dl/x.iso", "mirrorlist").body
    got = service.get("/dl/x.iso", "logo=a.example.org")
    assert (got.status, got.body, got.headers["content-type"]) == (200, PNG, "image/png")
    assert service.get("/dl/x.iso", "logo=b.example.org").status == 404
