"""The table of what asking came to: text of strangers stays text, to a terminal and to a log that obeys lines."""

from __future__ import annotations

import pytest

from mirrorlist.cli.output.reviews import tell_ways
from mirrorlist.core.review import EndpointResult, Reviewed


@pytest.mark.parametrize(
    "came", ["[/x] [bold]y", "::error::x", f"{'x' * 70} ::error title=x::y", "##[error]x", "\x1b[2J"]
)
def test_nothing_that_a_mirror_answers_becomes_a_command_or_markup(
    came: str, capsys: pytest.CaptureFixture[str]
) -> None:
    seen = EndpointResult("main", "https ipv4", "https://a.example.org/", False, came, 0.1)

    tell_ways([Reviewed("a.yml", (), name="a.example.org", seen=(seen,))])

    said = capsys.readouterr().out
    assert "BAD" in said
    assert ("[/x] [bold]y" in said) == (came == "[/x] [bold]y")
    assert all(each.isprintable() or each == "\n" for each in said)
    assert not [line for line in said.splitlines() if line.lstrip().startswith("::") or "##[" in line]
