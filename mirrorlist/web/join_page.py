"""The page for those who want to host a mirror: what is asked of them, and what they copy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mirrorlist.core.kit import sync_lines
from mirrorlist.core.requirements import Asked
from mirrorlist.core.service import Service
from mirrorlist.web.words import every, speed

ASKED: tuple[tuple[str, Callable[[Asked], str]], ...] = (
    ("Bandwidth", lambda asked: speed(asked.bandwidth_mbps)),
    ("Disk space", lambda asked: f"{asked.storage_gb} GB" if asked.storage_gb else ""),
    ("Sync", lambda asked: every(asked.update_frequency_seconds) if asked.update_frequency_seconds else ""),
    ("Protocols", lambda asked: " and ".join(protocol.value for protocol in asked.protocols)),
    ("Availability", lambda asked: _percent(asked.availability_percent)),
    ("Completeness", lambda asked: _percent(asked.complete_percent)),
    ("Agreement", lambda asked: f"version {asked.agreement}" if asked.agreement else ""),
)
"""What a level of requirements can ask, in words; an empty text asks nothing."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """One thing that is asked of mirrors; an empty text where a level does not ask for it."""

    what: str
    minimum: str
    preferred: str


def join_page(service: Service) -> dict[str, Any]:
    """What the template shows beside the texts of service.yml."""
    levels = service.requirements
    rows = [Requirement(what, words(levels.minimum), words(levels.preferred)) for what, words in ASKED]
    return {
        "asked": [row for row in rows if row.minimum or row.preferred],
        "sources": service.sync.sources,
        "lines": sync_lines(service),
    }


def _percent(least: float | None) -> str:
    return f"{least:g} %" if least is not None else ""
