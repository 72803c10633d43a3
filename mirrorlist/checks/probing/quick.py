"""Take a quick look at a mirror: connect to every address of its servers, and send a request to some of them."""

from __future__ import annotations

import socket
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from ipaddress import ip_address
from itertools import chain, islice, zip_longest
from threading import Lock

from mirrorlist.checks.fetching.bounded_socket import Door, connected
from mirrorlist.checks.fetching.exchange import Method, Request, exchanged_over, secured_for
from mirrorlist.checks.fetching.fetch import Guard, allowed_addresses
from mirrorlist.checks.fetching.result import NO_SERVER, Deadline, Failed, Failure, FailureKind, deadline_in
from mirrorlist.checks.fetching.url import FetchTarget, read_target
from mirrorlist.checks.probing.judge import STATUSES
from mirrorlist.core.health.quick_look import AddressSight, QuickLook, TreeAddress
from mirrorlist.core.health.verdicts import Family, ProbeOutcome, Subject
from mirrorlist.core.model import Protocol

MOST_ADDRESSES = 8
"""Of one name, over both families."""
MOST_KEPT = 256
"""Connections that are kept open for the next look."""
OUTCOMES = {
    FailureKind.REFUSED: ProbeOutcome.CLOSED,
    FailureKind.TIMEOUT: ProbeOutcome.TIMEOUT,
    FailureKind.DEADLINE: ProbeOutcome.TIMEOUT,
    FailureKind.CERTIFICATE: ProbeOutcome.CERTIFICATE,
    FailureKind.FORBIDDEN_ADDRESS: ProbeOutcome.FORBIDDEN,
    FailureKind.LOCAL: ProbeOutcome.UNCHECKED,
}
"""What a failure counts as; any other is UNREACHABLE."""


@dataclass(frozen=True, slots=True)
class TreeFile:
    """A file of a tree that is asked for; its tree's family is that of the address that is asked."""

    mirror: str
    module: str
    protocol: Protocol
    url: str
    user_agent: str | None = None
    """That of a client, for a server that does not like the prober's."""


@dataclass(frozen=True, slots=True)
class QuicklySeen:
    """What a look came to: one sight for each address of each tree, and how many requests it took."""

    sights: tuple[AddressSight, ...]
    requests: int


_Place = tuple[Protocol, str, Door]


