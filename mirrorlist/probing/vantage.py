"""Look at the public mirrors as one of the vantage points, and report what can be reached from here.

A volunteer's machine asks the service's API which mirrors there are, and uploads a report signed with its key. One that
has the database writes its votes there, under a lead of its own, so that it never takes the main prober's.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Protocol as Interface
from typing import TypeVar

import msgspec
import requests
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mirrorlist import __version__
from mirrorlist.checks.fetching.fetch import Guard
from mirrorlist.checks.probing.quick import QuickLooker, TreeFile
from mirrorlist.core.catalogue.catalogue import BASEARCH, published_contents
from mirrorlist.core.catalogue.metadata import REPOMD
from mirrorlist.core.errors import LeadLost, MirrorlistError
from mirrorlist.core.health.quick_look import QuickLook, TreeAddress
from mirrorlist.core.health.vantages import CANNOT_REACH, Look, Report, looked_at, module_looked_at
from mirrorlist.core.health.verdicts import Family, ProbeOutcome
from mirrorlist.core.model import SERVED_STATUSES, WEB_PROTOCOLS, Protocol, Status
from mirrorlist.core.snapshot import Facts
from mirrorlist.following.follower import hand_in
from mirrorlist.store.leader_election import Leadership
from mirrorlist.store.marks import Scheme
from mirrorlist.store.quick_looks import VoteStore

AT_ONCE = 24
LARGEST_ANSWER = 32 << 20
MOST_MIRRORS = 5000
AGAIN_SECONDS = 10.0
"""What could not be reached is looked at once more after this time, before it is reported."""
T = TypeVar("T")


class EveryWay(QuickLook):
    """A look that sends a request over each protocol and family, to one address of each."""

    __slots__ = ()

    def asked(self, accepting: Iterable[TreeAddress]) -> tuple[TreeAddress, ...]:
        return tuple({each.tree: each for each in sorted(accepting, key=lambda at: at.address)}.values())


def looks_at(mirror: str, files: Sequence[TreeFile], looker: QuickLooker) -> list[Look]:
    """What this machine sees of a mirror; a name that leads nowhere from here is a mirror that cannot be reached."""
    sights = looker.look(EveryWay(mirror, 0), files).sights
    found: dict[tuple[Protocol, Family], Look] = {}
    for sight in sorted(sights, key=lambda each: (each.asked, each.outcome is ProbeOutcome.GOOD)):
        tree = sight.at.tree
        detail = f"{sight.at.address} {sight.detail}".strip() if sight.outcome in CANNOT_REACH else ""
        found[tree.protocol, tree.family] = Look(mirror, tree.protocol, tree.family, sight.outcome, detail)
    nowhere = "its name leads to no public address"
    seen = {protocol for protocol, _ in found}
    for file in files:
        if file.protocol not in seen:
            way = file.protocol, Family.IPV4
            found[way] = Look(mirror, *way, ProbeOutcome.UNREACHABLE, nowhere)
    return list(found.values())


Plan = Mapping[str, tuple[TreeFile, ...]]
"""By mirror what is asked of it."""


class Desk(Interface):
    """Where a vantage learns what to look at, and hands in its reports."""

    def plan(self) -> Plan:
        """What to look at now. Raises MirrorlistError where that cannot be learned."""

    def hand_in(self, report: Report, at: float) -> None:
        """Hands in a report. Raises MirrorlistError where it is not taken."""


@dataclass(frozen=True, slots=True)
class Round:
    """What one round came to."""

    looks: tuple[Look, ...]
    seconds: float

    @property
    def failed(self) -> list[Look]:
        """What cannot be reached."""
        return [look for look in self.looks if look.outcome in CANNOT_REACH]


def one_round(plan: Plan, guard: Guard, timeout_seconds: float, stop: threading.Event) -> Round:
    """Looks at every mirror, and once more at those that could not be reached."""
    begun, looker = time.monotonic(), QuickLooker(guard, timeout_seconds)
    try:
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="vantage") as pool:

            def all_seen(names: Iterable[str]) -> dict[str, list[Look]]:
                def seen(name: str) -> tuple[str, list[Look]]:
                    return name, [] if stop.is_set() else looks_at(name, plan[name], looker)

                return dict(pool.map(seen, names))

            found = all_seen(plan)
            failed = [name for name, looks in found.items() if any(look.outcome in CANNOT_REACH for look in looks)]
            if failed and not stop.wait(min(AGAIN_SECONDS, timeout_seconds)):
                found |= all_seen(failed)
    finally:
        looker.close()
    return Round(tuple(look for looks in found.values() for look in looks), time.monotonic() - begun)


def keep_looking(
    desk: Desk,
    guard: Guard,
    timeout_seconds: float,
    every_seconds: float,
    stop: threading.Event,
    done: Callable[[Round], None],
    failed: Callable[[MirrorlistError], None],
    clock: Callable[[], float] = time.time,
) -> None:
    """Rounds until it is told to stop, each ``every_seconds`` after the former began; a fault waits for the next.

    Raises:
        LeadLost: another process votes for this vantage.
    """
    while not stop.is_set():
        begun = time.monotonic()
        try:
            done(take_round(desk, guard, timeout_seconds, every_seconds, stop, clock))
        except LeadLost:
            raise
        except MirrorlistError as error:
            if not stop.is_set():
                failed(error)
        stop.wait(max(0.0, begun + every_seconds - time.monotonic()))


def take_round(
    desk: Desk,
    guard: Guard,
    timeout_seconds: float,
    every_seconds: float,
    stop: threading.Event,
    clock: Callable[[], float] = time.time,
) -> Round:
    """One round, handed in. Raises MirrorlistError where it cannot be, or was told to stop meanwhile."""
    found = one_round(desk.plan(), guard, timeout_seconds, stop)
    if stop.is_set():
        raise MirrorlistError("told to stop; what this round found is not reported")
    desk.hand_in(Report(every_seconds, found.looks), clock())
    return found


@dataclass(frozen=True, slots=True)
class DatabaseDesk:
    """For a vantage that has the database and a snapshot of the service."""

    name: str
    facts: Callable[[], Facts]
    engine: sa.Engine
    lead: Leadership

    def plan(self) -> Plan:
        facts = self.facts()
        if self.name not in {each.name for each in facts.service.vantages}:
            raise MirrorlistError(f"no vantage point is called {self.name}; add it under vantages in service.yml")
        wanted: dict[str, str] = {}
        for content in published_contents(facts.service.catalogue):
            wanted.setdefault(content.module, content.path + content.index)
        return {each.name: _files(each.name, each.urls, wanted) for each in looked_at(facts.mirrors)}

    def hand_in(self, report: Report, at: float) -> None:
        mirrors = [each.name for each in looked_at(self.facts().mirrors)]
        VoteStore(self.engine, self.lead).record(self.name, report, at, mirrors)


def _files(name: str, urls: Mapping[str, Mapping[Protocol, str]], wanted: Mapping[str, str]) -> tuple[TreeFile, ...]:
    """What is asked of a mirror: the index of a repository, or its tree. That it lacks the file says nothing here."""
    module = module_looked_at(urls)
    return tuple(
        TreeFile(name, module, protocol, urls[module][protocol] + wanted.get(module, ""))
        for protocol in WEB_PROTOCOLS
        if protocol in urls[module]
    )


# Uploads: what a machine without the database needs is the service's address, its name there, and its key.


class ListedMirror(msgspec.Struct):
    """What is read of a mirror in the answer of the API."""

    name: str
    status: Status
    urls: dict[str, dict[Protocol, str]]


class ListedRepository(msgspec.Struct):
    """What is read of a repository in the answer of the API."""

    module: str
    path: str
    arches: tuple[str, ...] = ()
    vault: bool = False


class _Mirrors(msgspec.Struct):
    mirrors: tuple[ListedMirror, ...]


class _Repositories(msgspec.Struct):
    repositories: tuple[ListedRepository, ...]


@dataclass(frozen=True, slots=True)
class UploadDesk:
    """For a vantage that has nothing but the service's address (ends with a slash) and its key."""

    name: str
    url: str
    key: Ed25519PrivateKey
    session: requests.Session = field(default_factory=requests.Session)

    def plan(self) -> Plan:
        mirrors = self._get("api/v1/mirrors", _Mirrors).mirrors
        wanted: dict[str, str] = {}
        for each in self._get("api/v1/repositories", _Repositories).repositories:
            if not each.vault:
                arch = each.arches[0] if each.arches else ""
                path = each.path.replace(BASEARCH, arch)
                wanted.setdefault(each.module, path + REPOMD if path.endswith("/") else path)
        return {
            each.name: _files(each.name, each.urls, wanted)
            for each in mirrors[:MOST_MIRRORS]
            if each.urls and each.status in SERVED_STATUSES
        }

    def hand_in(self, report: Report, at: float) -> None:
        hand_in(self.session, self.url, Scheme.VANTAGE, self.name, at, msgspec.json.encode(report), self.key)

    def _get(self, path: str, of: type[T]) -> T:
        """An answer of the API. Raises MirrorlistError where there is none that can be read."""
        try:
            with self.session.get(
                self.url + path, headers={"User-Agent": f"mirrorlist/{__version__}"}, timeout=(10.0, 30.0), stream=True
            ) as answer:
                answer.raise_for_status()
                data = answer.raw.read(LARGEST_ANSWER, decode_content=True)
            return msgspec.json.decode(data, type=of)
        except (requests.RequestException, OSError, msgspec.MsgspecError) as error:
            raise MirrorlistError(f"{self.url}{path} cannot be read: {type(error).__name__}: {error}") from None
