"""Help, mistyped calls, errors in one line, exit codes, colour, and JSON: what all commands have in common."""

from __future__ import annotations

import json
import os
import pty
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

from mirrorlist.cli.main import COMMANDS, SECTIONS, main
from mirrorlist.cli.shared.help import EXAMPLES, in_one_line
from mirrorlist.core.errors import MirrorlistError
from tests.cli.test_commands import ASKED, fill
from tests.test_docs import ALL
from tests.test_docs import COMMANDS as PAGE

ROOT = Path(__file__).parents[2]


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments, prog_name="mirrorlist", env={"COLUMNS": "80"})


def test_help_has_every_command_once_below_its_purpose() -> None:
    written = run("--help").stdout
    assert re.findall(r"^  ([a-z][a-z-]*) {2,}[A-Z]", written, re.MULTILINE) == list(COMMANDS)
    assert re.findall(r"^([A-Z].*):$", written, re.MULTILINE) == ["Options", *SECTIONS]
    assert all(len(line) <= 80 for line in written.splitlines())


@pytest.mark.parametrize("name", COMMANDS)
def test_the_first_sentence_of_a_command_is_that_of_the_help(name: str) -> None:
    command = main.get_command(click.Context(main), name)
    assert command is not None
    assert [section[name] for section in SECTIONS.values() if name in section] == [command.get_short_help_str(200)]


def test_showing_the_help_loads_no_command() -> None:
    program = "import sys; from mirrorlist.cli.main import main\nmain(['--help'], standalone_mode=False)\n"
    program += "print(*(name for name in sys.modules if name.startswith(('mirrorlist.cli.', 'flask'))))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert set(done.stdout.splitlines()[-1].split()) == {
        "mirrorlist.cli.main", "mirrorlist.cli.shared", "mirrorlist.cli.shared.context", "mirrorlist.cli.shared.help",
    }  # fmt: skip


@pytest.mark.parametrize("name", [each.removeprefix("mirrorlist ") for each in ALL])
def test_each_command_shows_two_examples_that_can_be_called(name: str) -> None:
    written = run(*name.split(), "--help").stdout
    assert written.count("Examples:") == 1
    for example in EXAMPLES[name]:
        assert f"  mirrorlist {example}\n" in written
        assert len(example) <= 106
        words = shlex.split(example)
        words = words[2:] if words[0] in ("--config", "--state") else words
        assert words[: len(name.split())] == name.split()
        given = [word.split("=")[0] for word in words if word.startswith("--")]
        assert set(given) <= {option for each in ALL[f"mirrorlist {name}"].params for option in each.opts}
    assert set(EXAMPLES) == {each.removeprefix("mirrorlist ") for each in ALL}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["valdate"], "error: there is no command 'valdate'; did you mean validate?"),
        (["EXPLAIN"], "error: there is no command 'EXPLAIN'; did you mean explain?"),
        (["update", "metadta"], "error: there is no command 'metadta'; did you mean metadata?"),
        (["release", "x"], "error: there is no command 'x'; mirrorlist release --help shows all"),
        (["validate", "--onlin"], "error: there is no option '--onlin'; did you mean --online?"),
        (["jobs", "--zzz"], "error: there is no option '--zzz'; mirrorlist jobs --help shows all"),
        (["kit"], "error: missing argument 'NAME'; mirrorlist kit --help shows an example"),
        (["counts", "--days", "x"], "error: invalid value for '--days': 'x' is not a valid integer range."),
        (["--config", "/none/service.yml", "mirrors"], "error: there is no service file /none/service.yml; name it with "
         "--config, or start in its directory"),
    ],
)  # fmt: skip
def test_a_wrong_call_is_one_line_that_says_what_to_write(arguments: list[str], said: str) -> None:
    done = run(*arguments)
    assert (done.exit_code, done.stdout, done.stderr) == (2, "", f"{said}\n")


def raising(error: BaseException) -> Callable[[], int]:
    def run_it() -> int:
        raise error

    return run_it


def a_fault() -> int:
    return int("x")


