"""Detect whether a mirror serves a file: by a GET of its first byte, as clients ask, or by HEAD where GET is expensive.

Servers refuse HEAD that give the file, and answer HEAD for files that they refuse: HEAD alone proves neither.

A run asks for some files only: the largest, for which a wrong redirect costs most, and a few others in turn, so that
all are asked for after some time. An answer that is too old counts for nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import quote

from mirrorlist.checks.fetching.exchange import Method
from mirrorlist.checks.fetching.fetch import Ask, Fetch
from mirrorlist.checks.fetching.result import Clock, Failure, FailureKind, Fetched, deadline_in, told_size
from mirrorlist.checks.probing.judge import file_given
from mirrorlist.core.content import NamedFile, written_at
from mirrorlist.core.files.mirror_listing import ABSENT, UNKNOWN
from mirrorlist.core.health.elsewhere import NOWHERE, Elsewhere
from mirrorlist.core.health.verdicts import ProbeOutcome
from mirrorlist.core.health.whole import EACH_LOOK, MOST_FAULTS
from mirrorlist.core.model import WEB_PROTOCOLS, Protocol

NOT_GIVEN = frozenset(
    {
        FailureKind.ELSEWHERE,
        FailureKind.CIRCLE,
        FailureKind.TOO_MANY_REDIRECTS,
        FailureKind.DOWNGRADE,
        FailureKind.ENCODED,
        FailureKind.FORBIDDEN_REDIRECT,
    }
)
"""Failures by which a client does not get the file, or somebody else's; the others say nothing of it."""
_OF_HEAD = NOT_GIVEN | {FailureKind.BROKEN_OFF, FailureKind.MALFORMED}
"""Failures that a GET may not have."""
_SAYS_NOTHING = frozenset({ProbeOutcome.LIMITED, ProbeOutcome.UNCHECKED})
_IN_ITS_PLACE = frozenset({ProbeOutcome.GOOD, ProbeOutcome.STALE})
"""The file, or another version of it."""


@dataclass(frozen=True, slots=True)
class FileAnswer:
    """What a mirror said of one file: its size, ABSENT or UNKNOWN, its time in seconds since 1970 or UNKNOWN, and why
    it counts as absent where that is not a plain 404."""

    size: int
    mtime: int = UNKNOWN
    why: str = ""


@dataclass(frozen=True, slots=True)
class FileReply:
    """What came of asking for one file: ``answer`` is None where that says nothing of the file, ``failed`` says
    whether there was no answer at all, ``whole`` whether the server began to send the whole file."""

    answer: FileAnswer | None
    failed: bool = False
    whole: bool = False

    @property
    def is_given(self) -> bool:
        """Whether there is a file."""
        return self.answer is not None and self.answer.size != ABSENT


def by_get(url: str, file: NamedFile, ask: Ask, fetch: Fetch) -> FileReply:
    """Asks for the first byte."""
    reply = fetch(url, replace(ask, method=Method.FIRST_BYTE))
    if isinstance(reply, Failure):
        return FileReply(FileAnswer(ABSENT, why=str(reply))) if reply.kind in NOT_GIVEN else FileReply(None, True)
    seen = file_given(reply, file, Method.FIRST_BYTE)
    if seen.outcome in _SAYS_NOTHING:
        return FileReply(None)
    if seen.outcome in _IN_ITS_PLACE:
        size = told_size(reply)
        is_whole = reply.status == 200 and size != 0
        return FileReply(FileAnswer(UNKNOWN if size is None else size, _time(reply.headers)), whole=is_whole)
    return FileReply(FileAnswer(ABSENT, why="" if seen.outcome is ProbeOutcome.MISSING else seen.detail))


def by_head(url: str, file: NamedFile, ask: Ask, fetch: Fetch) -> FileReply:
    """Asks for the head, and by GET where that does not say clearly that the file is there."""
    reply = fetch(url, replace(ask, method=Method.HEAD))
    if isinstance(reply, Failure):
        return by_get(url, file, ask, fetch) if reply.kind in _OF_HEAD else FileReply(None, True)
    if (size := told_size(reply)) is None or file_given(reply, file, Method.HEAD).outcome is not ProbeOutcome.GOOD:
        return by_get(url, file, ask, fetch)
    return FileReply(FileAnswer(size, _time(reply.headers)))


def _time(headers: Mapping[str, str]) -> int:
    found = written_at(headers.get("last-modified", ""))
    return UNKNOWN if found is None else int(found)


