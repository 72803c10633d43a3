"""The redirector through granian alone, nginx and HAProxy, which decode paths differently: the same answers."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from urllib.parse import urlsplit

import pytest

from tests.clients.network import Network
from tests.clients.proxies import Raw, ask, haproxy, nginx
from tests.clients.redirects import IMAGE, redirecting
from tests.clients.tools import need

pytestmark = [pytest.mark.client, pytest.mark.slow]

WAYS = ("granian", "nginx", "haproxy")
ODD = "images/odd/a%20b%2Bc%252F%C3%BC.iso"


@pytest.fixture(scope="module")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Network, Mapping[tuple[str, str], int]]]:
    """The service's own port, and those of the proxies before it for clients by http and by https."""
    need("nginx", "haproxy")
    root = tmp_path_factory.mktemp("proxies")
    with ExitStack() as stack:
        network = stack.enter_context(redirecting(root / "network", trusted_proxies=["127.0.0.0/8"]))
        service = urlsplit(network.url).port or 0
        found = {("granian", "http"): service}
        for name, proxy in (("nginx", nginx), ("haproxy", haproxy)):
            made = stack.enter_context(proxy(root / name, service))
            found |= {(name, "http"): made.http, (name, "https"): made.https}
        yield network, found


def through(
    ports: tuple[Network, Mapping[tuple[str, str], int]],
    way: str,
    target: bytes,
    method: bytes = b"GET",
    **headers: str,
) -> Raw:
    return ask(ports[1][way, "http"], target, method, **headers)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("target", "path"),
    [
        (b"/dl/images/image.iso", IMAGE),
        (b"/dl/images%2Fimage.iso", IMAGE),
        (b"/dl/images%2fimage%2Eiso", IMAGE),
        (b"/dl//images/./image.iso", IMAGE),
        (b"/%64%6c/images/image.iso", IMAGE),
        (b"//dl/images/image.iso", IMAGE),
        (b"///dl///images//image.iso", IMAGE),
        (b"/%2f%2Fdl%2f%2Fimages/image.iso", IMAGE),
        (b"/dl/images/image.iso?countme=1&x=%ff", IMAGE),
        (b"/dl/images/odd/a%20b%2Bc%252F%C3%BC.iso", ODD),
        (b"/dl/images/odd/a%20b+c%252F%c3%bc.iso", ODD),
        (b"http://localhost/dl/images/image.iso", IMAGE),
    ],
)
def test_a_path_means_the_same(
    ports: tuple[Network, Mapping[tuple[str, str], int]], way: str, target: bytes, path: str
) -> None:
    answer = through(ports, way, target)
    assert answer.status == 302
    assert answer.headers["location"] in {f"{address}{path}" for address in ports[0].addresses.values()}
    last = ", ".join(answer.links).rpartition(", ")[2]
    assert last == f'</dl/{path}.meta4>; rel=describedby; type="application/metalink4+xml"'


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "target",
    [
        b"/dl/../x", b"/dl/%2e%2e/x", b"/dl/images/%2E./image.iso", b"/dl/..%2f..%2fx", b"/dl/a%5cb", b"/dl/a%00b",
        b"/dl/a%0d%0aLocation:%20http://evil.example.com/",
        b"//dl/../x", b"/%2f/dl/%2e%2e/x", b"/dl/a%7f", b"/dl/a%01",
    ],
)  # fmt: skip
def test_what_is_malformed_is_400(
    ports: tuple[Network, Mapping[tuple[str, str], int]], way: str, target: bytes
) -> None:
    answer = through(ports, way, target)
    assert (answer.status, "location" in answer.headers) == (400, False)


@pytest.mark.parametrize("way", WAYS)
def test_a_double_encoded_slash_is_data(ports: tuple[Network, Mapping[tuple[str, str], int]], way: str) -> None:
    assert through(ports, way, b"/dl/images%252Fimage.iso").status == 404
    assert through(ports, way, b"/dl/images/%252e%252e/image.iso").status == 404


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "target",
    [b"//evil.example.com/dl/x", b"/%2fevil.example.com/x", b"///evil.example.com", b"//evil.example.com/%2f.."],
)
def test_slashes_lead_to_no_host(ports: tuple[Network, Mapping[tuple[str, str], int]], way: str, target: bytes) -> None:
    for host in ("localhost", "dl.example.org"):
        answer = through(ports, way, target, Host=host)
        assert answer.status in (400, 404)
        assert "location" not in answer.headers


@pytest.mark.parametrize("way", WAYS)
def test_methods_hosts_and_directories(ports: tuple[Network, Mapping[tuple[str, str], int]], way: str) -> None:
    assert through(ports, way, b"/dl/images/image.iso", b"HEAD").status == 302
    refused = through(ports, way, b"/dl/images/image.iso", b"POST", Content_Length="0")
    assert (refused.status, refused.headers["allow"]) == (405, "GET, HEAD")
    assert through(ports, way, b"/images/image.iso", Host="dl.example.org").status == 302
    assert through(ports, way, b"/images/image.iso").status == 404
    assert through(ports, way, b"/dl/images/").headers["content-type"] == "text/html; charset=utf-8"


@pytest.mark.parametrize("way", ["nginx", "haproxy"])
def test_the_proxy_says_who_comes_by_https(ports: tuple[Network, Mapping[tuple[str, str], int]], way: str) -> None:
    """All mirrors of this network are http only."""
    assert ask(ports[1][way, "https"], b"/dl/images/image.iso", tls=True).status == 404
    assert ask(ports[1][way, "https"], b"/dl/images/image.iso", tls=True, X_Forwarded_Proto="http").status == 404
    assert ask(ports[1][way, "http"], b"/dl/images/image.iso", X_Forwarded_Proto="https").status == 302


PIECES = [
    b"..", b"%2e%2e", b"%252e%252e", b"/", b"//", b"%2f", b"%5c", b"\\", b"%00", b"%0d%0aX:y", b"@evil.example.com",
    b"evil.example.com", b"http://evil.example.com", b"?", b"#", b"%", b"%zz", b"%u002e", b"\xc3\xbc", b"\xff", b"%ff",
    b"images", b"image.iso", b".meta4", b"region", b"EU", b"dl", b"strict", b"mirrorlist", b"%e2%80%ae", b";x=y", b"~",
]  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_hostile_bytes_lead_nowhere_else(ports: tuple[Network, Mapping[tuple[str, str], int]], way: str) -> None:
    generator = random.Random(way)
    allowed = {urlsplit(address).netloc for address in ports[0].addresses.values()} | {"vault.example.org"}
    for _ in range(300):
        start = generator.choice([b"/dl/", b"/dl/", b"/", b"//", b"/region/EU/dl/", b"/dl"])
        target = start + generator.choice([b"/", b""]).join(generator.choices(PIECES, k=generator.randint(1, 5)))
        answer = through(ports, way, target)
        assert answer.status < 500, target
        if "location" in answer.headers:
            assert urlsplit(answer.headers["location"]).netloc in allowed, target
