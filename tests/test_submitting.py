"""docs/submitting.md tells the truth about the command, the script and the workflow."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import yaml

from mirrorlist.cli.output.preview_forms import as_json
from mirrorlist.cli.preview import preview
from mirrorlist.cli.validate import validate
from mirrorlist.sources.places.countries import read_countries
from mirrorlist.sources.service.file import read_service
from mirrorlist.sources.submissions.changes import read_client_counts
from mirrorlist.sources.submissions.judge import judge_submissions
from mirrorlist.sources.submissions.terms import terms_of
from tests.cli.test_preview import telling
from tests.cli.test_validate_online import Network
from tests.data.submissions import SERVICE

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "submitting.md").read_text(encoding="utf-8")


def options(heading: str) -> set[str]:
    section = PAGE.split(f"\n### {heading}\n")[1].split("\n### ")[0]
    return {
        name for row in re.findall(r"^\| (`--.*?) \|", section, re.MULTILINE) for name in re.findall(r"--[a-z]+", row)
    }


def test_every_option_of_the_command_is_explained() -> None:
    assert options("The command") == {name for each in validate.params for name in each.opts if name.startswith("--")}


def test_every_option_of_preview_is_explained() -> None:
    assert options("What merging does") == {name for each in preview.params for name in each.opts if name[:2] == "--"}


def test_every_key_of_a_preview_is_explained() -> None:
    def keys(found: object) -> set[str]:
        if isinstance(found, dict):
            return {*found, *(key for each in found.values() for key in keys(each))}
        return {key for each in found for key in keys(each)} if isinstance(found, list) else set()

    said = re.findall(r"`([a-z_]+)`", PAGE.split("In JSON, parts")[1])
    assert keys(json.loads(as_json(telling("mirror")))) - {"mirrorx", "name"} - set(said) == set()


def test_the_example_of_counts_is_read(tmp_path: Path) -> None:
    (tmp_path / "clients.csv").write_text(re.findall(r"```\n(client,count\n.*?)```", PAGE, re.DOTALL)[0])
    assert sum(each.clients for each in read_client_counts(tmp_path / "clients.csv", read_countries())) == 1585


def test_every_option_of_the_script_is_explained() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "validate-mirrors", "--help"], capture_output=True, text=True, check=True
    )
    assert options("In GitLab, and on a laptop") == set(re.findall(r"--[a-z]+", done.stdout)) - {"--help"}


def test_the_example_is_accepted_without_a_word(tmp_path: Path) -> None:
    (tmp_path / "service.yml").write_text(SERVICE)
    text = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)[0]
    file = tmp_path / "mirror.example.org.yml"
    file.write_text(re.sub("^   ", "", text, flags=re.MULTILINE))
    terms = terms_of(read_service(tmp_path / "service.yml")[0])

    [found] = judge_submissions((file,), tmp_path / "mirrors.d", terms)

    assert [str(each) for each in found.reviewed.findings] == []


def test_the_job_for_gitlab_is_yaml_that_runs_the_script_of_the_base() -> None:
    job = yaml.safe_load(re.findall(r"^```yaml\n(.*?)```", PAGE, re.DOTALL | re.MULTILINE)[-1])["mirrors"]
    assert job["script"][-1].startswith("../judge/bin/python ../base/scripts/validate-mirrors -- ")
    assert job["variables"] == {"GIT_DEPTH": "0"}


def test_the_keys_of_json_are_explained(tmp_path: Path) -> None:
    (tmp_path / "mirrors.d").mkdir()
    (tmp_path / "service.yml").write_text(SERVICE)
    network = Network(tmp_path)
    network.submit("http://192.0.2.1/", asn=680, private=True)
    file = network.told("--timeout", "0.1")
    keys = {*file, *(key for part in ("findings", "online") for each in file[part] for key in each)}  # type: ignore[attr-defined]
    assert keys - set(re.findall(r"`([a-z]+)`", PAGE.split("In JSON, ")[1])) == set()


def test_the_mirrors_of_this_repository_are_acceptable() -> None:
    terms = terms_of(read_service(ROOT / "service.yml")[0])
    paths = tuple(sorted((ROOT / "mirrors.d").iterdir()))

    refused = [each.reviewed for each in judge_submissions(paths, ROOT / "mirrors.d", terms)]

    assert [str(each) for file in refused for each in file.findings if each.severity == "error"] == []
