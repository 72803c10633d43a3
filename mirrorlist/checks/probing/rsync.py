"""Check that an rsync server answers and lists its tree; read single files and the list of a whole tree from it.

As over the web, the client connects to addresses that were judged only. Without the rsync client nothing is said.
"""

from __future__ import annotations

import ipaddress
import re
import resource
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import unquote, urlsplit

from mirrorlist.checks.fetching.addresses import resolved_within
from mirrorlist.checks.fetching.fetch import Ask, Guard
from mirrorlist.checks.fetching.result import Failed, Failure, FailureKind, Fetched, deadline_in, shown
from mirrorlist.checks.fetching.subprocesses import bounded
from mirrorlist.core.errors import MirrorlistError
from mirrorlist.core.files.list_parser import UNREAD_LINE
from mirrorlist.core.health.verdicts import Family, Probe, ProbeOutcome, Subject
from mirrorlist.core.network.public_addresses import refusal

PORT = 873
MOST_SHOWN = 200
MOST_MEMORY = 512 * 1024 * 1024
"""Of one client, in bytes of its address space: a directory without end would fill it."""
MOST_IN_A_FILE = 32 * 1024 * 1024
"""Bytes that one client may write to one file, whatever size its server names."""
_PATH = re.compile(r"/[A-Za-z0-9][A-Za-z0-9._~+/-]*")

Client = Callable[[list[str], float], tuple[int, str]]
"""Runs rsync with arguments for at most this many seconds: its status and the end of what it said on standard error.
TimeoutError: it did not end."""


def check(guard: Guard, subject: Subject, url: str, timeout_seconds: float) -> Probe:
    """Probes with the rsync of this machine."""
    return probe(subject, url, timeout_seconds, guard, installed_client())


def probe(subject: Subject, url: str, timeout_seconds: float, guard: Guard, client: Client | None) -> Probe:
    """Asks for the list of the tree itself, not of what is below. The client connects to an address that was judged."""
    start, at = guard.clock(), guard.now()
    if client is None:
        return Probe(subject, at, 0.0, ProbeOutcome.UNCHECKED, "the rsync client is not installed here")
    judged = judged_url(url, subject.family, guard, timeout_seconds)
    outcome, detail = judged if isinstance(judged, tuple) else _listed(client, judged, timeout_seconds)
    return Probe(subject, at, guard.clock() - start, outcome, detail)


def fetch(url: str, ask: Ask, guard: Guard) -> Fetched | Failure:
    """Reads one file of a tree with the rsync of this machine."""
    return read(url, ask, guard, installed_client())


def read(url: str, ask: Ask, guard: Guard, client: Client | None) -> Fetched | Failure:
    """Reads one file, as ``fetch`` does over the web: status 200, or 404 where the server has none; IPv4 by default.

    ``ask.most_bytes`` is the most that it may have. Symbolic links are followed by the server, within its module.
    """
    start = guard.clock()
    if client is None:
        return Failure(FailureKind.LOCAL, "the rsync client is not installed here")
    judged = judged_url(unquote(url), ask.family or Family.IPV4, guard, ask.deadline_seconds)
    if isinstance(judged, tuple):
        return Failure(_KINDS[judged[0]], judged[1])
    left = ask.deadline_seconds - (guard.clock() - start)
    with tempfile.TemporaryDirectory(prefix="mirrorlist-rsync-") as directory:
        copied = Path(directory, "file")
        most = min(ask.most_bytes, MOST_IN_A_FILE)
        arguments = ["--copy-links", "--no-motd", f"--max-size={most}", *_patience(left), "--", judged, str(copied)]
        try:
            status, said = client(arguments, left)
        except TimeoutError as error:
            return Failure(FailureKind.DEADLINE, str(error))
        address = urlsplit(judged).hostname or ""
        if status == _PARTIAL and "No such file" in said:
            return Fetched(404, {}, b"", url, address, guard.clock() - start, None)
        if status:
            return Failure(FailureKind.BROKEN_OFF, f"rsync ended with {status}: {shown(said[-MOST_SHOWN:])}")
        if copied.is_symlink() or not copied.is_file():
            return Failure(FailureKind.TOO_LARGE, f"no file of at most {most} bytes")
        return Fetched(200, {}, copied.read_bytes(), url, address, guard.clock() - start, None)


