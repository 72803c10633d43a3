"""List a whole tree of an untrusted rsync server, within bounds.

The client connects to an address that was judged. Its time, its memory, and the bytes and lines that it prints are
bounded; what it prints is read as ``core/files/list_parser.py`` says.
"""

from __future__ import annotations

import resource
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO

from mirrorlist.checks.fetching.fetch import Guard
from mirrorlist.checks.fetching.result import shown
from mirrorlist.checks.fetching.subprocesses import bounded
from mirrorlist.checks.probing.rsync import judged_url
from mirrorlist.core.errors import MirrorlistError
from mirrorlist.core.files.list_parser import UNREAD_LINE
from mirrorlist.core.health.verdicts import Family, ProbeOutcome

RESOLVE_SECONDS = 10.0
CONNECT_SECONDS = 15
SILENT_SECONDS = 60
"""This long a server may say nothing."""
LONGEST_LINE = 8192
_READ_AT_ONCE = 65_536
_UNREAD = 23
"""Some directory could not be read: what is in it is not known."""
_GOOD_ENDS = (0, _UNREAD, 24)
"""24: a file vanished meanwhile."""


class NotListed(MirrorlistError):
    """A server gave no list; the message says why, in printable ASCII."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What the list of one tree may take."""

    seconds: float = 600.0
    lines: int = 4_000_000
    most_bytes: int = 1 << 30
    memory_bytes: int = 2 << 30


Lines = Iterator[bytes]
Lister = Callable[[str, Bounds], Lines]
"""The lines of the list of a tree at a judged address; raises NotListed, before the first line or after the last."""


def listed_lines(url: str, bounds: Bounds, guard: Guard, lister: Lister | None) -> Lines:
    """The lines that the rsync client prints for a tree, IPv4 before IPv6.

    Raises:
        NotListed: on the way, too: lines that came before are then no list.
    """
    if lister is None:
        raise NotListed("the rsync client is not installed here")
    judged = judged_url(url, Family.IPV4, guard, RESOLVE_SECONDS)
    if isinstance(judged, tuple) and judged[0] is ProbeOutcome.NO_ADDRESS:
        judged = judged_url(url, Family.IPV6, guard, RESOLVE_SECONDS)
    if isinstance(judged, tuple):
        raise NotListed(f"{judged[0].value}: {judged[1]}")
    yield from lister(judged, bounds)


def installed_lister() -> Lister | None:
    """The rsync of this machine; None where there is none."""
    program = shutil.which("rsync")
    return None if program is None else lister_of(program)


def lister_of(program: str) -> Lister:
    """The rsync client at a path."""

    def lines(url: str, bounds: Bounds) -> Lines:
        command = [
            program, "--list-only", "--recursive", "--links", "--no-motd", "--no-human-readable", "--8-bit-output",
            "--exclude=.~tmp~/", f"--contimeout={CONNECT_SECONDS}", f"--timeout={SILENT_SECONDS}", "--", url,
        ]  # fmt: skip
        limits = {resource.RLIMIT_AS: bounds.memory_bytes}
        with bounded(command, bounds.seconds, limits, {"LC_ALL": "C.UTF-8", "TZ": "UTC"}) as ran:
            yield from _bounded_lines(ran.output, bounds)
            try:
                status = ran.status()
            except TimeoutError:
                raise NotListed(f"no whole list of {shown(url)} within {bounds.seconds:g} s") from None
            if status not in _GOOD_ENDS:
                last = shown(" ".join(ran.said.decode("utf-8", "replace").split())[-180:])
                raise NotListed(f"rsync ended with {status}: {last}")
            if status == _UNREAD:
                yield UNREAD_LINE

    return lines


def _bounded_lines(output: IO[bytes], bounds: Bounds) -> Lines:
    rest, lines, total = b"", 0, 0
    while chunk := output.read(_READ_AT_ONCE):
        total += len(chunk)
        *whole, rest = (rest + chunk).split(b"\n")
        lines += len(whole)
        if len(rest) > LONGEST_LINE:
            raise NotListed(f"a line of more than {LONGEST_LINE} bytes")
        if lines > bounds.lines or total > bounds.most_bytes:
            raise NotListed(f"a list of more than {bounds.lines} lines or {bounds.most_bytes} bytes")
        yield from whole
    if rest:
        yield rest
