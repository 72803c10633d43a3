from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from mirrorlist.settings import SETTINGS, Settings, hook_secret, read_settings

ROOT = Path(__file__).resolve().parents[1]


def test_without_any_variable_the_defaults_hold() -> None:
    assert read_settings({"PATH": "/bin", "mirrorlist_config": "x"}) == Settings(
        Path("service.yml"), None, None, 0.5, None
    )


def test_every_variable_is_read() -> None:
    given = {
        "MIRRORLIST_CONFIG": "/etc/mirrorlist.yml",
        "MIRRORLIST_MIRRORS": "/srv/mirrors.d",
        "MIRRORLIST_STATE": "/var/lib/mirrorlist",
        "MIRRORLIST_RELOAD_SECONDS": "2",
        "MIRRORLIST_DATABASE": "sqlite://",
        "MIRRORLIST_LEAD_SECONDS": "5",
        "MIRRORLIST_MAXMIND_KEY": "key",
        "MIRRORLIST_IPINFO_TOKEN": "token",
        "MIRRORLIST_HOOK_SECRET": SECRET,
        "MIRRORLIST_HOOK_SECRET_FILE": "/etc/secret",
        "MIRRORLIST_METRICS_FOR": "10.0.0.0/8, ::1",
        "MIRRORLIST_CHANNEL_TOKEN": "token",
        "MIRRORLIST_COUNTS_TO": "https://a.example/ https://b.example",
        "MIRRORLIST_NODE": "web-1",
        "MIRRORLIST_NODE_KEY": "node.key",
        "MIRRORLIST_PULL": "https://git.example.org/m.git --branch 'the reviewed'",
        "MIRRORLIST_LOG_FORMAT": "json",
        "NO_COLOR": "1",
    }
    assert {setting.name for setting in SETTINGS} == given.keys()
    found = read_settings(given)
    assert found == Settings(
        Path("/etc/mirrorlist.yml"),
        Path("/srv/mirrors.d"),
        Path("/var/lib/mirrorlist"),
        2.0,
        "sqlite://",
        5.0,
        "key",
        "token",
        SECRET,
        Path("/etc/secret"),
        ("10.0.0.0/8", "::1"),
        "token",
        ("https://a.example/", "https://b.example/"),
        "web-1",
        Path("node.key"),
        ("https://git.example.org/m.git", "--branch", "the reviewed"),
        "json",
        True,
    )
    assert SECRET not in repr(found)
    assert "token" not in repr(found).replace("ipinfo_token", "").replace("channel_token", ""), "keys are in no log"


SECRET = "0123456789abcdef"


def test_the_secret_of_the_hook_comes_from_the_variable_or_a_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    assert hook_secret(read_settings({})) is None
    assert hook_secret(read_settings({"MIRRORLIST_HOOK_SECRET": SECRET})) == SECRET
    assert hook_secret(read_settings({"MIRRORLIST_HOOK_SECRET_FILE": str(tmp_path / "secret")})) == SECRET
    assert SECRET not in repr(read_settings({"MIRRORLIST_HOOK_SECRET": SECRET}))


