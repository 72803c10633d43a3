"""Judge a mirror by an answer or by its absence.

A new kind of failure is a row in FAILURES; a new kind of file is a function from its bytes to an observation.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from hashlib import sha256

from mirrorlist.checks.fetching.exchange import Method
from mirrorlist.checks.fetching.result import Failure, FailureKind, Fetched, shown, told_size
from mirrorlist.checks.probing.told_time import told_time
from mirrorlist.core.content import NamedFile, written_at
from mirrorlist.core.health.verdicts import Probe, ProbeOutcome
from mirrorlist.core.kinds.rpm import is_page
from mirrorlist.core.kinds.table import Kind
from mirrorlist.core.model import RepoMetadata

FAILURES: dict[FailureKind, ProbeOutcome] = {
    FailureKind.FORBIDDEN_URL: ProbeOutcome.FORBIDDEN,
    FailureKind.FORBIDDEN_ADDRESS: ProbeOutcome.FORBIDDEN,
    FailureKind.FORBIDDEN_REDIRECT: ProbeOutcome.FORBIDDEN,
    FailureKind.UNRESOLVABLE: ProbeOutcome.UNREACHABLE,
    FailureKind.NO_ADDRESS_IN_FAMILY: ProbeOutcome.NO_ADDRESS,
    FailureKind.REFUSED: ProbeOutcome.CLOSED,
    FailureKind.UNREACHABLE: ProbeOutcome.UNREACHABLE,
    FailureKind.TIMEOUT: ProbeOutcome.TIMEOUT,
    FailureKind.DEADLINE: ProbeOutcome.TIMEOUT,
    FailureKind.BROKEN_OFF: ProbeOutcome.UNREACHABLE,
    FailureKind.TOO_LARGE: ProbeOutcome.WRONG,
    FailureKind.CERTIFICATE: ProbeOutcome.CERTIFICATE,
    FailureKind.TLS: ProbeOutcome.UNREACHABLE,
    FailureKind.TOO_MANY_REDIRECTS: ProbeOutcome.WRONG,
    FailureKind.CIRCLE: ProbeOutcome.WRONG,
    FailureKind.DOWNGRADE: ProbeOutcome.WRONG,
    FailureKind.OTHER_SCHEME: ProbeOutcome.WRONG,
    FailureKind.ELSEWHERE: ProbeOutcome.ELSEWHERE,
    FailureKind.ENCODED: ProbeOutcome.WRONG,
    FailureKind.MALFORMED: ProbeOutcome.WRONG,
    FailureKind.LOCAL: ProbeOutcome.UNCHECKED,
}
OUT_OF_REACH = frozenset(
    {
        FailureKind.FORBIDDEN_ADDRESS, FailureKind.UNRESOLVABLE, FailureKind.NO_ADDRESS_IN_FAMILY, FailureKind.REFUSED,
        FailureKind.UNREACHABLE, FailureKind.TIMEOUT, FailureKind.BROKEN_OFF, FailureKind.TLS,
    }
)  # fmt: skip
"""Of a private mirror these say only that the prober is outside its networks."""

TOLD_BY_OUTCOME = frozenset(
    {
        FailureKind.FORBIDDEN_ADDRESS, FailureKind.NO_ADDRESS_IN_FAMILY, FailureKind.CERTIFICATE, FailureKind.REFUSED,
        FailureKind.UNREACHABLE, FailureKind.ELSEWHERE,
    }
)  # fmt: skip
"""Their outcomes say the same in other words, so only the detail is reported."""

STATUSES = {404: ProbeOutcome.MISSING, 410: ProbeOutcome.MISSING, 429: ProbeOutcome.LIMITED, 503: ProbeOutcome.LIMITED}
MOST_AHEAD_SECONDS = 600.0
"""How far two clocks may differ."""
_FOR_NOW = (408, 421, 425, 429, 503)
"""Statuses that say nothing of a file."""
_FIRST_OF = re.compile(r"bytes\s+0-0/(?:\d{1,16}|\*)", re.IGNORECASE)
_PAGES = ("text/html", "application/xhtml")
_BEGINNINGS = {
    "rpm": b"\xed", "deb": b"!", "gz": b"\x1f", "xz": b"\xfd", "bz2": b"B", "zst": b"(" + bytes(range(0x50, 0x60)),
}  # fmt: skip
"""The bytes with which files begin, by their endings: they tell one from a page about its absence where nothing else
does. Before a frame of zstd there may be others, which are skipped."""


NOT_COMPARED = "it answers; nothing on it is compared with the origin"
TOO_MANY_REQUESTS = 429
_OF_A_PAGE = frozenset({ProbeOutcome.WRONG, ProbeOutcome.ELSEWHERE})
"""What is wrong with a page about a tree says nothing of the tree."""


@dataclass(frozen=True, slots=True)
class Observation:
    """What one request comes to. ``answered`` says whether a host spoke HTTP at all.

    ``unchanged``: the host did not send the bytes of ``sha256`` but said that they are the same as before. ``said`` is
    what other mirrors may say too, against the origin.
    """

    outcome: ProbeOutcome
    detail: str = ""
    sha256: str | None = None
    answered: bool = True
    unchanged: bool = False
    said: str | None = None


@dataclass(frozen=True, slots=True)
class OriginHistory:
    """What is known of the origin's former versions: their sha256, and the time stamp of the oldest."""

    history: Collection[str] = ()
    oldest: int = 0


