"""Kits for tests: the plan of a small mirror, and its files on disk."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mirrorlist.core.catalogue.service import Module, Service
from mirrorlist.core.model import MAIN, Mirror, Protocol
from mirrorlist.core.owners.kit import Kit, Server, kit_for, no_faults
from mirrorlist.kit.writing import written
from tests.building import mirror, service

TITLES = {MAIN: Module(title="Main", rsync="rsync://rsync.example.net/linux/", space_gb=900, interval_seconds=10_800),
          "kitten": Module(title="Kitten", rsync="rsync://rsync.example.net/kitten/")}  # fmt: skip


def of_two_trees(http: str = "", https: str = "", rsync: str = "", host: str = "m.example.org") -> Mirror:
    """A mirror of main and kitten; the texts are put behind the host, such as ``:8080``."""

    def book(path: str) -> Mapping[Protocol, str]:
        return {
            Protocol.HTTPS: f"https://{host}{https}{path}",
            Protocol.HTTP: f"http://{host}{http}{path}",
            Protocol.RSYNC: f"rsync://{host}{rsync}{path}",
        }

    return mirror("m", "berlin", urls={MAIN: book("/linux/"), "kitten": book("/linux-kitten/")})


def a_service(**fields: Any) -> Service:
    return service(**{"modules": TITLES, "time_file": "TIME", "name": "Example Linux"} | fields)


def plan(of: Mirror | None = None, root: str = "/srv/mirror", **fields: Any) -> Kit:
    own = of or of_two_trees()
    return kit_for(a_service(**fields), own, (own,), no_faults, root)


def put(kit: Kit, directory: Path, server: Server = Server.NGINX) -> Path:
    """The kit's files below a directory, as the command writes them."""
    for file in written(kit, server):
        path = directory / file.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(file.text, encoding="utf-8")
        path.chmod(0o755 if file.program else 0o644)
    return directory
