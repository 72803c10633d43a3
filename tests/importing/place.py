"""A service, a directory that gets files, and ``mirrorlist import`` between the two."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml
from click.testing import CliRunner

from mirrorlist.cli.main import main

SERVICE = """\
versions: ["9"]
arches: {"9": [x86_64], "10-kitten": [x86_64]}
repos: [{name: baseos, path: BaseOS/$basearch/os/}]
optional_module_versions: {kitten: ["10"]}
modules: {images: {}}
"""
Found = dict[str, Any]


class Place:
    """A service, and a directory that gets files."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.out = root / "out"
        (root / "service.yml").write_text(SERVICE)

    def run(self, kind: str, given: object, *words: str, status: int = 0) -> Found:
        """What is told of the mirrors, by what they are called, and under "" of the service."""
        source = given if isinstance(given, Path) else self.root / "source"
        if not isinstance(given, Path):
            data = given if isinstance(given, str | bytes) else json.dumps(given)
            source.write_bytes(data if isinstance(data, bytes) else data.encode())
        command = ["--config", str(self.root / "service.yml"), "import", kind, str(source), "--out", str(self.out)]
        done = CliRunner().invoke(main, [*command, "--format", "json", *words])
        assert done.exit_code == status, (done.output, done.exception)
        if not done.stdout:
            return {}
        document = json.loads(done.stdout)
        found = {each["said"]: each for each in document["mirrors"]}
        lost = sum(len(each["lost"]) for each in document["mirrors"])
        assert sum(document["counts"]["lost"].values()) == lost, "every loss is counted"
        return {**found, "": document["lost"]}

    def file(self, name: str) -> Found:
        """The file of a mirror."""
        found: Found = yaml.safe_load((self.out / f"{name}.yml").read_text())
        return found

    def refuses(self, kind: str, given: object, said: str, *words: str) -> None:
        """The source is refused as a whole, in one line that says so."""
        (self.root / "source").write_bytes(given if isinstance(given, bytes) else str(given).encode())
        command = ["--config", str(self.root / "service.yml"), "import", kind, str(self.root / "source")]
        done = CliRunner().invoke(main, [*command, "--out", str(self.out), *words])
        assert (done.exit_code, done.stdout) == (1, ""), done.output
        assert done.stderr.startswith("error: ")
        assert said in done.stderr
        assert not self.out.exists()