def failed(failure: Failure, private: bool) -> Observation:
    """Without an answer that can be used. Of a private mirror being out of reach says nothing."""
    outcome = FAILURES[failure.kind]
    if private and failure.kind in OUT_OF_REACH:
        outcome = ProbeOutcome.UNCHECKED
    detail = failure.detail if failure.kind in TOLD_BY_OUTCOME else str(failure)
    return Observation(outcome, detail, answered=outcome in (ProbeOutcome.WRONG, ProbeOutcome.ELSEWHERE))


def excused(probe: Probe, private: bool) -> Probe:
    """The same for the probe of a tree that is not on the web."""
    out_of_reach = probe.outcome in (ProbeOutcome.TIMEOUT, ProbeOutcome.UNREACHABLE, ProbeOutcome.FORBIDDEN)
    return replace(probe, outcome=ProbeOutcome.UNCHECKED) if private and out_of_reach else probe


def refused(status: int) -> Observation | None:
    """What a status other than 200 says; None for 200."""
    if status == 200:
        return None
    return Observation(STATUSES.get(status, ProbeOutcome.REFUSED), f"status {status}")


def index(answer: Fetched, kind: Kind, metadata: RepoMetadata | None, known: OriginHistory, now: float) -> Observation:
    """What a repository's index says, compared with what the origin publishes and ever published."""
    if other := refused(answer.status):
        return other
    digest = sha256(answer.body).hexdigest()
    if metadata is not None and digest == metadata.current.sha256:
        return Observation(ProbeOutcome.FRESH, sha256=digest)
    if kind.expired(answer.body, now) and not kind.fault(answer.body):
        return Observation(ProbeOutcome.STALE, "its Valid-Until is over", digest if digest in known.history else None)
    if metadata is not None and digest in {version.sha256 for version in metadata.alternates}:
        return Observation(ProbeOutcome.LAGGING, "an older version that is still accepted", digest)
    if digest in known.history:
        return Observation(ProbeOutcome.STALE, "a version that the origin has replaced", digest)
    if fault := kind.fault(answer.body):
        return Observation(ProbeOutcome.WRONG, fault)
    if metadata is None:
        return Observation(ProbeOutcome.GOOD)
    return _unheard_of(answer, kind, metadata, known, now)


def unchanged(metadata: RepoMetadata) -> Observation:
    """What a 304 says, asked for by the validator of what the origin publishes now."""
    return Observation(ProbeOutcome.FRESH, sha256=metadata.current.sha256, unchanged=True)


def file_given(answer: Fetched, file: NamedFile, method: Method) -> Observation:
    """What an answer says of one file: whether a client gets it, of the origin's size where that is known.

    One of the right size is no page, whatever type its server takes it for. LIMITED and UNCHECKED say nothing of it.
    """
    if answer.status in _FOR_NOW:
        return Observation(ProbeOutcome.LIMITED, f"status {answer.status}")
    if method is Method.FIRST_BYTE and answer.status == 206:
        return _of_range(answer, file)
    if method is Method.FIRST_BYTE and answer.status == 416:
        if told_size(answer) == 0:
            return _of_size(answer, file) or Observation(ProbeOutcome.GOOD)
        return Observation(ProbeOutcome.REFUSED, "status 416 for its first byte: ranges are broken")
    return refused(answer.status) or _of_whole(answer, file, method)


