"""Spread clients over equally good mirrors by a keyed hash in place of dice.

A client's place in the spread depends on its address and its epoch (a week, by default) alone, so it gets the
same answer all week, from any worker, and the answer can be explained afterwards. The epochs of different
clients begin at different times, so that a seventh of them moves each day and nobody at the same moment.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Container, Sequence
from functools import lru_cache
from hashlib import blake2b
from itertools import accumulate
from struct import Struct
from zlib import crc32

from mirrorlist.core.memo import Memo

ClientHash = bytes
"""What a client drew for a turn: 64 bytes, which are its words."""
HashWords = tuple[int, ...]
"""Sixteen 32-bit numbers: word 0 chooses the order, 1 to 14 are draws, 15 decides when all of these failed."""

_SIXTEEN_WORDS = Struct("<16I")
first_words: Callable[[ClientHash], tuple[int, int]] = Struct("<2I").unpack_from
"""The word that chooses the order and the first draw of a lot: all that most answers need of it. A call into C: a
function around it costs 0.04 us an answer (measured)."""
_DRAWS = slice(1, 15)


def identity_of(address: bytes) -> bytes:
    """What the spread hashes: an IPv4 address, or the /64 of an IPv6 one, which is one network's."""
    return address if len(address) == 4 else address[:8]


class Epochs:
    """The lots of clients, turn by turn, under one key.

    When a client's turns begin follows from a checksum of its address; it need not be secret. The lots
    themselves are a keyed hash of address and turn. The keyed state of a turn is made once and copied, so that a
    client costs one hash: 0.41 us, where making the state again takes 0.52 (measured).
    """

    def __init__(self, key: bytes, turn_seconds: int) -> None:
        self._turn_seconds = turn_seconds
        self._states: Memo[int, blake2b] = Memo(
            lambda turn: blake2b(turn.to_bytes(8, "little", signed=True), key=key), _STATES_KEPT
        )

    def lot(self, identity: bytes, checksum: int, now: float) -> tuple[ClientHash, float]:
        """A client's lot for its present turn, and the time at which that turn ends; ``checksum`` is its CRC-32."""
        offset = checksum % self._turn_seconds
        turn = int((now + offset) // self._turn_seconds)
        hashed = self._states[turn].copy()
        hashed.update(identity)
        return hashed.digest(), float((turn + 1) * self._turn_seconds - offset)


_STATES_KEPT = 8
"""At any time clients are in one of two turns; older states go."""


@lru_cache(maxsize=4)
def _epochs(key: bytes, turn_seconds: int) -> Epochs:
    return Epochs(key, turn_seconds)


def epoch_words(key: bytes, identity: bytes, now: float, turn_seconds: int) -> tuple[HashWords, float]:
    """A client's words for its present turn, and the time at which that turn ends."""
    lot, until = turn_lot(key, identity, now, turn_seconds)
    return words_of(lot), until


def turn_lot(key: bytes, identity: bytes, now: float, turn_seconds: int) -> tuple[ClientHash, float]:
    """A client's lot for its present turn, and the time at which that turn ends."""
    return _epochs(key, turn_seconds).lot(identity, crc32(identity), now)


def words_of(lot: ClientHash) -> HashWords:
    """All words of a lot."""
    return _SIXTEEN_WORDS.unpack(lot)


def draw(members: Sequence[int], cumulative: Sequence[int], words: HashWords, usable: Container[int]) -> int | None:
    """A weighted draw among ``members``, drawn again while the mirror drawn is not usable.

    ``cumulative[i]`` is the sum of the weights up to and including member i. Drawing again, rather than from
    the usable ones only, moves nobody whose own mirror is fine. None if no member is usable.
    """
    total = cumulative[-1]
    for word in words[_DRAWS]:
        member = members[bisect_right(cumulative, word * total >> 32)]
        if member in usable:
            return member
    weights = [after - before for before, after in zip((0, *cumulative), cumulative, strict=False)]
    left = [(member, weight) for member, weight in zip(members, weights, strict=True) if member in usable]
    if not left:
        return None
    sums = list(accumulate(weight for _, weight in left))
    return left[bisect_right(sums, words[15] * sums[-1] >> 32)][0]


def order_keys(key: bytes, names: Sequence[str], weights: Sequence[int], variant: int) -> list[float]:
    """A key for each mirror: any set of mirrors sorted by it is in a weighted random order.

    Exponential keys after Efraimidis and Spirakis (2006): the first is drawn by weight, the second by weight
    from the rest, and so on; a mirror that joins or leaves does not change the order of the others.
    """
    salt = b"%d/" % variant
    digests = (blake2b(salt + name.encode(), digest_size=8, key=key).digest() for name in names)
    uniform = ((int.from_bytes(digest, "little") + 1) / (1 << 64) for digest in digests)  # above 0 and at most 1
    return [-math.log(number) / weight for number, weight in zip(uniform, weights, strict=True)]
