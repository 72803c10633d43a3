"""Files beside mirror files that are reported because nobody reads them."""

from __future__ import annotations

from pathlib import Path

from mirrorlist.sources.mirrors.files import MOST_UNREAD, unread_files

READ_OR_OTHER = (
    "a.example.yml",
    "b.example.yaml",
    "logo.png",
    "logo.webp",
    "README",
    "README.md",
    "LICENSE",
    ".gitkeep",
)
UNREAD = ("#c.yml#", ".d.yml.swp", "e.yml.bak", "e.yml~", "f.YML", "g.example.org", "h.yml.orig", "i.json", "j.yml.txt")


def test_each_is_named(tmp_path: Path) -> None:
    for name in (*READ_OR_OTHER, *UNREAD):
        (tmp_path / name).write_text("")
    below = ("europe/k.yml", "europe/de/l.yaml", "europe/o.example.org", "europe/.p.yml.swp", "europe/q.YML")
    others = (".git/m.yml", "logos/n.png", "europe/.git/config", "europe/README.txt", "europe/.keep")
    for name in (*below, *others):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    found = {str(Path(each.path).relative_to(tmp_path)) for each in unread_files(tmp_path)}
    assert found == {*UNREAD, *below}


def test_many_are_counted(tmp_path: Path) -> None:
    for number in range(MOST_UNREAD + 5):
        (tmp_path / f"{number:03}").write_text("")
    found = unread_files(tmp_path)
    assert (len(found), found[-1].message) == (MOST_UNREAD + 1, "5 more files are read by nobody")


def test_a_directory_that_is_not_there_has_none(tmp_path: Path) -> None:
    assert unread_files(tmp_path / "none") == []
