"""Where the sight of a list ends."""

from __future__ import annotations

from mirrorlist.core.files.list_parser import UNREAD_LINE, rsync_lines
from mirrorlist.indexing.mirrors import MOST_UNSEEN, Sight

ROOT = "drwxr-xr-x 4096 2026/01/01 00:00:00 ."
OPEN = "drwxr-xr-x 4096 2026/01/01 00:00:00 "
CLOSED = "drwx------ 4096 2026/01/01 00:00:00 "
FILE = "-rw-r--r-- 5 2026/01/01 00:00:00 "


def seen(*lines: str, unread: bool = False) -> tuple[list[str], Sight]:
    sight = Sight()
    text = [line.encode() for line in lines] + [UNREAD_LINE] * unread
    return [row.path.decode() for row in sight.rows(rsync_lines(text))], sight


def test_links_and_closed_directories_are_where_it_ends() -> None:
    link = "lrwxrwxrwx 6 2026/01/01 00:00:00 {} -> {}"
    rows, sight = seen(ROOT, FILE + "a/f", OPEN + "a", link.format("in", "a"), link.format("out", "/srv/x"),
                       CLOSED + "b", CLOSED + "c", FILE + "c/f", OPEN + "empty")  # fmt: skip
    assert rows == ["a/f", "c/f"]
    assert sight.unseen == (b"b", b"in", b"out")
    assert sight.is_whole


def test_after_a_server_could_not_read_something_every_empty_directory_is_doubtful() -> None:
    _, sight = seen(ROOT, OPEN + "a", OPEN + "a/b", FILE + "a/f", OPEN + "d", unread=True)
    assert sight.unseen == (b"a/b", b"d")


def test_a_closed_tree_shows_nothing() -> None:
    assert seen("drwx------ 4096 2026/01/01 00:00:00 .")[1].unseen == (b"",)
    assert seen(ROOT)[1].unseen == ()
    assert seen(ROOT, unread=True)[1].unseen == (b"",)


def test_lines_that_nobody_understands_may_have_been_files() -> None:
    assert not seen(ROOT, "-rw-r--r-- 1,234 2026/01/01 00:00:00 a")[1].is_whole
    assert seen(ROOT, FILE + "a\\b")[1].is_whole
    assert not seen(ROOT, *(f"{CLOSED}{number}" for number in range(MOST_UNSEEN + 1)))[1].is_whole
