"""Real reverse proxies in front of the service, with the files of deploy/; Apache with the lines of docs/redirects.md."""

from __future__ import annotations

import http.client
import re
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import trustme

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs" / "redirects.md"
APACHE_MODULES = Path("/usr/lib/apache2/modules")
SECONDS = 20.0


@dataclass(frozen=True)
class Raw:
    """A raw answer: its status and its headers, by lower-case name; of several the last."""

    status: int
    headers: dict[str, str]
    links: tuple[str, ...]
    body: bytes


def ask(port: int, target: bytes, method: bytes = b"GET", tls: bool = False, **headers: str) -> Raw:
    """Sends a request target byte by byte as it is, which no client library does."""
    given = tuple((n.replace("_", "-"), v.encode()) for n, v in headers.items())
    return ask_as("127.0.0.1", port, target, method, given, tls)


def ask_as(
    client: str,
    port: int,
    target: bytes,
    method: bytes = b"GET",
    headers: tuple[tuple[str, bytes], ...] = (),
    tls: bool = False,
) -> Raw:
    """As ``ask``, from an address of this machine, with the headers spelt as given."""
    host = () if any(name == "Host" for name, _ in headers) else (("Host", b"localhost"),)
    lines = [name.encode() + b": " + value + b"\r\n" for name, value in (*host, *headers)]
    with connected(client, port, tls) as connection:
        connection.sendall(method + b" " + target + b" HTTP/1.1\r\n" + b"".join(lines) + b"Connection: close\r\n\r\n")
        answer = http.client.HTTPResponse(connection, method=method.decode())
        answer.begin()
        body = answer.read()
        found = {name.lower(): value for name, value in answer.getheaders()}
        return Raw(answer.status, found, tuple(answer.headers.get_all("Link") or ()), body)


