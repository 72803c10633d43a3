""""""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from mirrorlist.sources.origin.commit import commit_of
from tests.clients.tools import need


def git(directory: Path, *arguments: str) -> str:
    who = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=main"]
    done = subprocess.run(["git", "-C", str(directory), *who, *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_the_commit_is_that_of_the_repository_around(tmp_path: Path) -> None:
    need("git")
    below = tmp_path / "mirrors.d"
    below.mkdir()
    git(tmp_path, "init", "-q")
    assert commit_of(below) is None
    git(tmp_path, "commit", "-q", "--allow-empty", "-m", "one")
    assert commit_of(below) == git(tmp_path, "rev-parse", "HEAD")


@pytest.mark.parametrize("head", ["", "nonsense", "ref: refs/heads/../../x", "\0"])
def test_a_broken_repository_has_no_commit(tmp_path: Path, head: str) -> None:
    (tmp_path / ".git" / "objects").mkdir(parents=True)
    (tmp_path / ".git" / "refs").mkdir()
    (tmp_path / ".git" / "HEAD").write_text(head)
    assert commit_of(tmp_path) is None


def test_no_repository_has_no_commit(tmp_path: Path) -> None:
    assert commit_of(tmp_path / "nowhere") is None


def test_a_repository_of_another_user_has_a_commit(tmp_path: Path) -> None:
    need("git")
    if os.geteuid() != 0:
        pytest.skip("only root can give a repository to another user")
    git(tmp_path, "init", "-q")
    git(tmp_path, "commit", "-q", "--allow-empty", "-m", "one")
    commit = git(tmp_path, "rev-parse", "HEAD")
    for path in (tmp_path, *tmp_path.rglob("*")):
        os.chown(path, 65534, 65534)
    assert commit_of(tmp_path) == commit


def test_nothing_of_the_repository_is_run(tmp_path: Path) -> None:
    need("git")
    git(tmp_path, "init", "-q")
    git(tmp_path, "commit", "-q", "--allow-empty", "-m", "one")
    for name in ("core.fsmonitor", "core.pager", "core.editor", "core.sshCommand", "alias.rev-parse"):
        git(tmp_path, "config", name, f"!touch {tmp_path}/run")
    assert commit_of(tmp_path)
    assert not (tmp_path / "run").exists()
