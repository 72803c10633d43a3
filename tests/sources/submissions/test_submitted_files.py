"""Whatever a file is, wherever it lies and however it is called: judged, never followed, never waited for."""

from __future__ import annotations

import os
import stat
from functools import partial
from pathlib import Path

import pytest

from mirrorlist.core.errors import Severity
from mirrorlist.core.review import Reviewed
from mirrorlist.sources.submissions.judge import judge_submissions, submitted_files
from tests.data.submissions import FILE, HEAD, NAME, SERVICE
from tests.sources.submissions.test_judge import terms


@pytest.fixture
def mirrors(tmp_path: Path) -> Path:
    (tmp_path / "service.yml").write_text(SERVICE)
    (tmp_path / "mirrors.d").mkdir()
    return tmp_path / "mirrors.d"


def review(mirrors: Path, *paths: Path) -> list[Reviewed]:
    found = judge_submissions(paths, mirrors, terms(mirrors.parent / "service.yml"))
    return [each.reviewed for each in found]


def codes(mirrors: Path, *paths: Path) -> list[str]:
    """The codes of all findings, which are errors."""
    found = [each for file in review(mirrors, *paths) for each in file.findings]
    assert {each.severity for each in found} <= {Severity.ERROR}
    assert all(each.path.isprintable() and each.message.isprintable() for each in found)
    return [str(each.code) for each in found]


def link_to_itself(path: Path) -> None:
    path.symlink_to(path)


def link_out(path: Path) -> None:
    path.symlink_to("/etc/hostname")


def link_to_a_good_file(path: Path) -> None:
    (path.parent / "good.txt").write_text(HEAD)
    path.symlink_to("good.txt")


def bound_socket(path: Path) -> None:
    os.mknod(path, stat.S_IFSOCK | 0o600)


ODD = {
    "a link to itself": (link_to_itself, "not-a-regular-file"),
    "a link out of the tree": (link_out, "not-a-regular-file"),
    "a link to a good file": (link_to_a_good_file, "not-a-regular-file"),
    "a link to an endless device": (lambda path: path.symlink_to("/dev/zero"), "not-a-regular-file"),
    "a pipe that nobody writes to": (os.mkfifo, "not-a-regular-file"),
    "a socket": (bound_socket, "not-a-regular-file"),
    "a directory": (Path.mkdir, "not-a-regular-file"),
    "nothing": (lambda path: None, "unreadable-file"),
    "a gigabyte of holes": (lambda path: path.open("wb").truncate(1 << 30), "file-too-large"),
}


@pytest.mark.parametrize("what", ODD)
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_what_is_no_small_regular_file_is_refused(mirrors: Path, what: str) -> None:
    make, code = ODD[what]
    make(mirrors / FILE)  # type: ignore[operator]

    assert codes(mirrors, mirrors / FILE) == [code]


@pytest.mark.parametrize("path", ["/dev/zero", "/dev/null", "/proc/self/mem", "/", ""])
def test_devices_and_the_like_are_refused(mirrors: Path, path: str) -> None:
    assert len(codes(mirrors, Path(path))) == 1


HOSTILE_NAMES = [
    "a b.yml", "a\nb.yml", "a\r::error::b.yml", "\x1b[2J.yml", "\u202eabc.yml", "$(id).yml", "`id`.yml", "a;id.yml",
    "a'b.yml", 'a"b.yml', "a|b.yml", "a&b.yml", "-rf.yml", "--config=x.yml", ".hidden.yml", "a\\b.yml", "*.yml",
    "ä.yml", "a.yml\n", "a,b.yml", "a:b.yml", "<b>.yml", "a.YML", "a.json", "README.md", "x", "a.yml.sh", "%0a.yml",
    "\udcff.yml", "a.png.html", ".yml", "x" * 251 + ".yml",
]  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_a_name_that_no_mirror_file_has_is_refused_before_the_file_is_read(mirrors: Path, name: str) -> None:
    (mirrors / name).write_text(HEAD)
    expected = ["stray-file"] if len(name) < 255 else []

    found = codes(mirrors, mirrors / name) if expected else review(mirrors, mirrors / name)[0].findings

    assert found == expected or {each.code for each in found} == {"file-name"}  # type: ignore[union-attr]


def test_a_file_below_the_directory_is_refused_because_nobody_reads_it(mirrors: Path) -> None:
    (mirrors / "sub").mkdir()
    (mirrors / "sub" / FILE).write_text(HEAD)

    assert codes(mirrors, mirrors / "sub" / FILE) == ["stray-file"]


def test_a_file_outside_is_judged_as_if_it_lay_there(mirrors: Path, tmp_path: Path) -> None:
    (mirrors / "other.example.net.yml").write_text(HEAD.replace(NAME, "other.example.net"))
    draft = tmp_path / FILE
    draft.write_text(HEAD)
    assert codes(mirrors, draft) == []

    draft.write_text(HEAD.replace(NAME, "other.example.net"))
    assert "duplicate-name" in {each.code for each in review(mirrors, draft)[0].findings}


def test_a_new_version_of_a_file_takes_the_place_of_the_old_one(mirrors: Path, tmp_path: Path) -> None:
    (mirrors / FILE).write_text(HEAD + "subnets: [141.23.0.0/24]\n")
    (tmp_path / FILE).write_text(HEAD + "subnets: [141.23.0.0/23]\n")

    assert codes(mirrors, tmp_path / FILE) == []
    assert codes(mirrors, mirrors / FILE, mirrors / FILE) == []


def test_two_new_files_are_judged_against_each_other(mirrors: Path) -> None:
    for name in ("one.example.net", "two.example.net"):
        text = HEAD.replace(NAME, name) + "subnets: [141.23.0.0/24]\n"
        (mirrors / f"{name}.yml").write_text(text)

    assert codes(mirrors, *submitted_files(mirrors)) == ["overlapping-claim", "overlapping-claim"]


def test_only_what_is_named_is_told_about(mirrors: Path) -> None:
    (mirrors / "broken.example.net.yml").write_text("name: [")
    (mirrors / "link.yml").symlink_to("/dev/zero")
    (mirrors / FILE).write_text(HEAD)

    assert codes(mirrors, mirrors / FILE) == []
    assert sorted(codes(mirrors, *submitted_files(mirrors))) == ["not-a-regular-file", "yaml-syntax"]


def test_a_missing_directory_leaves_a_file_to_be_judged_alone(mirrors: Path, tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(HEAD)
    mirrors.rmdir()

    assert codes(mirrors, tmp_path / FILE) == []


def test_a_logo_lies_beside_its_file(mirrors: Path, tmp_path: Path) -> None:
    from_example = Path(__file__).parents[3] / "mirrors.d" / "bergen.png"
    put = partial(Path.write_bytes, data=from_example.read_bytes())
    (mirrors / FILE).write_text(HEAD + "logo: a.png\n")
    assert codes(mirrors, mirrors / FILE) == ["bad-logo"]
    put(tmp_path / "b.png")
    (mirrors / "a.png").symlink_to(tmp_path / "b.png")
    assert codes(mirrors, mirrors / FILE, mirrors / "a.png") == ["bad-logo", "not-a-regular-file"]
    (mirrors / "a.png").unlink()
    put(mirrors / "a.png")
    assert codes(mirrors, mirrors / FILE, mirrors / "a.png") == []
    (tmp_path / FILE).write_text(HEAD + "logo: b.png\n")
    assert codes(mirrors, tmp_path / FILE) == []
