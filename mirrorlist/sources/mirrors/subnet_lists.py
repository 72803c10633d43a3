"""Subnet lists that mirrors publish at a URL: the last good copy, from the state directory.

Nothing is fetched here, least of all while files are loaded: ``publishing/subnet_update.py`` does that, and puts a list
into ``copy_path`` by renaming, only when it was good as a whole. The time of a copy's file is when the URL last
confirmed it. Beside it may lie the list that a person saw last, one that waits for a person, and the reason why the
last one was refused.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from enum import StrEnum
from hashlib import sha256
from pathlib import Path

from mirrorlist.core.errors import Finding, Severity
from mirrorlist.core.model import Mirror, Prefix
from mirrorlist.core.network.prefixes import canonical_network, prefix, spelled
from mirrorlist.core.network.subnet_lists import told_in_short
from mirrorlist.files_on_disk import write_whole
from mirrorlist.sources.yaml.documents import START, finding, shown

MAX_BYTES = 1024 * 1024
MOST_SUBNETS = 1024
KEPT_SECONDS = 7 * 86_400
"""How long a copy is used that the URL does not confirm."""

_KEPT_FILE = re.compile(r"(?:\.tmp\.[0-9]+\.)?([0-9a-f]{32})\.(json|held\.json|seen\.json|refused)")
"""A kept file, or what a killed writer left of one."""
_COMMENT = re.compile(r"[#;].*")


class ListCode(StrEnum):
    """Codes of findings on lists at a URL; docs/mirror-files.md explains each."""

    MISSING = "subnets-missing"
    OLD = "subnets-old"
    REFUSED = "subnets-refused"
    HELD = "subnets-held"


def copy_path(state_dir: Path, url: str) -> Path:
    """Where the last good copy of a list is kept."""
    return state_dir / "subnets" / f"{sha256(url.encode()).hexdigest()[:32]}.json"


def held_path(state_dir: Path, url: str) -> Path:
    """Where a list is kept that waits for a person."""
    return copy_path(state_dir, url).with_suffix(".held.json")


def seen_path(state_dir: Path, url: str) -> Path:
    """Where the list is kept that a person saw last, or that was there first; newer ones are compared with it."""
    return copy_path(state_dir, url).with_suffix(".seen.json")


def refusal_path(state_dir: Path, url: str) -> Path:
    """Where the reason is kept why the list was refused the last time."""
    return copy_path(state_dir, url).with_suffix(".refused")


def forget_lists(state_dir: Path, urls: Iterable[str], now: float) -> None:
    """Removes what is kept of URLs that no mirror names any more, once it would not be used anyway.

    A mirror whose file is broken for a while finds its list again.
    """
    kept = {copy_path(state_dir, url).stem for url in urls}
    directory = state_dir / "subnets"
    for path in directory.iterdir() if directory.is_dir() else ():
        found = _KEPT_FILE.fullmatch(path.name)
        if found and found[1] not in kept and now - path.stat().st_mtime >= KEPT_SECONDS:
            path.unlink(missing_ok=True)


def parsed_list(data: bytes) -> tuple[Prefix, ...]:
    """The networks of a list: JSON, or plain text with one in each line, ``#`` and ``;`` before remarks.

    Raises:
        ValueError: it is none; the message says what it is instead.
    """
    if len(data) > MAX_BYTES:
        raise ValueError(f"it is larger than {MAX_BYTES} bytes")
    try:
        text = data.decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8") from None
    if text.startswith("<"):
        raise ValueError("it is a page, not a list")
    if text[:1] in tuple('[{"'):
        try:
            rows = json.loads(text)
        except RecursionError:
            raise ValueError("it is nested too deeply") from None
        except ValueError as error:
            raise ValueError(f"it is no JSON: {error}") from None
        if not isinstance(rows, list) or not all(isinstance(row, str) for row in rows):
            raise ValueError('it is no list of texts, as in ["192.0.2.0/24"]')
    else:
        lines = (_COMMENT.sub("", line).strip() for line in text.splitlines())
        rows = [line for line in lines if line]
    if len(rows) > MOST_SUBNETS:
        raise ValueError(f"it has {len(rows)} entries; {MOST_SUBNETS} are allowed")
    networks = [canonical_network(row.strip()) for row in rows]
    for row, network in zip(rows, networks, strict=True):
        if network is None:
            raise ValueError(f"{shown(row)} is no network; write it as in 192.0.2.0/24")
    return tuple(dict.fromkeys(prefix(network) for network in networks if network))


def read_list(path: Path) -> tuple[Prefix, ...]:
    """The networks in a kept list; raises OSError or ValueError."""
    with path.open("rb") as file:
        return parsed_list(file.read(MAX_BYTES + 1))


def write_list(path: Path, prefixes: Iterable[Prefix], now: float) -> None:
    """Keeps a list, whole or not at all, as confirmed now."""
    write_whole(path, [json.dumps([spelled(prefix) for prefix in prefixes]).encode()])
    os.utime(path, (now, now))


def with_published_subnets(mirror: Mirror, state_dir: Path, now: float) -> Mirror:
    """The mirror with the subnets of its list; without a good copy of the last seven days it has none."""
    if mirror.subnets_url is None:
        return mirror
    path = copy_path(state_dir, mirror.subnets_url)
    try:
        found, confirmed_at = read_list(path), path.stat().st_mtime
    except (OSError, ValueError):
        return mirror
    return mirror if now - confirmed_at >= KEPT_SECONDS else replace(mirror, subnets=found)


def list_findings(mirrors: Mapping[str, Mirror], state_dir: Path, now: float) -> tuple[Finding, ...]:
    """Findings on the lists of mirrors, by the path of each mirror's file."""
    return tuple(
        finding(path, START, Severity.WARNING, code, f"subnets {shown(mirror.subnets_url)}: {message}")
        for path, mirror in mirrors.items()
        if mirror.subnets_url is not None
        for code, message in _remarks(mirror.name, mirror.subnets_url, state_dir, now)
    )


def _remarks(name: str, url: str, state_dir: Path, now: float) -> Iterable[tuple[ListCode, str]]:
    path, held, refused = (each(state_dir, url) for each in (copy_path, held_path, refusal_path))
    try:
        read_list(path)
        days = (now - path.stat().st_mtime) / 86_400
    except OSError:
        yield ListCode.MISSING, "no copy of the list is here yet, so it names no networks"
    except ValueError as error:
        yield ListCode.MISSING, f"the copy of the list cannot be used: {error}; remove {path}"
    else:
        if days * 86_400 >= KEPT_SECONDS:
            yield (
                ListCode.OLD,
                f"not confirmed for {days:.0f} days, so the list is dropped; correct what the URL returns",
            )
    if refused.exists():
        yield ListCode.REFUSED, f"refused, the former stays for seven days: {_text(refused)}"
    if held.exists():
        yield ListCode.HELD, f"{_held(held, path)}; look at it, then run mirrorlist update subnets --accept {name}"


def _held(path: Path, copy: Path) -> str:
    try:
        why = "over half of its addresses changed" if copy.exists() else "its first list does not fit its routing"
        return f"{why} ({told_in_short(read_list(path))} now), which waits for a person"
    except (OSError, ValueError):
        return "a list waits for a person"


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")[:500].strip()
    except OSError as error:
        return str(error.strerror)
