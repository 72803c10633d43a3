"""scripts/check-words names each word that has a better one, and nothing that people write here has one."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

complaints = runpy.run_path(str(Path(__file__).parents[1] / "scripts" / "check-words"))["complaints"]


@pytest.mark.slow
def test_pages_help_and_unreleased_changes_use_plain_words() -> None:
    assert complaints([]) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("A fault is told.", ["1: 'told': write shows, says, reports or reported"]),
        ("One.\n\nIt works by\nitself.", ["3: 'by itself': write automatically, or alone"]),
        ("| `--port` | The port; `80` otherwise. |", ["1: '` otherwise': write default: X"]),
        ("Mended anew.", ["1: 'Mended': write fix, repair", "1: 'anew': write again"]),
        ("```\nmend\n```\n\nmend", ["5: 'mend': write fix, repair"]),
        ("```\nmend\n```\n`mend` [a](mend.md) https://mend.example/ {{ mend }} {% if mend %}", []),
        ("A worker is told to stop; 9 stands for the version; recommended, amend, mend-up.", []),
        ("", []),
    ],
)
def test_a_word_is_named_with_line_and_remedy_and_code_is_left_alone(
    text: str, found: list[str], tmp_path: Path
) -> None:
    page = tmp_path / "page.md"
    page.write_text(text)
    assert complaints([str(page)]) == [f"{page}:{each}" for each in found]


def test_what_was_released_stays_as_it_was(tmp_path: Path) -> None:
    changes = tmp_path / "CHANGELOG.md"
    changes.write_text("# Changelog\n\n## Unreleased\n\n- It is told.\n\n## 0.1.0\n\n- It was told.\n")
    assert [line.split(": ")[0] for line in complaints([str(changes)])] == [f"{changes}:5"]


def test_messages_docstrings_and_comments_are_read_and_code_is_not(tmp_path: Path) -> None:
    code = tmp_path / "code.py"
    code.write_text('"""It is told: ``told``."""\n\nTOLD = "told"  # mend\nlog.error(\n    f"{TOLD} is told",\n)\n')
    told = "'told': write shows, says, reports or reported"
    assert complaints([str(code)]) == [f"{code}:1: {told}", f"{code}:3: 'mend': write fix, repair", f"{code}:5: {told}"]
