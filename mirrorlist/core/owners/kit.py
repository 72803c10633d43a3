"""The plan that a mirror's owner runs it by: trees, their sources, how often to sync, and how to serve them."""

from __future__ import annotations

import math
import re
import shlex
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import unquote, urlsplit

from mirrorlist.core.catalogue.service import Module, Service, SyncPolicy, SyncSource, sync_command
from mirrorlist.core.errors import MirrorlistError
from mirrorlist.core.health.verdicts import ORIGIN
from mirrorlist.core.model import MAIN, WEB_PROTOCOLS, Mirror, Protocol
from mirrorlist.core.owners.copy_sources import CopyFault, CopySeverity, Offered, copied_by_mirrors, offered, ordered

USUAL_ROOT = "/srv/mirror"
USUAL_INTERVAL = 3 * 3600
LONGEST_DELAY = 3500
GROWTH = 1.25
"""How much more disk than today's tree a mirror ought to have."""
RESERVE = 0.05
MOST_NAMED = 10
LEAST_RESERVE_GB = 5
DEFAULT_PORTS = {Protocol.HTTP: 80, Protocol.HTTPS: 443, Protocol.RSYNC: 873}

_PATH = re.compile(r"/(?:[A-Za-z0-9_~+@,=-][A-Za-z0-9._~+@,=-]*/)*")
_RSYNC_NAME = re.compile(r"/([A-Za-z0-9_][A-Za-z0-9._-]*)/")
_HOST = re.compile(r"[a-z0-9_]([a-z0-9._-]*[a-z0-9])?|[0-9a-f:.]+")
_DIRECTORY = re.compile(r"(?:/[A-Za-z0-9_][A-Za-z0-9._-]*)+")


class KitError(MirrorlistError):
    """No kit can be written for this mirror; says why, and what to change."""


class Server(StrEnum):
    """The web server that the kit is for."""

    NGINX = "nginx"
    APACHE = "apache"
    CADDY = "caddy"


@dataclass(frozen=True, slots=True, kw_only=True)
class KitModule:
    """One tree of a mirror. ``source`` ends with a slash, ``directory`` and ``state`` do not.

    ``unit`` is a file name that no other tree has. ``delay_seconds`` is the longest random wait before a sync.
    ``web_paths`` begin and end with a slash. ``rsync_name`` is that of rsyncd's module, None where ``rsync_url``
    is none or deeper than a module can be.
    """

    name: str
    title: str
    unit: str
    source: str
    why: tuple[str, ...]
    directory: str
    state: str
    interval_seconds: int
    delay_seconds: int
    minute: int
    space_gb: int | None
    keep_free_gb: int
    web_paths: tuple[str, ...]
    rsync_url: str | None
    rsync_name: str | None

    @property
    def command(self) -> tuple[str, ...]:
        """What copies the tree once, by hand."""
        return sync_command(self.source, self.directory)

    @property
    def disk_gb(self) -> int | None:
        """The disk to set aside for the tree and its growth."""
        return None if self.space_gb is None else math.ceil(self.space_gb * GROWTH)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kit:
    """All that the files of a kit say. ``hosts`` are host names or addresses without brackets."""

    service: str
    slug: str
    mirror: str
    hosts: tuple[str, ...]
    ports: Mapping[Protocol, tuple[int, ...]]
    root: str
    time_file: str | None
    modules: tuple[KitModule, ...]

    @property
    def disk_gb(self) -> int | None:
        """The disk for all trees together; None where one's size is unknown."""
        found = [each.disk_gb for each in self.modules]
        return None if None in found else sum(each or 0 for each in found)


Faults = Callable[[str], Mapping[str, CopyFault]]
"""Of a module: by the name of a source, or ``ORIGIN``, why nobody should copy it now."""


def no_faults(module: str) -> Mapping[str, CopyFault]:
    """Nothing is known against any source."""
    return {}