class QuickLooker:
    """Looks at mirrors, in many threads, and keeps connections open where servers allow it."""

    def __init__(self, guard: Guard, timeout_seconds: float) -> None:
        self._guard = guard
        self._seconds = timeout_seconds
        self._kept: OrderedDict[_Place, socket.socket] = OrderedDict()
        self._known: dict[str, tuple[str, ...]] = {}
        self._without_head: set[_Place] = set()
        self._lock = Lock()

    def close(self) -> None:
        """Closes the connections that are kept."""
        with self._lock:
            for opened in self._kept.values():
                opened.close()
            self._kept.clear()

    def look(
        self, look: QuickLook, files: Sequence[TreeFile], may_ask: Callable[[], bool] = lambda: True
    ) -> QuicklySeen:
        """What the servers of these trees do now; nothing that a stranger does raises.

        ``may_ask`` is called before each request; where it says no, a look connects and asks nothing.
        """
        sights: dict[TreeAddress, AddressSight] = {}
        asking: dict[TreeAddress, tuple[TreeFile, FetchTarget, Door]] = {}
        for file in files:
            with suppress(Failed):  # a URL that must not be asked is a visit's to judge
                target = read_target(file.url)
                addresses, failure = self._addresses(target)
                for address in addresses:
                    family = Family.IPV6 if ":" in address else Family.IPV4
                    at = TreeAddress(Subject(file.mirror, file.module, file.protocol, family), address)
                    if failure:
                        sights[at] = _failed(at, failure)
                    else:
                        asking[at] = file, target, (address, target.port)
        opened = connected((door for _, _, door in asking.values()), deadline_in(self._seconds, self._guard.clock))
        try:
            accepting = []
            for at, (_, _, door) in asking.items():
                found = opened[door]
                if isinstance(found, Failure):
                    sights[at] = _failed(at, found)
                else:
                    sights[at] = AddressSight(at, ProbeOutcome.GOOD)
                    accepting.append(at)
            asked = {at: asking[at] for at in look.asked(accepting) if may_ask()}
            requests = 0
            for sight, count in self._all_asked(asked, opened, look.disguised, may_ask):
                sights[sight.at] = sight
                requests += count
        finally:
            for each in opened.values():
                if isinstance(each, socket.socket):
                    each.close()
        return QuicklySeen(tuple(sights.values()), requests)

    def _addresses(self, target: FetchTarget) -> tuple[tuple[str, ...], Failure | None]:
        """The addresses of a host, some of each family; with a failure those that it had before."""
        try:
            found = allowed_addresses(target, self._guard, deadline_in(self._seconds, self._guard.clock))
        except Failed as failed:
            return self._known.get(target.host, ()), failed.failure
        by_family = [sorted({each for each in found if ip_address(each).version == version}) for version in (4, 6)]
        mixed = tuple(islice((each for each in chain(*zip_longest(*by_family)) if each), MOST_ADDRESSES))
        self._known[target.host] = mixed
        return mixed, None

    def _all_asked(
        self,
        asked: Mapping[TreeAddress, tuple[TreeFile, FetchTarget, Door]],
        opened: dict[Door, socket.socket | Failure],
        disguised: bool,
        may_ask: Callable[[], bool],
    ) -> Iterable[tuple[AddressSight, int]]:
        """What each request comes to, and how many it took; each has the whole time, so several go out at once."""
        work = []
        for at, (file, target, door) in asked.items():
            fresh = opened.pop(door, None)  # a second request to the same door opens its own
            user_agent = file.user_agent if disguised and file.user_agent else self._guard.user_agent
            work.append((at, target, door, fresh if isinstance(fresh, socket.socket) else None, user_agent, may_ask))
        if len(work) < 2:
            return [self._sight(*each) for each in work]
        with ThreadPoolExecutor(len(work), thread_name_prefix="quick requests") as pool:
            return list(pool.map(lambda each: self._sight(*each), work))

    def _sight(
        self,
        at: TreeAddress,
        target: FetchTarget,
        door: Door,
        fresh: socket.socket | None,
        user_agent: str,
        may_ask: Callable[[], bool],
    ) -> tuple[AddressSight, int]:
        place = target.scheme, target.host, door
        requests = 0
        try:
            if place not in self._without_head:
                requests += 1
                status = self._by_head(place, target, fresh, user_agent)
                fresh = None
                if status is not None and (status < 400 or STATUSES.get(status) is ProbeOutcome.MISSING):
                    return _answered(at, status), requests
                if not may_ask():
                    return AddressSight(at, ProbeOutcome.UNCHECKED), requests
            requests += 1
            by_get = self._status(place, target, fresh, Request(Method.FIRST_BYTE, user_agent, None, None, 1))
            if by_get < 400:
                self._without_head.add(place)
            return _answered(at, by_get), requests
        except Failed as failed:
            return _failed(at, failed.failure, target.port), max(1, requests)

    def _by_head(self, place: _Place, target: FetchTarget, fresh: socket.socket | None, user_agent: str) -> int | None:
        """The status of a head; None where there is none, which says nothing: heads are refused in every way."""
        try:
            return self._status(place, target, fresh, Request(Method.HEAD, user_agent, None, None, 0, False))
        except Failed as failed:
            if failed.failure.kind in NO_SERVER:
                raise
            return None

    def _status(self, place: _Place, target: FetchTarget, fresh: socket.socket | None, request: Request) -> int:
        """The status of an answer, over the kept connection if the server still answers there.

        Raises:
            Failed: there is no answer.
        """
        with self._lock:
            kept = self._kept.pop(place, None)
        if kept:
            deadline = deadline_in(self._seconds / 2, self._guard.clock)
            with suppress(Failed):  # the server may have closed it meanwhile
                status = self._exchanged(place, kept, target, request, deadline)
                if fresh:
                    fresh.close()
                return status
        deadline = deadline_in(self._seconds, self._guard.clock)
        found = fresh or connected([place[2]], deadline)[place[2]]
        if isinstance(found, Failure):
            raise Failed(found.kind, found.detail)
        opened = secured_for(target, found, self._guard.context, deadline)
        return self._exchanged(place, opened, target, request, deadline)

    def _exchanged(
        self, place: _Place, opened: socket.socket, target: FetchTarget, request: Request, deadline: Deadline
    ) -> int:
        """The status of the answer over a connection, which is then kept or closed."""
        with ExitStack() as ending:
            ending.callback(opened.close)
            reply = exchanged_over(opened, target, request, deadline)
            if reply.stays_open:
                ending.pop_all()
                with self._lock:
                    if former := self._kept.pop(place, None):
                        former.close()
                    self._kept[place] = opened
                    if len(self._kept) > MOST_KEPT:
                        self._kept.popitem(last=False)[1].close()
            return reply.status


def _answered(at: TreeAddress, status: int) -> AddressSight:
    """What a status says of a server; what it refuses or lacks is a visit's to judge."""
    if status < 400:
        return AddressSight(at, ProbeOutcome.GOOD, asked=True)
    outcome = STATUSES.get(status, ProbeOutcome.REFUSED if status >= 500 else ProbeOutcome.MISSING)
    return AddressSight(at, outcome, f"answers with status {status}", asked=True)


def _failed(at: TreeAddress, failure: Failure, port: int | None = None) -> AddressSight:
    """A failure to connect, or with a port, of a request there."""
    outcome = OUTCOMES.get(failure.kind, ProbeOutcome.UNREACHABLE)
    if port is None:
        return AddressSight(at, outcome, failure.detail)
    said = str(failure) if outcome is ProbeOutcome.UNREACHABLE else failure.detail
    return AddressSight(at, outcome, f"port {port}: {said}", asked=True)
