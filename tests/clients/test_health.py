"""What the prober finds changes what real clients get."""

from __future__ import annotations

import urllib.request
from pathlib import Path

import pytest
import yaml

from mirrorlist.demo.network import build_tree
from tests.clients.dnf import Dnf
from tests.clients.network import NEW, OLD, Network, command, network
from tests.clients.tools import need
from tests.serving import until_all

pytestmark = [pytest.mark.client, pytest.mark.slow]

VISIBLE_SECONDS = 60.0


def mirrorlist(root: Path, *arguments: str) -> None:
    command(root / "service.yml", *arguments)


def allow_loopback(root: Path) -> None:
    """The prober never connects to addresses that are not public unless the operator names them."""
    config = root / "service.yml"
    service = yaml.safe_load(config.read_text())
    config.write_text(yaml.safe_dump({**service, "intranet_networks": ["127.0.0.0/8"]}))


def listed(made: Network) -> list[str]:
    """The ports of the mirrors in the text list, in order."""
    with urllib.request.urlopen(f"{made.url}/mirrorlist/9/baseos?arch=x86_64", timeout=5) as answer:
        lines = answer.read().decode().splitlines()
    return [line.split(":")[2].partition("/")[0] for line in lines if not line.startswith("#")]


def test_dnf_sees_fresh_data_by_a_text_list_once_the_stale_mirror_was_probed(tmp_path: Path) -> None:
    need("dnf")
    with network(tmp_path, {"first": NEW, "second": NEW}) as made:
        allow_loopback(tmp_path)
        mirrorlist(tmp_path, "publish")
        mirrorlist(tmp_path, "probe", "--once")
        before = listed(made)
        assert len(before) == 2

        build_tree(made.tree("first"), [OLD])
        for _ in range(2):  # one bad look could be an accident
            mirrorlist(tmp_path, "probe", "--once")
        until_all(VISIBLE_SECONDS, lambda: listed(made) == before[1:])

        asked_before = made.requests("first")
        dnf = Dnf(tmp_path / "dnf")
        dnf.add_repository("baseos", mirrorlist=made.mirrorlist)
        assert dnf.repoquery("hello").stdout.split() == ["hello-0:1.0-1.noarch", "hello-0:2.0-1.noarch"]
        assert made.requests("first") == asked_before


def test_a_mirror_that_is_taken_out_by_hand_is_gone_in_seconds_and_comes_back(tmp_path: Path) -> None:
    with network(tmp_path, {"first": NEW, "second": NEW}) as made:
        before = listed(made)
        mirrorlist(tmp_path, "override", "first.example.org", "--out", "--for", "6h", "--reason", "maintenance")
        until_all(VISIBLE_SECONDS, lambda: listed(made) == before[1:])
        mirrorlist(tmp_path, "override", "first.example.org", "--clear")
        until_all(VISIBLE_SECONDS, lambda: listed(made) == before)