def sources_of(service: Service, mirrors: tuple[Mirror, ...], wanted: str | None = None) -> tuple[SyncSource, ...]:
    """Whatever mirrors may copy by the service's policy, the project's own first; or those that are called as wanted.

    By its name any mirror that others may copy can be wanted, whatever the policy.

    Raises:
        KitError: nothing is called so.
    """
    known = {mirror.name: mirror for mirror in mirrors}
    own = tuple(
        SyncSource(each.name, each.rsync, known[each.mirror].location or each.location, each.mirror)
        if each.mirror in known and each.location.latitude is None
        else each
        for each in service.sync.sources
    )
    taken = {each.mirror for each in own}
    others = copied_by_mirrors(mirrors) if wanted or service.sync.policy is SyncPolicy.MIRRORS else ()
    found = (*own, *(each for each in others if each.mirror not in taken))
    if wanted is None:
        return found
    if named := tuple(each for each in found if wanted in (each.name, each.mirror)):
        return named
    names = ", ".join(each.name for each in found[:MOST_NAMED]) or "none"
    raise KitError(f"'{wanted}' is nothing that mirrors may copy; these are: {names}")


def kit_for(
    service: Service, mirror: Mirror, mirrors: tuple[Mirror, ...], faults: Faults, root: str, wanted: str | None = None
) -> Kit:
    """The kit of one mirror among all; ``root`` is the absolute directory below which its trees shall lie.

    ``wanted`` is the name of the source to copy, in order or not; by default the policy chooses for each tree.

    Raises:
        KitError: a tree has nothing to be copied from, or a path that no server's configuration can hold safely.
    """
    if not _DIRECTORY.fullmatch(root):
        raise KitError(f"the directory '{root}' is not plain; write an absolute path of letters, digits, '.', '_', '-'")
    slug = slug_of(service.name)
    sources = sources_of(service, mirrors, wanted)
    if wanted is None:
        choice = _Choice(sources, faults, _REASONS[service.sync.policy])
    else:
        choice = _Choice(sources, no_faults, "as you wanted")
    modules = tuple(_module(service, mirror, name, choice, f"{root}/{slug}", slug) for name in mirror.urls)
    _stay_apart(modules)
    urls = [url for book in mirror.urls.values() for protocol, url in book.items() if protocol in WEB_PROTOCOLS]
    hosts = tuple(dict.fromkeys(urlsplit(url).hostname or "" for url in urls))
    for host in hosts:
        if not _HOST.fullmatch(host):
            raise KitError(f"'{host}' is no host that a web server accepts; correct the URLs of {mirror.name}")
    ports = {
        protocol: tuple(
            dict.fromkeys(urlsplit(book[protocol]).port or usual for book in mirror.urls.values() if protocol in book)
        )
        for protocol, usual in DEFAULT_PORTS.items()
    }
    return Kit(
        service=service.name,
        slug=slug,
        mirror=mirror.name,
        hosts=hosts,
        ports=ports,
        root=root,
        time_file=service.time_file,
        modules=modules,
    )


@dataclass(frozen=True, slots=True)
class _Choice:
    """What may be copied, what is wrong with it now, and why the first of it is recommended."""

    sources: tuple[SyncSource, ...]
    faults: Faults
    reason: str


def sync_lines(service: Service) -> tuple[tuple[str, str], ...]:
    """For each module its title, and the line that copies it, for somebody whose place is not known.

    It copies what a kit would: the first of the project's sources, else the address that is for everybody.
    """
    slug, found = slug_of(service.name), []
    for name, module in service.modules.items():
        sources = [each.rsync[name] for each in service.sync.sources if name in each.rsync]
        if source := next(iter(sources), module.rsync):
            line = shlex.join(sync_command(source, f"{USUAL_ROOT}/{slug}/{name}"))
            found.append((_title(service, name, module), line))
    return tuple(found)


def _title(service: Service, name: str, module: Module) -> str:
    return service.name if name == MAIN and module.title == MAIN.capitalize() else module.title


