"""The proxies of deploy/ before the real service, with their limits: TLS, slow clients, sizes, floods, logs, static."""

from __future__ import annotations

import ipaddress
import re
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.clients.proxies import ROOT, Proxied, ask_as, caddy, connected, free_port, haproxy, nginx, running
from tests.clients.test_edges import HIDDEN, PRIVATE, SPELLINGS, network
from tests.clients.tools import need, run
from tests.serving import PATH, serving, until

pytestmark = [pytest.mark.client, pytest.mark.slow]

PROXIES = {"nginx": nginx, "haproxy": haproxy, "caddy": caddy}
LIST = PATH.encode()
LIMITED = ("nginx", "haproxy")
"""Caddy limits nobody without a plugin; deploy/caddy says so."""
SLOW_SECONDS = 10.0
EACH = pytest.mark.parametrize("name", PROXIES)


@pytest.fixture(scope="module")
def proxied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Proxied]]:
    need(*PROXIES)
    root = tmp_path_factory.mktemp("deployed")
    with ExitStack() as stack:
        service = stack.enter_context(serving(network(root / "service")))
        yield {
            name: stack.enter_context(proxy(root / name, service.port, limited=True)) for name, proxy in PROXIES.items()
        }


@EACH
@pytest.mark.parametrize("client", ["127.0.0.1", "::1"])
@pytest.mark.parametrize("tls", [False, True])
def test_lists_come_by_http_and_https_and_both_families(
    proxied: dict[str, Proxied], name: str, client: str, tls: bool
) -> None:
    port = proxied[name].https if tls else proxied[name].http
    answer = ask_as(client, port, LIST, tls=tls)
    assert (answer.status, answer.headers["cache-control"]) == (200, "private, no-store")
    assert answer.body.count(b"https://mirror") == 12


@EACH
@pytest.mark.parametrize("name_of_header", ["X-Forwarded-For", *SPELLINGS[::3]])
def test_nobody_chooses_an_address_over_http2(
    proxied: dict[str, Proxied], name: str, name_of_header: str, tmp_path: Path
) -> None:
    fake = ["-H", f"{name_of_header}: {PRIVATE}", "-H", "Forwarded: for=" + PRIVATE]
    url = f"https://localhost:{proxied[name].https}/api/v1/selection?repo=baseos-9&arch=x86_64"
    done = run("curl", "-4skw", "%{http_version}", "--http2", "--interface", "127.0.0.9", *fake, url, cwd=tmp_path)
    assert done.stdout.endswith("}2")
    assert '"address":"127.0.0.9"' in done.stdout
    assert HIDDEN[0].decode() not in done.stdout


@EACH
def test_old_tls_is_refused(proxied: dict[str, Proxied], name: str, tmp_path: Path) -> None:
    done = run("curl", "-sk", "--tls-max", "1.1", f"https://localhost:{proxied[name].https}/", cwd=tmp_path)
    assert done.returncode == 35


def test_slow_clients_are_cut_off(proxied: dict[str, Proxied]) -> None:
    """All at once, so that it takes ten seconds together: half a request, and a request whose body never comes."""
    with ExitStack() as stack:
        waiting = {}
        for name in PROXIES:
            for sent in (b"GET /mirrorlist/9/baseos HTTP/1.1\r\nHost: localhost\r\nX-Slow: ", b"", b"GET"):
                connection = stack.enter_context(connected("127.0.0.1", proxied[name].http, tls=False))
                connection.sendall(sent)
                waiting[name, sent] = connection
        started = time.monotonic()
        for asked, connection in waiting.items():
            connection.settimeout(40)
            answer = b""
            try:
                while received := connection.recv(4096):
                    answer += received
            except ConnectionResetError:
                pass
            assert answer[:12] in (b"", b"HTTP/1.1 408", b"HTTP/1.1 400"), asked
        assert SLOW_SECONDS - 1 < time.monotonic() - started < 35


@EACH
def test_headers_and_bodies_have_a_limit(proxied: dict[str, Proxied], name: str) -> None:
    port = proxied[name].http
    assert ask_as("127.0.0.1", port, LIST, headers=(("X-Long", b"x" * 7000),)).status == 200
    assert ask_as("127.0.0.1", port, LIST, headers=(("X-Long", b"x" * 60_000),)).status in (400, 431)
    many = tuple((f"X-{number}", b"y") for number in range(5000))
    assert ask_as("127.0.0.1", port, LIST, headers=many).status in (400, 431)
    sent = ask_as("127.0.0.1", port, LIST, b"POST", (("Content-Length", b"5000000"),))
    assert sent.status in (405, 413)


