"""Real reverse proxies in front of the service, with the lines that docs/redirects.md gives."""

from __future__ import annotations

import http.client
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

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


def ask(port: int, target: bytes, method: bytes = b"GET", **headers: str) -> Raw:
    """Sends a request target byte by byte as it is, which no client library does."""
    return ask_as(
        "127.0.0.1", port, target, method, tuple((n.replace("_", "-"), v.encode()) for n, v in headers.items())
    )


def ask_as(
    client: str, port: int, target: bytes, method: bytes = b"GET", headers: tuple[tuple[str, bytes], ...] = ()
) -> Raw:
    """As ``ask``, from an address of this machine, with the headers spelt as given."""
    host = () if any(name == "Host" for name, _ in headers) else (("Host", b"localhost"),)
    lines = [name.encode() + b": " + value + b"\r\n" for name, value in (*host, *headers)]
    with socket.create_connection(("127.0.0.1", port), timeout=SECONDS, source_address=(client, 0)) as connection:
        connection.sendall(method + b" " + target + b" HTTP/1.1\r\n" + b"".join(lines) + b"Connection: close\r\n\r\n")
        answer = http.client.HTTPResponse(connection, method=method.decode())
        answer.begin()
        body = answer.read()
        found = {name.lower(): value for name, value in answer.getheaders()}
        return Raw(answer.status, found, tuple(answer.headers.get_all("Link") or ()), body)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def lines_of_the_guide(program: str) -> str:
    """The block of configuration that the guide gives for a program."""
    found = re.search(rf"```{program}\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    assert found, program
    return found[1]


@contextmanager
def running(command: list[str], port: int, log: Path) -> Iterator[int]:
    """A program until the end of the block; its port answers by then."""
    with log.open("wb") as out, subprocess.Popen(command, stdout=out, stderr=out, stdin=subprocess.DEVNULL) as process:
        try:
            _wait(port, process, log)
            yield port
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


@contextmanager
def nginx(directory: Path, service: int, scheme: str) -> Iterator[int]:
    """nginx before a service, as for clients who come by this scheme."""
    directory.mkdir()
    port = free_port()
    block = lines_of_the_guide("nginx").replace("127.0.0.1:8000", f"127.0.0.1:{service}").replace("$scheme", scheme)
    temporary = "".join(
        f"{kind}_temp_path {directory};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (directory / "nginx.conf").write_text(
        f"daemon off; master_process off; pid {directory}/pid; error_log stderr; events {{}}\n"
        f"http {{ access_log off; {temporary} server {{ listen 127.0.0.1:{port};\n{block}}} }}\n"
    )
    command = ["nginx", "-p", str(directory), "-e", "stderr", "-c", str(directory / "nginx.conf")]
    with running(command, port, directory / "log") as made:
        yield made


@contextmanager
def haproxy(directory: Path, service: int, scheme: str) -> Iterator[int]:
    """HAProxy before a service, as for clients who come by this scheme."""
    directory.mkdir()
    port = free_port()
    block = lines_of_the_guide("haproxy").replace("127.0.0.1:8000", f"127.0.0.1:{service}")
    block = block.replace("bind :80", f"bind 127.0.0.1:{port}").replace("bind :443 ssl crt /etc/haproxy/site.pem", "")
    if scheme == "https":
        block = block.replace("if { ssl_fc }", "").replace(
            "set-header X-Forwarded-Proto http if !{ ssl_fc }", "del-header X"
        )
    (directory / "haproxy.cfg").write_text(
        f"defaults\n  mode http\n  timeout connect 5s\n  timeout client 30s\n  timeout server 30s\n{block}"
    )
    with running(["haproxy", "-db", "-f", str(directory / "haproxy.cfg")], port, directory / "log") as made:
        yield made


@contextmanager
def caddy(directory: Path, service: int, scheme: str = "http") -> Iterator[int]:
    """Caddy before a service, for clients who come by http."""
    assert scheme == "http"
    directory.mkdir()
    port = free_port()
    block = lines_of_the_guide("caddyfile").replace("127.0.0.1:8000", f"127.0.0.1:{service}")
    block = block.replace("http://mirrors.example.org, https://mirrors.example.org", f"http://:{port}")
    file = directory / "Caddyfile"
    file.write_text(f"{{\n\tadmin off\n\tstorage file_system {directory}\n}}\n{block}")
    with running(["caddy", "run", "--adapter", "caddyfile", "--config", str(file)], port, directory / "log") as made:
        yield made


@contextmanager
def apache(directory: Path, service: int, scheme: str = "http") -> Iterator[int]:
    """Apache before a service, for clients who come by http."""
    assert scheme == "http"
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
    with running(["apache2", "-D", "FOREGROUND", "-f", str(file)], port, directory / "log") as made:
        yield made
