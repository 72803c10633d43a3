"""The example networks: their files are valid, compile, and answer."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

from mirrorlist.cli.main import main
from mirrorlist.core.model import MAIN
from mirrorlist.core.snapshot import Facts
from mirrorlist.store.snapshot_files import read_newest

EXAMPLES = Path(__file__).parents[1] / "examples"


def told(example: str, state: Path, *words: str, status: int = 0) -> str:
    config = str(EXAMPLES / example / "service.yml")
    found = CliRunner().invoke(main, ["--config", config, "--state", str(state), *words])
    assert found.exit_code == status, (found.output, found.exception)
    return found.output


@dataclass(frozen=True)
class Published:
    """An example, and the state that it was published into."""

    example: str
    state: Path

    @property
    def facts(self) -> Facts:
        return read_newest(self.state).facts

    def urls(self, **asked: str) -> list[str]:
        """What a client gets."""
        options = [word for name, value in asked.items() for word in (f"--{name}", value)]
        return told(self.example, self.state, "list", *options).splitlines()


def published(example: str, state: Path) -> Published:
    told(example, state, "publish")
    return Published(example, state)


@pytest.fixture(scope="module")
def armbian(tmp_path_factory: pytest.TempPathFactory) -> Published:
    return published("armbian", tmp_path_factory.mktemp("armbian"))


@pytest.fixture(scope="module")
def xcp_ng(tmp_path_factory: pytest.TempPathFactory) -> Published:
    return published("xcp-ng", tmp_path_factory.mktemp("xcp-ng"))


def test_every_finding_is_meant(tmp_path: Path) -> None:
    """The service takes all files; as new ones the maintainers would send back those whose flag is elsewhere."""
    armbian = told("armbian", tmp_path, "validate", "--verbose", status=1)
    assert "37 files: 31 accepted, 6 refused; 6 errors, 5 warnings" in armbian
    assert set(re.findall(r" (?:error|warning) \[(.+?)\]", armbian)) == {"place-contradiction", "bandwidth-cap"}
    elsewhere = set(re.findall(r"(\S+)\.yml:\d+:\d+: error \[place-contradiction\]", armbian))
    assert {path.rpartition("/")[2] for path in elsewhere} == {
        "fi.mirror.armbian.de", "mirror.ams.macarne.com", "mirror.vinehost.net", "mirror.yandex.ru",
        "mirrors.aliyun.com", "xogium.performanceservers.nl",
    }  # fmt: skip
    by_country = set(re.findall(r"([^\s/]+)\.yml: placed by its country", armbian))
    assert by_country == {"mirror.aarnet.edu.au", "mirror.albony.in"}
    assert "8 files: 8 accepted, 0 refused; 0 errors, 6 warnings" in told("xcp-ng", tmp_path, "validate")


@pytest.mark.slow
def test_armbians_classes(armbian: Published) -> None:
    facts = armbian.facts
    modules = facts.service.modules
    assert {name: (module.space_gb, module.interval_seconds) for name, module in modules.items()} == {
        MAIN: (84, 14_400), "images": (556, 14_400), "archive": (1900, 14_400), "oldarchive": (5400, 14_400),
    }  # fmt: skip
    carrying = {name: sum(name in mirror.urls for mirror in facts.mirrors) for name in modules}
    assert carrying == {MAIN: 36, "images": 32, "archive": 11, "oldarchive": 0}
    yandex = next(mirror for mirror in facts.mirrors if mirror.name == "mirror.yandex.ru")
    assert set(yandex.urls) == {"images", "archive"}
    assert yandex.time_zone == "Europe/Moscow"


@pytest.mark.slow
def test_armbians_lists(armbian: Published) -> None:
    for ip, suite in (("193.0.6.139", "noble"), ("2001:db8::1", "trixie")):
        found = armbian.urls(ip=ip, version=suite, repo="apt")
        assert len(found) == 10
        assert all(re.fullmatch(r"https://\S+/apt/", url) for url in found)
        assert not any("yandex" in url for url in found)


def test_xcp_ngs_lists(xcp_ng: Published) -> None:
    found = xcp_ng.urls(ip="193.51.196.138", version="8", repo="updates", arch="x86_64")
    assert len(found) == 8
    assert all(url.endswith("/xcp-ng/8/8.3/updates/x86_64/") for url in found)
    assert {url.split(".")[1] for url in found[:3]} == {"paris", "grenoble", "frankfurt"}
