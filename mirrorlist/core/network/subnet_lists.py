"""Check the networks that a mirror publishes at a URL, and compare them with the former ones.

The rules are those of a mirror file that people submit; here nobody looks, so a list that breaks one is refused
as a whole. ``approved`` mirrors may claim more, but never what another one serves alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from mirrorlist.core.model import Mirror, Prefix
from mirrorlist.core.network.addresses import covered, overlap
from mirrorlist.core.network.prefixes import GLOBAL_UNICAST, spelled

WIDEST = {4: 16, 16: 32}
"""By the bytes of an address: the widest network, and the most that all networks of a list cover together."""
IPV6 = 16
MOST_CHANGED = 0.5
MOST_TOLD = 3

Range = tuple[int, int]
"""The first and the last address, as numbers."""


@dataclass(frozen=True, slots=True)
class ListRules:
    """What lists are judged by. ``special``: networks that no client of the internet comes from, and what they are;
    ``allowed``: those of them that an intranet names as its own; ``approved``: names of mirrors."""

    special: tuple[tuple[Prefix, str], ...]
    allowed: tuple[Prefix, ...] = ()
    approved: tuple[str, ...] = ()


def list_faults(
    mirror: Mirror, prefixes: Sequence[Prefix], others: Iterable[Mirror], rules: ListRules
) -> tuple[str, ...]:
    """Why a mirror may not have these networks: at most a few sentences, none if it may."""
    is_approved = mirror.name in rules.approved
    faults = (
        [f"a list may change after every review, so a monopoly needs {mirror.name} under approved in service.yml"]
        if mirror.monopoly and not is_approved
        else []
    )
    if not is_approved:
        faults += [*_special(prefixes, rules), *_too_wide(prefixes)]
    neighbours = [other for other in others if other.name != mirror.name]
    faults += _shared(prefixes, [each for each in neighbours if each.monopoly or not is_approved])
    return tuple(faults[:MOST_TOLD])


def _special(prefixes: Iterable[Prefix], rules: ListRules) -> Iterator[str]:
    for prefix in prefixes:
        inside = any(overlap(each, prefix) and each.length <= prefix.length for each in rules.allowed)
        name = next((name for special, name in rules.special if overlap(special, prefix)), None)
        if not name and len(prefix.packed) == IPV6 and not overlap(GLOBAL_UNICAST, prefix):
            name = "not global"
        if name and not inside:
            yield f"{spelled(prefix)} is not public ({name})"


def _too_wide(prefixes: Sequence[Prefix]) -> Iterator[str]:
    for size, widest in WIDEST.items():
        own = [prefix for prefix in prefixes if len(prefix.packed) == size]
        wide = next((prefix for prefix in own if prefix.length < widest), None)
        if wide:
            yield f"{spelled(wide)} is wider than /{widest}"
        elif covered(own) > 1 << (size * 8 - widest):
            yield f"its networks hold more addresses than a /{widest}"


def _shared(prefixes: Sequence[Prefix], others: Iterable[Mirror]) -> Iterator[str]:
    for other in others:
        for claim in other.subnets:
            shared = next((prefix for prefix in prefixes if overlap(claim, prefix)), None)
            if shared:
                alone = ", which serves it alone" if other.monopoly else ""
                yield f"{spelled(shared)} shares addresses with {spelled(claim)} of {other.name}{alone}"
                break


def changes_too_much(former: Sequence[Prefix], found: Sequence[Prefix]) -> bool:
    """Whether over half of the former addresses are gone, or over half of those found are new, in either family."""
    for size in WIDEST:
        before, after = (ranges(each for each in those if len(each.packed) == size) for those in (former, found))
        kept = count(_common(before, after))
        for addresses in (count(before), count(after)):
            if addresses and 1 - kept / addresses > MOST_CHANGED:
                return True
    return False


def ranges(prefixes: Iterable[Prefix]) -> list[Range]:
    """The addresses of prefixes of one family, as disjoint ranges in order."""
    found: list[Range] = []
    firsts = ((int.from_bytes(each.packed, "big"), 1 << (len(each.packed) * 8 - each.length)) for each in prefixes)
    for first, last in sorted((first, first + size - 1) for first, size in firsts):
        if found and first <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(last, found[-1][1]))
        else:
            found.append((first, last))
    return found


def count(of: Iterable[Range]) -> int:
    """How many addresses ranges hold."""
    return sum(last - first + 1 for first, last in of)


def _common(one: Sequence[Range], other: Sequence[Range]) -> list[Range]:
    found, left, right = [], 0, 0
    while left < len(one) and right < len(other):
        first, last = max(one[left][0], other[right][0]), min(one[left][1], other[right][1])
        if first <= last:
            found.append((first, last))
        if one[left][1] < other[right][1]:
            left += 1
        else:
            right += 1
    return found


def told_in_short(prefixes: Sequence[Prefix]) -> str:
    """How many networks there are of each family."""
    by_size = groupby(sorted(prefixes, key=lambda prefix: len(prefix.packed)), key=lambda prefix: len(prefix.packed))
    counts = {size: len(list(group)) for size, group in by_size}
    told = [f"{counts[size]} of IPv{version}" for size, version in ((4, 4), (16, 6)) if size in counts]
    return " and ".join(told) or "none"
