"""scripts/validate-mirrors in real repositories: what a pull request touches is judged, by what the base says."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.data.submissions import FILE, HEAD, NAME, SERVICE

ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / "scripts" / "validate-mirrors"
WORKFLOW = ROOT / ".github" / "workflows" / "mirrors.yml"
OLD = "mirrors.d/old.example.net.yml"
MONOPOLY = "private: true\nmonopoly: true\nasn: 3320\n"


@dataclass
class Repository:
    """A repository whose base is committed; tests change it and run the script."""

    root: Path

    def git(self, *words: str) -> str:
        done = subprocess.run(["git", "-C", self.root, *words], capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def put(self, path: str, text: str) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def commit(self) -> str:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", "change")
        return self.git("rev-parse", "HEAD")

    def judge(self, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """The script's verdict, compared with the branch that is the base."""
        return self.told("--brief", *options, **environment)

    def told(self, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """The verdict, and what the change does."""
        given = {key: value for key, value in os.environ.items() if not key.startswith(("GITHUB_", "PYTHON"))}
        return subprocess.run(
            [sys.executable, SCRIPT, *options, "--", "base"], cwd=self.root, env={**given, **environment},
            capture_output=True, text=True, encoding="utf-8", errors="surrogateescape", timeout=120, check=False,
        )  # fmt: skip


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    found = Repository(tmp_path / "checkout")
    found.root.mkdir()
    subprocess.run(["git", "init", "--quiet", "--initial-branch=base", found.root], check=True)
    for key, value in (("user.name", "Test"), ("user.email", "test@example.org"), ("commit.gpgsign", "false")):
        found.git("config", key, value)
    found.put("service.yml", SERVICE)
    found.put(OLD, HEAD.replace(NAME, "old.example.net") + "subnets: [141.23.0.0/24]\n")
    found.put("mirrors.d/legacy.example.net.yml", "name: [")
    found.commit()
    found.git("checkout", "--quiet", "-b", "proposed")
    return found


@pytest.mark.slow
def test_a_good_new_mirror_is_accepted_whatever_else_is_broken(repository: Repository) -> None:
    repository.put(f"mirrors.d/{FILE}", HEAD)
    repository.commit()

    done = repository.judge()

    assert (done.returncode, done.stderr) == (0, "1 file: 1 accepted, 0 refused; 0 errors, 0 warnings\n")
    assert done.stdout == f"mirrors.d/{FILE}: placed by its city (Berlin, DE)\n"


@pytest.mark.slow
@pytest.mark.parametrize("committed", [True, False])
def test_a_bad_one_is_refused_with_its_place(repository: Repository, committed: bool) -> None:
    repository.put(f"mirrors.d/{FILE}", HEAD + "subnets: [141.23.0.128/25]\n")
    if committed:
        repository.commit()

    done = repository.judge()

    assert done.returncode == 1
    assert f"mirrors.d/{FILE}:6:11: error [overlapping-claim] subnets[0]" in done.stdout


def test_a_change_of_another_file_is_no_business_of_the_judge(repository: Repository) -> None:
    repository.put("README.md", "x")
    repository.commit()

    done = repository.judge()

    assert (done.returncode, done.stderr) == (0, "")
    assert "touches 1 files beside mirrors" in done.stdout


@pytest.mark.slow
def test_what_is_gone_is_not_judged_and_what_is_renamed_is_judged_under_its_new_name(repository: Repository) -> None:
    (repository.root / "mirrors.d" / "legacy.example.net.yml").unlink()
    repository.git("mv", OLD, "mirrors.d/renamed.yml")
    repository.commit()

    done = repository.judge()

    assert done.returncode == 0
    assert "mirrors.d/renamed.yml:1:7: warning [file-name]" in done.stdout
    assert repository.judge("--strict").returncode == 1


@pytest.mark.slow
def test_what_the_base_did_since_then_is_not_the_changes_business(repository: Repository) -> None:
    repository.put(f"mirrors.d/{FILE}", HEAD)
    repository.commit()
    repository.git("checkout", "--quiet", "base")
    repository.put("mirrors.d/later.example.net.yml", "name: [")
    repository.commit()
    repository.git("checkout", "--quiet", "proposed")

    assert repository.judge().stderr.startswith("1 file: 1 accepted")


HOSTILE_NAMES = [
    "$(touch ran).yml", "`touch ran`.yml", "; touch ran; .yml", "a\ntouch ran.yml", "-rf.yml", "--help.yml",
    "'; touch ran; '.yml", '"; touch ran; ".yml', "\n::error::x.yml", "\x1b[2J.yml", "\u202eabc.yml", "a b.yml",
    "::set-output name=a::b.yml", "##[error]x.yml", "|touch ran.yml", "&touch ran&.yml", "\udcff.yml", "<b>.yml", "[x](y).yml",
]  # fmt: skip


@pytest.mark.slow
def test_hostile_file_names_are_refused_and_do_nothing(repository: Repository) -> None:
    for name in HOSTILE_NAMES:
        repository.put(f"mirrors.d/{name}", HEAD)
    (repository.root / "mirrors.d" / "link.yml").symlink_to("/etc/passwd")
    (repository.root / "mirrors.d" / "endless.yml").symlink_to("/dev/zero")
    repository.commit()
    summary = repository.root.parent / "summary"

    done = repository.told(GITHUB_ACTIONS="true", GITHUB_STEP_SUMMARY=str(summary))

    assert done.returncode == 1
    assert done.stderr == f"{len(HOSTILE_NAMES) + 2} files: 0 accepted, {len(HOSTILE_NAMES) + 2} refused; " + (
        f"{len(HOSTILE_NAMES) + 2} errors, 0 warnings\n"
    )
    assert not list(repository.root.parent.rglob("ran"))
    commands = [line for line in done.stdout.splitlines() if line.lstrip().startswith("::")]
    assert len(commands) == len(HOSTILE_NAMES) + 2
    assert all(line.startswith("::error file=mirrors.d/") and "line=1,col=1" in line for line in commands)
    assert not any(sign in done.stdout for sign in ("\x1b", "\u202e", "##["))
    page = summary.read_text()
    assert page.count("refused\n") == len(HOSTILE_NAMES) + 2
    assert not any(sign in page for sign in ("\x1b", "\u202e", "<b>", "[x](y)"))


@pytest.mark.slow
def test_what_a_change_does_is_told_with_the_verdict(repository: Repository) -> None:
    repository.put("mirrors.d/second.example.net.yml", HEAD.replace(NAME, "second.example.net"))
    repository.commit()
    repository.git("branch", "--force", "base", "HEAD")
    repository.put(f"mirrors.d/{FILE}", HEAD)
    repository.put(
        "mirrors.d/second.example.net.yml", HEAD.replace(NAME, "second.example.net") + "bandwidth_mbps: 9000\n"
    )
    (repository.root / OLD).unlink()
    repository.commit()
    clients, summary = repository.root.parent / "clients.csv", repository.root.parent / "summary"
    clients.write_text("client,count\nDE,100\n")

    done = repository.told("--traffic", "40Gbit/s", "--clients", str(clients), GITHUB_STEP_SUMMARY=str(summary))

    assert (done.returncode, done.stderr) == (0, "2 files: 2 accepted, 0 refused; 0 errors, 0 warnings\n")
    for line in (f"{NAME}: new", "second.example.net: changed", "old.example.net: removed"):
        assert f"\n{line}\n" in done.stdout
    assert "of all clients get it first now" in done.stdout
    page = summary.read_text()
    assert page.index("## Accepted") < page.index("## What merging does") < page.index("### mirror&#46;new")


@pytest.mark.slow
def test_a_preview_that_cannot_be_made_is_no_verdict_but_no_silence(repository: Repository) -> None:
    repository.put(f"mirrors.d/{FILE}", HEAD)
    repository.commit()

    done = repository.told("--traffic", "much")

    assert done.returncode == 1
    assert "'much': write a number and one of" in done.stderr


@pytest.mark.slow
def test_nobody_approves_himself(repository: Repository) -> None:
    repository.put(f"mirrors.d/{FILE}", HEAD + MONOPOLY)
    repository.put("service.yml", SERVICE.replace("approved: [", f"approved: [{NAME}, "))
    (repository.root / "mirrors.d" / "legacy.example.net.yml").unlink()
    repository.commit()

    done = repository.judge()

    assert done.returncode == 1
    assert f"mirrors.d/{FILE}:8:6: error [needs-approval]" in done.stdout
    repository.git("branch", "--force", "base", "HEAD")
    repository.put(f"mirrors.d/{FILE}", HEAD + MONOPOLY + "sponsor: Example\n")
    assert repository.judge().returncode == 0


@pytest.mark.slow
def test_a_changed_service_file_is_judged_with_all_mirrors(repository: Repository) -> None:
    repository.put("service.yml", SERVICE + "allowed_outdate: 6h\n")
    repository.commit()
    done = repository.judge()
    assert done.returncode == 1
    assert "mirrors.d/legacy.example.net.yml:2:1: error [yaml-syntax]" in done.stdout
    assert done.stderr.splitlines()[-1].startswith("2 files: 1 accepted, 1 refused")

    repository.put("service.yml", SERVICE + "nonsense: true\n")
    done = repository.judge()
    assert done.returncode == 1
    assert "error [unknown-key]" in done.stderr


@pytest.mark.slow
def test_the_state_that_a_proposal_names_is_not_written_to(repository: Repository) -> None:
    repository.put("service.yml", SERVICE + "state_dir: kept\ngeo: {databases: [/dev/zero]}\n")
    repository.commit()

    done = repository.judge("--brief")

    assert "Traceback" not in done.stderr
    assert not (repository.root / "kept").exists()


@pytest.mark.slow
def test_a_proposal_opens_no_file_outside_of_the_repository(repository: Repository, tmp_path: Path) -> None:
    """Neither by an absolute path nor by a link; what is in such a file is not shown."""
    (tmp_path / "secret").write_text("machine example.org password hunter2\n")
    (repository.root / "names.csv").symlink_to(tmp_path / "secret")
    for named in (str(tmp_path / "secret"), "../secret", "names.csv"):
        trees = f"trees: [{{path: /dl, module: main, names: {named}}}]\n"
        repository.put("service.yml", SERVICE + trees + f"geo: {{databases: [{named}], clouds: {{aws: {named}}}}}\n")
        done = repository.judge("--online")
        assert done.stderr.count("warning [outside-file]") == 3, done.stderr
        assert "hunter2" not in done.stdout + done.stderr
        assert "1 accepted, 1 refused" in done.stderr


@pytest.mark.slow
def test_files_that_the_base_names_are_read_as_the_base_has_them(repository: Repository, tmp_path: Path) -> None:
    repository.put("names.csv", "a|b.iso\n")
    repository.put("service.yml", SERVICE + "trees: [{path: /dl, module: main, names: names.csv}]\n")
    repository.git("branch", "--force", "base", repository.commit())
    (tmp_path / "secret").write_text("machine example.org password hunter2\n")
    (repository.root / "names.csv").unlink()
    (repository.root / "names.csv").symlink_to(tmp_path / "secret")
    repository.put(f"mirrors.d/{FILE}", HEAD)
    repository.commit()

    done = repository.judge()

    assert (done.returncode, "hunter2" in done.stdout + done.stderr) == (0, False), done.stderr


@pytest.mark.slow
def test_without_a_service_file_in_the_base_all_are_judged_by_the_proposed_one(repository: Repository) -> None:
    repository.git("rm", "--quiet", "service.yml")
    repository.git("branch", "--force", "base", repository.commit())
    repository.put("service.yml", SERVICE + "state_dir: kept\n")
    repository.put(f"mirrors.d/{FILE}", HEAD)
    repository.commit()

    done = repository.told()

    assert (done.returncode, "3 files: 2 accepted, 1 refused" in done.stderr) == (1, True), done.stderr
    assert not (repository.root / "kept").exists()


def test_a_change_that_leaves_no_mirror_file_is_refused(repository: Repository) -> None:
    repository.git("rm", "-r", "--quiet", "mirrors.d")
    repository.commit()

    done = repository.judge()

    assert done.returncode == 1
    assert "2 files of mirrors.d are removed" in done.stdout
    assert "No mirror file is left in mirrors.d; put one there." in done.stdout
    assert "is changed" not in done.stdout


@pytest.mark.slow
def test_a_judge_that_comes_with_the_change_is_not_run(repository: Repository) -> None:
    repository.put("mirrorlist/__init__.py", "")
    repository.put("mirrorlist/__main__.py", "open('ran', 'w'); raise SystemExit(0)")
    repository.put("yaml.py", "open('ran', 'w')")
    repository.put("scripts/validate-mirrors", "#!/bin/sh\ntouch ran\n")
    repository.put(f"mirrors.d/{FILE}", HEAD + "asn: 64512\n")
    repository.commit()

    done = repository.judge()

    assert done.returncode == 1
    assert "error [reserved-asn]" in done.stdout
    assert not (repository.root / "ran").exists()


@pytest.mark.parametrize("name", ["mirrors.d", "service.yml"])
def test_a_link_in_place_of_the_directory_or_the_service_file_is_refused(repository: Repository, name: str) -> None:
    (repository.root / name).rename(repository.root / "away")
    (repository.root / name).symlink_to("away")
    repository.commit()

    done = repository.judge()

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"{name} is a symbolic link; put the real one there\n"


def test_an_unknown_base_is_told(repository: Repository) -> None:
    repository.git("branch", "--move", "base", "main")

    done = repository.judge()

    assert done.returncode == 1
    assert done.stderr.startswith("git rev-parse: ")


def test_the_workflow_may_read_only_and_pastes_nothing_of_a_stranger_into_a_script() -> None:
    workflow = yaml.safe_load(WORKFLOW.read_text())

    assert workflow[True] == {"pull_request": {"paths": ["mirrors.d/**", "service.yml"]}}
    assert workflow["permissions"] == {"contents": "read"}
    job = workflow["jobs"]["validate"]
    assert "permissions" not in job
    assert not any("uses" in step for step in job["steps"])
    assert not any("${{" in step["run"] for step in job["steps"])
    assert "secrets" not in WORKFLOW.read_text().replace("no secrets", "")
    assert set(job["env"].values()) == {
        "${{ github.server_url }}",
        "${{ github.repository }}",
        "${{ github.event.pull_request.base.sha }}",
        "${{ github.event.pull_request.number }}",
    }


@pytest.mark.slow
def test_the_steps_of_the_workflow_judge_a_pull_request(repository: Repository, tmp_path: Path) -> None:
    base = repository.git("rev-parse", "base")
    repository.put(f"mirrors.d/{FILE}", HEAD + "asn: 64512\n")
    repository.put("scripts/validate-mirrors", "#!/bin/sh\nexit 0\n")
    merged = repository.commit()
    repository.git("update-ref", "refs/pull/7/merge", merged)
    fetch, _, judge = (step["run"] for step in yaml.safe_load(WORKFLOW.read_text())["jobs"]["validate"]["steps"])
    work = tmp_path / "work"
    (work / "judge" / "bin").mkdir(parents=True)
    (work / "judge" / "bin" / "python").symlink_to(sys.executable)
    given = {"SERVER": f"file://{tmp_path}", "REPOSITORY": "checkout", "BASE": base, "NUMBER": "7"}
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GITHUB_")} | given
    subprocess.run(["bash", "-e", "-c", fetch], cwd=work, env=environment, check=True, capture_output=True)
    assert not (work / "base" / "mirrors.d" / FILE).exists()
    (work / "base" / "scripts").mkdir()
    (work / "base" / "scripts" / "validate-mirrors").write_bytes(SCRIPT.read_bytes())
    wrapper = work / "judge" / "bin" / "python"
    wrapper.unlink()
    wrapper.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    wrapper.chmod(0o755)

    done = subprocess.run(
        ["bash", "-e", "-c", judge], cwd=work, env=environment, check=False, capture_output=True, text=True
    )

    assert done.returncode == 1, done.stderr
    assert f"mirrors.d/{FILE}:6:6: error [reserved-asn]" in done.stdout
