"""Weigh the evidence about a mirror: its list, its web server's answers, the origin's times, the other mirrors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from mirrorlist.core.files.build import IndexDraft
from mirrorlist.core.files.found import shift_words
from mirrorlist.core.files.list_parser import ListedFile
from mirrorlist.core.files.mirror_listing import (
    ABSENT,
    Bits,
    Holdings,
    Listing,
    OriginTree,
    beside,
    compared,
    holdings,
    listing,
)
from mirrorlist.store.listings import FileObservation

NEARLY_ALL = 0.9
"""Of the mirrors: then it is the origin that is alone."""
WORTH_A_WORD = 0.1
"""Share of the files: more than the few that have just changed."""
LEAST_DOUBTS = 3
"""Answers of the web server that must contradict a list, and half of all, before the list is ignored."""


def asked_listing(asked: Mapping[str, FileObservation], since: float) -> Listing | None:
    """What a mirror said of single files since a time; None if that is nothing."""
    rows = {path: ListedFile(path.encode(), said.size, said.mtime) for path, said in asked.items() if said.at >= since}
    if not rows:
        return None
    return listing("single requests", max(asked[path].at for path in rows), rows.values(), complete=False)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one mirror's list and its web server say. ``listed`` is None where there is no list that counts."""

    listed: Listing | None
    asked: Mapping[str, FileObservation]

    @property
    def parts(self) -> tuple[Listing, ...]:
        """What can be compared with the origin: the list, else the answers."""
        answers = asked_listing(dict(self.asked), 0)
        return tuple(each for each in (self.listed or answers,) if each is not None)


@dataclass(frozen=True, slots=True)
class Weighed:
    """What a mirror holds. ``asked`` files were asked for over the web, ``wrong`` are others than the origin's."""

    held: Holdings | None
    asked: int = 0
    wrong: int = 0
    doubted: bool = False


@dataclass(frozen=True, slots=True)
class Doubts:
    """In what most mirrors contradict the origin: the files whose times are not believed, and a shift of all times."""

    by_size: Bits
    files: int
    offset: int
    remarks: tuple[str, ...]


def doubts_of(draft: IndexDraft, mirrors: Iterable[Evidence], since: float) -> Doubts:
    """What mirrors say together of the origin's times.

    A file that just changed is older on all mirrors too: the origin is doubted where that lasts since before
    ``since``, or where many files are so.
    """
    tree = draft.tree
    timed, older = np.zeros(len(tree), np.int32), np.zeros(len(tree), np.int32)
    offsets: Counter[int] = Counter()
    for each in mirrors:
        for part in each.parts:
            seen = compared(tree, part)
            timed += seen.timed
            older += seen.older
            if seen.timed.any():
                offsets[seen.offset] += 1
    alone = (timed > 0) & (older >= NEARLY_ALL * timed)
    many = alone.sum() >= max(1.0, WORTH_A_WORD * (timed > 0).sum())
    by_size = alone if many else alone & (tree.mtimes < since)
    offset, times = offsets.most_common(1)[0] if offsets else (0, 0)
    common = offset if times >= max(2.0, NEARLY_ALL * offsets.total()) else 0
    return Doubts(by_size, int(by_size.sum()), common, tuple(_remarks(draft, by_size, common, times)))


def _remarks(draft: IndexDraft, by_size: Bits, offset: int, mirrors: int) -> Iterable[str]:
    if count := int(by_size.sum()):
        example = draft.path(int(by_size.argmax()))
        yield (
            f"{count} file{'' if count == 1 else 's'}, such as {example}, are older on nearly every mirror than at the "
            "origin, and of the same size: the origin's times are wrong, so sizes decide; copy its tree with its "
            "times (rsync -t)"
        )
    if offset:
        yield (
            f"the times of {mirrors} mirrors are {shift_words(offset)} than the origin's: the origin's clock "
            "or copy is off; correct it, meanwhile that is taken into account"
        )


def weighed(draft: IndexDraft, found: Evidence, by_size: Bits) -> Weighed:
    """What a mirror holds, by its list, and where its web server says something else, by that."""
    tree, listed = draft.tree, found.listed
    answers = asked_listing(dict(found.asked), 0)
    asked = holdings(tree, answers, by_size=by_size) if answers is not None else None
    numbers = (0, 0)
    if answers is not None and asked is not None:
        there = compared(tree, answers).there
        numbers = int(asked.known.sum()), int((there & ~asked.having).sum())
    if listed is None:
        return Weighed(asked, *numbers)
    held = holdings(tree, listed, draft.below(listed.unseen), by_size)
    if asked is None:
        return Weighed(held)
    for claimed in (held.having, held.known & ~held.having):  # the list of another tree lacks all that is there
        told = claimed & asked.known
        contradicted = int((told & (asked.having != held.having)).sum())
        if contradicted >= LEAST_DOUBTS and 2 * contradicted >= int(told.sum()):
            return Weighed(asked, *numbers, doubted=True)
    return Weighed(_over(tree, held, listed, found.asked, by_size), *numbers)


def _over(
    tree: OriginTree, held: Holdings, listed: Listing, asked: Mapping[str, FileObservation], by_size: Bits
) -> Holdings:
    """The list, overridden by later answers; of earlier answers, refusals (no list can undo them) and what the list
    does not cover."""
    newer = {path: said for path, said in asked.items() if said.at >= listed.listed_at}
    refused = {path: said for path, said in asked.items() if path not in newer and said.size == ABSENT}
    older = {path: said for path, said in asked.items() if path not in newer and path not in refused}
    for answers, only_unknown in ((older, True), (refused, False), (newer, False)):
        if (part := asked_listing(answers, 0)) is not None:
            said = holdings(tree, part, by_size=by_size)
            if only_unknown:
                said = Holdings(said.having, said.known & ~held.known)
            held = beside(held, said)
    return held
