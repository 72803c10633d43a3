"""probe and the answers after it on the networks that examples/ ships, played on loopback."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from mirrorlist.cli.main import main
from mirrorlist.store.snapshot_files import read_newest
from tests.checks.servers import answer, serving
from tests.cli.test_probe_kinds import IMAGES, OLD, suite
from tests.cli.test_probe_whole import REPOSITORY, Site, repository
from tests.web.asking import both

EXAMPLES = Path(__file__).parents[2] / "examples"
RUNS = 5
GOOD = ("one", "two", "three")
BAD = ("dead", "stale", "half", "gone", "autoindex")
Files = dict[str, bytes]


def below(prefix: str, files: Files) -> Files:
    return {prefix + path: body for path, body in files.items()}


def xcp_ng(turn: int) -> dict[str, Files]:
    found: Files = {}
    for version in ("8.2", "8.3"):
        for name in ("base", "updates"):
            for path, body in repository(turn).items():
                found[f"8/{version}/{name}/x86_64/{path.removeprefix(REPOSITORY)}"] = body
    return {"main": found}


def armbian(turn: int) -> dict[str, Files]:
    main_files: Files = {}
    for name in ("bookworm", "jammy", "noble", "trixie"):
        main_files |= suite(name, turn)
    images = {path: body * turn for path, body in IMAGES.items()}
    return {"main": main_files} | {each: below(f"{each}/", images) for each in ("images", "archive", "oldarchive")}


def page(connection: socket.socket, head: bytes) -> None:
    """A server that shows a page about its directory for whatever it is asked."""
    body = b"<!DOCTYPE html><html><title>Index of /</title></html>"
    whole = answer(body=body)
    connection.sendall(whole[: -len(body)] if head.startswith(b"HEAD") else whole)


class Played:
    """An example's service.yml with mirrors on loopback, an origin in a directory and no other network."""

    def __init__(self, name: str, directory: Path) -> None:
        self.directory = directory
        document: dict[str, Any] = yaml.safe_load((EXAMPLES / name / "service.yml").read_text())
        self.modules = list(document["modules"])
        document |= {
            "profile": "intranet",
            "intranet_networks": ["127.0.0.0/8"],
            "origin": {module: f"origin-{module}" for module in self.modules},
            "trees": [{"path": f"/{module}/", "module": module} for module in self.modules],
            "required_protocols": ["http"],
        }
        for each in ("fallbacks", "requirements"):
            document.pop(each, None)
        document["policy"]["limit"] = len(GOOD + BAD)
        (directory / "mirrors.d").mkdir()
        (directory / "service.yml").write_text(yaml.safe_dump(document))
        self.ports: dict[str, int] = {}

    def told(self, *words: str) -> str:
        found = CliRunner().invoke(main, ["--config", str(self.directory / "service.yml"), *words])
        assert found.exit_code == 0, (found.output, found.exception)
        return found.output

    def publish(self, modules: dict[str, Files]) -> None:
        for module, files in modules.items():
            for path, body in files.items():
                path = path if module == "main" else path.removeprefix(f"{module}/")
                file = self.directory / f"origin-{module}" / path
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(body)
                if "new" not in path:  # mirrors are given time for what is
                    os.utime(file, (OLD, OLD))
        self.told("update", "metadata")
        self.told("publish")

    def join(self, name: str, port: int) -> None:
        self.ports[name] = port
        urls = {module: {"http": f"http://127.0.0.1:{port}/{module}/"} for module in self.modules if module != "main"}
        text = {"name": f"{name}.example.org", "address": {"http": f"http://127.0.0.1:{port}/"},
                "update_frequency": "1h", "sponsor": "Example", "sponsor_url": "https://example.org/"}  # fmt: skip
        written = yaml.safe_dump(text | ({"address_optional": urls} if urls else {}))
        (self.directory / "mirrors.d" / f"{name}.example.org.yml").write_text(written)

    def named(self, urls: Iterable[str]) -> set[str]:
        return {name for url in urls for name, port in self.ports.items() if f":{port}/" in url}

    def listed(self, version: str, repository: str, *more: str) -> set[str]:
        asked = ("list", "--version", version, "--repo", repository, "--ip", "198.51.100.1", *more)
        return self.named(self.told(*asked).split())

    def redirected(self, path: str) -> set[str]:
        held = both(read_newest(self.directory / "state"))
        told = held.get(path, "json", "198.51.100.1")
        assert told.status == 200, told.body
        return self.named(json.loads(told.body)["urls"])


def files_of(modules: dict[str, Files]) -> Files:
    return {path: body for files in modules.values() for path, body in files.items()}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["armbian", "xcp-ng"])
def test_of_an_example_s_network_every_good_mirror_is_listed_and_every_bad_one_out(name: str, tmp_path: Path) -> None:
    made = {"armbian": armbian, "xcp-ng": xcp_ng}[name]
    old, new = files_of(made(1)), files_of(made(2))
    half = {path: body for path, body in new.items() if not path.endswith((".rpm", ".deb", "big.img"))}
    sites = {each: Site(dict(new)) for each in GOOD} | {"stale": Site(old), "half": Site(half), "gone": Site({})}
    played = Played(name, tmp_path)
    with ExitStack() as servers:
        for each, site in {**sites, "autoindex": page}.items():
            played.join(each, servers.enter_context(serving(site, "127.0.0.1")).port)
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
        played.join("dead", port)
        assert set(played.ports) == {*GOOD, *BAD}
        played.publish(made(2))
        for _ in range(RUNS):
            played.told("probe", "--once")
        played.told("publish")
        if name == "xcp-ng":
            lists = [played.listed(v, repo, "--arch", "x86_64") for v in ("8.2", "8.3") for repo in ("base", "updates")]
            assert lists == [{*GOOD}] * 4
        else:
            assert [played.listed(v, "apt") for v in ("bookworm", "jammy", "noble", "trixie")] == [{*GOOD}] * 4
            assert [played.redirected(f"/{each}/big.img") for each in played.modules[1:]] == [{*GOOD}] * 3
