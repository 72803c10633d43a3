""""""

from __future__ import annotations

import ipaddress
import json
import math
import os
import subprocess
import sys
from itertools import accumulate, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirrorlist.core.selection.spread import HashWords, draw, epoch_words, identity_of, order_keys
from tests.building import KEY, NOW

DAY = 86_400
WEEK = 7 * DAY
WORDS: HashWords = tuple(range(16))


def _address(number: int) -> bytes:
    return (0xC633_6400 + number).to_bytes(4, "big")


@given(st.binary(min_size=1, max_size=64), st.floats(1e9, 4e9), st.integers(1, 10**7))
def test_a_turn_ends_within_its_length_and_at_its_exact_end(identity: bytes, now: float, length: int) -> None:
    words, until = epoch_words(KEY, identity, now, length)
    assert now < until <= now + length + 1e-6
    assert epoch_words(KEY, identity, until - 1 / 1024, length)[0] == words
    assert epoch_words(KEY, identity, until - length, length) == (words, until)
    following, end = epoch_words(KEY, identity, until, length)
    assert (following == words, end) == (False, until + length)


def test_words_are_sixteen_numbers_of_32_bits() -> None:
    found = [epoch_words(KEY, _address(number), NOW, WEEK)[0] for number in range(2000)]
    assert {len(words) for words in found} == {16}
    for column in zip(*found, strict=True):
        assert 0 <= min(column) < 2**26
        assert 2**32 - 2**26 < max(column) < 2**32
        assert sum(column) / len(column) / 2**32 == pytest.approx(0.5, abs=0.03)


def test_a_seventh_of_the_clients_moves_each_day() -> None:
    clients = [_address(number) for number in range(3500)]
    days = [[epoch_words(KEY, client, NOW + day * DAY, WEEK)[0] for client in clients] for day in range(15)]
    for before, after in pairwise(days):
        moved = sum(old != new for old, new in zip(before, after, strict=True))
        assert moved / 3500 == pytest.approx(1 / 7, abs=0.025)
    for client in range(3500):
        assert len({days[day][client] for day in range(15)}) == 3


