"""The plan of one visit to a mirror: what to ask for, over which protocol and address family, in which order.

A visit first asks for one small file of each module over every protocol and family: the mirror is reachable, and
the same tree answers everywhere. Repositories are then compared with the origin's over one protocol and family
only, and not all of them each time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from hashlib import sha256

from mirrorlist.core.catalogue.catalogue import Catalogue, Images, published_contents
from mirrorlist.core.content import Content, ContentKind, Named, content_key
from mirrorlist.core.health.elsewhere import NOWHERE, Elsewhere
from mirrorlist.core.health.verdicts import DAY, SOURCE_PREFIX, Family, ProbeOutcome, Subject, Verdict
from mirrorlist.core.health.whole import EACH_LOOK, EACH_VISIT, is_due
from mirrorlist.core.model import WEB_PROTOCOLS, Mirror, RepoMetadata

TURNS = 10
"""What did not change is asked for once in this many runs."""
ROUTINE = 36
"""This many requests per visit at most, with the first ones about 40, while nothing is wrong."""
LONG_MISSING = 4
"""This many times not found in a row: a partial mirror, which is asked again in its turn only."""

Wanted = Mapping[str, Mapping[str, RepoMetadata | None]]
"""Module to the paths of its repositories, each with what the origin publishes, where that is known."""


class Aim(Enum):
    """What a request asks for."""

    INDEX = 0
    """The file that lists what is in a repository: repomd.xml, InRelease and so on."""
    IMAGE = 1
    """The head or the first byte of an image."""
    TIME_FILE = 2
    PLAIN = 4
    """Some files of a plain tree; there is no single request for it."""
    ROOT = 3
    """The root of a tree in which nothing can be compared: whether anything answers there."""


@dataclass(frozen=True, slots=True)
class ProbeRequest:
    """One request.

    ``validator`` is what the mirror gave with the bytes that the origin publishes still: it need not send them again.
    """

    subject: Subject
    url: str
    aim: Aim = Aim.INDEX
    validator: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trip:
    """What a visit is planned from. ``verdicts`` are the mirror's own; ``run`` is the number of this run.

    ``untimed`` are the modules whose time file at the origin cannot be used: there it shows no more than that the
    mirror answers, and only where nothing else does. ``elsewhere`` are the hosts that no redirect may lead to.
    ``named`` are the files that the origin's metadata names, ``contents`` what is wanted, by name; ``doubted`` the
    faults of others in it, by the same names, which count for nothing if this one has them too.
    """

    mirror: Mirror
    wanted: Wanted
    now: float
    run: int
    verdicts: Mapping[Subject, Verdict] = field(default_factory=dict)
    time_file: str | None = None
    untimed: frozenset[str] = frozenset()
    images: Images = field(default_factory=dict)
    families: tuple[Family, ...] = (Family.IPV4, Family.IPV6)
    elsewhere: Elsewhere = NOWHERE
    named: Named = field(default_factory=dict)
    contents: Mapping[str, Content] = field(default_factory=dict)
    doubted: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def content(self, module: str, path: str) -> Content:
        """What lies at a path."""
        return self.contents.get(content_key(module, path)) or Content(module, path)


def wanted_repositories(catalogue: Catalogue, metadata: Mapping[str, RepoMetadata]) -> Wanted:
    """Every repository and other content that mirrors carry, by module."""
    found: dict[str, dict[str, RepoMetadata | None]] = {}
    for each in published_contents(catalogue):
        found.setdefault(each.module, {})[each.path] = metadata.get(each.key)
    return found


def reach(trip: Trip) -> tuple[ProbeRequest, ...]:
    """One small file of each module over every protocol and family: IPv4 before IPv6, https before http."""
    return tuple(
        look(trip, Subject(trip.mirror.name, module, protocol, family), path)
        for module, urls in trip.mirror.urls.items()
        for path in [reach_path(trip, module)]
        for family in trip.families
        for protocol in WEB_PROTOCOLS
        if protocol in urls
    )


def reach_path(trip: Trip, module: str) -> str | None:
    """Whose repomd.xml shows that the module's tree answers; None for the time file, or the root where nothing else is.

    It is one that the mirror is known to carry, if any is, and another one in each run.
    """
    if trip.time_file is not None and module not in trip.untimed:
        return None
    every = trip.wanted.get(module, {})
    wanted = {path: every[path] for path in every if trip.content(module, path).kind is not ContentKind.PLAIN}
    seen = {
        subject.path: verdict.good_now
        for subject, verdict in trip.verdicts.items()
        if subject.module == module and subject.path is not None and subject.path in wanted and verdict.sha256
    }
    images = trip.images.get(module, ())
    groups = ([path for path in seen if seen[path]], seen, [path for path in wanted if wanted[path]], wanted, images)
    paths = next((sorted(group) for group in groups if group), [])
    return paths[trip.run % len(paths)] if paths else None


def look(trip: Trip, tree: Subject, path: str | None) -> ProbeRequest:
    """The request for a repository's repomd.xml, for an image, or without a path for the time file or the root."""
    url, subject = trip.mirror.urls[tree.module][tree.protocol], replace(tree, path=path)
    if path is None:
        aim = Aim.ROOT if trip.time_file is None else Aim.TIME_FILE
        return ProbeRequest(subject, url + (trip.time_file or ""), aim)
    if path in trip.images.get(tree.module, ()):
        return ProbeRequest(subject, url + path, Aim.IMAGE)
    content = trip.content(tree.module, path)
    if content.kind is ContentKind.PLAIN:
        return ProbeRequest(subject, url + path, Aim.PLAIN)
    return ProbeRequest(subject, url + path + content.index, validator=_validator(trip, subject))