@pytest.mark.parametrize(
    ("run_it", "status", "said"),
    [
        (raising(MirrorlistError("two\nlines")), 1, "error: two lines"),
        (raising(FileNotFoundError(2, "No such file or directory", "/etc/x")), 1,
         "error: /etc/x: no such file or directory; correct it, then start the command again"),
        (raising(OSError(-2, "Name or service not known")), 1,
         "error: name or service not known; correct it, then start the command again"),
        (raising(sa.exc.OperationalError("SELECT 1", {}, Exception("disk full"))), 1,
         "error: the database cannot be used: (builtins.Exception) disk full; mirrorlist doctor looks at it"),
        (raising(KeyboardInterrupt()), 130, "error: interrupted"),
        (raising(click.Abort()), 130, "error: interrupted"),
        (raising(click.UsageError("write it so")), 2, "error: write it so"),
        (lambda: 3, 3, ""),
        (lambda: None, 0, ""),
    ],
)  # fmt: skip
def test_each_error_is_one_line_and_a_status(
    run_it: Callable[[], int], status: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert in_one_line(run_it) == status
    assert capsys.readouterr().err == (f"{said}\n" if said else "")


def test_a_fault_of_the_program_keeps_its_traceback_in_a_file(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert in_one_line(a_fault, tmp_path) == 1
    [file] = tmp_path.iterdir()
    place = r"test_help\.py:\d+"
    said = rf"error: mirrorlist has a fault \(ValueError: invalid literal .* at {place}\); report it with the file {file}\n"
    assert re.fullmatch(said, capsys.readouterr().err)
    assert "Traceback (most recent call last)" in file.read_text()


def test_exit_codes_are_those_of_the_table() -> None:
    rows = dict(re.findall(r"^\| (\d+) \| (.*?) \|", PAGE.split("## Exit codes")[1].split("\n## ")[0], re.MULTILINE))
    assert set(rows) == {"0", "1", "2", "130"}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = fill(tmp_path_factory.mktemp("json"))
    for words in (["update", "metadata"], ["publish"]):
        assert run("--config", str(directory / "service.yml"), *words).exit_code == 0
    return directory


WITH_JSON = [
    ["explain", "--ip", "8.8.8.8", *ASKED], ["list", "--ip", "8.8.8.8", *ASKED], ["mirrors"], ["health", "--rungs"],
    ["health", "own.example.org"], ["validate"], ["report"], ["rsync-acl"], ["jobs"], ["counts"],
    ["doctor", "--offline"], ["update", "metadata"], ["update", "subnets"],
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("words", WITH_JSON, ids=" ".join)
def test_json_has_the_documented_keys(checkout: Path, words: list[str]) -> None:
    done = run("--config", str(checkout / "service.yml"), *words, "--json")
    found = json.loads(done.stdout)
    first = found[0] if isinstance(found, list) and found else found
    name = " ".join(words[:2]) if words[0] == "update" else words[0]
    section = PAGE.split("\n## JSON\n")[1].split("\n## ")[0]
    [row] = re.findall(rf"^\| `{name}` \| (.*?) \|", section, re.MULTILINE)
    documented = set(re.findall(r"`([a-z_0-9]+)`", row))
    if isinstance(first, dict) and first and name not in ("explain", "validate", "report", "counts"):
        assert set(first) <= documented
    assert done.stderr == "" or not done.stderr.startswith("error")


def in_terminal(*arguments: str, **environment: str) -> str:
    """What a command writes to a terminal."""
    parent, child = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "mirrorlist", *arguments],
        stdout=child, stderr=child, stdin=child, env={**os.environ, "TERM": "xterm", **environment},
    )  # fmt: skip
    os.close(child)
    written = b""
    while True:
        try:
            part = os.read(parent, 65536)
        except OSError:
            break
        if not part:
            break
        written += part
    process.wait(60)
    os.close(parent)
    return written.decode()


@pytest.mark.slow
@pytest.mark.parametrize("words", [["validate"], ["doctor", "--offline"]], ids=" ".join)
def test_no_color_is_respected(checkout: Path, words: list[str]) -> None:
    broken = checkout / "mirrors.d" / "broken.example.org.yml"
    broken.write_text("name: broken.example.org\n")
    try:
        config = str(checkout / "service.yml")
        assert "\x1b[" in in_terminal("--config", config, *words)
        assert "\x1b[" not in in_terminal("--config", config, *words, NO_COLOR="1")
        piped = subprocess.run(
            [sys.executable, "-m", "mirrorlist", "--config", config, *words],
            capture_output=True,
            text=True,
            check=False,
        )
        assert "\x1b[" not in piped.stdout + piped.stderr
    finally:
        broken.unlink()
