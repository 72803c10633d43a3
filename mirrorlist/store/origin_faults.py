"""Faults of the origin itself: recorded for the operator, and so that no mirror is blamed for them."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import sqlalchemy as sa

from mirrorlist.core.model import MAIN
from mirrorlist.store.tables import ORIGIN_CHECKS, upsert

_MARK = "?"
"""How the keys of these rows of ORIGIN_CHECKS begin; no path of a repository begins so."""
LONGEST_TOLD = 1024


class FaultKind(StrEnum):
    """What is wrong."""

    TIME_FILE = "time"
    """The time file of a module is missing, cannot be read, or gives no time that mirrors could be held against."""
    UNREADABLE = "repomd"
    """There is a repomd.xml at a repository's path, but it cannot be read."""
    CONTRADICTED = "mirrors"
    """Nearly all mirrors say the same of a file, and something else than the origin."""


class OriginFaults:
    """Reads and writes the faults in one database."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def note_all(self, kind: FaultKind, told: Mapping[str, str], now: float) -> None:
        """Notes all faults of a kind; former ones are over."""
        with self._engine.begin() as connection:
            connection.execute(ORIGIN_CHECKS.delete().where(ORIGIN_CHECKS.c.path.startswith(_key(kind, ""))))
            for what, each in told.items():
                row = {"path": _key(kind, what), "confirmed_at": None, "failed_at": now, "error": each[:LONGEST_TOLD]}
                connection.execute(upsert(self._engine.dialect.name, ORIGIN_CHECKS), row)

    def note(self, kind: FaultKind, what: str, told: str | None, now: float) -> None:
        """Notes one fault of a kind, or with None that it is over; the others stay."""
        key = _key(kind, what)
        with self._engine.begin() as connection:
            if told is None:
                connection.execute(ORIGIN_CHECKS.delete().where(ORIGIN_CHECKS.c.path == key))
                return
            row = {"path": key, "confirmed_at": None, "failed_at": now, "error": told[:LONGEST_TOLD]}
            connection.execute(upsert(self._engine.dialect.name, ORIGIN_CHECKS), row)

    def of(self, kind: FaultKind) -> frozenset[str]:
        """The modules or paths that have a fault of a kind."""
        beginning = _key(kind, "")
        return frozenset(key.removeprefix(beginning) for key in self._rows() if key.startswith(beginning))

    def sentences(self) -> tuple[str, ...]:
        """The sentences shown to operators, in order."""
        return tuple(sorted(_sentence(key, told) for key, told in self._rows().items()))

    def _rows(self) -> dict[str, str]:
        with self._engine.connect() as connection:
            rows = connection.execute(sa.select(ORIGIN_CHECKS).where(is_fault()))
            return {row.path: row.error or "" for row in rows}


def is_fault() -> sa.ColumnElement[bool]:
    """Whether a row of ORIGIN_CHECKS is a fault, not the check of a repository."""
    return ORIGIN_CHECKS.c.path.startswith(_MARK)


def _key(kind: FaultKind, what: str) -> str:
    return f"{_MARK}{kind} {what}"


def _sentence(key: str, told: str) -> str:
    kind, _, what = key.removeprefix(_MARK).partition(" ")
    if kind == FaultKind.TIME_FILE:
        return f"The origin's time file{'' if what == MAIN else f' of {what}'}: {told}."
    return f"{told}." if kind == FaultKind.UNREADABLE else f"{what}: {told}."