def told_over_rsync(trip: Trip, tree: Subject) -> tuple[ProbeRequest, ...]:
    """What shows how new a source is that speaks rsync only: its time file, and the index of one repository in turn.

    Of a source that has a web server, and of mirrors, that is seen over the web.
    """
    urls = trip.mirror.urls[tree.module]
    if not trip.mirror.name.startswith(SOURCE_PREFIX) or any(protocol in urls for protocol in WEB_PROTOCOLS):
        return ()
    timed = [None] if trip.time_file is not None and tree.module not in trip.untimed else []
    images = trip.images.get(tree.module, ())
    kinds = {path: trip.content(tree.module, path).kind for path in _comparable(trip, tree.module)}
    paths = sorted(path for path, kind in kinds.items() if path not in images and kind is not ContentKind.PLAIN)
    turn = [paths[trip.run % len(paths)]] if paths else []
    return tuple(look(trip, tree, path) for path in (*timed, *turn))


def asked_by_get(trip: Trip, image: Subject) -> bool:
    """Whether an image is asked for by GET, not by HEAD, which proves little.

    The first look and every second one are by GET, and all after a bad one until it is served.
    """
    verdict = trip.verdicts.get(image)
    return verdict is None or verdict.bad > 0 or not verdict.good_now or trip.run // TURNS % 2 == 0


def _validator(trip: Trip, subject: Subject) -> str | None:
    """What to ask by whether the bytes are still the same ones.

    Only where these are what the origin publishes now, and were seen within a day: a mirror that calls everything
    unchanged would stay fresh for ever.
    """
    verdict, metadata = trip.verdicts.get(subject), trip.wanted.get(subject.module, {}).get(subject.path or "")
    if verdict is None or metadata is None or verdict.outcome is not ProbeOutcome.FRESH or verdict.sha256_at is None:
        return None
    is_current = verdict.sha256 == metadata.current.sha256 and trip.now - verdict.sha256_at < DAY
    return verdict.validator if is_current else None


