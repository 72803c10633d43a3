"""Diagnosis: one thing that was looked at, how bad it is, and the remedy."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from mirrorlist.core.catalogue.service import Service
from mirrorlist.core.public.types import PublicNetwork
from mirrorlist.core.snapshot import Facts
from mirrorlist.settings import Settings


class Gravity(StrEnum):
    """``ERROR``: clients are or will be served wrongly or not at all. ``WARNING``: somebody should fix it soon."""

    GOOD = "good"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What was found of one thing; without a fault ``remedy`` is empty."""

    gravity: Gravity
    about: str
    found: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Patient:
    """What is looked at. ``facts`` and ``network`` are of the newest whole snapshot; ``asks_network`` allows to ask the
    origin. The service listens at ``unix_socket``, or at ``host`` and ``port``."""

    settings: Settings
    service: Service
    facts: Facts | None
    network: PublicNetwork
    now: float
    host: str
    port: int
    asks_network: bool
    unix_socket: Path | None = None

    @property
    def state_dir(self) -> Path:
        """The directory of the state."""
        return Path(self.service.state_dir)


Examination = Callable[[Patient], Iterator[Diagnosis]]
"""Looks at one thing; it raises nothing but OSError, where this user may not look."""


def good(about: str, found: str) -> Diagnosis:
    """Nothing is wrong."""
    return Diagnosis(Gravity.GOOD, about, found)


def warning(about: str, found: str, remedy: str) -> Diagnosis:
    """Something should be fixed soon."""
    return Diagnosis(Gravity.WARNING, about, found, remedy)


def error(about: str, found: str, remedy: str) -> Diagnosis:
    """Clients are or will be served wrongly or not at all."""
    return Diagnosis(Gravity.ERROR, about, found, remedy)


def examined(patient: Patient, examinations: Iterable[Examination]) -> Iterator[Diagnosis]:
    """Everything that these find; one that may not look keeps none of the others."""
    for examine in examinations:
        try:
            yield from examine(patient)
        except OSError as fault:
            about = examine.__name__.replace("_", " ")
            yield error(
                about, f"{fault.filename}: {fault.strerror}", "run this as the service's user; it needs that file"
            )


def span(seconds: float) -> str:
    """A time for people: ``3.5 hours``, ``12 days``."""
    days = abs(seconds) / 86_400
    return f"{days:.0f} days" if days >= 2 else f"{abs(seconds) / 3600:.1f} hours"
