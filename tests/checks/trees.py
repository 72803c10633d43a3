"""A distribution with a few repositories, its mirrors on loopback, and visits to them."""

from __future__ import annotations

import hashlib
import socket
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

from mirrorlist.checks.fetching.fetch import Ask, Guard, fetch
from mirrorlist.checks.fetching.result import Failure, Fetched
from mirrorlist.checks.probing.requests import ProbeTerms
from mirrorlist.core.catalogue.metadata import REPOMD
from mirrorlist.core.model import MAIN, Checksummed, Mirror, Protocol, RepoMetadata
from tests.building import NOW
from tests.checks.asking import LOOPBACK, PLAIN_CONTEXT, guard, names
from tests.checks.servers import ALLOWED_HOST, Server, Talk, answer, serving

PATHS = ("9/A/", "9/B/", "9/C/")
TIMEOUT = 0.4
HTML = b"<!DOCTYPE html>\n<html><head><title>Welcome</title></head></html>"


def repomd(stamp: int) -> bytes:
    """A repomd.xml of that time."""
    return (
        f'<?xml version="1.0"?>\n<repomd xmlns="http://linux.duke.edu/metadata/repo"><revision>{stamp}</revision>'
        f'<data type="primary"><timestamp>{stamp}</timestamp></data></repomd>\n'
    ).encode()


CURRENT, LAST, OLD, NEVER, NEWER = (repomd(int(NOW) - age) for age in (3600, 90_000, 900_000, 7200, 60))


def version(body: bytes, stamp: int) -> Checksummed:
    return Checksummed(len(body), stamp, hashlib.sha256(body).hexdigest(), hashlib.sha512(body).hexdigest())


def published(path: str, body: bytes = CURRENT) -> RepoMetadata:
    """``body`` is what the origin publishes, and ``LAST`` what it published before."""
    alternates = (version(LAST, int(NOW) - 90_000),) if body != LAST else ()
    return RepoMetadata(path, version(body, int(NOW) - 3600), NOW - 3600, alternates)


WANTED: Mapping[str, Mapping[str, RepoMetadata | None]] = {MAIN: {path: published(path) for path in PATHS}}
HISTORY = {path: frozenset(hashlib.sha256(body).hexdigest() for body in (OLD, LAST, CURRENT)) for path in PATHS}
TERMS = ProbeTerms(timeout_seconds=TIMEOUT, visit_seconds=20.0, history=HISTORY)
"""The origin published OLD, then LAST, then CURRENT."""


@dataclass
class Tree:
    """What a mirror serves; a test may change it while the mirror runs. ``talks`` wins over ``files``."""

    files: dict[str, bytes] = field(default_factory=lambda: {path + REPOMD: CURRENT for path in PATHS})
    talk: Talk | None = None

    def put(self, body: bytes) -> Tree:
        """Every repository becomes this."""
        for path in PATHS:
            self.files[path + REPOMD] = body
        return self

    def __call__(self, connection: socket.socket, head: bytes) -> None:
        if self.talk:
            self.talk(connection, head)
            return
        path = head.split(b" ", 2)[1].decode().removeprefix("/")
        body = self.files.get(path)
        if body is None:
            connection.sendall(answer("404 Not Found", b"no such file"))
            return
        whole = answer(body=body)
        connection.sendall(whole[: -len(body)] if head.startswith(b"HEAD ") and body else whole)


def mirror(name: str = "m.test", **servers: Server) -> Mirror:
    """A mirror whose http and https trees are these servers."""
    urls = {Protocol(scheme): server.url(scheme=scheme, host=name) for scheme, server in servers.items()}
    return Mirror(name=name, urls={MAIN: urls})


@contextmanager
def mirrored(tree: Talk, name: str = "m.test", host: str = ALLOWED_HOST) -> Iterator[tuple[Mirror, Server]]:
    """A mirror that serves a tree over http."""
    with serving(tree, host) as server:
        yield mirror(name, http=server), server


class Fetching:
    """The guarded fetch of an intranet of these names, which counts."""

    def __init__(
        self, addresses: Mapping[str, Sequence[str]] | None = None, context: ssl.SSLContext = PLAIN_CONTEXT
    ) -> None:
        resolver = names(addresses) if addresses else lambda name: [ALLOWED_HOST]
        self.guard: Guard = guard(LOOPBACK, resolver, context)
        self.urls: list[str] = []
        self._fetch = partial(fetch, guard=self.guard)

    def __call__(self, url: str, ask: Ask) -> Fetched | Failure:
        self.urls.append(url)
        return self._fetch(url, ask)


def now() -> float:
    return NOW
