"""Commands that are run in the directory of a service."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from click.testing import CliRunner, Result

from mirrorlist.cli.main import main


@dataclass
class Commanded:
    """A directory with a service.yml, for which commands are run."""

    directory: Path

    def run(self, *words: str) -> Result:
        return CliRunner().invoke(main, ["--config", str(self.directory / "service.yml"), *words])

    def told(self, *words: str) -> str:
        found = self.run(*words)
        assert found.exit_code == 0, (found.output, found.exception)
        return found.output
