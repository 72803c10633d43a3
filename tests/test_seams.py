"""The table "Where a change goes" of docs/architecture.md: each change is planted in a copy, and every path asked.

The copy is the package itself with a few lines more, run by an interpreter of its own; nothing is patched.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]


class Copy:
    """A copy of the package that changes are planted in."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        shutil.copytree(
            ROOT / "mirrorlist", directory / "mirrorlist", ignore=shutil.ignore_patterns("__pycache__", "data")
        )
        (directory / "mirrorlist" / "data").symlink_to(ROOT / "mirrorlist" / "data")

    def replace(self, path: str, before: str, after: str) -> None:
        """Changes a text that is in a file once."""
        file = self.directory / "mirrorlist" / path
        text = file.read_text()
        assert text.count(before) == 1, f"{before!r} is {text.count(before)} times in {path}"
        file.write_text(text.replace(before, after))

    def write(self, path: str, text: str) -> None:
        """Adds a file."""
        (self.directory / "mirrorlist" / path).write_text(text)

    def run(self, *arguments: str) -> Any:
        """The JSON that a program prints which runs with the copy."""
        path = os.pathsep.join([str(self.directory), str(ROOT)])
        done = subprocess.run(
            [sys.executable, *arguments],
            env={"PYTHONPATH": path, "PATH": os.defpath, "PYTHONDONTWRITEBYTECODE": "1"},
            cwd=self.directory,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    return Copy(tmp_path)


RULE = '''
def never_planted(mirror: Mirror, module: str, client: ClientPlace, match: Match | None) -> Reason | None:
    """The planted mirror is left out."""
    return Reason.PAUSED if mirror.name == "planted.example.org" else None


RULES: tuple[Rule, ...] = (never_planted, '''


@pytest.mark.slow
def test_a_rule_is_one_function_in_one_tuple(copy: Copy) -> None:
    before = copy.run("-m", "tests.data.planted.rule")
    assert set(before.values()) == {True}, before
    copy.replace("core/rules.py", "\nRULES: tuple[Rule, ...] = (", RULE)
    after = copy.run("-m", "tests.data.planted.rule")
    assert {path for path, counts in after.items() if counts} == set()
    assert len(after) == 18


FIELD = """
import json, sys
from pathlib import Path
from mirrorlist.core.snapshot import decode, encode
from mirrorlist.sources.mirrors.files import read_mirror_files
from mirrorlist.sources.places.countries import read_countries
from tests.building import snapshot

directory = Path("mirrors.d")
directory.mkdir()
(directory / "m.example.org.yml").write_text(
    "name: m.example.org\\naddress: {https: 'https://m.example.org/'}\\nplanted: deep\\n"
)
files = read_mirror_files(directory, frozenset({"main"}), read_countries())
[mirror] = files.mirrors.values()
kept = decode(memoryview(encode(snapshot([mirror])))).mirrors[0]
json.dump([mirror.planted, kept.planted, [str(each) for each in files.findings]], sys.stdout)
"""


def test_a_field_is_a_row_of_the_schema_of_the_model_and_of_the_reader(copy: Copy) -> None:
    schema = json.loads((ROOT / "schemas" / "mirror.json").read_text())
    schema["properties"]["planted"] = {"type": "string"}
    copy.write("schemas/mirror.json", json.dumps(schema))
    copy.replace(
        "core/model.py",
        "    agreement: str | None = None\n",
        "    agreement: str | None = None\n    planted: str = ''\n",
    )
    copy.replace(
        "sources/mirrors/fields.py",
        '        agreement=fields.get("agreement"),\n',
        '        agreement=fields.get("agreement"),\n        planted=fields.get("planted", ""),\n',
    )
    assert copy.run("-c", FIELD) == ["deep", "deep", []]


FORMAT = """
import json, sys
from tests.building import mirror, snapshot
from tests.web.asking import both

answer = both(snapshot([mirror("m")])).get("/mirrorlist/9/baseos", "format=planted&arch=x86_64")
json.dump([answer.status, answer.headers["content-type"], answer.body.decode()], sys.stdout)
"""


@pytest.mark.slow
def test_a_format_is_a_file_and_a_row(copy: Copy) -> None:
    copy.write(
        "formats/planted.py",
        '"""Names only."""\n\nCONTENT_TYPE = "text/x-planted"\n\n\n'
        'def planted(selection):\n    return " ".join(each.mirror.name for each in selection.choices).encode()\n',
    )
    copy.replace("formats/registry.py", "mirrorlist, pacman\n", "mirrorlist, pacman, planted\n")
    copy.replace(
        "formats/registry.py",
        '    "isolist": ListFormat(',
        '    "planted": ListFormat(planted.CONTENT_TYPE, planted.planted),\n    "isolist": ListFormat(',
    )
    assert copy.run("-c", FORMAT) == [200, "text/x-planted", "m.example.org"]


LAYOUT = """
import json, sys
from mirrorlist.sources.geo.records import record_of

json.dump(record_of({"planted": {"code": "DE"}}).location.country, sys.stdout)
"""


def test_a_layout_of_address_databases_is_one_function(copy: Copy) -> None:
    copy.replace(
        "sources/geo/records.py",
        "    registered = _mapping(",
        '    if "planted" in fields:\n        return _code(_mapping(fields, "planted").get("code"))\n'
        "    registered = _mapping(",
    )
    assert copy.run("-c", LAYOUT) == "DE"
