"""Further names of files, in each form that networks have them; what no file can be called is refused with the reason."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mirrorlist.sources.service.tree_names import MOST_NAMES, NamesFault, read_names

HOST = "dl.example.org"


def names(tmp_path: Path, given: object) -> dict[str, str]:
    file = tmp_path / "names"
    file.write_bytes(given if isinstance(given, bytes) else json.dumps(given).encode())
    return read_names(file, HOST)


@pytest.mark.parametrize(
    "given",
    [
        b"/board/Current|board/archive/x.img.xz|Aug 26 2021|332M\n\n# remark|x\nother|https://github.com/o/x\n",
        b"board/Current,/board/archive/x.img.xz\r\nother,https://github.com/o/x\r\n",
        {"board/Current": "/board/archive/x.img.xz", "other": "https://github.com/o/x"},
        {"board/Current": f"https://{HOST}/board/archive/x.img.xz", "/other": "https://github.com/o/x"},
        b"\xef\xbb\xbf" + b'{"board/Current": "board/archive/x.img.xz", "other": "https://github.com/o/x"}',
    ],
)
def test_names_as_lines_and_as_an_object(tmp_path: Path, given: object) -> None:
    assert names(tmp_path, given) == {"board/Current": "board/archive/x.img.xz", "other": "https://github.com/o/x"}


def asset(**fields: str) -> dict[str, str]:
    return {
        "board_slug": "khadas-vim1", "distro_release": "noble", "kernel_branch": "current", "image_variant": "xfce",
        "preinstalled_application": "", "download_repository": "archive", "file_extension": "img.xz",
        "file_url": "https://dl.example.org/khadas-vim1/archive/A_25.11_xfce.img.xz", **fields,
    }  # fmt: skip


FILE = "khadas-vim1/archive/A_25.11_xfce.img.xz"


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (asset(), {"khadas-vim1/Noble_current_xfce": FILE, "khadas-vim1/Noble_current_xfce.img.xz": FILE}),
        (asset(preinstalled_application="test", file_extension=""), {"khadas-vim1/Noble_current_xfce-test": FILE}),
        (asset(file_extension="img.xz.sha"), {"khadas-vim1/Noble_current_xfce.sha": FILE}),
        (asset(file_extension="oowow.img.xz"),
         {"khadas-vim1/Noble_current_xfce": FILE, "khadas-vim1/Noble_current_xfce.oowow.img.xz": FILE}),
        (asset(file_extension="img.qcow2", file_url_asc="https://dl.example.org/x.asc"),
         {"khadas-vim1/Noble_current_xfce-qcow2": FILE, "khadas-vim1/Noble_current_xfce-qcow2.img.qcow2": FILE,
          "khadas-vim1/Noble_current_xfce-qcow2.asc": "x.asc"}),
        (asset(download_repository="os", file_url="https://github.com/o/x.img.xz", file_extension=""),
         {"nightly/khadas-vim1/Noble_current_xfce": "https://github.com/o/x.img.xz"}),
        (asset(file_extension="", redi_url="https://dl.example.org/khadas-vim1/Linked", redi_url_sha="https://dl.example.org/k.sha",
               file_url_sha="https://dl.example.org/x.sha"),
         {"khadas-vim1/Noble_current_xfce": FILE, "khadas-vim1/Noble_current_xfce.sha": "x.sha", "khadas-vim1/Linked": FILE,
          "k.sha": "x.sha"}),
        ({"board_slug": ""}, {}),
    ],
)  # fmt: skip
def test_names_of_assets_are_those_of_armbian_router(
    tmp_path: Path, given: dict[str, str], found: dict[str, str]
) -> None:
    assert names(tmp_path, {"assets": [given]}) == found


def test_special_extensions_of_the_file_win(tmp_path: Path) -> None:
    given = {"assets": [asset(file_extension="img.qcow2")], "special_extensions": {"img.qcow2": "-disk"}}
    assert "khadas-vim1/Noble_current_xfce-disk" in names(tmp_path, given)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"a": "../../etc/passwd"}, "no file can have: '../../etc/passwd'"), ({"a/../b": "x"}, "no file can have"),
        ({"a": "b\nLocation: x"}, "no file can have"), ({"": "x"}, "no file can have"), ({"a": "b//c"}, "no file can have"),
        ({"a": "javascript://x/y"}, "none of the web"), ({"a": "https://e.org/a b"}, "none of the web"),
        ({"a": 5}, "no text"), ([], "is a list"), ({"assets": [5]}, "no object"), (b"{", "no JSON"), (b"[" * 100_000, "no JSON"),
        (b"alone\n", "without a path"), (b"a|b\n\xff|c", "not UTF-8 at byte 5"), (b"a|" + b"x" * 200_000, "is no table"),
        ({f"n{number}": "x" for number in range(MOST_NAMES + 1)}, f"more than {MOST_NAMES} names"),
    ],
)  # fmt: skip
def test_what_no_file_can_be_called_is_refused(tmp_path: Path, given: object, said: str) -> None:
    with pytest.raises(NamesFault, match=said.replace("[", r"\[").replace(".", r"\.")):
        names(tmp_path, given)
