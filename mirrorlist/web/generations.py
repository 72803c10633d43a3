"""The source of snapshots for the application, and the base of what answers from one of them at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from mirrorlist.core.selection.prepared import Prepared


class Generations(Protocol):
    """The newest generation; read ``current`` once for each request. It is None before the first one."""

    @property
    def current(self) -> Prepared | None:
        """The newest generation."""

    def subscribe(self, taker: Callable[[Prepared], None]) -> None:
        """``taker`` is called with every new generation, and now if there is one."""


class CountedPerGeneration(Protocol):
    """The answers of one generation, which count what they gave."""

    def collect(self) -> None:
        """Moves into the counts what was answered since the last time."""


Answers = TypeVar("Answers", bound=CountedPerGeneration)


class PerGeneration(Generic[Answers]):
    """The base of a hot path: it answers from one generation, ``_answers``, until it takes the next one.

    They are None before the first generation, and where ``answers_of`` has none for one.
    """

    def __init__(self, answers_of: Callable[[Prepared], Answers | None]) -> None:
        self._answers_of = answers_of
        self._answers: Answers | None = None

    def take(self, prepared: Prepared) -> None:
        """Answers from this generation from now on."""
        former = self._answers
        self._answers = self._answers_of(prepared)
        if former is not None:
            former.collect()

    def collect(self) -> None:
        """Moves into the counts what was answered since the last time."""
        if self._answers is not None:
            self._answers.collect()
