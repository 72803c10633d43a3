"""README.md and docs/ lead to each other, name every command and option, and quote what is really printed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.shell_completion import get_completion_class
from click.testing import CliRunner

from mirrorlist.cli.main import main
from mirrorlist.core.public.types import MirrorState
from mirrorlist.sources.service.file import read_service
from mirrorlist.sources.submissions.judge import judge_submissions
from mirrorlist.sources.submissions.terms import terms_of
from mirrorlist.web.site.network import SORTS
from tests.clients.tools import need
from tests.data.submissions import SERVICE

ROOT = Path(__file__).parents[1]
PAGES = (ROOT / "README.md", *sorted(ROOT.glob("docs/*.md")), *sorted(ROOT.glob("examples/*/README.md")))
TEXTS = {page: page.read_text(encoding="utf-8") for page in PAGES}
COMMANDS = TEXTS[ROOT / "docs" / "commands.md"]


def anchors(text: str) -> set[str]:
    """The headings as their links are written."""
    return {
        re.sub(r"[^\w -]", "", title).lower().replace(" ", "-")
        for title in re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", TEXTS[page]):
        path, _, anchor = target.partition("#")
        found = page.parent / path if path else page
        assert found.exists(), target
        assert not anchor or anchor in anchors(found.read_text(encoding="utf-8")), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_file_of_the_project_that_is_named_is_there(page: Path) -> None:
    named = re.findall(r"`((?:docs|scripts|schemas|bench|examples|mirrorlist|tests)/[\w./-]+)", TEXTS[page])
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_the_readme_leads_to_every_page() -> None:
    linked = set(re.findall(r"\]\((docs/[a-z-]+\.md)\)", TEXTS[ROOT / "README.md"]))
    assert {str(page.relative_to(ROOT)) for page in ROOT.glob("docs/*.md")} - linked == set()


def test_the_readme_fits_on_two_screens() -> None:
    assert len(TEXTS[ROOT / "README.md"].splitlines()) < 120


def test_the_site_has_every_page_once() -> None:
    pages = [str(page.relative_to(ROOT)) for page in (*PAGES, *ROOT.glob("*.md")) if page != ROOT / "README.md"]
    listed = re.findall(
        r"^ +- .*: (\S+\.md)$", (ROOT / "docs" / "mkdocs.yml").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert sorted(listed) == sorted({*pages, "README.md"})


def test_the_diagrams_are_what_their_script_draws(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "scripts").mkdir()
    script = tmp_path / "scripts" / "build-diagrams"
    script.write_bytes((ROOT / "scripts" / "build-diagrams").read_bytes())
    subprocess.run([sys.executable, script], check=True)
    drawn = {path.name: path.read_text() for path in (tmp_path / "docs").glob("*.svg")}
    assert drawn == {path.name: path.read_text() for path in (ROOT / "docs").glob("*.svg")}
    pages = "".join(TEXTS.values())
    assert [name for name, text in drawn.items() if f"]({name})" not in pages or "http" in text.split(">", 1)[1]] == []


@pytest.mark.slow
def test_the_site_is_built_and_each_of_its_links_leads_somewhere(tmp_path: Path) -> None:
    need(str(Path(sys.executable).with_name("mkdocs")))
    done = subprocess.run(
        [ROOT / "scripts" / "site", tmp_path / "site"],
        env={**os.environ, "PYTHON": sys.executable}, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "Cut over" in (tmp_path / "site" / "docs" / "moving" / "index.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("group", [[], ["update"]])
def test_help_tells_of_each_command_in_a_whole_sentence(group: list[str]) -> None:
    """In 80 columns: click cuts longer first sentences short."""
    written = CliRunner().invoke(main, [*group, "--help"], env={"COLUMNS": "80"}).stdout
    told = re.findall(r"^  [a-z][a-z-]* {2,}([A-Z].*)$", written, re.MULTILINE)
    assert told != []
    assert [line for line in told if not re.fullmatch(r"[A-Z].*[^.]\.", line)] == []


def commands(group: click.Group, name: str = "mirrorlist") -> dict[str, click.Command]:
    """Every command by its whole name."""
    found: dict[str, click.Command] = {}
    for each in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), each)
        assert command is not None
        found |= (
            commands(command, f"{name} {each}") if isinstance(command, click.Group) else {f"{name} {each}": command}
        )
    return found


ALL = commands(main)


def options(command: click.Command) -> set[str]:
    return {name for each in command.params for name in each.opts if name.startswith("--")}


def options_in(text: str) -> set[str]:
    return set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", text))


def section(name: str) -> str:
    return COMMANDS.split(f"\n### {name}\n")[1].split("\n#")[0]


def test_every_command_has_its_section_and_its_row() -> None:
    assert set(re.findall(r"^### (mirrorlist .*)$", COMMANDS, re.MULTILINE)) == set(ALL)
    rows = COMMANDS.split("\n## All commands\n")[1].split("\n## ")[0]
    assert [name for name in ALL if not re.search(rf"^\| `{name}\b", rows, re.MULTILINE)] == []


@pytest.mark.parametrize("name", ALL)
def test_every_option_is_explained_with_its_command_or_on_its_page(name: str) -> None:
    told = section(name)
    rows = "\n".join(re.findall(r"^\| (`--.*?) \|", told, re.MULTILINE))
    assert options_in(rows) - options(ALL[name]) == set()
    on_pages = {
        option for page in re.findall(r"\((\w[\w-]*\.md)\)", told) for option in options_in(TEXTS[ROOT / "docs" / page])
    }
    explained = options_in(told) or on_pages
    assert options(ALL[name]) - explained - {"--help", "--version"} == set()


def test_the_options_before_the_command_are_explained() -> None:
    assert options(main) - {"--version"} == options_in(COMMANDS.split("\n## ")[0]) - {"--help"}


def test_each_shell_whose_completion_is_explained_has_one() -> None:
    lines = re.findall(r"^\| (\w+) \| `.*_MIRRORLIST_COMPLETE=(\w+)_source mirrorlist", COMMANDS, re.MULTILINE)
    assert lines == [("bash", "bash"), ("zsh", "zsh"), ("fish", "fish")]
    for shell, _ in lines:
        kind = get_completion_class(shell)
        assert kind is not None
        found = kind(main, {}, "mirrorlist", "_MIRRORLIST_COMPLETE").get_completions(["update"], "g")
        assert [each.value for each in found] == ["geo"]


def test_every_order_and_state_of_the_table_of_mirrors_is_named() -> None:
    told = set(re.findall(r"`(?:sort=)?([a-z]+)`", TEXTS[ROOT / "docs" / "pages-and-api.md"]))
    assert {*SORTS, *MirrorState} - told == set()


EXAMPLE = re.findall(r"```yaml\n(.*?)```", TEXTS[ROOT / "docs" / "mirror-files.md"], re.DOTALL)[0]
SHORTER = re.sub(
    "^   ",
    "",
    re.findall(r"```yaml\n(.*?)```", TEXTS[ROOT / "docs" / "submitting.md"], re.DOTALL)[0],
    flags=re.MULTILINE,
)


@pytest.mark.parametrize(
    ("page", "example", "written", "instead"),
    [
        ("mirror-files.md", EXAMPLE, '"NO"', "Norway"),
        ("findings.md", EXAMPLE, "http://mirror.example.org/", "http://mirror.example.org:22/"),
        ("submitting.md", SHORTER, "3h", "1d"),
    ],
)
def test_the_finding_that_a_page_shows_is_what_validate_tells(
    page: str, example: str, written: str, instead: str, tmp_path: Path
) -> None:
    (tmp_path / "service.yml").write_text(SERVICE)
    file = tmp_path / "mirror.example.org.yml"
    file.write_text(example.replace(written, instead))

    [found] = judge_submissions((file,), tmp_path / "mirrors.d", terms_of(read_service(tmp_path / "service.yml")[0]))

    shown = re.findall(
        r"^ +mirrors\.d/(\S+:\d+:\d+: [^\n]+(?:\n +\w[^\n]*)*)", TEXTS[ROOT / "docs" / page], re.MULTILINE
    )
    assert [" ".join(each.split()) for each in shown] == [
        str(each).replace(f"{tmp_path}/", "") for each in found.reviewed.findings
    ]