def _of_range(answer: Fetched, file: NamedFile) -> Observation:
    if not _FIRST_OF.fullmatch(answer.headers.get("content-range", "").strip()) or not answer.body:
        return Observation(ProbeOutcome.WRONG, "another range than the one that was asked for")
    return _of_size(answer, file) or Observation(ProbeOutcome.GOOD)


def _of_whole(answer: Fetched, file: NamedFile, method: Method) -> Observation:
    if found := _of_size(answer, file):
        return found
    if told_size(answer) is not None:
        return Observation(ProbeOutcome.GOOD)
    if method is Method.HEAD:
        return Observation(ProbeOutcome.UNCHECKED, "a head without a size")
    if not answer.body and file.size:
        return Observation(ProbeOutcome.WRONG, "an empty answer")
    begins = _BEGINNINGS.get(file.path.rpartition(".")[2])
    if begins and answer.body[:1] not in begins:
        return Observation(ProbeOutcome.WRONG, "another file: it begins as none of this kind")
    return Observation(ProbeOutcome.GOOD)


def _of_size(answer: Fetched, file: NamedFile) -> Observation | None:
    """What is wrong by its size and type. A label such as ``Content-Encoding: x-gzip`` on a file of the right size
    changes no byte."""
    told = told_size(answer)
    if told is not None and told == file.size:
        return None
    if answer.headers.get("content-type", "").lower().startswith(_PAGES) and not file.path.endswith((".html", ".htm")):
        return Observation(ProbeOutcome.WRONG, "an HTML page")
    differs = told is None or (file.size is not None and told != file.size)
    if differs and answer.headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
        return Observation(ProbeOutcome.WRONG, "compressed on the way, although identity was asked for")
    if told is not None and differs:
        return Observation(ProbeOutcome.STALE, f"{told} bytes, but {file.size} at the origin")
    return None


def _unheard_of(answer: Fetched, kind: Kind, metadata: RepoMetadata, known: OriginHistory, now: float) -> Observation:
    """The mirror may have synced what the origin published since it was asked last; then the next probe knows it.

    What is older than all that is known, as right after installing, may well have been the origin's. Of a file without
    timestamps its Last-Modified counts, as at the origin.
    """
    newest = kind.written(answer.body) or int(written_at(answer.headers.get("last-modified", "")) or 0)
    if metadata.current.timestamp < newest <= now + MOST_AHEAD_SECONDS:
        return Observation(ProbeOutcome.AHEAD, said="")
    if 0 < newest < known.oldest:
        return Observation(ProbeOutcome.STALE, "older than all that is known of the origin's versions")
    return Observation(
        ProbeOutcome.WRONG, f"{kind.name} that the origin never published", said=sha256(answer.body).hexdigest()
    )


def answers(answer: Fetched) -> Observation:
    """What a time file says that nobody is judged by: that the host answers, with whatever is not refused."""
    found = refused(answer.status)
    return found if found and found.outcome is not ProbeOutcome.MISSING else Observation(ProbeOutcome.GOOD)


def root(answer: Fetched | Failure, private: bool) -> Observation:
    """What the root of a tree says in which nothing can be compared: that a server is there, whatever it shows.

    Many servers show no directories, or lead to the project's page from there.
    """
    if isinstance(answer, Failure):
        seen = failed(answer, private)
        return Observation(ProbeOutcome.GOOD, NOT_COMPARED) if seen.outcome in _OF_A_PAGE else seen
    if answer.status < 500 and answer.status != TOO_MANY_REQUESTS:
        return Observation(ProbeOutcome.GOOD, NOT_COMPARED)
    return refused(answer.status) or Observation(ProbeOutcome.GOOD, NOT_COMPARED)


def time_file(answer: Fetched, now: float, allowed_seconds: float) -> Observation:
    """What the file with the time of the last sync says in its first line."""
    if other := refused(answer.status):
        return other
    if is_page(answer.body):
        return Observation(ProbeOutcome.WRONG, "an HTML page")
    told = told_time(answer.body)
    if told is None:
        detail = f"not a time: {shown(answer.body[:40].decode('latin-1').strip())}"
        return Observation(ProbeOutcome.WRONG, detail, said="not a time")
    if not math.isfinite(told) or told > now + MOST_AHEAD_SECONDS:
        return Observation(ProbeOutcome.FUTURE, f"it says {told:.0f}", said="")
    if now - told > allowed_seconds:
        return Observation(ProbeOutcome.OUTDATED, f"synced {(now - told) / 3600:.1f} hours ago", said=f"{told:.0f}")
    return Observation(ProbeOutcome.GOOD)
