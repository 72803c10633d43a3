"""A memo that empties itself: what was worked out for keys that come again, bounded in number and size."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


class Memo(dict[Key, Value]):
    """What ``made`` gives for keys: ``memo[key]`` works out what it lacks.

    At most ``most`` are kept, and only keys that are worth it by ``keeps``, such as those that are not long: whoever
    sends new ones all the time costs time, not memory. Where a key is known this takes half of what a method around
    ``get`` does (measured). In a generation ``made`` is no method of the memo's owner: the two would form a reference
    cycle.
    """

    __slots__ = ("_keeps", "_made", "_most")

    def __init__(self, made: Callable[[Key], Value], most: int, keeps: Callable[[Key], bool] | None = None) -> None:
        self._made = made
        self._most = most
        self._keeps = keeps

    def __missing__(self, key: Key) -> Value:
        value = self._made(key)
        if self._keeps is None or self._keeps(key):
            if len(self) >= self._most:
                self.clear()
            self[key] = value
        return value
