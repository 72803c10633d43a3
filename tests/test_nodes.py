"""Several machines for real: a publisher, its channel over http, and nodes without database or mirror files."""

from __future__ import annotations

import http.server
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import pytest

from tests.serving import PATH, ask, checkout, free_port, mirror_file, put, served, serving, until

SECONDS = 5.0
"""How far behind a node may be."""


@contextmanager
def web_server(directory: Path) -> Iterator[str]:
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

    with served(http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(directory)))) as url:
        yield f"{url}/"


@pytest.mark.slow
def test_nodes_follow_within_seconds_and_answer_on_without_the_publisher(tmp_path: Path) -> None:
    config = checkout(tmp_path / "center", "a.example.org")
    made = subprocess.run(
        [sys.executable, "-m", "mirrorlist", "channel-key", str(tmp_path / "center" / "key")],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    key = made.stdout.strip()
    with config.open("a") as file:
        file.write("channel: {directory: channel, key_file: key}\n")
    channel = tmp_path / "center" / "channel"
    channel.mkdir()
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    with ExitStack() as nodes:
        url = nodes.enter_context(web_server(channel))
        with serving(config) as center:
            until(30, (channel / "latest.json").exists)
            one = nodes.enter_context(serving(tmp_path / "one" / "service.yml", "--follow", url, "--key", key))
            two = nodes.enter_context(serving(tmp_path / "two" / "service.yml", "--follow", str(channel), "--key", key))
            assert ask(one.port) == ask(two.port) == ask(center.port)
            put(tmp_path / "center" / "mirrors.d" / "b.example.org.yml", mirror_file("b.example.org"))
            until(30, lambda: "b.example.org" in ask(center.port)[1])
            for node in (one, two):
                until(SECONDS, lambda node=node: "b.example.org" in ask(node.port)[1])  # type: ignore[misc]
            until(SECONDS, lambda: len({ask(each.port) for each in (center, one, two)}) == 1)
        good = (channel / "latest.json").read_bytes()
        put(channel / "latest.json", good.replace(b"built_at", b"bui1t_at"))
        until(30, lambda: all("not signed with this key" in node.log() for node in (one, two)))
        put(tmp_path / "center" / "mirrors.d" / "c.example.org.yml", mirror_file("c.example.org"))
        for node in (one, two):
            assert ask(node.port)[0] == 200
            assert "b.example.org" in ask(node.port, PATH)[1]
            assert not (tmp_path / "one" / "state" / "mirrorlist.sqlite").exists()
        with serving(config) as center:
            for node in (one, two):
                until(30, lambda node=node: "c.example.org" in ask(node.port)[1])  # type: ignore[misc]
        assert "b.example.org" in ask(one.port)[1]


@pytest.mark.slow
def test_publishers_hand_over_to_each_other_what_their_own_workers_count(tmp_path: Path) -> None:
    names, ports = ("east", "west"), (free_port(), free_port())
    sites = [checkout(tmp_path / name, "a.example.org") for name in names]
    keys = [config.parent / "node.key" for config in sites]
    nodes = "nodes:\n"
    for name, key in zip(names, keys, strict=True):
        made = subprocess.run(
            [sys.executable, "-m", "mirrorlist", "channel-key", str(key)], capture_output=True, text=True, check=True
        )
        nodes += f"  {name}: {made.stdout.strip()}\n"
    for config in sites:
        put(config, config.read_text() + nodes)
    to = " ".join(f"http://127.0.0.1:{port}/" for port in ports)
    with ExitStack() as running:
        for name, config, key, port in zip(names, sites, keys, ports, strict=True):
            settings = {
                "MIRRORLIST_COUNTS_TO": to, "MIRRORLIST_NODE": name, "MIRRORLIST_NODE_KEY": str(key),
            }  # fmt: skip
            running.enter_context(serving(config, port=port, settings=settings))
        for port, times in zip(ports, (3, 5), strict=True):
            for _ in range(times):
                ask(port)
        counts = [config.parent / "state" / "counts" for config in sites]
        until(60, lambda: all([*each.glob("*/node-*")] for each in counts))
        assert [sorted({file.name for file in each.glob("*/node-*")}) for each in counts] == [
            ["node-west.cells"], ["node-east.cells"],
        ]  # fmt: skip
        until(10, lambda: all("is this machine" in (config.parent / "log").read_text() for config in sites))


@pytest.mark.slow
def test_following_and_publishing_do_not_go_together(tmp_path: Path) -> None:
    def said(*options: str) -> str:
        command = [sys.executable, "-m", "mirrorlist", "--state", str(tmp_path), "serve", "--port", "1", *options]
        return subprocess.run(command, capture_output=True, text=True).stderr

    assert "--follow and --key go together" in said("--follow", "x")
    assert "--follow and --key go together" in said("--key", "x")
    assert "a key is 32 bytes in base64" in said("--follow", "x", "--key", "y")
    assert "--probe belongs to the publisher's machine" in said("--follow", "x", "--key", "y", "--probe")
