"""A change of the origin is served within ten seconds: the real publisher and workers, a directory and a web server."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from mirrorlist.cli.main import main
from tests.demo.servers import mirror_server
from tests.publishing.test_origin_update import _publish, _repomd
from tests.publishing.test_origin_watch import put_whole
from tests.serving import SERVICE, Service, ask, checkout, put, serving, until
from tests.test_leads import PATIENCE, started

PATH = "9.8/BaseOS/x86_64/os/"
METALINK = "/metalink?repo=baseos-9&arch=x86_64"
NOTICED_SECONDS = 10.0
SECRET = "0123456789abcdef"


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def serves(service: Service, data: bytes) -> bool:
    """Whether the metalink's first checksum is that of these bytes: it is the current version's."""
    status, body = ask(service.port, METALINK)
    return status == 200 and body.partition('<hash type="sha256">')[2].startswith(digest(data))


def notify(config: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "MIRRORLIST_HOOK_SECRET": SECRET}
    command = [sys.executable, "-m", "mirrorlist", "--config", str(config), "notify", *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)


@pytest.mark.slow
def test_a_change_of_a_directory_is_served_within_ten_seconds(tmp_path: Path) -> None:
    old, new = _repomd(1_790_000_000), _repomd(1_790_000_001)
    _publish(tmp_path / "origin", PATH, old)
    config = checkout(tmp_path / "site", "a.example.org", "b.example.org")
    put(config, SERVICE + f"origin: {tmp_path / 'origin'}\n")
    with serving(config, "--metadata-every", "1000") as service:
        until(PATIENCE, lambda: serves(service, old))
        put_whole(tmp_path / "origin", PATH, new)
        until(NOTICED_SECONDS, lambda: serves(service, new))


@pytest.mark.slow
def test_a_change_of_a_web_server_is_served_within_ten_seconds_of_its_word(tmp_path: Path) -> None:
    versions = [_repomd(1_790_000_000 + number) for number in range(3)]
    _publish(tmp_path / "origin", PATH, versions[0])
    config = checkout(tmp_path / "site", "a.example.org", "b.example.org")
    with mirror_server(tmp_path / "origin", tmp_path / "origin.log") as (url, _):
        put(config, SERVICE + f"origin: {url}\n")
        with serving(config, "--metadata-every", "1000", secret=SECRET) as service:
            until(PATIENCE, lambda: serves(service, versions[0]))
            here = f"http://127.0.0.1:{service.port}"
            _publish(tmp_path / "origin", PATH, versions[1])
            assert notify(config, "--url", here).stdout == "noted; the service asks the origin at once\n"
            until(NOTICED_SECONDS, lambda: serves(service, versions[1]))
            _publish(tmp_path / "origin", PATH, versions[2])
            assert notify(config).stdout == "noted; whoever follows the origin asks it at once\n"
            until(NOTICED_SECONDS, lambda: serves(service, versions[2]))

            done = notify(config, "--url", f"{here}/other")
            assert done.returncode == 1
            assert "status 404: the hook is off there" in " ".join(done.stderr.split())


@pytest.mark.parametrize(
    ("url", "status", "told"),
    [
        ("ftp://127.0.0.1/", 2, "write an address such as https://mirrors.example.org/"),
        ("http://127.0.0.1:1", 1, "ConnectionError; see that the service runs at this address"),
    ],
)
def test_an_address_where_nobody_can_be_told_is_refused(url: str, status: int, told: str) -> None:
    done = CliRunner().invoke(main, ["notify", "--url", url], env={"MIRRORLIST_HOOK_SECRET": SECRET})
    assert done.exit_code == status
    assert told in " ".join(done.stderr.split())


@pytest.mark.slow
def test_the_command_that_watches_takes_up_changes_and_new_repositories(tmp_path: Path) -> None:
    config = checkout(tmp_path / "site", "a.example.org")
    put(config, SERVICE + f"origin: {tmp_path / 'origin'}\n")
    _publish(tmp_path / "origin", PATH, _repomd(1))
    _publish(tmp_path / "origin", "9.8/AppStream/x86_64/os/", _repomd(1))
    with started("watch", config, "", "update", "metadata", "--watch") as watch:
        until(PATIENCE, lambda: f"changed    {PATH}" in watch.log())
        _publish(tmp_path / "origin", PATH, _repomd(2))
        until(NOTICED_SECONDS, lambda: watch.log().count(f"changed    {PATH}") == 2)
        service = (
            SERVICE + "  - {name: appstream, path: AppStream/$basearch/os/}\n" + f"origin: {tmp_path / 'origin'}\n"
        )
        put(config, service)
        until(NOTICED_SECONDS, lambda: "changed    9.8/AppStream/x86_64/os/" in watch.log())
        put(config, "nonsense: [")
        until(NOTICED_SECONDS, lambda: "service file refused" in watch.log())
        _publish(tmp_path / "origin", PATH, _repomd(3))
        until(NOTICED_SECONDS, lambda: watch.log().count(f"changed    {PATH}") == 3)
    assert watch.process.returncode == 0