@contextmanager
def connected(client: str, port: int, tls: bool) -> Iterator[socket.socket]:
    """A connection from an address of this machine; the certificate is the test's own, so nobody checks it."""
    server = "::1" if ":" in client else "127.0.0.1"
    with socket.create_connection((server, port), timeout=SECONDS, source_address=(client, 0)) as connection:
        if not tls:
            yield connection
            return
        trusting = ssl.create_default_context()
        trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
        with trusting.wrap_socket(connection, server_hostname="localhost") as wrapped:
            yield wrapped


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def lines_of_the_guide(program: str) -> str:
    """The block of configuration that the guide gives for a program."""
    found = re.search(rf"```{program}\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    assert found, program
    return found[1]


@contextmanager
def running(command: list[str], port: int, log: Path) -> Iterator[None]:
    """A program until the end of the block; its port answers by then."""
    with log.open("wb") as out, subprocess.Popen(command, stdout=out, stderr=out, stdin=subprocess.DEVNULL) as process:
        try:
            _wait(port, process, log)
            yield
        finally:
            process.terminate()


def _wait(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as tried:
            if tried.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise AssertionError(log.read_text())


@dataclass(frozen=True)
class Proxied:
    """A running proxy: its ports of http and https, and the directory with its logs."""

    http: int
    https: int
    directory: Path


LIMITS = (("rate=10r/s", "rate=10000r/s"), ("gt 100 }", "gt 1000000 }"))
"""The limits on pages, which most tests would run into, and what they are without effect."""


def deployed(name: str, service: int, *changes: tuple[str, str], limited: bool) -> str:
    """A file of deploy/ with what is of another machine replaced; each change has to be one."""
    text = (ROOT / "deploy" / name).read_text(encoding="utf-8")
    for old, new in (("127.0.0.1:8000", f"127.0.0.1:{service}"), *changes):
        assert old in text, (name, old)
        text = text.replace(old, new)
    for old, new in () if limited else LIMITS:
        text = text.replace(old, new)
    return text


def certified(directory: Path) -> None:
    """A certificate of the test's own, in the layouts that the proxies read."""
    directory.mkdir()
    issued = trustme.CA().issue_cert("localhost", "mirrors.example.org")
    issued.private_key_pem.write_to_path(str(directory / "privkey.pem"))
    for blob in issued.cert_chain_pems:
        blob.write_to_path(str(directory / "fullchain.pem"), append=True)
    issued.private_key_and_cert_chain_pem.write_to_path(str(directory / "haproxy.pem"))


@contextmanager
def nginx(directory: Path, service: int, limited: bool = False) -> Iterator[Proxied]:
    """nginx before a service."""
    certified(directory)
    http, https = free_port(), free_port()
    site = deployed(
        "nginx/mirrorlist.conf", service, ("listen 80;", f"listen 127.0.0.1:{http};"),
        ("listen [::]:80;", f"listen [::1]:{http};"), ("listen 443 ", f"listen 127.0.0.1:{https} "),
        ("listen [::]:443 ", f"listen [::1]:{https} "), ("/etc/ssl/mirrorlist", str(directory)),
        ("/var/log/nginx", str(directory)), ("/var/lib/nginx", str(directory)), ("/var/www", str(directory)),
        limited=limited,
    )  # fmt: skip
    temporary = "".join(
        f"{kind}_temp_path {directory};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (directory / "nginx.conf").write_text(
        f"daemon off; master_process off; pid {directory}/pid; error_log stderr; events {{}}\n"
        f"http {{ {temporary}\n{site} }}\n"
    )
    command = ["nginx", "-p", str(directory), "-e", "stderr", "-c", str(directory / "nginx.conf")]
    with running(command, http, directory / "log"):
        yield Proxied(http, https, directory)


@contextmanager
def haproxy(directory: Path, service: int, limited: bool = False) -> Iterator[Proxied]:
    """HAProxy before a service; it logs to its standard output."""
    certified(directory)
    http, https = free_port(), free_port()
    text = deployed(
        "haproxy/haproxy.cfg", service, ("bind :80\n", f"bind 127.0.0.1:{http}\n"),
        ("bind :::80 v6only", f"bind ::1:{http}"), ("bind :443 ", f"bind 127.0.0.1:{https} "),
        ("bind :::443 v6only ", f"bind ::1:{https} "), ("/etc/ssl/mirrorlist", str(directory)),
        ("log /dev/log local0", "log stdout format raw local0"), ("  user haproxy\n  group haproxy\n", ""),
        limited=limited,
    )  # fmt: skip
    (directory / "haproxy.cfg").write_text(text)
    with running(["haproxy", "-db", "-f", str(directory / "haproxy.cfg")], http, directory / "log"):
        yield Proxied(http, https, directory)


@contextmanager
def caddy(directory: Path, service: int, limited: bool = False) -> Iterator[Proxied]:
    """Caddy before a service; it logs to its standard error, and makes its certificate itself."""
    directory.mkdir()
    http, https = free_port(), free_port()
    own = f"admin off\n\tlocal_certs\n\tskip_install_trust\n\tauto_https disable_redirects\n\tstorage file_system {directory}"
    text = deployed(
        "caddy/Caddyfile", service,
        ("http://mirrors.example.org, https://mirrors.example.org", f"http://:{http}, https://localhost:{https}"),
        ("\n{\n", f"\n{{\n\t{own}\n"),
        limited=limited,
    )  # fmt: skip
    (directory / "Caddyfile").write_text(text)
    command = ["caddy", "run", "--adapter", "caddyfile", "--config", str(directory / "Caddyfile")]
    with running(command, http, directory / "log"):
        yield Proxied(http, https, directory)


@contextmanager
def apache(directory: Path, service: int) -> Iterator[Proxied]:
    """Apache before a service, for clients who come by http."""
    directory.mkdir()
    port = free_port()
    modules = ("mpm_event", "authz_core", "proxy", "proxy_http", "headers")
    loaded = "".join(f"LoadModule {name}_module {APACHE_MODULES}/mod_{name}.so\n" for name in modules)
    block = lines_of_the_guide("apache").replace("127.0.0.1:8000", f"127.0.0.1:{service}")
    file = directory / "apache.conf"
    file.write_text(
        f"ServerRoot {directory}\nPidFile pid\nErrorLog /dev/stderr\nServerName localhost\n{loaded}"
        f"Listen 127.0.0.1:{port}\n<VirtualHost 127.0.0.1:{port}>\n{block}</VirtualHost>\n"
    )
    with running(["apache2", "-D", "FOREGROUND", "-f", str(file)], port, directory / "log"):
        yield Proxied(port, 0, directory)
