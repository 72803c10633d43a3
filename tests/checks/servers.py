"""Web servers on loopback that answer well, badly, slowly, endlessly or not at all."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count

Talk = Callable[[socket.socket, bytes], None]
"""What a server does on a connection, given the head of the request."""

ALLOWED_HOST = "127.0.0.2"
"""Where servers listen that a fetch may reach; 127.0.0.1 and ::1 stay forbidden where a test says so."""
LOCAL_HOSTS = ("127.0.0.1", "::1")

_LONGEST_TEST_SECONDS = 30.0
_TLS_HANDSHAKE = b"\x16"


def answer(status: str = "200 OK", body: bytes = b"", *headers: str) -> bytes:
    """A whole answer with its Content-Length."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def redirect(location: str, status: str = "302 Found") -> bytes:
    return answer(status, b"", f"Location: {location}")


def says(data: bytes) -> Talk:
    return lambda connection, _: connection.sendall(data)


def by_path(answers: dict[str, bytes]) -> Talk:
    """Each path has its answer; any other is 404."""

    def talk(connection: socket.socket, head: bytes) -> None:
        path = head.split(b" ", 2)[1].decode()
        connection.sendall(answers.get(path, answer("404 Not Found", b"no such file")))

    return talk


def drips(start: bytes, drop: Callable[[int], bytes], pause_seconds: float) -> Talk:
    """Sends ``start`` and then one drop after each pause, until the other side has gone."""

    def talk(connection: socket.socket, _: bytes) -> None:
        connection.sendall(start)
        for number in count():
            time.sleep(pause_seconds)
            connection.sendall(drop(number))

    return talk


def floods(start: bytes, block: bytes) -> Talk:
    """Sends ``start`` and then the block again and again, until the other side has gone."""

    def talk(connection: socket.socket, _: bytes) -> None:
        connection.sendall(start)
        while True:
            connection.sendall(block)

    return talk


def stays_silent(connection: socket.socket, _: bytes) -> None:
    with suppress(TimeoutError):
        connection.recv(1)


@dataclass
class Server:
    """A running server: where it listens, how many connections came, and the heads of the requests."""

    host: str
    port: int
    connections: int = 0
    heads: list[bytes] = field(default_factory=list)

    def url(self, path: str = "/", scheme: str = "http", host: str | None = None) -> str:
        name = host or self.host
        return f"{scheme}://{f'[{name}]' if ':' in name else name}:{self.port}{path}"


@contextmanager
def serving(talk: Talk, host: str = ALLOWED_HOST, tls: ssl.SSLContext | None = None, port: int = 0) -> Iterator[Server]:
    """A server that talks so on each connection, over TLS where a context is given."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(128)
        server = Server(host, listener.getsockname()[1])
        thread = threading.Thread(target=_accept, args=(listener, server, talk, tls), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


@contextmanager
def serving_together(talks: Mapping[str, Talk]) -> Iterator[tuple[Server, ...]]:
    """A server for each of these hosts, all at one port: where something else has it at one of them, at another."""
    first, *others = talks
    for tries in count():
        with ExitStack() as stack:
            servers = [stack.enter_context(serving(talks[first], first))]
            try:
                servers += [stack.enter_context(serving(talks[host], host, port=servers[0].port)) for host in others]
            except OSError:
                if tries < 20:
                    continue
                raise
            yield tuple(servers)
            return


def _accept(listener: socket.socket, server: Server, talk: Talk, tls: ssl.SSLContext | None) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        server.connections += 1
        threading.Thread(target=_serve, args=(connection, server, talk, tls), daemon=True).start()


def _serve(plain: socket.socket, server: Server, talk: Talk, tls: ssl.SSLContext | None) -> None:
    plain.settimeout(_LONGEST_TEST_SECONDS)
    with plain, suppress(OSError):
        if tls is None:
            _converse(plain, server, talk)
        else:
            with tls.wrap_socket(plain, server_side=True) as secured:
                _converse(secured, server, talk)


def _converse(connection: socket.socket, server: Server, talk: Talk) -> None:
    """Reads a request, or what turns out to be a TLS handshake, and talks."""
    head = b""
    while b"\r\n\r\n" not in head and not head.startswith(_TLS_HANDSHAKE):
        data = connection.recv(4096)
        if not data:
            return
        head += data
    server.heads.append(head)
    talk(connection, head)


@contextmanager
def tls_that_never_ends() -> Iterator[Server]:
    """Accepts connections and reads what comes, but never says its part of the handshake."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.bind((ALLOWED_HOST, 0))
        listener.listen(128)
        yield Server(ALLOWED_HOST, listener.getsockname()[1])


@contextmanager
def canary() -> Iterator[tuple[Server, ...]]:
    """Listeners on 127.0.0.1 and, where it is there, on ::1 at the same port; nobody should come."""
    with serving_together(dict.fromkeys(LOCAL_HOSTS[: 1 + has_ipv6()], says(answer()))) as birds:
        yield birds


def has_ipv6() -> bool:
    """Whether ::1 can be listened on."""
    with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
        try:
            probe.bind(("::1", 0))
        except OSError:
            return False
        return True
