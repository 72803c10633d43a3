"""What an answer, or its absence, says about a mirror.

A new kind of failure is a row in FAILURES; a new kind of file is a function from its bytes to an observation.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from hashlib import sha256

from mirrorlist.checks.outcome import Failure, FailureKind, Fetched, shown
from mirrorlist.checks.sizes import is_there, told_size
from mirrorlist.checks.timestamps import told_time
from mirrorlist.core.health import Outcome, Probe
from mirrorlist.core.model import RepoMetadata

FAILURES: dict[FailureKind, Outcome] = {
    FailureKind.FORBIDDEN_URL: Outcome.FORBIDDEN,
    FailureKind.FORBIDDEN_ADDRESS: Outcome.FORBIDDEN,
    FailureKind.FORBIDDEN_REDIRECT: Outcome.FORBIDDEN,
    FailureKind.UNRESOLVABLE: Outcome.UNREACHABLE,
    FailureKind.NO_ADDRESS_IN_FAMILY: Outcome.NO_ADDRESS,
    FailureKind.REFUSED: Outcome.CLOSED,
    FailureKind.UNREACHABLE: Outcome.UNREACHABLE,
    FailureKind.TIMEOUT: Outcome.TIMEOUT,
    FailureKind.DEADLINE: Outcome.TIMEOUT,
    FailureKind.BROKEN_OFF: Outcome.UNREACHABLE,
    FailureKind.TOO_LARGE: Outcome.WRONG,
    FailureKind.CERTIFICATE: Outcome.CERTIFICATE,
    FailureKind.TLS: Outcome.UNREACHABLE,
    FailureKind.TOO_MANY_REDIRECTS: Outcome.WRONG,
    FailureKind.CIRCLE: Outcome.WRONG,
    FailureKind.ELSEWHERE: Outcome.WRONG,
    FailureKind.DOWNGRADE: Outcome.WRONG,
    FailureKind.OTHER_SCHEME: Outcome.WRONG,
    FailureKind.ELSEWHERE: Outcome.ELSEWHERE,
    FailureKind.ENCODED: Outcome.WRONG,
    FailureKind.MALFORMED: Outcome.WRONG,
    FailureKind.LOCAL: Outcome.UNCHECKED,
}
OUT_OF_REACH = frozenset(
    {
        FailureKind.FORBIDDEN_ADDRESS, FailureKind.UNRESOLVABLE, FailureKind.NO_ADDRESS_IN_FAMILY, FailureKind.REFUSED,
        FailureKind.UNREACHABLE, FailureKind.TIMEOUT, FailureKind.BROKEN_OFF, FailureKind.TLS,
    }
)  # fmt: skip
"""Of a private mirror these say only that the prober stands outside its networks."""

TOLD_BY_OUTCOME = frozenset(
    {
        FailureKind.FORBIDDEN_ADDRESS, FailureKind.NO_ADDRESS_IN_FAMILY, FailureKind.CERTIFICATE, FailureKind.REFUSED,
        FailureKind.UNREACHABLE, FailureKind.ELSEWHERE,
    }
)  # fmt: skip
"""Their outcomes say the same in other words, so only the detail is told."""

STATUSES = {404: Outcome.MISSING, 410: Outcome.MISSING, 429: Outcome.LIMITED, 503: Outcome.LIMITED}
MOST_AHEAD_SECONDS = 600.0
"""How far two clocks may differ."""

_HTML = re.compile(rb"<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE)
_ROOT = re.compile(rb"<(?:[a-z]+:)?repomd[\s>]")
_END = re.compile(rb"</(?:[a-z]+:)?repomd\s*>\s*\Z")
_TIMESTAMP = re.compile(rb"<(?:[a-z]+:)?timestamp>\s*([0-9]{1,12})(?:\.[0-9]*)?\s*</(?:[a-z]+:)?timestamp>")


@dataclass(frozen=True, slots=True)
class Observation:
    """What one request comes to. ``answered`` tells whether a host spoke HTTP at all.

    ``unchanged``: the host did not send the bytes of ``sha256`` but said that they are the same as before. ``said`` is
    what other mirrors may say too, against the origin.
    """

    outcome: Outcome
    detail: str = ""
    sha256: str | None = None
    answered: bool = True
    unchanged: bool = False
    said: str | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of the origin's former versions: their sha256, and the time stamp of the oldest."""

    history: Collection[str] = ()
    oldest: int = 0


def failed(failure: Failure, private: bool) -> Observation:
    """Without an answer that can be used. Of a private mirror being out of reach says nothing."""
    outcome = FAILURES[failure.kind]
    if private and failure.kind in OUT_OF_REACH:
        outcome = Outcome.UNCHECKED
    detail = failure.detail if failure.kind in TOLD_BY_OUTCOME else str(failure)
    return Observation(outcome, detail, answered=outcome in (Outcome.WRONG, Outcome.ELSEWHERE))


