"""Runs the real dnf with its configuration, caches, logs and packages below one directory of the test."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

TIMEOUT_SECONDS = 120


class Dnf:
    """A dnf of its own: nothing of the system's dnf is read, nothing outside ``root`` is written.

    ``arch`` and ``releasever`` fill ``$basearch`` and ``$releasever`` in the repositories' URLs.
    """

    def __init__(self, root: Path, *, releasever: str = "9", arch: str = "x86_64") -> None:
        self.root = root
        self.options = (
            f"--config={root / 'dnf.conf'}",
            f"--installroot={root / 'installroot'}",
            f"--releasever={releasever}",
            f"--forcearch={arch}",
            "--noplugins",
            "--assumeyes",
            f"--setopt=reposdir={self.reposdir}",
            f"--setopt=cachedir={self.cachedir}",
            f"--setopt=persistdir={root / 'persist'}",
            f"--setopt=logdir={root / 'log'}",
            f"--setopt=varsdir={root / 'vars'}",
        )
        for directory in (self.reposdir, self.cachedir, root / "installroot", root / "log", root / "vars"):
            directory.mkdir(parents=True, exist_ok=True)
        (root / "dnf.conf").write_text("[main]\ngpgcheck=0\ntimeout=5\nzchunk=0\n")

    @property
    def reposdir(self) -> Path:
        return self.root / "repos.d"

    @property
    def cachedir(self) -> Path:
        return self.root / "cache"

    def add_repository(self, name: str, **settings: str) -> None:
        """Write a repository file: ``add_repository("baseos", metalink="http://...")``."""
        (self.reposdir / f"{name}.repo").write_text(repository_section(name, settings))

    def makecache(self) -> subprocess.CompletedProcess[str]:
        """Fetch the metadata again, whatever is cached."""
        return self.run("makecache")

    def repoquery(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """One ``name-epoch:version-release.arch`` a line on stdout."""
        return self.run("--quiet", "repoquery", *arguments)

    def download(self, name: str) -> subprocess.CompletedProcess[str]:
        """Download a package as for an installation; ``downloaded`` tells the files."""
        return self.run("install", "--downloadonly", name)

    def downloaded(self) -> list[str]:
        """The names of all packages in the cache, sorted."""
        return sorted(path.name for path in self.cachedir.rglob("*.rpm"))

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Any other command. The output is text, in English."""
        return subprocess.run(
            ["dnf", *self.options, *arguments],
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "HOME": str(self.root)},
        )


def repository_section(name: str, settings: Mapping[str, str]) -> str:
    lines = {"name": name, "enabled": "1", "gpgcheck": "0", **settings}
    return "".join([f"[{name}]\n", *(f"{key}={value}\n" for key, value in lines.items())])