@pytest.mark.parametrize("text", ["short", "with blanks in it all over", "é" * 20, "\t" * 20])
def test_a_secret_that_cannot_be_used_is_refused_and_not_shown(text: str, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(text.encode())
    for given in ({"MIRRORLIST_HOOK_SECRET": text}, {"MIRRORLIST_HOOK_SECRET_FILE": str(tmp_path / "secret")}):
        with pytest.raises(ValueError, match="write at least 16 ASCII characters without blanks") as caught:
            hook_secret(read_settings(given))
        assert text not in str(caught.value)


@pytest.mark.parametrize(("content", "reason"), [(None, "No such file or directory"), (b"\xff", "write at least")])
def test_a_file_without_a_secret_is_refused(content: bytes | None, reason: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "secret").write_bytes(content)
    with pytest.raises(ValueError, match=reason):
        hook_secret(read_settings({"MIRRORLIST_HOOK_SECRET_FILE": str(tmp_path / "secret")}))


@pytest.mark.parametrize("name", [setting.name for setting in SETTINGS])
def test_an_empty_variable_is_as_good_as_none(name: str) -> None:
    assert read_settings({name: ""}) == read_settings({})


@pytest.mark.parametrize("text", ["0.05", "0.5", "3600", " 1 "])
def test_seconds_within_bounds_are_taken(text: str) -> None:
    assert read_settings({"MIRRORLIST_RELOAD_SECONDS": text}).reload_seconds == float(text)


@pytest.mark.parametrize("text", ["0", "-1", "0.049", "3601", "nan", "inf", "1e400", "0,5", "fast", "1s"])
def test_a_value_that_cannot_be_used_is_refused_with_its_name_and_the_remedy(text: str) -> None:
    with pytest.raises(ValueError) as caught:
        read_settings({"MIRRORLIST_RELOAD_SECONDS": text})
    assert str(caught.value) == f"MIRRORLIST_RELOAD_SECONDS is {text!r}: write seconds between 0.05 and 3600"


def test_a_format_of_logs_that_is_unknown_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^MIRRORLIST_LOG_FORMAT is 'xml': write one of auto, text, json$"):
        read_settings({"MIRRORLIST_LOG_FORMAT": "xml"})


def test_a_network_that_is_none_is_refused() -> None:
    with pytest.raises(
        ValueError, match=r"^MIRRORLIST_METRICS_FOR is '10.0.0.1/8': 10.0.0.1/8 has host bits set; write "
    ):
        read_settings({"MIRRORLIST_METRICS_FOR": "10.0.0.1/8"})


def test_an_address_for_counts_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^MIRRORLIST_COUNTS_TO is 'a.example': write addresses such as https://"):
        read_settings({"MIRRORLIST_COUNTS_TO": "a.example"})


def test_counts_are_handed_over_under_a_name_and_with_a_key() -> None:
    to, name = {"MIRRORLIST_COUNTS_TO": "https://a.example/"}, {"MIRRORLIST_NODE": "web-1"}
    for given in (to, to | name, to | {"MIRRORLIST_NODE_KEY": "node.key"}):
        with pytest.raises(ValueError, match=r"needs MIRRORLIST_NODE and MIRRORLIST_NODE_KEY beside it$"):
            read_settings(given)
    assert read_settings(to | name | {"MIRRORLIST_NODE_KEY": "node.key"}).node == "web-1"


def test_a_quotation_that_does_not_end_is_refused_with_the_remedy() -> None:
    with pytest.raises(ValueError, match=r"^MIRRORLIST_PULL is .*; quote words as for a shell$"):
        read_settings({"MIRRORLIST_PULL": "https://git.example.org/m.git --branch 'reviewed"})


def test_an_error_shows_no_credentials_of_an_address() -> None:
    with pytest.raises(ValueError, match=r"https://\*\*\*@git\.example\.org/m\.git") as caught:
        read_settings({"MIRRORLIST_PULL": "https://ada:hunter2@x@git.example.org/m.git --branch 'reviewed"})
    assert "hunter2" not in str(caught.value)


def test_no_other_file_reads_the_environment() -> None:
    readers = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "mirrorlist").rglob("*.py")
        if re.search(r"os\.environ|getenv|from os import", path.read_text(encoding="utf-8"))
    }
    assert readers == {"mirrorlist/settings.py"}


@pytest.mark.parametrize("mirrors", [None, "mirrors.d"])
def test_exported_settings_are_absolute_and_the_same_in_another_directory(tmp_path: Path, mirrors: str | None) -> None:
    """In a process of its own, because it changes the environment."""
    program = (
        "import json, os, sys\n"
        "from dataclasses import asdict\n"
        "from mirrorlist.settings import export, read_settings\n"
        "export(read_settings(), '/var/state')\n"
        "os.chdir('/')\n"
        "print(json.dumps(asdict(read_settings()), default=str))\n"
    )
    given = {"MIRRORLIST_CONFIG": "my.yml", "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, sys.path)])}
    given["MIRRORLIST_HOOK_SECRET_FILE"] = "secret"
    if mirrors:
        given["MIRRORLIST_MIRRORS"] = mirrors
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=given, capture_output=True, check=True, text=True
    )
    assert json.loads(done.stdout) == {
        "config": str(tmp_path / "my.yml"),
        "mirrors": str(tmp_path / mirrors) if mirrors else None,
        "state": "/var/state",
        "reload_seconds": 0.5,
        "database": None,
        "lead_seconds": 60.0,
        "maxmind_key": None,
        "ipinfo_token": None,
        "secret": None,
        "secret_file": str(tmp_path / "secret"),
        "metrics_for": [],
        "channel_token": None,
        "counts_to": [],
        "node": None,
        "node_key": None,
        "pull": [],
        "log_format": "auto",
        "no_color": False,
    }


@pytest.mark.parametrize(
    ("text", "remedy"), [("--branch main", "write the repository first"), ("a 'b", "No closing quotation")]
)
def test_what_names_no_repository_first_is_refused(text: str, remedy: str) -> None:
    with pytest.raises(ValueError, match=remedy):
        read_settings({"MIRRORLIST_PULL": text})