_MOST_FAILURES = 3
"""This many requests in a row without an answer: the mirror is left alone until the next run."""
MOST_DOUBTS = 3
"""Refusals of a run after which a client's name is tried."""
_GET_EACH = 4
"""A server that sends the whole file for its first byte is asked by HEAD, and by GET for every fourth file."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long one request and all of one mirror's may take."""

    request_seconds: float = 10.0
    mirror_seconds: float = 120.0


def tree_of(urls: Mapping[Protocol, str]) -> str | None:
    """Where a mirror is asked: https before http."""
    return next((urls[protocol] for protocol in WEB_PROTOCOLS if protocol in urls), None)


def ask(
    tree: str,
    wanted: Mapping[str, int | None],
    fetch: Fetch,
    clock: Clock,
    timeouts: Timeouts,
    elsewhere: Elsewhere = NOWHERE,
    user_agent: str | None = None,
) -> dict[str, FileAnswer]:
    """What the mirror says of each path, by its size at the origin; those without a clear answer are left out.

    The first files that it refuses are asked for again under the ``user_agent`` of a client. If it serves that client,
    it refuses the prober only, and is asked so from then on.

    What it redirects ``elsewhere`` it does not have.
    """
    deadline = deadline_in(timeouts.mirror_seconds, clock)
    found: dict[str, FileAnswer] = {}
    failures, sparing, doubts, agent = 0, False, MOST_DOUBTS, None
    for number, (path, size) in enumerate(wanted.items()):
        left = min(timeouts.request_seconds, deadline.left())
        if left <= 0 or failures == _MOST_FAILURES:
            break
        asking = by_head if sparing and number % _GET_EACH else by_get
        url, file = tree + quote(path), NamedFile(path, size)
        terms = Ask(deadline_seconds=left, elsewhere=elsewhere, user_agent=agent)
        asked = asking(url, file, terms, fetch)
        if user_agent and agent is None and doubts and not asked.is_given and not asked.failed:
            doubts -= 1
            again = by_get(url, file, replace(terms, user_agent=user_agent), fetch)
            if again.is_given:
                asked, agent = again, user_agent
        failures = failures + 1 if asked.failed else 0
        sparing |= asked.whole
        if asked.answer is not None:
            found[path] = asked.answer
    return found


Asked = Callable[[str, Method], Fetched | Failure | None]
"""What a path below the tree gives by a method; None where no time is left."""

_BY_FIRST_BYTE = (Method.FIRST_BYTE,)
_BY_HEAD = (Method.HEAD, Method.FIRST_BYTE)


@dataclass(frozen=True, slots=True)
class FilesSeen:
    """What asking came to.

    ``seen``: how many files were judged, None where the mirror stopped answering. ``faults``: what is wrong with some
    of them, whose paths come first. ``requests``: how often it was asked.
    """

    requests: int
    seen: int | None = None
    faults: tuple[str, ...] = ()


def look_at_files(files: Sequence[NamedFile], asked: Asked) -> FilesSeen:
    """Asks for files, at most ``EACH_LOOK`` times, until some are at fault or one cannot be judged now.

    It goes on after a fault, which may be the origin's too.

    The first is asked for by its first byte, which shows whether ranges work; the others by their heads, and by the
    first byte where a head does not say that all is well: servers refuse heads, or answer them wrongly.
    """
    requests, faults = 0, list[str]()
    methods: tuple[Method, ...] = _BY_FIRST_BYTE
    for number, file in enumerate(files):
        said: str | None = None
        for method in methods:
            if requests == EACH_LOOK:
                return FilesSeen(requests, number, tuple(faults))
            requests += 1
            said = _fault(file, asked(file.path, method), method)
            if said == "":
                # whose heads say nothing is asked for no more of them
                methods = _BY_HEAD if number == 0 or method is Method.HEAD else _BY_FIRST_BYTE
                break
        if said is None:
            return FilesSeen(requests, None, tuple(faults))
        if said:
            faults.append(f"{file.path}: {said}")
            if len(faults) == MOST_FAULTS:
                return FilesSeen(requests, number + 1, tuple(faults))
    return FilesSeen(requests, len(files), tuple(faults))


def _fault(file: NamedFile, answer: Fetched | Failure | None, method: Method) -> str | None:
    """What is wrong with a file by an answer; nothing where all is well, None where the answer does not say."""
    if answer is None:
        return None
    if isinstance(answer, Failure):
        return str(answer) if answer.kind in NOT_GIVEN else None
    seen = file_given(answer, file, method)
    if seen.outcome in _SAYS_NOTHING:
        return None
    return "missing" if seen.outcome is ProbeOutcome.MISSING else seen.detail
