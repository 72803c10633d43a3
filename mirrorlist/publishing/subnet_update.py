"""Update the subnets that mirrors publish at a URL: fetched with care, judged like a submitted file, kept.

Nothing bad replaces something good: an unusable list is reported, and the former one stays for seven days. A list
in which over half of the addresses changed since a person looked, in however many steps, waits for a person; so does
the first list of a private mirror where routing contradicts it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from mirrorlist.checks.fetching.fetch import Ask, Fetch
from mirrorlist.checks.fetching.result import Failure, shown
from mirrorlist.core.catalogue.service import Service
from mirrorlist.core.model import Mirror, Prefix, Protocol
from mirrorlist.core.network.addresses import doubts
from mirrorlist.core.network.prefixes import prefix, spelled
from mirrorlist.core.network.public_addresses import NEVER, SPECIAL
from mirrorlist.core.network.subnet_lists import ListRules, changes_too_much, list_faults, told_in_short
from mirrorlist.core.updates import UpdateOutcome, UpdateResult
from mirrorlist.files_on_disk import write_whole
from mirrorlist.sources.mirrors.files import read_mirror_files
from mirrorlist.sources.mirrors.subnet_lists import (
    MAX_BYTES,
    copy_path,
    forget_lists,
    held_path,
    parsed_list,
    read_list,
    refusal_path,
    seen_path,
    with_published_subnets,
    write_list,
)
from mirrorlist.sources.places.countries import read_countries
from mirrorlist.sources.submissions.guarded import guarded_files
from mirrorlist.sources.submissions.submission import SubmissionTerms
from mirrorlist.sources.submissions.terms import terms_of

DEADLINE_SECONDS = 20.0


LIST_OUTCOMES = (UpdateOutcome.CHANGED, UpdateOutcome.UNCHANGED, UpdateOutcome.HELD, UpdateOutcome.REFUSED)
"""What may come of asking for a list."""


def update_subnets(
    service: Service, state_dir: Path, fetch: Fetch, now: float, accepted: Collection[str] = ()
) -> Iterator[UpdateResult]:
    """Asks for every list, one result a mirror. ``accepted``: names of mirrors whose held list a person looked at."""
    files = read_mirror_files(Path(service.mirrors_dir), frozenset(service.modules), read_countries())
    listed = partial(with_published_subnets, state_dir=state_dir, now=now)
    terms = terms_of(service)
    served = guarded_files(files, Path(service.mirrors_dir), terms, listed)
    for name, mirror in files.mirrors.items():
        if served[name].subnets_url is not None:
            at = _List(state_dir, served[name].subnets_url or "", fetch, now)
            yield _updated(mirror, served.values(), terms, at, accepted)
    forget_lists(state_dir, (each.subnets_url for each in served.values() if each.subnets_url), now)


def rules_of(service: Service) -> ListRules:
    """The rules of a service for lists."""
    return ListRules(SPECIAL + NEVER, tuple(map(prefix, service.own_networks)), service.approved)


@dataclass(frozen=True, slots=True)
class _List:
    """Where one list comes from, and where it is kept."""

    state_dir: Path
    url: str
    fetch: Fetch
    now: float

    def fetched(self) -> tuple[Prefix, ...]:
        """Raises ValueError with the reason why there is no list."""
        ask = Ask(most_bytes=MAX_BYTES, deadline_seconds=DEADLINE_SECONDS, scheme=Protocol.HTTPS)
        answer = self.fetch(self.url, ask)
        if isinstance(answer, Failure):
            raise ValueError(str(answer))
        if answer.status != 200:
            raise ValueError(f"status {answer.status}")
        return parsed_list(answer.body)

    def kept(self, path: Callable[[Path, str], Path]) -> tuple[Prefix, ...] | None:
        """The list that is kept at one of the places, if there is one that can be read."""
        try:
            return read_list(path(self.state_dir, self.url))
        except (OSError, ValueError):
            return None

    def take(self, prefixes: Sequence[Prefix]) -> None:
        """From here on these are the mirror's networks."""
        write_list(copy_path(self.state_dir, self.url), prefixes, self.now)
        self.forget(held_path)

    def note_seen(self, prefixes: Sequence[Prefix]) -> None:
        """With this list the next ones are compared."""
        write_list(seen_path(self.state_dir, self.url), prefixes, self.now)

    def hold(self, prefixes: Sequence[Prefix]) -> None:
        """Lays the list aside for a person."""
        if self.kept(held_path) != tuple(prefixes):
            write_list(held_path(self.state_dir, self.url), prefixes, self.now)

    def refuse(self, reason: str) -> None:
        """Notes why the list was not taken; the same reason is not written again."""
        path = refusal_path(self.state_dir, self.url)
        if not path.exists() or path.read_text(encoding="utf-8", errors="replace") != reason:
            write_whole(path, [reason.encode()])

    def forget(self, path: Callable[[Path, str], Path]) -> None:
        path(self.state_dir, self.url).unlink(missing_ok=True)


def _updated(
    mirror: Mirror, mirrors: Iterable[Mirror], terms: SubmissionTerms, of: _List, accepted: Collection[str]
) -> UpdateResult:
    try:
        found = of.fetched()
        if faults := list_faults(mirror, found, mirrors, rules_of(terms.service)):
            raise ValueError("; ".join(faults))
    except ValueError as error:
        reason = shown(str(error))
        of.refuse(reason)
        return UpdateResult(mirror.name, UpdateOutcome.REFUSED, reason)
    of.forget(refusal_path)
    former, told = of.kept(copy_path), told_in_short(found)
    was_seen = mirror.name in accepted and of.kept(held_path) == found
    seen = of.kept(seen_path) or former
    if former != found and not was_seen and (why := _has_to_be_seen(mirror, seen, found, terms)):
        of.hold(found)
        return UpdateResult(mirror.name, UpdateOutcome.HELD, f"{why}: {told} now")
    of.take(found)
    if was_seen or of.kept(seen_path) is None:
        of.note_seen(found if was_seen or seen is None else seen)
    return UpdateResult(mirror.name, UpdateOutcome.UNCHANGED if former == found else UpdateOutcome.CHANGED, told)


def _has_to_be_seen(
    mirror: Mirror, seen: Sequence[Prefix] | None, found: Sequence[Prefix], terms: SubmissionTerms
) -> str | None:
    """Why a person has to look at a list; ``seen`` is the one that somebody saw last, None before the first."""
    if seen is not None:
        return "over half of the addresses changed" if changes_too_much(seen, found) else None
    if not mirror.private or mirror.name in terms.service.approved or not terms.is_public:
        return None
    if doubt := next(iter(doubts(terms.asns(), found, mirror.asns, ())), None):
        by = f"by AS{doubt.origins[0]}" if doubt.origins else "by nobody"
        return f"{spelled(doubt.prefix)} is announced {by}, not by the mirror's own systems"
    return None