def test_clients_do_not_move_at_the_same_moment() -> None:
    ends = [epoch_words(KEY, _address(number), NOW, WEEK)[1] for number in range(5000)]
    assert len(set(ends)) > 4950
    hours = [0] * 168
    for end in ends:
        hours[int((end - NOW) // 3600)] += 1
    assert min(hours) > 5
    assert max(hours) < 75


def test_another_key_or_identity_gives_other_words() -> None:
    words = {
        epoch_words(key, identity, NOW, WEEK)[0]
        for key in (KEY, bytes(32))
        for identity in (b"a", b"b", b"", bytes(4), bytes(8))
    }
    assert len(words) == 10


def test_words_and_keys_are_the_same_in_every_process() -> None:
    program = (
        "import json\n"
        "from mirrorlist.core.selection.spread import order_keys, epoch_words\n"
        "from tests.building import KEY, NOW\n"
        "print(json.dumps([epoch_words(KEY, bytes([192, 0, 2, 1]), NOW, 604800),\n"
        "                  order_keys(KEY, ['a', 'b', 'c'], [1, 2, 3], 5)]))\n"
    )
    here = json.loads(
        json.dumps([epoch_words(KEY, bytes([192, 0, 2, 1]), NOW, WEEK), order_keys(KEY, ["a", "b", "c"], [1, 2, 3], 5)])
    )
    for _ in range(2):
        environ = {**os.environ, "PYTHONHASHSEED": "random", "PYTHONPATH": os.pathsep.join(sys.path)}
        done = subprocess.run([sys.executable, "-c", program], env=environ, capture_output=True, check=True, text=True)
        assert json.loads(done.stdout) == here


def test_the_words_of_a_client_do_not_change_from_release_to_release() -> None:
    """They are what clients were given: another value here moves every client of every user at an update."""
    words, until = epoch_words(KEY, bytes([192, 0, 2, 1]), NOW, WEEK)
    assert (words[0], words[1], words[15], until) == (
        1_222_862_223,
        1_091_511_168,
        1_206_338_724,
        1_795_389_938.0,
    )


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8::1", "2001:db8::ffff:2", True),
        ("2001:db8::", "2001:db8::ffff:ffff:ffff:ffff", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
    ],
)
def test_an_ipv4_address_is_one_client_and_so_is_an_ipv6_64(one: str, other: str, same: bool) -> None:
    found = {identity_of(ipaddress.ip_address(text).packed) for text in (one, other)}
    assert len(found) == (1 if same else 2)


def test_no_ipv6_network_has_the_identity_of_an_ipv4_address() -> None:
    assert identity_of(bytes([192, 0, 2, 1])) != identity_of(bytes([192, 0, 2, 1]) + bytes(12))


@given(
    st.lists(st.integers(1, 10_000), min_size=1, max_size=12),
    st.binary(max_size=8),
    st.lists(st.booleans(), min_size=12, max_size=12),
)
def test_a_draw_is_the_first_usable_one_of_the_draws(weights: list[int], identity: bytes, up: list[bool]) -> None:
    words, _ = epoch_words(KEY, identity, NOW, WEEK)
    members = list(range(100, 100 + len(weights)))
    usable = {member for member, is_up in zip(members, up, strict=False) if is_up}
    urn = [member for member, weight in zip(members, weights, strict=True) for _ in range(weight)]
    drawn = [urn[word * len(urn) // 2**32] for word in words[1:15]]
    left = [member for member in urn if member in usable]
    expected = next((m for m in drawn if m in usable), left[words[15] * len(left) // 2**32] if left else None)
    assert draw(members, list(accumulate(weights)), words, usable) == expected


@pytest.mark.parametrize("member", [0, 1, 2])
def test_the_only_usable_one_is_drawn_however_light_it_is(member: int) -> None:
    cumulative = [10_000_000, 10_000_001, 20_000_001]
    for client in range(200):
        words, _ = epoch_words(KEY, _address(client), NOW, WEEK)
        assert draw([0, 1, 2], cumulative, words, {member}) == member


@pytest.mark.parametrize(("word", "member"), [(0, 1), (2**31 - 1, 1), (2**31, 2), (2**32 - 1, 2)])
def test_when_all_draws_fail_the_last_word_draws_among_the_usable_ones(word: int, member: int) -> None:
    words = (2**32 - 1, *[0] * 14, word)
    assert draw([0, 1, 2], [1000, 1001, 1002], words, {1, 2}) == member


def test_nothing_usable_draws_nothing() -> None:
    assert draw([0, 1], [1, 2], WORDS, set()) is None
    assert draw([0, 1], [1, 2], WORDS, {7}) is None


def test_one_that_goes_out_moves_only_its_own_clients() -> None:
    members, cumulative = [0, 1, 2, 3], [100, 1100, 11_100, 111_100]
    for client in range(2000):
        words, _ = epoch_words(KEY, _address(client), NOW, WEEK)
        before = draw(members, cumulative, words, {0, 1, 2, 3})
        after = draw(members, cumulative, words, {0, 1, 2})
        assert after == before if before != 3 else after in {0, 1, 2}


def test_an_order_key_belongs_to_its_mirror_alone() -> None:
    """A mirror that joins or leaves does not move the others."""
    names, weights = [f"m{number}" for number in range(20)], list(range(1, 21))
    keys = order_keys(KEY, names, weights, 3)
    for out in range(20):
        rest = [at for at in range(20) if at != out]
        assert order_keys(KEY, [names[at] for at in rest], [weights[at] for at in rest], 3) == [keys[at] for at in rest]
    assert order_keys(KEY, names, weights, 4) != keys
    assert all(key >= 0 and math.isfinite(key) for key in keys)


def test_first_places_of_many_orders_follow_the_weights() -> None:
    names, weights = ["light", "middle", "heavy"], [100, 300, 600]
    first = [min(zip(order_keys(KEY, names, weights, variant), names, strict=True))[1] for variant in range(4000)]
    for name, weight in zip(names, weights, strict=True):
        assert first.count(name) / 4000 == pytest.approx(weight / 1000, abs=0.03)
