"""A second validator of JSON Schema, in another language, says the same of every file: editors agree with the judge."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from mirrorlist.sources.yaml.documents import Document
from mirrorlist.sources.yaml.reader import read_yaml
from mirrorlist.sources.yaml.schemas import load_schema, refused
from tests.clients.tools import need, run
from tests.data.submissions import HOSTILE, NEIGHBOURS, VALID, WARNED, contents
from tests.sources.yaml.test_schemas import REFUSED, changed

pytestmark = pytest.mark.client

SOURCES = Path(__file__).parents[1] / "data" / "ajv"


@pytest.fixture(scope="module")
def ajv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the validator, exactly as the lock file says."""
    need("node", "npm")
    directory = tmp_path_factory.mktemp("ajv")
    for file in SOURCES.iterdir():
        shutil.copy(file, directory)
    done = run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", cwd=directory)
    assert done.returncode == 0, done.stderr
    return directory


def verdicts(ajv: Path, name: str, values: list[Any]) -> list[bool]:
    (ajv / "asked.json").write_text(json.dumps({"schema": load_schema(name), "values": values}))
    done = run("sh", "-c", "node judge.cjs < asked.json", cwd=ajv)
    assert done.returncode == 0, done.stderr
    found: list[bool] = json.loads(done.stdout)
    return found


def values() -> list[Any]:
    """Every example of this suite that is YAML: as the schema's own table has it, and as files hold it."""
    texts = [row[2] for rows in HOSTILE.values() for row in rows] + [row[2] for row in WARNED]
    files = [contents(text) for text in [*texts, *VALID.values(), *NEIGHBOURS.values()]]
    read = [read_yaml(data, "m.yml", len(data)).root for data in files]
    return [*(changed(changes) for _, changes in REFUSED), *(root for root in read if root is not None), [], "x", None]


def test_both_validators_say_the_same_of_mirror_files(ajv: Path) -> None:
    asked = values()

    ours = [not refused(Document("m.yml", value), "mirror") for value in asked]

    assert len(asked) > 400
    assert 50 < sum(ours) < len(ours) - 100
    different = [
        value for value, one, other in zip(asked, ours, verdicts(ajv, "mirror", asked), strict=True) if one != other
    ]
    assert different == []


def test_the_second_validator_understands_the_schema_of_service_files_too(ajv: Path) -> None:
    good = {"versions": ["9"], "arches": {"9": ["x86_64"]}, "repos": [{"name": "baseos", "path": "BaseOS/"}]}
    asked = [good, {**good, "nonsense": 1}, {**good, "versions": "9"}, {}]

    assert verdicts(ajv, "service", asked) == [not refused(Document("s.yml", value), "service") for value in asked]


def test_the_lock_file_pins_every_package_by_its_digest() -> None:
    packages = json.loads((SOURCES / "package-lock.json").read_text())["packages"]
    packages.pop("")

    assert packages
    assert all(re.fullmatch(r"sha512-[A-Za-z0-9+/=]{88}", each["integrity"]) for each in packages.values())
