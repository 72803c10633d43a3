"""The real service under its own workers and under gunicorn, behind real proxies as deploy/ sets them up:
nobody chooses an address, and every answer gets through."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.clients.proxies import Raw, apache, ask_as, caddy, free_port, haproxy, nginx
from tests.clients.tools import need
from tests.serving import SERVICE, answers, checkout, mirror_file, put, serving, until

pytestmark = [pytest.mark.client, pytest.mark.slow]

PROXIES = {"nginx": nginx, "haproxy": haproxy, "caddy": caddy, "apache": apache}
SERVERS = ("own", "gunicorn")
WAYS = [(server, proxy) for server in SERVERS for proxy in PROXIES]
CLIENT = "127.0.0.9"
"""Nobody trusts it; the proxies come from 127.0.0.1."""
PRIVATE, MONOPOLY = "198.51.100.7", "203.0.113.7"
HIDDEN = (b"private.example.org", b"monopoly.example.org")
PUBLIC = 12
PATHS = (
    b"/mirrorlist/9/baseos", b"/mirrorlist?repo=baseos-9&arch=x86_64", b"/mirrorlist/9/baseos?format=json",
    b"/mirrorlist/9/baseos?country=DE", b"/mirrorlist?path=9.8/BaseOS/x86_64/os/&redirect=1", b"/dl/9.8/x.iso",
    b"/dl/9.8/x.iso?mirrorlist", b"/dl/9.8/x.iso?json", b"/dl/9.8/x.iso.meta4", b"/dl/9.8/x.iso.metalink", b"/yours",
    b"/yours?version=9&repo=baseos&arch=x86_64", b"/api/v1/selection?repo=baseos-9&arch=x86_64", b"/",
    b"/isolist",
)  # fmt: skip
SPELLINGS = (
    "X_Forwarded_For", "x_forwarded_for", "X_FORWARDED_FOR", "X_Forwarded-For", "x_forwarded-for", "X_FORWARDED-FOR",
    "X-Forwarded_For", "x-forwarded_for", "X-FORWARDED_FOR", "x_FoRwArDeD-fOr",
)  # fmt: skip
LONG = b"/".join([b"a-name-as-long-as-few-people-choose-one-" + b"x" * 60] * 5) + b"/image.iso"
LONGEST = b"+" * 2660
"""The Location has nearly the 8,000 characters that a path may have."""


def network(directory: Path) -> Path:
    names = [f"mirror{number:02}.with-a-rather-long-name.of-a-university.example.org" for number in range(PUBLIC)]
    config = checkout(directory, *names)
    approved = "approved: [private.example.org, monopoly.example.org]\n"
    put(config, SERVICE + approved + "trusted_proxies: [127.0.0.1]\ntrees:\n  - {path: /dl/, module: main}\n")
    for name, more in (
        ("private.example.org", f"private: true\nsubnets: [{PRIVATE}/32]\n"),
        ("monopoly.example.org", f"monopoly: true\nprivate: true\nsubnets: [{MONOPOLY}/32]\n"),
    ):
        put(directory / "mirrors.d" / f"{name}.yml", mirror_file(name) + more)
    return config


@contextmanager
def under_gunicorn(config: Path) -> Iterator[int]:
    port = free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MIRRORLIST_")}
    environment |= {"MIRRORLIST_CONFIG": str(config), "MIRRORLIST_STATE": str(config.parent / "state")}
    command = [sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "mirrorlist.app:application"]
    command += ["--workers", "4"]  # one client asks for more expensive answers than one worker grants
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as process:
        try:
            until(90, lambda: answers(port))
            yield port
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[tuple[str, str], int]]:
    """The proxies' ports by the server behind them and their names; "" is no proxy."""
    need("nginx", "haproxy", "caddy", "apache2")
    root = tmp_path_factory.mktemp("edges")
    config = network(root / "service")
    with ExitStack() as stack:
        own = stack.enter_context(serving(config)).port
        found = {("own", ""): own, ("gunicorn", ""): stack.enter_context(under_gunicorn(config))}
        for server, name in WAYS:
            proxy = PROXIES[name](root / f"{server}-{name}", found[server, ""])
            found[server, name] = stack.enter_context(proxy).http
        yield found


def whole(answer: Raw) -> bytes:
    return repr(answer.headers).encode() + repr(answer.links).encode() + answer.body


def test_the_hidden_mirrors_are_there_for_whom_they_are(ports: dict[tuple[str, str], int]) -> None:
    """Else the tests below would show nothing: asked by the trusted proxy's address, with the real header."""
    for server in SERVERS:
        for address, own in zip((PRIVATE, MONOPOLY), HIDDEN, strict=True):
            sent = (("X-Forwarded-For", address.encode()),)
            shown = [path for path in PATHS if own in whole(ask_as("127.0.0.1", ports[server, ""], path, headers=sent))]
            assert [path for path in PATHS if path not in shown] == [b"/", b"/isolist"]


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("name", SPELLINGS)
def test_a_trusted_proxy_that_passes_everything_on_is_no_hole(
    ports: dict[tuple[str, str], int], server: str, name: str
) -> None:
    real = ("X-Forwarded-For", b"192.0.2.1")
    for address in (PRIVATE, MONOPOLY):
        fake = (name, address.encode())
        for sent in ((fake,), (real, fake), (fake, real), (fake, real, fake)):
            for path in (PATHS[0], PATHS[5], PATHS[12]):
                answer = ask_as("127.0.0.1", ports[server, ""], path, headers=sent)
                assert not [hidden for hidden in HIDDEN if hidden in whole(answer)], (path, sent)
                assert path != PATHS[12] or (b'"192.0.2.1"' in answer.body) is (real in sent)


