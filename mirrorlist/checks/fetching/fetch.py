"""Fetch a file from an untrusted URL: every address judged, everything bounded, failures returned as values.

The name is resolved once and the connection goes to an address that was judged, so a second answer of the
name's DNS changes nothing. Each redirect is judged again as a whole.
"""

from __future__ import annotations

import ipaddress
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urljoin

from mirrorlist import __version__
from mirrorlist.checks.fetching.addresses import Resolver, resolved_within, system_resolver
from mirrorlist.checks.fetching.exchange import Method, Reply, Request, exchanged
from mirrorlist.checks.fetching.result import Clock, Deadline, Failed, Failure, FailureKind, Fetched, deadline_in, shown
from mirrorlist.checks.fetching.url import FetchTarget, read_target, redirected
from mirrorlist.core.catalogue.service import Service
from mirrorlist.core.health.elsewhere import NOWHERE, Elsewhere
from mirrorlist.core.health.verdicts import Family
from mirrorlist.core.model import Prefix, Protocol
from mirrorlist.core.network.prefixes import prefix
from mirrorlist.core.network.public_addresses import refusal

MOST_HOPS = 5
"""dnf and zypper follow six; one is this service's own."""


@dataclass(frozen=True, slots=True)
class Ask:
    """What is wanted of one URL.

    ``family``: only addresses of this one. ``scheme``: the URL and every redirect must have it. ``elsewhere``: the
    hosts that no redirect may lead to. ``user_agent``: under another name than the guard's. ``etag`` and
    ``modified_since`` make the request conditional; they are the values that an earlier answer gave. ``forwarded_for``:
    the address of the client for whom it is asked, as X-Forwarded-For.
    """

    method: Method = Method.GET
    family: Family | None = None
    most_bytes: int = 1024 * 1024
    deadline_seconds: float = 10.0
    etag: str | None = None
    modified_since: str | None = None
    scheme: Protocol | None = None
    elsewhere: Elsewhere = NOWHERE
    user_agent: str | None = None
    forwarded_for: str | None = None


@dataclass(frozen=True, slots=True)
class Guard:
    """What all fetches share. ``allowed`` are the prefixes that may be reached although they are not global."""

    allowed: tuple[Prefix, ...] = ()
    resolver: Resolver = system_resolver
    context: ssl.SSLContext = field(default_factory=ssl.create_default_context)
    clock: Clock = time.monotonic
    now: Callable[[], float] = time.time
    user_agent: str = f"mirrorlist/{__version__}"


Fetch = Callable[[str, Ask], Fetched | Failure]
"""``fetch`` with its guard, or what stands for it."""


def fetch(url: str, ask: Ask, guard: Guard) -> Fetched | Failure:
    """What the URL gives, within the deadline of ``ask``; nothing that a stranger does raises."""
    deadline = deadline_in(ask.deadline_seconds, guard.clock)
    try:
        return _followed(read_target(url), ask, guard, deadline)
    except Failed as failed:
        return failed.failure


def _followed(target: FetchTarget, ask: Ask, guard: Guard, deadline: Deadline) -> Fetched:
    hops: list[str] = []
    days_left: list[int | None] = []
    while True:
        with _hops_told(hops):
            reply = _asked(target, ask, guard, deadline)
        days_left.append(reply.certificate_days_left)
        if reply.location is None:
            return Fetched(
                status=reply.status,
                headers=reply.headers,
                body=reply.body,
                url=target.url,
                address=reply.address,
                seconds=deadline.passed(),
                certificate_days_left=min((days for days in days_left if days is not None), default=None),
                transfer=reply.transfer,
            )
        if len(hops) == MOST_HOPS:
            raise Failed(FailureKind.TOO_MANY_REDIRECTS, f"over {MOST_HOPS}, the last from {shown(target.url)}")
        hops.append(target.url)
        with _hops_told(hops):
            with suppress(ValueError):  # somebody else's copy says nothing of this one
                if owner := ask.elsewhere.owner_of(urljoin(target.url, reply.location)):
                    raise Failed(FailureKind.ELSEWHERE, f"{shown(reply.location)} is {owner}")
            target = redirected(target, reply.location)
            if target.url in hops:
                raise Failed(FailureKind.CIRCLE, f"back to {shown(target.url)}")


@contextmanager
def _hops_told(hops: list[str]) -> Iterator[None]:
    """A failure after a redirect names the URL that redirected last."""
    try:
        yield
    except Failed as failed:
        if not hops:
            raise
        raise Failed(failed.failure.kind, f"{failed.failure.detail} (redirected from {shown(hops[-1])})") from None


def _asked(target: FetchTarget, ask: Ask, guard: Guard, deadline: Deadline) -> Reply:
    if ask.scheme is not None and target.scheme is not ask.scheme:
        raise Failed(FailureKind.OTHER_SCHEME, f"{shown(target.url)} is not {ask.scheme}")
    usable = tuple(
        address
        for address in allowed_addresses(target, guard, deadline)
        if ask.family is None or ipaddress.ip_address(address).version == ask.family.version
    )
    if not usable:
        name = ask.family.name if ask.family else "EITHER"
        raise Failed(FailureKind.NO_ADDRESS_IN_FAMILY, f"{shown(target.host)} has none in {name}")
    agent = ask.user_agent or guard.user_agent
    request = Request(
        ask.method, agent, ask.etag, ask.modified_since, ask.most_bytes, forwarded_for=ask.forwarded_for
    )  # fmt: skip
    return exchanged(target, usable, request, guard.context, deadline, guard.now)


def allowed_addresses(target: FetchTarget, guard: Guard, deadline: Deadline) -> tuple[str, ...]:
    """All addresses of a target, in the resolver's order.

    Raises:
        Failed: there is none, or one of them may not be reached.
    """
    addresses: tuple[str, ...] = (target.host,)
    if not target.literal:
        try:
            addresses = tuple(resolved_within(target.host, guard.resolver, deadline))
        except TimeoutError:
            message = f"no answer for {shown(target.host)} within {deadline.passed():.1f} s"
            raise Failed(FailureKind.UNRESOLVABLE, message) from None
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or error
            raise Failed(FailureKind.UNRESOLVABLE, f"{shown(target.host)}: {shown(str(why))}") from None
    if not addresses:
        raise Failed(FailureKind.UNRESOLVABLE, f"{shown(target.host)} has no address")
    for address in addresses:  # all or none: a name with one forbidden address may answer with it at any time
        if reason := refusal(address, guard.allowed):
            raise Failed(FailureKind.FORBIDDEN_ADDRESS, f"{shown(target.host)}: {reason}")
    return addresses


def guard_of(service: Service, resolver: Resolver = system_resolver) -> Guard:
    """What a fetch may reach: public addresses, and in an intranet the networks that the service file names."""
    return Guard(
        allowed=tuple(map(prefix, service.own_networks)), resolver=resolver, user_agent=service.site.user_agent
    )
