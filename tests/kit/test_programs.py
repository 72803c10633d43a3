"""The files of a kit, as the programs judge them that will read them."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

import pytest
import trustme

from mirrorlist.core.owners.kit import Server
from mirrorlist.kit.writing import CERTIFICATES, WEBROOT
from tests.clients.tools import need, run
from tests.kit.kits import of_two_trees, plan, put
from tests.serving import free_port

pytestmark = pytest.mark.client

NOBODY = 65534

HOSTILE = "A'; touch /tmp/x; $(id) `id` \\ \" %h ${PATH} %{x} {a} <b>\n[evil]\nuid = root \u2028 #"


NAMES = pytest.mark.parametrize("name", ["Example Linux", HOSTILE], ids=["plain", "hostile"])


def quiet(*command: str, cwd: Path) -> None:
    """The program ends well and says nothing."""
    done = run(*command, cwd=cwd)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), command


@NAMES
def test_scripts_are_what_shells_and_shellcheck_accept(name: str, tmp_path: Path) -> None:
    need("bash", "shellcheck")
    for server in Server:
        put(plan(name=name), tmp_path / server, server)
    scripts = sorted({*tmp_path.glob("*/sync/*"), *tmp_path.glob("*/certbot/*")})
    assert len(scripts) == 8
    for script in scripts:
        quiet("bash", "-n", str(script), cwd=tmp_path)
    quiet("shellcheck", *map(str, scripts), cwd=tmp_path)


@NAMES
def test_units_are_what_systemd_accepts(name: str, tmp_path: Path) -> None:
    need("systemd-analyze")
    kit = put(plan(name=name), tmp_path / "kit")
    units = sorted((kit / "systemd").iterdir())
    assert [each.suffix for each in units] == [".service", ".timer"] * 2
    root = tmp_path / "root"
    for place, files in (("etc/systemd/system", units), ("usr/local/bin", (kit / "sync").iterdir())):
        (root / place).mkdir(parents=True)
        for file in files:
            shutil.copy(file, root / place)
    installed = (root / "etc/systemd/system").iterdir()
    text = [str(_with_program_below(root, each)) for each in installed]
    quiet("systemd-analyze", "verify", "--man=no", *text, cwd=tmp_path)
    for service in (each for each in text if each.endswith(".service")):
        command = ["systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold=20", service]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"more exposed than 2.0: {done.stdout}"


def _with_program_below(root: Path, unit: Path) -> Path:
    """The unit as it is, but for where its program lies: nothing is installed for a test."""
    unit.write_text(unit.read_text().replace("/usr/local/bin/", f"{root}/usr/local/bin/"))
    return unit


@dataclass(frozen=True)
class Site:
    """A kit for a mirror on free ports, its trees, and a certificate."""

    kit: Path
    http: int
    https: int
    root: Path


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    directory = tmp_path / "certificates" / "m.example.org"
    directory.mkdir(parents=True)
    issued = trustme.CA().issue_cert("m.example.org")
    issued.private_key_pem.write_to_path(str(directory / "privkey.pem"))
    for blob in issued.cert_chain_pems:
        blob.write_to_path(str(directory / "fullchain.pem"), append=True)
    return directory


def site(tmp_path: Path, server: Server, name: str = "Example Linux") -> Site:
    http, https = free_port(), free_port()
    own = of_two_trees(f":{http}", f":{https}", host="localhost")
    kit = put(plan(own, str(tmp_path / "trees"), name=name), tmp_path / "kit", server)
    main = tmp_path / "trees" / plan(own, name=name).slug / "main"
    for path, text in TREE.items():
        (main / path).parent.mkdir(parents=True, exist_ok=True)
        (main / path).write_text(text)
    (main.parent / "kitten").mkdir()
    for file in kit.rglob("*.conf"):
        text = file.read_text().replace(f"{CERTIFICATES}/m.example.org", str(tmp_path / "certificates/m.example.org"))
        file.write_text(text.replace(WEBROOT, str(tmp_path / "webroot")))
    (tmp_path / "webroot" / ".well-known" / "acme-challenge").mkdir(parents=True)
    (tmp_path / "webroot" / ".well-known" / "acme-challenge" / "token").write_text("proof")
    return Site(kit, http, https, main)


TREE = {
    "TIME": "1790000000\n",
    "a.rpm": "rpm",
    "x/.treeinfo": "tree",
    "x/.~tmp~/half.rpm": "half",
    "x/primary.xml.gz": "gz",
    "repomd.xml": "<repomd/>",
}


def answer(port: int, path: str, host: str = "127.0.0.1") -> tuple[int, str, str]:
    """Status, media type and body."""
    with closing(HTTPConnection(host, port, timeout=30)) as connection:
        connection.request("GET", path, headers={"Host": f"localhost:{port}"})
        got = connection.getresponse()
        body = got.read().decode()
    assert got.getheader("Content-Encoding") is None
    return got.status, (got.getheader("Content-Type") or "").partition(";")[0], body


def serves_the_trees(found: Site) -> None:
    for host in ("127.0.0.1", "::1"):
        assert answer(found.http, "/linux/TIME", host)[::2] == (200, "1790000000\n")
    assert answer(found.http, "/linux/a.rpm")[:2] == (200, "application/x-rpm")
    assert answer(found.http, "/linux/repomd.xml")[:2] == (200, "application/xml")
    assert answer(found.http, "/linux/x/primary.xml.gz")[:2] == (200, "application/gzip")
    assert answer(found.http, "/linux/x/.treeinfo")[::2] == (200, "tree")
    assert answer(found.http, "/linux/x/.~tmp~/half.rpm")[0] == 404
    assert answer(found.http, "/linux/x/.~tmp~/")[0] == 404
    status, _, listing = answer(found.http, "/linux/x/")
    assert status == 200
    assert "primary.xml.gz" in listing
    assert "treeinfo" not in listing
    assert ".~tmp~" not in listing
    assert answer(found.http, "/linux-kitten/")[0] == 200
    assert answer(found.http, "/linux/../../kit/README.md")[0] in (400, 404)


@contextmanager
def started(command: list[str], port: int, log: Path) -> Iterator[None]:
    with log.open("wb") as said, subprocess.Popen(command, stdout=said, stderr=said) as process:
        try:
            for _ in range(3000):
                try:
                    answer(port, "/linux/TIME")
                    break
                except OSError:
                    assert process.poll() is None, log.read_text()
                    subprocess.run(["sleep", "0.02"], check=True)
            yield
        finally:
            process.terminate()
            process.wait(30)


@NAMES
def test_nginx_accepts_its_files_and_serves_the_trees(name: str, certificate: Path, tmp_path: Path) -> None:
    need("nginx")
    found = site(tmp_path, Server.NGINX, name)
    config = tmp_path / "nginx.conf"
    config.write_text(
        f"daemon off; pid {tmp_path}/pid; events {{}} error_log {tmp_path}/error.log;\n"
        f"http {{ access_log off; client_body_temp_path {tmp_path}/t1; proxy_temp_path {tmp_path}/t2;\n"
        f"fastcgi_temp_path {tmp_path}/t3; uwsgi_temp_path {tmp_path}/t4; scgi_temp_path {tmp_path}/t5;\n"
        f"include {found.kit}/nginx/*.conf; }}\n"
    )
    for path in (tmp_path, *tmp_path.parents[:3]):
        path.chmod(path.stat().st_mode | 0o011)
    checked = run("nginx", "-q", "-t", "-e", str(tmp_path / "error.log"), "-c", str(config), cwd=tmp_path)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")
    command = ["nginx", "-e", str(tmp_path / "error.log"), "-c", str(config)]
    with started(command, found.http, tmp_path / "log"):
        serves_the_trees(found)
        assert answer(found.http, "/.well-known/acme-challenge/token")[::2] == (200, "proof")
        link = found.root / "passwd"
        link.symlink_to("/etc/passwd")
        if os.geteuid() == 0:
            os.chown(link, NOBODY, NOBODY, follow_symlinks=False)
        assert answer(found.http, "/linux/passwd")[0] == 403


APACHE_MODULES = ("mpm_event", "authz_core", "alias", "autoindex", "dir", "mime", "socache_shmcb", "ssl")


@NAMES
def test_apache_accepts_its_files_and_serves_the_trees(name: str, certificate: Path, tmp_path: Path) -> None:
    need("apache2", "apachectl")
    found = site(tmp_path, Server.APACHE, name)
    config = tmp_path / "apache2.conf"
    loads = "".join(f"LoadModule {each}_module /usr/lib/apache2/modules/mod_{each}.so\n" for each in APACHE_MODULES)
    config.write_text(
        f"ServerRoot {tmp_path}\nServerName localhost\nPidFile {tmp_path}/pid\nErrorLog {tmp_path}/error.log\n"
        f"{loads}TypesConfig /etc/mime.types\n<Directory />\nRequire all denied\n</Directory>\n"
        f"DefaultRuntimeDir {tmp_path}\nInclude {found.kit}/apache/*.conf\n"
    )
    for path in (tmp_path, *tmp_path.parents[:3]):
        path.chmod(path.stat().st_mode | 0o011)
    checked = run("apachectl", "-t", "-f", str(config), cwd=tmp_path)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "Syntax OK\n"), checked.stderr
    with started(["apache2", "-D", "FOREGROUND", "-f", str(config)], found.http, tmp_path / "log"):
        serves_the_trees(found)
        assert answer(found.http, "/.well-known/acme-challenge/token")[::2] == (200, "proof")


@NAMES
def test_caddy_accepts_its_file_and_serves_the_trees(name: str, tmp_path: Path) -> None:
    need("caddy")
    found = site(tmp_path, Server.CADDY, name)
    [file] = (found.kit / "caddy").iterdir()
    assert run("caddy", "fmt", str(file), cwd=tmp_path).stdout == file.read_text()
    config = tmp_path / "Caddyfile"
    config.write_text(f"{{\n\tadmin off\n\tlocal_certs\n\tskip_install_trust\n\tauto_https disable_redirects\n}}\n"
                      f"import {file}\n")  # fmt: skip
    checked = run("caddy", "validate", "--config", str(config), cwd=tmp_path)
    assert checked.returncode == 0, checked.stderr
    command = ["env", f"HOME={tmp_path}", "caddy", "run", "--config", str(config)]
    with started(command, found.http, tmp_path / "log"):
        serves_the_trees(found)