@pytest.mark.parametrize(("server", "proxy"), WAYS)
@pytest.mark.parametrize("name", SPELLINGS)
def test_nobody_chooses_an_address_by_another_spelling(
    ports: dict[tuple[str, str], int], server: str, proxy: str, name: str
) -> None:
    real = ("X-Forwarded-For", b"192.0.2.1")
    for address in (PRIVATE, MONOPOLY):
        fake = (name, address.encode())
        for sent in ((fake,), (real, fake), (fake, real), (fake, fake), (fake, real, fake)):
            answer = ask_as(CLIENT, ports[server, proxy], PATHS[0], headers=sent)
            assert answer.status == 200, sent
            assert not [hidden for hidden in HIDDEN if hidden in whole(answer)], sent


@pytest.mark.parametrize(("server", "proxy"), [*WAYS, ("own", ""), ("gunicorn", "")])
def test_no_endpoint_is_an_exception(ports: dict[tuple[str, str], int], server: str, proxy: str) -> None:
    for name in (*SPELLINGS[::3], "X-Forwarded-For"):
        for sent in (((name, PRIVATE.encode()),), (("X-Forwarded-For", b"192.0.2.1"), (name, MONOPOLY.encode()))):
            for path in PATHS:
                answer = ask_as(CLIENT, ports[server, proxy], path, headers=sent)
                assert answer.status < 500, path
                assert not [hidden for hidden in HIDDEN if hidden in whole(answer)], (path, sent)


@pytest.mark.parametrize(("server", "proxy"), WAYS)
@pytest.mark.parametrize("sent", [b"192.0.2.1", b"192.0.2.1, 127.0.0.1", b"caf\xe9", b"\xff, 1.1.1.1", b",", b""])
def test_the_client_is_who_came_to_the_proxy(
    ports: dict[tuple[str, str], int], server: str, proxy: str, sent: bytes
) -> None:
    own = ("X-Forwarded-For", sent)
    hop_by_hop = ("Connection", b"close, X-Forwarded-For, X-Forwarded-Proto")
    for headers in ((), (own,), (("X_Forwarded_For", sent), own), (own, hop_by_hop)):
        answer = ask_as(CLIENT, ports[server, proxy], PATHS[12], headers=headers)
        assert f'"{CLIENT}"'.encode() in answer.body, headers


@pytest.mark.parametrize(("server", "proxy"), WAYS)
def test_nobody_chooses_a_path_by_a_header(ports: dict[tuple[str, str], int], server: str, proxy: str) -> None:
    for name in ("SCRIPT_NAME", "PATH_INFO"):
        for value in (b"/mirrorlist", b"/elsewhere"):
            answer = ask_as(CLIENT, ports[server, proxy], PATHS[0], headers=((name, value),))
            assert (answer.status, b"https://mirror" in answer.body) == (200, True), (name, value)


@pytest.mark.parametrize(("server", "proxy"), WAYS)
@pytest.mark.parametrize("name", [name.replace("For", "Proto").replace("FOR", "PROTO") for name in SPELLINGS])
def test_nobody_chooses_a_scheme_by_another_spelling(
    ports: dict[tuple[str, str], int], server: str, proxy: str, name: str
) -> None:
    answer = ask_as(CLIENT, ports[server, proxy], PATHS[11], headers=((name, b"https"), ("Host", b"own.example.net")))
    assert b"http://own.example.net" in answer.body
    assert b"https://own.example.net" not in answer.body


@pytest.mark.parametrize(("server", "proxy"), [("own", proxy) for proxy in PROXIES])
@pytest.mark.parametrize(
    "path",
    [
        b"/dl/" + LONG, b"/dl/" + LONG + b".meta4", b"/dl/" + LONG + b".metalink", b"/dl/" + LONG + b"?mirrorlist",
        b"/dl/" + LONG + b"?json", b"/dl/" + LONGEST, b"/region/EU/dl/" + LONGEST + b".meta4",
        b"/dl/" + LONGEST + b"?mirrorlist", b"/mirrorlist?repo=baseos-9&arch=x86_64&x=" + b"y" * 3000, *PATHS,
    ],
    ids=lambda path: path[:4].decode() + path[-24:].decode(),
)  # fmt: skip
def test_the_longest_answers_get_through(
    ports: dict[tuple[str, str], int], server: str, proxy: str, path: bytes
) -> None:
    direct = ask_as(CLIENT, ports[server, ""], path)
    passed = ask_as(CLIENT, ports[server, proxy], path)
    assert (passed.status, len(passed.body) > 0) == (direct.status, len(direct.body) > 0)
    assert direct.status < 500
    assert len(", ".join(passed.links)) == len(", ".join(direct.links))


def test_a_redirect_has_many_links(ports: dict[tuple[str, str], int]) -> None:
    """So the test above sends long headers."""
    answer = ask_as(CLIENT, ports["own", ""], b"/dl/" + LONG)
    assert answer.status == 302
    assert len(answer.headers["location"]) > 500
    assert sum(map(len, answer.links)) > 1000
