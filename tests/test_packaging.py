"""The packages: built here, laid over this machine's /usr in a mount of the test's own, and used as installed."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.clients.tools import need

pytestmark = [pytest.mark.client, pytest.mark.slow]

ROOT = Path(__file__).parents[1]
INSTALLED = "mount -t overlay overlay -o lowerdir={tree}/usr:/usr /usr && cd {work} && "
USED = (
    "man --pager=cat mirrorlist >man.txt && mirrorlist --version && mirrorlist --state {work}/state init {work}/etc --host mirrors.example.org >init.log && "
    "mirrorlist --config {work}/etc/service.yml validate && mirrorlist --config {work}/etc/service.yml publish && "
    "mirrorlist --config {work}/etc/service.yml list --ip 192.0.2.1 --version 9 --repo baseos"
)
HELD = (
    "usr/bin/mirrorlist", "usr/lib/mirrorlist/bin/python3", "usr/lib/sysusers.d/mirrorlist.conf",
    "usr/share/man/man1/mirrorlist.1.gz", "usr/share/bash-completion/completions/mirrorlist",
    "usr/share/fish/vendor_completions.d/mirrorlist.fish",
    "usr/share/doc/mirrorlist/docs/install.md", "usr/share/doc/mirrorlist/deploy/nginx/mirrorlist.conf",
)  # fmt: skip


def build(script: str, directory: Path) -> Path:
    """The package that a script of packaging/ makes; its path is the last line that it prints."""
    done = subprocess.run(
        [str(ROOT / "packaging" / script), str(directory)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return Path(done.stdout.splitlines()[-1])


def unpack(package: Path, tree: Path) -> None:
    tree.mkdir()
    if package.suffix == ".deb":
        subprocess.run(["dpkg-deb", "--extract", str(package), str(tree)], check=True)
        return
    with subprocess.Popen(["rpm2cpio", str(package)], stdout=subprocess.PIPE) as archive:
        subprocess.run(["cpio", "--quiet", "-idm"], stdin=archive.stdout, cwd=tree, check=True)


@pytest.mark.parametrize(
    ("script", "programs"),
    [("build-deb", ("dpkg-buildpackage", "dh")), ("build-rpm", ("rpmbuild", "rpm2cpio", "cpio"))],
)
def test_a_package_works_where_it_is_installed(script: str, programs: tuple[str, ...], tmp_path: Path) -> None:
    need(*programs, "unshare")
    if os.geteuid() != 0:
        pytest.skip("only root can mount a package's files")
    package, tree, work = build(script, tmp_path / "dist"), tmp_path / "tree", tmp_path / "work"
    unpack(package, tree)
    work.mkdir()
    for path in HELD:
        assert os.path.lexists(tree / path), path
    assert len([*tree.glob("usr/share/zsh/*/_mirrorlist")]) == 1
    units = {path.name for path in tree.rglob("mirrorlist*.service") if "systemd/system" in str(path)}
    assert units == {path.name for path in (ROOT / "deploy" / "systemd").glob("*.service")}
    named = subprocess.run(
        ["grep", "--recursive", "--files-with-matches", "--extended-regexp", "/tmp/tmp\\.|BUILDROOT", str(tree)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert named.stdout == ""  # nothing of where it was built
    command = (INSTALLED + USED).format(tree=tree, work=work)
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-ec", command], capture_output=True, text=True, check=False,
        env={"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "HOME": str(work)},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "https://mirror.example.org/linux/9.8/BaseOS/$basearch/os/"
    unit = (work / "etc" / "systemd" / "mirrorlist.service").read_text()
    assert re.search(r"^ExecStart=/usr/bin/mirrorlist ", unit, re.MULTILINE)
