"""The subnets that a mirror publishes at a URL: the last good copy of the list, from the state directory.

Nothing is fetched here, least of all while files are loaded: whoever fetches the list puts it into
``copy_path`` by renaming, and only when it was good as a whole.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from mirrorlist.core.model import Mirror, Prefix
from mirrorlist.core.prefixes import parse_prefix

MAX_BYTES = 1024 * 1024
MOST_SUBNETS = 1024


def copy_path(state_dir: Path, url: str) -> Path:
    """Where the last good copy of a list is kept."""
    return state_dir / "subnets" / f"{sha256(url.encode()).hexdigest()[:32]}.json"


def with_published_subnets(mirror: Mirror, state_dir: Path, told: Callable[[str], None]) -> Mirror:
    """The mirror with the subnets of its list; without a good copy it has none, and ``told`` gets the reason."""
    if mirror.subnets_url is None:
        return mirror
    path = copy_path(state_dir, mirror.subnets_url)
    try:
        return replace(mirror, subnets=_prefixes(path))
    except OSError as error:
        told(f"{mirror.name}: there is no copy of {mirror.subnets_url} yet ({error.strerror})")
    except ValueError as error:
        told(f"{mirror.name}: the copy of {mirror.subnets_url} cannot be used: {error}")
    return mirror


def _prefixes(path: Path) -> tuple[Prefix, ...]:
    with path.open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise ValueError(f"it is larger than {MAX_BYTES} bytes")
    try:
        found = json.loads(data)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not isinstance(found, list) or len(found) > MOST_SUBNETS or not all(isinstance(row, str) for row in found):
        raise ValueError(f"it is no list of at most {MOST_SUBNETS} texts")
    return tuple(dict.fromkeys(parse_prefix(row)[0] for row in found))
