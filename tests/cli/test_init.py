"""``mirrorlist init``: what it writes is valid and served at once, and nothing is written over."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from mirrorlist.cli.main import main
from tests.serving import ask, serving

HOSTILE = 'A "quoted": name # é {{ x }}'


def init(directory: Path, *more: str) -> Result:
    state = directory.parent / "state"
    return CliRunner().invoke(main, ["--state", str(state), "init", str(directory), *more], env={"COLUMNS": "80"})


def files(directory: Path) -> dict[str, str]:
    return {str(path.relative_to(directory)): path.read_text() for path in directory.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("proxy", "file"),
    [("nginx", "nginx/mirrorlist.conf"), ("haproxy", "haproxy/haproxy.cfg"), ("caddy", "caddy/Caddyfile")],
)
def test_what_it_writes_is_valid_and_says_what_was_asked(proxy: str, file: str, tmp_path: Path) -> None:
    target = tmp_path / "new" / "with blank"
    target.parent.mkdir()
    done = init(target, "--name", HOSTILE, "--host", "Mirrors.Example.NET", "--proxy", proxy, "--origin", "/srv/x: y")
    assert (done.exit_code, done.stderr) == (0, "")
    written = files(target)
    assert set(written) == {
        "service.yml", "mirrors.d/mirror.example.org.yml", "systemd/sysusers.conf", "systemd/mirrorlist.service",
        "systemd/mirrorlist-probe.service", file,
    }  # fmt: skip
    service = yaml.safe_load(written["service.yml"])
    assert (service["name"], service["origin"]) == (HOSTILE, "/srv/x: y")
    assert service["site"]["url"] == "https://mirrors.example.net/"
    assert "mirrors.example.net" in written[file]
    for unit in ("mirrorlist", "mirrorlist-probe"):
        [command] = [line for line in written[f"systemd/{unit}.service"].splitlines() if line.startswith("ExecStart=")]
        program, option, config = shlex.split(command.removeprefix("ExecStart="))[:3]
        assert (option, config) == ("--config", str(target / "service.yml"))
        assert os.access(program, os.X_OK)


@pytest.mark.slow
def test_it_says_three_commands_and_the_first_works(tmp_path: Path) -> None:
    done = init(tmp_path / "new")
    commands = [line.strip() for line in done.stdout.splitlines() if line.startswith("  ")]
    assert len(commands) == 3
    assert all(len(line) <= 80 or str(tmp_path) in line for line in done.stdout.splitlines())
    validated = subprocess.run(commands[0], shell=True, capture_output=True, text=True, check=False)
    assert (validated.returncode, validated.stderr) == (0, "1 file: 1 accepted, 0 refused; 0 errors, 0 warnings\n")


@pytest.mark.slow
def test_it_is_served_at_once(tmp_path: Path) -> None:
    assert init(tmp_path / "new").exit_code == 0
    with serving(tmp_path / "new" / "service.yml") as service:
        status, body = ask(service.port)
    assert status == 200
    assert "https://mirror.example.org/linux/9.8/BaseOS/$basearch/os/" in body


@pytest.mark.parametrize("there", ["service.yml", "nginx/mirrorlist.conf", "mirrors.d/mirror.example.org.yml"])
def test_it_writes_over_nothing(there: str, tmp_path: Path) -> None:
    path = tmp_path / "new" / there
    path.parent.mkdir(parents=True)
    path.symlink_to("nowhere")
    done = init(tmp_path / "new")
    assert done.exit_code == 1
    assert done.stderr == f"error: {path} exists; name an empty directory, or move the file away\n"
    assert [each for each in (tmp_path / "new").rglob("*") if not each.is_dir()] == [path]


def test_what_cannot_be_is_refused_in_a_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for directory, more, said in (
        (tmp_path / "file", (), f"error: {tmp_path / 'file'} is no directory; name another\n"),
        (tmp_path / "new", ("--host", "a b;"), "error: 'a b;' is no host name; write one such as mirrors.example.org\n"),
        (tmp_path / "new", ("--host", "192.0.2.1"),
         "error: '192.0.2.1' is no host name; write one such as mirrors.example.org\n"),
        (tmp_path / "new", ("--name", "a\nb"),
         "error: 'a\\nb' has characters that no configuration can hold; write it without them\n"),
    ):  # fmt: skip
        done = init(directory, *more)
        assert (done.exit_code, done.stderr) == (1, said)
    assert sorted(tmp_path.iterdir()) == [tmp_path / "file"]


def test_a_directory_that_cannot_be_written_is_reported_in_a_line(tmp_path: Path) -> None:
    target = tmp_path / "new"
    target.mkdir()
    (target / "systemd").touch()  # a file where a directory has to be
    done = init(target)
    assert done.exit_code == 1
    assert done.output.splitlines()[-1] == f"error: {target / 'systemd'} cannot be written: File exists"
