"""Suggest what somebody probably meant to write."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

LONGEST_WORD = 64
"""Longer words are no slips of a known one, and comparing them takes time."""


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """The known word that is nearest, or None when none is near."""
    if len(word) > LONGEST_WORD:
        return None
    return next(iter(get_close_matches(word.lower(), list(known), n=1)), None)
