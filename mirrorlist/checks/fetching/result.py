"""The deadline of asking one URL, and its result: an answer or a failure, both values."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from mirrorlist.core.errors import MirrorlistError

_SHOWN_CHARACTERS = 200
MOST_DIGITS = 16
"""Of the size of a file."""
_TOTAL = re.compile(r"bytes\s+(?:[0-9]+-[0-9]+|\*)/([0-9]+)\s*", re.IGNORECASE)
_WHOLE, _PART, _NO_PART = 200, 206, 416

Clock = Callable[[], float]
"""Seconds that only grow, such as ``time.monotonic``."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment on ``clock``, ``seconds`` after the start."""

    ends: float
    seconds: float
    clock: Clock

    def left(self) -> float:
        """Seconds; zero or less when it has passed."""
        return self.ends - self.clock()

    def passed(self) -> float:
        """Seconds since the start."""
        return self.seconds - self.left()


def deadline_in(seconds: float, clock: Clock) -> Deadline:
    """The deadline that starts now."""
    return Deadline(clock() + seconds, seconds, clock)


class FailureKind(StrEnum):
    """Why there is no answer; the value is what people read before the detail."""

    FORBIDDEN_URL = "forbidden URL"
    FORBIDDEN_ADDRESS = "forbidden address"
    UNRESOLVABLE = "the name does not resolve"
    NO_ADDRESS_IN_FAMILY = "no address in this family"
    REFUSED = "connection refused"
    UNREACHABLE = "unreachable"
    TIMEOUT = "no answer in time"
    DEADLINE = "not complete in time"
    BROKEN_OFF = "ended early"
    TOO_LARGE = "too large"
    CERTIFICATE = "certificate"
    TLS = "TLS"
    TOO_MANY_REDIRECTS = "too many redirects"
    CIRCLE = "redirects in a circle"
    ELSEWHERE = "redirect to another's tree"
    DOWNGRADE = "redirect from https to http"
    FORBIDDEN_REDIRECT = "forbidden redirect"
    OTHER_SCHEME = "other scheme"
    ENCODED = "compressed"
    MALFORMED = "malformed answer"
    LOCAL = "fault of the checking machine"


NO_SERVER = frozenset(
    {
        FailureKind.UNRESOLVABLE, FailureKind.NO_ADDRESS_IN_FAMILY, FailureKind.REFUSED, FailureKind.UNREACHABLE,
        FailureKind.CERTIFICATE, FailureKind.TLS, FailureKind.FORBIDDEN_URL, FailureKind.FORBIDDEN_ADDRESS,
        FailureKind.LOCAL,
    }
)  # fmt: skip
"""Another request would come to the same."""


@dataclass(frozen=True, slots=True)
class Transfer:
    """How the bytes of a part came: how many, and in Mbit/s the fastest quarter of what was asked for, or all of them
    where these are fewer; None where they say nothing."""

    size: int
    mbps: float | None


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer, whatever its status; of a part the ``transfer`` and no body.

    ``headers`` holds the few of ``KEPT_HEADERS``, lower-case. ``body`` is empty unless the status is 200 to 299
    and the method is not HEAD; of a first byte it has one at most. ``url`` is the one that answered, after all
    redirects.
    ``certificate_days_left`` is the least of all certificates on the way, None where none was shown.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str
    address: str
    seconds: float
    certificate_days_left: int | None
    transfer: Transfer | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """No answer that can be used; ``detail`` names the thing, in printable ASCII."""

    kind: FailureKind
    detail: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.detail}"


class Failed(MirrorlistError):
    """Ends a fetch from within; ``fetch`` turns it into its ``failure``."""

    def __init__(self, kind: FailureKind, detail: str) -> None:
        super().__init__(f"{kind}: {detail}")
        self.failure = Failure(kind, detail)


def shown(text: str) -> str:
    """A stranger's text, safe to print: ASCII without control characters, at most 200 of them."""
    clipped = text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "..."
    return "".join(character if " " <= character <= "~" else "?" for character in clipped)


def is_there(answer: Fetched) -> bool:
    """Whether the file was given. An empty one has no first byte (RFC 9110, 15.5.17)."""
    return answer.status in (_WHOLE, _PART) or (answer.status == _NO_PART and told_size(answer) == 0)


def told_size(answer: Fetched) -> int | None:
    """The size of the whole file in bytes; None where the answer does not say it."""
    text = answer.headers.get("content-length", "")
    if answer.status != _WHOLE:
        found = _TOTAL.fullmatch(answer.headers.get("content-range", ""))
        text = found[1] if found else ""
    return int(text) if text.isdecimal() and len(text) <= MOST_DIGITS else None
