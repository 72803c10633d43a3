"""The public record of the current generation for views: unpacked once, with a cache of rendered pages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from hashlib import sha256
from typing import Any
from xml.etree.ElementTree import Element, SubElement, tostring

from mirrorlist.core.catalogue.catalogue import carried_versions
from mirrorlist.core.catalogue.service import Service
from mirrorlist.core.catalogue.trees import Trees
from mirrorlist.core.errors import NotFound, NotReady
from mirrorlist.core.public.encoding import PublicFile
from mirrorlist.core.public.statistics import CountryShare, country_shares
from mirrorlist.core.public.types import Logo, MirrorState, PublicDetail, PublicMirror, PublicNetwork
from mirrorlist.core.snapshot import Snapshot
from mirrorlist.formats.xml_documents import DECLARATION, xml_text
from mirrorlist.store.jobs import JobRecord
from mirrorlist.web.generations import Generations
from mirrorlist.web.questions import Questions
from mirrorlist.web.rendering import Kept
from mirrorlist.web.words import FAMILY_WORDS, KIND_WORDS, iso


@dataclass(frozen=True, slots=True)
class SponsorMonth:
    """A month of a mirror. ``is_whole`` is false while it is not over; ``others`` are answers to other countries."""

    month: str
    is_whole: bool
    answers: int
    shares: tuple[CountryShare, ...]

    @property
    def others(self) -> int:
        """Answers to countries that are not shown."""
        return self.answers - sum(share.answers for share in self.shares)


class Published:
    """One generation for the pages and the API."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.kept = Kept()
        self._file = PublicFile(memoryview(snapshot.public))  # type: ignore[arg-type]  # bytes, or a view of them

    @property
    def service(self) -> Service:
        """What service.yml says."""
        return self.snapshot.facts.service

    @property
    def now(self) -> float:
        """The time of the data; ages on pages are counted from here, so that they can be kept."""
        return self.snapshot.facts.built_at

    @cached_property
    def network(self) -> PublicNetwork:
        """Every public mirror, and what happened lately."""
        return self._file.network()

    @cached_property
    def by_name(self) -> Mapping[str, PublicMirror]:
        """The public mirrors by name."""
        return {mirror.name: mirror for mirror in self.network.mirrors}

    @cached_property
    def states(self) -> Mapping[MirrorState, int]:
        """How many mirrors are in each state, the states in their order."""
        counted = Counter(mirror.state for mirror in self.network.mirrors)
        return {state: counted[state] for state in MirrorState if counted[state]}

    @cached_property
    def questions(self) -> Questions:
        """Reads what is asked for."""
        return Questions(self.service.catalogue, self.service.policy)

    @cached_property
    def trees(self) -> Trees:
        """Finds the trees that file addresses lie in."""
        return Trees(self.service.trees)

    @cached_property
    def versions(self) -> tuple[str, ...]:
        """The versions that mirrors carry, as people spell them."""
        return carried_versions(self.service.catalogue)

    @cached_property
    def modules(self) -> tuple[str, ...]:
        """The modules, the main one first."""
        return tuple(self.service.modules)

    def mirror(self, name: str) -> PublicMirror:
        """A mirror by its name; raises NotFound for one that is not public, and for one that is not there."""
        found = self.by_name.get(name.lower())
        if found is None:
            raise NotFound("there is no public mirror of this name; / lists them all")
        return found

    def detail(self, name: str) -> PublicDetail:
        """The health of a public mirror."""
        return self._file.detail(name) or PublicDetail()

    def months(self, mirror: PublicMirror) -> tuple[SponsorMonth, ...]:
        """The months in which answers named a public mirror first, the newest first."""
        statistics = self.network.statistics
        if statistics is None:
            return ()
        tomorrow = (date.fromisoformat(statistics.last_day) + timedelta(days=1)).isoformat()
        return tuple(
            SponsorMonth(
                month, tomorrow[:7] > month, sums.answers, country_shares(sums, statistics.months.get(month, {}))
            )
            for month, sums in reversed([*self.detail(mirror.name).months.items()])
        )

    def logo(self, name: str) -> Logo | None:
        """The logo of a mirror's sponsor."""
        return self._file.logo(name)


