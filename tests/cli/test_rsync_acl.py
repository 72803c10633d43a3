"""rsync-acl, as it is called, and what a real rsyncd makes of its lines."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from mirrorlist.cli.main import main
from tests.clients.tools import need
from tests.kit.test_syncing import rsyncd

SERVICE = """\
versions: ["9"]
arches: {"9": [x86_64]}
repos: [{name: baseos, path: BaseOS/$basearch/os/}]
"""


def acl(directory: Path, service: str = "", **files: str) -> tuple[str, str]:
    """Standard output and error for mirrors with these lines."""
    (directory / "mirrors.d").mkdir(exist_ok=True)
    (directory / "service.yml").write_text(SERVICE + service)
    for name, text in files.items():
        host = f"{name}.example.net"
        (directory / "mirrors.d" / f"{host}.yml").write_text(
            f"name: {host}\naddress: {{https: 'https://{host}/linux/'}}\n{text}"
        )
    done = CliRunner().invoke(main, ["--config", str(directory / "service.yml"), "rsync-acl"])
    assert done.exit_code == 0, done.output
    return done.stdout, done.stderr


def test_accepted_mirrors_are_let_in_by_what_their_files_say(tmp_path: Path) -> None:
    out, err = acl(
        tmp_path,
        live="sync: {from: 193.99.144.80}\n",
        syncing="status: syncing\nsync: {from: 'sync.example.net'}\n",
        later="live_from: '2999-01-01'\nsync: {from: '2a02:2e0::/64'}\n",
        offered="status: offered\nsync: {from: 193.99.144.81}\n",
        gone="status: retiring\nstatus_until: '2020-01-01'\nsync: {from: 193.99.144.82}\n",
        silent="",
    )
    assert out == (
        "# 193.99.144.80: live.example.net\n# 2a02:2e0::/64: later.example.net\n"
        "# sync.example.net: syncing.example.net\n"
        "hosts allow = \\\n    193.99.144.80 \\\n    2a02:2e0::/64 \\\n    sync.example.net\nhosts deny = *\n"
    )
    assert err == "1 accepted mirrors have no sync.from in their file, and are not let in\n"


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("0.0.0.0/0", "is wider than one mirror needs"),
        ("'2000::/3'", "is wider than one mirror needs"),
        ("193.0.0.0/8", "is wider than one mirror needs"),
        ("10.0.0.1", "is not public (private)"),
        ("127.0.0.1", "is not public (loopback)"),
        ("a_b", "is no host name"),
        ("localhost", "has no domain"),
        ("ALL", "is no host name"),
        ("a/b", "is no host name"),
        ("source.internal", "the public cannot look up"),
    ],
)
def test_what_the_rules_refuse_is_left_out_and_told(said: str, why: str, tmp_path: Path) -> None:
    out, err = acl(tmp_path, bad=f"sync: {{from: {said}}}\n")
    assert out == "hosts deny = *\n"
    assert err.startswith("bad.example.net is not let in: sync.from ")
    assert why in err


def test_a_mirror_that_is_approved_may_have_a_wider_network_but_no_nonsense(tmp_path: Path) -> None:
    approved = "approved: [good.example.net, bad.example.net]\n"
    out, err = acl(tmp_path, approved, good="sync: {from: 193.0.0.0/8}\n", bad="sync: {from: a/b}\n")
    assert "    193.0.0.0/8\n" in out
    assert err.startswith("bad.example.net is not let in")


@pytest.mark.client
@pytest.mark.parametrize(("said", "status"), [("127.0.0.1", 0), ("127.0.0.2", 5), (None, 5)])
def test_rsyncd_obeys(said: str | None, status: int, tmp_path: Path) -> None:
    need("rsync")
    lines, _ = acl(tmp_path, "profile: intranet\n", m=f"sync: {{from: {said}}}\n" if said else "")
    tree = tmp_path / "tree"
    tree.mkdir()
    text = f"use chroot = no\nuid = {os.geteuid()}\ngid = {os.getegid()}\n[linux]\npath = {tree}\n&merge {tmp_path}/allow.inc\n"
    (tmp_path / "allow.inc").write_text(lines)
    with rsyncd(tmp_path / "rsyncd.conf", text) as port:
        done = subprocess.run(["rsync", f"rsync://127.0.0.1:{port}/linux/"], capture_output=True, check=False)
    assert done.returncode == status
