"""docs/install.md, followed word for word on a machine that boots with nothing on it; deploy/container, built on it."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from mirrorlist.cli.main import main
from tests.clients.tools import need
from tests.serving import answers, ask, free_port, processes, until

pytestmark = [pytest.mark.client, pytest.mark.slow]

ROOT = Path(__file__).parents[1]
GUIDE = ROOT / "docs" / "install.md"
SOURCE = "usr/local/src/mirrorlist"
USER = 10001
"""Of the image."""
AUTHORITIES = "etc/authorities.crt"
"""Those that this machine trusts for packages."""
PORTS = (80, 443, 8000)
"""The guide's ports; the machine shares this one's network, because it fetches packages."""
BOOT = ("systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--boot", "--directory")
UNIT = """\
[Service]
ExecStart=/bin/bash -eux /guide.sh
ExecStopPost=/bin/sh -c 'echo "$EXIT_STATUS" >/guide.status; systemctl --no-block poweroff'
StandardOutput=file:/guide.log
StandardError=file:/guide.log
Environment=HOME=/root {more}

[Install]
WantedBy=multi-user.target
"""
AFTER = """\
systemctl is-active mirrorlist mirrorlist-probe nginx
systemctl show --property=NRestarts --value mirrorlist
stat --format=%U "/proc/$(systemctl show --property=MainPID --value mirrorlist)"
"""
"""What the test asks at the end."""


def blocks() -> list[str]:
    """The blocks of the guide that the test runs."""
    return [re.sub(r"(?m)^   ", "", found) for found in re.findall(r"```sh\n(.*?)```", GUIDE.read_text(), re.DOTALL)]


def copy_source(to: Path) -> None:
    """The files of this checkout, as a clone has them; those that are not committed yet too."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    for name in filter(None, listed.split("\0")):
        if os.path.lexists(ROOT / name):
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, to / name, follow_symlinks=False)


def package_source() -> str:
    """Where this machine gets Debian's packages from."""
    texts = [path.read_text() for path in Path("/etc/apt").rglob("*.list")]
    texts += [path.read_text() for path in Path("/etc/apt").rglob("*.sources")]
    found = re.search(r"https?://\S+/debian/?(?=\s)", "\n".join(texts))
    assert found, "no line in /etc/apt names where Debian's packages come from; add one"
    return found[0]


