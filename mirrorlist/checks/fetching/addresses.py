"""Resolve the names of mirrors, and note the addresses."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from threading import BoundedSemaphore, Thread
from urllib.parse import urlsplit

from mirrorlist.checks.fetching.result import Deadline, Failed, FailureKind
from mirrorlist.core.model import Mirror

Resolver = Callable[[str], Sequence[str]]
"""All addresses of a name, of both families, as text, the preferred first. OSError says why there is none."""

MOST_LOOKUPS = 256
"""At once in the process; a look-up that hangs occupies its place until the system gives it up."""

_places = BoundedSemaphore(MOST_LOOKUPS)


def system_resolver(name: str) -> Sequence[str]:
    """What the system's resolver says, in its order (RFC 6724). The name is ASCII already; no IDNA is applied."""
    rows = socket.getaddrinfo(name.encode("ascii"), None, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(row[4][0]) for row in rows))


def resolved_within(name: str, resolver: Resolver, deadline: Deadline) -> Sequence[str]:
    """The resolver's answer, waited for no longer than the deadline; a late answer is thrown away.

    Raises:
        TimeoutError: it has not come.
        Failed: this machine can look up no more names.
        OSError, ValueError: as the resolver raises them.
    """
    if not _places.acquire(timeout=max(deadline.left(), 0)):
        raise Failed(FailureKind.LOCAL, f"{MOST_LOOKUPS} look-ups are under way")
    answer: Future[Sequence[str]] = Future()
    thread = Thread(target=_look_up, args=(name, resolver, answer), daemon=True)
    try:
        thread.start()
    except RuntimeError as error:
        _places.release()
        raise Failed(FailureKind.LOCAL, str(error)) from None
    return answer.result(max(deadline.left(), 0))


def _look_up(name: str, resolver: Resolver, answer: Future[Sequence[str]]) -> None:
    try:
        answer.set_result(tuple(resolver(name)))
    except (OSError, ValueError) as error:
        answer.set_exception(error)
    finally:
        _places.release()


MOST_ADDRESSES = 16
"""That are kept of one mirror."""


class NotedNames:
    """A resolver that remembers the answers of another one. Threads may share it."""

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver
        self.found: dict[str, tuple[str, ...]] = {}

    def __call__(self, name: str) -> Sequence[str]:
        found = tuple(self._resolver(name))
        self.found[name] = found
        return found


def addresses_of(mirror: Mirror, found: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """The addresses of all hosts in a mirror's URLs, as far as they are known, each once and in its one spelling."""
    addresses: dict[str, None] = {}
    for url in (url for urls in mirror.urls.values() for url in urls.values()):
        try:
            host = (urlsplit(url).hostname or "").removesuffix(".")
        except ValueError:
            continue
        for text in found.get(host, (host,)):
            try:
                addresses[str(ipaddress.ip_address(text))] = None
            except ValueError:
                continue
    return tuple(addresses)[:MOST_ADDRESSES]