_PARTIAL = 23
"""How the client ends when a file is not there."""
_KINDS = {
    ProbeOutcome.FORBIDDEN: FailureKind.FORBIDDEN_ADDRESS,
    ProbeOutcome.UNREACHABLE: FailureKind.UNRESOLVABLE,
    ProbeOutcome.NO_ADDRESS: FailureKind.NO_ADDRESS_IN_FAMILY,
}


def _patience(seconds: float) -> tuple[str, str]:
    """The client's own bounds, in whole seconds."""
    whole = max(int(seconds), 1)
    return f"--contimeout={whole}", f"--timeout={whole}"


def installed_client() -> Client | None:
    """The rsync of this machine; None where there is none."""
    program = shutil.which("rsync")
    return None if program is None else client_of(program)


def client_of(program: str) -> Client:
    """The rsync client at a path."""

    def client(arguments: list[str], seconds: float) -> tuple[int, str]:
        limits = {resource.RLIMIT_AS: MOST_MEMORY, resource.RLIMIT_FSIZE: MOST_IN_A_FILE}
        with bounded([program, *arguments], seconds, limits, {}, printed=subprocess.DEVNULL) as ran:
            try:
                status = ran.status()
            except TimeoutError:
                raise TimeoutError(f"no end within {seconds:g} s") from None
            return status, ran.said.decode("utf-8", "replace").strip()

    return client


def judged_url(url: str, family: Family, guard: Guard, timeout_seconds: float) -> str | tuple[ProbeOutcome, str]:
    """The same tree at an address that was judged; otherwise what that comes to."""
    try:
        parts = urlsplit(url)
        port = parts.port or PORT
    except ValueError:
        return ProbeOutcome.FORBIDDEN, f"not a URL: {shown(url)}"
    if parts.scheme != "rsync" or parts.username or not parts.hostname or not _PATH.fullmatch(parts.path):
        return ProbeOutcome.FORBIDDEN, f"not rsync://, a host and a plain path: {shown(url)}"
    address = _address(parts.hostname, family, guard, timeout_seconds)
    if isinstance(address, tuple):
        return address
    host = f"[{address}]" if ":" in address else address
    return f"rsync://{host}:{port}{parts.path}"


def _address(host: str, family: Family, guard: Guard, timeout_seconds: float) -> str | tuple[ProbeOutcome, str]:
    """The first address of the family, all of the name's being allowed; otherwise what that comes to."""
    try:
        found = tuple(resolved_within(host, guard.resolver, deadline_in(timeout_seconds, guard.clock)))
    except (OSError, ValueError, Failed) as error:
        reason = getattr(error, "strerror", None) or error
        return ProbeOutcome.UNREACHABLE, f"the name does not resolve: {shown(host)}: {shown(str(reason))}"
    for address in found:
        if reason := refusal(address, guard.allowed):
            return ProbeOutcome.FORBIDDEN, f"{shown(host)}: {reason}"
    usable = [each for each in found if ipaddress.ip_address(each).version == family.version]
    return usable[0] if usable else (ProbeOutcome.NO_ADDRESS, f"{shown(host)} has none in {family.name}")


def _listed(client: Client, url: str, timeout_seconds: float) -> tuple[ProbeOutcome, str]:
    arguments = ["--list-only", "--no-motd", "--dirs", *_patience(timeout_seconds), url]
    try:
        status, said = client(arguments, timeout_seconds)
    except TimeoutError as error:
        return ProbeOutcome.TIMEOUT, str(error)
    if status == 0:
        return ProbeOutcome.GOOD, ""
    last = shown(said[-MOST_SHOWN:])
    if "max connections" in said:
        return ProbeOutcome.LIMITED, last
    unknown = "Unknown module" in said or "No such file" in said
    return (ProbeOutcome.MISSING if unknown else ProbeOutcome.UNREACHABLE), f"rsync ended with {status}: {last}"


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