def whole(trip: Trip, tree: Subject) -> tuple[ProbeRequest, ...]:
    """Every repository of the tree that can be compared, those not looked at for the longest time first."""
    known = {path: trip.verdicts.get(replace(tree, path=path)) for path in _comparable(trip, tree.module)}
    return tuple(look(trip, tree, path) for path in _oldest_first(known))


def due(trip: Trip, tree: Subject) -> tuple[ProbeRequest, ...]:
    """The repositories to look at now.

    First all that changed at the origin or were not good last time, then some of whose files not all were looked at
    since they changed; then up to ``ROUTINE`` of those never looked at, the same on every mirror, so that new ones are
    known of all at once; then, up to ``ROUTINE`` in all, those not looked at for a day, and a tenth of the rest. Images
    take what room is left.
    """
    wanted = _comparable(trip, tree.module)
    known = {path: trip.verdicts.get(replace(tree, path=path)) for path in wanted}
    # of plain content no index shows that it is still the same
    plain = {path for path in known if trip.content(tree.module, path).kind is ContentKind.PLAIN}
    pressed = plain | {path for path in known if _is_pressing(known[path], wanted[path])}
    pressing = _oldest_first({path: known[path] for path in pressed})
    others = _oldest_first({path: known[path] for path in known.keys() - set(pressing)})
    pressing += [path for path in others if _is_unseen(trip, tree, path)][: EACH_VISIT // EACH_LOOK]
    unseen = sorted(path for path in others if known[path] is None)
    others = [path for path in others if path not in {*pressing, *unseen}]
    pressing += unseen[:ROUTINE]
    routine = [path for path in others if _is_old(trip, known[path]) or _turn(path) == trip.run % TURNS]
    paths = pressing + routine[: max(ROUTINE - len(pressing), len(wanted) // TURNS)]
    return tuple(look(trip, tree, path) for path in [*paths, *_due_images(trip, tree, ROUTINE - len(paths))])


def _due_images(trip: Trip, tree: Subject, room: int) -> list[str]:
    """The images to look at now: by the same rules, for an image that is there does not change."""
    wanted = trip.images.get(tree.module, {})
    known = {path: trip.verdicts.get(replace(tree, path=path)) for path in wanted}
    pressing = _oldest_first({path: known[path] for path in known if _is_unsettled(known[path])})
    others = _oldest_first({path: known[path] for path in known.keys() - set(pressing)})
    routine = [path for path in others if _is_old(trip, known[path]) or _turn(path) == trip.run % TURNS]
    return pressing + routine[: max(room - len(pressing), len(wanted) // TURNS, 1)]


def overdue(trip: Trip, tree: Subject) -> tuple[ProbeRequest, ...]:
    """The repositories that nobody looked at for a day."""
    known = {path: trip.verdicts.get(replace(tree, path=path)) for path in _comparable(trip, tree.module)}
    return tuple(look(trip, tree, path) for path in _oldest_first(known) if _is_old(trip, known[path]))


def known_paths(trip: Trip, tree: Subject) -> dict[Subject, Verdict]:
    """The verdicts on repositories that this tree has of its own."""
    return {
        subject: verdict for subject, verdict in trip.verdicts.items() if not subject.is_tree and subject.tree == tree
    }


def _comparable(trip: Trip, module: str) -> dict[str, RepoMetadata]:
    return {path: metadata for path, metadata in trip.wanted.get(module, {}).items() if metadata is not None}


def _oldest_first(known: Mapping[str, Verdict | None]) -> list[str]:
    return sorted(known, key=lambda path: (_checked_at(known[path]), path))


def _checked_at(verdict: Verdict | None) -> float:
    return verdict.checked_at if verdict else 0.0


def _is_old(trip: Trip, verdict: Verdict | None) -> bool:
    return trip.now - _checked_at(verdict) >= DAY


def _is_pressing(verdict: Verdict | None, metadata: RepoMetadata) -> bool:
    if verdict is None or _is_long_missing(verdict):
        return False
    return _is_unsettled(verdict) or verdict.sha256 != metadata.current.sha256


def _is_unseen(trip: Trip, tree: Subject, path: str) -> bool:
    """Whether not all files that a repository's metadata names were looked at since it changed."""
    digest, subject = _comparable(trip, tree.module)[path].current.sha256, replace(tree, path=path)
    return is_due(trip.named.get(subject.key, {}).get(digest), trip.verdicts.get(subject), digest)


def _is_unsettled(verdict: Verdict | None) -> bool:
    """Whether something was not good the last time, and may be soon."""
    return verdict is not None and not _is_long_missing(verdict) and (not verdict.good_now or verdict.bad > 0)


def _is_long_missing(verdict: Verdict) -> bool:
    return verdict.outcome in (ProbeOutcome.MISSING, ProbeOutcome.ELSEWHERE) and verdict.bad >= LONG_MISSING


def runs_until(path: str, verdict: Verdict, metadata: RepoMetadata | None, run: int, is_whole: bool) -> int:
    """In which run after one of this number a mirror is asked again for what lies at a path; 1 is the next.

    ``is_whole`` is whether all files of the version were looked at, and its index shows each change.
    """
    pressing = _is_unsettled(verdict) if metadata is None else _is_pressing(verdict, metadata) or not is_whole
    return 1 if pressing else (_turn(path) - run - 1) % TURNS + 1


def _turn(path: str) -> int:
    """In which of every ten runs a path has its turn; the same in every process."""
    return int.from_bytes(sha256(path.encode()).digest()[:4], "big") % TURNS


@dataclass(frozen=True, slots=True)
class Agent:
    """A client: how people call it, and its User-Agent."""

    name: str
    user_agent: str


AGENTS = {
    ContentKind.RPM: (
        Agent("libdnf", "libdnf (Fedora Linux 42; generic; Linux.x86_64)"),
        Agent("zypper", "ZYpp 17.37.5 (curl 8.14.1) openSUSE-Leap-15.6-x86_64"),
    ),
    ContentKind.APT: (Agent("apt", "Debian APT-HTTP/1.3 (3.0.3)"),),
    ContentKind.PACMAN: (Agent("pacman", "pacman/7.0.0 (Linux x86_64) libalpm/15.0.0"),),
    ContentKind.APK: (Agent("apk", "apk-tools/3.0.1"),),
    ContentKind.PLAIN: (Agent("wget", "Wget/1.25.0"),),
}
"""Who asks for what."""
CURL = Agent("curl", "curl/8.14.1")
"""Asks for everything, as people do for images."""


def agents_of(kinds: Iterable[ContentKind]) -> tuple[Agent, ...]:
    """The clients that ask for what a module holds; for that of unknown kinds any of them may."""
    found = {*kinds} or {*AGENTS} - {ContentKind.RPM}
    return (*(agent for kind, agents in AGENTS.items() if kind in found for agent in agents), CURL)


def agents_for(catalogue: Catalogue, module: str) -> tuple[Agent, ...]:
    """The clients that ask for what the catalogue has in a module."""
    return agents_of(each.kind for each in published_contents(catalogue) if each.module == module)


def agents_at(trip: Trip, module: str) -> tuple[Agent, ...]:
    """The clients that ask a mirror for a module."""
    return agents_of(trip.content(module, path).kind for path in trip.wanted.get(module, {}))


def agent_of(trip: Trip, tree: Subject, turn: int) -> Agent:
    """The client whose turn it is; one that was refused has it until it is served."""
    agents, verdict = agents_at(trip, tree.module), trip.verdicts.get(tree)
    if verdict is not None and verdict.outcome is ProbeOutcome.CLIENTS:
        named = [agent for agent in agents if f" {agent.name}'s " in verdict.detail]
        if named:
            return named[0]
    return agents[turn % len(agents)]