class Publications:
    """Provides the current generation, the same object as long as it is current.

    ``jobs`` yields the records of the periodic jobs on this machine.
    """

    def __init__(self, generations: Generations, jobs: Callable[[], Sequence[JobRecord]] = tuple) -> None:
        self._generations = generations
        self.jobs = jobs
        self._kept: Published | None = None

    def current(self) -> Published:
        """The present generation.

        Raises:
            NotReady: there is none yet.
        """
        prepared = self._generations.current
        if prepared is None:
            raise NotReady("the service has no snapshot yet; try again in a few seconds")
        kept = self._kept
        if kept is None or kept.snapshot is not prepared.snapshot:
            kept = self._kept = Published(prepared.snapshot)
        return kept


def common(published: Published, here: str) -> dict[str, Any]:
    """The values every template gets: the service, the age of its data, the current page."""
    return {
        "service": published.service,
        "site": published.service.site,
        "now": published.now,
        "generation": published.snapshot.facts.generation,
        "modules": published.modules,
        "here": here,
        "absolute": (published.service.site.url or "").rstrip("/"),
    }


# Atom feeds (RFC 4287) of mirror events: one of all mirrors, one per mirror.

ATOM = "application/atom+xml; charset=utf-8"
MOST_ENTRIES = 100
_NAMESPACE = "http://www.w3.org/2005/Atom"


def feed(published: Published, mirror: PublicMirror | None) -> bytes:
    """The feed of one mirror's trees and overrides, or of everybody's, the newest first."""
    of_all = published.network.events if mirror is None else published.detail(mirror.name).events
    events = [event for event in of_all if not event.path][:MOST_ENTRIES]
    base = (published.service.site.url or "").rstrip("/")
    page = f"{base}/mirrors/{mirror.name}" if mirror else f"{base}/"
    own = f"{page}/feed.atom" if mirror else f"{base}/mirrors/feed.atom"
    root = Element("feed", xmlns=_NAMESPACE)
    whose = f"{published.service.name}: {mirror.name}" if mirror else f"{published.service.name} mirrors"
    _add(root, "title", whose)
    _add(root, "id", _urn("feed", published.service.name, mirror.name if mirror else ""))
    _add(root, "updated", iso(events[0].at if events else published.now))
    _add(SubElement(root, "author"), "name", published.service.name)
    SubElement(root, "link", rel="self", type="application/atom+xml", href=own)
    SubElement(root, "link", rel="alternate", type="text/html", href=page)
    for event in events:
        over = f" over {event.protocol} and {FAMILY_WORDS[event.family]}" if event.protocol and event.family else ""
        entry = SubElement(root, "entry")
        _add(entry, "title", f"{event.mirror} {KIND_WORDS[event.kind]}{over}")
        _add(entry, "id", _urn(event.mirror, event.kind.value, repr(event.at), event.module or "", over))
        _add(entry, "updated", iso(event.at))
        SubElement(entry, "link", rel="alternate", type="text/html", href=f"{base}/mirrors/{event.mirror}")
        _add(entry, "summary", event.why)
    written: bytes = tostring(root, encoding="utf-8")
    return DECLARATION + written + b"\n"


def _add(parent: Element, name: str, text: str) -> None:
    SubElement(parent, name).text = xml_text(text, "\ufffd")


def _urn(*parts: str) -> str:
    """An identifier that depends on the event alone: the same in every worker and generation."""
    digest = sha256("\n".join(parts).encode("utf-8", "replace")).hexdigest()
    return f"urn:uuid:{digest[:8]}-{digest[8:12]}-5{digest[13:16]}-8{digest[17:20]}-{digest[20:32]}"
