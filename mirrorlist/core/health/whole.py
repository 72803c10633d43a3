"""Files that a repository's metadata names, and which of them a look asks a mirror for.

A mirror whose repomd.xml is the origin's may lack what it names: a sync broke off, or was never whole. After each
change of a repository a mirror is asked for every data file and for the newest packages, a few at each look; then for
a few files by the day's draw.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from mirrorlist.core.content import NamedFile, NamedFiles
from mirrorlist.core.health.verdicts import DAY, FAULTS, SOURCE_PREFIX, ProbeOutcome, Subject, Verdict

EACH_LOOK = 8
"""Requests that one look at the files of a repository costs at most."""
EACH_VISIT = 80
"""The same for all repositories of a mirror in one visit; those that were not reached have their turn in the next."""
MOST_FAULTS = 3
"""A look ends at this number of them."""
DRAWN = 4
"""Files of a day's draw."""


@dataclass(frozen=True, slots=True)
class WholeLook:
    """The files that a look asks for.

    ``before``: this many of ``NamedFiles.files`` were looked at already, None where the look is no part of that;
    ``apart``: this many of these are not counted.
    """

    files: tuple[NamedFile, ...]
    before: int | None = 0
    apart: int = 0

    def looked(self, seen: int) -> int | None:
        """How many of ``NamedFiles.files`` were looked at when this many of the look, from the first on, are judged."""
        return None if self.before is None else self.before + max(0, seen - self.apart)


def whole_look(
    named: NamedFiles, known: Verdict | None, digest: str, key: str, now: float, doubted: Sequence[str] = ()
) -> WholeLook | None:
    """The next look at what the metadata with this digest names; None while nothing is due.

    ``doubted``: faults of others, of whose files this one is asked too.
    """
    if not named.files:
        return None
    due = _due(named, known, digest, key, now)
    if not (asked := _at_fault(named, doubted)):
        return due
    if due is None:
        return WholeLook(asked, None)
    others = tuple(each for each in due.files if each not in asked)
    return WholeLook((*asked, *others)[:EACH_LOOK], due.before, due.apart + len(asked))


def _at_fault(named: NamedFiles, faults: Sequence[str]) -> tuple[NamedFile, ...]:
    """The files that some faults are about, the first few."""
    every = dict.fromkeys((*named.files, *named.pool)) if faults else {}
    return tuple(each for each in every if any(fault.startswith(f"{each.path}: ") for fault in faults))[:MOST_FAULTS]


def _due(named: NamedFiles, known: Verdict | None, digest: str, key: str, now: float) -> WholeLook | None:
    if known is not None and known.outcome is ProbeOutcome.INCOMPLETE:
        blamed = _at_fault(named, known.detail.split(FAULTS))
        others = [each for each in named.files if each not in blamed][: EACH_LOOK - len(blamed)]
        return WholeLook((*blamed, *others), apart=len(blamed))
    looked = known.looked if known is not None and known.whole_sha256 == digest else 0
    if looked < len(named.files):
        return WholeLook(named.files[looked : looked + EACH_LOOK], looked)
    if known is None or known.whole_at is None or now - known.whole_at < DAY:
        return None
    drawn = day_draw(named, key, now)
    return WholeLook(drawn, looked, len(drawn))


def doubted_files(verdicts: Mapping[Subject, Verdict]) -> dict[str, list[str]]:
    """The faults of incomplete mirrors by repository (``content_key``), those that most mirrors have first.

    The origin is asked for these files before another look takes the mirrors out: it may lack them by now.
    """
    found: dict[str, Counter[str]] = {}
    for subject, verdict in verdicts.items():
        if verdict.outcome is ProbeOutcome.INCOMPLETE and not subject.mirror.startswith(SOURCE_PREFIX):
            found.setdefault(subject.key, Counter()).update(verdict.detail.split(FAULTS))
    return {key: [fault for fault, _ in faults.most_common()] for key, faults in found.items()}


def is_due(named: NamedFiles | None, known: Verdict | None, digest: str) -> bool:
    """Whether not all files of the version that a mirror has were looked at yet."""
    if named is None or known is None or known.sha256 != digest:
        return False
    return known.whole_sha256 != digest or known.looked < len(named.files)


def day_draw(named: NamedFiles, key: str, now: float) -> tuple[NamedFile, ...]:
    """The day's draw: the same for all mirrors, so that a fault of the origin's shows as such."""
    day = int(now // DAY)
    choice = named.pool or named.files
    return tuple(sorted(choice, key=lambda each: sha256(f"{day} {key} {each.path}".encode()).digest())[:DRAWN])