def pip_settings() -> dict[str, str]:
    """How pip of the new machine gets at packages."""
    index = os.environ.get("PIP_INDEX_URL")
    return {"PIP_CERT": f"/{AUTHORITIES}", **({"PIP_INDEX_URL": index} if index else {})}


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The root directory of a machine that was just installed; it gets its packages from where this one does."""
    need("debootstrap", "systemd-nspawn", "buildah")
    if os.geteuid() != 0:
        pytest.skip("only root can install and boot a machine")
    root = tmp_path_factory.mktemp("bare") / "root"
    release = re.search(r"VERSION_CODENAME=(\w+)", Path("/etc/os-release").read_text())
    assert release
    command = ["debootstrap", "--variant=minbase", "--include=systemd,systemd-sysv,dbus", release[1], str(root)]
    subprocess.run([*command, package_source()], check=True, stdout=subprocess.DEVNULL, timeout=300)
    asked = subprocess.run(["apt-config", "dump"], capture_output=True, text=True, check=True).stdout.splitlines()
    fetching = [line for line in asked if line.startswith(("Acquire::http", "Acquire::https", "Acquire::Check"))]
    (root / "etc/apt/apt.conf").write_text("\n".join((*fetching, "")))
    shutil.copy(os.environ.get("PIP_CERT") or "/etc/ssl/certs/ca-certificates.crt", root / AUTHORITIES)
    yield root
    shutil.rmtree(root, ignore_errors=True)


@pytest.fixture
def machine(bare: Path, tmp_path: Path) -> Iterator[Path]:
    """A machine of its own with the source on it; its ports are free."""
    for port in PORTS:
        with socket.socket() as tried:
            assert tried.connect_ex(("127.0.0.1", port)), f"port {port} is in use"
    root = tmp_path / "machine"
    subprocess.run(["cp", "--archive", str(bare), str(root)], check=True)
    copy_source(root / SOURCE)
    yield root
    shutil.rmtree(root, ignore_errors=True)


def test_the_guide_leads_to_a_served_list(machine: Path) -> None:
    (machine / "guide.sh").write_text("".join((*blocks(), AFTER)))
    settings = " ".join(f"{name}={value}" for name, value in pip_settings().items())
    unit = machine / "etc/systemd/system/guide.service"
    unit.write_text(UNIT.format(more=settings.replace("%", "%%")))
    subprocess.run(["systemctl", f"--root={machine}", "enable", "guide"], check=True, capture_output=True)
    with (machine.parent / "console").open("wb") as console:
        subprocess.run([*BOOT, str(machine)], stdout=console, stderr=console, timeout=500, check=False)
    log = (machine / "guide.log").read_text(errors="replace")
    assert (machine / "guide.status").read_text().strip() == "0", log[-6000:]
    shown = [line for line in log.splitlines() if not line.startswith("+")]
    lists = [line for line in shown if line.startswith("https://mirror.example.org/linux/9.8/BaseOS/")]
    assert len(lists) == 2
    assert shown.count("active") == 3
    assert shown[-2:] == ["0", "mirrorlist"], log[-3000:]


def test_it_is_the_guide_that_is_followed() -> None:
    text = "".join(blocks())
    for word in ("apt-get install", "mirrorlist init", "systemctl enable --now mirrorlist", "nginx -t", "--upgrade"):
        assert word in text


def buildah_at(directory: Path) -> list[str]:
    """buildah with images of its own; vfs works everywhere, but copies all files for each layer."""
    for driver in ("overlay", "vfs"):
        where = [f"--root={directory}/{driver}", f"--runroot={directory}/run-{driver}", f"--storage-driver={driver}"]
        if subprocess.run(["buildah", *where, "info"], capture_output=True, check=False).returncode == 0:
            return ["buildah", *where]
    raise AssertionError("buildah can keep no images here")


def below(parent: int, command: str) -> set[int]:
    """The processes with this in their command that descend from another."""
    rows = processes()

    def ancestors(pid: int) -> Iterator[int]:
        while pid in rows:
            yield pid
            pid = rows[pid].parent

    return {row.pid for row in rows.values() if command in row.command and parent in ancestors(row.pid)}


def test_the_image_is_built_and_serves_as_a_user_without_rights(bare: Path, tmp_path: Path) -> None:
    source, config, log = tmp_path / "source", tmp_path / "etc", tmp_path / "log"
    copy_source(source)
    made = CliRunner().invoke(main, ["--state", "/var/lib/mirrorlist", "init", str(config)])
    assert made.exit_code == 0, made.output
    program = buildah_at(tmp_path / "images")

    def buildah(*command: str) -> str:
        with log.open("ab") as said:
            done = subprocess.run(
                [*program, *command], stdout=subprocess.PIPE, stderr=said, text=True, check=False, timeout=500
            )
        assert done.returncode == 0, log.read_text(errors="replace")[-3000:]
        return done.stdout.strip()

    base = buildah("from", "scratch")
    buildah("add", "--quiet", base, str(bare), "/")
    buildah("config", *(f"--env={name}={value}" for name, value in pip_settings().items()), base)
    buildah("commit", "--quiet", base, "localhost/base")
    buildah(
        "bud", "--isolation=chroot", "--network=host", "--pull=never", "--format=docker", "--quiet",
        "--build-arg=BASE=localhost/base", f"--file={source}/deploy/container/Containerfile",
        "--tag=localhost/mirrorlist", str(source),
    )  # fmt: skip
    container, port = buildah("from", "--pull=never", "localhost/mirrorlist"), free_port()
    volume = f"--volume={config}:/etc/mirrorlist:ro"
    command = ["run", "--isolation=chroot", "--network=host", f"--user={USER}", volume, container, "--"]
    with log.open("ab") as said:
        serving = subprocess.Popen(
            [*program, *command, "mirrorlist", "serve", "--port", str(port)], stdout=said, stderr=said
        )
    try:
        until(90, lambda: serving.poll() is not None or answers(port))
        assert serving.poll() is None, log.read_text(errors="replace")[-3000:]
        assert "https://mirror.example.org/linux/9.8/" in ask(port)[1]
        assert {Path(f"/proc/{pid}").stat().st_uid for pid in below(serving.pid, "publish --watch")} == {USER}
        assert ask(port, "/healthz")[0] == 200  # what HEALTHCHECK asks for
    finally:
        serving.terminate()
        serving.wait(30)
        subprocess.run([*program, "rm", "--all"], capture_output=True, check=False)
        shutil.rmtree(tmp_path / "images", ignore_errors=True)