def slug_of(name: str) -> str:
    """A distribution's name as a part of file names: small letters, digits and single hyphens; at most 40."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower())[:40].strip("-") or "linux"


def _module(service: Service, mirror: Mirror, name: str, choice: _Choice, root: str, slug: str) -> KitModule:
    module = service.modules.get(name, Module(title=name))
    source, why = _source(service, mirror, name, module, choice)
    known = [each for each in (module.interval_seconds, mirror.update_frequency_seconds) if each]
    interval = min(known, default=USUAL_INTERVAL)
    book = mirror.urls[name]
    rsync_url = book.get(Protocol.RSYNC)
    plain = _RSYNC_NAME.fullmatch(urlsplit(rsync_url).path) if rsync_url else None
    return KitModule(
        name=name,
        title=_title(service, name, module),
        unit=f"{slug}-{name}",
        source=source,
        why=why,
        directory=f"{root}/{name}",
        state=f"/var/lib/{slug}-{name}",
        interval_seconds=interval,
        delay_seconds=min(interval // 4, LONGEST_DELAY),
        minute=zlib.crc32(f"{mirror.name} {name}".encode()) % 60,
        space_gb=module.space_gb,
        keep_free_gb=max(LEAST_RESERVE_GB, math.ceil((module.space_gb or 0) * RESERVE)),
        web_paths=tuple(dict.fromkeys(_web_path(book[each]) for each in WEB_PROTOCOLS if each in book)),
        rsync_url=rsync_url,
        rsync_name=plain[1] if plain else None,
    )


def _source(
    service: Service, mirror: Mirror, name: str, module: Module, choice: _Choice
) -> tuple[str, tuple[str, ...]]:
    """What to copy, and the sentences that explain it. Where nothing is in order it is what is least at fault."""
    faults = choice.faults(name)
    found = list(ordered(offered(choice.sources, mirror, name, faults), service.sync.policy))
    usable = [each for each in found if each.fault is None]
    if module.rsync and not usable:
        url = module.rsync if module.rsync.endswith("/") else f"{module.rsync}/"
        found.append(Offered(SyncSource(_FOR_ALL, {name: url}), url, None, faults.get(ORIGIN)))
    best = min(found, key=lambda each: each.severity, default=None)
    passed = tuple(
        f"{each.source.name} was passed over: {each.fault}." for each in found if each.fault and each != best
    )
    if best is None or best.severity is CopySeverity.TAKEN_OUT:
        told = f" ({best.source.name} was passed over: {' '.join((f'{best.fault}.', *passed))})" if best else ""
        remedy = f"give modules.{name}.rsync in service.yml, or the address of {name} at one of sync.sources"
        raise KitError(f"nothing is known that {mirror.name} could copy {name} from{told}; {remedy}")
    called = _FOR_ALL if best.source.name == _FOR_ALL else str(best)
    if usable:
        rest = ", ".join(map(str, usable[1:]))
        why = f"{called}: {choice.reason}.", f"The others: {rest}." if rest else "It is the only one."
    elif best.fault:
        why = f"{called}: the best, but no source is in order now.", f"Of this one is known: {best.fault}."
    else:
        why = f"{called}.", ""
    return best.url, (*filter(None, why), *passed, *_declared(mirror, name, best.url))


_FOR_ALL = "The address that service.yml gives for everybody"
_REASONS: Mapping[SyncPolicy, str] = {
    SyncPolicy.NEAREST: "the nearest of the project's sources that are known to be in order",
    SyncPolicy.FIRST: "the first of the project's sources that is known to be in order",
    SyncPolicy.MIRRORS: "the nearest of the project's sources and of the mirrors that are fresh and offer rsync",
}


def _declared(mirror: Mirror, name: str, chosen: str) -> tuple[str, ...]:
    """What the mirror's own file says instead; it speaks of the main tree."""
    said = mirror.sync_source
    if said is None or name != MAIN or said.rstrip("/") == chosen.rstrip("/"):
        return ()
    return (f"The mirror's own file says that it copies {said}; change one of the two.",)


def _web_path(url: str) -> str:
    path = unquote(urlsplit(url).path)
    if not _PATH.fullmatch(path):
        raise KitError(f"the path of {url} cannot be written for a web server safely; use a plain path")
    return path


def _stay_apart(modules: tuple[KitModule, ...]) -> None:
    """No tree lies in another's directory, or the sync of the outer one would delete the inner one."""
    for one in modules:
        for other in modules:
            if one is not other and f"{one.directory}/".startswith(f"{other.directory}/"):
                raise KitError(f"{one.directory} lies in {other.directory}; a sync would delete one of them")
