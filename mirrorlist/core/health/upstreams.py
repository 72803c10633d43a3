"""Judge what mirrors copy: a mirror that is behind because its source is behind is not blamed for it.

A mirror's source is known where its file says so (``sync.source``): the name or an address of one of ``sync.sources``,
of another mirror, or of the origin. Where the file says nothing, or something else, it is not known.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from mirrorlist.core.catalogue.service import WEB_SCHEMES, Service
from mirrorlist.core.health.verdicts import BEHIND_OUTCOMES, ORIGIN, SOURCE_PREFIX, ProbeOutcome, Subject, Verdict
from mirrorlist.core.model import Mirror, Protocol

_SAYS_NOTHING = frozenset({ProbeOutcome.NO_ADDRESS, ProbeOutcome.FORBIDDEN, ProbeOutcome.UNCHECKED})
DENIED = "access denied"
"""Said by an rsync server that serves mirrors only: nothing is wrong with it."""
MOST_NAMED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamState:
    """How a source is: ``fault`` says what is wrong with it, None where nothing is known to be.

    ``compared``: whether its content was, so that it is known how new it is. ``since``: since when it is at fault.
    """

    name: str
    fault: str | None = None
    since: float | None = None
    checked_at: float | None = None
    compared: bool = False


def sources_of(service: Service) -> tuple[Mirror, ...]:
    """The machines that mirrors copy, in the shape of mirrors, so that they are probed as such."""
    found: dict[str, dict[str, dict[Protocol, str]]] = {}
    for source in service.sync.sources:
        for module, url in (*source.rsync.items(), *source.web.items()):
            found.setdefault(source.name, {}).setdefault(module, {})[_protocol(url)] = url
    for module, url in service.origins.items():
        if url.startswith(WEB_SCHEMES):
            found.setdefault(ORIGIN, {}).setdefault(module, {})[_protocol(url)] = url
    for module, described in service.modules.items():
        if described.rsync:
            found.setdefault(ORIGIN, {}).setdefault(module, {})[Protocol.RSYNC] = described.rsync
    return tuple(Mirror(name=SOURCE_PREFIX + name, urls=urls) for name, urls in found.items())


def upstream_states(service: Service, verdicts: Mapping[str, Mapping[Subject, Verdict]]) -> tuple[UpstreamState, ...]:
    """How each source is, by the verdicts on it and on the mirror that it is too; ``verdicts`` by their names."""
    mirrors = {source.name: source.mirror for source in service.sync.sources}
    names = [source.name.removeprefix(SOURCE_PREFIX) for source in sources_of(service)]
    return tuple(
        state_of_upstream(name, {**verdicts.get(mirrors.get(name) or "", {}), **verdicts.get(SOURCE_PREFIX + name, {})})
        for name in names
    )


def state_of_upstream(name: str, verdicts: Mapping[Subject, Verdict]) -> UpstreamState:
    """How a source is. It is behind with what is not the origin's newest, and down where no address answers."""
    heard = _heard(verdicts)
    compared = {
        subject: found
        for subject, found in verdicts.items()
        if not subject.is_tree and (found.sha256 or found.outcome in BEHIND_OUTCOMES)
    }
    checked_at = max((found.checked_at for found in verdicts.values()), default=None)
    outdated = [found for found in heard if found.outcome in BEHIND_OUTCOMES]
    behind = {subject: found for subject, found in compared.items() if found.outcome in BEHIND_OUTCOMES}
    fault = since = None
    if is_down(verdicts):
        worst = max(heard, key=lambda found: found.since)
        fault, since = f"it does not answer as it should: {worst.outcome}", worst.since
    elif behind or outdated:
        since = min(found.since for found in (*behind.values(), *outdated))
        named = sorted({subject.spelled for subject in behind})
        more = f" and {len(named) - MOST_NAMED} more" if len(named) > MOST_NAMED else ""
        where = f": {', '.join(named[:MOST_NAMED])}{more}" if named else f": {outdated[0].outcome}"
        fault = f"it is not up to date itself{where}"
    is_compared = bool(compared or outdated) or any(found.outcome is ProbeOutcome.FRESH for found in heard)
    return UpstreamState(name=name, fault=fault, since=since, checked_at=checked_at, compared=is_compared)


def is_down(verdicts: Mapping[Subject, Verdict]) -> bool:
    """Whether a source was heard over no address that works; one that serves what is outdated is not down."""
    heard = _heard(verdicts)
    return bool(heard) and not any(found.good_now or found.outcome in BEHIND_OUTCOMES for found in heard)


def _heard(verdicts: Mapping[Subject, Verdict]) -> list[Verdict]:
    """The verdicts on its trees that say how it is."""
    trees = (found for subject, found in verdicts.items() if subject.is_tree)
    return [found for found in trees if found.outcome not in _SAYS_NOTHING and DENIED not in found.detail]


class Upstreams:
    """What each mirror copies, and how that is."""

    def __init__(
        self, service: Service, mirrors: Sequence[Mirror], verdicts: Mapping[str, Mapping[Subject, Verdict]]
    ) -> None:
        self._verdicts = verdicts
        self._states = {state.name: state for state in upstream_states(service, verdicts)}
        self._names: dict[str, str] = {}
        for mirror in mirrors:
            self._names |= dict.fromkeys((*_hosts(mirror), mirror.name), mirror.name)
        for source in sources_of(service):
            name = source.name.removeprefix(SOURCE_PREFIX)
            self._names |= dict.fromkeys((*_hosts(source), name.lower()), name)

    @property
    def states(self) -> tuple[UpstreamState, ...]:
        """How each source is."""
        return tuple(self._states.values())

    def of(self, mirror: Mirror) -> UpstreamState | None:
        """How the source of a mirror is; None where it is not known what it copies."""
        said = mirror.sync_source
        if said is None:
            return None
        name = self._names.get(_host(said) if "://" in said else said.lower())
        if name is None or name == mirror.name:
            return None
        return self._states.get(name) or state_of_upstream(name, self._verdicts.get(name, {}))

    def excuse(self, mirror: Mirror) -> str | None:
        """Why a mirror that is behind is not to blame; None where nothing is known that excuses it."""
        found = self.of(mirror)
        if found is None or found.fault is None:
            return None
        return f"The mirror copies {found.name}, and {found.fault}. It cannot be newer: its own sync is not to blame."


def _protocol(url: str) -> Protocol:
    return Protocol(url.partition(":")[0])


def _host(url: str) -> str:
    """The host of a URL; empty for what is none."""
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:
        return ""


def _hosts(mirror: Mirror) -> Iterator[str]:
    return (_host(url) for book in mirror.urls.values() for url in book.values())