def excused(probe: Probe, private: bool) -> Probe:
    """The same for the probe of an rsync tree."""
    out_of_reach = probe.outcome in (Outcome.TIMEOUT, Outcome.UNREACHABLE, Outcome.FORBIDDEN)
    return replace(probe, outcome=Outcome.UNCHECKED) if private and out_of_reach else probe


def refused(status: int) -> Observation | None:
    """What a status other than 200 says; None for 200."""
    if status == 200:
        return None
    return Observation(STATUSES.get(status, Outcome.REFUSED), f"status {status}")


def repomd(answer: Fetched, metadata: RepoMetadata | None, known: Known, now: float) -> Observation:
    """What a repomd.xml says, compared with what the origin publishes and ever published."""
    if other := refused(answer.status):
        return other
    digest = sha256(answer.body).hexdigest()
    if metadata is not None and digest == metadata.current.sha256:
        return Observation(Outcome.FRESH, sha256=digest)
    if metadata is not None and digest in {version.sha256 for version in metadata.alternates}:
        return Observation(Outcome.LAGGING, "an older version that is still accepted", digest)
    if digest in known.history:
        return Observation(Outcome.STALE, "a version that the origin has replaced", digest)
    if fault := _fault(answer.body):
        return Observation(Outcome.WRONG, fault)
    if metadata is None:
        return Observation(Outcome.GOOD)
    return _unheard_of(answer, metadata, known, now)


def unchanged(metadata: RepoMetadata) -> Observation:
    """What a 304 says, asked for by the validator of what the origin publishes now."""
    return Observation(Outcome.FRESH, sha256=metadata.current.sha256, unchanged=True)


def image(answer: Fetched, size: int | None) -> Observation:
    """What the head or the first byte of an image says; ``size`` is the origin's, in bytes, where that is known."""
    if not is_there(answer):
        return refused(answer.status) or Observation(Outcome.WRONG, f"status {answer.status}")
    if answer.headers.get("content-type", "").lower().startswith("text/html"):
        return Observation(Outcome.WRONG, "an HTML page")
    told = told_size(answer)
    if size is None or told is None or told == size:
        return Observation(Outcome.GOOD)
    return Observation(Outcome.STALE, f"{told} bytes, but {size} at the origin")


def _fault(body: bytes) -> str | None:
    if not body:
        return "an empty file"
    if _HTML.search(body[:1024]):
        return "an HTML page"
    if not _ROOT.search(body[:4096]):
        return "not a repomd.xml"
    return None if _END.search(body[-4096:]) else "a repomd.xml that ends early"


def _unheard_of(answer: Fetched, metadata: RepoMetadata, known: Known, now: float) -> Observation:
    """The mirror may have synced what the origin published since it was asked last; then the next probe knows it.

    What is older than all that is known, as right after installing, may well have been the origin's. Of a file without
    timestamps its Last-Modified counts, as at the origin.
    """
    stamps = [int(stamp) for stamp in _TIMESTAMP.findall(answer.body)]
    newest = max(stamps) if stamps else _modified(answer)
    if metadata.current.timestamp < newest <= now + MOST_AHEAD_SECONDS:
        return Observation(Outcome.AHEAD, said="")
    if 0 < newest < known.oldest:
        return Observation(Outcome.STALE, "older than all that is known of the origin's versions")
    return Observation(
        Outcome.WRONG, "a repomd.xml that the origin never published", said=sha256(answer.body).hexdigest()
    )


def _modified(answer: Fetched) -> int:
    try:
        return int(parsedate_to_datetime(answer.headers.get("last-modified", "")).timestamp())
    except (ValueError, OverflowError):
        return 0


def answers(answer: Fetched) -> Observation:
    """What a time file says that nobody is judged by: that the host answers, with whatever is not refused."""
    found = refused(answer.status)
    return found if found and found.outcome is not Outcome.MISSING else Observation(Outcome.GOOD)


def time_file(answer: Fetched, now: float, allowed_seconds: float) -> Observation:
    """What the file with the time of the last sync says in its first line."""
    if other := refused(answer.status):
        return other
    if _HTML.search(answer.body[:1024]):
        return Observation(Outcome.WRONG, "an HTML page")
    told = told_time(answer.body)
    if told is None:
        detail = f"not a time: {shown(answer.body[:40].decode('latin-1').strip())}"
        return Observation(Outcome.WRONG, detail, said="not a time")
    return _of_time(told, now, allowed_seconds)


def _of_time(told: float, now: float, allowed_seconds: float) -> Observation:
    if not math.isfinite(told) or told > now + MOST_AHEAD_SECONDS:
        return Observation(Outcome.FUTURE, f"it says {told:.0f}", said="")
    if now - told > allowed_seconds:
        return Observation(Outcome.OUTDATED, f"synced {(now - told) / 3600:.1f} hours ago", said=f"{told:.0f}")
    return Observation(Outcome.GOOD)
