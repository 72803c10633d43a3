"""Measure how fast public mirrors send the beginning of a large file, a few times a day, between the prober's runs.

All places that share a database take turns (store/response_times.py), and no more than ``MOST_BYTES`` of a mirror in a
day. One mirror is measured at a time, so that the measurements do not share the line.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from threading import Event
from urllib.parse import urlsplit

import sqlalchemy as sa

from mirrorlist.checks.fetching.exchange import Method
from mirrorlist.checks.fetching.fetch import Ask, Fetch
from mirrorlist.checks.fetching.result import Fetched
from mirrorlist.core.catalogue.catalogue import Images, wanted_images
from mirrorlist.core.catalogue.policy import MeasuredBandwidth, counted_mbps
from mirrorlist.core.catalogue.trees import quoted
from mirrorlist.core.content import Named, NamedFiles
from mirrorlist.core.health.elsewhere import elsewhere
from mirrorlist.core.health.response_times import SpeedSample
from mirrorlist.core.health.vantages import looked_at
from mirrorlist.core.health.verdicts import Subject, Verdict, by_mirror
from mirrorlist.core.model import Mirror, Protocol
from mirrorlist.core.snapshot import Facts
from mirrorlist.store.health import HealthStore
from mirrorlist.store.leader_election import Leadership
from mirrorlist.store.metadata import MetadataStore
from mirrorlist.store.response_times import DAY, EACH_BYTES, LEAST_APART, RESERVED_BYTES

LEAST_BYTES = 2_000_000
"""Of a smaller file a connection has hardly reached its speed."""
SECONDS = 20.0
"""What did not come in this time is not waited for; what did come shows the speed."""
FILES = 8
"""The largest files of a mirror take turns, so that not one alone is in its cache."""


@dataclass(frozen=True, slots=True)
class SpeedRound:
    """One look at which mirrors are due, and their measurements from a place ("" is the prober's)."""

    facts: Facts
    engine: sa.Engine
    lead: Leadership | None
    place: str
    fetch: Fetch
    now: Callable[[], float]
    stop: Event

    def measured(
        self, seconds: float, name: str | None = None
    ) -> Iterator[tuple[SpeedSample, MeasuredBandwidth | None]]:
        """Each measurement, of all mirrors or of one, and what the mirror's bandwidth is by it; begins none after this
        many seconds.

        Raises:
            LeadLost: another process works from this place by now.
        """
        until, service = time.monotonic() + seconds, self.facts.service
        store, origin = HealthStore(self.engine, self.lead), MetadataStore(self.engine)
        verdicts, named = by_mirror(store.verdicts()), origin.files.named()
        images, others = wanted_images(service.catalogue, origin.sizes()), elsewhere(service, self.facts.mirrors)
        last = store.speeds.last_at(self.place)
        wanted = (each for each in looked_at(self.facts.mirrors) if name in (None, each.name))
        for mirror in sorted(wanted, key=lambda each: last.get(each.name, 0.0)):
            now = self.now()
            if self.stop.is_set() or time.monotonic() >= until or now < last.get(mirror.name, 0.0) + LEAST_APART:
                return
            files = large_files(mirror, verdicts.get(mirror.name, {}), named, images)
            speed = store.speeds.begin(mirror.name, self.place, now) if files else None
            if speed is not None:
                url = files[int(now // (DAY / FILES)) % len(files)]
                ask = Ask(Method.PART, None, EACH_BYTES, SECONDS, elsewhere=others.but_for(mirror))
                speed = _ended(speed, self.fetch(url, ask))
                yield speed, store.speeds.end(speed, counted_mbps(mirror.bandwidth_mbps, service.policy))


def _ended(speed: SpeedSample, answer: object) -> SpeedSample:
    """The measurement with what it came to; a server that keeps to ranges has sent no more than was read."""
    if not isinstance(answer, Fetched) or answer.transfer is None:
        return speed
    size = answer.transfer.size if answer.status == 206 else RESERVED_BYTES
    return replace(speed, size=size, mbps=answer.transfer.mbps)


def large_files(mirror: Mirror, verdicts: Mapping[Subject, Verdict], named: Named, images: Images) -> tuple[str, ...]:
    """The URLs of the largest files that a mirror is known to have, https where it offers that."""
    sizes: dict[str, int] = {}
    for subject, verdict in verdicts.items():
        tree = mirror.urls.get(subject.module, {}).get(subject.protocol)
        if tree is None or subject.path is None or not verdict.good_now:
            continue
        files = named.get(subject.key, {}).get(verdict.sha256 or "", NamedFiles())
        image = images.get(subject.module, {}).get(subject.path)
        known = {each.path: each.size for each in (*files.files, *files.pool)} | {subject.path: image}
        sizes |= {tree + quoted(path): size for path, size in known.items() if size and size >= LEAST_BYTES}
    secure = {url: size for url, size in sizes.items() if urlsplit(url).scheme == Protocol.HTTPS}
    web = secure or {url: size for url, size in sizes.items() if urlsplit(url).scheme == Protocol.HTTP}
    return tuple(sorted(web, key=lambda url: (-web[url], url))[:FILES])