@pytest.mark.parametrize("name", LIMITED)
@pytest.mark.parametrize("path", [b"/api/v1/selection?repo=baseos-9&arch=x86_64", b"/", b"/dl/9.8/x.iso?json"])
def test_a_flood_of_pages_is_turned_away_and_lists_go_on(proxied: dict[str, Proxied], name: str, path: bytes) -> None:
    client = f"127.0.1.{len(path)}"
    statuses = [ask_as(client, proxied[name].http, path).status for _ in range(130)]
    assert statuses[0] == 200
    assert statuses[-1] == 429
    assert 40 <= sum(status != 429 for status in statuses) <= 125
    assert ask_as(client, proxied[name].http, LIST).status == 200
    assert ask_as("127.0.2.1", proxied[name].http, path).status in (200, 503)


@EACH
def test_lists_and_redirects_have_no_limit(proxied: dict[str, Proxied], name: str) -> None:
    for path in (LIST, b"/mirrorlist?repo=baseos-9&arch=x86_64", b"/dl/9.8/x.iso"):
        assert {ask_as("127.0.3.1", proxied[name].http, path).status for _ in range(150)} <= {200, 302}


def logged(of: Proxied, name: str) -> str:
    return (of.directory / ("mirrorlist.log" if name == "nginx" else "log")).read_text()


@EACH
def test_logs_hold_networks_and_no_lists(proxied: dict[str, Proxied], name: str) -> None:
    before = len(logged(proxied[name], name))
    assert ask_as("127.0.7.77", proxied[name].http, LIST + b"?mark=list").status == 200
    sent = (("X-Forwarded-For", b"198.51.100.99"), ("User-Agent", b"agent-of-the-test"))
    assert ask_as("127.0.7.77", proxied[name].http, b"/status?ip=192.0.2.123", headers=sent).status == 200
    until(10, lambda: "/status" in logged(proxied[name], name)[before:])
    own = (proxied[name].directory.parent / "service" / "log").read_text()
    assert "127.0.7" not in own
    new = logged(proxied[name], name)[before:]
    assert "127.0.7.0" in new
    for secret in ("127.0.7.77", "192.0.2.123", "198.51.100.99", "mirrorlist/9"):
        assert secret not in new


def test_nginx_cuts_addresses_as_the_standard_library_does(proxied: dict[str, Proxied], tmp_path: Path) -> None:
    """Its map, asked for addresses of every form that nginx writes."""
    text = (ROOT / "deploy/nginx/mirrorlist.conf").read_text()
    found = re.search(r"map \$remote_addr (\$mirrorlist_network \{.*?\n\})", text, re.DOTALL)
    assert found
    port = free_port()
    config = tmp_path / "nginx.conf"
    config.write_text(
        f"daemon off; master_process off; pid {tmp_path}/pid; events {{}}\nhttp {{ access_log off;\n"
        f"map $arg_a {found[1]}\nserver {{ listen 127.0.0.1:{port}; return 200 $mirrorlist_network; }} }}\n"
    )
    addresses = ["192.0.2.77", "255.255.255.255", "2001:db8:a:b::1", "2001:db8::1", "2001:db8::", "2001::1", "::1",
                 "2001:0:1:2:3:4:5:6", "2001:db8:0:1:0:1:0:1", "fe80::1", "::ffff:192.0.2.1", "1:2:3::", "a:b::c"]  # fmt: skip
    with running(["nginx", "-p", str(tmp_path), "-e", "stderr", "-c", str(config)], port, tmp_path / "log"):
        for address in addresses:
            known = ipaddress.ip_address(address)
            network = ipaddress.ip_network(f"{address}/{24 if known.version == 4 else 48}", strict=False)
            shown = ask_as("127.0.0.1", port, f"/?a={address}".encode()).body.decode()
            assert ipaddress.ip_address(shown) == network.network_address, address


def test_nginx_keeps_static_files(proxied: dict[str, Proxied]) -> None:
    port = proxied["nginx"].http
    page = ask_as("127.0.4.1", port, b"/").body.decode()
    [style] = set(re.findall(r"/static/site\.css\?\w+", page))
    first, second = (ask_as("127.0.4.1", port, style.encode()) for _ in range(2))
    assert (first.status, first.body, first.headers["etag"]) == (200, second.body, second.headers["etag"])
    kept = [path for path in (proxied["nginx"].directory / "mirrorlist").rglob("*") if path.is_file()]
    assert [style.encode() in path.read_bytes() for path in kept] == [True]
